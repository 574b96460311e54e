"""What is measured on PostgreSQL: slow queries of many users at once, and a list event.

A process of its own, since Django knows one database at a time as its default: `python -m
benchmarks.postgres` prints what it found as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from benchmarks.table import Row

USERS, SECONDS, REPEATS, THREADS = 20, 0.05, 15, 8
ROUNDS = -(-USERS // THREADS)


async def postgres_rows() -> AsyncIterator[Row]:
    """Run it, and give its rows."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.postgres"),
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.postgres_settings"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    what = f"{USERS} users at once, a query of 50 ms each, {THREADS} threads"
    if process.returncode:
        said = errors.decode(errors="replace").strip().splitlines()
        yield Row(what, f"{ROUNDS} rounds of it", note=said[-1] if said else "did not finish")
        return
    found = json.loads(output.splitlines()[-1])
    rounds = ROUNDS * SECONDS * 1000
    yield Row(what, f"{ROUNDS} rounds of it", found["all"], rounds, aim="≤ 1.2", cost=True)
    for name, who in (("plain", "a plain event"), ("user", "a logged-in user's event")):
        meanwhile = f"{who} meanwhile, 95th percentile"
        yield Row(meanwhile, "10 ms", found[name], 10.0, aim="≤ 1", cost=True)
    yield Row(**found["list"])


@contextmanager
def database() -> Iterator[list[Any]]:
    """Make a database with rows and users, and drop it at the end."""
    import psycopg
    from django.conf import settings

    options = settings.DATABASES["default"]
    name, where = options["NAME"], f"host={options['HOST']} user={options['USER']} dbname=postgres"
    with psycopg.connect(where, password=options["PASSWORD"], autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield fill_with_users()
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill_with_users() -> list[Any]:
    """Make the rows and the users."""
    from benchmarks.data import fill

    fill()
    from django.contrib.auth.models import User

    return [User.objects.create_user(f"user {number}") for number in range(USERS + 1)]


async def measure(users: list[Any]) -> dict[str, float]:
    """Take the times: of all slow events together, and of another user's while those run."""
    import reflex as rx

    from benchmarks.waiting import PlainCounter, WaitingState
    from reflex_drf.testing import Tab, Worker

    found: dict[str, list[float]] = {"all": [], "plain": [], "user": []}
    async with Worker(rx.App(enable_state=False)):
        *slow, other = [await Tab(user=user).__aenter__() for user in users]
        events = {"plain": PlainCounter.count_up, "user": WaitingState.count_up}
        for turn in range(REPEATS + 1):
            for name, event in events.items():
                start = time.perf_counter()
                waiting = [asyncio.ensure_future(tab.send(WaitingState.wait)) for tab in slow]
                times = await repeat(lambda event=event: other.send(event), waiting)  # type: ignore[misc]
                await asyncio.gather(*waiting)
                # The first turn opens the connections.
                if turn:
                    found["all"].append((time.perf_counter() - start) * 1000)
                    found[name] += times
    return {
        "all": statistics.median(found["all"]),
        "plain": statistics.quantiles(found["plain"], n=20)[-1],
        "user": statistics.quantiles(found["user"], n=20)[-1],
    }


async def repeat(
    work: Callable[[], Awaitable[object]], waiting: list[asyncio.Future[Any]]
) -> list[float]:
    """Do something every few milliseconds as long as others wait, and give its times."""
    times = []
    while not all(future.done() for future in waiting):
        start = time.perf_counter()
        await work()
        times.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.005)
    return times


async def main(users: list[Any]) -> dict[str, Any]:
    """Take all of the times."""
    from benchmarks.events import list_row

    return {**await measure(users), "list": asdict(await list_row())}


if __name__ == "__main__":
    import django

    django.setup()
    with database() as users:
        print(json.dumps(asyncio.run(main(users))))
