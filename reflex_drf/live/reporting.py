"""What a worker says when `manage.py live_doctor` asks: who watches what, and what became of it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from reflex_drf.live.journal import Entry, journal, logger
from reflex_drf.live.notices import notices
from reflex_drf.live.registry import live_models
from reflex_drf.live.relay import receivers, sender
from reflex_drf.live.viewers import Viewers

if TYPE_CHECKING:
    from reflex_drf.live.audience import Subscription
    from reflex_drf.seam.tabs import TabProcessor

__all__ = ["ASK", "REPORT", "VIEWERS", "Reporter"]

ASK, REPORT, VIEWERS = "doctor?", "doctor", "doctor viewers"
# Viewers that a report tells of, and how many of them one notice carries.
TOLD_VIEWERS, CHUNK = 100, 10
# Models of which a report tells the last change, so that it fits into a message.
TOLD_MODELS = 20
LONGEST_QUESTION = 64


class Reporter:
    """Keeps what the last refresh of each viewer came to, and answers those who ask.

    Used on the loop of its processor. A report carries names of states, keys and counts, and
    nothing of what is in a row.
    """

    def __init__(self, processor: TabProcessor) -> None:
        self._processor = processor
        self._loop = asyncio.get_running_loop()
        self._outcomes: dict[tuple[str, type[Any]], Entry] = {}
        notices.add(ASK, self._loop, self._answer)

    @classmethod
    def of(cls, processor: TabProcessor) -> Reporter:
        """Give the reporter of a process, of which each processor has its own."""
        return processor.companion(cls, processor)

    def note(self, subscription: Subscription, text: str) -> None:
        """Note what a refresh has come to."""
        if subscription.ended:
            # Its tab has been forgotten while it was refreshed.
            return
        key = (subscription.tab.token, subscription.state)
        self._outcomes[key] = Entry(time.time(), text)
        logger.debug("%s of %s: %s.", subscription.state.__name__, subscription.owner, text)

    def outcome(self, subscription: Subscription) -> Entry | None:
        """Give what the last refresh has come to."""
        return self._outcomes.get((subscription.tab.token, subscription.state))

    def end_tab(self, token: str) -> None:
        """Forget a tab."""
        self._outcomes = {key: each for key, each in self._outcomes.items() if key[0] != token}

    async def close(self) -> None:
        """Answer no longer."""
        notices.remove(ASK, self._loop, self._answer)

    async def settle(self) -> None:
        """Nothing of it is ever under way."""

    # -- Reports ------------------------------------------------------------------------------

    def _answer(self, who: str, question: Any) -> None:
        if not isinstance(question, str) or len(question) > LONGEST_QUESTION:
            return
        sender.say(REPORT, {"answers": question, **self.report()}, question)
        viewers = self.viewers()
        for start in range(0, len(viewers), CHUNK):
            body = {"answers": question, "viewers": viewers[start : start + CHUNK]}
            sender.say(VIEWERS, body, (question, start))

    def report(self) -> dict[str, Any]:
        """Tell of this process as a whole."""
        counts = Counter(each.label for each in Viewers.of(self._processor))
        receiver = receivers.get(self._loop)
        return {
            "process": f"{socket.gethostname()} {os.getpid()}",
            "listens": receiver is not None and receiver.connected.is_set(),
            "subscribers": dict(counts),
            "models": sorted(live_models.labels),
            "published": newest(journal.published),
            "received": newest(journal.received),
        }

    def viewers(self) -> list[dict[str, Any]]:
        """Tell of the viewers, those first whose last refresh is the newest."""
        told: list[dict[str, Any]] = []
        for each in Viewers.of(self._processor):
            outcome = self.outcome(each)
            told.append(
                {
                    "state": each.state.__name__,
                    "label": each.label,
                    "owner": each.owner,
                    "connected": each.tab.connected,
                    "failures": each.failures,
                    "at": outcome.at if outcome else None,
                    "outcome": outcome.text if outcome else "nothing has changed since",
                }
            )
        told.sort(key=lambda viewer: float(viewer["at"] or 0), reverse=True)
        return told[:TOLD_VIEWERS]


def newest(entries: dict[str, Entry]) -> dict[str, list[Any]]:
    """Give the last changes there were, of so many models as fit into a message."""
    last = sorted(entries.items(), key=lambda item: item[1].at, reverse=True)[:TOLD_MODELS]
    return {label: [entry.at, entry.text] for label, entry in last}
