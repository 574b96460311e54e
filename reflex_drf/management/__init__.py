"""Commands that `manage.py` learns from the app `reflex_drf`."""

from __future__ import annotations
