"""The viewsets that are built, and what is left to those that exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import models
from rest_framework import (
    authentication,
    filters,
    generics,
    pagination,
    permissions,
    serializers,
    throttling,
    viewsets,
)
from rest_framework.test import APIRequestFactory, force_authenticate

from reflex_drf.errors import ConfigurationError
from reflex_drf.state.options import Options, resolve_options
from reflex_drf.state.viewsets import (
    build_viewset,
    describe_serializer,
    scope_field,
    viewset_model,
)
from tests.shop.models import Category, Order, Product, Task
from tests.shop.serializers import ProductSerializer
from tests.shop.views import ProductViewSet


def build(*, read_only: bool = False, **options: Any) -> Any:
    return build_viewset("S", resolve_options("S", options), read_only=read_only)


class TestFromAModel:
    def test_the_key_is_always_there(self) -> None:
        viewset = build(model=Product, fields=["name", "price"])
        assert list(viewset.serializer_class().fields) == ["id", "name", "price"]

    def test_all_fields_have_to_be_asked_for(self) -> None:
        assert "attrs" in build(model=Product, fields="__all__").serializer_class().fields
        with pytest.raises(ConfigurationError, match="no `fields`"):
            build(model=Product)

    def test_a_model_may_be_named(self) -> None:
        assert viewset_model(build(model="shop.Category", fields=["name"])) is Category

    @pytest.mark.parametrize("model", [3, str, serializers.Serializer])
    def test_what_is_no_model(self, model: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"S\.model"):
            build(model=model, fields=["name"])

    def test_read_only_fields_and_read_only_views(self) -> None:
        viewset = build(model=Product, fields=["name", "sku"], read_only_fields=["sku"])
        assert viewset.serializer_class().fields["sku"].read_only
        reading = build(model=Product, fields=["name"], read_only=True)
        assert not hasattr(reading, "create")
        assert not hasattr(reading, "destroy")


class TestOrder:
    def test_of_the_option_the_model_or_the_key(self) -> None:
        assert build(
            model=Product, fields=["name"], ordering=["-name"]
        ).queryset.query.order_by == ("-name",)
        assert build(model=Product, fields=["name"]).queryset.query.order_by == ("id",)
        assert build(model=Category, fields=["name"]).queryset.query.order_by == ("-pk",)

    def test_related_rows_are_read_along(self) -> None:
        queryset = build(
            model=Product,
            fields=["name"],
            queryset_select_related=["category"],
            queryset_prefetch=["tags"],
        ).queryset
        assert queryset.query.select_related == {"category": {}}
        assert queryset._prefetch_related_lookups == ("tags",)


class TestPermissions:
    def test_writing_needs_a_login_by_default(self) -> None:
        classes = build(model=Product, fields=["name"]).permission_classes
        assert classes == [
            *generics.GenericAPIView.permission_classes,
            permissions.IsAuthenticatedOrReadOnly,
        ]

    def test_never_wider_than_the_projects_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from rest_framework.views import APIView

        monkeypatch.setattr(APIView, "permission_classes", [permissions.IsAdminUser])
        classes = build(model=Product, fields=["name"]).permission_classes
        assert permissions.IsAdminUser in classes

    def test_an_option_is_taken_as_it_is(self) -> None:
        built = build(model=Product, fields=["name"], permission_classes=[])
        assert built.permission_classes == []

    def test_a_session_counts_whatever_the_api_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from rest_framework.views import APIView

        token = authentication.TokenAuthentication
        monkeypatch.setattr(APIView, "authentication_classes", [token])
        built = build(model=Product, fields=["name"])
        assert built.authentication_classes == [token, authentication.SessionAuthentication]
        own = build(model=Product, fields=["name"], authentication_classes=[token])
        assert own.authentication_classes == [token]

    def test_throttles(self) -> None:
        throttle = throttling.UserRateThrottle
        built = build(model=Product, fields=["name"], throttle_classes=[throttle])
        assert built.throttle_classes == [throttle]

    @pytest.mark.django_db
    def test_the_viewset_answers_like_any_other(self) -> None:
        view = build(model=Category, fields=["name"]).as_view({"get": "list", "post": "create"})
        factory = APIRequestFactory()
        assert view(factory.get("/")).status_code == 200
        assert view(factory.post("/", {"name": "A"})).status_code in (401, 403)
        request = factory.post("/", {"name": "A"})
        force_authenticate(request, get_user_model().objects.create_user("alice"))
        assert view(request).status_code == 201


class TestFilters:
    def test_backends_follow_the_options(self) -> None:
        from django_filters.rest_framework import DjangoFilterBackend

        plain = build(model=Product, fields=["name"])
        assert plain.filter_backends == [filters.OrderingFilter]
        full = build(
            model=Product, fields=["name"], search_fields=["name"], filterset_fields=["active"]
        )
        assert full.filter_backends == [
            filters.OrderingFilter,
            filters.SearchFilter,
            DjangoFilterBackend,
        ]
        own = build(model=Product, fields=["name"], filter_backends=[filters.SearchFilter])
        assert own.filter_backends == [filters.SearchFilter]

    def test_what_is_hidden_cannot_be_sorted_by(self) -> None:
        built = build(model=Product, fields=["name", "stock"], exclude_from_row=["stock"])
        assert built.ordering_fields == ["id", "name"]
        chosen = build(model=Product, fields=["name"], ordering_fields=["stock"])
        assert chosen.ordering_fields == ["stock"]


class TestPages:
    def test_of_a_size(self) -> None:
        paginator = build(model=Product, fields=["name"], paginate_by=7).pagination_class
        assert (paginator.page_size, paginator.max_page_size) == (7, 100)
        assert paginator.page_size_query_param == "page_size"

    def test_of_the_projects_default(self) -> None:
        paginator = build(model=Product, fields=["name"], max_page_size=20).pagination_class
        assert (paginator.page_size, paginator.max_page_size) == (10, 20)

    def test_none_where_the_project_has_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(generics.GenericAPIView, "pagination_class", None)
        assert build(model=Product, fields=["name"]).pagination_class is None
        sized = build(model=Product, fields=["name"], paginate_by=3).pagination_class
        assert issubclass(sized, pagination.PageNumberPagination)

    def test_of_a_class(self) -> None:
        cursor = type("C", (pagination.CursorPagination,), {"page_size": 3, "ordering": "id"})
        assert (
            build(model=Product, fields=["name"], pagination_class=cursor).pagination_class
            is cursor
        )


class TestExisting:
    def test_it_is_used_as_it_is(self) -> None:
        assert build(viewset=ProductViewSet) is ProductViewSet

    @pytest.mark.parametrize("viewset", [3, Product, generics.ListAPIView])
    def test_what_is_no_viewset(self, viewset: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"S\.viewset"):
            build(viewset=viewset)

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("search_fields", ["name"]),
            ("filter_backends", [filters.SearchFilter]),
            ("pagination_class", pagination.PageNumberPagination),
            ("model", Product),
            ("fields", ["name"]),
            ("lookup_field", "name"),
        ],
    )
    def test_what_it_decides_by_itself(self, option: str, value: Any) -> None:
        with pytest.raises(
            ConfigurationError, match=f"ProductViewSet, which decides on '{option}'"
        ):
            build(viewset=ProductViewSet, **{option: value})


class ByAction(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()

    def get_serializer_class(self) -> Any:
        return Short if self.action == "list" else ProductSerializer


class ByUser(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()

    def get_serializer_class(self) -> Any:
        return Short if self.request.user.is_staff else ProductSerializer


class Short(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name"]


class TestDescribing:
    def describe(self, viewset: Any, action: str, **options: Any) -> Any:
        return describe_serializer("S", Options(viewset=viewset, **options), viewset, action)

    def test_by_the_attribute(self) -> None:
        assert type(self.describe(ProductViewSet, "list")) is ProductSerializer

    def test_by_the_action(self) -> None:
        assert type(self.describe(ByAction, "list")) is Short
        assert type(self.describe(ByAction, "create")) is ProductSerializer

    def test_by_the_option_where_the_request_decides(self) -> None:
        with pytest.raises(
            ConfigurationError, match="ByUser chooses its serializer by the request"
        ):
            self.describe(ByUser, "list")
        assert type(self.describe(ByUser, "list", serializer_class=Short)) is Short


class TestModels:
    def test_of_a_queryset_or_a_serializer(self) -> None:
        assert viewset_model(ProductViewSet) is Product
        assert viewset_model(type("V", (), {"serializer_class": Short})) is Product
        assert viewset_model(type("V", (), {})) is None

    def test_a_serializer_without_one(self) -> None:
        plain = type("Plain", (serializers.Serializer,), {})
        with pytest.raises(ConfigurationError, match="has no model"):
            build(serializer_class=plain)
        assert viewset_model(build(serializer_class=plain, model=Category)) is Category


class TestScopes:
    def test_the_only_key_to_the_user(self) -> None:
        assert scope_field("S", Task, None).name == "owner"

    @pytest.mark.parametrize("name", ["owner", "owner_id"])
    def test_by_name(self, name: str) -> None:
        assert isinstance(scope_field("S", Task, name), models.ForeignKey)

    @pytest.mark.parametrize(("model", "name"), [(Order, None), (Task, "nobody"), (Task, "title")])
    def test_none_to_be_found(self, model: Any, name: str | None) -> None:
        with pytest.raises(ConfigurationError, match="scope_field"):
            scope_field("S", model, name)
