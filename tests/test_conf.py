"""The settings namespace, and Django made ready from anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from reflex_drf import conf
from reflex_drf.conf import DEFAULTS, parse_database_url, read_manage, settings
from reflex_drf.errors import ConfigurationError
from tests.throwaway import Project

SHOW = """
from reflex_drf import configure_django
print(configure_django(), configure_django())
"""
SHOW_DATABASE = """
from reflex_drf import configure_django
configure_django()
from django.db import connection
print(connection.vendor, connection.settings_dict["NAME"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_setting_left_out_has_its_default() -> None:
    assert DEFAULTS["DATABASE_THREADS"] == settings.DATABASE_THREADS
    assert settings.DJANGO_PREFIXES is None


def test_settings_follow_override_settings() -> None:
    with override_settings(REFLEX_DRF={"DATABASE_THREADS": 3}):
        assert settings.DATABASE_THREADS == 3
        assert DEFAULTS["HTTP_TIMEOUT"] == settings.HTTP_TIMEOUT
    assert DEFAULTS["DATABASE_THREADS"] == settings.DATABASE_THREADS


def test_an_unknown_key_names_itself_and_the_known_ones() -> None:
    with override_settings(REFLEX_DRF={"DATABASE_TREADS": 3}):
        with pytest.raises(ConfigurationError, match=r"DATABASE_TREADS.*DATABASE_THREADS"):
            _ = settings.HTTP_TIMEOUT
        assert settings.unknown_keys() == ["DATABASE_TREADS"]


def test_asking_for_what_is_no_setting_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="NO_SUCH"):
        _ = settings.NO_SUCH
    with pytest.raises(AttributeError):
        _ = settings._private


@pytest.mark.parametrize("value", [["DATABASE_THREADS"], "x", 5])
def test_the_namespace_has_to_be_a_dictionary(value: object) -> None:
    with (
        override_settings(REFLEX_DRF=value),
        pytest.raises(ConfigurationError, match="must be a dictionary"),
    ):
        _ = settings.HTTP_TIMEOUT


def test_dotted_paths_are_imported_for_the_keys_that_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conf, "IMPORT_STRINGS", frozenset({"API_BASE_URL"}))
    with override_settings(REFLEX_DRF={"API_BASE_URL": ["pathlib.Path", Path]}):
        assert [Path, Path] == settings.API_BASE_URL


def test_the_environment_comes_before_the_argument_and_manage_py(project: Project) -> None:
    project.write("mysite/other.py", "from mysite.settings import *")
    code = "from reflex_drf import configure_django\nprint(configure_django('mysite.missing'))"
    assert project.run(code, DJANGO_SETTINGS_MODULE="mysite.other") == "mysite.other"


def test_the_argument_comes_before_manage_py(project: Project) -> None:
    project.write("mysite/other.py", "from mysite.settings import *")
    code = "from reflex_drf import configure_django\nprint(configure_django('mysite.other'))"
    assert project.run(code) == "mysite.other"


def test_manage_py_names_the_settings_and_repeating_is_safe(project: Project) -> None:
    assert project.run(SHOW) == "mysite.settings mysite.settings"


def test_without_any_hint_the_error_names_the_three_ways(project: Project) -> None:
    (project.path / "manage.py").unlink()
    message = project.fail(SHOW)
    assert "DJANGO_SETTINGS_MODULE" in message
    assert 'ReflexDjangoPlugin("mysite.settings")' in message
    assert "manage.py" in message


def test_models_import_after_configuring(project: Project) -> None:
    code = SHOW + "\nfrom django.contrib.auth.models import User\nprint(User._meta.label)"
    assert project.run(code).endswith("auth.User")


def test_the_project_is_importable_from_another_directory(project: Project, tmp_path: Path) -> None:
    code = f"""
    import os
    os.chdir("/")
    from reflex_drf import configure_django
    configure_django("mysite.settings", base_dir={str(tmp_path)!r})
    from django.urls import reverse
    print(reverse("admin:index"))
    """
    assert project.run(code) == "/admin/"


