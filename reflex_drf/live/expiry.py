"""When the session of a viewer ends, so that he sees nothing new from then on."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils import timezone

__all__ = ["session_ends_in"]

# Seconds after which a session is looked at again whose end nobody can tell.
UNKNOWN = 60.0
# A session that ends now is still there until the clock has moved on.
MARGIN = 0.05


async def session_ends_in(request: HttpRequest) -> float | None:
    """Give the seconds until a session ends if nobody prolongs it, None without a login."""
    session = getattr(request, "session", None)
    user = getattr(request, "user", None)
    if session is None or not session.session_key or not getattr(user, "is_authenticated", False):
        return None
    model = getattr(session, "model", None)
    if model is None:
        # A cache does not tell how long it keeps something.
        return float(min(session.get_expiry_age(), UNKNOWN)) + MARGIN
    return await sync_to_async(stored_end)(model, session.session_key)


def stored_end(model: Any, key: str) -> float:
    """Ask the database, since a store itself knows only how long a session is to last."""
    ends = model._default_manager.filter(pk=key).values_list("expire_date", flat=True).first()
    left = 0.0 if ends is None else (ends - timezone.now()).total_seconds()
    return max(left, 0.0) + MARGIN
