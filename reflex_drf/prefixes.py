"""Which paths are Django's, read from the project's URLconf."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RegexPattern, RoutePattern

from reflex_drf.errors import ConfigurationError

__all__ = ["find_prefixes", "normalize_prefixes", "under"]

FIX = (
    'Name the paths that Django shall answer: ReflexDjangoPlugin(prefixes=["admin", "api"]) in '
    'rxconfig.py, or REFLEX_DRF = {"DJANGO_PREFIXES": ["admin", "api"]} in the Django settings.'
)


# Characters that stand for themselves and are not made optional or repeated by the next one.
LITERAL = re.compile(r"\^?((?:(?:\\[-./]|[-\w/.~%@])(?![*+?{]))*)")


def under(path: str, prefix: str) -> bool:
    """Tell whether a path is the prefix or lies below it; `/apicture` is not below `/api`."""
    return path == prefix or path.startswith(f"{prefix}/")


def find_prefixes(urlconf: str | None = None) -> list[str]:
    """Read the prefixes that the URLconf's patterns begin with, and the path of static files."""
    found = [*walk(get_resolver(urlconf).url_patterns), *static_prefix()]
    return normalize_prefixes(found)


def normalize_prefixes(prefixes: Iterable[str]) -> list[str]:
    """Bring prefixes into the form `/api`, without those that another one covers."""
    cleaned = sorted({f"/{prefix.strip('/')}" for prefix in prefixes})
    if "/" in cleaned:
        raise ConfigurationError(f"An empty prefix leaves no path to Reflex. {FIX}")
    return [p for p in cleaned if not any(under(p, o) for o in cleaned if o != p)]


def static_prefix() -> Iterator[str]:
    """Give the path of `STATIC_URL`, unless another host serves it."""
    if apps.is_installed("django.contrib.staticfiles") and settings.STATIC_URL:
        parts = urlsplit(settings.STATIC_URL)
        if not parts.netloc:
            yield parts.path


def walk(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[str]:
    """Give the literal beginning of every pattern, looking into includes without a path."""
    for entry in patterns:
        if isinstance(entry.pattern, LocalePrefixPattern):
            yield from walk_languages(entry)
        elif literal := literal_segments(entry.pattern):
            yield literal
        elif is_empty(entry.pattern) and isinstance(entry, URLResolver):
            yield from walk(entry.url_patterns)
        elif not is_empty(entry.pattern):
            raise ConfigurationError(
                f"The URL pattern {str(entry.pattern)!r} begins with a variable part, so it does "
                f"not say which paths are Django's and which Reflex's. {FIX}"
            )


def walk_languages(entry: Any) -> Iterator[str]:
    """Give the prefixes of `i18n_patterns`: one for each language, and what has none."""
    codes = [code for code, _ in settings.LANGUAGES]
    if not entry.pattern.prefix_default_language:
        codes = [code for code in codes if code != settings.LANGUAGE_CODE]
        yield from walk(entry.url_patterns)
    yield from codes


def literal_segments(pattern: Any) -> str:
    """Give the whole path segments before the first variable one."""
    text, complete = literal_text(pattern)
    if not complete:
        # `blog-<slug>/` is no prefix: its first segment is not the same for every path.
        text = text.rpartition("/")[0]
    return text.strip("/")


def literal_text(pattern: Any) -> tuple[str, bool]:
    """Give the text before the first variable, and whether it is the whole pattern."""
    if isinstance(pattern, RoutePattern):
        text, variable, _ = str(pattern).partition("<")
        return text, not variable
    if isinstance(pattern, RegexPattern):
        return regex_text(str(pattern))
    return "", False


def regex_text(regex: str) -> tuple[str, bool]:
    """Give the fixed text that a regular expression begins with, and whether that is all of it.

    An unescaped dot counts as itself, as in `favicon.ico`, unless it is repeated.
    """
    if "|" in regex.partition("(")[0]:
        return "", False
    match = LITERAL.match(regex)
    assert match is not None
    rest = regex[match.end() :]
    return match[1].replace("\\", ""), rest in ("", "$", "/?$", r"\Z")


def is_empty(pattern: Any) -> bool:
    """Tell a pattern that adds nothing to the path from one that could match anything."""
    return str(pattern).strip("^$") == ""
