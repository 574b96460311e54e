"""Changes out of this process and into it, through whichever transport the settings choose."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import random
import threading
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from contextvars import Context
from functools import partial
from typing import Any, cast

from reflex_drf.errors import ConfigurationError
from reflex_drf.live.broadcaster import LiveBroadcaster
from reflex_drf.live.changes import Changes, ModelChange, heard_change, unknown_rows
from reflex_drf.live.journal import journal
from reflex_drf.live.listening import ending_tasks, listeners
from reflex_drf.live.notices import CONNECTED, Outbox, notices
from reflex_drf.live.reminders import VERSIONS, Reminders
from reflex_drf.live.transports import Transport, current_transport, in_forks, retire

__all__ = ["Receiver", "Sender", "live_broadcaster", "publish", "stop_receiver"]

logger = logging.getLogger("reflex_drf.live")

FIRST_DELAY, LAST_DELAY = 0.1, 5.0
# Seconds a process that ends waits for its last changes to be sent.
FAREWELL = 5.0
# Senders are remembered, the longest silent forgotten first.
KNOWN_SENDERS = 4096
_process = uuid.uuid4().hex


def origin() -> str:
    """Name this process; a fork of it is another one."""
    return f"{_process}-{os.getpid()}"


def pause(attempt: int) -> float:
    """Give how long to wait after failing; not all processes come back at the same moment."""
    longest = min(FIRST_DELAY * 2.0 ** min(attempt, 16), LAST_DELAY)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


class Sender:
    """Sends changes from a thread of its own, which ends half a minute after the last of them.

    Who commits never waits for the transport. While it is down, changes wait, and if they get
    too many, only the names of their models.
    """

    def __init__(self) -> None:
        self._state = threading.Condition()
        self._waiting = Changes()
        self._notices = Outbox()
        self._versions: dict[str, int] = {}
        self._reminders = Reminders()
        self._thread: threading.Thread | None = None
        # Whether all is sent, and whether the process ends.
        self._idle, self._closing = True, False

    def put(self, changes: Iterable[ModelChange]) -> None:
        """Have changes sent, soon."""
        with self._state:
            self._waiting.extend(changes)
            self._start()

    def say(self, kind: str, body: Any, key: Any) -> None:
        """Have a notice sent, soon; of those with the same key only the last."""
        with self._state:
            self._notices.add(origin(), kind, body, key)
            self._start()

    def _start(self) -> None:
        if not len(self._waiting) and not len(self._notices):
            return
        self._idle = False
        self._state.notify_all()
        if self._thread is None or not self._thread.is_alive():
            # A daemon, so that a transport that is down cannot keep a process from ending.
            self._thread = threading.Thread(
                target=Context().run, args=(self._run,), name="reflex_drf.live", daemon=True
            )
            self._thread.start()

    def flush(self, timeout: float) -> bool:
        """Wait until everything is sent; False if that took too long."""
        with self._state:
            return self._state.wait_for(lambda: self._idle, timeout)

    def close(self, timeout: float) -> bool:
        """Send what there is, and end; False if that took too long."""
        with self._state:
            self._closing = True
            self._state.notify_all()
            return self._state.wait_for(lambda: self._thread is None, timeout)

    def _run(self) -> None:
        failures = 0
        while (taken := self._take()) is not None:
            changes, notices = taken
            if (error := self._send(changes, notices)) is None:
                failures = 0
                continue
            self._give_back(changes)
            if not failures:
                logger.warning("Live changes cannot be sent, and wait: %s", error)
            with self._state:
                self._state.wait(pause(failures))
            failures += 1

    def _send(self, changes: list[ModelChange], notices: list[str]) -> Exception | None:
        """Send by the transport of the moment, and give why that cannot be done."""
        try:
            transport = current_transport()
        except ConfigurationError as error:
            return error
        bound = transport.max_bytes
        # One that no message can carry would keep back all that waits with it.
        notices = [each for each in notices if len(each.encode()) <= bound]
        try:
            transport.send([*notices, *self._encode(changes, bound)])
        except Exception as error:  # noqa: BLE001 - also one without a name there loses nothing
            return error
        finally:
            retire(transport)
        return None

    def _take(self) -> tuple[list[ModelChange], list[str]] | None:
        with self._state:
            while not len(self._waiting) and not len(self._notices):
                if not self._rest():
                    return None
            self._idle = False
            # A notice that cannot be sent is gone.
            return self._waiting.take(), self._notices.take()

    def _rest(self) -> bool:
        """Wait for something to send, and remind of what was sent; False once that is enough."""
        self._idle, pause = True, self._reminders.pause()
        if pause is None:
            self._thread = None
        self._state.notify_all()
        if pause is None:
            return False
        if not self._state.wait(0 if self._closing else pause) or self._closing:
            for part, versions in enumerate(self._reminders.take(last=self._closing)):
                self._notices.add(origin(), VERSIONS, versions, part)
        return True

    def _give_back(self, changes: list[ModelChange]) -> None:
        with self._state:
            newer = self._waiting.take()
            self._waiting.extend([*changes, *newer])

    def _encode(self, changes: list[ModelChange], bound: int) -> list[str]:
        topics: dict[str, list[Any]] = {}
        for change in changes:
            topics.setdefault(change.model_label, []).append([change.action, change.pk])
        return [
            text for label, rows in topics.items() for text in self._messages(label, rows, bound)
        ]

    def _messages(self, label: str, rows: list[Any], bound: int) -> Iterable[str]:
        version = self._versions[label] = self._versions.get(label, 0) + 1
        text = json.dumps([origin(), label, version, rows])
        self._reminders.note(label, version)
        if len(text.encode()) <= bound:
            yield text
        elif len(rows) == 1:
            # A key as long as a page; that something changed fits.
            yield json.dumps([origin(), label, version, [[rows[0][0], None]]])
        else:
            self._versions[label] -= 1
            half = len(rows) // 2
            yield from self._messages(label, rows[:half], bound)
            yield from self._messages(label, rows[half:], bound)


class Receiver:
    """Listens to the other processes, for the subscribers of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, broadcaster: LiveBroadcaster) -> None:
        self._loop = loop
        self._broadcaster = broadcaster
        self._versions: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.connected = asyncio.Event()
        self.task = loop.create_task(self._run(), context=Context(), name="reflex_drf.live")

    async def _run(self) -> None:
        attempt = 0
        while True:
            transport = current_transport()
            try:
                await self._listen(transport)
            except Exception as error:
                if self.connected.is_set():
                    attempt = 0
                if not attempt:
                    text = "Live changes of other processes do not arrive: %s"
                    logger.warning(text, error, exc_info=not isinstance(error, transport.errors))
            self.connected.clear()
            await asyncio.sleep(pause(attempt))
            attempt += 1

    async def _listen(self, transport: Transport) -> None:
        messages = cast("AsyncGenerator[str | None]", transport.listen())
        async with aclosing(messages):
            async for message in messages:
                if message is None:
                    self.connected.set()
                    # Whatever was said meanwhile, nobody here has heard.
                    self._broadcaster.resync(self._loop)
                    notices.hand_out(CONNECTED, origin(), None, self._loop)
                else:
                    self.receive(message)

    def receive(self, message: str) -> None:
        """Hand on what another process says has changed."""
        try:
            content = json.loads(message)
            if isinstance(content, dict):
                self._receive_notice(**content)
                return
            sender, label, version, rows = content
            changes = [heard_change(str(label), action, pk) for action, pk in rows]
            if sender == origin():
                # Everyone here was told when it was published.
                return
            if self._missed(str(sender), str(label), version):
                changes = [unknown_rows(str(label))]
        except (KeyError, TypeError, ValueError, RecursionError):
            # Whatever it is, it must not end the listening.
            logger.warning("A message on the live channel is not one of reflex_drf's.")
            return
        journal.receive(changes, "transport")
        for change in changes:
            self._broadcaster.publish(change, loop=self._loop)

    def _receive_notice(self, kind: str, body: Any, **named: Any) -> None:
        # The sender goes by a word that Python keeps for itself.
        if (sender := str(named["from"])) == origin():
            return
        if kind == VERSIONS:
            self._compare(sender, body)
        else:
            notices.hand_out(str(kind), sender, body, self._loop)

    def _compare(self, sender: str, versions: dict[str, int]) -> None:
        """Have read again what a process has said more of than has arrived here."""
        for label, version in dict(versions).items():
            if self._versions.get((sender, label)) != version:
                # One more than that comes next.
                self._missed(sender, label, version)
                self._broadcaster.publish(unknown_rows(label), loop=self._loop)

    def _missed(self, sender: str, label: str, version: int) -> bool:
        if not isinstance(version, int):
            raise TypeError(version)
        last = self._versions.pop((sender, label), None)
        self._versions[(sender, label)] = version
        while len(self._versions) > KNOWN_SENDERS:
            self._versions.popitem(last=False)
        return last is not None and version != last + 1

    def stop(self) -> None:
        """Listen no longer."""
        self.task.cancel()


