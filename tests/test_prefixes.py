"""Which paths are Django's: read from URLconfs as projects write them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.contrib import admin
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from rest_framework.routers import DefaultRouter

from reflex_drf.errors import ConfigurationError
from reflex_drf.prefixes import find_prefixes, normalize_prefixes, under
from tests.shop.views import ProductViewSet


def view(request: Any) -> HttpResponse:
    return HttpResponse()


def prefixes(*patterns: Any, **options: Any) -> list[str]:
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = list(patterns)  # type: ignore[attr-defined]
    with override_settings(**{"STATIC_URL": "https://cdn.example/", **options}):
        return find_prefixes(urlconf)  # type: ignore[arg-type]


def router() -> list[Any]:
    built = DefaultRouter()
    built.register("products", ProductViewSet)
    return built.urls


def test_the_test_project_has_admin_api_and_static() -> None:
    assert find_prefixes() == ["/admin", "/api", "/static"]


def test_an_include_is_one_prefix() -> None:
    found = prefixes(path("admin/", admin.site.urls), path("api/v1/", include(router())))
    assert found == ["/admin", "/api/v1"]


def test_an_include_without_a_path_is_looked_into() -> None:
    inner = [path("shop/", view), path("", include([path("blog/", view)]))]
    assert prefixes(path("", include(inner))) == ["/blog", "/shop"]


def test_a_router_at_the_root_is_looked_into() -> None:
    from rest_framework.routers import SimpleRouter

    built = SimpleRouter()
    built.register("products", ProductViewSet)
    assert prefixes(path("", include(built.urls))) == ["/products"]


def test_a_variable_ends_the_prefix_at_its_segment() -> None:
    found = prefixes(path("shop/<int:pk>/edit/", view), path("blog/post-<slug:s>/", view))
    assert found == ["/blog", "/shop"]


def test_a_longer_path_leaves_the_shorter_one_to_reflex() -> None:
    assert prefixes(path("shop/export/", view)) == ["/shop/export"]


def test_a_prefix_covered_by_another_is_dropped() -> None:
    found = prefixes(path("api/", view), path("api/items/", view), path("apicture/", view))
    assert found == ["/api", "/apicture"]


@pytest.mark.parametrize(
    ("regex", "prefix"),
    [
        (r"^legacy/(?P<pk>\d+)/$", "/legacy"),
        (r"^legacy/$", "/legacy"),
        (r"^legacy/?$", "/legacy"),
        (r"^legacy", "/legacy"),
        (r"^favicon\.ico$", "/favicon.ico"),
        (r"^favicon.ico$", "/favicon.ico"),
        (r"^a/b/.*$", "/a/b"),
        (r"^a/item-(\d+)$", "/a"),
        (r"old\-shop/", "/old-shop"),
    ],
)
def test_regular_expressions_give_their_fixed_text(regex: str, prefix: str) -> None:
    assert prefixes(re_path(regex, view)) == [prefix]


@pytest.mark.parametrize(
    "pattern",
    [
        path("<slug:slug>/", view),
        path("<path:rest>", view),
        path("page-<int:number>/", view),
        path("<slug:tenant>/", include([path("shop/", view)])),
        re_path(r"^(?P<slug>[-\w]+)/$", view),
        re_path(r"^.*$", view),
        re_path(r"^.+$", view),
        re_path(r"^\w+/", view),
        re_path(r"^(admin|api)/", view),
        re_path(r"^admin|api", view),
        re_path(r"^item-\d+/", view),
        re_path(r"^[ab]/", view),
        re_path(r"^(?!api).*$", view),
        path("", include([path("<int:pk>/", view)])),
    ],
)
def test_a_pattern_that_could_match_anything_names_the_option(pattern: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"prefixes=\[.*DJANGO_PREFIXES") as caught:
        prefixes(path("api/", view), pattern)
    assert "variable part" in str(caught.value)


@pytest.mark.parametrize("root", [path("", view), re_path(r"^$", view)])
def test_the_root_itself_stays_with_reflex(root: Any) -> None:
    assert prefixes(root, path("api/", view)) == ["/api"]


LANGUAGES = [("en", "English"), ("de", "German"), ("pt-br", "Portuguese")]


def test_every_language_of_i18n_patterns_is_a_prefix() -> None:
    found = prefixes(*i18n_patterns(path("shop/", view)), LANGUAGES=LANGUAGES)
    assert found == ["/de", "/en", "/pt-br"]


def test_the_default_language_may_have_no_prefix() -> None:
    patterns = i18n_patterns(path("shop/", view), prefix_default_language=False)
    assert prefixes(*patterns, LANGUAGES=LANGUAGES) == ["/de", "/pt-br", "/shop"]


def test_media_is_djangos_only_if_its_urlconf_serves_it() -> None:
    with override_settings(DEBUG=True):
        served = static("/media/", document_root="/nowhere")
    assert prefixes(path("api/", view), *served) == ["/api", "/media"]
    assert prefixes(path("api/", view)) == ["/api"]


@pytest.mark.parametrize(
    ("url", "found"),
    [("/static/", ["/static"]), ("/files/s/", ["/files/s"]), ("https://cdn.example/s/", [])],
)
def test_static_files_are_djangos_unless_elsewhere(url: str, found: list[str]) -> None:
    assert prefixes(STATIC_URL=url) == found


def test_without_the_staticfiles_app_there_is_no_static_prefix(settings: Any) -> None:
    apps = [a for a in settings.INSTALLED_APPS if a != "django.contrib.staticfiles"]
    with override_settings(INSTALLED_APPS=apps):
        assert prefixes(STATIC_URL="/static/") == []


@pytest.mark.parametrize(
    ("given", "cleaned"),
    [
        (["admin", "/api/", "api/v1"], ["/admin", "/api"]),
        (["/ws"], ["/ws"]),
        ([], []),
    ],
)
def test_prefixes_are_brought_into_one_form(given: list[str], cleaned: list[str]) -> None:
    assert normalize_prefixes(given) == cleaned


@pytest.mark.parametrize("given", [["/"], [""], ["admin", "//"]])
def test_an_empty_prefix_is_refused(given: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="leaves no path to Reflex"):
        normalize_prefixes(given)


@pytest.mark.parametrize(
    ("path_", "inside"),
    [("/api", True), ("/api/", True), ("/api/x", True), ("/apicture", False), ("/", False)],
)
def test_a_prefix_ends_with_its_segment(path_: str, inside: bool) -> None:
    assert under(path_, "/api") is inside
