"""A live Reflex UI over the Django REST framework viewsets a project already has.

Everything is loaded on first use, so importing the package needs neither Reflex nor a
configured Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflex_drf.lazy import lazy_names

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

HOMES = {
    "DjangoContextState": "reflex_drf.state",
    "DjangoUserState": "reflex_drf.state",
    "ReflexDjangoPlugin": "reflex_drf.plugin",
    "configure_django": "reflex_drf.conf",
    "register_admin": "reflex_drf.admin",
}
# What has no home of its own here lives in the bridge.
__getattr__, __dir__ = lazy_names(
    __name__, {name: HOMES.get(name, "reflex_drf.bridge") for name in __all__}
)
