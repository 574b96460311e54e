"""From what Django writes to changes: signals of live models, told once they are committed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.apps import apps
from django.db import router, transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import m2m_changed, post_delete, post_save

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
from reflex_drf.live.triggers import covers

__all__ = ["connect", "disconnect", "note", "notify"]

ACTIONS = (ACTION_CREATED, ACTION_UPDATED, ACTION_DELETED)
# Of more rows than this, `notify` says only that rows have changed.
NAMED_ROWS = 100


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
    model: type[Model],
    /,
    *,
    sender: type[Model],
    instance: Any,
    created: bool,
    using: str,
    **ignored: Any,
) -> None:
    """Note a saved row, unless the database itself tells of it."""
    if covers(sender, model, using):
        return
    note(model, ACTION_CREATED if created else ACTION_UPDATED, [instance.pk], using)


def deleted(
    model: type[Model], /, *, sender: type[Model], instance: Any, using: str, **ignored: Any
) -> None:
    """Note a deleted row, unless the database itself tells of it."""
    if covers(sender, model, using):
        return
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
    if action not in ACTIONS:
        # Told as it is, it would be none of them to whoever hears of it.
        raise ValueError(f"{action!r} is no action of a change; known are {', '.join(ACTIONS)}.")
    if isinstance(target, QuerySet):
        notify_rows(target.model, [None], ACTION_UPDATED, using or target.db)
    elif isinstance(target, type):
        notify_rows(target, [None], ACTION_UPDATED, using)
    else:
        rows = [target] if isinstance(target, Model) else list(target)
        if (wrong := next((row for row in rows if not isinstance(row, Model)), None)) is not None:
            raise TypeError(f"notify() is told of a model, a queryset or instances, not {wrong!r}.")
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
