"""The in-process backend: each trap of calling DRF without HTTP, and Django's rules around it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from adrf import viewsets as async_viewsets
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import connections
from django.http import FileResponse, HttpRequest
from django.test import RequestFactory
from django.utils import timezone, translation
from rest_framework import viewsets
from rest_framework.authtoken.models import Token
from rest_framework.renderers import JSONRenderer
from rest_framework.test import APIClient, force_authenticate

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import InProcessBackend, call_view, without_throttles
from reflex_drf.backends.paging import last_page
from reflex_drf.backends.request import encode_query
from reflex_drf.errors import ConfigurationError, RouteNotFound, UnknownAction
from reflex_drf.routing import reserved_parameters
from tests import trap_views as views
from tests.counting import count_hops, count_queries
from tests.origin import log_in, make_origin
from tests.shop.models import Category, Order, Product

pytestmark = pytest.mark.django_db
MIDDLEWARE = "tests.trap_views"


@pytest.fixture(autouse=True)
def _trap_urls(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.trap_urls"
    settings.MEDIA_ROOT = tmp_path
    cache.clear()
    views.CALLS.clear()
    yield
    cache.clear()


@pytest.fixture
def user() -> User:
    return User.objects.create_user("user")


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


def shop_permission(codename: str) -> Permission:
    return Permission.objects.get(codename=codename, content_type__app_label="shop")


def make_products(count: int) -> list[Product]:
    return [Product.objects.create(name=f"p{i}", sku=f"s{i}", price=i) for i in range(count)]


def run(view: Any, action: str, user: User | None = None, **options: Any) -> Reply:
    """Call as the user, or as somebody without a session."""
    origin = make_origin(log_in(user) if user else None)
    return call_view(Call(view=view, action=action, **options), origin)


def browser(user: User | None = None) -> APIClient:
    client = APIClient()
    if user:
        client.force_login(user)
    return client


NEW = {"name": "new", "sku": "new", "price": "1.00"}


# -- The traps ------------------------------------------------------------------------------


def test_trap_01_links_to_pages_need_the_real_host() -> None:
    make_products(3)
    origin = make_origin(host="localhost:8000", secure=True)
    reply = call_view(Call(view=views.Products, action="list"), origin)
    assert reply.data["next"] == "https://localhost:8000/api/paged/?page=2"


def test_trap_01_a_request_without_a_host_is_refused_before_it_hides_a_bug() -> None:
    with pytest.raises(ConfigurationError, match="HTTP_HOST"):
        call_view(Call(view=views.Products, action="list"), HttpRequest())


def test_trap_02_a_host_that_is_not_allowed_gets_what_http_answers() -> None:
    origin = make_origin(host="evil.example")
    reply = call_view(Call(view=views.Products, action="list"), origin)
    over_http = browser().get("/api/paged/", HTTP_HOST="evil.example")
    assert reply.status == over_http.status_code == 400


def test_trap_03_a_cursor_works_on_a_single_page_and_across_pages() -> None:
    first = make_products(1)[0]
    reply = run(views.CursorProducts, "list")
    assert [row["id"] for row in reply.rows or []] == [first.pk]
    for i in range(2):
        Product.objects.create(name="more", sku=f"m{i}", price=1)
    reply = run(views.CursorProducts, "list")
    assert reply.page
    assert reply.page.next
    following = run(views.CursorProducts, "list", query=reply.page.next)
    assert len(following.rows or []) == 1
    assert following.page
    assert following.page.next is None
    assert following.page.previous is not None


@pytest.mark.parametrize(
    ("view", "action", "path"),
    [(views.SizedProducts, "list", "/api/sized/"), (views.MixedProducts, "get", "/mixed/")],
)
def test_a_view_may_paginate_with_arguments_of_its_own(view: Any, action: str, path: str) -> None:
    make_products(4)
    reply = run(view, action, method="GET")
    assert reply.data == browser().get(path).json()
    assert reply.rows == reply.data["results"]


def test_trap_04_a_session_may_write_without_a_csrf_token(user: User) -> None:
    reply = run(views.SessionProducts, "create", user, data=NEW)
    assert reply.status == 201, reply.data
    strict = APIClient(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post("/api/session/", NEW, format="json").status_code == 403


def test_trap_04_a_user_set_by_hand_on_the_request_counts(user: User) -> None:
    origin = RequestFactory().get("/")
    origin.user = user
    call = Call(view=views.SessionProducts, action="create", data=NEW)
    assert call_view(call, origin).status == 201


def test_trap_05_a_view_that_knows_only_tokens_takes_the_session_when_told_to(user: User) -> None:
    call = Call(view=views.TokenProducts, action="whoami")
    origin = make_origin(log_in(user))
    assert call_view(call, origin).status == browser(user).get("/api/token/").status_code == 401
    reply = call_view(call, origin, trust_session=True)
    assert (reply.status, reply.data["user"]) == (200, "user")


def test_trap_05_the_backend_has_the_same_switch(user: User) -> None:
    class Trusting(InProcessBackend):
        trust_session = True

    call = Call(view=views.TokenProducts, action="whoami")
    origin = make_origin(log_in(user))
    assert [reply.status for reply in Trusting().run_sync(origin, call)] == [200]
    assert [reply.status for reply in InProcessBackend().run_sync(origin, call)] == [401]


def test_trap_06_nobody_is_never_forced_in() -> None:
    call = Call(view=views.TokenProducts, action="whoami")
    for origin in (make_origin(), RequestFactory().get("/")):
        reply = call_view(call, origin, trust_session=True)
        assert (reply.status, reply.errors and reply.errors.code) == (401, "not_authenticated")
        assert "WWW-Authenticate" in reply.headers
    by_hand = RequestFactory().get("/")
    by_hand.user = AnonymousUser()
    assert call_view(call, by_hand, trust_session=True).status == 401


def test_trap_07_a_token_of_the_request_reaches_the_view(user: User) -> None:
    token = Token.objects.create(user=user)
    origin = make_origin(HTTP_AUTHORIZATION=f"Token {token.key}")
    reply = call_view(Call(view=views.TokenProducts, action="whoami"), origin)
    assert reply.data == {"user": "user", "auth": token.key, "how": "TokenAuthentication"}


def test_trap_07_what_drf_forces_on_a_request_stays_forced(user: User) -> None:
    origin = RequestFactory().get("/")
    force_authenticate(origin, user, token="scope")
    reply = call_view(Call(view=views.TokenProducts, action="whoami"), origin)
    assert reply.data == {"user": "user", "auth": "scope", "how": "ForcedAuthentication"}


def test_trap_08_an_action_keeps_its_own_permission(user: User, admin: User) -> None:
    kwargs = {"pk": make_products(1)[0].pk}
    assert run(views.ActionProducts, "nuke", user, kwargs=kwargs).status == 403
    assert run(views.ActionProducts, "nuke", admin, kwargs=kwargs).status == 200


def test_trap_08_an_action_keeps_its_own_serializer_throttle_and_parser() -> None:
    reply = run(views.ActionProducts, "rename", data={"name": "short"})
    assert reply.data == {"by": "NameOnly", "name": "short"}
    assert [run(views.ActionProducts, "seldom").status for _ in range(3)] == [200, 200, 429]
    reply = run(views.ActionProducts, "upload", data={"note": "as a form"})
    assert (reply.status, reply.data["note"]) == (200, "as a form")


@pytest.fixture
def _atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)


@pytest.mark.usefixtures("_atomic_requests")
def test_trap_09_atomic_requests_take_back_what_a_refused_call_saved() -> None:
    reply = run(views.LateFailure, "create", data=NEW)
    assert (reply.status, reply.errors and reply.errors.fields) == (400, {"name": "too late"})
    assert not Product.objects.exists()
    assert run(views.Products, "create", data=NEW).status == 201
    assert Product.objects.count() == 1


@pytest.mark.usefixtures("_atomic_requests")
def test_trap_09_atomic_requests_take_back_what_a_crashed_call_saved() -> None:
    with pytest.raises(RuntimeError, match="fell over"):
        run(views.LateFailure, "create", data={**NEW, "name": "crash"})
    assert not Product.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_atomic_requests")
def test_trap_09_a_view_may_be_left_out_of_atomic_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(views.LateFailure, "list")
    from reflex_drf.routing import find_route

    callback = find_route(views.LateFailure, "create").callback
    monkeypatch.setattr(callback, "_non_atomic_requests", {"default"}, raising=False)
    assert run(views.LateFailure, "create", data=NEW).status == 400
    assert Product.objects.count() == 1


def test_trap_10_without_atomic_requests_the_row_stays_as_over_http() -> None:
    assert run(views.LateFailure, "create", data=NEW).status == 400
    assert Product.objects.count() == 1
    browser().post("/api/late/", {**NEW, "sku": "other"}, format="json")
    assert Product.objects.count() == 2


def test_trap_11_names_that_drf_reads_itself_are_known() -> None:
    make_products(1)
    assert run(views.Products, "list", query={"format": "xyz"}).status == 404
    names = reserved_parameters(views.Products)
    assert {"format", "page", "size", "version"} <= names
    from tests.shop.views import ProductViewSet

    assert {"search", "ordering", "page"} <= reserved_parameters(ProductViewSet)
    assert {"limit", "offset"} <= reserved_parameters(views.LimitProducts)
    assert "cursor" in reserved_parameters(views.CursorProducts)
    assert "name" not in names


def test_trap_12_parameters_of_the_list_stay_out_of_other_calls_unless_given() -> None:
    from tests.shop.views import ProductViewSet

    kwargs = {"pk": make_products(1)[0].pk}
    searched = run(ProductViewSet, "retrieve", kwargs=kwargs, query={"search": "nothing"})
    assert searched.status == 404
    origin = make_origin(QUERY_STRING="search=nothing")
    origin.GET = RequestFactory().get("/?search=nothing").GET
    assert call_view(Call(view=ProductViewSet, action="retrieve", kwargs=kwargs), origin).ok


def test_trap_13_each_action_has_its_real_verb(user: User) -> None:
    kwargs = {"pk": make_products(1)[0].pk}
    view = views.ModelPermissionProducts
    assert run(view, "list", user).status == 200
    assert run(view, "destroy", user, kwargs=kwargs).status == 403
    user.user_permissions.add(shop_permission("delete_product"))
    assert run(view, "partial_update", user, kwargs=kwargs, data={"name": "x"}).status == 403
    assert run(view, "destroy", user, kwargs=kwargs).status == 204


def test_trap_14_an_empty_text_is_no_number_and_none_is_none() -> None:
    refused = run(views.Products, "create", data={**NEW, "stock": ""})
    assert refused.errors
    assert refused.errors.fields == {"stock": "A valid integer is required."}
    assert run(views.Products, "create", data={**NEW, "stock": None}).data["stock"] is None


def test_trap_15_data_mean_what_json_means_and_not_what_a_form_means() -> None:
    product = Product.objects.create(name="on", sku="on", price=1, active=True)
    reply = run(views.Products, "create", data=NEW)
    assert reply.data["active"] is True
    kwargs = {"pk": product.pk}
    reply = run(views.FormOnly, "partial_update", kwargs=kwargs, data={"name": "still on"})
    assert (reply.status, reply.data["active"]) == (200, True)


def test_trap_15_a_view_may_change_its_data_without_changing_the_callers() -> None:
    data = {**NEW, "attrs": {"deep": [1]}}
    call = Call(view=views.Products, action="create", data=data)

    def meddle(view: Any) -> None:
        view.request.data["attrs"]["deep"].append(2)

    reply = call_view(
        Call(view=call.view, action="create", data=data, prepare=meddle), make_origin()
    )
    assert reply.data["attrs"] == {"deep": [1, 2]}
    assert data["attrs"] == {"deep": [1]}


def test_trap_16_files_arrive_without_being_encoded() -> None:
    file = SimpleUploadedFile("cat.txt", b"meow")
    reply = run(views.Products, "create", data=NEW, files={"photo": file})
    assert reply.status == 201, reply.data
    stored = Product.objects.get().photo
    assert stored.read() == b"meow"
    stored.close()
    assert not file.closed
    file.seek(0)
    reply = run(views.ActionProducts, "upload", data={"note": "n"}, files={"file": file})
    assert reply.data == {"file": "cat.txt", "note": "n"}


def test_trap_16_a_file_field_still_validates() -> None:
    empty = SimpleUploadedFile("empty.txt", b"")
    reply = run(views.Products, "create", data=NEW, files={"photo": empty})
    assert reply.errors
    assert reply.errors.fields == {"photo": "The submitted file is empty."}


def test_trap_16_a_view_without_a_fitting_parser_answers_415() -> None:
    file = SimpleUploadedFile("cat.txt", b"meow")
    refused = run(views.JsonOnly, "create", data=NEW, files={"photo": file})
    over_http = browser().post("/api/json-only/", {**NEW, "photo": file}, format="multipart")
    assert refused.status == over_http.status_code == 415
    refused = run(views.TextOnly, "create", data=NEW)
    assert refused.status == 415
    assert refused.errors
    assert refused.errors.code == "unsupported_media_type"
    assert run(views.FormOnly, "create", data=NEW).status == 201


def test_trap_17_throttles_count_by_address_and_refreshes_can_be_left_out() -> None:
    call = Call(view=views.ThrottledProducts, action="list")
    here, there = make_origin(REMOTE_ADDR="10.0.0.1"), make_origin(REMOTE_ADDR="10.0.0.2")
    assert [call_view(call, here).status for _ in range(3)] == [200, 200, 429]
    assert call_view(call, there).status == 200
    refused = call_view(call, here)
    assert refused.errors
    assert refused.errors.code == "throttled"
    assert 0 < (refused.errors.wait or 0) <= 60
    assert refused.headers["Retry-After"]
    refresh = Call(view=call.view, action="list", prepare=without_throttles)
    assert call_view(refresh, here).status == 200


def test_trap_18_the_user_is_looked_up_anew_for_each_event(user: User) -> None:
    user.user_permissions.add(shop_permission("add_product"))
    key = log_in(user)
    call = Call(view=views.ModelPermissionProducts, action="create", data=NEW)
    assert call_view(call, make_origin(key)).status == 201
    user.user_permissions.clear()
    assert call_view(call, make_origin(key)).status == 403
    User.objects.filter(pk=user.pk).update(is_active=False)
    listing = Call(view=views.SessionProducts, action="list")
    assert call_view(listing, make_origin(key)).status == 403


@pytest.mark.parametrize(
    ("how", "message", "fields"),
    [
        ("text", "plain", {}),
        ("list", "", {"1.q": "bad"}),
        ("deep", "both", {"a.b": "deep"}),
        ("http404", "no such", {}),
        ("denied", "not you", {}),
    ],
)
def test_trap_19_errors_of_any_shape_are_read(how: str, message: str, fields: Any) -> None:
    reply = run(views.Refusing, "list", query={"how": how})
    over_http = browser().get("/api/refusing/", {"how": how})
    assert (reply.status, reply.data) == (over_http.status_code, over_http.json())
    assert reply.errors
    assert (reply.errors.message, reply.errors.fields) == (message, fields)
    assert reply.exception is not None


def test_trap_20_a_page_that_is_gone_leads_to_the_last_one() -> None:
    make_products(3)
    call = Call(view=views.Products, action="list", query={"page": 9, "size": "2"})
    reply = call_view(call, make_origin())
    assert (reply.status, reply.data["detail"]) == (404, "Invalid page.")
    again = last_page(call, reply)
    assert again
    retried = call_view(again, make_origin())
    assert retried.page
    assert (retried.page.number, len(retried.rows or [])) == (2, 1)
    assert last_page(again, reply) is None
    assert last_page(Call(view=views.BareProducts, action="list"), reply) is None


def plain_types(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and plain_types(item) for key, item in value.items())
    if type(value) is list:
        return all(plain_types(item) for item in value)
    return type(value) in {str, int, float, bool, type(None)}


def test_trap_21_nothing_in_a_reply_leads_back_to_a_serializer() -> None:
    make_products(2)
    reply = run(views.Products, "list")
    assert plain_types(reply.data)
    assert reply.rows is reply.data["results"]
    one = run(views.Products, "retrieve", kwargs={"pk": Product.objects.all()[0].pk})
    assert plain_types(one.data)
    assert one.rows is None


def test_trap_22_values_are_those_of_the_rendered_body() -> None:
    reply = run(views.OddValues, "list")
    over_http = browser().get("/api/odd/").json()
    del reply.data["at"], over_http["at"]
    assert reply.data == over_http
    assert plain_types(reply.data)


def test_trap_23_metadata_are_those_of_the_project(admin: User) -> None:
    reply = run(views.ModelPermissionProducts, "metadata", admin)
    over_http = browser(admin).options("/api/model-permissions/").json()
    assert reply.data == over_http
    assert set(reply.data["actions"]) == {"POST"}
    kwargs = {"pk": make_products(1)[0].pk}
    detail = run(views.ModelPermissionProducts, "metadata", admin, kwargs=kwargs)
    assert set(detail.data["actions"]) == {"PUT"}


def test_trap_24_no_call_reads_a_whole_related_table(admin: User) -> None:
    Category.objects.bulk_create(Category(name=f"c{i}") for i in range(20))
    with count_queries() as queries:
        run(views.Products, "create", admin, data=NEW)
        run(views.Products, "list", admin)
        run(views.Products, "metadata", admin)
    assert not [sql for sql in queries.statements if 'FROM "shop_category"' in sql]


def test_trap_25_the_view_knows_where_it_stands() -> None:
    reply = run(views.ActionProducts, "where")
    over_http = browser().get("/api/actions/where/").json()
    assert reply.data == over_http
    assert reply.data["basename"] == "actions"
    assert reply.data["detail"] is False
    assert reply.data["rename"].endswith("/api/actions/rename/")


def test_trap_25_as_view_is_not_told_anything_it_keeps() -> None:
    before = {name: getattr(views.ActionProducts, name) for name in ("basename", "detail")}
    run(views.ActionProducts, "where")
    assert {name: getattr(views.ActionProducts, name) for name in before} == before


# -- Actions, routes and versions -------------------------------------------------------------


def test_an_action_of_several_verbs_takes_the_one_that_fits() -> None:
    assert run(views.ActionProducts, "both").data["verb"] == "GET"
    assert run(views.ActionProducts, "both", data={}).data["verb"] == "POST"
    assert run(views.ActionProducts, "both", method="post").data["verb"] == "POST"
    refused = run(views.ActionProducts, "both", method="DELETE")
    assert refused.status == browser().delete("/api/actions/both/").status_code == 405


def test_a_mapped_action_runs_by_its_own_name() -> None:
    assert run(views.ActionProducts, "cart", kwargs={"pk": 3}).data == {"cart": "3"}
    assert run(views.ActionProducts, "empty_cart", kwargs={"pk": 3}).data == {"emptied": "3"}


def test_an_action_that_http_would_refuse_is_a_405() -> None:
    from tests.shop.views import TagViewSet

    reply = run(TagViewSet, "create", data={"name": "x"})
    over_http = browser().post("/api/tags/", {"name": "x"})
    assert (reply.status, reply.data) == (405, over_http.json())
    assert reply.errors
    assert reply.errors.code == "method_not_allowed"
    assert run(TagViewSet, "destroy", kwargs={"pk": 1}).status == 405


def test_an_unknown_action_names_those_there_are() -> None:
    with pytest.raises(
        UnknownAction, match=r"Products has no route for the action 'explode'.*list"
    ):
        run(views.Products, "explode")
    with pytest.raises(UnknownAction):
        run(views.Products, "get_queryset")


def test_missing_url_arguments_name_what_is_taken() -> None:
    with pytest.raises(RouteNotFound, match=r"retrieve.*takes \(pk\)"):
        run(views.Products, "retrieve")


@pytest.mark.parametrize("pk", ["", "a/b", "..", "../../admin"])
def test_a_key_that_fits_no_url_is_a_row_that_does_not_exist(pk: str) -> None:
    reply = run(views.Products, "retrieve", kwargs={"pk": pk})
    assert reply.status == 404
    assert reply.errors
    assert reply.errors.code == "not_found"


def test_a_key_cannot_lead_to_another_action() -> None:
    assert browser().get("/api/actions/where/").status_code == 200
    reply = run(views.ActionProducts, "retrieve", kwargs={"pk": "where"})
    assert reply.status == 404


def test_nested_routes_take_their_arguments() -> None:
    order, other = Order.objects.create(customer="a"), Order.objects.create(customer="b")
    product = make_products(1)[0]
    data = {"product": product.pk, "quantity": 2}
    reply = run(views.Lines, "create", kwargs={"order_pk": order.pk}, data=data)
    assert reply.status == 201
    assert len(run(views.Lines, "list", kwargs={"order_pk": order.pk}).rows or []) == 1
    assert run(views.Lines, "list", kwargs={"order_pk": other.pk}).rows == []
    kwargs = {"order_pk": other.pk, "pk": reply.data["id"]}
    assert run(views.Lines, "destroy", kwargs=kwargs).status == 404
    assert run(views.Lines, "destroy", kwargs={**kwargs, "order_pk": order.pk}).status == 204


def test_versions_come_from_where_the_project_reads_them() -> None:
    assert run(views.PathVersion, "list", kwargs={"version": "v7"}).data == {"version": "v7"}
    assert run(views.NamespaceVersion, "list").data == {"version": "v1"}
    assert run(views.QueryVersion, "list").data == {"version": "1"}
    assert run(views.QueryVersion, "list", query={"version": "2"}).data == {"version": "2"}
    assert run(views.AcceptVersion, "list").data == {"version": "9"}


def test_a_viewset_without_a_url_gets_one_for_the_call_alone() -> None:
    from django.urls import NoReverseMatch, reverse

    reply = run(views.Unrouted, "create", data={"name": "hidden"})
    assert reply.status == 201
    assert run(views.Unrouted, "retrieve", kwargs={"pk": reply.data["id"]}).ok
    where = run(views.Unrouted, "where").data
    assert where["url"].endswith("/unrouted/")
    assert browser().get(where["path"]).status_code == 404
    with pytest.raises(NoReverseMatch):
        reverse("category-list")
    backend = InProcessBackend()
    call = Call(view=views.Unrouted, action="list")
    assert [reply.status for reply in backend.run_sync(make_origin(), call, call)] == [200, 200]


def test_a_viewset_without_a_url_still_links_to_those_that_have_one() -> None:
    from django.urls import reverse

    seen: list[str] = []
    run(views.Unrouted, "list", prepare=lambda view: seen.append(reverse("products-list")))
    assert seen == ["/api/products/"]


def test_decorators_in_the_urlconf_hold(user: User) -> None:
    reply = run(views.Guarded, "create", data={"name": "x"})
    assert reply.status == 302
    assert not reply.ok
    assert reply.headers["Location"].startswith("/accounts/login/")
    assert not Category.objects.exists()
    assert run(views.Guarded, "create", user, data={"name": "x"}).status == 201


def test_a_decorator_that_cannot_be_kept_stops_the_call() -> None:
    with pytest.raises(ImproperlyConfigured, match="method_decorator"):
        run(views.Uncarried, "list")


# -- Pages ------------------------------------------------------------------------------------


def page_of(reply: Reply) -> dict[str, Any]:
    assert reply.page
    return {
        name: getattr(reply.page, name)
        for name in ("count", "number", "size", "pages", "next", "previous")
    }


def test_page_numbers_are_read_from_the_paginator() -> None:
    make_products(5)
    reply = run(views.Products, "list", query={"page": 2, "size": 2})
    assert page_of(reply) == {
        "count": 5, "number": 2, "size": 2, "pages": 3,
        "next": {"page": "3", "size": "2"}, "previous": {"size": "2"},
    }  # fmt: skip


def test_the_envelope_does_not_matter() -> None:
    make_products(3)
    reply = run(views.EnvelopeProducts, "list")
    assert len(reply.rows or []) == 2
    assert reply.rows is reply.data["items"]
    assert page_of(reply)["count"] == 3


def test_limit_and_offset_count_pages_too() -> None:
    make_products(5)
    reply = run(views.LimitProducts, "list", query={"offset": 2})
    assert page_of(reply) == {
        "count": 5, "number": 2, "size": 2, "pages": 3,
        "next": {"limit": "2", "offset": "4"}, "previous": {"limit": "2"},
    }  # fmt: skip


def test_a_paginator_of_another_kind_leaves_its_fields_empty() -> None:
    make_products(3)
    reply = run(views.StrangeProducts, "list")
    assert len(reply.rows or []) == 2
    assert set(page_of(reply).values()) == {None}


def test_a_bare_list_has_rows_and_no_page() -> None:
    make_products(3)
    reply = run(views.BareProducts, "list")
    assert len(reply.rows or []) == 3
    assert reply.page is None


def test_repeated_parameters_survive_the_way_to_the_next_page() -> None:
    make_products(3)
    reply = run(views.Products, "list", query={"tag": ["a", "b"]})
    assert page_of(reply)["next"] == {"page": "2", "tag": ["a", "b"]}


def test_query_values_are_written_as_filters_read_them() -> None:
    day = timezone.datetime(2026, 1, 2, 3, 4)  # type: ignore[attr-defined]
    query = {"a": True, "b": None, "c": [1, None, 2], "d": day, "e": "ä b", "f": []}
    assert encode_query(query) == "a=true&c=1&c=2&d=2026-01-02T03%3A04%3A00&e=%C3%A4+b"


# -- Middleware and Django's handler ----------------------------------------------------------


def test_middleware_sees_the_path_the_view_and_the_response(settings: Any) -> None:
    settings.MIDDLEWARE = [f"{MIDDLEWARE}.PathTenant", *settings.MIDDLEWARE]
    reply = run(views.TenantView, "list")
    assert reply.data == {"tenant": "acme"}
    assert reply.headers["X-Tenant"] == "acme"
    assert [(cls, name) for cls, _, name in views.CALLS] == [
        (views.TenantView, "tenant-thing-list")
    ]


@pytest.mark.parametrize(
    ("how", "status", "data", "message"),
    [
        ("redirect", 302, "", ""),
        ("json", 503, {"detail": "Closed for today."}, "Closed for today."),
        ("text", 418, "plain words", "plain words"),
    ],
)
def test_middleware_may_answer_by_itself(
    settings: Any, how: str, status: int, data: Any, message: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.Answering"]
    reply = run(views.Products, "list", query={"answer": how})
    assert (reply.status, reply.data, reply.ok) == (status, data, False)
    assert reply.errors
    if message:
        assert reply.errors.message == message
    else:
        assert (reply.errors.code, reply.headers["Location"]) == ("redirect", "/login/")


def test_djangos_own_refusals_are_replies(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.Answering"]
    reply = run(views.Products, "list", query={"answer": "denied"})
    assert reply.status == 403
    assert reply.errors
    assert (reply.errors.code, reply.errors.message) == ("permission_denied", "Forbidden")


def test_a_body_that_middleware_changed_is_the_body(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.Answering"]
    make_products(1)
    reply = run(views.Products, "list", query={"answer": "wrap"})
    over_http = browser().get("/api/paged/", {"answer": "wrap"}).json()
    assert reply.data["wrapped"]["count"] == over_http["wrapped"]["count"] == 1
    assert len(reply.rows or []) == 1


def test_exception_and_template_middleware_run(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.Rescue"]
    reply = run(views.Crashing, "list")
    assert (reply.status, reply.data) == (502, {"detail": "rescued: fell over"})
    assert run(views.Products, "list").headers["X-Template"] == "seen"


def test_data_are_read_inside_the_middleware_as_they_are_rendered(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.InGerman"]
    over_http = browser().get("/api/late-words/").json()
    assert run(views.LateWords, "list").data == over_http == {"word": "Ja", "rows": [0, 1, 2]}


def test_a_middleware_answers_for_data_that_json_cannot_hold(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{MIDDLEWARE}.Rescue"]
    over_http = browser().get("/api/late-words/?object=1")
    reply = run(views.LateWords, "list", query={"object": 1})
    assert (reply.status, reply.data) == (over_http.status_code, over_http.json())
    assert reply.status == 502


def test_what_waits_for_the_body_gets_it() -> None:
    assert browser().post("/api/rendered/").json() == {"a": 1}
    over_http = Category.objects.get()
    over_http.delete()
    assert run(views.Rendered, "create", data={}).data == {"a": 1}
    assert Category.objects.get().name == over_http.name


def test_a_status_without_a_body_has_none() -> None:
    over_http = browser().delete("/api/gone/1/")
    reply = run(views.Gone, "destroy", kwargs={"pk": 1})
    assert reply.status == over_http.status_code == 204
    assert (reply.data, over_http.content) == (None, b"")


def test_values_are_written_as_the_views_own_renderer_writes_them() -> None:
    reply = run(views.Rich, "list")
    assert reply.data == browser().get("/api/rich/").json()
    assert reply.rows == reply.data["page"]["items"] == [{"price": "1.50 EUR", "sum": "money"}]


def test_drfs_renderer_may_be_given_another_encoder(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "COERCE_DECIMAL_TO_STRING": False}
    monkeypatch.setattr(JSONRenderer, "encoder_class", views.MoneyEncoder)
    make_products(2)
    reply = run(views.Prices, "list")
    assert reply.data == browser().get("/api/prices/").json()
    assert [row["price"] for row in reply.rows or []] == ["0.00 EUR", "1.00 EUR"]


def test_login_required_middleware_leaves_drf_views_alone(settings: Any) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert run(views.Products, "list").status == 200


@pytest.mark.parametrize("debug", [False, True])
def test_an_unexpected_error_comes_out_and_is_reported_once(
    settings: Any, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    settings.DEBUG = debug
    seen: list[Any] = []

    def receive(request: Any = None, **kwargs: Any) -> None:
        seen.append(request.path)

    got_request_exception.connect(receive)
    try:
        with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match="fell over"):
            run(views.Crashing, "list")
    finally:
        got_request_exception.disconnect(receive)
    assert seen == ["/api/crashing/"]
    assert [record.name for record in caplog.records] == ["django.request"]


def test_an_error_before_negotiation_is_not_hidden_by_debug(settings: Any) -> None:
    settings.DEBUG = True

    def fail(view: Any) -> None:
        raise RuntimeError("in the hook")

    with pytest.raises(RuntimeError, match="in the hook"):
        run(views.Products, "list", prepare=fail)


def test_a_hook_may_refuse_as_a_view_does() -> None:
    from rest_framework.exceptions import PermissionDenied

    def refuse(view: Any) -> None:
        raise PermissionDenied("not by this state")

    reply = run(views.Products, "list", prepare=refuse)
    assert (reply.status, reply.data) == (403, {"detail": "not by this state"})


def test_prepare_sees_the_view_before_permissions(user: User) -> None:
    seen: list[Any] = []

    def prepare(view: Any) -> None:
        seen.append((view.action, view.request.method, view.kwargs, view.request.user))
        view.get_queryset = lambda: Product.objects.none()

    make_products(2)
    reply = run(views.Products, "list", user, prepare=prepare)
    assert seen == [("list", "GET", {}, user)]
    assert reply.rows == []
    assert len(run(views.Products, "list", user).rows or []) == 2


def test_nothing_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> bytes:
        raise AssertionError("rendered")

    make_products(1)
    monkeypatch.setattr(JSONRenderer, "render", refuse)
    assert len(run(views.Products, "list").rows or []) == 1
    assert run(views.Products, "retrieve", kwargs={"pk": 10**9}).status == 404


def test_a_page_in_the_cache_of_the_site_is_as_over_http(settings: Any) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    make_products(3)
    before = run(views.Products, "list")
    first = browser().get("/api/paged/")
    assert json.loads(first.content) == before.data
    Product.objects.create(name="later", sku="later", price=1)
    again = browser().get("/api/paged/", HTTP_ACCEPT="application/json, */*;q=0.5")
    assert again.json()["count"] in (3, 4)
    cached = run(views.Products, "list")
    assert cached.data["count"] == again.json()["count"]
    assert cached.rows is not None
    assert len(cached.rows) == 2


def test_headers_of_the_handshake_that_are_about_the_handshake_stay_behind() -> None:
    origin = make_origin(
        HTTP_SEC_WEBSOCKET_KEY="k", HTTP_UPGRADE="websocket", HTTP_IF_NONE_MATCH="*",
        HTTP_USER_AGENT="Firefox", HTTP_X_FORWARDED_FOR="1.2.3.4",
    )  # fmt: skip
    reply = call_view(Call(view=views.Products, action="list"), origin)
    assert reply.request
    headers = reply.request.headers
    assert headers["User-Agent"] == "Firefox"
    assert headers["X-Forwarded-For"] == "1.2.3.4"
    assert not {"Upgrade", "Sec-Websocket-Key", "If-None-Match"} & set(headers)


def test_the_body_can_be_looked_at_by_middleware() -> None:
    bodies: list[bytes] = []

    def look(view: Any) -> None:
        bodies.append(view.request._request.body)

    run(views.Products, "create", data=NEW, prepare=look)
    assert json.loads(bodies[0]) == NEW


def test_the_call_is_mounted_where_the_viewer_is() -> None:
    make_products(3)
    origin = make_origin(SCRIPT_NAME="/shop")
    reply = call_view(Call(view=views.Products, action="list"), origin)
    assert reply.data["next"] == "http://testserver/shop/api/paged/?page=2"
    assert reply.request
    assert reply.request.path_info == "/api/paged/"


# -- Language, time zone, signals -------------------------------------------------------------


def test_the_language_is_the_viewers_and_stays_inside_the_call() -> None:
    origin = make_origin(HTTP_ACCEPT_LANGUAGE="de")
    reply = call_view(Call(view=views.Products, action="create", data={}), origin)
    assert reply.errors
    # Django and DRF both translate the sentence, and which catalogue wins is up to their versions.
    assert reply.errors.fields["name"].startswith("Dieses Feld ist ")
    assert translation.get_language() == "en"
    with translation.override("de"), timezone.override("Europe/Berlin"):
        english = call_view(Call(view=views.Products, action="create", data={}), make_origin())
        assert english.errors
        assert english.errors.fields["name"] == "This field is required."
        assert translation.get_language() == "de"
        assert timezone.get_current_timezone_name() == "Europe/Berlin"


def test_the_language_of_a_path_is_the_viewers() -> None:
    call = Call(view=views.LanguageView, action="get")
    assert call_view(call, make_origin()).data == {"language": "en", "zone": "UTC"}
    english = call_view(call, make_origin()).request
    assert english
    assert english.path == "/en/words/"
    german = call_view(call, make_origin(HTTP_ACCEPT_LANGUAGE="de"))
    assert german.data["language"] == "de"
    assert german.request
    assert german.request.path == "/de/words/"


def test_a_call_begins_with_nothing_activated(settings: Any) -> None:
    settings.MIDDLEWARE = []
    with translation.override("de"), timezone.override("Europe/Berlin"):
        reply = run(views.LanguageView, "get")
    assert reply.data == {"language": "en", "zone": "UTC"}


def test_a_file_that_a_view_answers_with_is_closed(tmp_path: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    file = path.open("rb")

    class Download(viewsets.ViewSet):
        def list(self, request: Any) -> FileResponse:
            return FileResponse(file)

    assert (run(Download, "list").status, file.closed) == (200, True)


def test_a_call_is_no_http_request_to_those_who_count_them() -> None:
    seen: list[str] = []

    def started(**kwargs: Any) -> None:
        seen.append("started")

    request_started.connect(started)
    request_finished.connect(started)
    try:
        run(views.Products, "list")
    finally:
        request_started.disconnect(started)
        request_finished.disconnect(started)
    assert seen == []


# -- Session and user -------------------------------------------------------------------------


def test_session_and_user_are_looked_up_once_for_all_calls(user: User) -> None:
    origin = make_origin(log_in(user))
    call = Call(view=views.SessionProducts, action="list")
    with count_queries() as queries:
        replies = InProcessBackend().run_sync(origin, call, call, call)
    assert [reply.status for reply in replies] == [200] * 3
    assert sum("django_session" in sql for sql in queries.statements) == 1
    assert sum("auth_user" in sql and "shop" not in sql for sql in queries.statements) == 1


def test_what_an_earlier_request_looked_up_is_not_asked_again(user: User) -> None:
    processed = run(views.SessionProducts, "list", user).request
    assert processed
    with count_queries() as queries:
        assert call_view(Call(view=views.SessionProducts, action="list"), processed).ok
    assert not [sql for sql in queries.statements if "session" in sql or "auth_user" in sql]


def test_no_cookie_means_no_session_and_no_user_query() -> None:
    with count_queries() as queries:
        run(views.Products, "list")
    assert not [sql for sql in queries.statements if "session" in sql or "auth_user" in sql]


def test_session_writes_are_saved_and_seen_by_the_next_call(user: User) -> None:
    key = log_in(user)
    call = Call(view=views.SessionCounter, action="create", data={})
    replies = InProcessBackend().run_sync(make_origin(key), call, call)
    assert [reply.data["count"] for reply in replies] == [1, 2]
    assert call_view(call, make_origin(key)).data == {"count": 3, "user": user.pk}


def test_a_new_session_is_followed_like_a_browsers_cookie() -> None:
    call = Call(view=views.SessionCounter, action="create", data={})
    replies = InProcessBackend().run_sync(make_origin(), call, call)
    assert [reply.data["count"] for reply in replies] == [1, 2]
    assert [reply.data["count"] for reply in InProcessBackend().run_sync(make_origin(), call)] == [
        1
    ]


def test_the_session_of_one_viewer_never_becomes_anothers(user: User, admin: User) -> None:
    first = run(views.SessionCounter, "create", user, data={}).request
    assert first
    first.COOKIES["sessionid"] = log_in(admin)
    reply = call_view(Call(view=views.SessionCounter, action="create", data={}), first)
    assert reply.data == {"count": 1, "user": admin.pk}


def test_a_run_ends_with_the_first_failure() -> None:
    failing = Call(view=views.Products, action="create", data={})
    listing = Call(view=views.Products, action="list")
    replies = InProcessBackend().run_sync(make_origin(), listing, failing, listing)
    assert [reply.status for reply in replies] == [200, 400]


# -- Threads and async views ------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
async def test_all_calls_of_a_run_are_one_hop() -> None:
    call = Call(view=views.Products, action="list")
    with count_hops() as hops:
        replies = await InProcessBackend().run(make_origin(), call, call)
    assert [reply.status for reply in replies] == [200, 200]
    assert len(hops) == 1


@pytest.mark.django_db(transaction=True)
async def test_async_viewsets_run_in_the_thread_of_the_call() -> None:
    create = Call(view=views.AsyncCategories, action="acreate", data={"name": "async"})
    listing = Call(view=views.AsyncCategories, action="alist")
    made, listed = await InProcessBackend().run(make_origin(), create, listing)
    assert made.status == 201
    assert listed.page
    assert (listed.page.count, [row["name"] for row in listed.rows or []]) == (1, ["async"])


@pytest.mark.django_db(transaction=True)
def test_async_viewsets_run_by_their_routers_names_and_by_the_usual_ones() -> None:
    made = run(views.AsyncCategories, "create", data={"name": "async"})
    assert made.status == 201
    kwargs = {"pk": made.data["id"]}
    changed = run(views.AsyncCategories, "partial_aupdate", kwargs=kwargs, data={"name": "new"})
    assert changed.data["name"] == "new"
    assert run(views.AsyncCategories, "aretrieve", kwargs=kwargs).data["name"] == "new"
    refused = run(views.AsyncCategories, "acreate", data={})
    assert refused.errors
    assert set(refused.errors.fields) == {"name"}
    assert run(views.AsyncCategories, "adestroy", kwargs=kwargs).status == 204


@pytest.mark.django_db(transaction=True)
def test_an_async_viewset_without_a_url_gets_adrfs_router() -> None:
    class Hidden(async_viewsets.ModelViewSet):  # type: ignore[misc]
        queryset = Category.objects.order_by("id")
        serializer_class = views.AsyncCategorySerializer

    assert run(Hidden, "acreate", data={"name": "x"}).status == 201
    assert len(run(Hidden, "alist").rows or []) == 1


@pytest.mark.usefixtures("_atomic_requests")
def test_async_viewsets_with_atomic_requests_keep_djangos_own_error() -> None:
    with pytest.raises(RuntimeError, match="ATOMIC_REQUESTS with async views"):
        run(views.AsyncCategories, "alist")


def test_plain_api_views_can_be_called() -> None:
    assert run(views.LanguageView, "get").ok
    assert run(views.LanguageView, "post").status == 405
    assert run(views.LanguageView, "list").ok
