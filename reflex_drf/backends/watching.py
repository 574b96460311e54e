"""What of the viewer's request an answer depends on, noted while a view makes it.

Two viewers for whom all of that is the same get the same answer, so one read serves both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.request import HttpHeaders
from django.utils.functional import cached_property

from reflex_drf.backends.request import LEFT_OUT, CallRequest, kept

__all__ = ["Dependencies", "Names", "WatchedRequest", "values_of"]

ALL = "*"
Names = frozenset[tuple[str, str]]
# Said by the call itself, and so the same for all who make it.
OWN = frozenset({"HTTP_ACCEPT", "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE"})
# Looks of Django's own that lead to the user, to a check of the request, or to nothing; whose
# request it is, each event finds out for itself.
INNOCENT = frozenset(
    {
        ("django.contrib.sessions.middleware", "process_request"),
        ("django.contrib.sessions.middleware", "process_response"),
        ("django.contrib.auth.middleware", "process_request"),
        ("django.contrib.auth", "_get_user_session_key"),
        ("django.contrib.auth", "get_user"),
        ("reflex_drf.viewers", "get_user"),
        ("django.contrib.messages.storage.session", "__init__"),
        ("django.contrib.messages.middleware", "process_response"),
        ("reflex_drf.bridge.messages", "keep_messages"),
        ("django.middleware.csrf", "_get_secret"),
        ("django.middleware.csrf", "process_request"),
        ("django.middleware.csrf", "process_response"),
        ("django.middleware.common", "process_request"),
    }
)
# What of the above a view could find in another place.
SECRETS = ("CSRF_COOKIE", "CSRF_COOKIE_NEEDS_UPDATE")
CHECKED = frozenset({"HTTP_USER_AGENT", *SECRETS})


@dataclass(slots=True)
class Dependencies:
    """The names of what an answer depends on, besides the call itself and who the user is."""

    headers: set[str] = field(default_factory=set)
    cookies: set[str] = field(default_factory=set)
    session: bool = False
    # Whether it concerns one viewer alone.
    private: bool = False
    # Whether anybody looked: a backend of the project's own may not.
    watched: bool = False

    @property
    def names(self) -> Names:
        """All of them, to remember."""
        # Django's own middleware has put it there from where it is kept.
        secret = bool(self.headers & {ALL, *SECRETS})
        cookies = {*self.cookies, *([settings.CSRF_COOKIE_NAME] if secret else [])}
        session = self.session or (secret and settings.CSRF_USE_SESSIONS)
        return frozenset(
            [
                *(("header", name) for name in self.headers),
                *(("cookie", name) for name in cookies),
                *([("session", "")] if session else []),
            ]
        )


def values_of(names: Names, origin: HttpRequest) -> tuple[Any, ...]:
    """Give what a viewer's request has under these names, to compare with another's."""
    return tuple(value_of(kind, name, origin) for kind, name in sorted(names))


def value_of(kind: str, name: str, origin: HttpRequest) -> Any:
    """Give one of these values."""
    if kind == "session":
        return session_of(origin)
    values: Mapping[str, Any] = origin.META if kind == "header" else origin.COOKIES
    if name != ALL:
        return values.get(name)
    return repr(sorted((key, value) for key, value in values.items() if is_viewers(kind, key)))


def is_viewers(kind: str, name: str) -> bool:
    """Tell whether a call takes something of this name over from the viewer's request."""
    return kind == "cookie" or not (
        name in LEFT_OUT or name in OWN or name.startswith(("HTTP_SEC_", "wsgi."))
    )


def session_of(origin: HttpRequest) -> Any:
    """Give the session's key and all that is in it."""
    session = getattr(origin, "session", None)
    if session is None:
        return None
    accessed = session.accessed
    known = repr(sorted(session.items(), key=lambda item: str(item[0])))
    session.accessed = accessed
    return (session.session_key, known)


