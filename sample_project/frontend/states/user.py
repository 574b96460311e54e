"""Who is signed in, for the header of every page."""

from __future__ import annotations

from reflex_drf import DjangoUserState


class UserState(DjangoUserState):
    """Exposes is_authenticated, username, is_staff and so on."""
