"""What an app has asked for in `add_pages`: which pages, where, and with which forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reflex_drf.errors import ConfigurationError

__all__ = ["PAGES", "PagesOptions", "forget_pages", "offer_pages", "offered", "options"]

# Each page with its default route.
PAGES: Mapping[str, str] = {
    "login": "/login",
    "logout": "/logout",
    "registration": "/register",
    "password_reset": "/password-reset",
    "password_reset_confirm": "/password-reset/confirm",
    "password_change": "/password-change",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesOptions:
    """The pages of an app, by their names in `PAGES`."""

    # Only the pages that the app has, with their routes.
    routes: Mapping[str, str]
    # Form classes in the place of Django's own.
    forms: Mapping[str, type[Any]] = field(default_factory=dict)
    # DRF throttle classes, asked before each form is looked at.
    throttle_classes: tuple[type[Any], ...] = ()
    # Whether who has registered is signed in at once.
    login_after_registration: bool = True
    # Keyword arguments for the `save` of the form that sends mails.
    reset_mail: Mapping[str, Any] = field(default_factory=dict)


_offered: PagesOptions | None = None


def offer_pages(chosen: PagesOptions) -> None:
    """Remember what the app of this process offers."""
    global _offered
    _offered = chosen


def forget_pages() -> None:
    """Offer nothing any more; for tests."""
    global _offered
    _offered = None


def offered(page: str) -> bool:
    """Tell whether the app has a page."""
    return _offered is not None and page in _offered.routes


def options(page: str) -> PagesOptions:
    """Give what an app has asked for, and refuse to serve a page that it has not.

    Whoever imports a state has its handlers in the app; only `add_pages` makes them work.
    """
    if _offered is None or page not in _offered.routes:
        raise ConfigurationError(
            f"This app has no {page} page, so its form is not taken: "
            f"reflex_drf.auth.add_pages(app, {page}=True) adds it."
        )
    return _offered
