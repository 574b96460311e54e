"""Days of a busy office: of whoever comes, works, gets into trouble and leaves, nothing stays."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from reflex.istate.manager.memory import StateManagerMemory

from benchmarks import office_states
from benchmarks.office import Figures, Office, expected, take_figures
from reflex_drf.bridge.threads import pools
from reflex_drf.live import live_broadcaster
from reflex_drf.live.relay import receivers
from reflex_drf.testing import Worker
from tests.living import Cable
from tests.test_live_transports import SERVERS, choose
from tests.test_threads import call

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 6
# Until everything that is made once is made.
WARM_UP = 2
# No connection is closed, and another one opened, while they are counted.
LASTING = {"CONNECTION_SECONDS": 3600}


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # What goes wrong here is logged, and pytest would keep each record with all its frames.
    logging.disable(logging.CRITICAL)
    # The thread that sends would otherwise stay for half a minute after the last change.
    monkeypatch.setattr("reflex_drf.live.reminders.PAUSES", ())
    yield
    logging.disable(logging.NOTSET)


async def open_connections() -> None:
    """Open all that the pool may ever have: later, how many are needed at once is up to chance."""
    pool = pools.current()
    meeting = threading.Barrier(pool.size, timeout=30)

    def open_one() -> None:
        connection.ensure_connection()
        meeting.wait()

    await asyncio.gather(*(call(open_one) for _ in range(pool.size)))
    pool.spare.used = True
    # The connection is looked up in the thread: each has its own.
    await asyncio.wrap_future(pool.spare.executor.submit(lambda: connection.ensure_connection()))


async def work(hours: int, cable: Cable | None = None) -> list[Figures]:
    """Let the office work, and give what is left after each hour."""
    await open_connections()
    manager = StateManagerMemory()  # type: ignore[abstract]
    left = []
    async with Worker(state_manager=manager, exception_handler=expected) as worker:
        office = Office(worker, PEOPLE)
        for _ in range(WARM_UP + hours):
            if cable is not None:
                cable.lose()
            await office.hour()
            left.append(await take_figures(worker))
            assert office_states.OfficeViewSet.failing == 0
        assert office.refreshed > 0
    assert live_broadcaster().labels == []
    assert receivers._receivers == {}
    assert receivers._counts == {}
    return left[WARM_UP:]


def check(left: list[Figures]) -> None:
    """Insist that the end is like the beginning."""
    for each in left:
        assert (each.subscriptions, each.labels, each.states) == (0, 0, 0)
        assert each.tasks <= left[0].tasks
        assert each.timers <= left[0].timers + 1
        # One thread or socket may be on its way out.
        assert each.threads <= left[0].threads + 1
        assert each.descriptors <= left[0].descriptors + 2
        assert each.connections <= left[0].connections


async def test_a_day_ends_as_it_began(settings: Any) -> None:
    cable = Cable()
    settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": 50, "LIVE_TRANSPORT": cable, **LASTING}
    left = await work(5, cable)
    check(left)
    assert cable._ends == []
    # In its context, each thread still holds what it did last: that goes up and down.
    first, last = left[:2], left[-2:]
    assert min(each.ours for each in last) < max(each.ours for each in first) + 60
    grown = min(each.objects for each in last) - max(each.objects for each in first)
    assert grown < 0.01 * first[0].objects


@pytest.mark.parametrize("server", SERVERS)
async def test_an_hour_leaves_no_connection(server: str, settings: Any) -> None:
    settings.REFLEX_DRF = choose(server) | {"LIVE_CHANNEL": f"office-{uuid4().hex}", **LASTING}
    check(await work(2))
