"""What this package adds to the start of a process: of Django alone, and of Reflex with Django."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator

from benchmarks.comparison import HERE, PEER
from benchmarks.table import Row

REPEATS = 7
SETTINGS = "import benchmarks.side_settings as settings"
WITHOUT = f"{SETTINGS}; settings.INSTALLED_APPS.remove('reflex_drf')"
DJANGO = "import django; django.setup()"
CHECK = "from django.core.management import call_command; call_command('check', verbosity=0)"
# A state without and with this package, each in a process that needs both frameworks.
PLAIN = "import reflex as rx; S = type('S', (rx.State,), {'__module__': 'x'})"
OURS = "from reflex_drf.state import AppState; S = type('S', (AppState,), {'__module__': 'x'})"
PROCESSOR_TIME = "import resource; print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) * 1000)"


async def start_rows() -> AsyncIterator[Row]:
    """Give the rows, in milliseconds of the processor."""
    pairs = [
        ("`manage.py check`", (SETTINGS, DJANGO, CHECK), (WITHOUT, DJANGO, CHECK)),
        ("a process with a state", (SETTINGS, DJANGO, PLAIN, OURS), (WITHOUT, DJANGO, PLAIN)),
    ]
    for what, ours, other in pairs:
        samples: tuple[list[float], list[float]] = ([], [])
        for _ in range(REPEATS):
            for code, times in zip((ours, other), samples, strict=True):
                times.append(await asyncio.to_thread(run, "\n".join(code)))
        ours_ms, other_ms = map(statistics.median, samples)
        yield Row(
            f"start of {what}, processor", "without this package", ours_ms, other_ms, "", True
        )


def run(code: str) -> float:
    """Run a process and give its processor time in milliseconds."""
    path = os.pathsep.join([str(HERE.parent), str(PEER)])
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{PROCESSOR_TIME}"],
        check=True,
        capture_output=True,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "BENCHMARK_DATABASE": ":memory:",
            "DJANGO_SETTINGS_MODULE": "benchmarks.side_settings",
        },
    )
    return float(done.stdout.split()[-1])
