"""What a session is called where its key must not be seen: in browsers, and between processes."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac

__all__ = ["fingerprint", "session_key"]

SALT = "reflex_drf.session"


def fingerprint(key: str) -> str:
    """Name a session; nobody gets from the name to the key. "" stands for no session."""
    return salted_hmac(SALT, key, algorithm="sha256").hexdigest()[:32] if key else ""


def session_key(cookies: Mapping[str, str]) -> str:
    """Give the key of the session that cookies name, "" if they name none."""
    return cookies.get(django_settings.SESSION_COOKIE_NAME) or ""
