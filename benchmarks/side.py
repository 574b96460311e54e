"""This package's side of the comparison, and the page written by hand, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PEER = Path(__file__).parent / "peer"


def make_states() -> tuple[Any, Any]:
    """Give the events of our own states, and those of the page written by hand."""
    from asgiref.sync import sync_to_async
    from items.models import Item

    from benchmarks import side_states as page

    async def serialize() -> None:
        rows = await page.ItemSerializer(Item.objects.all()[:1000], many=True).adata()
        assert len(rows) == 1000

    async def serialize_by_drf() -> None:
        await sync_to_async(
            lambda: page.DRFItemSerializer(Item.objects.all()[:1000], many=True).data
        )()

    ours = SimpleNamespace(
        serialize=serialize,
        serialize_by_drf=serialize_by_drf,
        trivial=page.TrivialState.count_up,
        slow=page.TrivialState.ask_slowly,
        load=page.CrowdState.load,
        watched=page.ItemState.load,
        countless=page.CountlessState.load,
        save=page.CrowdState.add,
        call_views=sync_to_async(page.call_views),
        follow=page.ItemState.live_subscribe,
    )
    by_hand = SimpleNamespace(
        trivial=page.PlainState.count_up,
        load=page.HandwrittenState.load,
        save=page.HandwrittenState.add,
    )
    return ours, by_hand


async def main(name: str) -> None:
    import reflex as rx
    from tabs import Switchboard
    from work import Work, answer

    from reflex_drf.asgi import spare_collector
    from reflex_drf.testing import Worker

    board = Switchboard()

    class Served(Worker):
        # Reflex's own namespace keeps them as well; a worker of tests looks for them each time.
        sid_to_token = board.sids  # type: ignore[assignment]

    states = dict(zip(("ours", "by hand"), make_states(), strict=True))[name]
    # As the plugin does for the server, which a page by hand would have without it.
    spared = spare_collector() if name == "ours" else nullcontext()
    async with Served(rx.App(enable_state=False)) as worker, spared:
        worker.tabs = board.tabs  # type: ignore[assignment]
        await answer(Work(worker.processor.enqueue, board, states))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.side_settings"
    sys.path.insert(0, str(PEER))
    import django

    django.setup()
    from items import rows

    if sys.argv[1] == "fill":
        rows.fill()
    elif sys.argv[1] == "cookie":
        print(rows.cookie())
    else:
        asyncio.run(main(sys.argv[1]))
