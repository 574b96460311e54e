"""The peer's side of the comparison, run in the peer's own environment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace


async def main() -> None:
    from reflex.istate.manager.memory import StateManagerMemory
    from reflex_base.event.processor import BaseStateEventProcessor
    from reflex_django.runtime.app_factory import ensure_reflex_app_ready
    from tabs import Switchboard
    from work import Work, answer

    app = ensure_reflex_app_ready()
    import peer_page as page

    async def serialize() -> None:
        rows = await page.ItemSerializer(page.Item.objects.all()[:1000], many=True).adata()
        assert len(rows) == 1000

    states = SimpleNamespace(
        serialize=serialize,
        trivial=page.TrivialState.count_up,
        slow=page.TrivialState.ask_slowly,
        load=page.ItemState.show,
        watched=page.ItemState.show,
        save=page.ItemState.add,
        follow=page.ItemState.follow,
    )
    board = Switchboard()
    processor = BaseStateEventProcessor(
        middleware=app, backend_exception_handler=app.backend_exception_handler
    )
    processor.configure(state_manager=StateManagerMemory(), event_namespace=board)
    async with processor:
        await answer(Work(processor.enqueue, board, states))


if __name__ == "__main__":
    from reflex_base.config import get_config

    get_config()
    import django

    django.setup()
    asyncio.run(main())
