"""The benchmarks can be run part by part, and print what they say they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS, find_rows
from benchmarks.load import Tally
from benchmarks.table import Row, table

ROOT = Path(__file__).resolve().parent.parent


def test_a_ratio_says_how_many_times_as_fast() -> None:
    assert Row("read", "DRF", 2.0, 10.0, "≥ 4").ratio == "5.00"
    assert Row("read", "the queries alone", 3.0, 2.0, "≤ 1.5", cost=True).ratio == "1.50"
    assert Row("read", "the peer", note="not installed here").ratio == ""


def test_the_table() -> None:
    rows = [
        Row("read", "DRF", 2.0, 1000.0, "≥ 4"),
        Row("read", "the peer", aim="≥ 5", note="not installed here"),
    ]
    assert table(rows).splitlines()[2:] == [
        "| read | DRF | 2.00 | 1,000 | 500.00 | ≥ 4 | yes |",
        "| read | the peer | not installed here | | | ≥ 5 | |",
    ]


@pytest.mark.parametrize(
    ("aim", "reached"),
    [("≥ 2", "yes"), ("≥ 2.1", "no"), ("≤ 2", "yes"), ("≤ 1.9", "no"), ("> 2", "no"), ("", "")],
)
def test_whether_an_aim_is_reached(aim: str, reached: str) -> None:
    assert Row("read", "DRF", 1.0, 2.0, aim).reached == reached


def test_percentiles() -> None:
    assert Tally().percentiles([float(n) for n in range(1, 101)]) == "51 / 96 / 100"


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_there(part: str) -> None:
    assert callable(find_rows(part))


def test_an_unknown_part_is_refused() -> None:
    command = [sys.executable, "-m", "benchmarks", "everything"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "There is no part 'everything'; there are rows," in done.stderr
