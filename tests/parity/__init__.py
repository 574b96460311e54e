"""A project of many kinds of views, and requests that must mean the same whichever way they go."""

from __future__ import annotations
