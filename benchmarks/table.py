"""The one table of the benchmarks: a row for each figure, with what it is held against."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version

Work = Callable[[], Awaitable[object]]

COLUMNS = "| what | against | ours | the other | ratio | aim | reached |"
HEAD = f"{COLUMNS}\n|---|---|---:|---:|---:|---:|---|"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: ours and the other's, in milliseconds, and the ratio that is aimed at.

    The ratio is the other's time by ours, or with `cost` ours by the other's; `note` stands in
    the place of figures that could not be taken.
    """

    what: str
    against: str
    ours: float | None = None
    other: float | None = None
    aim: str = ""
    cost: bool = False
    note: str = ""

    def __str__(self) -> str:
        if self.note:
            return f"| {self.what} | {self.against} | {self.note} | | | {self.aim} | |"
        return (
            f"| {self.what} | {self.against} | {amount(self.ours)} | {amount(self.other)} "
            f"| {self.ratio} | {self.aim} | {self.reached} |"
        )

    @property
    def ratio(self) -> str:
        """The ratio as it is printed."""
        if not self.ours or not self.other:
            return ""
        value = self.ours / self.other if self.cost else self.other / self.ours
        return f"{value:.2f}"

    @property
    def reached(self) -> str:
        """Whether the ratio is what it is to be, by as much of it as is printed."""
        if not (self.aim and self.ratio):
            return ""
        sign, _, bound = self.aim.partition(" ")
        ratio, limit = float(self.ratio), float(bound)
        found = {"≥": ratio >= limit, ">": ratio > limit, "≤": ratio <= limit}
        return "yes" if found[sign] else "no"


def amount(value: float | None) -> str:
    """Write milliseconds with what can be told apart in them."""
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    return "\n".join([HEAD, *map(str, rows)])


async def time_pair(
    ours: Work, theirs: Work, repeats: int, *, in_a_row: int = 1
) -> tuple[float, float]:
    """Run both sides in turns and give the median of each, in milliseconds.

    A turn is several times `in_a_row` where a side leaves work to do after its answer: it is then
    done in the side's own time, not in the other's.
    """
    samples: tuple[list[float], list[float]] = ([], [])
    for work in (ours, theirs):
        await work()
    for _ in range(repeats // in_a_row):
        for work, times in zip((ours, theirs), samples, strict=True):
            for _ in range(in_a_row):
                start = time.perf_counter()
                await work()
                times.append((time.perf_counter() - start) * 1000)
    return statistics.median(samples[0]), statistics.median(samples[1])


def machine() -> str:
    """Name the versions and the machine the figures hold for."""
    packages = ("reflex", "django", "djangorestframework", "asgiref", "httpx")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores."
