"""The three ways a request can go, and what is compared afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest
from rest_framework.test import APIClient

from reflex_drf.backends import Reply
from reflex_drf.backends.http import HttpBackend
from reflex_drf.backends.inprocess import InProcessBackend
from tests.origin import make_origin
from tests.parity.cases import Case
from tests.parity.rows import read_rows, without_clock

HEADERS = ("Allow", "Content-Language", "Location", "Retry-After", "WWW-Authenticate", "X-Handled")


@dataclass(kw_only=True)
class Outcome:
    """What a case came to: the answers to its requests, and the rows after them."""

    answers: list[dict[str, Any]]
    rows: dict[str, Any] = field(default_factory=read_rows)
    replies: list[Reply] = field(default_factory=list, compare=False)


class HeaderBackend(HttpBackend):
    """Sends on the token that came with the viewer's request."""

    def get_credentials(self, origin: HttpRequest) -> Mapping[str, str]:
        value = origin.META.get("HTTP_AUTHORIZATION")
        return {"Authorization": value} if value else {}


def over_http(case: Case, session: str | None, host: str = "testserver") -> Outcome:
    """Send the case with DRF's own test client, the measure of the other two."""
    client = APIClient(HTTP_HOST=host)
    if session:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    path = case.path + (f"?{query_string(case.query)}" if case.query else "")
    answers = []
    for _ in range(case.times):
        files = case.files()
        body = {**case.data, **files} if files else case.data
        kind = {"format": "multipart" if files else "json"} if body is not None else {}
        response = client.generic if body is None else getattr(client, case.method.lower())
        sent = response(case.method, path, **case.meta) if body is None else response(
            path, body, **kind, **case.meta
        )  # fmt: skip
        answers.append(answer(sent.status_code, read_body(sent), sent.headers))
    return Outcome(answers=answers)


def query_string(query: dict[str, Any]) -> str:
    """Spell the query as a browser's script would."""
    spelled = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
    }
    return urlencode(spelled, doseq=True)


def read_body(response: Any) -> Any:
    """Read what was really sent; a body of no type is none."""
    kind = response.headers.get("Content-Type")
    if kind is None:
        return None
    return json.loads(response.content) if "json" in kind else response.content.decode()


def in_process(case: Case, session: str | None) -> Outcome:
    """Run the case through Django's handler, in this thread."""
    backend = InProcessBackend()
    return collect(case, lambda: backend.run_sync(make_origin(session, **case.meta), case.call()))


def over_backend(case: Case, session: str | None, backend: HttpBackend) -> Outcome:
    """Send the case with the HTTP backend; views run in this thread, and see its transaction."""
    with keep_connection():
        return over_socket(case, session, backend, "testserver")


def over_socket(case: Case, session: str | None, backend: HttpBackend, host: str) -> Outcome:
    """Send the case with the HTTP backend to wherever the backend leads."""
    run = async_to_sync(backend.run)
    return collect(case, lambda: run(make_origin(session, host=host, **case.meta), case.call()))


@contextmanager
def keep_connection() -> Iterator[None]:
    """Keep the end of a request from closing the test's connection, as Django's client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


def collect(case: Case, run: Callable[[], list[Reply]]) -> Outcome:
    replies = [reply for _ in range(case.times) for reply in run()]
    answers = [answer(reply.status, reply.data, reply.headers) for reply in replies]
    return Outcome(answers=answers, replies=replies)


def answer(status: int, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    lower = {name.lower(): value for name, value in headers.items()}
    shown = {name: lower[name.lower()] for name in HEADERS if name.lower() in lower}
    return {"status": status, "body": without_clock(body), "headers": shown}
