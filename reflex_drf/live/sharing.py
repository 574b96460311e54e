"""One read for all viewers who would get the same answer to the same question."""

from __future__ import annotations

import asyncio
import dataclasses
import marshal
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
    answer: Answer | None = None


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
        tried: Read | None = None
        while True:
            names = self._names.get(question, frozenset())
            read = self._reads.get((question, names, values_of(names, origin)))
            if read is None or read is tried or read.began < since:
                return await self._ask(question, origin, ask)
            await read.ended.wait()
            if read.answer is None:
                # It failed, or it is nobody else's business; no queue is formed behind the next.
                began = self._now()
                return await ask(Dependencies()), began
            if read.answer.fits(origin):
                return read.answer.copy(), read.began
            # It depends on more than was known when it began.
            tried = read

    async def _ask(
        self, question: Hashable, origin: HttpRequest, ask: Ask
    ) -> tuple[Reply | None, int]:
        names = self._names.get(question, frozenset())
        read, dependencies = Read(self._now()), Dependencies()
        self._keep((question, names, values_of(names, origin)), read)
        try:
            reply = await ask(dependencies)
            if reply is not None and is_common(reply, dependencies):
                read.answer = keep(reply, dependencies.names, origin)
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


@dataclass(slots=True, frozen=True)
class Answer:
    """What is kept of a reply: all but its request, and its rows as bytes."""

    reply: Reply
    content: bytes
    # What it depends on, and what that was for the viewer who has read it.
    names: Names
    values: tuple[Any, ...]

    def fits(self, origin: HttpRequest) -> bool:
        """Tell whether another viewer would get the same."""
        return values_of(self.names, origin) == self.values

    def copy(self) -> Reply:
        """Give the reply, with rows that may be changed."""
        # Bytes of this process's own making, several times as fast as any other copy.
        rows, data = marshal.loads(self.content)  # noqa: S302
        return dataclasses.replace(self.reply, rows=rows, data=data)


def keep(reply: Reply, names: Names, origin: HttpRequest) -> Answer | None:
    """Keep a reply for others; None if it holds more than plain values."""
    # The rows are part of the body, and nobody looks at the body of a list that has rows.
    content = reply.rows, reply.data if reply.rows is None else None
    try:
        kept = marshal.dumps(content)
    except ValueError:
        return None
    bare = dataclasses.replace(reply, rows=None, data=None, request=None)
    return Answer(bare, kept, names, values_of(names, origin))
