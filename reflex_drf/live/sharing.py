"""One read for all viewers who would get the same answer to the same question."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest

from reflex_drf.backends import Reply
from reflex_drf.backends.watching import Dependencies, Names, values_of

__all__ = ["SharedReads"]

# Answers that are kept while refreshes are under way, and questions whose dependencies are known.
ANSWERS, QUESTIONS = 256, 1024
Ask = Callable[[Dependencies], Awaitable[Reply | None]]


@dataclass(slots=True, eq=False)
class Read:
    """One read that is under way or done: for whom it counts, and of when it is."""

    # What had been heard when it began: it shows that, and maybe more.
    began: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    # None as long as it runs, and for good where the answer is for one viewer alone.
    reply: Reply | None = None


class SharedReads:
    """The reads of one process, for as long as viewers are being refreshed.

    A read is shared by viewers who ask the same question, if all that the answer was found to
    depend on is the same for them, and if it began after the change each of them is told of.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._reads: OrderedDict[Hashable, Read] = OrderedDict()
        self._names: OrderedDict[Hashable, Names] = OrderedDict()

    def __len__(self) -> int:
        return len(self._reads)

    async def get(
        self, question: Hashable, origin: HttpRequest, since: int, ask: Ask
    ) -> tuple[Reply | None, int]:
        """Give an answer that shows what was heard until `since`, and until when it was current."""
        while True:
            names = self._names.get(question, frozenset())
            read = self._reads.get((question, names, values_of(names, origin)))
            if read is None or read.began < since:
                return await self._ask(question, origin, ask)
            await read.ended.wait()
            if read.reply is None:
                # It failed, or it is nobody else's business; no queue is formed behind the next.
                began = self._now()
                return await ask(Dependencies()), began
            if names == self._names.get(question):
                return copy_reply(read.reply), read.began

    async def _ask(
        self, question: Hashable, origin: HttpRequest, ask: Ask
    ) -> tuple[Reply | None, int]:
        names = self._names.get(question, frozenset())
        read, dependencies = Read(self._now()), Dependencies()
        self._keep((question, names, values_of(names, origin)), read)
        try:
            reply = await ask(dependencies)
            if reply is not None and is_common(reply, dependencies):
                read.reply = dataclasses.replace(copy_reply(reply), request=None)
                self._learn(question, origin, names | dependencies.names, read)
        finally:
            # Also when the tab that reads for all is closed meanwhile.
            read.ended.set()
        return reply, read.began

    def _learn(self, question: Hashable, origin: HttpRequest, names: Names, read: Read) -> None:
        """Note what an answer depends on; from then on it counts only for those who agree."""
        names |= self._names.pop(question, frozenset())
        self._names[question] = names
        while len(self._names) > QUESTIONS:
            self._names.popitem(last=False)
        self._keep((question, names, values_of(names, origin)), read)

    def _keep(self, key: Hashable, read: Read) -> None:
        self._reads.pop(key, None)
        self._reads[key] = read
        while len(self._reads) > ANSWERS:
            self._reads.popitem(last=False)

    def clear(self) -> None:
        """Keep no answer any longer."""
        self._reads.clear()


def is_common(reply: Reply, dependencies: Dependencies) -> bool:
    """Tell whether an answer may be given to others: a refusal, or what sets cookies, may not."""
    response = getattr(reply.request, "response", None)
    if not reply.ok or response is None or dependencies.private or not dependencies.watched:
        return False
    # Every viewer's own event has seen to his session's.
    return not set(response.cookies) - {django_settings.SESSION_COOKIE_NAME}


def copy_reply(reply: Reply) -> Reply:
    """Give an answer whose rows may be changed."""
    rows = None if reply.rows is None else copy_plain(reply.rows)
    # The rows are part of the body, and nobody looks at the body of a list that has rows.
    data = copy_plain(reply.data) if rows is None else None
    return dataclasses.replace(reply, rows=rows, data=data)


def copy_plain(value: Any) -> Any:
    """Copy JSON values; several times faster than `deepcopy`."""
    if isinstance(value, dict):
        return {name: copy_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copy_plain(item) for item in value]
    return value
