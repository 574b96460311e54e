"""System checks of `manage.py check`: each message names its fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004
from django.utils.module_loading import import_string

from reflex_drf.conf import DEFAULTS, NAMESPACE, settings, unknown_key
from reflex_drf.errors import ConfigurationError

__all__ = ["check_settings", "register_checks"]

COOKIE_SESSIONS = "django.contrib.sessions.backends.signed_cookies"
# By what an event learns who sends it.
NEEDED_MIDDLEWARE = {
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
}
# What a key of REFLEX_DRF has to be, where the default does not say it all.
POSITIVE = (
    "DATABASE_THREADS",
    "HTTP_TIMEOUT",
    "MAX_UPLOAD_BYTES",
    "PROGRESS_DELAY",
    "TICKET_SECONDS",
)
LISTS = ("EXCLUDED_MIDDLEWARE", "DJANGO_PREFIXES")

OPTIONAL = ("MAX_UPLOAD_BYTES", "PROGRESS_DELAY", "DJANGO_PREFIXES")


def register_checks() -> None:
    """Make the checks known to Django; safe to repeat."""
    register(check_settings, "reflex_drf")


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Look through the settings for what cannot work or is not safe."""
    try:
        return [*check_namespace(), *check_values(), *check_sessions(), *check_hosts()]
    except ConfigurationError as error:
        return [Error(str(error), id="reflex_drf.E001")]


def check_namespace() -> Iterator[CheckMessage]:
    """Refuse keys of `REFLEX_DRF` that mean nothing."""
    for key in settings.unknown_keys():
        yield Error(unknown_key(key), hint=f"Remove {key!r} or correct it.", id="reflex_drf.E002")


def check_values() -> Iterator[CheckMessage]:
    """Refuse values of `REFLEX_DRF` of the wrong kind."""
    values = {**DEFAULTS, **(getattr(django_settings, NAMESPACE, None) or {})}
    for key in POSITIVE:
        number = isinstance(values[key], (int, float)) and not isinstance(values[key], bool)
        unlimited = values[key] is None and key in OPTIONAL
        if not unlimited and not (number and values[key] > 0):
            yield wrong_value(key, values[key], "a number above zero")
    seconds = values["CONNECTION_SECONDS"]
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
        yield wrong_value("CONNECTION_SECONDS", seconds, "a number, and not below zero")
    for key in LISTS:
        texts = isinstance(values[key], (list, tuple)) and all(
            isinstance(item, str) for item in values[key]
        )
        if not texts and not (values[key] is None and key in OPTIONAL):
            yield wrong_value(key, values[key], "a list of strings")


def wrong_value(key: str, value: Any, expected: str) -> CheckMessage:
    """Say what a setting has to be."""
    text = f"{NAMESPACE}[{key!r}] is {value!r}, but has to be {expected}."
    return Error(text, hint=f"The default is {DEFAULTS[key]!r}.", id="reflex_drf.E003")


def check_sessions() -> Iterator[CheckMessage]:
    """Warn of sessions that an event cannot use, or that a script could steal."""
    missing = NEEDED_MIDDLEWARE - set(middleware_names())
    if missing:
        yield Warning(
            f"MIDDLEWARE lacks {', '.join(sorted(missing))}, so every event is anonymous.",
            hint="Add it to MIDDLEWARE, or ignore this if another middleware sets request.user.",
            id="reflex_drf.W001",
        )
    if django_settings.SESSION_ENGINE == COOKIE_SESSIONS:
        yield Warning(
            "SESSION_ENGINE keeps sessions in the cookie, which an event cannot change.",
            hint="Use 'django.contrib.sessions.backends.db' or another that stores them here.",
            id="reflex_drf.W002",
        )
    if not django_settings.SESSION_COOKIE_HTTPONLY:
        yield Warning(
            "SESSION_COOKIE_HTTPONLY is off, so any script on a page can read the session.",
            hint="Remove the setting; nothing in reflex_drf needs it off.",
            id="reflex_drf.W003",
        )


def middleware_names() -> Iterator[str]:
    """Give every middleware with the classes it derives from."""
    for name in django_settings.MIDDLEWARE:
        yield name
        middleware = import_string(name)
        for base in getattr(middleware, "__mro__", ()):
            yield f"{base.__module__}.{base.__qualname__}"


def check_hosts() -> Iterator[CheckMessage]:
    """Warn of host settings with which no browser, or any, would get in."""
    if not django_settings.DEBUG and not django_settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS is empty and DEBUG is off, so no browser may open the event socket.",
            hint="Name the site's hosts in ALLOWED_HOSTS.",
            id="reflex_drf.W004",
        )
    if "*" in django_settings.ALLOWED_HOSTS and not django_settings.DEBUG:
        yield Warning(
            "ALLOWED_HOSTS allows every host, so a forged one passes the check of the socket too.",
            hint="Name the site's hosts in ALLOWED_HOSTS.",
            id="reflex_drf.W005",
        )
