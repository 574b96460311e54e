"""The language of whoever looks at a tab, as a var by which components choose their texts."""

from __future__ import annotations

import reflex as rx
from django.utils import translation
from reflex.state import BaseState

__all__ = ["LanguageState", "mirror_language"]


class LanguageState(rx.State):
    """Mirrors the language that the project's middleware chose when the page was loaded."""

    language: str = ""


async def mirror_language(root: BaseState) -> None:
    """Bring the mirror up to date at a page load."""
    language = translation.get_language() or ""
    mirror = await root.get_state(LanguageState)
    if mirror.language != language:
        mirror.language = language
