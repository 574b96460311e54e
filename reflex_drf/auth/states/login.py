"""Signing in with the project's `AuthenticationForm`."""

from __future__ import annotations

from typing import Any

import reflex as rx

from reflex_drf.auth.guards import next_url
from reflex_drf.auth.states.form import FormVars, login_target, show, take
from reflex_drf.bridge.session import go_to, login_user
from reflex_drf.state.user import AppState

__all__ = ["LoginState"]


class LoginState(FormVars, AppState):
    """The form of the sign-in page."""

    @rx.event
    def begin(self) -> None:
        """Empty what is shown of an earlier form."""
        self.error, self.field_errors = "", {}

    @rx.event
    async def submit(self, form_data: dict[str, Any]) -> None:
        """Sign in whom the form lets in, and go on to where they came from."""
        form, problems = await take("login", form_data)
        show(self, problems)
        if problems:
            return
        await login_user(form.get_user())
        go_to(next_url(login_target()))
