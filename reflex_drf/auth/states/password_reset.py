"""A new password for whoever can read the mail of the account: asking for it, and setting it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpRequest
from reflex_base.config import get_config

from reflex_drf.auth.forms import Problems
from reflex_drf.auth.options import PagesOptions, options
from reflex_drf.auth.states.form import FormVars, show, take
from reflex_drf.bridge import current_request
from reflex_drf.state.user import AppState

__all__ = ["PasswordResetConfirmState", "PasswordResetState"]

MAIL = "reflex_drf/password_reset_email.txt"


class PasswordResetState(FormVars, AppState):
    """The form that asks for a mail; its answer is the same whether there is such an account."""

    @rx.event
    def begin(self) -> None:
        """Empty what is shown of an earlier form."""
        self.error, self.field_errors, self.done = "", {}, False

    @rx.event
    async def submit(self, form_data: dict[str, Any]) -> None:
        """Have the project's form send its mails."""
        chosen, request = options("password_reset"), current_request()
        _form, problems = await take(
            "password_reset", form_data, lambda form: send_mail(form, chosen, request)
        )
        show(self, problems, done=not problems)


def send_mail(form: Any, chosen: PagesOptions, request: HttpRequest) -> None:
    """Let Django choose the users and write to the addresses it has of them."""
    path = get_config().prepend_frontend_path(chosen.routes["password_reset_confirm"])
    given = dict(chosen.reset_mail)
    context = {"confirm_path": path, **given.pop("extra_email_context", {})}
    form.save(
        **{
            # A request whose Host is not allowed has not come so far.
            "request": request,
            "use_https": request.is_secure(),
            "email_template_name": MAIL,
            "extra_email_context": context,
            **given,
        }
    )


class PasswordResetConfirmState(FormVars, AppState):
    """The form to which the link of the mail leads."""

    # Whether the link is good, "" until that was looked at.
    link: str = ""

    @rx.event
    async def begin(self) -> Any:
        """Take the token out of the address, where others may come to see it, and judge it."""
        self.error, self.field_errors, self.done = "", {}, False
        request = current_request()
        uid, token = request.GET.get("uid", ""), request.GET.get("token")
        user = await sync_to_async(find_user)(uid, token or session_token(request))
        self.link = "good" if user is not None else "bad"
        if user is None or token is None:
            return None
        request.session[INTERNAL_RESET_SESSION_TOKEN] = token
        route = options("password_reset_confirm").routes["password_reset_confirm"]
        return rx.redirect(f"{route}?{urlencode({'uid': uid})}", replace=True)

    @rx.event
    async def submit(self, form_data: dict[str, Any]) -> None:
        """Set the password of the user whom the link belongs to."""
        options("password_reset_confirm")
        request = current_request()
        uid = request.GET.get("uid", "")
        user = await sync_to_async(find_user)(uid, session_token(request))
        if user is None:
            self.link = "bad"
            show(self, Problems())
            return
        _form, problems = await take(
            "password_reset_confirm", form_data, lambda form: form.save(), user=user
        )
        if not problems:
            del request.session[INTERNAL_RESET_SESSION_TOKEN]
        show(self, problems, done=not problems)


def session_token(request: HttpRequest) -> Any:
    """Give the token that the session keeps, under Django's own name for it."""
    return request.session.get(INTERNAL_RESET_SESSION_TOKEN)


def find_user(uid: str, token: Any) -> Any:
    """Give the user whom a link names, if its token is good."""
    user = PasswordResetConfirmView().get_user(uid)
    good = isinstance(token, str) and default_token_generator.check_token(user, token)
    return user if good else None
