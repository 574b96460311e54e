"""Which models are live: those that somebody watches, or that the project says are."""

from __future__ import annotations

import logging
from collections import Counter
from threading import Lock
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.signals import setting_changed
from django.db import router
from django.db.models import Model

from reflex_drf.conf import NAMESPACE, settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import ACTION_UPDATED, model_label
from reflex_drf.live.publishing import connect, disconnect, note
from reflex_drf.live.transports import is_shared

__all__ = [
    "LiveModels",
    "find_model",
    "is_live_model",
    "live_models",
    "register_live_model",
    "unregister_live_model",
    "user_model",
]

logger = logging.getLogger("reflex_drf.live")


class LiveModels:
    """Which models have their signals connected, and why."""

    def __init__(self) -> None:
        self._lock = Lock()
        # By the project, for as long as it likes.
        self._registered: set[type[Model]] = set()
        # By the settings of the moment.
        self._named: set[type[Model]] = set()
        # Shown by live states of this process.
        self._shown: set[type[Model]] = set()
        # How many watch each model just now.
        self._watched: Counter[type[Model]] = Counter()
        self._connected: set[type[Model]] = set()

    def __contains__(self, model: type[Model]) -> bool:
        return model in self._connected

    @property
    def labels(self) -> list[str]:
        """The names of the models whose changes are published."""
        return [model_label(model) for model in list(self._connected)]

    def register(self, model: type[Model]) -> None:
        """Publish the changes of a model from now on."""
        with self._lock:
            self._registered.add(model)
            self._update(model)

    def unregister(self, model: type[Model]) -> None:
        """Publish the changes of a model no longer, whoever wants to know them."""
        with self._lock:
            self._registered.discard(model)
            self._named.discard(model)
            self._shown.discard(model)
            self._watched.pop(model, None)
            self._update(model)

    def show(self, model: type[Model]) -> None:
        """Note that states of this process show a model."""
        with self._lock:
            self._shown.add(model)
            self._update(model)

    def watch(self, model: type[Model], by: int = 1) -> None:
        """Note that somebody begins to watch a model, or with -1 that he ends."""
        with self._lock:
            self._watched[model] = max(self._watched[model] + by, 0)
            self._update(model)

    def follow_settings(self) -> None:
        """Publish what the settings name, and by the transport they choose."""
        try:
            self._reload()
        except ConfigurationError as error:
            # Raised here, it would keep `manage.py check` from saying it properly.
            logger.error("Live changes are not published as they should be: %s", error)

    def _reload(self) -> None:
        with self._lock:
            before, self._named = self._named, {find_model(name) for name in settings.LIVE_MODELS}
            known = before | self._named | self._registered | self._shown | set(self._watched)
            for model in known:
                self._update(model)

    def _update(self, model: type[Model]) -> None:
        # Who watches in another process is not known here, so with a transport that reaches
        # others, what can be shown is published.
        wanted = (
            model in self._registered | self._named
            or self._watched[model] > 0
            or (model in self._shown and is_shared())
        )
        if wanted and model not in self._connected:
            self._connected.add(model)
            connect(model)
        elif not wanted and model in self._connected:
            self._connected.discard(model)
            disconnect(model)


live_models = LiveModels()


def register_live_model(model: type[Model]) -> None:
    """Publish the saves, deletes and many-to-many changes of a model; safe to repeat."""
    live_models.register(model)


def unregister_live_model(model: type[Model]) -> None:
    """Publish the changes of a model no longer."""
    live_models.unregister(model)


def is_live_model(model: type[Model]) -> bool:
    """Tell whether the changes of a model are published."""
    return model in live_models


def find_model(name: str) -> type[Model]:
    """Give the model that a name in the settings stands for."""
    try:
        return apps.get_model(name)
    except (LookupError, ValueError) as error:
        raise ConfigurationError(
            f'{NAMESPACE}["LIVE_MODELS"] names {name!r}, which is no model of an installed app; '
            'write names like "shop.Product".'
        ) from error


def user_model() -> type[Model] | None:
    """Give the model whose changes may end what somebody may see, None without users."""
    return get_user_model() if apps.is_installed("django.contrib.auth") else None


def logged_out(*, user: Any, **ignored: Any) -> None:
    """Note that a user's sessions are fewer."""
    model = user_model()
    if model is not None and model in live_models and isinstance(user, model):
        note(model, ACTION_UPDATED, [user.pk], router.db_for_write(model))


def reload_models(*, setting: str, **kwargs: Any) -> None:
    """Follow Django's `override_settings`."""
    if setting == NAMESPACE:
        live_models.follow_settings()


setting_changed.connect(reload_models, dispatch_uid="reflex_drf.live.reload_models")
user_logged_out.connect(logged_out, dispatch_uid="reflex_drf.live.logged_out")
