"""States that know the Django user: a mirror for the page, and the request for handlers."""

from __future__ import annotations

import functools
import operator
from typing import Any, ClassVar

import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from reflex.state import BaseState

from reflex_drf import bridge
from reflex_drf.state.owner import find_part, known_user

__all__ = ["AppState", "DjangoUserState", "RequestAccess", "sync_user"]


class DjangoUserState(rx.State):
    """Mirrors the logged-in user into vars, for the page to show.

    The mirror follows the user at every event, and is never what decides: guards in handlers ask
    `current_user()`. `group_names` is read when a page connects; with `mirror_groups = True` on a
    subclass also before each of its events, for one query more.
    """

    mirror_groups: ClassVar[bool] = False

    is_authenticated: bool = False
    user_id: str = ""
    username: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    full_name: str = ""
    is_staff: bool = False
    is_superuser: bool = False
    group_names: list[str] = []


MIRRORED = (
    "is_authenticated",
    "user_id",
    "username",
    "email",
    "first_name",
    "last_name",
    "full_name",
    "is_staff",
    "is_superuser",
)
# What the mirror shows of a visitor.
BLANK = {name: DjangoUserState.get_fields()[name].default_value() for name in MIRRORED}
MIRROR = DjangoUserState.get_name()
NOBODY = tuple(BLANK.values())
shown_by = operator.attrgetter(*MIRRORED)
held_by = operator.itemgetter(*MIRRORED)


def read_user(user: Any) -> dict[str, Any]:
    """Give what the mirror shows of a user, whatever user model the project has."""
    if user is None or not user.is_authenticated:
        return BLANK.copy()
    email_field = getattr(user, "EMAIL_FIELD", "email")
    full_name = getattr(user, "get_full_name", str)
    return {
        "is_authenticated": True,
        "user_id": str(user.pk),
        "username": str(user.get_username() or ""),
        "email": str(getattr(user, email_field, "") or ""),
        "first_name": str(getattr(user, "first_name", "") or ""),
        "last_name": str(getattr(user, "last_name", "") or ""),
        "full_name": str(full_name() or ""),
        "is_staff": bool(getattr(user, "is_staff", False)),
        "is_superuser": bool(getattr(user, "is_superuser", False)),
    }


async def read_groups(user: Any) -> list[str]:
    """Give the names of a user's groups, sorted, in one query."""
    groups = getattr(user, "groups", None)
    if groups is None or not user.is_authenticated:
        return []
    return [name async for name in groups.order_by("name").values_list("name", flat=True)]


async def sync_user(state: BaseState, request: HttpRequest, *, groups: bool = False) -> None:
    """Let the mirror show the user of a request; what is unchanged is not sent again.

    `groups` also reads the names of the groups. Deferred handlers call this after their call.
    """
    user = known_user(request)
    if user is not None:
        await show_user(await find_part(state, DjangoUserState), user, groups=groups)


async def show_user(mirror: DjangoUserState, user: Any, *, groups: bool) -> None:
    """Write a user into the mirror, and the names of the groups where they are asked for."""
    values = read_user(user)
    if groups:
        values["group_names"] = await read_groups(user)
    elif values["user_id"] != mirror.user_id:
        values["group_names"] = []
    elif shows(mirror, tuple(values.values())):
        return
    for name, value in values.items():
        if getattr(mirror, name) != value:
            setattr(mirror, name, value)


async def mirror_user(root: BaseState, user: Any, target: type[BaseState], hydrates: bool) -> None:
    """Bring the mirror up to date before a handler of `target`, or a hydration."""
    mirror = root.substates.get(DjangoUserState.get_name())
    if mirror is None and not hydrates:
        # A manager like Redis loads the parts that a handler needs. The mirror is not among them,
        # and loading it would load every state below it.
        return
    groups = hydrates or wants_groups(target)
    await show_user(await find_part(root, DjangoUserState), user, groups=groups)


def shows_visitor(root: BaseState, target: type[BaseState]) -> bool:
    """Tell whether the mirror of a whole tree shows a visitor already."""
    mirror = root.substates.get(MIRROR)
    if type(mirror) is not DjangoUserState or wants_groups(target):
        return False
    return shows(mirror, NOBODY)


@functools.lru_cache(maxsize=1024)
def wants_groups(target: type[BaseState]) -> bool:
    """Tell whether the handlers of a state are to find the groups of the user."""
    return bool(getattr(target, "mirror_groups", False))


def shows(mirror: DjangoUserState, values: tuple[Any, ...]) -> bool:
    """Tell whether the mirror shows these values of a user already."""
    try:
        # Past the descriptors of nine vars; where a value is not there yet, they are asked.
        return bool(held_by(mirror.__dict__) == values)
    except KeyError:
        return bool(shown_by(mirror) == values)


class RequestAccess:
    """The event's request, user and session as attributes of a state.

    A plain class on purpose: Reflex makes every function of a state, and of a state mixin, a
    handler that any client can call; what stands here is not one. Nothing is kept in the state,
    each access asks the event that runs.
    """

    @property
    def request(self) -> HttpRequest:
        """The Django request of this event."""
        return bridge.current_request()

    @property
    def user(self) -> Any:
        """The user of this event, `AnonymousUser` for a visitor."""
        return bridge.current_user()

    @property
    def session(self) -> SessionBase:
        """The Django session of this event; what is written is saved when the event ends."""
        return bridge.current_session()

    async def login(self, username: str, password: str, **credentials: Any) -> bool:
        """Sign in whoever has these credentials; False, and nothing changes, if nobody has.

        The browser then gets the session's cookie, and the tab begins anew for its user. A
        redirect that the handler returns is followed once the cookie is there.
        """
        return await bridge.login(username, password, **credentials)

    async def logout(self) -> None:
        """End the session; the tab begins anew for a visitor."""
        await bridge.logout()

    async def has_perm(self, permission: str, obj: Any = None) -> bool:
        """Ask Django, now, whether the user has a permission."""
        user = self.user
        if hasattr(user, "ahas_perm"):
            return bool(await user.ahas_perm(permission, obj))
        return bool(await sync_to_async(user.has_perm)(permission, obj))

    async def has_group(self, name: str) -> bool:
        """Ask the database, now, whether the user is a member of a group."""
        user = self.user
        if not user.is_authenticated or not hasattr(user, "groups"):
            return False
        return bool(await user.groups.filter(name=name).aexists())


class AppState(RequestAccess, DjangoUserState):
    """A state whose handlers have `self.request`, `self.user` and `self.session`."""
