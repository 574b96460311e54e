"""System checks of the settings for live updates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004

from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.registry import find_model
from reflex_drf.live.transports import is_shared

__all__ = ["check_live", "register_live_checks"]

SHORTEST, LONGEST = 50, 500


def register_live_checks() -> None:
    """Make the checks known to Django; safe to repeat."""
    register(check_live, "reflex_drf")


def check_live(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Look through the settings for what would keep changes from arriving."""
    try:
        return [*check_interval(), *check_models(), *check_transport()]
    except ConfigurationError:
        # Another check says why no setting can be read.
        return []


def check_interval() -> Iterator[CheckMessage]:
    """Refuse a pace that no one could watch, or no server could keep."""
    interval = settings.LIVE_REFRESH_INTERVAL
    number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if not number or not SHORTEST <= interval <= LONGEST:
        yield Error(
            f'REFLEX_DRF["LIVE_REFRESH_INTERVAL"] is {interval!r}, but has to be a number of '
            f"milliseconds from {SHORTEST} to {LONGEST}.",
            hint="The default is 200.",
            id="reflex_drf.E004",
        )


def check_models() -> Iterator[CheckMessage]:
    """Refuse names that are no models."""
    for name in settings.LIVE_MODELS:
        try:
            find_model(name)
        except ConfigurationError as error:
            yield Error(str(error), id="reflex_drf.E005")


def check_transport() -> Iterator[CheckMessage]:
    """Refuse a transport that cannot be made, and warn of none where several workers run."""
    try:
        shared = is_shared()
    except ConfigurationError as error:
        yield Error(str(error), id="reflex_drf.E006")
        return
    if settings.LIVE_MODELS and not shared and has_workers():
        yield Warning(
            "Several workers are configured, but live changes stay in the process that made them.",
            hint='Set REFLEX_DRF["LIVE_TRANSPORT"] to "redis" or "postgres".',
            id="reflex_drf.W006",
        )


def has_workers() -> bool:
    """Tell whether Reflex will run several workers: only with Redis can it."""
    variables = ("REFLEX_REDIS_URL", "REDIS_URL")
    return any(os.environ.get(name) for name in variables)
