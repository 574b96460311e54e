"""PostgreSQL triggers that tell of every write to a table, whoever makes it."""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.db import connections
from django.db.models import Model
from django.db.models.signals import post_migrate

__all__ = ["CHANNEL", "FUNCTION", "covers", "create_sql", "drop_sql", "known_tables", "table_name"]

CHANNEL = "reflex_drf_rows"
FUNCTION = "reflex_drf_live"
# Of more rows than this, a statement says only that rows have changed.
NAMED_ROWS = 100
# The server takes less than 8000 bytes.
MAX_BYTES = 7900
# Which rows each event leaves to look at, under the names that the function knows them by.
EVENTS = {
    "insert": "REFERENCING NEW TABLE AS new_rows",
    "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "REFERENCING OLD TABLE AS old_rows",
    "truncate": "",
}
# One message for each statement, however many rows it writes. The primary key is asked for at
# every call, so that no rename of a column can break the writes to its table.
CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    keys text[];
    rows text;
    named json;
    payload text;
    action text := CASE TG_OP WHEN 'INSERT' THEN 'created' WHEN 'DELETE' THEN 'deleted'
        ELSE 'updated' END;
    bound integer := {NAMED_ROWS + 1};
BEGIN
    IF TG_OP <> 'TRUNCATE' THEN
        SELECT array_agg(quote_ident(attname)) INTO keys FROM pg_catalog.pg_index
            JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indrelid = TG_RELID AND indisprimary;
        rows := CASE TG_OP
            WHEN 'INSERT' THEN '(SELECT %1$s FROM new_rows LIMIT %2$s)'
            WHEN 'DELETE' THEN '(SELECT %1$s FROM old_rows LIMIT %2$s)'
            ELSE '(SELECT %1$s FROM new_rows LIMIT %2$s) UNION '
                || '(SELECT %1$s FROM old_rows LIMIT %2$s)'
        END;
        -- A key of several columns, or none, is not named.
        rows := format(rows, CASE cardinality(keys) WHEN 1 THEN keys[1] ELSE '1' END, bound);
        EXECUTE 'SELECT json_agg(key) FROM (' || rows || ') AS found (key)' INTO named;
        IF named IS NULL THEN
            RETURN NULL;
        END IF;
        IF cardinality(keys) = 1 AND json_array_length(named) < bound THEN
            payload := json_build_array(TG_TABLE_NAME, action, named)::text;
        END IF;
    END IF;
    IF payload IS NULL OR octet_length(payload) > {MAX_BYTES} THEN
        payload := json_build_array(TG_TABLE_NAME, action, NULL)::text;
    END IF;
    PERFORM pg_notify('{CHANNEL}', payload);
    RETURN NULL;
END $$
"""  # noqa: S608 - names and numbers of this module
# The function goes with the last trigger that calls it.
DROP_FUNCTION = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger
        WHERE tgfoid = to_regprocedure('{FUNCTION}()')) THEN
        DROP FUNCTION IF EXISTS {FUNCTION}();
    END IF;
END $$
"""
# Those who listen look again which tables tell of themselves.
SAY_SO = f"SELECT pg_notify('{CHANNEL}', '[null]')"
# In all schemas: where each tenant has one, who listens does not know which counts.
FIND_TABLES = f"""
SELECT DISTINCT relname FROM pg_catalog.pg_trigger
JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
WHERE tgname = '{FUNCTION}_update' AND tgenabled <> 'D'
"""  # noqa: S608 - names of this module


def create_sql(table: str, quote: Any) -> list[str]:
    """Give the statements that make a table tell of what is written to it."""
    statements = [CREATE_FUNCTION]
    for event, referencing in EVENTS.items():
        name = f"{FUNCTION}_{event}"
        statements += [
            f"DROP TRIGGER IF EXISTS {name} ON {quote(table)}",
            f"CREATE TRIGGER {name} AFTER {event.upper()} ON {quote(table)} {referencing} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()",
        ]
    return [*statements, SAY_SO]


def drop_sql(table: str, quote: Any) -> list[str]:
    """Give the statements that make it tell no longer."""
    drops = [f"DROP TRIGGER IF EXISTS {FUNCTION}_{event} ON {quote(table)}" for event in EVENTS]
    return [*drops, DROP_FUNCTION, SAY_SO]


class KnownTables:
    """Which tables of each database tell of themselves; each database is asked once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tables: dict[tuple[str, str], frozenset[str]] = {}

    def get(self, alias: str) -> frozenset[str]:
        """Give the tables of a database that have the triggers; none where there can be none."""
        connection = connections[alias]
        if connection.vendor != "postgresql" or not can_listen():
            return frozenset()
        key = (alias, str(connection.settings_dict["NAME"]))
        if (found := self._tables.get(key)) is None:
            with connection.cursor() as cursor:
                cursor.execute(FIND_TABLES)
                found = frozenset(name for (name,) in cursor.fetchall())
            with self._lock:
                self._tables[key] = found
        return found

    def clear(self, **kwargs: Any) -> None:
        """Ask again the next time."""
        with self._lock:
            self._tables.clear()


def can_listen() -> bool:
    """Tell whether this process could hear what triggers say: that takes psycopg 3."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return False
    return True


known_tables = KnownTables()
post_migrate.connect(known_tables.clear, dispatch_uid="reflex_drf.live.known_tables")


def covers(sender: type[Model], model: type[Model], alias: str) -> bool:
    """Tell whether the database itself tells of what is written as `sender` to `model`'s rows."""
    tables = known_tables.get(alias)
    if not tables:
        return False
    # A row of a child is a row of its parents too, in their tables.
    owner = model if issubclass(sender, model) else sender
    return table_name(owner) in tables


def table_name(model: type[Model]) -> str:
    """Give the bare name of a model's table, which may be written with its schema."""
    table = (model._meta.concrete_model or model)._meta.db_table
    return table.rpartition('"."')[2].strip('"')
