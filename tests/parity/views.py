"""One viewset for each thing that can differ between projects, all over the shop's rows."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from rest_framework import (
    authentication,
    exceptions,
    filters,
    generics,
    pagination,
    parsers,
    permissions,
    serializers,
    throttling,
    versioning,
    views,
    viewsets,
)
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from reflex_drf.pagination import CountlessPageNumberPagination
from reflex_drf.serializers import ReflexDjangoModelSerializer
from tests.shop.models import Category, OrderLine, Product
from tests.shop.serializers import OrderLineSerializer


class ItemSerializer(ReflexDjangoModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name", "sku", "price", "stock", "active", "category"]


class LinkedSerializer(serializers.HyperlinkedModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["url", "name", "sku", "price", "category"]
        extra_kwargs = {
            "url": {"view_name": "linked-detail"},
            "category": {"view_name": "category-detail"},
        }


class PhotoSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name", "sku", "price", "tags", "attrs", "photo"]


class VersionedSerializer(ItemSerializer):
    version = serializers.SerializerMethodField()

    class Meta(ItemSerializer.Meta):
        fields = [*ItemSerializer.Meta.fields, "version"]

    def get_version(self, product: Product) -> str | None:
        version: str | None = self.context["request"].version
        return version


class ItemViewSet(viewsets.ModelViewSet[Product]):
    """The base of all: open to everyone, ten rows on a page."""

    queryset = Product.objects.order_by("id")
    serializer_class: Any = ItemSerializer
    permission_classes: Any = [permissions.AllowAny]


class OwnerOrReadOnly(permissions.BasePermission):
    message = "This row is another's."

    def has_object_permission(self, request: Request, view: views.APIView, obj: Any) -> bool:
        return request.method in permissions.SAFE_METHODS or obj.owner_id == request.user.pk


# Who the caller is.


class SessionViewSet(ItemViewSet):
    authentication_classes = [authentication.SessionAuthentication]
    permission_classes = [permissions.IsAuthenticated]


class TokenViewSet(ItemViewSet):
    authentication_classes = [authentication.TokenAuthentication]
    permission_classes = [permissions.IsAuthenticated]


class EitherViewSet(ItemViewSet):
    authentication_classes = [
        authentication.TokenAuthentication,
        authentication.SessionAuthentication,
    ]
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]


class NobodyViewSet(ItemViewSet):
    authentication_classes: Any = []


class ObjectsViewSet(ItemViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, OwnerOrReadOnly]


# How lists are cut.


class CursorPages(pagination.CursorPagination):
    page_size = 7
    ordering = "id"


class SizedPages(pagination.PageNumberPagination):
    page_size = 5
    page_size_query_param = "size"
    max_page_size = 12
    page_query_param = "p"
    last_page_strings = ("last",)


class OffsetPages(pagination.LimitOffsetPagination):
    default_limit = 6
    max_limit = 20


class EnvelopePages(pagination.PageNumberPagination):
    page_size = 8

    def get_paginated_response(self, data: Any) -> Response:
        assert self.page is not None
        meta = {"total": self.page.paginator.count, "page": self.page.number}
        return Response({"meta": meta, "items": data})


class CountlessPages(CountlessPageNumberPagination):
    page_size = 7
    page_size_query_param = "size"
    max_page_size = 20


class CountlessViewSet(ItemViewSet):
    pagination_class = CountlessPages


class CursorViewSet(ItemViewSet):
    pagination_class = CursorPages


class SizedViewSet(ItemViewSet):
    pagination_class = SizedPages
    filter_backends = [filters.SearchFilter, filters.OrderingFilter]
    search_fields = ["name"]
    ordering_fields = ["price", "name"]


class OffsetViewSet(ItemViewSet):
    pagination_class = OffsetPages


class EnvelopeViewSet(ItemViewSet):
    pagination_class = EnvelopePages


class WholeViewSet(ItemViewSet):
    pagination_class = None


# What rows look like and where they are.


class LinkedViewSet(ItemViewSet):
    serializer_class = LinkedSerializer


class PhotoViewSet(ItemViewSet):
    serializer_class = PhotoSerializer
    parser_classes = [parsers.MultiPartParser]


class SkuViewSet(ItemViewSet):
    lookup_field = "sku"
    lookup_value_regex = "[^/]+"


class VersionViewSet(ItemViewSet):
    serializer_class = VersionedSerializer
    versioning_class = versioning.URLPathVersioning


class NamespaceViewSet(ItemViewSet):
    serializer_class = VersionedSerializer
    versioning_class = versioning.NamespaceVersioning


class QueryVersionViewSet(ItemViewSet):
    serializer_class = VersionedSerializer

    class versioning_class(versioning.QueryParameterVersioning):  # noqa: N801
        allowed_versions = ("1", "2")
        default_version = "1"
        version_param = "version"


class LineViewSet(viewsets.ModelViewSet[OrderLine]):
    """The lines of one order, below it in the URL."""

    serializer_class = OrderLineSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_queryset(self) -> QuerySet[OrderLine]:
        return OrderLine.objects.filter(order_id=self.kwargs["order_pk"])

    def perform_create(self, serializer: Any) -> None:
        serializer.save(order_id=self.kwargs["order_pk"])

    @action(detail=True, methods=["post"])
    def double(self, request: Request, order_pk: str, pk: str) -> Response:
        line = self.get_object()
        line.quantity *= 2
        line.save()
        return Response(self.get_serializer(line).data)


class TenantViewSet(ItemViewSet):
    """The products of the tenant that the middleware found."""

    permission_classes = [permissions.IsAuthenticatedOrReadOnly]

    def get_queryset(self) -> QuerySet[Product]:
        tenant: Category = self.request.tenant  # type: ignore[attr-defined]
        return Product.objects.filter(category=tenant).order_by("id")

    def perform_create(self, serializer: Any) -> None:
        serializer.save(category=self.request.tenant)  # type: ignore[attr-defined]


# What goes wrong, and how it is told.


class StandingClock(throttling.UserRateThrottle):
    rate = "3/min"
    scope = "parity"
    # The wait in the message must not depend on when the test runs.
    timer = staticmethod(lambda: 1_000_000.0)


class ThrottledViewSet(ItemViewSet):
    throttle_classes = [StandingClock]


class LateViewSet(ItemViewSet):
    """Writes first and refuses then, in each way a view can refuse."""

    def perform_create(self, serializer: Any) -> None:
        product = serializer.save()
        raise {
            "list": serializers.ValidationError(["Refused after the save."]),
            "text": serializers.ValidationError("Refused after the save."),
            "nested": serializers.ValidationError({"lines": [{}, {"quantity": ["Too many."]}]}),
            "forbidden": exceptions.PermissionDenied("Not any more.", code="late"),
            "django": PermissionDenied("Django's own."),
            "gone": Http404("Gone meanwhile."),
            "teapot": Teapot(),
        }[product.name]

    def perform_update(self, serializer: Any) -> None:
        serializer.save()
        raise serializers.ValidationError({"price": ["Refused after the save."]})

    def perform_destroy(self, instance: Product) -> None:
        instance.delete()
        raise exceptions.PermissionDenied

    @action(detail=False, methods=["post"])
    def clear(self, request: Request) -> Response:
        Product.objects.update(active=False)
        # A refusal without an exception: DRF keeps what was written.
        return Response({"detail": "Only half done."}, status=409)


class BrokenViewSet(ItemViewSet):
    """Fails in a way that nobody expected; no case, for in process the error itself comes out."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise RuntimeError("The secret of the tea.")


