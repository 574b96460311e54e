"""Signing in: cookies for the browser, and guards for handlers and pages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reflex_drf.auth.guards import (
        group_required,
        login_required,
        next_url,
        permission_classes,
        permission_required,
        sign_in_url,
        staff_required,
        superuser_required,
    )
    from reflex_drf.bridge.session import login, login_user, logout

__all__ = [
    "group_required",
    "login",
    "login_required",
    "login_user",
    "logout",
    "next_url",
    "permission_classes",
    "permission_required",
    "sign_in_url",
    "staff_required",
    "superuser_required",
]

SESSION = frozenset({"login", "login_user", "logout"})


def __getattr__(name: str) -> Any:
    # What stands below here also serves apps whose Django is not configured yet.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "reflex_drf.bridge.session" if name in SESSION else "reflex_drf.auth.guards"
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
