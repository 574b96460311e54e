"""What `manage.py check` says of the settings for live updates."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ModelState, ProjectState

from reflex_drf.errors import ConfigurationError
from reflex_drf.live.checks import check_live, check_triggers, wanted_triggers
from reflex_drf.live.migrations import AddLiveTriggers
from reflex_drf.live.registry import live_models, unregister_live_model
from tests.living import Cable
from tests.shop.models import Tag, Task


@pytest.fixture(autouse=True)
def one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFLEX_REDIS_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def ids() -> list[str]:
    return [message.id or "" for message in check_live()]


@pytest.mark.django_db
def test_the_defaults_are_fine_and_django_knows_the_check() -> None:
    assert ids() == []
    assert not [message for message in run_checks() if "LIVE" in message.msg]


@pytest.mark.parametrize("interval", [49, 501, 0, -1, True, "200", None])
def test_the_interval_has_bounds(settings: Any, interval: object) -> None:
    settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": interval}
    (message,) = check_live()
    assert message.id == "reflex_drf.E004"
    assert "50 to 500" in message.msg


@pytest.mark.parametrize("interval", [50, 200, 500, 99.5])
def test_an_interval_within_them_is_fine(settings: Any, interval: float) -> None:
    settings.REFLEX_DRF = {"LIVE_REFRESH_INTERVAL": interval}
    assert ids() == []


def test_a_model_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    from reflex_drf.conf import settings as ours

    monkeypatch.setitem(ours._values, "LIVE_MODELS", ["shop.Task", "Task", "shop.Nothing"])
    assert ids() == ["reflex_drf.E005", "reflex_drf.E005"]


@pytest.mark.parametrize(
    ("transport", "says"),
    [
        ("pigeon", "one of memory, postgres, redis"),
        ("tests.nowhere.Pigeon", "nor the path of a class"),
        ("tests.living.QUICK", "derive it from reflex_drf.live.Transport"),
        (7, "is no Transport"),
    ],
)
def test_a_transport_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, transport: object, says: str
) -> None:
    from reflex_drf.conf import settings as ours
    from reflex_drf.live.transports import current

    monkeypatch.setitem(ours._values, "LIVE_TRANSPORT", transport)
    current.clear()
    (message,) = check_live()
    current.clear()
    assert message.id == "reflex_drf.E006"
    assert says in message.msg


def test_several_workers_need_a_transport(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFLEX_REDIS_URL", "redis://localhost")
    settings.REFLEX_DRF = {"LIVE_MODELS": ["shop.Task"]}
    try:
        (message,) = check_live()
        assert message.id == "reflex_drf.W006"
        assert "redis" in (message.hint or "")
        settings.REFLEX_DRF = {"LIVE_MODELS": ["shop.Task"], "LIVE_TRANSPORT": Cable()}
        assert ids() == []
    finally:
        unregister_live_model(Task)


def test_unknown_keys_are_left_to_the_check_that_names_them(settings: Any) -> None:
    for unreadable in ({"LIVE_TRANSPROT": "redis", "LIVE_REFRESH_INTERVAL": 0}, "redis"):
        settings.REFLEX_DRF = unreadable
        assert ids() == []


def test_a_process_begins_with_bad_settings_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from reflex_drf.conf import settings as ours

    monkeypatch.setitem(ours._values, "LIVE_MODELS", ["shop.Nothing"])
    with caplog.at_level(logging.ERROR, "reflex_drf.live"):
        live_models.follow_settings()
    assert "shop.Nothing" in caplog.text


MIGRATION = ("shop", "0009_live_triggers")


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration of the project that asks for triggers, without a file."""
    build = MigrationLoader.build_graph

    def build_graph(self: MigrationLoader) -> None:
        build(self)
        live = Migration(MIGRATION[1], MIGRATION[0])
        live.operations = [AddLiveTriggers("Tag"), AddLiveTriggers("Vanished")]
        self.disk_migrations[MIGRATION] = live

    monkeypatch.setattr(MigrationLoader, "build_graph", build_graph)


@pytest.mark.django_db
def test_triggers_that_no_database_was_asked_about(migration: None) -> None:
    assert check_triggers() == []
    assert [wanted.model for wanted in wanted_triggers()] == [Tag]


@pytest.mark.django_db
def test_without_triggers_nothing_is_asked() -> None:
    assert check_triggers(databases=["default"]) == []


@pytest.mark.django_db
def test_triggers_where_they_do_not_work(migration: None) -> None:
    messages = check_triggers(databases=["default"])
    if connection.vendor == "postgresql":
        # Not applied yet, so nothing is lost.
        assert messages == []
        MigrationRecorder(connection).record_applied(*MIGRATION)
        (message,) = check_triggers(databases=["default"])
        assert (message.id, "shop.tag" in message.msg) == ("reflex_drf.W008", True)
    else:
        (message,) = messages
        assert message.id == "reflex_drf.W007"
        assert "shop.tag" in message.msg
        assert "notify" in str(message.hint)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["Nothing", "Label"])
def test_triggers_of_a_model_without_a_table_are_refused(name: str) -> None:
    state = ProjectState.from_apps(apps)
    state.add_model(ModelState("shop", "Label", [], options={"proxy": True}, bases=("shop.tag",)))
    with pytest.raises(ConfigurationError, match=rf"AddLiveTriggers\('{name}'\): shop has no"):
        AddLiveTriggers(name).state_forwards("shop", state)


@pytest.mark.django_db(transaction=True)
def test_the_operation_does_nothing_on_another_database() -> None:
    state = ProjectState.from_apps(apps)
    operation = AddLiveTriggers("Tag")
    with connection.schema_editor(collect_sql=True) as editor:
        operation.database_forwards("shop", editor, state, state)
        operation.database_backwards("shop", editor, state, state)
    works = connection.vendor == "postgresql"
    assert bool(editor.collected_sql) is works
