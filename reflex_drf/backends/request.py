"""The request of one call: the viewer's, at the view's URL, with the call's own input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from django.http import HttpRequest, QueryDict
from django.utils.datastructures import MultiValueDict

from reflex_drf.backends import Call
from reflex_drf.errors import ConfigurationError
from reflex_drf.representation import plain
from reflex_drf.routing import Route

__all__ = ["CallRequest", "encode_query", "fresh"]

# What the handshake said about itself and not about the viewer.
LEFT_OUT = frozenset({
    "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_ACCEPT_ENCODING", "HTTP_CONNECTION",
    "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_EXPECT", "HTTP_IF_MATCH",
    "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_RANGE", "HTTP_TRANSFER_ENCODING", "HTTP_UPGRADE", "HTTP_X_HTTP_METHOD_OVERRIDE",
})  # fmt: skip
JSON_FIRST = "application/json, */*;q=0.5"
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class CallRequest(HttpRequest):
    """A Django request that never was bytes.

    It takes host, scheme, cookies and address from the viewer's own request, and keeps the
    session and user that an earlier request of the same event has looked up.
    """

    def __init__(self, call: Call, route: Route, url: str, origin: HttpRequest) -> None:
        super().__init__()
        self.call, self.route, self.origin = call, route, origin
        # The in-process call cannot be forged from another site: the socket's guard saw to that.
        self._dont_enforce_csrf_checks = True
        self.unexpected: BaseException | None = None
        self.method = route.method
        self.META = self._make_meta(origin)
        script = str(self.META.get("SCRIPT_NAME", "")).rstrip("/")
        self.path = unquote(url)
        self.path_info = self.path.removeprefix(script) or "/"
        self.META.update(PATH_INFO=self.path_info, REQUEST_METHOD=self.method)
        self.META["QUERY_STRING"] = encode_query(call.query)
        self.GET = QueryDict(self.META["QUERY_STRING"])  # type: ignore[assignment]
        self.COOKIES = dict(origin.COOKIES)
        self._take_input()
        self._take_viewer(origin)

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
        files: Any = MultiValueDict()
        for name, value in self.call.files.items():
            files.setlist(name, list(value) if isinstance(value, (list, tuple)) else [value])
        self.input_files = files
        self.input_data = fresh(self.call.data)
        if self.call.files:
            self.set_content_type("multipart/form-data")
            self.FILES = files
        elif self.call.data is not None:
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

    def _take_viewer(self, origin: HttpRequest) -> None:
        for name in ("_force_auth_user", "_force_auth_token"):
            if getattr(origin, name, None) is not None:
                setattr(self, name, getattr(origin, name))
        if not hasattr(origin, "session") and hasattr(origin, "user"):
            # Set by hand on a request without a session: that user is the viewer.
            self._cached_user = origin.user

    @property
    def session(self) -> Any:
        """The session store, the origin's own where it is the same session."""
        try:
            return self.__dict__["session"]
        except KeyError:
            raise AttributeError("session") from None

    @session.setter
    def session(self, store: Any) -> None:
        held = getattr(self.origin, "session", None)
        if type(held) is type(store) and held.session_key == store.session_key:
            store = held
            for name in ("_cached_user", "_acached_user"):
                if name in self.origin.__dict__:
                    setattr(self, name, self.origin.__dict__[name])
        self.__dict__["session"] = store

    def share_user(self) -> None:
        """Leave the user that the call looked up to the request it came from."""
        user = self.__dict__.get("_cached_user")
        origin = self.origin
        if user is None or "_cached_user" in origin.__dict__:
            return
        if self.__dict__.get("session") is getattr(origin, "session", None) is not None:
            origin._cached_user = user  # type: ignore[attr-defined]

    # The body, for a middleware that looks at it; the view gets the values themselves.

    @property
    def body(self) -> bytes:
        """The input as a JSON client would have sent it; nothing for files."""
        if "_encoded" not in self.__dict__:
            readable = self.call.data is not None and not self.call.files
            self._encoded = json.dumps(plain(self.input_data)).encode() if readable else b""
        return self._encoded

    @property
    def _stream(self) -> BytesIO:
        if "_buffer" not in self.__dict__:
            self._buffer = BytesIO(self.body)
        return self._buffer

    def close(self) -> None:
        """Leave the files open: they are the caller's, who may want to try again."""


def encode_query(query: Mapping[str, Any]) -> str:
    """Encode query parameters: a list repeats its name, `None` leaves it out."""
    parameters = QueryDict(mutable=True)
    for name, value in query.items():
        values = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
        texts = [query_text(item) for item in values if item is not None]
        if texts:
            parameters.setlist(name, texts)
    return parameters.urlencode()


def query_text(value: Any) -> str:
    """Write one query parameter as DRF's and django-filter's fields read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


def fresh(value: Any) -> Any:
    """Copy the containers of an input, so that a view may change what it was given."""
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fresh(item) for item in value]
    return value
