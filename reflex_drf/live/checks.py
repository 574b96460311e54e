"""System checks of the settings for live updates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import connections, router
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import model_label
from reflex_drf.live.migrations import AddLiveTriggers
from reflex_drf.live.registry import find_model
from reflex_drf.live.transports import is_shared
from reflex_drf.live.triggers import can_listen, known_tables, table_name

__all__ = ["check_live", "check_triggers", "register_live_checks", "wanted_triggers"]

SHORTEST, LONGEST = 50, 500


def register_live_checks() -> None:
    """Make the checks known to Django; safe to repeat."""
    register(check_live, "reflex_drf")
    register(check_triggers, Tags.database)


def check_live(app_configs: Sequence[AppConfig] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Look through the settings for what would keep changes from arriving."""
    try:
        return [*check_interval(), *check_models(), *check_transport()]
    except ConfigurationError:
        # Another check says why no setting can be read.
        return []


def check_triggers(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Say where triggers that the migrations ask for do not tell of anything."""
    wanted = wanted_triggers() if databases else []
    return [message for alias in databases or () for message in check_database(alias, wanted)]


def check_database(alias: str, wanted: list[Wanted]) -> Iterator[CheckMessage]:
    """Compare what the migrations ask for with what one database can do and has."""
    connection = connections[alias]
    wanted = [each for each in wanted if router.allow_migrate_model(alias, each.model)]
    names = ", ".join(sorted({model_label(each.model) for each in wanted}))
    if not wanted:
        return
    if connection.vendor != "postgresql":
        yield Warning(
            f"The database {alias!r} is {connection.vendor}, which has no live triggers: writes "
            f"past Django to {names} reach no open tab.",
            hint="Use PostgreSQL, or say what you write with reflex_drf.live.notify().",
            id="reflex_drf.W007",
        )
    elif not can_listen():
        yield Error(
            f"Triggers tell of {names}, but psycopg 3 is missing, so nobody hears them.",
            hint='pip install "reflex-drf[postgres]"',
            id="reflex_drf.E007",
        )
    else:
        known_tables.clear()
        applied = MigrationRecorder(connection).applied_migrations()
        lost = [each for each in wanted if each.migration in applied and each.is_lost(alias)]
        for each in lost:
            yield Warning(
                f"The table of {model_label(each.model)} in {alias!r} has lost its live triggers.",
                hint=f"Go back before {'.'.join(each.migration)} and migrate again.",
                id="reflex_drf.W008",
            )


@dataclass(frozen=True)
class Wanted:
    """A model whose table is to have triggers, and the migration that says so."""

    model: type[Model]
    migration: tuple[str, str]

    def is_lost(self, alias: str) -> bool:
        """Tell whether its table has none."""
        return table_name(self.model) not in known_tables.get(alias)


def wanted_triggers() -> list[Wanted]:
    """Find what the migrations of the project ask for, of models that are still there."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = [
        (key, operation.model_name)
        for key, migration in loader.disk_migrations.items()
        for operation in migration.operations
        if isinstance(operation, AddLiveTriggers)
    ]
    known = apps.all_models
    return [
        Wanted(known[key[0]][name.lower()], key)
        for key, name in found
        if name.lower() in known[key[0]]
    ]


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
