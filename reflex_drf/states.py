"""The names of `reflex_drf.state` under the other name that the guide uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

if TYPE_CHECKING:
    from reflex_drf.state import (
        AppState,
        DjangoContextState,
        DjangoUserState,
        ModelCRUDView,
        ModelListView,
        ModelState,
        UserScopedMixin,
    )

__all__ = [
    "AppState",
    "DjangoContextState",
    "DjangoUserState",
    "ModelCRUDView",
    "ModelListView",
    "ModelState",
    "UserScopedMixin",
]

__getattr__, __dir__ = lazy_names(__name__, dict.fromkeys(__all__, "reflex_drf.state"))
