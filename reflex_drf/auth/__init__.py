"""Signing in: cookies for the browser, and guards for handlers and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

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
# What stands below here also serves apps whose Django is not configured yet.
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        name: "reflex_drf.bridge.session" if name in SESSION else "reflex_drf.auth.guards"
        for name in __all__
    },
)
