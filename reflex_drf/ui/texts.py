"""Texts of components in the language of whoever reads them.

Pages are compiled once, for everybody. So each text goes into them in every language that the
project offers, and a page shows the one of its user. Nothing but the language's code is sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import reflex as rx
from django.conf import settings
from django.utils import translation
from django.utils.text import capfirst
from reflex_base.vars import VarData

from reflex_drf.state.language import LanguageState

__all__ = ["capital", "languages", "ntext", "page_language", "text"]

Text = str | rx.Var[str]
_LOCALE = Path(__file__).resolve().parent.parent / "locale"
_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"
_PLACE = re.compile(r"%\((\w+)\)[sd]|%%")
# The plural rules of all languages repeat after the first hundred, but for the numbers below it.
_PERIOD = 100


def languages() -> tuple[str, ...]:
    """The languages that pages are compiled in, the default one first.

    These are the project's `LANGUAGES`. Where it does not say which it has, they are those that
    this package is translated into, if the project chooses a language at all.
    """
    default: str = settings.LANGUAGE_CODE
    offered: tuple[str, ...] = ()
    if settings.USE_I18N and cast(Any, settings).is_overridden("LANGUAGES"):
        offered = tuple(code for code, _ in settings.LANGUAGES)
    elif settings.USE_I18N and _MIDDLEWARE in settings.MIDDLEWARE:
        offered = ("en", *sorted(path.name for path in _LOCALE.iterdir() if path.is_dir()))
    return (default, *(code for code in offered if code != default))


def text(message: Any, /, **values: Any) -> Text:
    """A text in the reader's language; `values` fill its `%(name)s`, and may be vars.

    A lazy translation is said in each language, any other string is what it is.
    """
    if isinstance(message, rx.Var):
        return message
    return _choose(lambda: _fill(str(message), values) if values else [str(message)], values)


def ntext(singular: str, plural: str, count: rx.Var[int], /, **values: Any) -> Text:
    """A text for a number in the reader's language, which has as many forms as it needs.

    The two strings are those of `ngettext`; `%(count)s` is filled with `count` if `values` does
    not say how it is written.
    """
    values = {"count": count, **values}
    return _choose(lambda: _plural(singular, plural, count, values), {**values, "": count})


def capital(message: Any) -> Any:
    """A label with a capital in front, still to be translated if it was."""
    return capfirst(message)


def page_language() -> rx.Component:
    """Says in which language the page is, so that it is read out in that; once for a page."""
    return _PageLanguage.create()


class _PageLanguage(rx.Fragment):  # type: ignore[misc]
    def add_imports(self) -> dict[str, Any]:
        return {"react": ["useEffect"]}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        language: Any = LanguageState.language
        default = json.dumps(settings.LANGUAGE_CODE)
        hook = (
            "useEffect(() => { document.documentElement.lang = "
            f"{language!s} || {default}; }}, [{language!s}]);"
        )
        return [rx.Var(hook, _var_data=language._get_all_var_data())]


# -- One text in every language -----------------------------------------------------------------

Parts = list[Any]


def _choose(make: Callable[[], Parts], values: dict[str, Any]) -> Text:
    """A text made in each language; a plain string where all of them say the same."""
    default, *others = languages()
    said = {}
    for code in (default, *others):
        with translation.override(code):
            said[code] = _joined(make())
    usual = said.pop(default)
    differing = {code: script for code, script in said.items() if script != usual}
    data = [value._get_all_var_data() for value in values.values() if isinstance(value, rx.Var)]
    if not differing and not data and usual.startswith('"'):
        return str(json.loads(usual))
    if not differing:
        return _script(usual, data)
    language: Any = LanguageState.language
    pairs = ",".join(f"{json.dumps(code)}:{script}" for code, script in differing.items())
    return _script(f"({{{pairs}}}[{language!s}] ?? {usual})", [*data, language._get_all_var_data()])


def _script(script: str, data: list[VarData | None]) -> rx.Var[str]:
    return rx.Var(_js_expr=script, _var_type=str, _var_data=VarData.merge(*data))


def _joined(parts: Parts) -> str:
    """JavaScript for parts that are texts, vars, or the JavaScript of several forms."""
    scripts: list[str] = []
    for part in _merged(parts):
        scripts.append(
            json.dumps(part, ensure_ascii=False) if isinstance(part, str) else f"String({part!s})"
        )
    if not scripts:
        return '""'
    return scripts[0] if len(scripts) == 1 else f"({' + '.join(scripts)})"


def _merged(parts: Parts) -> Iterator[Any]:
    held = ""
    for part in parts:
        if isinstance(part, rx.Var):
            if held:
                yield held
            held = ""
            yield part
        else:
            held += str(part)
    if held:
        yield held


def _fill(template: str, values: dict[str, Any]) -> Parts:
    """A template as parts, in the language that is active."""
    parts: Parts = []
    end = 0
    for place in _PLACE.finditer(template):
        parts.append(template[end : place.start()])
        name, end = place.group(1), place.end()
        value = values[name] if name else "%"
        parts.append(value if isinstance(value, rx.Var) else str(value))
    parts.append(template[end:])
    return parts


def _plural(singular: str, plural: str, count: rx.Var[int], values: dict[str, Any]) -> Parts:
    """The form for a number, chosen in the browser as gettext chooses it here."""
    said = [translation.ngettext(singular, plural, number) for number in range(2 * _PERIOD)]
    forms = list(dict.fromkeys(said))
    scripts = [_joined(_fill(form, values)) for form in forms]
    which = "".join(str(forms.index(form)) for form in said)
    number = f"((n) => n < {_PERIOD} ? n : {_PERIOD} + n % {_PERIOD})({count!s})"
    return [rx.Var(_js_expr=f"[{','.join(scripts)}][{json.dumps(which)}[{number}] ?? 0]")]
