"""From what Django writes to changes: signals of live models, told once they are committed."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable
from functools import partial
from threading import Lock
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.core.signals import setting_changed
from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save

from reflex_drf.conf import NAMESPACE, settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import (
    ACTION_CREATED,
    ACTION_DELETED,
    ACTION_UPDATED,
    Changes,
    ModelChange,
    model_label,
    row_key,
)
from reflex_drf.live.relay import publish
from reflex_drf.live.transports import is_shared

__all__ = [
    "LiveModels",
    "is_live_model",
    "live_models",
    "notify",
    "register_live_model",
    "unregister_live_model",
    "user_model",
]

logger = logging.getLogger("reflex_drf.live")

# Of more rows than this, `notify` says only that rows have changed.
NAMED_ROWS = 100


class LiveModels:
    """Which models have their signals connected, and why."""

    def __init__(self) -> None:
        self._lock = Lock()
        # By the project, for as long as it likes.
        self._registered: set[type[Model]] = set()
        # Shown by live states of this process.
        self._shown: set[type[Model]] = set()
        # How many watch each model just now.
        self._watched: Counter[type[Model]] = Counter()
        self._connected: set[type[Model]] = set()

    def __contains__(self, model: type[Model]) -> bool:
        return model in self._connected

    def register(self, model: type[Model]) -> None:
        """Publish the changes of a model from now on."""
        with self._lock:
            self._registered.add(model)
            self._update(model)

    def unregister(self, model: type[Model]) -> None:
        """Publish the changes of a model no longer, whoever wants to know them."""
        with self._lock:
            self._registered.discard(model)
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
            named = {find_model(name) for name in settings.LIVE_MODELS}
            self._registered |= named
            for model in self._registered | self._shown | set(self._watched):
                self._update(model)

    def _update(self, model: type[Model]) -> None:
        # Who watches in another process is not known here, so with a transport that reaches
        # others, what can be shown is published.
        wanted = (
            model in self._registered
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


# -- Signals --------------------------------------------------------------------------------


def user_model() -> type[Model] | None:
    """Give the model whose changes may end what somebody may see, None without users."""
    return get_user_model() if apps.is_installed("django.contrib.auth") else None


def logged_out(*, user: Any, **ignored: Any) -> None:
    """Note that a user's sessions are fewer."""
    model = user_model()
    if model is not None and model in live_models and isinstance(user, model):
        note(model, ACTION_UPDATED, [user.pk], router.db_for_write(model))


user_logged_out.connect(logged_out, dispatch_uid="reflex_drf.live.logged_out")


def senders(model: type[Model]) -> list[type[Model]]:
    """Give the models whose rows are rows of this one: itself, proxies, children and parents."""
    own = model._meta.concrete_model or model
    return [
        other
        for other in apps.get_models(include_auto_created=True)
        if issubclass(other, own) or issubclass(own, other)
    ]


def through_models(model: type[Model]) -> set[Any]:
    """Give the tables between a model and those it has many of, whichever side names them."""
    return {
        # The field knows it by its other side; that other side knows it itself.
        getattr(field, "through", None) or field.remote_field.through  # type: ignore[union-attr]
        for field in model._meta.get_fields(include_hidden=True)
        if field.many_to_many
    }


def connect(model: type[Model]) -> None:
    """Listen to what is written of a model."""
    uid = f"reflex_drf.live.{model_label(model)}"
    for sender in senders(model):
        post_save.connect(partial(saved, model), sender, weak=False, dispatch_uid=uid)
        post_delete.connect(partial(deleted, model), sender, weak=False, dispatch_uid=uid)
    for through in through_models(model):
        m2m_changed.connect(partial(related, model), through, weak=False, dispatch_uid=uid)


def disconnect(model: type[Model]) -> None:
    """Listen no longer."""
    uid = f"reflex_drf.live.{model_label(model)}"
    for sender in senders(model):
        post_save.disconnect(sender=sender, dispatch_uid=uid)
        post_delete.disconnect(sender=sender, dispatch_uid=uid)
    for through in through_models(model):
        m2m_changed.disconnect(sender=through, dispatch_uid=uid)


