"""Word to the browser that a call takes its time, while it still runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event.context import EventContext

from reflex_drf.conf import settings

__all__ = ["showing_progress"]


@asynccontextmanager
async def showing_progress(state: Any) -> AsyncIterator[None]:
    """Show `working` to the tab as long as this takes, if it takes long.

    The var itself stays false: what is sent in between belongs to this moment and this tab, so
    that a page which connects anew begins without it.
    """
    if settings.PROGRESS_DELAY is None:
        yield
        return
    told: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    # A timer, and a task only once it is due: most calls are over long before.
    timer = loop.call_later(
        settings.PROGRESS_DELAY / 1000, lambda: told.append(loop.create_task(_send(state, True)))
    )
    try:
        yield
    finally:
        timer.cancel()
        for task in told:
            await task
            await _send(state, False)


async def _send(state: Any, working: bool) -> None:
    name: str = type(state).get_full_name()
    await EventContext.get().emit_delta({name: {f"working{FIELD_MARKER}": working}})
