"""Who has which row open in other processes, as they say themselves from time to time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from reflex_drf.live.notices import CONNECTED, notices
from reflex_drf.live.relay import sender
from reflex_drf.live.transports import is_shared

__all__ = ["OtherProcesses"]

OPEN, ASK = "open", "open?"
# What a process has not said again for so long counts no more.
SAID_EVERY, FORGOTTEN_AFTER = 20.0, 50.0
# Rows, processes for each, and names for each of those that are remembered of others.
KNOWN_ROWS, KNOWN_PROCESSES, KNOWN_OWNERS = 10_000, 100, 100
Row = tuple[str, str]


class OtherProcesses:
    """What is open elsewhere, and telling elsewhere what is open here.

    Only a model, a key and the users' own keys travel; each process looks names up for itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        rows_here: Callable[[], set[Row]],
        owners_here: Callable[[Row], set[str]],
        tell: Callable[[Row], None],
    ) -> None:
        self._loop = loop
        self._rows_here = rows_here
        self._owners_here = owners_here
        self._tell = tell
        # For each row, what each process has said last, and until when that counts.
        self._known: OrderedDict[Row, dict[str, tuple[frozenset[str], float]]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None
        self._handlers = {OPEN: self._hear, ASK: self._answer, CONNECTED: self._connected}
        for kind, handler in self._handlers.items():
            notices.add(kind, loop, handler)

    def owners(self, row: Row) -> set[str]:
        """Give who has a row open elsewhere."""
        now = self._loop.time()
        said = self._known.get(row, {}).values()
        return {owner for owners, until in said if until > now for owner in owners}

    def announce(self, row: Row) -> None:
        """Tell the others who has a row open here."""
        if is_shared():
            self._say(row)
            if self._timer is None:
                # It may have heard the others for long, without anybody here who wanted to know.
                sender.say(ASK, None, None)
                self._timer = self._loop.call_later(SAID_EVERY, self._repeat)

    def close(self) -> None:
        """Tell the others that nothing is open here any more, and hear them no longer."""
        for kind, handler in self._handlers.items():
            notices.remove(kind, self._loop, handler)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            sender.say(OPEN, ["", "", []], None)

    def _say(self, row: Row) -> None:
        sender.say(OPEN, [*row, sorted(self._owners_here(row))[:KNOWN_OWNERS]], row)

    def _repeat(self) -> None:
        """Say again what still counts, and forget who did not."""
        self._timer = None
        rows = self._rows_here()
        for row in rows:
            self._say(row)
        now = self._loop.time()
        for row, said in list(self._known.items()):
            kept = {who: each for who, each in said.items() if each[1] > now}
            if len(kept) < len(said):
                self._keep(row, kept)
                self._tell(row)
        if rows:
            self._timer = self._loop.call_later(SAID_EVERY, self._repeat)

    def _keep(self, row: Row, said: dict[str, tuple[frozenset[str], float]]) -> None:
        self._known.pop(row, None)
        if said:
            self._known[row] = said
        while len(self._known) > KNOWN_ROWS:
            self._known.popitem(last=False)

    # -- Notices --------------------------------------------------------------------------------

    def _hear(self, who: str, body: object) -> None:
        if not isinstance(body, list) or len(body) != 3 or not isinstance(body[2], list):
            return
        label, pk, owners = body
        row = (str(label), str(pk))
        if not label:
            # It ends.
            self._forget(who)
            return
        before, now = self.owners(row), self._loop.time()
        known = [
            (other, each)
            for other, each in self._known.get(row, {}).items()
            if other != who and each[1] > now
        ]
        # The longest silent are forgotten first.
        said = dict(known[1 - KNOWN_PROCESSES :])
        if owners:
            said[who] = (frozenset(map(str, owners[:KNOWN_OWNERS])), now + FORGOTTEN_AFTER)
        self._keep(row, said)
        if self.owners(row) != before:
            self._tell(row)

    def _forget(self, who: str) -> None:
        for row, said in list(self._known.items()):
            if who in said:
                self._keep(row, {other: each for other, each in said.items() if other != who})
                self._tell(row)

    def _answer(self, who: str, body: object) -> None:
        for row in self._rows_here():
            self._say(row)

    def _connected(self, who: str, body: object) -> None:
        # What was said before, this process has not heard, and may not have been heard itself.
        self._answer(who, body)
        sender.say(ASK, None, None)
