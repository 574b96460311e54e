"""A live Reflex UI over the Django REST framework viewsets a project already has.

Everything is loaded on first use, so importing the package needs neither Reflex nor a
configured Django.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reflex_drf.admin import register_admin
    from reflex_drf.bridge import (
        current_language,
        current_messages,
        current_request,
        current_response,
        current_session,
        current_user,
        request,
        require_login_user,
    )
    from reflex_drf.conf import configure_django
    from reflex_drf.plugin import ReflexDjangoPlugin
    from reflex_drf.state import DjangoContextState, DjangoUserState

__all__ = [
    "DjangoContextState",
    "DjangoUserState",
    "ReflexDjangoPlugin",
    "configure_django",
    "current_language",
    "current_messages",
    "current_request",
    "current_response",
    "current_session",
    "current_user",
    "register_admin",
    "request",
    "require_login_user",
]

# Where a name lives, if not in the bridge.
HOMES = {
    "DjangoContextState": "reflex_drf.state",
    "DjangoUserState": "reflex_drf.state",
    "ReflexDjangoPlugin": "reflex_drf.plugin",
    "configure_django": "reflex_drf.conf",
    "register_admin": "reflex_drf.admin",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(HOMES.get(name, "reflex_drf.bridge")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
