"""The last of what this process has said and heard of each model, for whoever asks why."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from reflex_drf.live.changes import ModelChange

__all__ = ["SOMEBODY_ELSE", "Entry", "Journal", "explain", "journal", "summary"]

logger = logging.getLogger("reflex_drf.live")
# More than these are counted, in the log and in a report.
NAMED = 5
# Instead of a status: the tab turned out to be another user's.
SOMEBODY_ELSE = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said last of a model, and when."""

    at: float
    text: str


class Journal:
    """One entry for each model; written by any thread, a word at a time."""

    def __init__(self) -> None:
        self.published: dict[str, Entry] = {}
        self.received: dict[str, Entry] = {}

    def publish(self, changes: Sequence[ModelChange]) -> None:
        """Note what this process has published."""
        self._note(self.published, changes, "Published")

    def receive(self, changes: Sequence[ModelChange], way: str) -> None:
        """Note what has arrived from elsewhere."""
        self._note(self.received, changes, f"Received by the {way}")

    def clear(self) -> None:
        """Begin anew, for tests."""
        self.published, self.received = {}, {}

    def _note(self, entries: dict[str, Entry], changes: Sequence[ModelChange], what: str) -> None:
        if not changes:
            return
        last = changes[-1]
        entries[last.model_label] = Entry(time.time(), summary([last]))
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s: %s", what, summary(changes))


def summary(changes: Iterable[ModelChange]) -> str:
    """Name some changes, and count the others."""
    changes = list(changes)
    named = ", ".join(
        f"{each.model_label} {'(rows unknown)' if each.pk is None else each.pk} {each.action}"
        for each in changes[:NAMED]
    )
    return named + (f" and {len(changes) - NAMED} more" if len(changes) > NAMED else "")


def explain(state: Any, changes: Iterable[ModelChange], status: int) -> str:
    """Say what a refresh has come to: what the viewer sees of what has changed, or why not."""
    if status in (401, 403):
        return f"refused by the viewset's permissions ({status}): the list is empty now"
    if status == SOMEBODY_ELSE:
        return "not read: the session behind the tab is not the one that subscribed"
    if not 200 <= status < 300:
        return f"not read: the API answered {status}"
    # Past the proxies that note what a handler changes: this is for every viewer of every change.
    key, rows = state._plan.key, state.get_value(state._plan.options.list_var)
    shown = {str(row.get(key)) for row in rows if isinstance(row, dict)}
    missing = [
        str(change.pk)
        for change in changes
        if change.pk is not None and not change.is_delete and str(change.pk) not in shown
    ]
    if not missing:
        return f"shown: a list of {len(rows)} of {state.total_count} rows"
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return (
        f"read, but without row {', '.join(missing[:NAMED])}{more}: "
        f"the viewset does not give it to this user {asked_for(state)}"
    )


def asked_for(state: Any) -> str:
    """Say what a list was asked for, which may leave a row out."""
    parts = [f"on page {state.page} of {state.page_count}"]
    parts += [f"searched for {state.search!r}"] if state.search else []
    parts += [f"filtered by {', '.join(sorted(state.filters))}"] if state.filters else []
    return ", ".join(parts)


journal = Journal()
