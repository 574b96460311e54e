"""Which renderer a view chooses for a call, and what links its paginator makes: those of HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from rest_framework import pagination, viewsets
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.renderers import (
    AdminRenderer,
    BaseRenderer,
    BrowsableAPIRenderer,
    JSONRenderer,
    StaticHTMLRenderer,
)
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import call_view
from reflex_drf.backends.request import JSON_FIRST
from tests.origin import make_origin
from tests.shop.models import Product
from tests.shop.serializers import ProductSerializer

pytestmark = pytest.mark.django_db


class NamedJSON(JSONRenderer):
    format = "named"


class VersionedJSON(JSONRenderer):
    media_type = "application/json; version=2"


class OwnJSON(JSONRenderer):
    media_type = "application/vnd.shop+json"
    format = "shop"


class CSV(BaseRenderer):
    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return b"a,b"


class LastOne(BaseContentNegotiation):
    """A project's own: always the last renderer."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[-1], renderers[-1].media_type


class Derived(DefaultContentNegotiation):
    def get_accept_list(self, request: Any) -> list[str]:
        return ["text/csv"]


class NegotiatedViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    renderer_classes: Any = [JSONRenderer, BrowsableAPIRenderer]


class ByMethodViewSet(NegotiatedViewSet):
    def get_renderers(self) -> Any:
        return [CSV(), JSONRenderer()]


class ByHandViewSet(NegotiatedViewSet):
    def perform_content_negotiation(self, request: Any, force: bool = False) -> Any:
        return NamedJSON(), "application/json; by=hand"


class ByInstanceViewSet(NegotiatedViewSet):
    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.get_renderers = lambda: [OwnJSON(), JSONRenderer()]  # type: ignore[method-assign]


class OwnNegotiatorViewSet(NegotiatedViewSet):
    def get_content_negotiator(self) -> Any:
        return LastOne()


def over_http(view: type[APIView], query: str = "") -> Any:
    request = APIRequestFactory().get(f"/{query}", headers={"accept": JSON_FIRST})
    return view.as_view({"get": "list"})(request)  # type: ignore[call-arg, arg-type]


def in_process(view: type[APIView], **query: Any) -> Reply:
    return call_view(Call(view=view, action="list", query=query), make_origin())


def chosen(response: Any) -> tuple[Any, Any, Any]:
    return (
        type(response.accepted_renderer),
        response.accepted_media_type,
        response.status_code,
    )


def assert_same_choice(view: type[APIView], **query: Any) -> Any:
    text = "?" + "&".join(f"{name}={value}" for name, value in query.items())
    expected = chosen(over_http(view, text))
    request: Any = in_process(view, **query).request
    assert chosen(request.response) == expected
    return expected[0]


@pytest.mark.parametrize(
    ("renderers", "first"),
    [
        ([JSONRenderer, BrowsableAPIRenderer], JSONRenderer),
        ([BrowsableAPIRenderer, JSONRenderer], JSONRenderer),
        ([NamedJSON, JSONRenderer], NamedJSON),
        ([VersionedJSON, JSONRenderer], JSONRenderer),
        ([VersionedJSON], VersionedJSON),
        ([OwnJSON, JSONRenderer], JSONRenderer),
        ([OwnJSON, AdminRenderer], OwnJSON),
        ([StaticHTMLRenderer], StaticHTMLRenderer),
    ],
)
def test_the_renderer_is_the_one_of_http(renderers: Any, first: Any) -> None:
    view = type("RenderedViewSet", (NegotiatedViewSet,), {"renderer_classes": renderers})
    assert assert_same_choice(view) is first


@pytest.mark.parametrize("renderers", [[JSONRenderer, CSV], [CSV, JSONRenderer], [CSV, OwnJSON]])
@pytest.mark.parametrize("named", ["csv", "json", "unknown", ""])
def test_a_format_that_the_query_names_is_given(renderers: Any, named: str) -> None:
    view = type("FormatViewSet", (NegotiatedViewSet,), {"renderer_classes": renderers})
    assert_same_choice(view, format=named)


