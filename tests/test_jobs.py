"""Calls to a database thread: made at most once, and their results come back to their loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from reflex_drf.bridge.connections import DatabaseThread
from reflex_drf.bridge.jobs import Job, deliver
from reflex_drf.bridge.threads import EventExecutor, pools


def make_job(call: Any = threading.get_ident, **options: Any) -> Job:
    return Job(EventExecutor(pools), call, brief=False, **options)


def run_and_deliver(*jobs: Job) -> None:
    thread = DatabaseThread(0)
    for job in jobs:
        job.run(thread)
    deliver([*jobs])


async def test_a_result_comes_back_to_the_loop() -> None:
    job = make_job()
    worker = threading.Thread(target=run_and_deliver, args=(job,))
    worker.start()
    assert await job.future == worker.ident
    worker.join()


async def test_an_error_comes_back() -> None:
    def fail() -> None:
        raise LookupError("nothing there")

    job = make_job(fail)
    await asyncio.to_thread(run_and_deliver, job)
    with pytest.raises(LookupError, match="nothing there"):
        await job.future


async def test_several_loops_get_their_own_results() -> None:
    jobs: list[Job] = []
    made, delivered = threading.Event(), threading.Event()

    async def elsewhere() -> Any:
        jobs.append(make_job(lambda: "there"))
        made.set()
        return await jobs[0].future

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await asyncio.to_thread(made.wait, 10)
    here = make_job(lambda: "here")
    await asyncio.to_thread(run_and_deliver, here, *jobs)
    delivered.set()
    assert (await here.future, await other) == ("here", "there")


async def test_whoever_stops_waiting_gets_nothing_and_harms_nobody() -> None:
    early, late = make_job(), make_job()
    early.future.cancel()
    assert not early.is_wanted()
    late.run(DatabaseThread(0))
    # It was made by then, and its result is nobody's.
    late.future.cancel()
    deliver([early, late])
    await asyncio.sleep(0)
    assert late.future.cancelled()


async def test_a_call_can_be_cancelled_from_another_thread() -> None:
    job = make_job()
    await asyncio.to_thread(job.cancel)
    with pytest.raises(asyncio.CancelledError):
        await job.future


def test_a_loop_that_has_ended_is_told_nothing() -> None:
    async def leave() -> Job:
        return make_job()

    job = asyncio.run(leave())
    run_and_deliver(job)
    job.cancel()
    assert not job.future.done()


async def test_what_is_brief_binds_nobody() -> None:
    job = Job(EventExecutor(pools), threading.get_ident, brief=True)
    assert not job.binds
    assert make_job().binds
    assert not make_job(binds=False).binds
