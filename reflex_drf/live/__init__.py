"""Live updates: every open tab shows what is stored, to the people who may see it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reflex_drf.live.broadcaster import LiveBroadcaster
    from reflex_drf.live.changes import (
        ACTION_CREATED,
        ACTION_DELETED,
        ACTION_UPDATED,
        ModelChange,
        model_label,
    )
    from reflex_drf.live.mixin import LiveListMixin
    from reflex_drf.live.publishing import notify
    from reflex_drf.live.registry import (
        is_live_model,
        register_live_model,
        unregister_live_model,
    )
    from reflex_drf.live.relay import live_broadcaster
    from reflex_drf.live.transports import Transport

__all__ = [
    "ACTION_CREATED",
    "ACTION_DELETED",
    "ACTION_UPDATED",
    "LiveBroadcaster",
    "LiveListMixin",
    "ModelChange",
    "Transport",
    "is_live_model",
    "live_broadcaster",
    "model_label",
    "notify",
    "register_live_model",
    "unregister_live_model",
]

# Only the mixin needs Reflex: a management command that publishes does not load it.
MODULES = {
    "ACTION_CREATED": "changes",
    "ACTION_DELETED": "changes",
    "ACTION_UPDATED": "changes",
    "LiveBroadcaster": "broadcaster",
    "LiveListMixin": "mixin",
    "ModelChange": "changes",
    "Transport": "transports",
    "is_live_model": "registry",
    "live_broadcaster": "relay",
    "model_label": "changes",
    "notify": "publishing",
    "register_live_model": "registry",
    "unregister_live_model": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