def saved(
    model: type[Model], /, *, instance: Any, created: bool, using: str, **ignored: Any
) -> None:
    """Note a saved row."""
    note(model, ACTION_CREATED if created else ACTION_UPDATED, [instance.pk], using)


def deleted(model: type[Model], /, *, instance: Any, using: str, **ignored: Any) -> None:
    """Note a deleted row."""
    note(model, ACTION_DELETED, [instance.pk], using)


def related(
    model: type[Model], /, *, instance: Any, action: str, pk_set: Any, using: str, **ignored: Any
) -> None:
    """Note the rows whose relations to others have changed."""
    if action not in ("post_add", "post_remove", "post_clear"):
        return
    if isinstance(instance, model):
        note(model, ACTION_UPDATED, [instance.pk], using)
    else:
        # Seen from the other side; what a clear took away is not known any more.
        note(model, ACTION_UPDATED, [None] if pk_set is None else pk_set, using)


# -- Transactions ---------------------------------------------------------------------------


class Batch:
    """The changes that become true, or never were, with one savepoint of a transaction."""

    def __init__(self) -> None:
        self.changes = Changes()

    def __call__(self) -> None:
        """Publish them, once they are committed."""
        publish(self.changes.take())


def note(model: type[Model], action: str, pks: Iterable[Any], using: str) -> None:
    """Publish changes as soon as the transaction they are part of is committed."""
    label = model_label(model)
    changes = [ModelChange(label, action, None if pk is None else row_key(pk)) for pk in pks]
    connection = transaction.get_connection(using)
    if not connection.in_atomic_block:
        publish(changes)
        return
    batch = open_batch(connection)
    if batch is None:
        batch = Batch()
        transaction.on_commit(batch, using=using)
    batch.changes.extend(changes)


def open_batch(connection: Any) -> Batch | None:
    """Give the batch that stands or falls with what is written now, if there is one.

    A savepoint that was released stands or falls with the one around it. One that is open may
    still be rolled back alone, with what Django keeps of it to call on commit.
    """
    # A block without a savepoint of its own falls only with the one around it.
    opened = set(connection.savepoint_ids) - {None}
    for savepoints, function, *_ in reversed(connection.run_on_commit):
        if isinstance(function, Batch) and savepoints & opened == opened:
            return function
    return None


def notify(
    target: type[Model] | Model | QuerySet[Any] | Iterable[Model],
    action: str = ACTION_UPDATED,
    *,
    using: str | None = None,
) -> None:
    """Tell of changes that send no signals: `bulk_create`, `update()` or raw SQL.

    Instances are named one by one; a model or a queryset says that rows of it have changed,
    without asking the database which. As with a save, it is told when the transaction commits.
    """
    if isinstance(target, QuerySet):
        notify_rows(target.model, [None], ACTION_UPDATED, using or target.db)
    elif isinstance(target, type):
        notify_rows(target, [None], ACTION_UPDATED, using)
    else:
        rows = [target] if isinstance(target, Model) else list(target)
        for model, group in itertools.groupby(rows, type):
            notify_rows(model, [row.pk for row in group], action, using)


def notify_rows(model: type[Model], keys: list[Any], action: str, using: str | None) -> None:
    """Tell of rows of one model, and of those that it is a proxy or a child of."""
    # A bulk write may leave an instance without its key.
    named = None not in keys and len(keys) <= NAMED_ROWS
    concrete = model._meta.concrete_model or model
    for each in {model, concrete, *concrete._meta.get_parent_list()}:
        database = using or router.db_for_write(each)
        note(each, action if named else ACTION_UPDATED, keys if named else [None], database)


def reload_models(*, setting: str, **kwargs: Any) -> None:
    """Follow Django's `override_settings`."""
    if setting == NAMESPACE:
        live_models.follow_settings()


setting_changed.connect(reload_models, dispatch_uid="reflex_drf.live.reload_models")
