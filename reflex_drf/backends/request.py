"""The request of one call: the viewer's, at the view's URL, with the call's own input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from io import BytesIO
from types import NoneType
from typing import Any
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property

from reflex_drf.backends import Call
from reflex_drf.errors import ConfigurationError
from reflex_drf.representation import plain
from reflex_drf.routing import Route
from reflex_drf.viewers import quick_user

__all__ = ["CallRequest", "encode_json", "encode_query", "fresh", "kept"]

# What the handshake said about itself and not about the viewer.
LEFT_OUT = frozenset({
    "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_ACCEPT_ENCODING", "HTTP_CONNECTION",
    "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_EXPECT", "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_RANGE", "HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE", "HTTP_X_HTTP_METHOD_OVERRIDE",
})  # fmt: skip
JSON_FIRST = "application/json, */*;q=0.5"


class CallRequest(HttpRequest):
    """A Django request that never was bytes.

    It takes host, scheme, cookies and address from the viewer's own request, and keeps the
    session and user that an earlier request of the same event has looked up.
    """

    # Set before any input is read, as by a handler that has a body still to read.
    _read_started = False

    def __init__(
        self,
        call: Call,
        route: Route,
        url: str,
        origin: HttpRequest,
        *,
        trust_session: bool = False,
    ) -> None:
        super().__init__()
        self.call, self.route, self.origin = call, route, origin
        self.trust_session = trust_session
        # No other site can make this call: the guard of the socket saw to that.
        self._dont_enforce_csrf_checks = True
        # Filled while the call runs.
        self.run: Any = None
        self.response: Any = None
        self.unexpected: BaseException | None = None
        self._take_url(url)
        self._take_input()
        self._take_viewer()

    def _take_url(self, url: str) -> None:
        self.method = self.route.method
        self.META = self._make_meta(self.origin)
        script = str(self.META.get("SCRIPT_NAME", "")).rstrip("/")
        self.path = unquote(url)
        self.path_info = self.path.removeprefix(script) or "/"
        self.query = query = encode_query(self.call.query)
        self.META.update(PATH_INFO=self.path_info, REQUEST_METHOD=self.method, QUERY_STRING=query)
        self.COOKIES = dict(self.origin.COOKIES)
        # Read when the view reads it, so that too many parameters are an answer, not a crash.
        del self.GET

    @cached_property
    def GET(self) -> QueryDict:  # type: ignore[override]  # noqa: N802
        """The query parameters of the call."""
        return QueryDict(self.META["QUERY_STRING"], encoding=self.encoding)

    def _make_meta(self, origin: HttpRequest) -> dict[str, Any]:
        meta = {
            key: value
            for key, value in origin.META.items()
            if key not in LEFT_OUT and not key.startswith(("HTTP_SEC_", "wsgi."))
        }
        if not (meta.get("HTTP_HOST") or meta.get("SERVER_NAME")):
            raise ConfigurationError(
                "The request behind this call has no host. Give META['HTTP_HOST'] (or "
                "SERVER_NAME and SERVER_PORT) the host that the browser used: absolute links "
                "and ALLOWED_HOSTS need the real one."
            )
        meta.setdefault("SERVER_PORT", "443" if origin.scheme == "https" else "80")
        meta.setdefault("SERVER_NAME", meta.get("HTTP_HOST", "").partition(":")[0])
        return {**meta, "HTTP_ACCEPT": JSON_FIRST}

    def _get_scheme(self) -> str:
        return self.origin.scheme or "http"

    def _take_input(self) -> None:
        data, files = fresh(self.call.data), self.call.files
        if files and not isinstance(data, (dict, NoneType)):
            raise TypeError(f"Files travel with a dict of data, not with {type(data).__name__}.")
        self.input_data = data
        self.input_files: Any = MultiValueDict()
        for name, value in files.items():
            self.input_files.setlist(name, value if isinstance(value, list) else [value])
        if files:
            self.set_content_type("multipart/form-data")
            self.FILES = self.input_files
        elif data is not None:
            self.set_content_type("application/json")

    def set_content_type(self, content_type: str) -> None:
        """Say what the input counts as."""
        self.content_type = self.META["CONTENT_TYPE"] = content_type
        self.content_params = {}
        # Any length but none: DRF takes a request of no length for one without input.
        self.META["CONTENT_LENGTH"] = "1"

    @property
    def has_input(self) -> bool:
        """Whether the call brings data or files."""
        return self.call.data is not None or bool(self.call.files)

    # The viewer: looked up once for an event, however many calls it makes.

    def _take_viewer(self) -> None:
        for name in ("_force_auth_user", "_force_auth_token"):
            if getattr(self.origin, name, None) is not None:
                setattr(self, name, getattr(self.origin, name))
        if not hasattr(self.origin, "session") and hasattr(self.origin, "user"):
            # Set by hand on a request without a session: that user is the viewer.
            self._cached_user = self.origin.user

    @property
    def session(self) -> Any:
        """The session store, the origin's own where it is the same session."""
        return kept(self, "session")

    @session.setter
    def session(self, store: Any) -> None:
        held: Any = getattr(self.origin, "session", None)
        if held is not None and type(held) is type(store):
            store = held if same_session(held, store) else store
        self.__dict__["session"] = store
        if store is held:
            hand_over(store, self.origin, self)

    @property
    def user(self) -> Any:
        """The user, as the project's middleware and DRF have set it."""
        return kept(self, "user")

    @user.setter
    def user(self, user: Any) -> None:
        self.__dict__["user"] = quick_user(user, self)

    @user.deleter
    def user(self) -> None:
        del self.__dict__["user"]

    def take_cookies(self) -> None:
        """Let the next call see what the response sets, as a browser would send it."""
        for name, morsel in self.response.cookies.items():
            self.COOKIES[name] = morsel.value
            if not morsel.value:
                del self.COOKIES[name]

    def share_user(self) -> None:
        """Leave the user that the call looked up to the request it came from."""
        held = getattr(self.origin, "session", None)
        if held is not None and held is self.__dict__.get("session"):
            hand_over(held, self, self.origin)

    def force_session_user(self) -> None:
        """Be logged in by the session also for a view that reads only tokens.

        Never for an anonymous one: DRF takes a forced user for one who showed credentials, and
        would answer 403 where the view answers 401.
        """
        user = getattr(self, "user", None)
        if user is not None and user.is_authenticated and self._force_auth_user is None:
            self._force_auth_user = user

    _force_auth_user: Any = None
    _force_auth_token: Any = None

    # The body, for a middleware that looks at it; the view gets the values themselves.

    @property
    def body(self) -> bytes:
        """The input as a JSON client would have sent it; nothing for files."""
        if "_encoded" not in self.__dict__:
            readable = self.call.data is not None and not self.call.files
            self._encoded = encode_json(self.input_data) if readable else b""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and len(self._encoded) > limit:
            raise RequestDataTooBig("Request body exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE.")
        return self._encoded

    @cached_property
    def _stream(self) -> BytesIO:  # type: ignore[override]
        return BytesIO(self.body)

    def close(self) -> None:
        """Leave the files open: they are the caller's, who may want to try again."""


