"""Word to the browser that a call takes its time, while it still runs."""

from __future__ import annotations

import asyncio
from typing import Any

from reflex_base.constants.state import FIELD_MARKER
from reflex_base.event.context import EventContext

from reflex_drf.conf import settings

__all__ = ["send_vars", "showing_progress"]


class showing_progress:  # noqa: N801 - used like the function it stands for
    """Show `working` to the tab as long as the block takes, if it takes long.

    The var itself stays false: what is sent in between belongs to this moment and this tab, so
    that a page which connects anew begins without it.
    """

    _timer: asyncio.TimerHandle | None = None
    _told: asyncio.Task[None] | None = None

    def __init__(self, state: Any) -> None:
        self._state = state

    async def __aenter__(self) -> None:
        delay = settings.PROGRESS_DELAY
        if delay is not None:
            # A timer, and a task only once it is due: most calls are over long before.
            self._timer = asyncio.get_running_loop().call_later(delay / 1000, self._tell)

    async def __aexit__(self, *exc_info: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._told is not None:
            await self._told
            await send_vars(self._state, working=False)

    def _tell(self) -> None:
        self._told = asyncio.get_running_loop().create_task(send_vars(self._state, working=True))


async def send_vars(state: Any, **values: Any) -> None:
    """Send values of vars at once, without waiting for the end of the handler."""
    name: str = type(state).get_full_name()
    sent = {f"{var}{FIELD_MARKER}": value for var, value in values.items()}
    await EventContext.get().emit_delta({name: sent})
