"""Sites over routers: which viewsets get pages, under which names, and who may open them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.urls import include, path
from reflex_base.registry import RegistrationContext
from rest_framework import mixins, permissions, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.routers import DefaultRouter
from rest_framework_nested.routers import NestedSimpleRouter

from reflex_drf import ui
from reflex_drf.backends.http import HttpBackend
from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin
from reflex_drf.site import SiteState
from reflex_drf.site.registry import forget_entries, shown_entries
from reflex_drf.state import AppState, ModelState
from reflex_drf.testing import Tab
from tests.shop.models import Product
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TaskViewSet
from tests.test_ui import rendered

NUMBERS = itertools.count()


class ClashingSerializer(serializers.ModelSerializer[Product]):
    search = serializers.CharField(source="name")
    error = serializers.CharField(source="sku")

    class Meta:
        model = Product
        fields = ["id", "search", "error", "price"]


class ClashingViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ClashingSerializer

    @action(detail=False, methods=["post"])
    def load(self, request: Any) -> None: ...


class StaffViewSet(CategoryViewSet):
    permission_classes = [permissions.IsAdminUser]


class BrokenPermission(permissions.BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:
        raise RuntimeError("broken")


class BrokenViewSet(CategoryViewSet):
    permission_classes = [BrokenPermission]


class ReadingViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ClashingSerializer


class NothingViewSet(viewsets.GenericViewSet[Product]):
    queryset = Product.objects.all()


class DeletingViewSet(CategoryViewSet):
    http_method_names = ["delete"]


class SingleViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ClashingSerializer
    lookup_field = "sku"


class AddingViewSet(mixins.CreateModelMixin, viewsets.GenericViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ClashingSerializer
    permission_classes = [permissions.IsAuthenticated]


class UnknownSerializerViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()

    def get_serializer_class(self) -> Any:
        return self.request.unknown


class TicketViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ClashingSerializer


class OwnState(ModelState):
    viewset = CategoryViewSet


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    forget_entries()
    yield
    forget_entries()


def router_of(**registered: Any) -> DefaultRouter:
    router = DefaultRouter()
    for prefix, viewset in registered.items():
        router.register(prefix.replace("_", "-"), viewset, basename=prefix)
    return router


def site_of(router: Any, **options: Any) -> ui.Site:
    """A site whose states no other test has."""
    return ui.Site(router, path=f"/site{next(NUMBERS)}", **options)


@pytest.fixture
def app() -> Iterator[rx.App]:
    # Only one app fits into a context.
    token = RegistrationContext.set(RegistrationContext.ensure_context().fork())
    yield rx.App(enable_state=False)
    RegistrationContext.reset(token)


def routes(site: ui.Site, app: rx.App) -> list[str]:
    site.add_to(app)
    return [f"/{route}".removeprefix(site.path) for route in app._unevaluated_pages]


class TestPages:
    def test_each_viewset_has_those_that_it_has_actions_for(self, app: rx.App) -> None:
        site = site_of(router_of(products=ProductViewSet, read_only=ReadingViewSet))
        key = "[row_key]"
        assert routes(site, app) == [
            "",
            "/products",
            f"/products/{key}",
            "/products/new",
            f"/products/{key}/copy",
            f"/products/{key}/edit",
            "/read-only",
            f"/read-only/{key}",
        ]

    def test_every_page_can_be_made(self, app: rx.App) -> None:
        site = site_of([router_of(products=ProductViewSet), router_of(orders=OrderViewSet)])
        site.add_to(app)
        for page in app._unevaluated_pages.values():
            assert "Skip to the content" in rendered(page.component())

    def test_what_could_not_be_read_into_a_form_is_tried_again(self, app: rx.App) -> None:
        site = site_of(router_of(products=ProductViewSet))
        site.add_to(app)
        pages = site._built[0].pages
        # Not the list, whose success would leave an empty page.
        assert ".load_edit" in rendered(pages.edit())
        assert ".load_clone" in rendered(pages.copy())

    def test_states_are_live_where_the_model_is_known(self) -> None:
        site = site_of(
            router_of(products=ProductViewSet, tasks=TaskViewSet),
            sections={"tasks": ui.Section(live=False)},
        )
        assert issubclass(site.states["products"], LiveListMixin)
        assert not issubclass(site.states["tasks"], LiveListMixin)

    def test_names_that_are_taken_are_replaced(self) -> None:
        state = site_of(router_of(things=ClashingViewSet)).states["things"]
        assert {"set_search_field", "set_error_field", "set_price"} <= set(state.event_handlers)
        assert "run_load" in state.event_handlers

    def test_a_state_of_ones_own_is_used(self) -> None:
        site = site_of(
            router_of(categories=CategoryViewSet),
            sections={"categories": ui.Section(state=OwnState)},
        )
        assert site.states["categories"] is OwnState

    def test_order_and_labels(self) -> None:
        site = site_of(
            router_of(products=ProductViewSet, orders=OrderViewSet, tasks=TaskViewSet),
            order=["tasks", "orders"],
            sections={"tasks": ui.Section(label="To do")},
        )
        assert list(site.states) == ["tasks", "orders", "products"]
        assert "To do" in rendered(next(iter(site._built)).pages.listing())


class TestLeftOut:
    def test_what_is_not_wanted(self) -> None:
        site = site_of(
            router_of(products=ProductViewSet, tasks=TaskViewSet), sections={"tasks": None}
        )
        assert site.left_out == {"tasks": "It was left out on purpose."}

    @pytest.mark.parametrize("viewset", [NothingViewSet, DeletingViewSet])
    def test_what_does_nothing(self, viewset: Any) -> None:
        site = site_of(router_of(products=ProductViewSet, nothing=viewset))
        assert "neither lists, shows nor creates" in site.left_out["nothing"]

    def test_what_no_state_can_be_made_of(self) -> None:
        site = site_of(router_of(products=ProductViewSet, unknown=UnknownSerializerViewSet))
        assert "serializer_class" in site.left_out["unknown"]

    def test_what_stands_below_something_else(self) -> None:
        above = router_of(orders=OrderViewSet, products=ProductViewSet)
        nested = NestedSimpleRouter(above, "orders", lookup="order")
        nested.register("tickets", TicketViewSet, basename="order-tickets")
        urls = type(
            "Urls", (), {"urlpatterns": [path("", include(r.urls)) for r in (above, nested)]}
        )
        with override_settings(ROOT_URLCONF=urls):
            site = site_of([above, nested])
        assert "Its URLs need order_pk besides the key of a row" in site.left_out["tickets"]
        assert set(site.states) == {"orders", "products"}

    def test_a_site_with_nothing_to_show_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match=r"nothing to show.*left out on purpose"):
            site_of(router_of(tasks=TaskViewSet), sections={"tasks": None})

    @pytest.mark.parametrize("options", [{"order": ["taks"]}, {"sections": {"taks": None}}])
    def test_a_name_that_is_not_registered_is_an_error(self, options: Any) -> None:
        with pytest.raises(ConfigurationError, match="'taks', which its router has not registered"):
            site_of(router_of(tasks=TaskViewSet), **options)

    @pytest.mark.parametrize("router", [Product, router_of, [CategoryViewSet]])
    def test_what_is_no_router_is_an_error(self, router: Any) -> None:
        with pytest.raises(ConfigurationError, match="made of a router"):
            site_of(router)

    @pytest.mark.parametrize(
        ("section", "said"),
        [
            ({"label": "To do"}, "'tasks' of a site is .* a `ui.Section`"),
            (ui.Section(options={"paginate": 5}), "option 'paginate'; did you mean 'paginate_by'"),
            (ui.Section(options={"bulk_limit": 0}), "bulk_limit is 0"),
            (ui.Section(state=AppState), "'AppState' is not a concrete ModelState"),
            (ui.Section(state=OwnState, options={"bulk_limit": 5}), "its `options` count for noth"),
        ],
    )
    def test_a_mistake_in_a_section_is_an_error(self, section: Any, said: str) -> None:
        # Nobody looks for the reason in a log why a section that was written is not there.
        with pytest.raises(ConfigurationError, match=said):
            site_of(
                router_of(tasks=TaskViewSet, products=ProductViewSet), sections={"tasks": section}
            )

    @pytest.mark.parametrize("wrong", ["office", "/office/[key]"])
    def test_a_path_that_is_none_is_an_error(self, wrong: str) -> None:
        with pytest.raises(ConfigurationError, match="has to begin with a slash"):
            ui.Site(router_of(tasks=TaskViewSet), path=wrong)


class TestForms:
    def test_an_old_row_is_locked_by_its_own_rights_and_a_new_one_by_its_section(
        self, app: rx.App
    ) -> None:
        site = site_of(router_of(products=ProductViewSet))
        site.add_to(app)
        pages = {
            route.removeprefix(f"{site.path}/products/"[1:]): rendered(page.component())
            for route, page in app._unevaluated_pages.items()
        }
        for route in ("new", "[row_key]/copy"):
            assert "You may not add any products." in pages[route]
            assert "addable" in pages[route]
        assert "row_may" in pages["[row_key]/edit"]
        assert "You may not change this." in pages["[row_key]/edit"]


@pytest.mark.django_db(transaction=True)
class TestMenu:
    async def test_it_is_asked_of_the_viewsets_own_permissions(self) -> None:
        site = site_of(router_of(products=ProductViewSet, staff=StaffViewSet, tasks=TaskViewSet))
        user = await get_user_model().objects.acreate_user("plain")
        admin = await get_user_model().objects.acreate_superuser("admin")
        seen = []
        for who in (None, user, admin):
            async with Tab(user=who) as tab:
                await tab.send(SiteState.look_around)
                offered = tab.get(SiteState, "offered")
                seen.append(
                    {name.removeprefix(f"{site.path}/") for name in offered if offered[name]}
                )
        assert seen == [{"products"}, {"products", "tasks"}, {"products", "staff", "tasks"}]

    async def test_a_class_that_fails_costs_nobody_the_menu(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        site_of(router_of(broken=BrokenViewSet, products=ProductViewSet))
        async with Tab() as tab:
            await tab.send(SiteState.look_around)
            assert list(tab.get(SiteState, "offered").values()) == [True, True]
        assert "BrokenViewSet: its permissions failed" in caplog.text

    async def test_what_only_makes_rows_is_there_for_those_who_have_a_session(self) -> None:
        site_of(router_of(adding=AddingViewSet))
        admin = await get_user_model().objects.acreate_superuser("admin")
        async with Tab(user=admin) as tab:
            await tab.send(SiteState.look_around)
            assert list(tab.get(SiteState, "offered").values()) == [True]

    async def test_what_only_shows_single_rows_costs_nobody_the_menu(self) -> None:
        router = router_of(single=SingleViewSet, products=ProductViewSet)
        with override_settings(ROOT_URLCONF=type("Urls", (), {"urlpatterns": router.urls})):
            site_of(router)
            async with Tab() as tab:
                await tab.send(SiteState.look_around)
                assert list(tab.get(SiteState, "offered").values()) == [True, True]

    async def test_it_is_known_where_rows_may_be_added(self) -> None:
        site = site_of(router_of(products=ProductViewSet, staff=StaffViewSet, read=ReadingViewSet))
        admin = await get_user_model().objects.acreate_superuser("admin")
        seen = []
        for who in (None, admin):
            async with Tab(user=who) as tab:
                assert tab.get(SiteState, "addable") == {}
                await tab.send(SiteState.look_around)
                addable = tab.get(SiteState, "addable").items()
                seen.append({name.removeprefix(f"{site.path}/"): may for name, may in addable})
        assert seen == [{"products": False, "staff": False}, {"products": True, "staff": True}]

    def test_nobody_is_asked_about_an_api_elsewhere(self) -> None:
        remote = ui.Section(options={"backend_class": HttpBackend("http://localhost:9")})
        site_of(router_of(products=ProductViewSet), sections={"products": remote})
        assert [shown.adds for shown in shown_entries()] == [False]

    async def test_signing_out_ends_the_session(self) -> None:
        user = await get_user_model().objects.acreate_user("leaving")
        async with Tab(user=user) as tab:
            await tab.send(SiteState.sign_out)
            await tab.reconnect()
            assert tab.get(SiteState, "is_authenticated") is False

    def test_sections_are_known_by_their_address(self) -> None:
        site = site_of(router_of(products=ProductViewSet))
        assert [shown.name for shown in shown_entries()] == [f"{site.path}/products"]
