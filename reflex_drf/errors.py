"""The errors this package raises, and what a refused DRF request says, in one shape.

ReflexDRFError
├── ConfigurationError      the project is set up in a way that cannot work
├── NoRequestError          current_request() and friends outside an event
├── NotAuthenticatedError   require_login_user() without a logged-in user
├── RouteNotFound           no URL leads to the viewset with these arguments
├── UnknownAction           the viewset has no such action
└── BackendUnavailable      the API behind an HTTP backend does not answer
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.utils.functional import Promise

__all__ = [
    "BackendUnavailable",
    "ConfigurationError",
    "ErrorReport",
    "NoRequestError",
    "NotAuthenticatedError",
    "ReflexDRFError",
    "RouteNotFound",
    "UnknownAction",
    "report_errors",
]


class ReflexDRFError(Exception):
    """Base of every error this package raises by itself."""


class ConfigurationError(ReflexDRFError, ImproperlyConfigured):
    """The project is set up in a way that cannot work; the message names the fix."""


class NoRequestError(ReflexDRFError, RuntimeError):
    """There is no Django request here: the code runs outside a bridged event."""


class NotAuthenticatedError(ReflexDRFError, PermissionDenied):
    """The handler needs a logged-in user and the viewer is none."""


class RouteNotFound(ReflexDRFError, LookupError):  # noqa: N818
    """No URL of the project leads to the viewset's action with the given arguments."""


class UnknownAction(ReflexDRFError, LookupError):  # noqa: N818
    """The viewset has no action of that name."""


class BackendUnavailable(ReflexDRFError):  # noqa: N818
    """The API behind an HTTP backend did not answer."""


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A refusal in the shape a form needs: one message for the whole, one for each field.

    Nested fields have dotted names (`lines.0.quantity`); `wait` is the number of seconds after
    which a throttled request may be tried again.
    """

    status: int
    code: str = ""
    message: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    wait: float | None = None


def report_errors(status: int, body: Any, exception: BaseException | None = None) -> ErrorReport:
    """Read any body that DRF answers a refused request with.

    A body of the project's own shape is passed over for what the exception itself says, where
    there is one.
    """
    source = choose_source(body, exception)
    reader = ErrorReader(names_fields=status in FIELD_STATUSES)
    reader.read(source, ())
    message = " ".join(reader.messages)
    return ErrorReport(
        status=status,
        code=find_code(status, body, message, exception),
        message=message or ("" if reader.fields else default_message(status)),
        fields={name: " ".join(texts) for name, texts in reader.fields.items()},
        wait=find_wait(status, message, exception),
    )


FIELD_STATUSES = frozenset({400, 409, 422})
# What a project's exception handler commonly calls the part that matters.
ENVELOPES = ("errors", "error", "details", "messages", "message", "title")
CODES = {
    400: "invalid",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "throttled",
}


class ErrorReader:
    """Walks through an error body and sorts its messages by what they are about."""

    def __init__(self, *, names_fields: bool) -> None:
        self.names_fields = names_fields
        self.messages: list[str] = []
        self.fields: dict[str, list[str]] = {}

    def read(self, value: Any, path: tuple[str, ...]) -> None:
        """Read one part of the body, at this place of the input."""
        if isinstance(value, Mapping):
            self.read_mapping(value, path)
        elif isinstance(value, (list, tuple)):
            self.read_list(value, path)
        elif value is not None and not isinstance(value, bool):
            self.add(str(value), path)

    def read_list(self, values: Any, path: tuple[str, ...]) -> None:
        """Read messages, or the errors of many rows with holes for those without."""
        for index, value in enumerate(values):
            if isinstance(value, Mapping) and is_standardized(value):
                self.read_standardized(value, path)
            elif isinstance(value, (Mapping, list, tuple)):
                self.read(value, (*path, str(index)))
            else:
                self.read(value, path)

    def read_standardized(self, value: Any, path: tuple[str, ...]) -> None:
        """Read one error of a flat list, which names its field beside its message."""
        name = value.get("attr") or value.get("field") or value.get("source")
        own = () if name in (None, non_field_key(), "__all__") else tuple(str(name).split("."))
        self.read(value.get("detail") or value.get("message"), (*path, *own))

    def read_mapping(self, value: Mapping[Any, Any], path: tuple[str, ...]) -> None:
        """Read the errors of one row, by field."""
        about_all = {non_field_key(), "non_field_errors", "__all__"}
        for key, item in value.items():
            name = str(key)
            if name in about_all or (name == "detail" and not path and is_text(item)):
                self.read(item, path)
            elif self.names_fields:
                self.read(item, (*path, name))

    def add(self, text: str, path: tuple[str, ...]) -> None:
        """Keep a message once."""
        texts = self.fields.setdefault(".".join(path), []) if path else self.messages
        if text and text not in texts:
            texts.append(text)


def is_text(value: Any) -> bool:
    """Tell a message from a collection of them."""
    return isinstance(value, (str, Promise))


def is_standardized(value: Mapping[Any, Any]) -> bool:
    """Tell an error that names its field from the errors of a row."""
    named = {"attr", "field", "source"} & set(value)
    return bool(named) and bool({"detail", "message"} & set(value))


def non_field_key() -> str:
    """Give the name under which the project reports errors of the whole."""
    from rest_framework.settings import api_settings

    return str(api_settings.NON_FIELD_ERRORS_KEY)


def choose_source(body: Any, exception: BaseException | None) -> Any:
    """Choose between the body and the exception's own detail."""
    detail = getattr(exception, "detail", None)
    if detail is None:
        return unwrap(body)
    if isinstance(detail, Mapping):
        trusted = isinstance(body, Mapping) and keys(body) <= keys(detail)
    elif isinstance(detail, list):
        trusted = isinstance(body, list)
    else:
        trusted = isinstance(body, Mapping) and is_text(body.get("detail"))
    return body if trusted and body else detail


