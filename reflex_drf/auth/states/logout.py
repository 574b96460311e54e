"""Signing out."""

from __future__ import annotations

from typing import Any

import reflex as rx

from reflex_drf.auth.options import options
from reflex_drf.auth.states.form import logout_target
from reflex_drf.bridge.session import logout
from reflex_drf.state.user import AppState

__all__ = ["LogoutState"]


class LogoutState(AppState):
    """The button of the sign-out page, for any other page as well."""

    @rx.event
    async def sign_out(self) -> Any:
        """End the caller's own session."""
        options("logout")
        await logout()
        return rx.redirect(logout_target())
