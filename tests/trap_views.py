"""Views that make an in-process caller stumble, and the middleware around them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from adrf import serializers as async_serializers
from adrf import viewsets as async_viewsets
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy
from rest_framework import (
    authentication,
    pagination,
    parsers,
    permissions,
    renderers,
    serializers,
    throttling,
    versioning,
    viewsets,
)
from rest_framework.decorators import action, api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils import encoders
from rest_framework.views import APIView

from tests.shop.models import Category, OrderLine, Product
from tests.shop.serializers import CategorySerializer, OrderLineSerializer, ProductSerializer

CALLS: list[Any] = []


class SmallPages(pagination.PageNumberPagination):
    page_size = 2
    page_size_query_param = "size"


class SmallCursor(pagination.CursorPagination):
    page_size = 2
    ordering = "id"


class Envelope(SmallPages):
    """Another envelope, with nothing in it named as DRF names it."""

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"meta": {"total": self.page.paginator.count}, "items": data})


class FirstTwo(pagination.BasePagination):
    """A paginator that knows nothing but a page."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        return list(queryset[:2])

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"items": data})


class Products(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.order_by("id")
    serializer_class = ProductSerializer
    pagination_class = SmallPages


class LimitProducts(Products):
    pagination_class = type(
        "Limit", (pagination.LimitOffsetPagination,), {"default_limit": 2, "max_limit": 100}
    )


class CursorProducts(Products):
    pagination_class = SmallCursor


class SizedProducts(Products):
    """Has a `paginate_queryset()` that takes more than DRF's."""

    def paginate_queryset(self, queryset: Any, size: int | None = None) -> Any:
        self.paginator.page_size = size or 1  # type: ignore[union-attr]
        return super().paginate_queryset(queryset)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset(), size=3)
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class MixedProducts(APIView, pagination.LimitOffsetPagination):
    """Is its own paginator, as many views are that are written by hand."""

    default_limit = 2

    def get(self, request: Request) -> Response:
        page = self.paginate_queryset(Product.objects.order_by("id"), request, view=self)
        return self.get_paginated_response(ProductSerializer(page, many=True).data)


class EnvelopeProducts(Products):
    pagination_class = Envelope


class StrangeProducts(Products):
    pagination_class = FirstTwo


class BareProducts(Products):
    pagination_class = None


class SessionProducts(Products):
    authentication_classes = [authentication.SessionAuthentication]
    permission_classes = [permissions.IsAuthenticated]


class TokenProducts(Products):
    authentication_classes = [authentication.TokenAuthentication]
    permission_classes = [permissions.IsAuthenticated]

    @action(detail=False)
    def whoami(self, request: Request) -> Response:
        how = type(request.successful_authenticator).__name__
        return Response({"user": str(request.user), "auth": str(request.auth), "how": how})


class ModelPermissionProducts(Products):
    permission_classes = [permissions.DjangoModelPermissions]


class Twice(throttling.SimpleRateThrottle):
    rate = "2/min"
    scope = "twice"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"trap-{type(view).__name__}-{self.get_ident(request)}"


class ThrottledProducts(Products):
    throttle_classes = [Twice]


class NameOnly(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=5)


