"""The same list event on tables of 1,000, 100,000 and 1,000,000 rows, with and without counts."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.comparison import Side, compare, fill, start_own
from benchmarks.table import Row

SIZES = (1_000, 100_000, 1_000_000)
# The unit of work, how it counts, and how much more a large table may cost.
UNITS = (("countless_1", "without a count", "≤ 1.2"), ("list_1", "with a count", ""))


async def size_rows() -> AsyncIterator[Row]:
    """Give the rows of each database, a large table against the small one in turns."""
    for vendor in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            try:
                databases = [stack.enter_context(DATABASES[vendor](size)) for size in SIZES]
            except (ImportError, OSError) as error:
                print(f"{vendor} cannot be measured here: {error}", file=sys.stderr)
                yield Row(f"list event, {vendor}", "", note="not available here")
                continue
            async for row in rows_of(vendor, databases):
                yield row


async def rows_of(vendor: str, databases: list[str]) -> AsyncIterator[Row]:
    sides: list[Side] = []
    try:
        for size, database in zip(SIZES, databases, strict=True):
            await asyncio.to_thread(fill, database, size)
            sides.append(await start_own("ours", database))
            sides[-1].name = f"{size:,} rows"
        for unit, counts, aim in UNITS:
            for side in sides[1:]:
                what = f"list event, 25 of {side.name}, {vendor}, {counts}"
                row = await compare(side, sides[0], unit, what, aim)
                yield Row(row.what, row.against, row.ours, row.other, aim, True, row.note)
    finally:
        for side in sides:
            await side.stop()


@contextmanager
def on_sqlite(size: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"{folder}/size.sqlite3"


@contextmanager
def on_postgresql(size: int) -> Iterator[str]:
    """Give a database that is there for as long as it is measured."""
    import psycopg

    name = f"reflex_drf_benchmark_{os.getpid()}_{size}"
    server = {
        "host": os.environ.get("PGHOST", "127.0.0.1"),
        "user": os.environ.get("PGUSER", "postgres"),
        "password": os.environ.get("PGPASSWORD", ""),
    }
    try:
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
    except psycopg.Error as error:
        raise OSError(str(error)) from error
    try:
        yield f"postgresql:{name}"
    finally:
        with psycopg.connect(dbname="postgres", autocommit=True, **server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


DATABASES = {"SQLite": on_sqlite, "PostgreSQL": on_postgresql}
