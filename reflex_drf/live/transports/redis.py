"""Changes between processes over Redis publish and subscribe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.transports import Transport

try:
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis
    from redis.exceptions import RedisError
except ImportError as missing:
    raise ConfigurationError(
        'The live transport "redis" needs the redis package: pip install "reflex-drf[redis]"'
    ) from missing

__all__ = ["RedisTransport"]

LOCAL = "redis://127.0.0.1:6379/0"
# Seconds of silence after which the connection is tried, and how long an answer may take.
QUIET, PATIENCE = 10.0, 5.0


class RedisTransport(Transport):
    """Publishes to one channel of the Redis server that `LIVE_URL` names."""

    errors = (OSError, RedisError)

    def __init__(self) -> None:
        self.url = settings.LIVE_URL or LOCAL
        self.channel = settings.LIVE_CHANNEL
        self._client: Any = None

    def send(self, messages: Sequence[str]) -> None:
        """Publish texts in one trip."""
        if self._client is None:
            self._client = Redis.from_url(
                self.url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
            )
        pipeline = self._client.pipeline(transaction=False)
        for message in messages:
            pipeline.publish(self.channel, message)
        pipeline.execute()

    async def listen(self) -> AsyncIterator[str | None]:
        """Give what is published to the channel."""
        client = AsyncRedis.from_url(
            self.url, socket_connect_timeout=PATIENCE, socket_keepalive=True
        )
        async with client, aclosing(client.pubsub()) as subscription:
            await subscription.subscribe(self.channel)
            waiting = False
            while True:
                message = await subscription.get_message(timeout=QUIET)
                if message is None:
                    # A cut cable is silent too: whoever does not answer is gone.
                    if waiting:
                        raise ConnectionError("Redis does not answer.")
                    waiting = True
                    await subscription.ping()
                    continue
                waiting = False
                if message["type"] == "subscribe":
                    yield None
                elif message["type"] == "message":
                    # Anybody may publish anything; what is no text must not end the listening.
                    yield message["data"].decode(errors="replace")

    def close(self) -> None:
        """Close the connections that publish."""
        if self._client is not None:
            self._client.close()
            self._client = None
