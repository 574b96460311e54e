"""Whose tab it is: what was held for one user is never shown to the next.

A tab's token is kept by the browser and finds the tab's states again. It is a bearer secret and
says nothing about who presents it, so every event compares the user behind its own credentials
with the one the states were filled for.
"""

from __future__ import annotations

import enum
from typing import Any, TypeVar

import reflex as rx
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, empty
from reflex.state import BaseState

from reflex_drf.bridge.visits import credentials_digest

__all__ = [
    "ANONYMOUS",
    "UNNAMED",
    "TabOwner",
    "Verdict",
    "check_owner",
    "credentials_digest",
    "find_part",
    "identify",
    "judge",
    "known_user",
    "take_over",
]

Part = TypeVar("Part", bound=BaseState)

ANONYMOUS = "anonymous"
# Filled by an event in which nobody asked who the user is: it belongs to these credentials.
UNNAMED = "unnamed"


class TabOwner(rx.State):
    """Remembers, on the server only, for whom the states of this tab were filled."""

    # "" for a new tab, "unnamed", "anonymous", or "user " and the primary key.
    _owner: str = ""
    # A digest of the credentials that the owner was last seen with; never the credentials.
    _credentials: str = ""

    @rx.event
    def follow_session(self) -> Any:
        """Let the browser compare its session with the connection's.

        The server queues it when a session has ended. Whoever is not the tab's user any more does
        not come so far: the tab is dropped before that.
        """
        return rx.call_script("window.__reflex_drf_follow?.()")


class Verdict(enum.Enum):
    """What to do with an event, judged by who sent it and whose tab it is."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"


async def find_part(state: BaseState, cls: type[Part]) -> Part:
    """Give the instance of a state below the root, as `get_state` does, from any state of a tab."""
    # A background handler has a proxy of its state, which says itself what may be looked at.
    if issubclass(type(state), BaseState):
        root: BaseState = state
        while (parent := root.parent_state) is not None:
            root = parent
        # Most events have the parts of a tab in memory, and need no search in the tree.
        part = root.substates.get(cls.get_name())
        if type(part) is cls:
            return part
    return await state.get_state(cls)


def identify(user: Any) -> str:
    """Name a user in a way that can be kept and compared."""
    # The prefix keeps a user whose primary key happens to be one of the words above apart.
    return f"user {user.pk}" if user is not None and user.is_authenticated else ANONYMOUS


def known_user(request: HttpRequest) -> Any:
    """Give the user that the project's middleware found, or None if nobody looked yet.

    DRF overwrites `request.user` with what its own authentication found; the owner of a tab is
    the user of the middleware, which every kind of event has, so that one is preferred.
    """
    cached = vars(request).get("_cached_user") or vars(request).get("_acached_user")
    if cached is not None:
        return cached
    user = getattr(request, "user", None)
    # Evaluating it here would be a query on the event loop.
    if isinstance(user, SimpleLazyObject) and user._wrapped is empty:
        return None
    return user


def judge(owner: TabOwner, user: Any, credentials: str) -> Verdict:
    """Compare who sent an event with whose tab it is, without changing anything.

    A `user` of None means that nobody looked: then the very credentials with which the owner was
    seen before are the only proof.
    """
    if not owner._owner:
        return Verdict.NEW
    if user is None or owner._owner == UNNAMED:
        return Verdict.SAME if owner._credentials == credentials else Verdict.CHANGED
    return Verdict.SAME if owner._owner == identify(user) else Verdict.CHANGED


def take_over(owner: TabOwner, identity: str, credentials: str, *, touch: bool = False) -> None:
    """Note whose tab it is from now on; `touch` writes even what is equal.

    A state manager that keeps the parts of a tree apart also lets them expire apart. The owner
    has to outlive everything that was filled for him, so there every event writes him anew:
    otherwise a tab would one day be taken for a new one and still hold somebody's rows.
    """
    if touch or (owner._owner, owner._credentials) != (identity, credentials):
        owner._owner = identity
        owner._credentials = credentials


async def check_owner(state: BaseState, request: HttpRequest) -> bool:
    """Tell whether the states of this tab belong to the user that a call ran as.

    For deferred handlers: after their call and before they set a var. On False they set nothing
    and return `drop_tab()`.
    """
    user = known_user(request)
    if user is None:
        # Nothing in the call asked Django who it is. That the credentials are those of the owner
        # was checked before the handler began.
        return True
    owner = await find_part(state, TabOwner)
    if owner._owner in ("", UNNAMED):
        take_over(owner, identify(user), owner._credentials)
    return owner._owner == identify(user)