def keys(mapping: Mapping[Any, Any]) -> set[str]:
    """Give the keys as JSON has them."""
    return {str(key) for key in mapping}


def unwrap(body: Any) -> Any:
    """Find the errors in an envelope when nothing else is known about them."""
    if isinstance(body, str):
        return None if looks_like_a_page(body) else body.strip()[:500]
    if not isinstance(body, Mapping) or (is_text(body.get("detail")) and "errors" not in body):
        return body
    wrapped = [name for name in ENVELOPES if body.get(name)]
    marks = {"code", "status", "status_code", "success", "type", "detail", "instance"}
    if wrapped and set(body) <= {*ENVELOPES, *marks} and not lists_texts(body, wrapped):
        inner = body[wrapped[0]]
        return unwrap(inner) if isinstance(inner, Mapping) else inner
    return body


def lists_texts(body: Mapping[Any, Any], names: list[str]) -> bool:
    """Tell DRF's own errors of fields that happen to be called like an envelope.

    DRF gives each field a list of texts, which only the plural names of an envelope may hold.
    """
    fields = [body[name] for name in names if name not in ("errors", "messages")]
    return bool(fields) and all(
        isinstance(value, list) and all(is_text(item) for item in value) for value in fields
    )


def looks_like_a_page(text: str) -> bool:
    """Tell an HTML page, which nobody wants to read in a message, from a sentence."""
    return text.lstrip()[:1] == "<"


def find_code(status: int, body: Any, message: str, exception: BaseException | None) -> str:
    """Give the one word for what went wrong."""
    code = own_code(exception) or (own_code_of_body(body) if exception is None else "")
    if code:
        return code
    if status == 403 and message in not_authenticated_messages():
        # Without an authenticator that can ask for credentials, DRF says this with a 403.
        return "not_authenticated"
    if 300 <= status < 400:
        return "redirect"
    return CODES.get(status, "error")


def own_code(exception: BaseException | None) -> str:
    """Give the code of a DRF exception; one with many is simply invalid."""
    detail = getattr(exception, "detail", None)
    code = getattr(detail, "code", None)
    return str(code) if code else ""


def own_code_of_body(body: Any) -> str:
    """Give the code that the message itself or the body carries."""
    detail = body.get("detail") if isinstance(body, Mapping) else None
    code = getattr(detail, "code", None)
    if code is None and isinstance(body, Mapping) and is_text(detail):
        code = body.get("code")
    return code if isinstance(code, str) else ""


def not_authenticated_messages() -> set[str]:
    """Give the ways in which DRF says that nobody is logged in."""
    from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

    return {str(NotAuthenticated.default_detail), str(AuthenticationFailed.default_detail)}


def find_wait(status: int, message: str, exception: BaseException | None) -> float | None:
    """Give the seconds to wait, from the exception or else from DRF's sentence."""
    wait = getattr(exception, "wait", None)
    if isinstance(wait, (int, float)):
        return float(wait)
    seconds = re.search(r"\d+", message) if status == 429 else None
    return float(seconds.group()) if seconds else None


def default_message(status: int) -> str:
    """Say something for an answer that says nothing."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"
