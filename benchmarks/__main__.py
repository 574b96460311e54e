"""Times this package against the same work done without it, in one run.

`python -m benchmarks` prints one table and writes it to docs/benchmarks.md. Each figure is the
median of many repeats, the two sides of a row take turns, and the last column is their ratio.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.data import Work, prepare


async def time_pair(ours: Work, theirs: Work, repeats: int) -> tuple[float, float]:
    """Run both sides in turns and give the median of each, in milliseconds."""
    samples: tuple[list[float], list[float]] = ([], [])
    for work in (ours, theirs):
        await work()
    for _ in range(repeats):
        for work, times in zip((ours, theirs), samples, strict=True):
            start = time.perf_counter()
            await work()
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(samples[0]), statistics.median(samples[1])


def table(rows: list[tuple[str, str, float, float]]) -> str:
    """Format the figures as a Markdown table; a ratio above 1 means that ours is faster."""
    lines = [
        "| what | against | ours, ms | the other, ms | ratio |",
        "|---|---|---:|---:|---:|",
    ]
    lines += [
        f"| {what} | {other} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.2f} |"
        for what, other, ours, theirs in rows
    ]
    return "\n".join(lines)


def machine() -> str:
    """Name the versions and the machine the figures hold for."""
    packages = ("reflex", "django", "djangorestframework", "asgiref", "httpx")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, SQLite."


async def main() -> None:
    from benchmarks.figures import all_figures

    rows = [
        (what, other, *await time_pair(ours, theirs, repeats))
        async for what, other, ours, theirs, repeats in all_figures()
    ]
    text = f"{table(rows)}\n\n{machine()}\n"
    print(text)
    page = Path(__file__).parent.parent / "docs" / "benchmarks.md"
    page.write_text(
        "# Benchmarks\n\nMade by `make bench`: medians of many repeats, both sides of a row in "
        "turns in one process.\nA ratio above 1 means that this package is faster.\n\n" + text
    )


if __name__ == "__main__":
    prepare()
    asyncio.run(main())