def kept(request: HttpRequest, name: str) -> Any:
    """Give what was set under the name of a property, or say that nothing was, as Python does."""
    try:
        return request.__dict__[name]
    except KeyError:
        raise AttributeError(name) from None


def encode_json(data: Any) -> bytes:
    """Encode an input as a browser writes JSON."""
    text = json.dumps(plain(data), ensure_ascii=False, separators=(",", ":"))
    # As lenient as `json.loads` is with bytes.
    return text.encode("utf-8", "surrogatepass")


def same_session(held: Any, store: Any) -> bool:
    """Tell whether two stores are of one session."""
    return bool(held.session_key == store.session_key)


def hand_over(session: Any, giver: HttpRequest, taker: HttpRequest) -> None:
    """Give a user who was looked up already to another request of the same session."""
    for name in ("_cached_user", "_acached_user"):
        user = giver.__dict__.get(name)
        if user is not None and name not in taker.__dict__ and belongs(user, session):
            setattr(taker, name, user)


def belongs(user: Any, session: Any) -> bool:
    """Tell whether a user is the session's; since it was looked up, one may have logged out."""
    accessed = session.accessed
    key = session.get(SESSION_KEY)
    # Whether the *view* reads the session is what a cache must vary on.
    session.accessed = accessed
    return bool(key == (str(user.pk) if user.is_authenticated else None))


def encode_query(query: Mapping[str, Any]) -> str:
    """Encode query parameters: a list repeats its name, `None` leaves it out."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        pairs += [(name, query_text(item)) for item in values if item is not None]
    return urlencode(pairs, encoding=settings.DEFAULT_CHARSET)


def query_text(value: Any) -> str:
    """Write one query parameter as DRF's and django-filter's fields read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


def fresh(value: Any) -> Any:
    """Copy the containers of an input, so that a view may change what it was given."""
    if isinstance(value, MultiValueDict):
        return {key: items[0] if len(items) == 1 else items for key, items in value.lists()}
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fresh(item) for item in value]
    return value
