"""What the tests of the guide's pages share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import reflex as rx
from django.contrib.auth.models import User
from django.db.backends.utils import CursorWrapper
from reflex.compiler.compiler import compile_page

from reflex_drf.testing import Tab

BIN = Path(sys.executable).parent


async def create_user(name: str, **extra: Any) -> User:
    return await User.objects.acreate_user(name, f"{name}@example.com", "secret", **extra)


def toasts(tab: Tab) -> str:
    """Give the code of all toasts the tab was told to show."""
    functions = [str(payload.get("function", "")) for _, payload in tab.events]
    return "\n".join(function for function in functions if "toast" in function)


def render(page: Callable[[], rx.Component]) -> str:
    """Compile a page to the code a browser gets."""
    return compile_page("guide", page())[1]


@contextmanager
def executed_sql() -> Iterator[list[str]]:
    """Collect the SQL of every thread; Django's own capture knows one thread's connection."""
    statements: list[str] = []
    execute = CursorWrapper.execute

    def record(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        statements.append(sql)
        return execute(self, sql, params)

    with mock.patch.object(CursorWrapper, "execute", record):
        yield statements


@contextmanager
def auto_setters() -> Iterator[None]:
    """Let the states that are made inside have the setters of `state_auto_setters=True`."""
    # A config publishes the option for the state classes that are made after it.
    rx.Config(app_name="guide", state_auto_setters=True)
    try:
        yield
    finally:
        rx.Config(app_name="guide")


class Project:
    """A project in a directory of its own, run in processes of their own."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = root
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a program of the virtual environment and give all it printed."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DJANGO_", "REFLEX_"))}
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=self.root,
            env={**kept, "REFLEX_TELEMETRY_ENABLED": "false", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 or not check, done.stdout
        return done.stdout

    def python(self, code: str, *, check: bool = True, **environment: str) -> str:
        return self.run("python", "-W", "error", "-c", code, check=check, **environment)
