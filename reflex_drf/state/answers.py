"""What a browser is told where no view of DRF answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import reflex as rx
from django.db.models import ProtectedError, RestrictedError
from django.http.response import HttpResponseBase
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import say
from reflex_drf.errors import ErrorReport

__all__ = ["KEPT", "answer_event", "drop_tab", "is_navigable", "kept_by_others", "leave_page"]

# What Django raises where other rows keep one from being deleted; DRF has no answer to it.
KEPT = (ProtectedError, RestrictedError)
REFUSED = _("The server refused this ({status}).")
LATER = _("Too many attempts. Please wait and try again.")


def answer_event(answer: HttpResponseBase) -> Any:
    """Turn the response of a middleware into what the page does: go elsewhere, or say no."""
    location = answer.headers.get("Location", "")
    if 300 <= answer.status_code < 400 and is_navigable(location):
        return leave_page(location)
    if answer.status_code == 429:
        return rx.toast.error(say(LATER))
    # Whatever the response says is written for a page of its own, or for nobody.
    return rx.toast.error(say(format_lazy(REFUSED, status=answer.status_code)))


def is_navigable(location: str) -> bool:
    """Tell whether a browser may be sent to a location; `javascript:` is not a place."""
    try:
        scheme = urlsplit(location).scheme.lower()
    except ValueError:
        return False
    return bool(location) and scheme in ("", "http", "https")


def leave_page(location: str) -> Any:
    """Load a location of the server anew, be it a page of Reflex or a view of Django."""
    # A redirect inside the page would show Reflex's own 404 for a URL of Django.
    return rx.call_script(f"window.location.assign({json.dumps(location)})")


def drop_tab() -> Any:
    """Make the browser forget the tab's token and begin anew with a tab of its own."""
    return rx.call_script("window.sessionStorage.removeItem('token');window.location.reload()")


def kept_by_others(call: Call, error: Exception) -> Reply:
    """Refuse to delete a row that other rows need; of any other call that is an error."""
    if call.action != "destroy":
        raise error
    message = say(_("It cannot be deleted, because other rows need it."))
    return Reply(status=409, errors=ErrorReport(409, "protected", message))
