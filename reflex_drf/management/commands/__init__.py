"""The commands themselves; a module for each."""

from __future__ import annotations
