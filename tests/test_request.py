"""The request of an in-process call, made from the viewer's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import RequestFactory
from django.utils import translation
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from reflex_drf.backends import Call
from reflex_drf.backends.inprocess import InProcessBackend, call_view
from reflex_drf.backends.request import CallRequest, fresh
from reflex_drf.routing import find_route
from tests import trap_views as views
from tests.counting import count_queries
from tests.origin import log_in, make_origin

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _trap_urls(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.trap_urls"


class Door(viewsets.ViewSet):
    """Logs in and out, as a project's own view would."""

    def list(self, request: Request) -> Response:
        return Response({"user": request.user.pk})

    def create(self, request: Request) -> Response:
        login(request._request, User.objects.get(pk=request.data["pk"]))
        return Response({})

    def destroy(self, request: Request, pk: str) -> Response:
        logout(request._request)
        return Response({})


LOOK = Call(view=Door, action="list")


def make(origin: Any = None, **options: Any) -> CallRequest:
    options = {"view": views.Products, "action": "create", **options}
    call = Call(**options)
    route = find_route(call.view, call.action, kwargs=call.kwargs)
    return CallRequest(call, route, route.url(call.kwargs), origin or make_origin())


def test_it_is_the_viewers_request_at_the_url_of_the_view() -> None:
    origin = make_origin(
        "key", host="shop.example:8443", secure=True, REMOTE_ADDR="10.1.2.3", HTTP_REFERER="/x"
    )
    request = make(origin, query={"a": 1}, data={"b": 2})
    assert (request.method, request.path, request.path_info) == ("POST",) + ("/api/paged/",) * 2
    assert (request.scheme, request.is_secure(), request.META["HTTP_HOST"]) == (
        "https", True, "shop.example:8443",
    )  # fmt: skip
    assert request.META["REMOTE_ADDR"] == "10.1.2.3"
    assert request.META["REQUEST_METHOD"] == "POST"
    assert request.META["HTTP_REFERER"] == "/x"
    assert request.COOKIES == {"sessionid": "key"}
    assert request.GET.urlencode() == request.META["QUERY_STRING"] == "a=1"
    assert request.content_type == "application/json"


def test_the_origins_own_query_and_method_stay_its_own() -> None:
    origin = RequestFactory().post("/somewhere/?x=1", {"y": 2})
    request = make(origin, action="list")
    assert (request.method, dict(request.GET), request.content_type) == ("GET", {}, None)
    assert request.META["SERVER_NAME"] == "testserver"
    assert "CONTENT_LENGTH" not in request.META


def test_a_host_without_a_server_name_is_enough() -> None:
    origin = make_origin(host="shop.example", secure=True)
    for name in ("SERVER_NAME", "SERVER_PORT"):
        del origin.META[name]
    request = make(origin)
    assert (request.META["SERVER_NAME"], request.META["SERVER_PORT"]) == ("shop.example", "443")


def test_the_body_can_be_read_and_reread() -> None:
    request = make(data={"a": ["ä"]})
    assert request.body == request.body == '{"a":["ä"]}'.encode()
    assert request.read() == request.body
    assert make().body == b""
    assert make(data={"a": 1}, files={"f": object()}).body == b""


def test_files_want_a_dict_beside_them() -> None:
    with pytest.raises(TypeError, match="dict"):
        make(data=[1], files={"f": object()})


def test_several_files_of_one_name() -> None:
    one, two = object(), object()
    assert make(files={"f": [one, two]}).FILES.getlist("f") == [one, two]


def test_data_are_copied_to_the_bottom() -> None:
    data = {"a": [{"b": (1, 2)}]}
    copy = fresh(data)
    assert copy == {"a": [{"b": [1, 2]}]}
    copy["a"][0]["b"].append(3)
    assert data == {"a": [{"b": (1, 2)}]}


def test_a_form_given_as_data_is_taken_for_a_dict() -> None:
    assert fresh(QueryDict("a=1&b=2&b=3")) == {"a": "1", "b": ["2", "3"]}


def test_too_many_parameters_are_refused_and_do_not_crash(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 5
    call = Call(view=views.Products, action="list", query={f"q{i}": i for i in range(9)})
    assert call_view(call, make_origin()).status == 400


# -- The viewer -------------------------------------------------------------------------------


def test_a_login_in_a_call_counts_for_the_next() -> None:
    user = User.objects.create_user("user")
    replies = InProcessBackend().run_sync(
        make_origin(), LOOK, Call(view=Door, action="create", data={"pk": user.pk}), LOOK
    )
    assert [replies[0].data, replies[2].data] == [{"user": None}, {"user": user.pk}]


def test_a_logout_in_a_call_counts_for_the_next() -> None:
    user = User.objects.create_user("user")
    replies = InProcessBackend().run_sync(
        make_origin(log_in(user)), LOOK, Call(view=Door, action="destroy", kwargs={"pk": 1}), LOOK
    )
    assert [replies[0].data, replies[2].data] == [{"user": user.pk}, {"user": None}]


def test_a_user_that_only_the_call_looked_up_is_left_to_the_origin() -> None:
    user = User.objects.create_user("user")
    processed: Any = call_view(LOOK, make_origin(log_in(user))).request
    processed.__dict__.pop("_cached_user")
    assert call_view(LOOK, processed).data == {"user": user.pk}
    with count_queries() as queries:
        assert processed._cached_user == user
    assert len(queries) == 0


def test_a_user_who_left_during_the_call_is_not_left_to_the_origin() -> None:
    user = User.objects.create_user("user")
    processed: Any = call_view(LOOK, make_origin(log_in(user))).request
    processed.__dict__.pop("_cached_user")
    call_view(Call(view=Door, action="destroy", kwargs={"pk": 1}), processed)
    assert "_cached_user" not in processed.__dict__


class Tenants:
    """Gives each request the URLconf of its tenant, as tenant packages do."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.urlconf = "tests.urls"
        return self.get_response(request)


def test_a_urlconf_that_middleware_chose_is_followed(settings: Any) -> None:
    from tests.shop.views import TaskViewSet

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_request.Tenants"]
    user = User.objects.create_user("user")
    origin = make_origin(log_in(user))
    origin.urlconf = "tests.urls"
    call = Call(view=TaskViewSet, action="create", data={"title": "t"})
    replies = InProcessBackend().run_sync(origin, call, Call(view=TaskViewSet, action="list"))
    assert [reply.status for reply in replies] == [201, 200]
    assert replies[1].request
    assert replies[1].request.path == "/api/tasks/"


@pytest.mark.django_db(transaction=True)
async def test_what_a_call_activates_does_not_come_back_with_it() -> None:
    origin = make_origin(HTTP_ACCEPT_LANGUAGE="de")
    (reply,) = await InProcessBackend().run(origin, Call(view=views.LanguageView, action="get"))
    assert reply.data["language"] == "de"
    assert translation.get_language() == "en"
