"""Development: Vite's proxy, reloads only for code, and Bun beside Python."""

from __future__ import annotations

import json
import os
import re
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from reflex.utils.exec import get_reload_paths
from reflex.utils.frontend_skeleton import _compile_vite_config
from reflex_base.config import Config, get_config
from reflex_base.environment import environment

from reflex_drf.development import expose_bun, insert_proxy, keep_from_reloading
from reflex_drf.errors import ConfigurationError

SQLITE = "django.db.backends.sqlite3"
TARGET = "http://localhost:8123"


def real_config() -> str:
    return _compile_vite_config(Config(app_name="front", _skip_plugins_checks=True))


def proxy(*prefixes: str) -> dict[str, Any]:
    written = insert_proxy(real_config(), prefixes, TARGET)
    found = re.search(r"^    proxy: (\{.*\}),$", written, re.MULTILINE)
    assert found is not None
    rules: dict[str, Any] = json.loads(found[1])
    return rules


def test_the_installed_reflex_writes_what_the_proxy_is_put_into() -> None:
    rules = proxy("/admin", "/api")
    assert len(rules) == 2
    for rule in rules.values():
        assert rule == {"target": TARGET, "changeOrigin": False, "xfwd": True, "ws": True}


@pytest.mark.parametrize(
    ("path", "passed"),
    [
        ("/api", True),
        ("/api/", True),
        ("/api/items/?page=2", True),
        ("/api?x=1", True),
        ("/apicture", False),
        ("/x/api/", False),
        ("/", False),
    ],
)
def test_the_proxy_takes_whole_segments(path: str, passed: bool) -> None:
    (pattern,) = proxy("/api")
    assert bool(re.search(pattern, path)) is passed


def test_a_prefix_is_taken_literally() -> None:
    (pattern,) = proxy("/favicon.ico")
    assert re.search(pattern, "/favicon.ico")
    assert not re.search(pattern, "/faviconxico")


def test_the_rest_of_the_configuration_is_left_alone() -> None:
    before = real_config()
    lines = insert_proxy(before, ["/api"], TARGET).splitlines()
    assert [line for line in lines if "proxy:" not in line] == before.splitlines()


@pytest.mark.parametrize("text", ["", "server: {}", "  server: {\n  server: {\n"])
def test_an_unknown_configuration_is_an_error_that_names_the_fix(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"vite\.config\.js.*pip install"):
        insert_proxy(text, ["/api"], TARGET)


# Reloading


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in ("EXCLUDE", "INCLUDE", "OVERRIDE"):
        monkeypatch.setenv(f"REFLEX_HOT_RELOAD_{variable}_PATHS", "")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(get_config(), "app_name", "front")
    for name in (
        "front/__init__.py",
        "front/front.py",
        "shop/models.py",
        "shop/views.py",
        "manage.py",
    ):
        file(tmp_path / name)
    return tmp_path


def file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def keep(project: Path, *names: str, media: str = "") -> None:
    databases = {
        f"d{index}": {"ENGINE": SQLITE, "NAME": project / name} for index, name in enumerate(names)
    }
    with override_settings(DATABASES=databases, MEDIA_ROOT=media):
        keep_from_reloading(project)


def watched() -> set[str]:
    """Ask Reflex itself what it watches."""
    root = Path.cwd()
    return {str(path.relative_to(root)) for path in get_reload_paths()}


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES:UserWarning")
class TestReloading:
    """A write to the database must not reload the app under everyone's hands."""

    def test_the_database_beside_the_code_is_not_watched(self, project: Path) -> None:
        file(project / "db.sqlite3")
        assert "db.sqlite3" in watched()
        keep(project, "db.sqlite3")
        assert watched() == {"front", "shop", "manage.py"}

    def test_its_side_files_are_not_watched(self, project: Path) -> None:
        for suffix in ("", "-wal", "-shm"):
            file(project / f"db.sqlite3{suffix}")
        keep(project, "db.sqlite3")
        assert watched() == {"front", "shop", "manage.py"}

    def test_a_database_that_does_not_exist_yet_does_no_harm(self, project: Path) -> None:
        keep(project, "db.sqlite3")
        assert environment.REFLEX_HOT_RELOAD_EXCLUDE_PATHS.get() == []
        assert watched() == {"front", "shop", "manage.py"}

    def test_a_journal_that_comes_and_goes_is_not_named(self, project: Path) -> None:
        """Reflex fails on an excluded file that is gone."""
        file(project / "db.sqlite3")
        journal = file(project / "db.sqlite3-journal")
        keep(project, "db.sqlite3")
        journal.unlink()
        assert watched() == {"front", "shop", "manage.py"}

    def test_a_database_among_code_leaves_the_code_watched(self, project: Path) -> None:
        file(project / "shop/data/db.sqlite3")
        file(project / "shop/data/load.py")
        for name in ("db.sqlite3-wal", "db.sqlite3-journal", ".hidden", "__pycache__/load.pyc"):
            file(project / "shop/data" / name)
        keep(project, "shop/data/db.sqlite3")
        expected = {"front", "manage.py", "shop/models.py", "shop/views.py", "shop/data/load.py"}
        assert watched() == expected

    def test_several_databases_and_media_are_left_out(self, project: Path) -> None:
        for name in ("a.sqlite3", "shop/b.sqlite3", "media/photo.py"):
            file(project / name)
        keep(project, "a.sqlite3", "shop/b.sqlite3", media=str(project / "media"))
        assert watched() == {"front", "manage.py", "shop/models.py", "shop/views.py"}

    def test_what_lies_elsewhere_is_not_named(self, project: Path) -> None:
        outside = file(project.parent / "outside.sqlite3")
        keep(project, str(outside), media=str(project))
        assert environment.REFLEX_HOT_RELOAD_EXCLUDE_PATHS.get() == []

    def test_the_projects_own_choice_is_kept(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file(project / "db.sqlite3")
        monkeypatch.setenv("REFLEX_HOT_RELOAD_EXCLUDE_PATHS", str(project / "front"))
        keep(project, "db.sqlite3")
        assert watched() == {"shop", "manage.py"}

    def test_repeating_changes_nothing(self, project: Path) -> None:
        file(project / "shop/db.sqlite3")
        keep(project, "shop/db.sqlite3")
        once = dict(os.environ)
        keep(project, "shop/db.sqlite3")
        assert dict(os.environ) == once

    def test_other_databases_have_no_file(self, project: Path) -> None:
        databases = {
            "a": {"ENGINE": "django.db.backends.postgresql", "NAME": "front"},
            "b": {"ENGINE": SQLITE, "NAME": ":memory:"},
            "c": {"ENGINE": SQLITE, "NAME": "file:front?mode=memory:memory:"},
        }
        with override_settings(DATABASES=databases):
            keep_from_reloading(project)
        assert environment.REFLEX_HOT_RELOAD_EXCLUDE_PATHS.get() == []


# Bun


def test_bun_beside_python_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bun = file(tmp_path / "bun")
    bun.chmod(0o755)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    expose_bun()
    expose_bun()
    assert os.environ["PATH"] == f"/nowhere{os.pathsep}{tmp_path}"


def test_a_bun_on_the_path_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file(tmp_path / "bun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    expose_bun()
    assert os.environ["PATH"] == str(tmp_path)


def test_without_bun_the_path_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    expose_bun()
    assert os.environ["PATH"] == "/nowhere"
