"""No transport at all: changes stay in the process that made them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from reflex_drf.live.transports import Transport

__all__ = ["MemoryTransport"]


class MemoryTransport(Transport):
    """For one worker, development and tests."""

    shared = False

    def send(self, messages: Sequence[str]) -> None:
        """Send nothing: whoever is here has been told."""

    async def listen(self) -> AsyncIterator[str | None]:
        """Give nothing: there is nobody else."""
        nothing: Sequence[str] = ()
        for message in nothing:
            yield message
