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

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured, PermissionDenied

__all__ = [
    "BackendUnavailable",
    "ConfigurationError",
    "ErrorReport",
    "NoRequestError",
    "NotAuthenticatedError",
    "ReflexDRFError",
    "RouteNotFound",
    "UnknownAction",
]


class ReflexDRFError(Exception):
    """Base of every error this package raises by itself."""


class ConfigurationError(ReflexDRFError, ImproperlyConfigured):
    """The project is set up in a way that cannot work; the message names the fix."""


class NoRequestError(ReflexDRFError, RuntimeError):
    """There is no Django request here: the code runs outside a bridged event."""


class NotAuthenticatedError(ReflexDRFError, PermissionDenied):
    """The handler needs a logged-in user and the viewer is none."""


class RouteNotFound(ReflexDRFError, LookupError):
    """No URL of the project leads to the viewset's action with the given arguments."""


class UnknownAction(ReflexDRFError, LookupError):
    """The viewset has no action of that name."""


class BackendUnavailable(ReflexDRFError):
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
    """Read any body that DRF answers a refused request with."""
    raise NotImplementedError
