"""The sample project as Django sees it: its own tests, its data, its migrations."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SAMPLE = Path(__file__).resolve().parent.parent / "sample_project"
Manage = Callable[..., str]


@pytest.fixture
def manage(tmp_path: Path) -> Manage:
    """Run `manage.py` in a copy of the project, which keeps a developer's database out of it."""
    copy = tmp_path / "sample_project"
    ignored = shutil.ignore_patterns(".web", ".states", "db.sqlite3*", "__pycache__")
    shutil.copytree(SAMPLE, copy, ignore=ignored)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-W", "error", "manage.py", *arguments]
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_its_own_tests_pass(manage: Manage) -> None:
    assert "OK" in manage("test")


def test_nothing_is_left_to_migrate_or_to_check(manage: Manage) -> None:
    assert "No changes" in manage("makemigrations", "--check", "--dry-run")
    assert "no issues" in manage("check")


def test_seed_demo_fills_an_empty_database_once(manage: Manage) -> None:
    manage("migrate", "--verbosity", "0")
    assert manage("seed_demo").strip() == "Created 200 products, 60 orders, 24 tasks."
    assert manage("seed_demo").strip() == "The demo data is in place."