@pytest.mark.parametrize("negotiation", [LastOne, Derived])
def test_a_negotiation_of_the_projects_own_decides(negotiation: Any) -> None:
    options = {"content_negotiation_class": negotiation, "renderer_classes": [JSONRenderer, CSV]}
    assert assert_same_choice(type("OwnViewSet", (NegotiatedViewSet,), options)) is CSV


@pytest.mark.parametrize(
    ("view", "first"),
    [
        (ByMethodViewSet, JSONRenderer),
        (ByHandViewSet, NamedJSON),
        (ByInstanceViewSet, JSONRenderer),
        (OwnNegotiatorViewSet, BrowsableAPIRenderer),
    ],
)
def test_a_view_that_negotiates_in_its_own_way_does(view: Any, first: Any) -> None:
    assert assert_same_choice(view) is first


def test_a_middleware_may_ask_for_another_type(settings: Any) -> None:
    settings.MIDDLEWARE = ["tests.test_negotiation.wants_csv"]
    view = type("WantedViewSet", (NegotiatedViewSet,), {"renderer_classes": [JSONRenderer, CSV]})
    request: Any = in_process(view).request
    assert type(request.response.accepted_renderer) is CSV


def wants_csv(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        request.META["HTTP_ACCEPT"] = "text/csv"
        return get_response(request)

    return middleware


def test_a_view_without_any_renderer_fails_as_over_http() -> None:
    view = type("NothingViewSet", (NegotiatedViewSet,), {"renderer_classes": []})
    with pytest.raises(IndexError):
        over_http(view)
    with pytest.raises(IndexError):
        in_process(view)


# -- Links ----------------------------------------------------------------------------------


class CountingPages(pagination.PageNumberPagination):
    page_size = 2
    made: ClassVar[list[str]] = []

    def get_next_link(self) -> str | None:
        self.made.append("next")
        return super().get_next_link()


class Linked(pagination.PageNumberPagination):
    """Has an envelope without links."""

    page_size = 2

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data, "next": "/elsewhere?page=77"})


class Offsets(pagination.LimitOffsetPagination):
    default_limit = 2


class Cursors(pagination.CursorPagination):
    page_size = 2
    ordering = "id"


class LinkedViewSet(NegotiatedViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().list(request, *args, **kwargs)
        # What the envelope then says is not where the pages are.
        response.data["next"] = "/?page=99"
        return response


class EnvelopeViewSet(NegotiatedViewSet):
    def get_paginated_response(self, data: Any) -> Response:
        return Response({"rows": data})


@pytest.fixture
def products() -> None:
    Product.objects.bulk_create(Product(name=f"P{n}", sku=f"n{n}", price="1.00") for n in range(5))


def paged(view: type[Any], paginator: type[Any]) -> type[Any]:
    return type(f"{paginator.__name__}ViewSet", (view,), {"pagination_class": paginator})


@pytest.mark.usefixtures("products")
class TestLinks:
    def test_links_are_made_once(self) -> None:
        CountingPages.made.clear()
        page = in_process(paged(NegotiatedViewSet, CountingPages)).page
        assert page is not None
        assert page.next == {"page": "2"}
        assert CountingPages.made == ["next"]

    @pytest.mark.parametrize("view", [NegotiatedViewSet, LinkedViewSet, EnvelopeViewSet])
    def test_an_envelope_does_not_say_where_pages_are(self, view: Any) -> None:
        page = in_process(paged(view, CountingPages), page=2).page
        assert page is not None
        assert (page.next, page.previous) == ({"page": "3"}, {})

    def test_neither_does_one_of_a_paginators_own(self) -> None:
        reply = in_process(paged(NegotiatedViewSet, Linked))
        assert reply.page is not None
        assert reply.page.next == {"page": "2"}
        assert [row["sku"] for row in reply.rows or []] == ["n0", "n1"]

    @pytest.mark.parametrize("paginator", [CountingPages, Offsets, Cursors])
    def test_links_lead_where_those_of_http_do(self, paginator: Any) -> None:
        view = paged(NegotiatedViewSet, paginator)
        first = in_process(view).page
        assert first is not None
        assert first.next
        assert first.previous is None
        reply = in_process(view, **first.next)
        assert [row["sku"] for row in reply.rows or []] == ["n2", "n3"]
        expected = over_http(view).data["next"]
        assert all(f"{name}={value}" in expected for name, value in first.next.items())