class ActionProducts(Products):
    """Each action with arguments of its own."""

    @action(detail=False, methods=["post"], serializer_class=NameOnly)
    def rename(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({"by": type(serializer).__name__, **serializer.data})

    @action(detail=True, methods=["post"], permission_classes=[permissions.IsAdminUser])
    def nuke(self, request: Request, pk: str) -> Response:
        return Response({"nuked": pk})

    @action(detail=False, methods=["post"], throttle_classes=[Twice])
    def seldom(self, request: Request) -> Response:
        return Response({})

    @action(detail=False, methods=["post"], parser_classes=[parsers.MultiPartParser])
    def upload(self, request: Request) -> Response:
        file = request.FILES.get("file")
        return Response({"file": file and file.name, "note": request.data.get("note")})

    @action(detail=False, methods=["get", "post"])
    def both(self, request: Request) -> Response:
        return Response({"verb": request.method, "action": self.action})

    @action(detail=True)
    def cart(self, request: Request, pk: str) -> Response:
        return Response({"cart": pk})

    @cart.mapping.delete
    def empty_cart(self, request: Request, pk: str) -> Response:
        return Response({"emptied": pk})

    @action(detail=False)
    def where(self, request: Request) -> Response:
        match = request.resolver_match
        return Response({
            "basename": self.basename, "detail": self.detail, "suffix": self.suffix,
            "action": self.action, "map": sorted(self.action_map), "view": match.view_name,
            "rename": self.reverse_action("rename"),
        })  # fmt: skip


class JsonOnly(Products):
    parser_classes = [parsers.JSONParser]


class FormOnly(Products):
    parser_classes = [parsers.FormParser]


class PlainTextParser(parsers.BaseParser):
    media_type = "text/plain"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> str:
        return str(stream.read().decode())


class TextOnly(Products):
    parser_classes = [PlainTextParser]


class LateFailure(Products):
    """Refuses, or falls over, when the row is already saved."""

    def perform_create(self, serializer: Any) -> None:
        product = serializer.save()
        if product.name == "crash":
            raise RuntimeError("fell over")
        raise serializers.ValidationError({"name": ["too late"]})


class Crashing(viewsets.ViewSet):
    def list(self, request: Request) -> Response:
        raise RuntimeError("fell over")


class Refusing(viewsets.ViewSet):
    """Refuses in every way that Django and DRF know."""

    def list(self, request: Request) -> Response:
        how = request.query_params.get("how")
        if how == "text":
            raise serializers.ValidationError("plain")
        if how == "list":
            raise serializers.ValidationError([{}, {"q": ["bad"]}])
        if how == "http404":
            raise Http404("no such")
        if how == "denied":
            raise PermissionDenied("not you")
        raise serializers.ValidationError({"non_field_errors": ["both"], "a": {"b": ["deep"]}})


class OddValues(viewsets.ViewSet):
    def list(self, request: Request) -> Response:
        return Response({
            "uuid": uuid.UUID(int=7), "at": timezone.now(), "for": timedelta(minutes=1),
            "much": Decimal("1.50"), "lazy": gettext_lazy("Yes"), 3: ("a", {"b": {4: None}}),
        })  # fmt: skip


class LateWords(viewsets.ViewSet):
    """Leaves it to the renderer what its data are, or whether JSON can hold them."""

    def list(self, request: Request) -> Response:
        if "object" in request.query_params:
            return Response({"object": object()})
        return Response({"word": gettext_lazy("Yes"), "rows": (number for number in range(3))})


class Rendered(viewsets.ViewSet):
    """Writes down what it has answered."""

    def create(self, request: Request) -> Response:
        def note(response: Any) -> None:
            Category.objects.create(name=response.content.decode())

        response = Response({"a": 1})
        response.add_post_render_callback(note)
        return response


class Prices(Products):
    """Shows nothing but columns."""

    class Serializer(serializers.ModelSerializer[Product]):
        class Meta:
            model = Product
            fields = ["id", "price"]

    serializer_class = Serializer


class Money:
    """What DRF's encoder knows nothing of."""


class MoneyEncoder(encoders.JSONEncoder):
    def default(self, obj: Any) -> Any:
        if isinstance(obj, Decimal):
            return f"{obj} EUR"
        return "money" if isinstance(obj, Money) else super().default(obj)


class MoneyRenderer(renderers.JSONRenderer):
    encoder_class = MoneyEncoder


class Rich(viewsets.ViewSet):
    """Shows values that only its renderer can write, and pages of them out of sight."""

    renderer_classes = [MoneyRenderer]

    def list(self, request: Request) -> Response:
        return self.get_paginated_response([{"price": Decimal("1.50"), "sum": Money()}])

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"page": {"items": data}})


