"""Changes between processes over PostgreSQL's LISTEN and NOTIFY."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from django.db import connections

from reflex_drf.conf import NAMESPACE, settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.transports import Transport

try:
    import psycopg
    from psycopg import sql
except ImportError as missing:
    raise ConfigurationError(
        'The live transport "postgres" needs psycopg: pip install "reflex-drf[postgres]"'
    ) from missing

__all__ = ["PostgresTransport"]

QUIET, PATIENCE = 10.0, 5
# Dead servers are noticed by the network; a hung one must not be waited for.
COMMON = {"autocommit": True, "connect_timeout": PATIENCE, "keepalives_idle": int(QUIET)}


class PostgresTransport(Transport):
    """Notifies one channel of the database that `LIVE_URL` names, else of Django's default.

    A pooler that shares connections between transactions cannot listen: name the server itself.
    """

    errors = (OSError, psycopg.Error)
    # The server's own limit is 8000.
    max_bytes = 7900

    def __init__(self) -> None:
        self.channel = settings.LIVE_CHANNEL
        self._parameters = parameters(settings.LIVE_URL)
        self._connection: psycopg.Connection[Any] | None = None

    def send(self, messages: Sequence[str]) -> None:
        """Notify in one trip, with a connection of its own."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(**self._parameters)
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "SELECT pg_notify(%s, %s)", [(self.channel, message) for message in messages]
            )

    async def listen(self) -> AsyncIterator[str | None]:
        """Give what the channel is notified of."""
        async with connected(self._parameters) as connection:
            await connection.execute(
                sql.SQL("LISTEN {channel}").format(channel=sql.Identifier(self.channel))
            )
            yield None
            while True:
                async for message in connection.notifies(timeout=QUIET):
                    yield message.payload
                # Nothing came for a while; a server that is gone fails to answer this.
                await connection.execute("SELECT 1")

    def close(self) -> None:
        """Close the connection that notifies."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@asynccontextmanager
async def connected(parameters: dict[str, Any]) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Keep a connection open that surely ends with the block."""
    connection = await psycopg.AsyncConnection.connect(**parameters)
    try:
        yield connection
    finally:
        # The connection's own block rolls back first, which may wait; a task that is cancelled
        # again in that moment, as at the end of a loop, would leave it open. This never waits.
        await connection.close()


def parameters(url: str | None) -> dict[str, Any]:
    """Give what to connect with."""
    if url:
        return {"conninfo": url, **COMMON}
    wrapper = connections["default"]
    if wrapper.vendor != "postgresql":
        raise ConfigurationError(
            f'{NAMESPACE}["LIVE_TRANSPORT"] is "postgres", but the default database is '
            f'{wrapper.vendor}: set {NAMESPACE}["LIVE_URL"] to "postgresql://...".'
        )
    return connection_parameters("default")


def connection_parameters(alias: str) -> dict[str, Any]:
    """Give what to connect to one of Django's databases with."""
    # The rest shapes Django's own cursors.
    known = connections[alias].get_connection_params()
    plain = {name: value for name, value in known.items() if isinstance(value, str | int)}
    return {**plain, **COMMON}
