"""A day of a busy office in a few minutes: nothing may stay of whoever has left.

`python -m benchmarks.office` prints, hour by hour, what the process holds once everybody has gone
home. In each hour people sign in, open tabs, search, write and delete, lose their connections, are
signed out or deactivated, and close their tabs; views fail, and the transport between processes is
cut. With Redis on this machine, another process writes too.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import AsyncExitStack
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.data import DATABASE, prepare

if TYPE_CHECKING:
    from reflex_drf.testing import Tab, Worker

HOURS, PEOPLE = 24, 12
REDIS = "redis://127.0.0.1:6379/6"
CHANNEL = "reflex_drf_office"
# Another program of the same project: it does not import the states.
WRITER = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = {database!r}
settings.REFLEX_DRF = {{**{config!r}, "LIVE_MODELS": ["shop.Product"]}}
django.setup()
from tests.shop.models import Product
for number in range(20):
    Product.objects.create(name="by another", sku=f"{{os.getpid()}} {{number}}", price=1)
"""


@dataclass(frozen=True)
class Figures:
    """What a process holds."""

    subscriptions: int
    labels: int
    tasks: int
    timers: int
    threads: int
    descriptors: int
    connections: int
    states: int
    # Of live updates and states of tabs; and of anything.
    ours: int
    objects: int
    kilobytes: int


async def take_figures(worker: Worker) -> Figures:
    """Look at what is left, after the garbage is collected."""
    from reflex_drf.bridge.threads import pools
    from reflex_drf.live import live_broadcaster
    from reflex_drf.live.viewers import Viewers

    for _ in range(3):
        gc.collect()
    loop: Any = asyncio.get_running_loop()
    manager: Any = worker.state_manager
    return Figures(
        subscriptions=len(Viewers.of(worker.processor)),
        labels=len(live_broadcaster().labels),
        tasks=len(asyncio.all_tasks()),
        timers=len([timer for timer in loop._scheduled if not timer.cancelled()]),
        threads=threading.active_count(),
        descriptors=len(os.listdir("/dev/fd")),
        connections=sum(thread.used for thread in pools.current().threads),
        states=len(manager.states),
        ours=sum(map(is_ours, gc.get_objects())),
        objects=len(gc.get_objects()),
        kilobytes=tracemalloc.get_traced_memory()[0] // 1024,
    )


def is_ours(something: Any) -> bool:
    """Tell whether an object belongs to live updates, or is a state of a tab."""
    module = str(getattr(type(something), "__module__", ""))
    return module.startswith(("reflex_drf.live", "benchmarks.office_states"))