class Gone(viewsets.ViewSet):
    """Says something with a status that has no body."""

    def destroy(self, request: Request, pk: str) -> Response:
        return Response({"detail": "gone"}, status=204)


class LanguageView(APIView):
    def get(self, request: Request) -> Response:
        return Response({
            "language": translation.get_language(), "zone": str(timezone.get_current_timezone()),
        })  # fmt: skip


class SessionCounter(viewsets.ViewSet):
    def create(self, request: Request) -> Response:
        request.session["count"] = request.session.get("count", 0) + 1
        return Response({"count": request.session["count"], "user": request.user.pk})


class VersionView(viewsets.ViewSet):
    def list(self, request: Request, **kwargs: Any) -> Response:
        return Response({"version": request.version})


class PathVersion(VersionView):
    versioning_class = versioning.URLPathVersioning


class NamespaceVersion(VersionView):
    versioning_class = type(
        "NamespaceVersioning", (versioning.NamespaceVersioning,), {"allowed_versions": ["v1", "v2"]}
    )


class QueryVersion(VersionView):
    versioning_class = type(
        "QueryVersioning", (versioning.QueryParameterVersioning,), {"default_version": "1"}
    )


class AcceptVersion(VersionView):
    versioning_class = type(
        "AcceptVersioning", (versioning.AcceptHeaderVersioning,), {"default_version": "9"}
    )


class Lines(viewsets.ModelViewSet[OrderLine]):
    serializer_class = OrderLineSerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        return OrderLine.objects.filter(order=self.kwargs["order_pk"])

    def perform_create(self, serializer: Any) -> None:
        serializer.save(order_id=self.kwargs["order_pk"])


class Unrouted(viewsets.ModelViewSet[Category]):
    """No URL leads here."""

    queryset = Category.objects.order_by("id")
    serializer_class = CategorySerializer

    @action(detail=False)
    def where(self, request: Request) -> Response:
        return Response({"url": self.reverse_action("list"), "path": request.path})


class Guarded(Unrouted):
    """Routed behind `login_required`."""


class Uncarried(Unrouted):
    """Routed behind an object that wraps without a closure."""


class AsyncCategorySerializer(async_serializers.ModelSerializer):  # type: ignore[misc]
    class Meta:
        model = Category
        fields = ["id", "name"]


class AsyncCategories(async_viewsets.ModelViewSet):  # type: ignore[misc]
    queryset = Category.objects.order_by("id")
    serializer_class = AsyncCategorySerializer
    pagination_class = SmallPages


@api_view(["GET", "POST"])
def function_view(request: Request) -> Response:
    return Response({"verb": request.method, "data": request.data})


# -- Middleware -----------------------------------------------------------------------------


class PathTenant:
    """Puts the tenant of the path on the request, as many projects do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.tenant = request.path.split("/")[1]  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Tenant"] = request.tenant  # type: ignore[attr-defined]
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        CALLS.append((view.cls, view.actions, request.resolver_match.view_name))


class TenantView(viewsets.ViewSet):
    def list(self, request: Request) -> Response:
        return Response({"tenant": request.tenant})  # type: ignore[attr-defined]


class Answering:
    """Answers by itself, in the way the query asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        how = request.GET.get("answer")
        if how == "redirect":
            return HttpResponseRedirect("/login/")
        if how == "json":
            return JsonResponse({"detail": "Closed for today."}, status=503)
        if how == "text":
            return HttpResponse("plain words", content_type="text/plain", status=418)
        if how == "denied":
            raise PermissionDenied
        if how == "wrap":
            response = self.get_response(request)
            response.content = b'{"wrapped": %s}' % response.content
            return response
        return self.get_response(request)


class InGerman:
    """Chooses a language for as long as a request takes, and no longer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with translation.override("de"):
            return self.get_response(request)


class Rescue:
    """Turns an exception of a view into an answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        return JsonResponse({"detail": f"rescued: {error}"}, status=502)

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        response["X-Template"] = "seen"
        return response
