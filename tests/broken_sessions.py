"""A session engine whose storage is down."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore


class SessionStore(DatabaseStore):
    def load(self) -> Any:
        raise RuntimeError("session store is down")
