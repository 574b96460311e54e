"""`reflex django <command>`: Django's management commands, as rxconfig.py configures the project.

Reflex has no hook for commands of others. The file `reflex_drf_cli.pth`, installed beside the
package, hands a command line that begins with `reflex django` over to this module before Reflex is
imported; removing that file removes the command and nothing else. `python -m reflex_drf.cli`
does the same without it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reflex_drf.conf import configure_django
from reflex_drf.errors import ConfigurationError

__all__ = ["main"]

PROGRAM = "reflex django"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one management command and leave with its exit status."""
    from django.core.management import execute_from_command_line

    try:
        load_project(Path.cwd())
    except ConfigurationError as error:
        sys.exit(f"{PROGRAM}: {error}")
    execute_from_command_line([PROGRAM, *(sys.argv[1:] if arguments is None else arguments)])


def load_project(directory: Path) -> None:
    """Read rxconfig.py, whose plugin configures Django; without one, look for the settings."""
    if not (directory / "rxconfig.py").is_file():
        raise ConfigurationError(f"There is no rxconfig.py in {directory}. Go where it is.")
    from reflex_base.config import get_config

    get_config()
    configure_django(base_dir=directory)


if __name__ == "__main__":
    main()
