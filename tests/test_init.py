"""The package's own names: loaded late, and never in need of a configured Django."""

from __future__ import annotations

from pathlib import Path

import pytest

import reflex_drf
from tests.throwaway import Project

GUIDE = {
    "DjangoContextState",
    "DjangoUserState",
    "ReflexDjangoPlugin",
    "configure_django",
    "current_language",
    "current_messages",
    "current_request",
    "current_response",
    "current_session",
    "current_user",
    "register_admin",
    "request",
    "require_login_user",
}


def test_the_names_of_the_guide_are_the_published_ones() -> None:
    assert set(reflex_drf.__all__) == GUIDE
    assert set(dir(reflex_drf)) >= GUIDE


@pytest.mark.parametrize("name", sorted(GUIDE))
def test_every_published_name_can_be_imported(name: str) -> None:
    assert getattr(reflex_drf, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = reflex_drf.no_such_name  # type: ignore[attr-defined]


def test_importing_the_package_loads_neither_django_nor_reflex(tmp_path: Path) -> None:
    code = """
    import sys
    import reflex_drf
    print([name for name in ("django", "reflex", "reflex_base") if name in sys.modules])
    """
    assert Project(tmp_path).run(code) == "[]"


def test_helpers_import_without_a_configured_django(tmp_path: Path) -> None:
    code = """
    from reflex_drf import configure_django, current_user, register_admin, request
    from django.conf import settings
    print(settings.configured)
    """
    assert Project(tmp_path).run(code) == "False"


def test_the_engine_does_not_load_reflex(tmp_path: Path) -> None:
    code = """
    import sys
    from reflex_drf import configure_django
    configure_django()
    import reflex_drf.conf, reflex_drf.errors, reflex_drf.apps, reflex_drf.checks
    import reflex_drf.prefixes, reflex_drf.guard, reflex_drf.admin
    print([name for name in ("reflex", "reflex_base") if name in sys.modules])
    """
    assert Project(tmp_path).run(code) == "[]"
