"""From a viewset and an action to the place the URLconf gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.urls import include, path, set_script_prefix
from django.utils.translation import trans_real
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from reflex_drf.errors import RouteNotFound, UnknownAction
from reflex_drf.routing import (
    action_methods,
    build_route,
    clear_routes,
    find_route,
    places,
    reserved_parameters,
)
from tests import trap_views as views
from tests.shop.views import CategoryViewSet, ProductViewSet, TagViewSet


class Elsewhere(viewsets.ViewSet):
    """Lives at two places, of which one fixes an argument."""

    lookup_url_kwarg = "slug"

    def list(self, request: Any, **kwargs: Any) -> Response:
        return Response([])

    def retrieve(self, request: Any, **kwargs: Any) -> Response:
        return Response({})

    @action(detail=True, url_path="deep/(?P<level>[0-9]+)")
    def dig(self, request: Any, **kwargs: Any) -> Response:
        return Response({})


router = SimpleRouter()
router.register("elsewhere", Elsewhere, basename="elsewhere")
urlpatterns = [
    path("fixed/", Elsewhere.as_view({"get": "list"}), {"kind": "fixed"}),
    path("<slug:shop>/", include(router.urls)),
    path("hand/", CategoryViewSet.as_view({"get": "list", "post": "create"})),
]


@pytest.fixture(autouse=True)
def _urls(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.trap_urls"
    yield
    set_script_prefix("/")


@pytest.mark.parametrize(
    ("name", "method", "kwargs", "url"),
    [
        ("list", "GET", {}, "/api/products/"),
        ("create", "POST", {}, "/api/products/"),
        ("retrieve", "GET", {"pk": 3}, "/api/products/3/"),
        ("update", "PUT", {"pk": "a b"}, "/api/products/a%20b/"),
        ("partial_update", "PATCH", {"pk": 3}, "/api/products/3/"),
        ("destroy", "DELETE", {"pk": 3}, "/api/products/3/"),
        ("metadata", "OPTIONS", {}, "/api/products/"),
        ("metadata", "OPTIONS", {"pk": 3}, "/api/products/3/"),
        ("restock", "POST", {"pk": 3}, "/api/products/3/restock/"),
        ("summary", "GET", {}, "/api/products/summary/"),
    ],
)
def test_each_action_has_its_verb_and_its_url(
    name: str, method: str, kwargs: dict[str, Any], url: str
) -> None:
    route = find_route(ProductViewSet, name, kwargs=kwargs)
    assert (route.method, route.url(kwargs), route.private) == (method, url, False)


def test_a_route_knows_what_the_router_said() -> None:
    route = find_route(ProductViewSet, "restock", kwargs=["pk"])
    assert route.cls is ProductViewSet
    assert route.basename == "products"
    assert route.detail is True
    assert route.name == "products-restock"
    assert route.url_kwargs == {"pk"}
    assert route.lookup_kwarg == "pk"
    assert dict(route.actions) == {"post": "restock"}
    assert route.initkwargs["permission_classes"] != ProductViewSet.permission_classes


def test_a_list_is_not_about_one_row() -> None:
    assert find_route(ProductViewSet, "list").detail is False
    assert find_route(ProductViewSet, "summary").detail is False


def test_the_head_that_drf_adds_later_is_no_action() -> None:
    callback = find_route(ProductViewSet, "list").callback
    callback.actions["head"] = "list"  # type: ignore[attr-defined]
    clear_routes()
    assert find_route(ProductViewSet, "list").method == "GET"
    assert action_methods(ProductViewSet)["list"] == ("GET",)


def test_a_suffix_pattern_does_not_take_the_place_of_the_plain_one() -> None:
    assert find_route(ProductViewSet, "list").url_kwargs == frozenset()
    suffixed = find_route(ProductViewSet, "list", kwargs=["format"])
    assert suffixed.url({"format": "json"}) == "/api/products.json"


def test_nested_routes_take_all_their_arguments() -> None:
    route = find_route(views.Lines, "retrieve", kwargs=["order_pk", "pk"])
    assert route.url({"order_pk": 1, "pk": 2}) == "/api/orders/1/lines/2/"
    with pytest.raises(RouteNotFound, match=r"\(pk\), but its route takes \(order_pk, pk\)"):
        find_route(views.Lines, "retrieve", kwargs=["pk"])


def test_namespaces_are_kept() -> None:
    route = find_route(views.NamespaceVersion, "list")
    assert (route.namespace, route.url({})) == ("v1", "/v1/things/")


def test_the_mount_point_is_part_of_the_url() -> None:
    set_script_prefix("/shop/")
    assert find_route(ProductViewSet, "list").url({}) == "/shop/api/products/"


@override_settings(ROOT_URLCONF="tests.test_routing")
def test_the_first_place_that_takes_the_arguments_wins() -> None:
    assert find_route(Elsewhere, "list").url({}) == "/fixed/"
    assert find_route(Elsewhere, "list", kwargs=["shop"]).url({"shop": "a"}) == "/a/elsewhere/"
    dig = {"shop": "a", "slug": "b", "level": 3}
    route = find_route(Elsewhere, "dig", kwargs=dig)
    assert route.url(dig) == "/a/elsewhere/b/deep/3/"
    assert (route.lookup_kwarg, route.detail) == ("slug", True)


@override_settings(ROOT_URLCONF="tests.test_routing")
def test_a_viewset_routed_by_hand_has_only_what_the_hand_gave() -> None:
    route = find_route(CategoryViewSet, "create")
    assert (route.url({}), route.basename, route.detail) == ("/hand/", None, False)
    with pytest.raises(UnknownAction):
        find_route(CategoryViewSet, "retrieve", kwargs=["pk"])


@override_settings(ROOT_URLCONF="tests.test_routing")
def test_a_value_that_the_url_does_not_take_is_refused() -> None:
    route = find_route(Elsewhere, "list", kwargs=["shop"])
    with pytest.raises(RouteNotFound, match="shop='not a slug'"):
        route.url({"shop": "not a slug"})


def test_another_urlconf_is_another_answer() -> None:
    assert find_route(CategoryViewSet, "list").url({}) == "/api/categories/"
    assert find_route(CategoryViewSet, "list", "tests.test_routing").url({}) == "/hand/"
    with override_settings(ROOT_URLCONF="tests.test_routing"):
        assert find_route(CategoryViewSet, "list").url({}) == "/hand/"
    assert find_route(CategoryViewSet, "list").url({}) == "/api/categories/"


def test_routes_are_found_once() -> None:
    assert find_route(ProductViewSet, "list") is find_route(ProductViewSet, "list")
    assert places("tests.trap_urls") is places("tests.trap_urls")
    before = find_route(ProductViewSet, "list")
    clear_routes()
    assert find_route(ProductViewSet, "list") is not before


def test_verbs_of_an_action_can_be_chosen() -> None:
    find = find_route
    assert find(views.ActionProducts, "both").method == "GET"
    assert find(views.ActionProducts, "both", writes=True).method == "POST"
    assert find(views.ActionProducts, "both", method="post").method == "POST"
    assert find(views.ActionProducts, "both", method="put").method == "PUT"
    assert find(views.ActionProducts, "empty_cart", kwargs=["pk"]).method == "DELETE"


def test_a_standard_action_that_is_missing_keeps_its_verb() -> None:
    assert find_route(TagViewSet, "create").method == "POST"
    assert find_route(TagViewSet, "destroy", kwargs=["pk"]).method == "DELETE"


def test_an_action_that_is_not_standard_has_no_verb_to_keep() -> None:
    with pytest.raises(UnknownAction, match=r"'nothing'\. It has: list, retrieve"):
        find_route(TagViewSet, "nothing")


def test_adrfs_names_and_the_usual_ones_mean_the_same() -> None:
    usual = find_route(views.AsyncCategories, "create")
    assert usual == find_route(views.AsyncCategories, "acreate")
    assert (usual.action, usual.method) == ("acreate", "POST")


def test_a_viewset_without_a_url_gets_a_private_one() -> None:
    route = find_route(views.Unrouted, "retrieve", kwargs=["pk"])
    assert route.private
    assert route.url({"pk": 3}).endswith("/unrouted/3/")
    assert views.Unrouted not in places("tests.trap_urls")
    assert find_route(views.Unrouted, "where").basename == "category"


def test_a_private_route_is_not_taken_for_one_of_a_language() -> None:
    # Django would look for a language of that name in each request, and twice.
    url = find_route(views.Unrouted, "list").url({})
    assert trans_real.language_code_prefix_re.match(url) is None


def test_two_private_viewsets_of_one_name_do_not_meet() -> None:
    def make() -> Any:
        return type("Unrouted", (views.Unrouted,), {})

    first, second = make(), make()
    for viewset in (first, second, views.Unrouted):
        assert find_route(viewset, "list").callback.cls is viewset  # type: ignore[attr-defined]


def test_a_routed_viewset_can_have_a_private_route_too() -> None:
    route = build_route(TagViewSet, "retrieve", kwargs=["pk"])
    assert route.private
    assert route.url({"pk": 1}) == "/reflex-drf-private-route/tagviewset/1/"


def test_the_actions_of_a_viewset_are_listed_with_their_verbs() -> None:
    methods = action_methods(views.ActionProducts)
    assert methods["both"] == ("GET", "POST")
    assert methods["empty_cart"] == ("DELETE",)
    assert methods["partial_update"] == ("PATCH",)
    assert set(action_methods(TagViewSet)) == {"list", "retrieve"}
    assert "list" in action_methods(views.Unrouted)
    assert "alist" in action_methods(views.AsyncCategories)


def test_reserved_parameters_follow_the_settings_of_drf(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "URL_FORMAT_OVERRIDE": "as"}
    names = reserved_parameters(ProductViewSet)
    assert "as" in names
    assert "format" not in names
