"""Responses of in-process calls: unrendered, unless a middleware looks."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from rest_framework import viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.test import APIClient

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import call_view
from reflex_drf.backends.response import read_data, release, skip_rendering
from tests import trap_views as views
from tests.origin import make_origin
from tests.shop.models import Product

CACHED = [
    "django.middleware.cache.UpdateCacheMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.cache.FetchFromCacheMiddleware",
]
ACCEPT = "application/json, */*;q=0.5"


@pytest.fixture(autouse=True)
def _trap_urls(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = "tests.trap_urls"
    cache.clear()
    yield
    cache.clear()


class Own(Response):
    """A response class of the project's own."""

    @property
    def shout(self) -> str:
        return str(self.data).upper()


def answer(response: Any) -> Any:
    """Finish a response as a view does, and skip its rendering."""
    response.accepted_renderer = JSONRenderer()
    response.accepted_media_type = "application/json"
    response.renderer_context = {}
    return skip_rendering(response)


def test_data_are_there_without_a_body() -> None:
    response = answer(Response({"a": (1, 2)}))
    assert read_data(response) == {"a": [1, 2]}
    assert response.render() is response
    assert response.is_rendered
    assert response["Content-Type"] == "application/json"


def test_a_body_is_made_when_somebody_looks() -> None:
    for look in (lambda r: r.content, lambda r: b"".join(r), lambda r: r.getvalue()):
        response = answer(Response({"a": 1}))
        assert look(response) == b'{"a":1}'
        assert response["Content-Length"] == "7"
        assert read_data(response) == {"a": 1}


def test_a_body_is_made_for_callbacks_that_wait_for_it() -> None:
    seen: list[bytes] = []
    response = answer(Response({"a": 1}))
    response.add_post_render_callback(lambda r: seen.append(r.content))
    response.render()
    assert seen == [b'{"a":1}']
    assert response.content == b'{"a":1}'
    assert seen == [b'{"a":1}']


def test_callbacks_that_come_after_rendering_wait_for_the_body() -> None:
    seen: list[bytes] = []
    response = answer(Response({"a": 1}))
    response.render()
    response.add_post_render_callback(lambda r: seen.append(r.content))
    assert seen == []
    assert response.content == b'{"a":1}'
    assert seen == [b'{"a":1}']


def test_a_callback_may_change_the_body() -> None:
    def change(response: Any) -> None:
        response.content = b'{"b": 2}'

    response = answer(Response({"a": 1}))
    response.add_post_render_callback(change)
    assert read_data(response.render()) == {"b": 2}


def test_a_body_that_a_middleware_renders_anew_is_the_answer() -> None:
    def by_hand(response: Any) -> None:
        response.content = response.rendered_content

    def by_rendering(response: Any) -> None:
        response._is_rendered = False
        response.render()

    for renew in (by_hand, by_rendering):
        response = answer(Response({"a": 1}))
        response.render()
        response.data = {"data": response.data}
        renew(response)
        assert read_data(response) == {"data": {"a": 1}}


def test_another_body_is_another_answer() -> None:
    response = answer(Response({"a": 1}))
    response.content = b'{"b": 2}'
    assert read_data(response) == {"b": 2}
    assert response["Content-Length"] == "8"
    compressed = answer(Response({"a": 1}))
    compressed.content, compressed["Content-Encoding"] = b"\x1f\x8b", "gzip"
    assert read_data(compressed) == {"a": 1}


def test_no_data_are_no_content() -> None:
    response = answer(Response(status=204))
    assert "Content-Type" not in response
    assert read_data(response) is None
    assert response.content == b""


def test_a_body_that_no_server_sends_is_none() -> None:
    assert read_data(answer(Response({"a": 1}, status=204))) is None
    assert read_data(HttpResponse(b"x", status=304)) is None


def test_a_class_of_the_projects_own_keeps_what_it_can() -> None:
    response = answer(Own({"a": "b"}))
    assert isinstance(response, Own)
    assert response.shout == "{'A': 'B'}"
    assert read_data(response) == {"a": "b"}


