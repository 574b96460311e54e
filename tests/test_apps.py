"""The Django app, as `manage.py` sees it."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps

from tests.throwaway import Project


def test_the_app_has_no_models_and_no_tables() -> None:
    config = apps.get_app_config("reflex_drf")
    assert list(config.get_models()) == []
    assert config.verbose_name == "Reflex over Django REST framework"


def test_manage_check_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.extend("mysite/settings.py", "REFLEX_DRF = {'TREADS': 1}\n")
    result = project.python("manage.py", "check")
    assert result.returncode == 1
    assert "reflex_drf.E002" in result.stderr
    assert "HINT: Remove 'TREADS' or correct it." in result.stderr


def test_manage_check_is_quiet_on_a_good_project(tmp_path: Path) -> None:
    result = Project(tmp_path).python("-W", "error", "manage.py", "check")
    assert (result.returncode, result.stderr) == (0, "")
    assert "no issues" in result.stdout


def test_manage_does_not_load_reflex(tmp_path: Path) -> None:
    """A command line of Django costs what it costs without the package."""
    code = """
    import os, sys
    os.environ["DJANGO_SETTINGS_MODULE"] = "mysite.settings"
    from django.core.management import call_command
    import django
    django.setup()
    call_command("check")
    heavy = {"reflex", "reflex_base", "httpx", "redis", "psycopg", "rest_framework.views"}
    print(sorted(heavy & set(sys.modules)))
    """
    assert Project(tmp_path).run(code).splitlines()[-1] == "[]"
