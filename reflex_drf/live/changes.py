"""What is said about a change: which model, what happened, and the key of the row. No content."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from reflex_drf.representation import plain

__all__ = [
    "ACTION_CREATED",
    "ACTION_DELETED",
    "ACTION_UPDATED",
    "Changes",
    "ModelChange",
    "model_label",
]

ACTION_CREATED = "created"
ACTION_UPDATED = "updated"
ACTION_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ModelChange:
    """One row of a model was created, updated or deleted.

    A `pk` of None says that rows have changed and not which.
    """

    model_label: str
    action: str
    pk: Any = None

    @property
    def is_create(self) -> bool:
        """Whether the row is new."""
        return self.action == ACTION_CREATED

    @property
    def is_update(self) -> bool:
        """Whether the row was there before."""
        return self.action == ACTION_UPDATED

    @property
    def is_delete(self) -> bool:
        """Whether the row is gone."""
        return self.action == ACTION_DELETED

    def then(self, later: ModelChange) -> ModelChange:
        """Give what this change and a later one of the same row come to."""
        if self.is_create and later.is_update:
            return self
        if self.is_delete and later.is_create:
            return ModelChange(later.model_label, ACTION_UPDATED, later.pk)
        return later


def model_label(model: type[Model] | Model) -> str:
    """Give the name of a model's changes, such as "shop.product"."""
    return str(model._meta.label_lower)


def row_key(pk: Any) -> Any:
    """Give the key of a row as the API's rows carry it."""
    return plain(pk)


class Changes:
    """Changes that wait, one for each row, and never more than a bound.

    Beyond it, all that is kept of a model is that its rows have changed. Not safe for threads.
    """

    def __init__(self, bound: int = 100) -> None:
        self._bound = bound
        self._waiting: dict[tuple[str, str | None], ModelChange] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, change: ModelChange) -> None:
        """Keep a change, merged with what waits for the same row."""
        label = change.model_label
        if (label, None) in self._waiting:
            return
        if change.pk is None:
            self._forget(label)
        key = (label, None if change.pk is None else str(change.pk))
        earlier = self._waiting.get(key)
        self._waiting[key] = earlier.then(change) if earlier else change
        if len(self._waiting) > self._bound:
            for crowded in {label for label, _ in self._waiting}:
                self._forget(crowded)
                self._waiting[(crowded, None)] = unknown_rows(crowded)

    def extend(self, changes: Iterable[ModelChange]) -> None:
        """Keep several changes, in their order."""
        for change in changes:
            self.add(change)

    def take(self) -> list[ModelChange]:
        """Give what waits, and wait for more."""
        taken, self._waiting = list(self._waiting.values()), {}
        return taken

    def _forget(self, label: str) -> None:
        self._waiting = {key: change for key, change in self._waiting.items() if key[0] != label}


def heard_change(label: str, action: object, pk: Any) -> ModelChange:
    """Give what others say has changed; of what they call by no known name, only that much."""
    known = action in (ACTION_CREATED, ACTION_UPDATED, ACTION_DELETED)
    return ModelChange(label, str(action), pk) if known else unknown_rows(label)


def unknown_rows(label: str) -> ModelChange:
    """Say that rows of a model have changed, which ones being unknown."""
    return ModelChange(label, ACTION_UPDATED)
