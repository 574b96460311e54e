"""`register_admin`: a model in the Django admin, by a decorator or a single call."""

from __future__ import annotations


def register_admin() -> None:
    """TODO"""
