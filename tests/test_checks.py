"""`manage.py check`: every message names its fix."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.core.checks import ERROR, run_checks
from django.test import override_settings

from reflex_drf.checks import check_settings


class OwnAuthentication(AuthenticationMiddleware):
    """A project's own middleware, derived from Django's."""


def ids(**options: Any) -> list[str]:
    with override_settings(**options):
        return [str(problem.id) for problem in check_settings()]


def test_the_test_project_has_no_problem() -> None:
    assert ids() == []
    assert run_checks(tags=["reflex_drf"]) == []


# Django asks the database what it can do, unless an earlier test had it do so.
@pytest.mark.django_db
def test_the_checks_are_registered() -> None:
    with override_settings(SESSION_COOKIE_HTTPONLY=False):
        assert [problem.id for problem in run_checks()] == ["reflex_drf.W003"]


def test_an_unknown_key_is_an_error_that_names_it() -> None:
    with override_settings(REFLEX_DRF={"DATABASE_TREADS": 1, "Z": 1}):
        problems = check_settings()
    assert [problem.id for problem in problems] == ["reflex_drf.E002"] * 2
    assert "DATABASE_TREADS" in problems[0].msg
    assert "DATABASE_THREADS" in problems[0].msg
    assert problems[0].hint == "Remove 'DATABASE_TREADS' or correct it."


@pytest.mark.parametrize("value", ["x", ["x"], 5])
def test_a_namespace_that_is_no_dictionary_is_an_error(value: Any) -> None:
    assert ids(REFLEX_DRF=value) == ["reflex_drf.E001"]


@pytest.mark.parametrize(
    "values",
    [
        {"DATABASE_THREADS": 0},
        {"DATABASE_THREADS": "8"},
        {"DATABASE_THREADS": True},
        {"DATABASE_THREADS": None},
        {"CONNECTION_SECONDS": -1},
        {"CONNECTION_SECONDS": None},
        {"HTTP_TIMEOUT": -1},
        {"MAX_UPLOAD_BYTES": 0},
        {"EXCLUDED_MIDDLEWARE": "a.B"},
        {"EXCLUDED_MIDDLEWARE": None},
        {"EXCLUDED_MIDDLEWARE": [object]},
        {"DJANGO_PREFIXES": "admin"},
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(values: dict[str, Any]) -> None:
    with override_settings(REFLEX_DRF=values):
        (problem,) = check_settings()
    (key,) = values
    assert problem.id == "reflex_drf.E003"
    assert problem.level == ERROR
    assert f"REFLEX_DRF['{key}'] is {values[key]!r}" in problem.msg
    assert problem.hint is not None
    assert problem.hint.startswith("The default is")


@pytest.mark.parametrize(
    "values",
    [
        {},
        None,
        {"DATABASE_THREADS": 1, "HTTP_TIMEOUT": 0.5},
        {"MAX_UPLOAD_BYTES": None, "DJANGO_PREFIXES": None},
        {"DJANGO_PREFIXES": ("admin",), "EXCLUDED_MIDDLEWARE": []},
    ],
)
def test_good_values_pass(values: Any) -> None:
    assert ids(REFLEX_DRF=values) == []


def test_events_without_sessions_or_users_are_warned_of(settings: Any) -> None:
    with override_settings(MIDDLEWARE=[]):
        (problem,) = check_settings()
    assert problem.id == "reflex_drf.W001"
    assert "AuthenticationMiddleware, django.contrib.sessions" in problem.msg


def test_a_middleware_derived_from_djangos_counts(settings: Any) -> None:
    own = f"{__name__}.OwnAuthentication"
    middleware = [own if "Authentication" in name else name for name in settings.MIDDLEWARE]
    assert own in middleware
    assert ids(MIDDLEWARE=middleware) == []


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, ["W002"]),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.cached_db"}, []),
        ({"SESSION_COOKIE_HTTPONLY": False}, ["W003"]),
        ({"ALLOWED_HOSTS": [], "DEBUG": False}, ["W004"]),
        ({"ALLOWED_HOSTS": [], "DEBUG": True}, []),
        ({"ALLOWED_HOSTS": ["*"], "DEBUG": False}, ["W005"]),
        ({"ALLOWED_HOSTS": ["*"], "DEBUG": True}, []),
        ({"ALLOWED_HOSTS": [".shop.example"], "DEBUG": False}, []),
    ],
)
def test_unsafe_settings_are_warned_of(options: dict[str, Any], found: list[str]) -> None:
    assert ids(**options) == [f"reflex_drf.{name}" for name in found]
    with override_settings(**options):
        assert all(problem.hint for problem in check_settings())
