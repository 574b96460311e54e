"""`reflex django <command>`: the wrapper, and the one line that leads to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.throwaway import ROOT, RXCONFIG, Project

LINE = (ROOT / "reflex_drf_cli.pth").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("rxconfig.py", RXCONFIG)
    return project


def django(project: Project, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return project.python("-m", "reflex_drf.cli", *arguments, **environ)


def test_a_command_runs_in_the_configuration_of_rxconfig(project: Project) -> None:
    project.write("rxconfig.py", RXCONFIG.replace("Plugin()", 'Plugin("mysite.other")', 1))
    project.write("mysite/other.py", "from mysite.settings import *\nTIME_ZONE = 'Asia/Tokyo'")
    code = "from django.conf import settings; print(settings.SETTINGS_MODULE, settings.TIME_ZONE)"
    result = django(project, "shell", "-v0", "-c", code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "mysite.other Asia/Tokyo"


def test_migrations_reach_the_database_that_the_plugin_names(project: Project) -> None:
    option = 'Plugin(database_url="sqlite:///named.sqlite3")'
    project.write("rxconfig.py", RXCONFIG.replace("Plugin()", option, 1))
    result = django(project, "migrate", "-v0")
    assert result.returncode == 0, result.stderr
    assert (project.path / "named.sqlite3").stat().st_size > 0
    assert not (project.path / "db.sqlite3").exists()


def test_exit_status_and_errors_are_djangos(project: Project) -> None:
    result = django(project, "no-such-command")
    assert result.returncode == 1
    assert "Unknown command: 'no-such-command'" in result.stderr
    assert "reflex django help" in result.stderr


def test_help_lists_the_projects_commands(project: Project) -> None:
    result = django(project, "help", "--commands")
    assert {"makemigrations", "migrate", "createsuperuser"} <= set(result.stdout.split())


def test_elsewhere_the_error_names_what_is_missing(tmp_path: Path) -> None:
    result = Project(tmp_path).python("-m", "reflex_drf.cli", "check")
    assert result.returncode == 1
    assert result.stderr.startswith("reflex django: There is no rxconfig.py in")
    assert "Traceback" not in result.stderr


def test_a_wrong_set_up_is_a_message_and_no_traceback(project: Project) -> None:
    project.extend("mysite/settings.py", "INSTALLED_APPS.remove('reflex_drf')\n")
    result = django(project, "check")
    assert result.returncode == 1
    assert "Add 'reflex_drf' to INSTALLED_APPS" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_rxconfig_without_the_plugin_still_finds_the_settings(project: Project) -> None:
    project.write("rxconfig.py", "import reflex as rx\nconfig = rx.Config(app_name='front')\n")
    result = django(project, "check")
    assert result.returncode == 0, result.stderr


# The line in site-packages


def environment(tmp_path: Path, script: str = "reflex") -> Path:
    """Make an environment that holds only the line, and a script that says it was reached."""
    made = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
    (packages,) = made.glob("lib/python*/site-packages")
    (packages / "reflex_drf_cli.pth").write_text(LINE)
    # Stands for the package: tells what it was given.
    (packages / "reflex_drf").mkdir()
    (packages / "reflex_drf/__init__.py").write_text("")
    (packages / "reflex_drf/cli.py").write_text("import sys; print('django', sys.argv[1:])")
    command = made / "bin" / script
    command.write_text(f"#!{made}/bin/python\nimport sys; print('script', sys.argv[1:])\n")
    command.chmod(0o755)
    return command


def said(command: Path, *arguments: str) -> str:
    result = subprocess.run(
        [str(command), *arguments],
        cwd=command.parent,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout.strip()


def test_the_line_hands_over_what_begins_with_reflex_django(tmp_path: Path) -> None:
    command = environment(tmp_path)
    assert said(command, "django", "migrate", "--plan") == "django ['migrate', '--plan']"
    assert said(command, "django") == "django []"
    assert said(command, "run", "django") == "script ['run', 'django']"
    assert said(command) == "script []"


def test_the_line_leaves_other_programs_alone(tmp_path: Path) -> None:
    command = environment(tmp_path, "celery")
    assert said(command, "django", "x") == "script ['django', 'x']"


def test_the_line_is_one_and_imports_nothing_that_is_not_loaded_already() -> None:
    """A .pth file runs in every Python process of the environment, so it may not cost anything."""
    assert LINE.count("\n") == 1
    assert LINE.startswith("import os, sys; ")
    assert LINE.count("import") == 1
    code = "import sys; print({'os', 'sys'} <= set(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "True\n"


def test_the_wheel_carries_the_line() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    assert '"reflex_drf_cli.pth" = "reflex_drf_cli.pth"' in text
