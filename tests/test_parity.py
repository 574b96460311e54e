"""A call means the same over HTTP, in process and through the HTTP backend.

HTTP with DRF's own client is the measure: each case starts from the same rows, goes each way
once, and must come to the same status, body, headers and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.core.handlers.asgi import ASGIHandler
from django.core.management import call_command
from django.db import connection, transaction
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from reflex_drf.backends import Reply
from reflex_drf.backends.http import HttpBackend
from tests import settings as project
from tests.parity.cases import CASES, STATUSES, USERS, Case
from tests.parity.rows import make_rows, reset_sequences
from tests.parity.ways import (
    HeaderBackend,
    Outcome,
    in_process,
    over_backend,
    over_http,
    over_socket,
)

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@pytest.fixture(scope="module", autouse=True)
def _project() -> Iterator[None]:
    """A project with a tenant middleware, and files that vanish with the process."""
    with override_settings(
        ROOT_URLCONF="tests.parity.urls",
        MIDDLEWARE=[*project.MIDDLEWARE, "tests.parity.middleware.TenantMiddleware"],
        STORAGES=STORAGES,
    ):
        yield


@pytest.fixture(autouse=True)
def _atomic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


def from_the_start(way: Callable[[], Outcome]) -> Outcome:
    """Go one way, and leave nothing behind for the next."""
    cache.clear()
    reset_sequences()
    # Telling of the change makes the storage in memory new, and so empty.
    with override_settings(STORAGES=STORAGES), transaction.atomic():
        outcome = way()
        transaction.set_rollback(True)
    return outcome


@pytest.fixture
def backend() -> HttpBackend:
    """The project behind the HTTP backend, in the test's own thread and transaction."""
    return HeaderBackend("http://testserver", transport=httpx.ASGITransport(ASGIHandler()))


@pytest.mark.django_db
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_every_way(case: Case, backend: HttpBackend) -> None:
    session = make_rows().get(case.user)

    with override_settings(**case.settings):
        expected = from_the_start(lambda: over_http(case, session))
        direct = from_the_start(lambda: in_process(case, session))
        distant = from_the_start(lambda: over_backend(case, session, backend))

    assert direct == expected
    assert distant == expected
    check_status(case, expected)
    compare_replies(case, direct, distant)


def check_status(case: Case, outcome: Outcome) -> None:
    """Three ways that agree must also agree on what the project allows."""
    if case.name in STATUSES and case.user in USERS:
        status = STATUSES[case.name][USERS.index(case.user)]
        assert status in (None, outcome.answers[-1]["status"])


def compare_replies(case: Case, direct: Outcome, distant: Outcome) -> None:
    """Whoever reads the replies must not notice which way they came."""
    for ours, theirs in zip(direct.replies, distant.replies, strict=True):
        assert ours.ok == theirs.ok
        assert ours.rows == theirs.rows
        assert (ours.page is None) == (theirs.page is None)
        assert (ours.errors is None) == (theirs.errors is None)
        if not case.own_envelope:
            assert ours.page == theirs.page
            assert read_errors(ours) == read_errors(theirs)


def read_errors(reply: Reply) -> Any:
    errors = reply.errors
    return errors and (errors.status, errors.message, errors.fields, errors.wait)


def test_the_table_is_large_and_has_every_kind_of_user() -> None:
    assert len(CASES) >= 300
    assert set(USERS) <= {case.user for case in CASES}


OVER_A_SOCKET = (
    "list-anonymous",
    "page_2-plain",
    "create-permitted",
    "invalid_create-superuser",
    "late_failure-superuser",
    "discontinue-plain",
    "upload-permitted",
    "token_create-token",
    "tenant_vault_list-superuser",
    "tenant_moved_list-anonymous",
    "order_create-plain",
    "linked_list-anonymous",
    "throttled_list-plain",
    "key_is_too_big-anonymous",
    "odd_text-anonymous",
)


@pytest.fixture
def server(transactional_db: None) -> Iterator[LiveServer]:
    """A server of this project: the one of pytest-django's fixture may be another test's."""
    server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.mark.django_db(transaction=True)
def test_the_same_over_a_real_socket(server: LiveServer) -> None:
    """Some of the cases once more, each after the other, through a server with its own threads."""
    host = server.url.removeprefix("http://")
    backend = HeaderBackend(server.url)
    chosen = [case for case in CASES if str(case) in OVER_A_SOCKET]
    assert len(chosen) == len(OVER_A_SOCKET)

    for case in chosen:
        cache.clear()
        expected = on_new_rows(lambda session, case=case: over_http(case, session, host), case)
        cache.clear()
        distant = on_new_rows(
            lambda session, case=case: over_socket(case, session, backend, host), case
        )
        assert distant == expected, str(case)


def on_new_rows(way: Callable[[str | None], Outcome], case: Case) -> Outcome:
    """Go one way with committed rows, which another thread can see, and empty the tables."""
    session = make_rows().get(case.user)
    try:
        with override_settings(STORAGES=STORAGES):
            return way(session)
    finally:
        call_command("flush", verbosity=0, interactive=False)
