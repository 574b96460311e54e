"""Finds out why a change does not arrive, by asking the transport and the workers behind it."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from django.core.checks import CheckMessage
from django.db import DatabaseError, connections

from reflex_drf.conf import settings
from reflex_drf.live.changes import model_label
from reflex_drf.live.checks import check_live, check_triggers
from reflex_drf.live.listening import labels_of
from reflex_drf.live.registry import find_model, live_models
from reflex_drf.live.reporting import ASK, REPORT, VIEWERS
from reflex_drf.live.transports import Transport, current_transport
from reflex_drf.live.triggers import known_tables

__all__ = ["Findings", "examine"]

PATIENCE = 10.0


@dataclass
class Findings:
    """What was found; what is in `problems` keeps changes from arriving."""

    transport: str = ""
    shared: bool = False
    # Milliseconds from sending to hearing, None where nothing came back.
    round_trip: float | None = None
    models: list[str] = field(default_factory=list)
    triggers: dict[str, list[str]] = field(default_factory=dict)
    workers: list[dict[str, Any]] = field(default_factory=list)
    viewers: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    def about(self, label: str | None, owner: str | None) -> list[dict[str, Any]]:
        """Give the viewers of a model, and of a user."""
        return [
            viewer
            for viewer in self.viewers
            if label in (None, viewer["label"]) and owner in (None, viewer["owner"])
        ]


def examine(wait: float) -> Findings:
    """Look at all there is; the workers get `wait` seconds for their answers."""
    findings = Findings()
    for message in check_live():
        note_check(findings, message)
    if any(problem.startswith('REFLEX_DRF["LIVE_TRANSPORT"]') for problem in findings.problems):
        # There is none to ask.
        return findings
    findings.models = sorted(
        {model_label(find_model(name)) for name in settings.LIVE_MODELS} | set(live_models.labels)
    )
    for alias in connections:
        try:
            look_at(alias, findings)
        except DatabaseError as error:
            findings.problems.append(f"The database {alias!r} cannot be asked: {error}")
    ask(findings, wait)
    return findings


def look_at(alias: str, findings: Findings) -> None:
    """Look which tables of a database tell of themselves."""
    for message in check_triggers(databases=[alias]):
        note_check(findings, message)
    if tables := sorted(known_tables.get(alias)):
        findings.triggers[alias] = [label for table in tables for label in labels_of(table)]


def note_check(findings: Findings, message: CheckMessage) -> None:
    """Take over what a system check says."""
    text = f"{message.msg} {message.hint or ''}".strip()
    (findings.problems if message.is_serious() else findings.hints).append(text)


def ask(findings: Findings, wait: float) -> None:
    """Ask the transport for a message of one's own, and the workers for a report."""
    transport = current_transport()
    findings.transport, findings.shared = describe(transport), transport.shared
    if not transport.shared:
        findings.hints.append(
            "Changes stay in the process that made them, so this command reaches no worker, and "
            'no worker hears of what a command writes: set REFLEX_DRF["LIVE_TRANSPORT"]. What '
            'happens inside a worker, the logger "reflex_drf.live" says at the level DEBUG.'
        )
        return
    try:
        asyncio.run(Question(transport, findings).put(wait))
    except TimeoutError:
        findings.problems.append(f"The transport does not answer within {PATIENCE:.0f} seconds.")
    except transport.errors as error:
        findings.problems.append(f"The transport cannot be used: {error}")
    else:
        judge(findings)


def describe(transport: Transport) -> str:
    """Name a transport and where it is, without its password."""
    name = type(transport).__name__
    if not transport.shared or not settings.LIVE_URL:
        return name
    parts = urlsplit(settings.LIVE_URL)
    where = parts.netloc.rpartition("@")[2] + parts.path
    return f"{name} at {where}, channel {settings.LIVE_CHANNEL}"


class Question:
    """One message on the channel, which comes back itself and is answered by workers."""

    def __init__(self, transport: Transport, findings: Findings) -> None:
        self._transport = transport
        self._findings = findings
        self._id = uuid.uuid4().hex
        self._asked = 0.0
        self._back = asyncio.Event()

    async def put(self, wait: float) -> None:
        """Ask, and take in what comes within some seconds after the question has come back."""
        listening = asyncio.create_task(self._listen())
        try:
            back = asyncio.create_task(self._back.wait())
            await asyncio.wait(
                [listening, back], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            if listening.done():
                listening.result()
            if not back.done():
                back.cancel()
                raise TimeoutError
            await asyncio.wait([listening], timeout=wait)
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _listen(self) -> None:
        messages = cast("AsyncGenerator[str | None]", self._transport.listen())
        async with aclosing(messages):
            async for message in messages:
                if message is None:
                    self._asked = time.monotonic()
                    # Not by the name of this process: also a worker in it is to answer.
                    text = json.dumps({"from": self._id, "kind": ASK, "body": self._id})
                    await asyncio.to_thread(self._transport.send, [text])
                else:
                    self._take(message)

    def _take(self, message: str) -> None:
        try:
            content = json.loads(message)
        except (ValueError, RecursionError):
            return
        if not isinstance(content, dict):
            return
        kind, body = content.get("kind"), content.get("body")
        if kind == ASK and body == self._id:
            self._findings.round_trip = (time.monotonic() - self._asked) * 1000
            self._back.set()
        elif isinstance(body, dict) and body.get("answers") == self._id:
            if kind == REPORT and is_report(body):
                self._findings.workers.append(body)
            elif kind == VIEWERS and is_list_of_viewers(body.get("viewers")):
                self._findings.viewers += body["viewers"]
            else:
                self._findings.hints.append(
                    "A worker has answered in a way that is not understood here: it runs another "
                    "version of reflex_drf."
                )


def is_report(body: dict[str, Any]) -> bool:
    """Tell whether a report has what is told of it."""
    logs = [body.get(name) for name in ("published", "received")]
    entries = [each for log in logs if isinstance(log, dict) for each in log.values()]
    return (
        all(isinstance(log, dict) for log in logs)
        and isinstance(body.get("subscribers"), dict)
        and isinstance(body.get("models"), list)
        and "process" in body
        and all(isinstance(each, list) and len(each) == 2 for each in entries)
        and all(isinstance(at, int | float) for at, _ in entries)
    )


def is_list_of_viewers(viewers: object) -> bool:
    """Tell whether viewers have what is told of them."""
    wanted = {"state", "label", "owner", "at", "outcome"}
    return isinstance(viewers, list) and all(
        isinstance(each, dict) and wanted <= set(each) and isinstance(each["owner"], str)
        for each in viewers
    )


def judge(findings: Findings) -> None:
    """Say what the answers mean."""
    if not findings.workers:
        findings.hints.append(
            "No worker has answered: none runs with this transport, channel and address, or none "
            "has a live page open. Only workers with subscribers listen."
        )
    for worker in findings.workers:
        unheard = sorted(label for label in worker["subscribers"] if label not in worker["models"])
        told = {label for labels in findings.triggers.values() for label in labels}
        if missing := [label for label in unheard if label not in told]:
            findings.problems.append(
                f"{worker['process']} shows {', '.join(missing)}, but does not publish it."
            )
    watched = {label for worker in findings.workers for label in worker["subscribers"]}
    silent = (
        watched
        - set(findings.models)
        - {label for labels in findings.triggers.values() for label in labels}
    )
    if silent:
        findings.hints.append(
            f"Commands and task queues do not publish {', '.join(sorted(silent))}: name it in "
            'REFLEX_DRF["LIVE_MODELS"], or add live triggers on PostgreSQL.'
        )
