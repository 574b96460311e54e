"""Live updates: every open tab shows what is stored, to the people who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

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
__getattr__, __dir__ = lazy_names(
    __name__, {name: f"{__name__}.{module}" for name, module in MODULES.items()}
)
