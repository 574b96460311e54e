"""How changes get from one process to the others."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from threading import Lock
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from reflex_drf.conf import NAMESPACE, settings
from reflex_drf.errors import ConfigurationError

__all__ = ["Transport", "current_transport", "in_forks", "is_shared", "retire"]

NAMES = {
    "memory": "reflex_drf.live.transports.memory.MemoryTransport",
    "redis": "reflex_drf.live.transports.redis.RedisTransport",
    "postgres": "reflex_drf.live.transports.postgres.PostgresTransport",
}


class Transport(ABC):
    """Carries short texts to all processes, this one included.

    It may lose some as long as its connection is lost with them: whoever listens again after
    that reads everything anew. Reconnecting, order and repair are not its business.
    """

    # Whether it reaches other processes at all.
    shared: bool = True
    # What a lost connection raises.
    errors: tuple[type[Exception], ...] = (OSError,)
    # The longest text it carries, in bytes.
    max_bytes: int = 64 * 1024

    @abstractmethod
    def send(self, messages: Sequence[str]) -> None:
        """Send texts, in their order; called by one thread at a time, which it may block."""

    @abstractmethod
    def listen(self) -> AsyncIterator[str | None]:
        """Give None once it listens, then each text, until the connection is lost."""

    def close(self) -> None:  # noqa: B027 - most keep nothing open
        """Close what `send` keeps open."""


class Current:
    """The transport that the settings choose, made when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._transport: Transport | None = None

    def get(self) -> Transport:
        """Give the transport of this process."""
        with self._lock:
            if self._transport is None:
                self._transport = make_transport(settings.LIVE_TRANSPORT)
            return self._transport

    def clear(self) -> None:
        """Choose anew the next time."""
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def retire(self, transport: Transport) -> None:
        """Close what has been used since it was closed; nobody would do it later."""
        with self._lock:
            replaced = self._transport is not transport
        if replaced:
            transport.close()


def make_transport(chosen: Any) -> Transport:
    """Make the transport that a setting names."""
    made: Any = chosen
    if isinstance(chosen, str):
        try:
            made = import_string(NAMES.get(chosen, chosen))
        except ImportError as error:
            raise ConfigurationError(
                f'{NAMESPACE}["LIVE_TRANSPORT"] is {chosen!r}, which is neither one of '
                f"{', '.join(sorted(NAMES))} nor the path of a class: {error}"
            ) from error
    made = made() if isinstance(made, type) else made
    if not isinstance(made, Transport):
        raise ConfigurationError(
            f'{NAMESPACE}["LIVE_TRANSPORT"] is {chosen!r}, which is no Transport: derive it from '
            "reflex_drf.live.Transport."
        )
    return made


def in_forks(function: Callable[[], None]) -> None:
    """Call a function in each process that is forked from this one."""
    # Where there is no fork, nobody has to be told.
    if (register := getattr(os, "register_at_fork", None)) is not None:
        register(after_in_child=function)


current = Current()
# The connection is the parent's, which goes on to use it: a fork neither uses nor closes it.
in_forks(current.__init__)  # type: ignore[misc]


def current_transport() -> Transport:
    """Give the transport of this process."""
    return current.get()


def retire(transport: Transport) -> None:
    """Close a transport that was used while the settings chose another one."""
    current.retire(transport)


def is_shared() -> bool:
    """Tell whether changes reach other processes."""
    return current.get().shared


def clear_transport(*, setting: str, **kwargs: Any) -> None:
    """Follow Django's `override_settings`."""
    if setting == NAMESPACE:
        current.clear()


# Before those who look at what the settings choose.
setting_changed.connect(clear_transport, dispatch_uid="reflex_drf.live.clear_transport")