class Watched(dict[str, Any]):
    """A dictionary that notes what is looked up in it.

    Everything a reader can call is here, since some of a dictionary's methods do not use others.
    """

    def __init__(self, values: Mapping[str, Any], noted: set[str]) -> None:
        super().__init__(values)
        self._noted = noted

    def note(self, name: Any) -> None:
        """Note a look-up, made by whoever called the method that calls this."""
        if name not in OWN and not is_innocent(name):
            self._noted.add(name)

    def __getitem__(self, name: str) -> Any:
        self.note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.note(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.note(name)
        return super().__contains__(name)

    def setdefault(self, name: str, default: Any = None) -> Any:
        self.note(name)
        return super().setdefault(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        self.note(name)
        return super().pop(name, *default)

    def __delitem__(self, name: str) -> None:
        self.note(name)
        super().__delitem__(name)

    def popitem(self) -> tuple[str, Any]:
        self._noted.add(ALL)
        return super().popitem()

    def __iter__(self) -> Iterator[str]:
        self._noted.add(ALL)
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._noted.add(ALL)
        return super().__reversed__()

    def __len__(self) -> int:
        self._noted.add(ALL)
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._noted.add(ALL)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self._noted.add(ALL)
        return super().__ne__(other)

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        self._noted.add(ALL)
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:
        self._noted.add(ALL)
        return super().__ror__(other)

    def __repr__(self) -> str:
        self._noted.add(ALL)
        return super().__repr__()

    def copy(self) -> dict[str, Any]:
        self._noted.add(ALL)
        return super().copy()

    def keys(self) -> Any:
        self._noted.add(ALL)
        return super().keys()

    def values(self) -> Any:
        self._noted.add(ALL)
        return super().values()

    def items(self) -> Any:
        self._noted.add(ALL)
        return super().items()


def is_innocent(name: Any) -> bool:
    """Tell whether the code that looks something up is Django's, and does no more than check it."""
    if name not in CHECKED and name not in (
        settings.SESSION_COOKIE_NAME,
        settings.CSRF_COOKIE_NAME,
    ):
        return False
    return made_by(sys._getframe(3)) in INNOCENT


def made_by(frame: Any) -> tuple[str, str]:
    """Name the function that a frame belongs to."""
    return str(frame.f_globals.get("__name__")), frame.f_code.co_name


class WatchedHeaders(Mapping[str, Any]):
    """`request.headers`, each looked up on its own instead of all being copied."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self._meta = meta

    def __getitem__(self, name: str) -> Any:
        return self._meta[HttpHeaders.to_wsgi_name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(HttpHeaders(self._meta))

    def __len__(self) -> int:
        return len(HttpHeaders(self._meta))


class WatchedRequest(CallRequest):
    """The request of a call that notes what the view, or any middleware, reads of the viewer's."""

    dependencies: Dependencies

    def __init__(self, *args: Any, dependencies: Dependencies, **kwargs: Any) -> None:
        self.dependencies = dependencies
        super().__init__(*args, **kwargs)
        dependencies.watched = True
        self.META = Watched(self.META, dependencies.headers)
        self.COOKIES = Watched(self.COOKIES, dependencies.cookies)

    @cached_property
    def headers(self) -> Any:
        """The headers by their names over HTTP."""
        return WatchedHeaders(self.META)

    @property
    def session(self) -> Any:
        """The session store; whoever asks for it may read anything in it."""
        who = made_by(sys._getframe(1))
        if who not in INNOCENT and not who[0].startswith("reflex_drf.backends."):
            self.dependencies.session = True
        return CallRequest.session.fget(self)  # type: ignore[attr-defined]

    @session.setter
    def session(self, store: Any) -> None:
        CallRequest.session.fset(self, store)  # type: ignore[attr-defined]

    @property
    def origin(self) -> Any:
        """The viewer's own request, which nobody but the call itself has to look at."""
        if not made_by(sys._getframe(1))[0].startswith("reflex_drf.backends."):
            self.dependencies.private = True
        return self.__dict__["origin"]

    @origin.setter
    def origin(self, origin: HttpRequest) -> None:
        self.__dict__["origin"] = origin

    @property
    def _messages(self) -> Any:
        """The viewer's messages, which who reads them takes away."""
        if made_by(sys._getframe(1)) not in INNOCENT:
            self.dependencies.private = True
        return kept(self, "_messages")

    @_messages.setter
    def _messages(self, storage: Any) -> None:
        self.__dict__["_messages"] = storage
