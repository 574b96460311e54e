"""What only `reflex run` in development needs: one origin, quiet reloads, Bun on the path."""

from __future__ import annotations

import json
import os
import re
import shutil
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from reflex_base.environment import environment

from reflex_drf.errors import ConfigurationError

__all__ = ["expose_bun", "insert_proxy", "keep_from_reloading"]

ANCHOR = "  server: {\n"
SQLITE = "django.db.backends.sqlite3"


def insert_proxy(config: str, prefixes: Iterable[str], target: str) -> str:
    """Let Vite's server pass the prefixes on to the backend, Host header and websockets as well.

    The keys are regular expressions, so that `/apicture` stays a page beside `/api`.
    """
    if config.count(ANCHOR) != 1:
        raise ConfigurationError(
            "This Reflex writes vite.config.js in a way that reflex_drf does not know, so Django's "
            "URLs would not be found in development. Install the Reflex version that reflex_drf "
            "asks for: pip install 'reflex>=0.10.1,<0.11'."
        )
    rule = {"target": target, "changeOrigin": False, "xfwd": True, "ws": True}
    rules = {rf"^{re.escape(prefix)}(/|$|\?)": rule for prefix in prefixes}
    return config.replace(ANCHOR, f"{ANCHOR}    proxy: {json.dumps(rules)},\n")


def expose_bun() -> None:
    """Let Reflex find the Bun that is installed beside Python, also in a venv not activated."""
    scripts = sysconfig.get_path("scripts")
    if shutil.which("bun") is None and shutil.which("bun", path=scripts):
        os.environ["PATH"] = os.pathsep.join(filter(None, [os.environ.get("PATH"), scripts]))


def keep_from_reloading(root: Path) -> None:
    """Keep Reflex from reloading the app whenever the database or an uploaded file is written."""
    excluded = environment.REFLEX_HOT_RELOAD_EXCLUDE_PATHS
    included = environment.REFLEX_HOT_RELOAD_INCLUDE_PATHS
    leave, watch = [*excluded.get()], [*included.get()]
    written = set(written_paths())
    for path in sorted(written):
        if path.exists() and path != root and path.is_relative_to(root):
            leave.append(root / path.relative_to(root).parts[0])
            watch.extend(code_beside(path, root, written))
    excluded.set(unique(leave))
    included.set([path for path in unique(watch) if path not in leave])


def written_paths() -> Iterator[Path]:
    """Give what the running project writes: SQLite files with their side files, and media.

    The rollback journal is left out: it comes and goes with every write, and Reflex fails on an
    excluded file that is gone.
    """
    for database in settings.DATABASES.values():
        name = str(database.get("NAME") or "")
        if database.get("ENGINE") == SQLITE and name and ":memory:" not in name:
            yield from (Path(f"{name}{suffix}").resolve() for suffix in ("", "-wal", "-shm"))
    if settings.MEDIA_ROOT:
        yield Path(settings.MEDIA_ROOT).resolve()


def code_beside(path: Path, root: Path, written: set[Path]) -> Iterator[Path]:
    """Give what is to be watched instead of the top directory that holds a written file.

    Reflex only knows how to leave out what lies directly in the project's directory.
    """
    while path.parent != root:
        for sibling in path.parent.iterdir():
            passing = sibling.name.startswith((".", "__")) and sibling.suffix != ".py"
            passing = passing or sibling.name.endswith("-journal")
            if not passing and sibling != path and sibling not in written:
                yield sibling
        path = path.parent


def unique(paths: Iterable[Path]) -> list[Any]:
    """Drop repetitions; every reading of rxconfig.py adds the same paths again."""
    return list(dict.fromkeys(paths))
