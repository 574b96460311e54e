"""What the states of the sign-in pages share: the vars of a form, and how it is answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import reflex as rx
from asgiref.sync import sync_to_async
from django.conf import global_settings
from django.conf import settings as django_settings
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from reflex_drf.auth.forms import Problems, find_wait, make_form, validate
from reflex_drf.auth.options import options
from reflex_drf.bridge import current_request

__all__ = ["FormVars", "login_target", "logout_target", "show", "take"]


class FormVars(rx.State, mixin=True):
    """What a page shows of the form that was sent; what was typed is never kept."""

    # What is wrong with the whole, and by field.
    error: str = ""
    field_errors: dict[str, str] = {}
    # Whether everything is done.
    done: bool = False
    # How many forms were answered.
    answers: int = 0


def show(state: Any, problems: Problems, *, done: bool = False) -> None:
    """Answer a form."""
    state.error = problems.get("", "")
    state.field_errors = {name: text for name, text in problems.items() if name}
    state.done = done
    state.answers += 1


@sensitive_variables()
async def take(
    page: str, data: Any, act: Callable[[Any], Any] | None = None, *, user: Any = None
) -> tuple[Any, Problems]:
    """Run the form of a page on what a client has sent, and give it with what is wrong.

    `act` is called with a good form, in the thread that has validated it.
    """
    chosen, request = options(page), current_request()
    if chosen.throttle_classes:
        wait = await sync_to_async(find_wait)(chosen, request)
        if wait is not None:
            text = _("Too many attempts. Try again in %(seconds)d seconds.")
            return None, Problems({"": text % {"seconds": math.ceil(wait)}})
    form = await sync_to_async(make_form)(page, chosen, data, request=request, user=user)
    return form, await validate(form, act)


def login_target() -> str:
    """Give where a sign-in leads to when nobody has asked for a page."""
    chosen = django_settings.LOGIN_REDIRECT_URL
    # Django's own default is a page that no project has by itself.
    return "/" if chosen == global_settings.LOGIN_REDIRECT_URL else resolve_url(chosen)


def logout_target() -> str:
    """Give where a sign-out leads to."""
    return resolve_url(django_settings.LOGOUT_REDIRECT_URL or "/")
