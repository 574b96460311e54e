"""Signing out."""

from __future__ import annotations

import reflex as rx

from reflex_drf.auth.options import options
from reflex_drf.auth.states.form import logout_target
from reflex_drf.bridge.session import go_to, logout
from reflex_drf.state.user import AppState

__all__ = ["LogoutState"]


class LogoutState(AppState):
    """The button of the sign-out page, for any other page as well."""

    @rx.event
    async def sign_out(self) -> None:
        """End the caller's own session."""
        options("logout")
        await logout()
        go_to(logout_target())
