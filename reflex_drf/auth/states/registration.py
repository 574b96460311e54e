"""Registering with the project's form for new users."""

from __future__ import annotations

from typing import Any

import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import authenticate, get_user_model
from django.db import IntegrityError, router, transaction
from django.views.decorators.debug import sensitive_variables

from reflex_drf.auth.guards import next_url
from reflex_drf.auth.options import options
from reflex_drf.auth.states.form import FormVars, login_target, show, take
from reflex_drf.bridge import current_request
from reflex_drf.bridge.session import go_to, login_user
from reflex_drf.state.user import AppState

__all__ = ["RegistrationState"]


class RegistrationState(FormVars, AppState):
    """The form of the registration page."""

    @rx.event
    def begin(self) -> None:
        """Empty what is shown of an earlier form."""
        self.error, self.field_errors, self.done = "", {}, False

    @rx.event
    async def submit(self, form_data: dict[str, Any]) -> None:
        """Make a user of a good form, and sign them in if the project's backends let them."""
        form, problems = await take("registration", form_data, create)
        user = None
        if not problems and options("registration").login_after_registration:
            user = await sync_to_async(find_user)(form)
        show(self, problems, done=not problems and user is None)
        if user is None:
            return
        await login_user(user)
        go_to(next_url(login_target()))


@sensitive_variables("form")
def create(form: Any) -> None:
    """Save a new user; of two who take a name at the same moment, one is told."""
    model = get_user_model()
    try:
        with transaction.atomic(using=router.db_for_write(model)):
            form.save()
    except IntegrityError:
        again = type(form)(data=form.data)
        if again.is_valid():
            raise
        form._errors = again.errors


@sensitive_variables()
def find_user(form: Any) -> Any:
    """Ask the project's backends whether the new user may sign in, and through which of them.

    A user that waits for approval may not.
    """
    password = form.cleaned_data.get("password1")
    if not password:
        return None
    name = form.instance.get_username()
    return authenticate(current_request(), username=name, password=password)