class Teapot(exceptions.APIException):
    status_code = 418
    default_detail = "I am a teapot."
    default_code = "teapot"


def enveloping_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """A project's own exception handler, named in its settings."""
    response = exception_handler(exc, context)
    if response is not None:
        method = context["request"].method
        response.data = {"ok": False, "method": method, "problem": response.data}
    return response


class OwnHandlerViewSet(ItemViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        response["X-Handled"] = type(exc).__name__
        response.data = {"wrapped": response.data}
        return response


class ByActionViewSet(ItemViewSet):
    """Asks `self.action` everywhere, and has actions of several methods."""

    def get_permissions(self) -> Any:
        reading = self.action in ("list", "retrieve", "metadata")
        return [permissions.AllowAny() if reading else permissions.IsAdminUser()]

    def get_serializer_class(self) -> Any:
        return LinkedSerializer if self.action == "retrieve" else ItemSerializer

    @action(
        detail=True,
        methods=["get", "delete"],
        url_path="shelf/(?P<side>[a-z]+)",
        permission_classes=[permissions.IsAuthenticated],
    )
    def shelf(self, request: Request, pk: str, side: str) -> Response:
        product = self.get_object()
        if request.method == "DELETE":
            product.stock = None
            product.save()
        return Response({"side": side, "stock": product.stock, "method": request.method})

    @shelf.mapping.put
    def fill_shelf(self, request: Request, pk: str, side: str) -> Response:
        product = self.get_object()
        product.stock = request.data.get("stock")
        product.save()
        return Response({"side": side, "stock": product.stock})

    @action(detail=False, pagination_class=OffsetPages, serializer_class=LinkedSerializer)
    def cheap(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset().filter(price__lt=10))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ItemList(generics.ListCreateAPIView[Product]):
    """Generic views without a router."""

    queryset = Product.objects.order_by("id")
    serializer_class = ItemSerializer
    permission_classes = [permissions.IsAuthenticatedOrReadOnly]


class Echo(views.APIView):
    """A plain view that says what it was asked."""

    permission_classes = [permissions.AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"query": dict(request.query_params), "user": str(request.user)})

    def post(self, request: Request) -> Response:
        return Response({"data": request.data, "language": request.LANGUAGE_CODE}, status=202)  # type: ignore[attr-defined]
