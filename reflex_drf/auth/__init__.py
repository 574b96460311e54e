"""Signing in: cookies for the browser, guards for handlers and pages, and pages to sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

if TYPE_CHECKING:
    from reflex_drf.auth.components import AuthPage
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
    from reflex_drf.auth.pages import add_pages
    from reflex_drf.bridge.session import login, login_user, logout

__all__ = [
    "AuthPage",
    "add_pages",
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

OTHERS = {
    "AuthPage": "reflex_drf.auth.components",
    "add_pages": "reflex_drf.auth.pages",
    "login": "reflex_drf.bridge.session",
    "login_user": "reflex_drf.bridge.session",
    "logout": "reflex_drf.bridge.session",
}
# What stands below here also serves apps whose Django is not configured yet.
__getattr__, __dir__ = lazy_names(
    __name__, {name: OTHERS.get(name, "reflex_drf.auth.guards") for name in __all__}
)
