"""Texts in the language of whoever reads them: of components, of serializers, and of the server."""

from __future__ import annotations

import ast
import gettext as standard
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polib
import pytest
import reflex as rx
from django.test import override_settings
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers, viewsets

from reflex_drf import ui
from reflex_drf.state import ModelState
from reflex_drf.state.language import LanguageState
from reflex_drf.testing import Tab
from reflex_drf.ui.texts import capital, languages, ntext, text
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

PACKAGE = Path(__file__).resolve().parent.parent / "reflex_drf"
CATALOGUE = PACKAGE / "locale" / "de" / "LC_MESSAGES" / "django.po"
MARKS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ntext": 2}
NODE = shutil.which("bun") or shutil.which("node") or "bun"


class TextsProductState(ModelState):
    viewset = ProductViewSet


class TextsSerializer(serializers.ModelSerializer[Product]):
    name = serializers.CharField(label=_("Password"), help_text=_("Yes"))
    size = serializers.ChoiceField(choices=[("s", _("Keep it")), ("l", "Large")], label="Size")

    class Meta:
        model = Product
        fields = ["name", "size"]


class TextsViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = TextsSerializer


class TextsLazyState(ModelState):
    viewset = TextsViewSet


def said(value: Any, language: str, **values: Any) -> str:
    """What a browser shows for a text, when the page has this language."""
    assert isinstance(value, rx.Var)
    script = str(value).replace(str(LanguageState.language), json.dumps(language))
    for name, held in values.items():
        script = script.replace(name, json.dumps(held))
    done = subprocess.run([NODE, "-e", f"console.log({script})"], capture_output=True, check=True)
    return done.stdout.decode().removesuffix("\n")


class TestText:
    def test_a_text_is_there_in_each_language_and_the_language_chooses(self) -> None:
        value = text(_("Keep it"))
        assert [said(value, code) for code in ("de", "en", "", "fr")] == [
            "Behalten",
            "Keep it",
            "Keep it",
            "Keep it",
        ]

    def test_a_text_that_is_no_translation_is_what_it_is(self) -> None:
        assert text("Keep it") == "Keep it"
        assert text(3) == "3"
        assert text("100 % wool") == "100 % wool"

    def test_values_are_filled_in_and_may_be_vars_or_translations(self) -> None:
        name = rx.Var("name", _var_type=str)
        value = text(_("Edit %(name)s"), name=name)
        assert said(value, "de", name='a "b" $0') == 'a "b" $0 bearbeiten'
        assert said(value, "en", name="it") == "Edit it"
        assert said(text(_("Delete %(name)s"), name=_("Filters")), "de") == "Filter löschen"

    def test_a_value_alone_in_all_languages_needs_no_language(self) -> None:
        value = text("%(name)s: 100 %%", name=rx.Var("name", _var_type=str))
        assert str(LanguageState.language) not in str(value)
        assert said(value, "de", name="x") == "x: 100 %"

    def test_numbers_choose_their_form(self) -> None:
        count = rx.Var("count", _var_type=int)
        value = ntext("%(count)s of %(name)s", "%(count)s of all %(name)s", count, name="them")
        assert said(value, "en", count=1) == "1 of them"
        assert [said(value, "de", count=number) for number in (0, 2, 1000)] == [
            f"{number} of all them" for number in (0, 2, 1000)
        ]

    def test_a_language_may_have_more_than_two_forms(self, settings: Any) -> None:
        # Django itself has "%(num)d day" in Polish: three forms and one for fractions.
        settings.LANGUAGES = [("en", "English"), ("pl", "Polish")]
        count = rx.Var("count", _var_type=int)
        value = ntext("%(num)d day", "%(num)d days", count, num=count)
        numbers = (1, 2, 5, 12, 22, 101, 102, 111, 1002)
        assert [said(value, "pl", count=number).split("\xa0")[-1] for number in numbers] == [
            said_by_gettext(number) for number in numbers
        ]

    def test_labels_begin_with_a_capital_and_keep_their_translation(self) -> None:
        assert capital("API key") == "API key"
        assert said(text(capital(_("Yes"))), "de") == "Ja"


def said_by_gettext(number: int) -> str:
    from django.utils import translation

    with translation.override("pl"):
        form = translation.ngettext("%(num)d day", "%(num)d days", number) % {"num": number}
    return form.split("\xa0")[-1]


