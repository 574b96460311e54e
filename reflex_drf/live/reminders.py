"""Says again which versions were sent last, so that also the loss of the last is noticed."""

from __future__ import annotations

__all__ = ["PAUSES", "VERSIONS", "Reminders"]

# The kind of these notices.
VERSIONS = "versions"
# Seconds after the last message, and after each reminder; a loss of one may be the loss of many.
PAUSES = (1.0, 5.0, 25.0)
# So many models fit into a message of any transport.
PART = 50


class Reminders:
    """The last versions of one process, and when to say them again. Not safe for threads."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._said = 0

    def note(self, label: str, version: int) -> None:
        """Remember what was sent, and begin to remind of it."""
        self._versions[label] = version
        self._said = 0

    def pause(self) -> float | None:
        """Give the seconds until the next reminder, None if there is none."""
        due = self._versions and self._said < len(PAUSES)
        return PAUSES[self._said] if due else None

    def take(self, last: bool = False) -> list[dict[str, int]]:
        """Give what to remind of, in parts; after the last time there is nothing any longer."""
        self._said += 1
        versions = list(self._versions.items())
        if last or self._said >= len(PAUSES):
            self._versions.clear()
        return [dict(versions[start : start + PART]) for start in range(0, len(versions), PART)]
