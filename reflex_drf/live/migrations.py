"""The migration operation that makes a table tell of every write, on PostgreSQL."""

from __future__ import annotations

import logging
from typing import Any

from django.db.migrations.operations.base import Operation

from reflex_drf.errors import ConfigurationError
from reflex_drf.live.triggers import create_sql, drop_sql, known_tables

__all__ = ["AddLiveTriggers"]

logger = logging.getLogger("reflex_drf.live")


class AddLiveTriggers(Operation):
    """Have PostgreSQL publish each statement that writes to a model's table.

    On another database it does nothing, and a system check says so.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """Give what makes the same operation."""
        return type(self).__name__, (self.model_name,), {}

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing of the models, but name one that is there."""
        known = state.models.get((app_label, self.model_name.lower()))
        if known is None or known.options.get("proxy"):
            raise ConfigurationError(
                f"AddLiveTriggers({self.model_name!r}): {app_label} has no model of that name "
                "with a table of its own at this point of its migrations."
            )

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Create the triggers."""
        self._execute(create_sql, app_label, schema_editor, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Drop the triggers."""
        self._execute(drop_sql, app_label, schema_editor, to_state)

    def describe(self) -> str:
        """Say what it does."""
        return f"Publish every write to the table of {self.model_name}"

    @property
    def migration_name_fragment(self) -> str:
        """What a generated name of a migration says of it."""
        return f"{self.model_name.lower()}_live_triggers"

    def _execute(self, sql: Any, app_label: str, schema_editor: Any, state: Any) -> None:
        connection = schema_editor.connection
        model = state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(connection.alias, model):
            return
        if connection.vendor != "postgresql":
            logger.info("%s: not on %s.", self.describe(), connection.vendor)
            return
        for statement in sql(model._meta.db_table, connection.ops.quote_name):
            # None: a percent sign is itself.
            schema_editor.execute(statement, params=None)
        known_tables.clear()