class TestLanguages:
    def test_they_are_those_of_the_project(self, settings: Any) -> None:
        settings.LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French")]
        settings.LANGUAGE_CODE = "de"
        assert languages() == ("de", "en", "fr")

    def test_without_translations_there_is_one(self) -> None:
        with override_settings(USE_I18N=False):
            assert languages() == ("en",)

    def test_a_project_with_one_language_has_plain_strings(self, settings: Any) -> None:
        settings.LANGUAGES, settings.LANGUAGE_CODE = [("de", "German")], "de"
        assert text(_("Keep it")) == "Behalten"
        assert text(_("Delete %(name)s"), name="x") == "x löschen"


class TestComponents:
    @pytest.fixture
    def tree(self) -> str:
        page = rx.fragment(ui.crud(TextsProductState), ui.form(TextsLazyState))
        return f"{page.render()} {page._get_all_hooks()}"

    @pytest.mark.parametrize(
        "german", ["Aktionen", "Behalten", "Abbrechen", "Nächste Seite", "Suche und Filter"]
    )
    def test_they_speak_german(self, tree: str, german: str) -> None:
        assert german in tree

    def test_so_do_lazy_labels_helps_and_choices_of_a_serializer(self) -> None:
        tree = str(ui.form(TextsLazyState).render())
        for lazy in ("Passwort", "Ja", "Behalten"):
            assert f'"de":"{lazy}"' in tree.replace("\\", "")

    def test_descriptions_keep_translations_until_a_page_is_made(self) -> None:
        from django.utils import translation

        field = ui.describe(TextsLazyState).field("name")
        assert str(field.label) == "Password"
        with translation.override("de"):
            assert str(field.label) == "Passwort"


@pytest.mark.django_db(transaction=True)
class TestServer:
    async def test_the_language_of_the_viewer_is_mirrored(self) -> None:
        async with Tab(headers={"accept-language": "de"}) as tab:
            assert tab.seen(LanguageState, "language") == "de"

    async def test_what_drf_says_is_in_the_viewers_language(self) -> None:
        async with Tab(headers={"accept-language": "de"}) as tab:
            await tab.send(TextsLazyState.save({"name": "", "size": "x"}))
            errors = tab.get(TextsLazyState, "field_errors")
            assert errors["name"] == "Dieses Feld darf nicht leer sein."
            assert errors["size"] == '"x" ist keine gültige Option.'

    async def test_so_is_what_the_state_says(self) -> None:
        async with Tab(headers={"accept-language": "de"}) as tab:
            await tab.send(TextsProductState.set_ordering("nonsense"))
            german = "Danach lässt sich die Liste nicht sortieren."
            assert tab.get(TextsProductState, "error") == german
        async with Tab() as tab:
            await tab.send(TextsProductState.set_ordering("nonsense"))
            english = "The list cannot be sorted by that."
            assert tab.get(TextsProductState, "error") == english


# -- The catalogue ----------------------------------------------------------------------------


def marked() -> set[tuple[str, ...]]:
    """Every text in the package that is marked for translation."""
    found: set[tuple[str, ...]] = set()
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            name = getattr(getattr(node, "func", None), "id", None)
            if isinstance(node, ast.Call) and name in MARKS and node.args:
                given = node.args[: MARKS[name]]
                strings = [a.value for a in given if isinstance(a, ast.Constant)]
                if len(strings) == MARKS[name]:
                    found.add(tuple(str(string) for string in strings))
    return found


def test_every_text_is_translated_and_no_other() -> None:
    entries = {
        (entry.msgid, *([entry.msgid_plural] if entry.msgid_plural else []))
        for entry in polib.pofile(str(CATALOGUE))
        if entry.translated()
    }
    assert marked() - entries == set(), "run `make texts`, and translate what is new"
    assert entries - marked() == set()


def test_the_compiled_catalogue_is_up_to_date() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = standard.GNUTranslations(file)
    for entry in polib.pofile(str(CATALOGUE)):
        for number, form in (entry.msgstr_plural or {0: entry.msgstr}).items():
            known = compiled._catalog  # type: ignore[attr-defined]
            key = (entry.msgid, number) if entry.msgid_plural else entry.msgid
            assert known[key] == form


def test_translations_have_the_places_of_their_text() -> None:
    for entry in polib.pofile(str(CATALOGUE)):
        for form in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            assert places(form) == places(entry.msgid_plural or entry.msgid), entry.msgid


def places(template: str) -> set[str]:
    import re

    return set(re.findall(r"%\(\w+\)s|\{\w+\}", template))


def test_lazy_texts_with_values_stay_lazy() -> None:
    value = format_lazy("{label} !", label=_("Yes"))
    assert said(text(value), "de") == "Ja !"