class Receivers:
    """One receiver for each event loop on which somebody wants to know of changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[asyncio.AbstractEventLoop, int] = {}
        self._receivers: dict[asyncio.AbstractEventLoop, Receiver] = {}
        self.ending: dict[asyncio.AbstractEventLoop, set[asyncio.Task[None]]] = {}

    def demand(self, loop: asyncio.AbstractEventLoop, by: int) -> None:
        """Begin to listen for the first subscriber of a loop, end with the last."""
        with self._lock:
            count = self._counts[loop] = self._counts.get(loop, 0) + by
            if count > 0 and loop not in self._receivers and current_transport().shared:
                self._receivers[loop] = Receiver(loop, live_broadcaster())
            elif count <= 0:
                del self._counts[loop]
                if (receiver := self._receivers.pop(loop, None)) is not None:
                    self.ending.setdefault(loop, set()).add(receiver.task)
                    receiver.task.add_done_callback(partial(self._ended, loop))
                    receiver.stop()

    def _ended(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
        self.ending[loop].discard(task)
        if not self.ending[loop]:
            del self.ending[loop]

    def get(self, loop: asyncio.AbstractEventLoop) -> Receiver | None:
        """Give the receiver of a loop, if it listens."""
        return self._receivers.get(loop)


receivers = Receivers()
sender = Sender()
# What waits is the parent's to send, whose thread does not exist in a fork.
in_forks(sender.__init__)  # type: ignore[misc]
_broadcaster = LiveBroadcaster(lambda loop, by: demand(loop, by))


def demand(loop: asyncio.AbstractEventLoop, by: int) -> None:
    """Listen for as long as somebody on a loop wants to know of changes."""
    receivers.demand(loop, by)
    listeners.demand(loop, by, _broadcaster)


def live_broadcaster() -> LiveBroadcaster:
    """Give the broadcaster of this process."""
    return _broadcaster


def publish(changes: Iterable[ModelChange]) -> None:
    """Tell of committed changes, here and in the other processes."""
    changes = list(changes)
    journal.publish(changes)
    for change in changes:
        _broadcaster.publish(change)
    if current_transport().shared:
        sender.put(changes)


async def stop_receiver() -> None:
    """Wait until those who listen on this loop have closed their connections, if they end."""
    loop = asyncio.get_running_loop()
    if tasks := ending_tasks(loop) | receivers.ending.get(loop, set()):
        await asyncio.wait(tasks)


@atexit.register
def say_farewell() -> None:
    """Let a command that ends send its last changes."""
    if not sender.close(FAREWELL):
        logger.error("Live changes could not be sent before this process ended.")