def test_configuring_from_several_threads_at_once_is_safe(project: Project) -> None:
    code = """
    from concurrent.futures import ThreadPoolExecutor
    from reflex_drf import configure_django
    with ThreadPoolExecutor(8) as pool:
        print(set(pool.map(lambda _: configure_django(), range(32))))
    from django.apps import apps
    print(apps.ready)
    """
    assert project.run(code) == "{'mysite.settings'}\nTrue"


def test_an_error_of_the_projects_own_is_not_hidden(project: Project) -> None:
    project.write("mysite/apps.py", "raise RuntimeError('a fault of the project')")
    project.extend("mysite/settings.py", "INSTALLED_APPS += ['mysite.apps.Own']\n")
    assert project.fail(SHOW) == "RuntimeError: a fault of the project"


def test_no_database_gives_a_local_sqlite_file(project: Project, tmp_path: Path) -> None:
    assert project.run(SHOW_DATABASE) == f"sqlite {tmp_path / 'db.sqlite3'}"


def test_no_database_takes_the_url_of_the_environment(project: Project, tmp_path: Path) -> None:
    found = project.run(SHOW_DATABASE, REFLEX_DJANGO_DATABASE_URL="sqlite:///own.sqlite3")
    assert found == f"sqlite {tmp_path / 'own.sqlite3'}"


def test_the_argument_comes_before_the_url_of_the_environment(
    project: Project, tmp_path: Path
) -> None:
    code = SHOW_DATABASE.replace("django()", "django(database_url='sqlite:///arg.sqlite3')")
    found = project.run(code, REFLEX_DJANGO_DATABASE_URL="sqlite:///own.sqlite3")
    assert found == f"sqlite {tmp_path / 'arg.sqlite3'}"


def test_the_projects_own_database_is_left_alone(project: Project) -> None:
    project.extend(
        "mysite/settings.py",
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n",
    )
    found = project.run(SHOW_DATABASE, REFLEX_DJANGO_DATABASE_URL="sqlite:///own.sqlite3")
    assert found == "sqlite :memory:"


def test_manage_py_gets_the_same_default_database(project: Project, tmp_path: Path) -> None:
    result = project.python("manage.py", "migrate", "-v0")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "db.sqlite3").stat().st_size > 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///data/a.db", {"NAME": Path("/base/data/a.db")}),
        ("sqlite:////abs/a.db", {"NAME": Path("/abs/a.db")}),
        ("sqlite://:memory:", {"NAME": ":memory:"}),
        ("sqlite:///a.db?timeout=20", {"OPTIONS": {"timeout": "20"}}),
        (
            "postgres://me:p%40ss@db.example:5433/shop?sslmode=require",
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "shop",
                "USER": "me",
                "PASSWORD": "p@ss",
                "HOST": "db.example",
                "PORT": "5433",
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        ("postgresql:///shop", {"NAME": "shop", "HOST": "", "PORT": "", "USER": ""}),
        ("mysql://root@localhost/shop", {"ENGINE": "django.db.backends.mysql", "PASSWORD": ""}),
    ],
)
def test_a_database_url_becomes_an_entry(url: str, expected: dict[str, object]) -> None:
    entry = parse_database_url(url, Path("/base"))
    assert {key: entry[key] for key in expected} == expected


def test_a_wrong_database_url_does_not_show_its_password() -> None:
    with pytest.raises(ConfigurationError, match="mongodb") as caught:
        parse_database_url("mongodb://me:secret@host/x", Path("/base"))
    assert "secret" not in str(caught.value)


def test_manage_py_is_read_and_not_run(tmp_path: Path) -> None:
    assert read_manage(tmp_path) is None
    script = tmp_path / "manage.py"
    script.write_text("raise SystemExit('was run')\n")
    assert read_manage(tmp_path) is None
    script.write_text(
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.b')\nraise SystemExit\n"
    )
    assert read_manage(tmp_path) == "a.b"
