"""The pool of database threads: which call runs when, and in which thread.

Only one thread at a time can run Python, and SQLite's driver lets go of it for each row. Threads
that read at the same time hand it to each other more often than they read, which costs a third of
their time. So where SQLite is all there is, calls take turns: one begins when another ends, or when
all that run have been at it for so long that they most likely wait for something.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque

from django.db import connections
from django.db.utils import load_backend

from reflex_drf.bridge.connections import DatabaseThread, Sweeper
from reflex_drf.bridge.jobs import Job, Owner, deliver
from reflex_drf.conf import settings

__all__ = ["ThreadPool"]

# Seconds after which a call is taken for one that waits: more than most take that only compute.
PATIENCE = 0.004
# The same, while the processor is at work.
LONG_PATIENCE = 0.02
# Where calls take turns, how many may have ended before the event loop hears of them while others
# wait, and for how many seconds: whenever it hears of some, it wants the interpreter as well.
TOGETHER = 8
LONGEST = 0.02
# Seconds of rest after which Django is to ask a connection whether its server still has it; to
# ask before each event would be one more trip for each.
REST = 1.0


class ThreadPool:
    """A fixed number of threads, each taken by the events that need it least.

    Only when all are blocked by synchronous middleware, whose handlers wait for something else,
    there is one more for each further event, as long as that event lasts.
    """

    # Calls are handed over on the loop and end in their threads. One lock for all pools, since the
    # calls that wait go from one that is retired to the next.
    lock = threading.Lock()

    def __init__(self, size: int) -> None:
        self.size = size
        self.process = os.getpid()
        self.threads = [DatabaseThread(number) for number in range(size)]
        # For calls that are known to be short, while all others wait for something.
        self.spare = DatabaseThread("spare")
        self.waiting: deque[Job] = deque()
        # Those that have ended, and since when the first of them waits to be delivered.
        self._ended: list[Job] = []
        self._since = 0.0
        self.takes_turns = is_sqlite_alone()
        self._sweeper = Sweeper(lambda: self.all)
        self._retired = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def all(self) -> list[DatabaseThread]:
        """All threads, the spare one among them."""
        return [*self.threads, self.spare]

    # -- Handing over, on the event loop --------------------------------------------------------

    def hand_over(self, job: Job, thread: DatabaseThread | None, *, hold: bool = False) -> bool:
        """Let a call run: in its event's thread, else in the next one that may.

        False if the pool takes no more, as when another thread has just ended it.
        """
        with self.lock:
            if thread is None and self._retired:
                return False
            if thread is not None:
                self._queue(thread, job)
            elif hold:
                whole = self._claim_whole()
                whole.held = job.is_wanted()
                self._give(whole, job)
                whole.executor.submit(self._work, whole, job)
            else:
                self.waiting.append(job)
        if self.waiting:
            self._look()
        if not job.binds and settings.CONNECTION_SECONDS:
            # The end of its event says nothing about the thread that it ran in.
            self._sweeper.wake()
        return True

    def _look(self) -> None:
        """Begin with calls that wait, if any may; and look again as long as any does."""
        with self.lock:
            self._give_turns()
            ended = self._take_ended()
        deliver(ended)
        if self.waiting:
            loop = asyncio.get_running_loop()
            # A loop that has ended has taken its timer with it.
            if self._timer is None or self._loop is not loop:
                self._loop, self._timer = loop, loop.call_later(PATIENCE, self._look_again)

    def _look_again(self) -> None:
        self._timer = None
        self._look()

    # -- Under the lock -------------------------------------------------------------------------

    def _give_turns(self) -> None:
        if not self.waiting or self._retired:
            return
        running = [t for t in self.all if t.pending and not t.held]
        if self.takes_turns and not all(map(is_waiting, running)):
            return
        # Where all wait, those that follow most likely wait as well.
        for thread in self._find_idle()[: len(running) or 1]:
            if (job := self._next_for(thread)) is not None:
                thread.executor.submit(self._work, thread, job)

    def _take_ended(self) -> list[Job]:
        """Give the calls to deliver now; none as long as others wait that end soon."""
        ended = self._ended
        more_to_come = self.takes_turns and self.waiting and not self._retired
        if more_to_come and len(ended) < TOGETHER and time.monotonic() - self._since < LONGEST:
            return []
        self._ended = []
        return ended

    def _find_idle(self) -> list[DatabaseThread]:
        # An idle thread that long background events have used once is better than one at work.
        free = [thread for thread in self.threads if not thread.is_taken]
        idle = [thread for thread in free if not thread.pending]
        if idle:
            return sorted(idle, key=lambda thread: thread.events)
        if not free:
            return [self._extra()]
        # Behind a call in the spare thread that is not as short, others would wait for that alone.
        return [] if self.spare.pending else [self.spare]

    def _next_for(self, thread: DatabaseThread) -> Job | None:
        """Give a thread the first call that waits for it, and was not cancelled meanwhile."""
        for job in [*self.waiting]:
            if job.brief or thread is not self.spare:
                self.waiting.remove(job)
                if not job.brief and (own := job.owner.thread) is not None:
                    # Its event was given a thread for another of several calls at once.
                    self._queue(own, job)
                elif job.owner.ended:
                    # Nobody would give back the thread that it was bound to now.
                    job.cancel()
                elif job.is_wanted():
                    self._give(thread, job)
                    return job
        return None

    def _queue(self, thread: DatabaseThread, job: Job) -> None:
        if not thread.pending:
            note_start(thread)
        thread.pending += 1
        thread.executor.submit(self._work, thread, job)

    def _give(self, thread: DatabaseThread, job: Job) -> None:
        thread.pending += 1
        thread.used = thread.unswept = job.opens = True
        thread.rested = time.monotonic() - thread.since > REST
        note_start(thread)
        if job.binds:
            thread.events += 1
            job.owner.bind(self, thread)

    def _claim_whole(self) -> DatabaseThread:
        # Whoever waited for a held thread could wait for ever, since the handler that holds it may
        # itself wait for that event.
        free = [thread for thread in self.threads if not thread.is_taken and not thread.events]
        return min(free, key=lambda thread: thread.pending) if free else self._extra()

    def _extra(self) -> DatabaseThread:
        thread = DatabaseThread(len(self.threads))
        self.threads.append(thread)
        return thread

    # -- In the thread --------------------------------------------------------------------------

    def _work(self, thread: DatabaseThread, job: Job | None) -> None:
        """Make a call, and then those that waited for a thread."""
        while job is not None:
            if thread.transaction_of not in (None, job.owner):
                self._postpone(thread, job)
                return
            note_start(thread)
            if job.opens or job.is_wanted():
                job.run(thread)
            job = self._end(thread, job)

    def _end(self, thread: DatabaseThread, ended: Job) -> Job | None:
        """Count a call out, and give the thread another one, if it has none of its own."""
        leaves_transaction = thread.has_transaction()
        with self.lock:
            thread.pending -= 1
            if leaves_transaction:
                self._keep_apart(thread, ended.owner)
            elif thread.transaction_of is not None:
                self._let_in(thread)
            if not self._ended:
                self._since = time.monotonic()
            self._ended.append(ended)
            following = self._follow(thread)
            delivered = self._take_ended()
        deliver(delivered)
        return following

    def _follow(self, thread: DatabaseThread) -> Job | None:
        if thread.pending or thread.is_taken:
            return None
        # One too many, whose last event ended in the middle of this call, is closed by now.
        if not thread.events and (thread in self.threads or thread is self.spare):
            return self._next_for(thread)
        # One that other events go on in is the last to be bound to yet another one.
        self._give_turns()
        return None

    # -- Transactions that are open between two calls ---------------------------------------------

    def _keep_apart(self, thread: DatabaseThread, owner: Owner) -> None:
        """Let nobody else write into a transaction that an event has open; under the lock."""
        thread.transaction_of = owner
        if owner.thread is not thread and not thread.closed:
            # Cancelled in the middle of the call, or to go on in any thread: nobody will end it.
            thread.executor.submit(self._undo, thread, owner)

    def _postpone(self, thread: DatabaseThread, job: Job) -> None:
        with self.lock:
            thread.pending -= 1
            thread.postponed.append(job)

    def _undo(self, thread: DatabaseThread, owner: Owner) -> None:
        # Its last call may have ended it meanwhile, and another event begun one.
        if thread.transaction_of is owner:
            thread.roll_back()
            with self.lock:
                self._let_in(thread)

    def _let_in(self, thread: DatabaseThread) -> None:
        thread.transaction_of = None
        postponed, thread.postponed = thread.postponed, []
        for job in postponed:
            if thread.closed:
                job.cancel()
            else:
                self._queue(thread, job)

    # -- The end of an event, and of the pool ---------------------------------------------------

    def release(self, thread: DatabaseThread, owner: Owner) -> None:
        """Take an ended event off its thread, whose connections may serve the next one."""
        with self.lock:
            thread.events -= 1
            thread.held = False
            if thread.transaction_of is owner and not thread.closed:
                thread.executor.submit(self._undo, thread, owner)
            surplus = not thread.events and len(self.threads) > self.size
            if surplus:
                self.threads.remove(thread)
            retired, events = self._retired, thread.events
        if not (retired or surplus):
            if events or not settings.CONNECTION_SECONDS:
                # An event that goes on in this thread must not find a connection broken.
                thread.executor.submit(thread.tidy, 0)
            if settings.CONNECTION_SECONDS:
                self._sweeper.wake()
        elif not events:
            self._close(thread)

    def retire(self) -> list[Job]:
        """Let no new event in; each thread ends with its last event. Gives the calls that wait."""
        with self.lock:
            self._retired = True
            waiting = [*self.waiting]
            self.waiting.clear()
            ended = self._take_ended()
            idle = [thread for thread in self.threads if not thread.events]
        deliver(ended)
        for thread in [*idle, self.spare]:
            self._close(thread)
        return waiting

    def join(self) -> None:
        """End all threads, also those of events that are still open, and wait for it."""
        for thread in self.all:
            self._close(thread)
            thread.executor.shutdown(wait=True)
            for job in thread.postponed:
                job.cancel()

    def _close(self, thread: DatabaseThread) -> None:
        # Under the lock, so that what is about to hand it something knows.
        with self.lock:
            thread.close()


def is_sqlite_alone() -> bool:
    """Tell whether all databases are SQLite's."""
    engines = {options["ENGINE"] for options in connections.settings.values()}
    return {load_backend(engine).DatabaseWrapper.vendor for engine in engines} == {"sqlite"}


def note_start(thread: DatabaseThread) -> None:
    """Note when a call began."""
    thread.since, thread.processor = time.monotonic(), time.process_time()


def is_waiting(thread: DatabaseThread) -> bool:
    """Tell whether a thread's call most likely waits for something, and does not compute."""
    taken = time.monotonic() - thread.since
    # On a busy machine a call that computes takes long as well; but then this process does work.
    idle = time.process_time() - thread.processor < taken / 4
    return taken > (PATIENCE if idle else LONG_PATIENCE)
