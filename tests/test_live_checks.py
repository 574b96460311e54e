"""What `manage.py check` says of the settings for live updates."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.core.checks import run_checks

from reflex_drf.live.checks import check_live
from reflex_drf.live.registry import live_models, unregister_live_model
from tests.living import Cable
from tests.shop.models import Task


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
