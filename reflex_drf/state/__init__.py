"""States that know Django: its user and session, its template context, and its models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

if TYPE_CHECKING:
    from reflex_drf.state.context import DjangoContextState
    from reflex_drf.state.model import ModelCRUDView, ModelListView, ModelState, UserScopedMixin
    from reflex_drf.state.owner import check_owner
    from reflex_drf.state.user import AppState, DjangoUserState, sync_user

__all__ = [
    "AppState",
    "DjangoContextState",
    "DjangoUserState",
    "ModelCRUDView",
    "ModelListView",
    "ModelState",
    "UserScopedMixin",
    "check_owner",
    "sync_user",
]

# A state is in the app once its class exists: each is imported when it is asked for, so that an
# app carries, and pays for, only those it uses.
MODULES = {
    "AppState": "user",
    "DjangoContextState": "context",
    "DjangoUserState": "user",
    "ModelCRUDView": "model",
    "ModelListView": "model",
    "ModelState": "model",
    "UserScopedMixin": "model",
    "check_owner": "owner",
    "sync_user": "user",
}
__getattr__, __dir__ = lazy_names(
    __name__, {name: f"{__name__}.{module}" for name, module in MODULES.items()}
)