@pytest.mark.parametrize("kind", [Response, Own])
def test_a_pickled_response_is_the_rendered_one(kind: type[Response]) -> None:
    copy = pickle.loads(pickle.dumps(answer(kind({"a": 1}))))  # noqa: S301
    assert type(copy) is kind
    assert (copy.content, copy.data, copy["Content-Length"]) == (b'{"a":1}', {"a": 1}, "7")
    assert copy.is_rendered


@pytest.mark.parametrize(
    ("response", "data"),
    [
        (JsonResponse({"a": 1}), {"a": 1}),
        (HttpResponse(b"", content_type="application/json"), None),
        (HttpResponse("not json", content_type="application/problem+json"), "not json"),
        (HttpResponse("ä", content_type="text/plain; charset=latin-1"), "ä"),
        (StreamingHttpResponse(iter([b"a"])), None),
    ],
)
def test_responses_that_are_not_drfs_are_read_by_their_type(response: Any, data: Any) -> None:
    assert skip_rendering(response) is response
    assert read_data(response) == data


def test_what_a_response_holds_is_closed(tmp_path: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    file = path.open("rb")
    release(FileResponse(file))
    assert file.closed


# -- With the middleware that looks at bodies -------------------------------------------------


def listing(view: Any = views.Products, **options: Any) -> Reply:
    return call_view(Call(view=view, action="list", **options), make_origin())


@pytest.mark.django_db
def test_what_a_call_leaves_in_the_cache_is_good_for_a_browser(settings: Any) -> None:
    settings.MIDDLEWARE = CACHED
    Product.objects.create(name="cup", sku="c", price=1)
    reply = listing()
    Product.objects.all().delete()
    over_http = APIClient().get("/api/paged/", HTTP_ACCEPT=ACCEPT)
    assert over_http.json() == reply.data
    assert int(over_http["Content-Length"]) == len(over_http.content)


@pytest.mark.django_db
def test_what_a_browser_leaves_in_the_cache_is_good_for_a_call(settings: Any) -> None:
    settings.MIDDLEWARE = CACHED
    Product.objects.create(name="cup", sku="c", price=1)
    over_http = APIClient().get("/api/paged/", HTTP_ACCEPT=ACCEPT).json()
    Product.objects.all().delete()
    reply = listing()
    assert reply.data == over_http
    assert reply.rows == over_http["results"]
    assert reply.page
    assert reply.page.count == 1


@pytest.mark.django_db
def test_a_call_never_gets_a_compressed_or_unchanged_answer(settings: Any) -> None:
    settings.MIDDLEWARE = CACHED
    for i in range(30):
        Product.objects.create(name="x" * 80, sku=f"s{i}", price=1)
    client = APIClient()
    etag = client.get("/api/bare/")["ETag"]
    origin = make_origin(HTTP_ACCEPT_ENCODING="gzip", HTTP_IF_NONE_MATCH=etag)
    reply = call_view(Call(view=views.BareProducts, action="list"), origin)
    assert (reply.status, len(reply.rows or [])) == (200, 30)
    assert "Content-Encoding" not in reply.headers


class CachedMethod(viewsets.ViewSet):
    """Keeps its list for a minute."""

    calls = 0

    @method_decorator(cache_page(60))
    def list(self, request: Any) -> Response:
        type(self).calls += 1
        return Response([{"call": self.calls}])


@pytest.mark.django_db
def test_a_cached_action_answers_in_process_too() -> None:
    first, second = listing(CachedMethod), listing(CachedMethod)
    assert first.rows == second.rows == [{"call": 1}]
    assert first.headers["Cache-Control"] == "max-age=60"
    assert json.dumps(second.data)


class CachedRich(views.Rich):
    @method_decorator(cache_page(60))
    def list(self, request: Any) -> Response:
        return super().list(request)


@pytest.mark.django_db
def test_a_cached_answer_says_what_its_renderer_wrote() -> None:
    first, second = listing(CachedRich), listing(CachedRich)
    items = [{"price": "1.50 EUR", "sum": "money"}]
    assert first.data == second.data == {"page": {"items": items}}


@pytest.mark.django_db
def test_headers_of_a_reply_do_not_tell_a_length_that_nothing_has() -> None:
    assert "Content-Length" not in listing().headers
