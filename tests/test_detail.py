"""One row in full, and what a page can make of a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from rest_framework import serializers, status, viewsets
from rest_framework.exceptions import APIException, Throttled
from rest_framework.permissions import AllowAny, IsAdminUser

from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from reflex_drf.testing import Tab
from tests.living import QUICK, until
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()


class FullSerializer(serializers.ModelSerializer[Product]):
    price_words = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = ["id", "name", "price", "price_words"]

    def get_price_words(self, product: Product) -> str:
        return f"costs {product.price}"


class FullViewSet(ProductViewSet):
    def get_serializer_class(self) -> Any:
        return FullSerializer if self.action == "retrieve" else super().get_serializer_class()


class StaffViewSet(ProductViewSet):
    permission_classes = [IsAdminUser]


class BusyViewSet(ProductViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise Throttled(wait=41)


class Conflicting(APIException):
    status_code = status.HTTP_409_CONFLICT


class ConflictingViewSet(ProductViewSet):
    def list(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        raise Conflicting


class BreakingViewSet(ProductViewSet):
    broken = True

    def get_queryset(self) -> Any:
        if type(self).broken:
            raise RuntimeError("The disk is gone.")
        return super().get_queryset()


class BreakingState(ModelState):
    viewset = BreakingViewSet


class DetailState(ModelState):
    viewset = FullViewSet


class PlainDetailState(ModelState):
    viewset = ProductViewSet


class LiveDetailState(LiveListMixin, ModelState):
    viewset = FullViewSet


class StaffDetailState(ModelState):
    viewset = StaffViewSet


class BusyDetailState(ModelState):
    viewset = BusyViewSet


class ConflictingState(ModelState):
    viewset = ConflictingViewSet


class NoDetailViewSet(viewsets.GenericViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = FullSerializer


class NoDetailState(ModelState):
    viewset = NoDetailViewSet


@pytest.fixture
def chair(transactional_db: None) -> Product:
    return Product.objects.create(name="Chair", sku="c", price="3.50", stock=1)


class TestDetail:
    async def test_a_row_is_shown_as_the_viewset_retrieves_it(self, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(DetailState.open_row(chair.pk))
            assert tab.get(DetailState, "detail_row")["price_words"] == "costs 3.50"
            assert tab.get(DetailState, "detail_key") == str(chair.pk)
            assert tab.get(DetailState, "may")["retrieve"] is True

    async def test_its_page_names_it(self, chair: Product) -> None:
        async with Tab(path=f"/products/?row_key={chair.pk}") as tab:
            await tab.send(DetailState.load_detail)
            assert tab.get(DetailState, "detail_row")["name"] == "Chair"
            tab.path = "/products/"
            await tab.send(DetailState.load_detail)
            assert tab.get(DetailState, "detail_row") == {}
            assert tab.get(DetailState, "error") == "Not found."

    @pytest.mark.parametrize("key", ["0", "none", "../admin", "1/restock", " "])
    async def test_a_key_of_no_row_shows_none(self, chair: Product, key: str) -> None:
        async with Tab() as tab:
            await tab.send(DetailState.open_row(chair.pk))
            await tab.send(DetailState.open_row(key))
            assert tab.get(DetailState, "detail_row") == {}
            assert tab.get(DetailState, "refusal") == "missing"

    @pytest.mark.parametrize("key", [None, "", True, {"a": 1}, ["1"], 1.5])
    async def test_what_is_no_key_changes_nothing(self, chair: Product, key: Any) -> None:
        async with Tab() as tab:
            await tab.send(DetailState.open_row(chair.pk))
            name = f"{DetailState.get_full_name()}.open_row"
            await tab.send_name(name, {"pk": key}, raises=False)
            assert tab.get(DetailState, "detail_row")["name"] == "Chair"

    async def test_an_action_and_a_save_show_what_became_of_it(self, chair: Product) -> None:
        owner = await sync_to_async(User.objects.create_superuser)("owner")
        async with Tab(user=owner) as tab:
            await tab.send(PlainDetailState.open_row(chair.pk))
            await tab.send(PlainDetailState.start_edit(chair.pk))
            await tab.send(PlainDetailState.save({"name": "Stool"}))
            assert tab.get(PlainDetailState, "field_errors") == {}
            assert tab.get(PlainDetailState, "detail_row")["name"] == "Stool"
            await tab.send(PlainDetailState.restock(chair.pk, {"amount": 5}))
            assert tab.get(PlainDetailState, "detail_row")["stock"] == 6

    async def test_it_can_be_closed(self, chair: Product, caplog: pytest.LogCaptureFixture) -> None:
        async with Tab() as tab:
            await tab.send(DetailState.open_row(chair.pk))
            await tab.send(DetailState.close_row)
            assert tab.get(DetailState, "detail_row") == {}
            assert tab.get(DetailState, "detail_key") == ""
        # Reflex complains of values that are not of their var's type.
        assert caplog.text == ""

    def test_a_viewset_without_retrieve_has_none(self) -> None:
        assert "open_row" not in NoDetailState.event_handlers
        assert "detail_row" not in NoDetailState.get_fields()

    async def test_a_live_one_follows_what_is_written(self, chair: Product, settings: Any) -> None:
        settings.REFLEX_DRF = {**getattr(settings, "REFLEX_DRF", {}), **QUICK}
        async with Tab() as tab:
            await tab.send(LiveDetailState.open_row(chair.pk))
            await tab.send(LiveDetailState.live_subscribe)
            chair.name = "Throne"
            await chair.asave()
            await until(tab, lambda: tab.get(LiveDetailState, "detail_row").get("name") == "Throne")
            await chair.adelete()
            await until(tab, lambda: tab.get(LiveDetailState, "detail_row") == {})
            assert tab.get(LiveDetailState, "refusal") == "missing"


class BySkuSerializer(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["sku", "name", "price"]


class BySkuViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = BySkuSerializer
    permission_classes = [AllowAny]
    lookup_field = "sku"


class BySkuState(ModelState):
    viewset = BySkuViewSet


class LiveBySkuState(LiveListMixin, ModelState):
    viewset = BySkuViewSet


@pytest.mark.parametrize("state", [BySkuState, LiveBySkuState])
class TestWritingBesideAnOpenRow:
    async def test_it_follows_its_row_to_another_key(self, state: Any, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(state.open_row("c"))
            await tab.send(state.start_edit("c"))
            await tab.send(state.save({"sku": "chair"}))
            assert (tab.get(state, "error"), tab.get(state, "detail_key")) == ("", "chair")
            assert tab.get(state, "detail_row")["sku"] == "chair"
            await tab.send(state.edit_cell("chair", "sku", "seat"))
            assert (tab.get(state, "error"), tab.get(state, "detail_key")) == ("", "seat")
            assert tab.get(state, "detail_row")["sku"] == "seat"

    async def test_it_shows_what_cells_and_many_rows_became(
        self, state: Any, chair: Product
    ) -> None:
        async with Tab() as tab:
            await tab.send(state.open_row("c"))
            await tab.send(state.edit_cell("c", "name", "Stool"))
            assert tab.get(state, "detail_row")["name"] == "Stool"
            await tab.send(state.bulk("partial_update", ["c"], {"name": "Throne"}))
            assert tab.get(state, "detail_row")["name"] == "Throne"

    @pytest.mark.parametrize("way", ["delete", "bulk", "another"])
    async def test_a_row_that_is_gone_is_closed_and_refuses_nothing(
        self, state: Any, way: str, chair: Product
    ) -> None:
        await Product.objects.acreate(name="Table", sku="t", price=9)
        events = {"delete": state.delete("c"), "bulk": state.bulk("destroy", ["c"])}
        async with Tab() as tab:
            await tab.send(state.open_row("c"))
            if way in events:
                await tab.send(events[way])
                assert tab.get(state, "detail_row") == {}
            else:
                await chair.adelete()
            await tab.send(state.start_edit("t"))
            await tab.send(state.save({"name": "Desk"}))
            assert (tab.get(state, "error"), tab.get(state, "refusal")) == ("", "")
            assert (tab.get(state, "detail_row"), tab.get(state, "detail_key")) == ({}, "")


class TestRefusal:
    async def test_a_visitor_is_told_to_sign_in(self, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(StaffDetailState.load)
            assert tab.get(StaffDetailState, "refusal") == "signed_out"

    async def test_a_user_without_the_right_is_not(self, chair: Product) -> None:
        user = await User.objects.acreate_user("plain")
        async with Tab(user=user) as tab:
            await tab.send(StaffDetailState.load)
            assert tab.get(StaffDetailState, "refusal") == "forbidden"

    async def test_the_wait_of_a_throttle_is_known(self, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(BusyDetailState.load)
            assert tab.get(BusyDetailState, "refusal") == "throttled"
            assert tab.get(BusyDetailState, "retry_after") == 41

    async def test_a_conflict_is_one(self, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(ConflictingState.load)
            assert tab.get(ConflictingState, "refusal") == "conflict"

    async def test_the_next_call_that_succeeds_ends_it(self, chair: Product) -> None:
        async with Tab() as tab:
            await tab.send(DetailState.open_row("0"))
            assert tab.get(DetailState, "refusal") == "missing"
            await tab.send(DetailState.load)
            assert tab.get(DetailState, "refusal") == ""
            assert tab.get(DetailState, "retry_after") == 0

    async def test_a_first_reading_that_breaks_off_is_not_waited_for(
        self, chair: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Tab() as tab:
            for event in (
                BreakingState.load,
                BreakingState.open_row(chair.pk),
                BreakingState.start_edit(chair.pk),
                BreakingState.start_clone(chair.pk),
            ):
                (error,) = await tab.send(event, raises=False)
                assert str(error) == "The disk is gone."
                # The browser hears of it at once, and nothing of the reason.
                assert tab.seen(BreakingState, "loading") is False
                assert tab.seen(BreakingState, "refusal") == "unavailable"
                assert tab.seen(BreakingState, "error") == "The server could not do this (500)."
            monkeypatch.setattr(BreakingViewSet, "broken", False)
            await tab.send(BreakingState.load)
            assert tab.seen(BreakingState, "error") == tab.seen(BreakingState, "refusal") == ""
            assert tab.seen(BreakingState, "data")[0]["name"] == "Chair"

    async def test_a_list_that_is_there_stays_when_another_reading_breaks_off(
        self, chair: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Tab() as tab:
            monkeypatch.setattr(BreakingViewSet, "broken", False)
            await tab.send(BreakingState.load)
            monkeypatch.setattr(BreakingViewSet, "broken", True)
            assert len(await tab.send(BreakingState.load, raises=False)) == 1
            assert tab.seen(BreakingState, "data")[0]["name"] == "Chair"
            assert tab.seen(BreakingState, "error") == ""