class Office:
    """People who come, work and leave, on one worker."""

    def __init__(self, worker: Worker, people: int, seed: int = 0) -> None:
        self.worker, self.people = worker, people
        self.random = random.Random(seed)
        self.hours = 0
        # The worker's own: its queue, the expiry of states, and who waits for it to be quiet.
        self.tasks = 4
        self.refreshed = 0

    async def hour(self) -> None:
        """Let everybody come, work and go home."""
        from reflex_drf.testing import Tab

        self.hours += 1
        async with AsyncExitStack() as stack:
            tabs: list[Tab] = []
            for number in range(self.people):
                # Every fourth is a visitor, and every third has two tabs.
                user = None if number % 4 == 3 else await self.find(number)
                for _ in range(2 if number % 3 == 0 else 1):
                    tabs.append(await stack.enter_async_context(Tab(user)))
            for tab in tabs:
                await self.open(tab)
            await self.work(tabs)
            await self.trouble(tabs)
            await self.worker.settle()
            self.refreshed += sum(len(tab.deltas) for tab in tabs)
        await self.close_up()

    async def find(self, number: int) -> Any:
        """Give the user of a desk."""
        from django.contrib.auth.models import User

        user, _ = await User.objects.aget_or_create(
            username=f"desk {number}", defaults={"is_superuser": number % 2 == 0, "is_staff": True}
        )
        return user

    async def open(self, tab: Tab) -> None:
        """Open a page with two live lists."""
        from benchmarks.office_states import DeskState, OfficeState

        # Some of these fail, or find out that their user is gone.
        for event in (OfficeState.load, OfficeState.live_subscribe, DeskState.live_subscribe):
            await tab.send(event, raises=False)
        if self.random.random() < 0.3:
            await tab.send(OfficeState.set_search("desk"), raises=False)

    async def work(self, tabs: list[Tab]) -> None:
        """Write in tabs and past them, one by one and in bulk."""
        from benchmarks.office_states import OfficeState
        from reflex_drf.live import notify
        from tests.shop.models import Product, Task

        for number, tab in enumerate(tabs):
            values = {"name": f"desk {number}", "sku": f"{self.hours} {number}", "price": "1"}
            await tab.send(OfficeState.save(values))
            if tab.user is not None:
                await Task.objects.acreate(owner=tab.user, title=f"hour {self.hours}")
        await tabs[0].send(OfficeState.import_rows)
        notify(
            await Product.objects.abulk_create(
                Product(name="bulk", sku=f"bulk {self.hours} {n}", price=1) for n in range(200)
            )
        )
        await Product.objects.filter(sku__startswith="bulk").aupdate(stock=self.hours)
        notify(Product)

    async def trouble(self, tabs: list[Tab]) -> None:
        """Lose connections, sessions and people."""
        from django.contrib.auth.models import User
        from django.contrib.sessions.models import Session
        from django.utils import timezone

        from benchmarks.office_states import OfficeViewSet
        from reflex_drf.live import notify
        from tests.shop.models import Product

        OfficeViewSet.failing = 3
        notify(Product)
        for tab in tabs[::5]:
            await tab.reconnect(raises=False)
            await self.open(tab)
        soon = timezone.now() + timedelta(seconds=0.3)
        keys = [key for tab in tabs[1::7] if (key := tab.cookies.get("sessionid"))]
        await Session.objects.filter(session_key__in=keys).aupdate(expire_date=soon)
        users = [tab.user.pk for tab in tabs[2::9] if tab.user is not None]
        async for user in User.objects.filter(pk__in=users):
            user.is_active = False
            await user.asave()
        await Product.objects.filter(sku__startswith=f"{self.hours} ").adelete()
        # Some leave in the middle of it.
        for tab in tabs[3::4]:
            tab.disconnect()

    async def close_up(self) -> None:
        """Tidy the database, as whoever runs an office does at night."""
        from django.contrib.auth.models import User
        from django.contrib.sessions.models import Session

        from tests.shop.models import Product, Task

        await User.objects.filter(username__startswith="desk").aupdate(is_active=True)
        await Session.objects.all().adelete()
        await Task.objects.all().adelete()
        await Product.objects.filter(sku__startswith="bulk").adelete()
        await Product.objects.filter(name__in=["imported", "by another"]).adelete()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until what ends by itself has ended, such as the states of tabs that are closed."""
        await self.worker.settle()
        manager: Any = self.worker.state_manager
        # The manager itself does so an hour after the last event of a tab.
        for _, token in list(manager._token_expires_at.values()):
            manager._purge_token(token)
        async with asyncio.timeout(60):
            # Nobody tells when the last task has ended.
            while len(asyncio.all_tasks()) > self.tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def can_use_redis() -> bool:
    """Tell whether there is a Redis server here."""
    try:
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError:
        return False
    try:
        with Redis.from_url(REDIS) as client:
            return bool(client.ping())
    except RedisError:
        return False


def expected(error: Exception) -> None:
    """Let nobody hear of an error that the office makes on purpose."""
    if not isinstance(error, ConnectionError):
        raise error


async def run(config: dict[str, Any]) -> None:
    """Print what is left after each hour."""
    # A state has to be known before a tab has any.
    from reflex.istate.manager.memory import StateManagerMemory

    import benchmarks.office_states  # noqa: F401
    from reflex_drf.live.transports import current_transport
    from reflex_drf.testing import Worker

    manager = StateManagerMemory()  # type: ignore[abstract]
    names = [field.name for field in fields(Figures)]
    print("hour seconds deltas", *names)
    async with Worker(state_manager=manager, exception_handler=expected) as worker:
        office = Office(worker, PEOPLE)
        for hour in range(1, HOURS + 1):
            start, office.refreshed = time.perf_counter(), 0
            if current_transport().shared:
                writer = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-c",
                    WRITER.format(database=str(DATABASE), config=config),
                    stderr=subprocess.PIPE,
                )
                await office.hour()
                await writer.communicate()
            else:
                await office.hour()
            figures = await take_figures(worker)
            took = time.perf_counter() - start
            values = (getattr(figures, name) for name in names)
            print(f"{hour:4} {took:7.1f} {office.refreshed:6}", *values, flush=True)


def main() -> None:
    """Run a day."""
    prepare()
    from django.conf import settings

    config: dict[str, Any] = {"LIVE_REFRESH_INTERVAL": 50}
    if can_use_redis():
        config |= {"LIVE_TRANSPORT": "redis", "LIVE_URL": REDIS, "LIVE_CHANNEL": CHANNEL}
    settings.REFLEX_DRF = config
    # What goes wrong, goes wrong on purpose.
    logging.disable(logging.ERROR)
    tracemalloc.start()
    asyncio.run(run(config))


if __name__ == "__main__":
    main()
