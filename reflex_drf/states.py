"""The names of `reflex_drf.state` under the other name that the guide uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reflex_drf import state

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(state, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
