"""Components that are written for the browser: each is one script beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import reflex as rx

__all__ = ["Scripted"]


@cache
def _script(name: str) -> str:
    return files("reflex_drf.ui").joinpath("scripts", f"{name}.js").read_text(encoding="utf-8")


class Scripted(rx.Component):
    """A React component that stands in the page's own module, from a file of this package."""

    _script_name: str = ""

    def add_imports(self) -> dict[str, Any]:
        """React's hooks, which the scripts use."""
        return {"react": ["createElement", "useEffect", "useRef", "useState"]}

    def add_custom_code(self) -> list[str]:
        """The script, once for each page."""
        return [_script(self._script_name)]
