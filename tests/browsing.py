"""Playwright for the tests of the group `browser`, which are collected also where it is missing."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

__all__ = ["ARGUMENTS", "async_api", "expect"]

# Chromium as root, without a screen and without asking anybody outside.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# `conftest` leaves the group out, and says so, where there is no Playwright.
async_api: Any = (
    importlib.import_module("playwright.async_api") if find_spec("playwright") else None
)


def expect(target: Any) -> Any:
    """Wait for something to become true of a page or a part of it."""
    return async_api.expect(target)
