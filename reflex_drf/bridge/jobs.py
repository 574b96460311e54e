"""Calls on their way to a database thread, and their results on the way back to the event loop.

What a thread tells a loop wakes it, and then both want the interpreter. So several results go in
one message, and the futures are the loop's own, which need no second message to be passed on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from reflex_drf.bridge.connections import DatabaseThread

__all__ = ["Job", "Owner", "deliver", "tell"]


class Owner(Protocol):
    """The event that a call belongs to."""

    ended: bool

    @property
    def thread(self) -> DatabaseThread | None:
        """The thread that it is bound to."""

    def bind(self, pool: Any, thread: DatabaseThread) -> None:
        """Keep a thread until the event ends."""


class Job:
    """One call, with the future of its result, made on the event loop that waits for it."""

    def __init__(
        self, owner: Owner, call: Callable[[], Any], *, brief: bool, binds: bool = True
    ) -> None:
        # What is brief is no part of the handler's own work, and binds its event to no thread.
        self.owner, self.call, self.brief, self.binds = owner, call, brief, binds and not brief
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: BaseException | None = None
        # Whether the thread has to be made ready for another event than before.
        self.opens = False

    def is_wanted(self) -> bool:
        """Tell whether somebody still waits for it; whoever stops later does so in vain."""
        return not self.future.cancelled()

    def run(self, thread: DatabaseThread) -> None:
        """Make the call, and keep what came of it until it is delivered."""
        try:
            if self.opens:
                thread.tidy(int(self.binds))
            self.result = self.call()
        except BaseException as error:  # noqa: BLE001 - raised where the call is awaited
            self.error = error
            # The error's traceback leads to this frame, which would lead to the error.
            del self

    def settle(self) -> None:
        """Let whoever awaits the call go on; on its loop."""
        # The future holds it from now on, and nothing else may.
        error, self.error = self.error, None
        if self.future.done():
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(self.result)

    def cancel(self) -> None:
        """Let nobody wait for a call that will not be made; from any thread."""
        tell(self.future.get_loop(), self.future.cancel)


def deliver(ended: list[Job]) -> None:
    """Let those who wait for calls go on, in one message to each loop."""
    for loop in {job.future.get_loop() for job in ended}:
        tell(loop, settle_all, [job for job in ended if job.future.get_loop() is loop])


def settle_all(jobs: list[Job]) -> None:
    """Let those go on who wait on one loop."""
    for job in jobs:
        job.settle()


def tell(loop: asyncio.AbstractEventLoop, call: Callable[..., Any], *args: Any) -> None:
    """Have a loop do something, from any thread; on one that has ended, nobody waits any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)
