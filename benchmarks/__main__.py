"""Times this package against the same work done without it, in one run.

`python -m benchmarks` prints one table and writes it to docs/benchmarks.md; with names of parts
(`python -m benchmarks rows peer`) it only prints these. Each figure is the median of many
repeats, and the two sides of a row take turns.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.data import prepare
from benchmarks.table import HEAD, Row, machine, table

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
# Where the rows of each part come from; imported once Django is ready.
PARTS = {
    "rows": "benchmarks.rows:rows_rows",
    "driver": "benchmarks.events:driver_rows",
    "wire": "benchmarks.events:wire_rows",
    "postgres": "benchmarks.postgres:postgres_rows",
    "peer": "benchmarks.comparison:comparison_rows",
    "start": "benchmarks.start:start_rows",
    "size": "benchmarks.size:size_rows",
    "load": "benchmarks.load:load_rows",
}
ABOUT = """# Benchmarks

Made by `make bench`: medians of many repeats, both sides of a row in turns in one run. Times are
in milliseconds. A ratio says how many times as fast as the other this package is; where the aim is
an upper bound, it says how many times the other's cost this package has. Parts can be run alone,
such as `python -m benchmarks rows peer`. What a site needs by these figures: [scaling](scaling.md).

- Every side runs as `reflex run --env prod` has it.
- "By driver" is the whole way of an event but for the socket; "over the wire" is a real websocket.
- The peer is reflex-django 4.0.3 with Reflex 0.9.11.post1, Django 6.1 and Python 3.12, in an
  environment of its own. It, this package and the page by hand each have a process and a database
  of their own, with the same model, rows and work, and are asked in turns.
- The page by hand is a plain `rx.State` with Django's async ORM: it looks up the session and the
  user, counts, reads 25 rows and makes a dict of each. It has no middleware, permissions,
  validation or filters.
- A turn is 100 trivial events, 40 lists, 20 saves, or three times those of 50 tabs, so that it is
  not measured what one process drives out of the processor's cache for the other.
- The two requests of a save are what DRF's views and the project's middleware take of it, run by
  this package with no event, state or tab around them: no event can make a save faster than that.
- A list over the wire and the same over HTTP take turns of ten each: a request over HTTP leaves
  work to do after its answer, which is then done in its own time.
- The clients of the last rows share the two cores with the server.
"""


def find_rows(part: str) -> Callable[[], AsyncIterator[Row]]:
    """Give what makes the rows of a part."""
    module, name = PARTS[part].split(":")
    found: Callable[[], AsyncIterator[Row]] = getattr(import_module(module), name)
    return found


async def run(parts: Sequence[str]) -> list[Row]:
    """Make the rows of some parts, printing each once it is there."""
    rows = []
    print(HEAD)
    for part in parts:
        try:
            async for row in find_rows(part)():
                print(row, flush=True)
                rows.append(row)
        except (AssertionError, OSError, RuntimeError) as error:
            # The other parts take minutes, and are not to be lost with this one.
            print(f"The part {part!r} ended early: {error!r}", file=sys.stderr)
            rows.append(Row(f"the rest of the part `{part}`", "", note="could not be measured"))
    return rows


def main(chosen: Sequence[str]) -> None:
    """Run the parts that were named, or all of them for the page."""
    if unknown := [name for name in chosen if name not in PARTS]:
        sys.exit(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    prepare()
    rows = asyncio.run(run(chosen or list(PARTS)))
    print(f"\n{machine()}")
    if not chosen:
        PAGE.write_text(f"{ABOUT}\n{table(rows)}\n\n{machine()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
