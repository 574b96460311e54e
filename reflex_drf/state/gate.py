"""What happens between the lock of a tab's states and the handler: whose tab is it, and mirrors."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from typing import Any, Protocol

import reflex as rx
from django.utils.translation import gettext_lazy as _
from reflex.istate.manager.memory import StateManagerMemory
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event
from reflex_base.event.context import EventContext

from reflex_drf.bridge import EventScope
from reflex_drf.bridge.language import say
from reflex_drf.state.answers import drop_tab
from reflex_drf.state.owner import (
    ANONYMOUS,
    UNNAMED,
    TabOwner,
    Verdict,
    find_part,
    identify,
    judge,
    known_user,
    take_over,
)

__all__ = ["OwnerMiddleware", "Sender", "sender_var"]

logger = logging.getLogger(__name__)
OWNER = TabOwner.get_name()


class Processor(Protocol):
    """What is needed of whatever runs the events."""

    def cancel_background(self, context: EventContext) -> None:
        """End the background handlers that still run for a tab."""

    def forget(self, token: str) -> None:
        """End what the tab has subscribed to."""


class Sender:
    """Who sent the event that runs, and what it is."""

    # A digest of what the request may prove an identity with.
    credentials: str
    # The state whose handler is called.
    target: type[BaseState]
    # Whether the event came by an HTTP request of its own.
    upload: bool
    # Whether it sends the browser everything its tab holds.
    hydrates: bool
    processor: Processor
    # Whose tab is meant, with what is known of its states.
    context: EventContext
    # None for an event that is not bridged.
    scope: EventScope | None = None

    @property
    def keeps_tree(self) -> bool:
        """Whether the states of a tab are one tree in memory, with nothing loaded apart."""
        return isinstance(self.context.state_manager, StateManagerMemory)

    async def find_user(self) -> Any:
        """Give the user of the event, or None if the event does not look for one up front."""
        scope = self.scope
        if scope is None or scope.deferred:
            return None
        if scope.opener is not None and (visitor := scope.opener.user(scope)) is not None:
            return visitor
        request = scope.request
        if request is None:
            return None
        if (user := known_user(request)) is not None:
            return user
        if hasattr(request, "auser"):
            # Only without a session cookie is the user not loaded yet, and then this asks nobody.
            return await request.auser()
        # Models need a configured Django, which this module's import does not.
        from django.contrib.auth.models import AnonymousUser

        return AnonymousUser()


sender_var: ContextVar[Sender | None] = ContextVar("reflex_drf_sender", default=None)


class OwnerMiddleware(Middleware):
    """Refuses an event for somebody else's tab, and keeps the mirrors of user and context."""

    def preprocess(self, app: rx.App, state: BaseState, event: Event) -> Any:
        """Judge an event under the state's lock, before its handler."""
        sender = sender_var.get()
        if sender is None or changes_nothing(sender, state):
            return None
        return self._judge(sender, state)

    async def _judge(self, sender: Sender, state: BaseState) -> StateUpdate | None:
        owner = await find_part(state, TabOwner)
        user = await sender.find_user()
        verdict = judge(owner, user, sender.credentials)
        if verdict is Verdict.CHANGED and (refusal := change_owner(sender, state)):
            return refusal
        # Only a hydration vouches for new credentials: one socket's late events must not take
        # back what the next socket's hydration has noted.
        keep_credentials = verdict is Verdict.SAME and user is not None and not sender.hydrates
        take_over(
            owner,
            identify(user) if user is not None else owner._owner or UNNAMED,
            owner._credentials if keep_credentials else sender.credentials,
            touch=not sender.keeps_tree,
        )
        if user is not None:
            await sync_mirrors(sender, state, user)
        return None


def changes_nothing(sender: Sender, root: BaseState) -> bool:
    """Tell at once whether this is a visitor's event in a visitor's tab, as most are.

    It says what `_judge` would find out with more steps, and is no other rule.
    """
    scope = sender.scope
    if scope is None or scope.opener is None or sender.hydrates or not sender.keeps_tree:
        return False
    owner = root.substates.get(OWNER)
    # Past the descriptor of its var, in every event.
    if type(owner) is not TabOwner or owner.__dict__.get("_owner") != ANONYMOUS:
        return False
    if scope.opener.user(scope) is None:
        return False
    mirror = sys.modules.get("reflex_drf.state.user")
    return mirror is None or bool(mirror.shows_visitor(root, sender.target))


def change_owner(sender: Sender, root: BaseState) -> StateUpdate | None:
    """Drop what a tab held for its former user, or refuse the event where that cannot be done."""
    if sender.upload:
        # An upload proves nothing about the tab, which is left as it is.
        logger.warning("Refused an upload: its cookies are not those of the tab's user.")
        return refuse(rx.toast.error(say(_("The upload was refused: please sign in again."))))
    sender.processor.cancel_background(sender.context)
    sender.processor.forget(sender.context.token)
    if not sender.hydrates or getattr(root, "_reflex_internal_links", None):
        # Nothing is computed or sent from here. The tab begins anew under another token, also
        # because a manager like Redis loads only what the event needs: what is elsewhere could
        # not be dropped. And states linked to others' tabs must not be reset for those.
        logger.info("Dropped a tab whose user has changed.")
        return refuse(drop_tab())
    # A hydration loads the whole tree, with every manager, so all of it is emptied.
    logger.info("Emptied a tab whose user has changed.")
    root.reset()  # type: ignore[no-untyped-call]
    return None


def refuse(event: Any) -> StateUpdate:
    """Answer with a browser event and nothing else."""
    return StateUpdate(events=Event.from_event_type([event]))


async def sync_mirrors(sender: Sender, root: BaseState, user: Any) -> None:
    """Bring the states that mirror user and template context up to date, if the app has them."""
    # An app has a state once its module was imported; importing it here would add it to all.
    if (mirror := sys.modules.get("reflex_drf.state.user")) is not None:
        await mirror.mirror_user(root, user, sender.target, sender.hydrates)
    if not sender.hydrates or sender.scope is None or sender.scope.request is None:
        return
    if (language := sys.modules.get("reflex_drf.state.language")) is not None:
        await language.mirror_language(root)
    if (context := sys.modules.get("reflex_drf.state.context")) is not None:
        await context.mirror_context(root, sender.scope.request)
