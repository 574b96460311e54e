"""Signing in: cookies for the browser, and guards for handlers and pages."""

from __future__ import annotations
