"""Changing one's own password."""

from __future__ import annotations

from typing import Any

import reflex as rx

from reflex_drf.auth.guards import login_required
from reflex_drf.auth.states.form import FormVars, show, take
from reflex_drf.bridge import current_user
from reflex_drf.bridge.session import keep_session
from reflex_drf.state.user import AppState

__all__ = ["PasswordChangeState"]


class PasswordChangeState(FormVars, AppState):
    """The form of the page; it asks for the old password."""

    @rx.event
    def begin(self) -> None:
        """Empty what is shown of an earlier form."""
        self.error, self.field_errors, self.done = "", {}, False

    @rx.event
    @login_required
    async def submit(self, form_data: dict[str, Any]) -> None:
        """Change the password; this session stays, and the user's others end."""
        form, problems = await take(
            "password_change", form_data, lambda form: form.save(), user=current_user()
        )
        if not problems:
            await keep_session(form.user)
        show(self, problems, done=not problems)
