"""States over a viewset, driven as a browser tab drives them."""

from __future__ import annotations

from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.test import override_settings
from django.urls import path
from reflex.utils.exceptions import StateValueError
from rest_framework import filters, pagination, permissions, serializers, throttling, viewsets
from rest_framework.authentication import TokenAuthentication

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import InProcessBackend
from reflex_drf.errors import ConfigurationError
from reflex_drf.state.model import ModelCRUDView, ModelListView, ModelState, UserScopedMixin
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.shop.models import Category, Product, Task
from tests.shop.serializers import TaskSerializer
from tests.shop.views import OrderViewSet, ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


@sync_to_async
def a_user(name: str = "alice", *codenames: str, **fields: Any) -> Any:
    user = get_user_model().objects.create_user(name, password="secret", **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


async def an_editor() -> Any:
    return await a_user("editor", "add_product", "change_product", "delete_product")


@sync_to_async
def some_products(count: int) -> list[Product]:
    return [
        Product.objects.create(name=f"P{n:02}", sku=f"s{n}", price="1.10", stock=n)
        for n in range(count)
    ]


def names(tab: Tab, state: Any, var: str = "data", key: str = "name") -> list[str]:
    return [row[key] for row in tab.get(state, var)]


class ProductState(ModelState):
    viewset = ProductViewSet


class TaskState(ModelState):
    viewset = TaskViewSet


class CategoryState(ModelState):
    model = Category
    fields = ["name"]

    class Meta:
        list_var = "categories"


class StaffState(ModelState):
    model = Category
    fields = ["name"]
    permission_classes = [permissions.IsAdminUser]


class TestReading:
    async def test_loads_the_list_of_the_viewset(self) -> None:
        await some_products(2)
        async with Tab() as tab:
            assert tab.get(ProductState, "loading") is True
            await tab.send(ProductState.load)
            assert names(tab, ProductState) == ["P00", "P01"]
            assert tab.get(ProductState, "total_count") == 2
            assert tab.get(ProductState, "loading") is False
            assert tab.seen(ProductState, "data")[0]["price"] == "1.10"

    async def test_goes_through_pages_and_stops_at_the_ends(self) -> None:
        await some_products(23)
        async with Tab() as tab:
            await tab.send(ProductState.load)
            assert tab.get(ProductState, "page_count") == 3
            assert tab.get(ProductState, "page_size") == 10
            assert (tab.get(ProductState, "has_next"), tab.get(ProductState, "has_previous")) == (
                True,
                False,
            )
            await tab.send(ProductState.next_page)
            assert tab.get(ProductState, "page") == 2
            assert names(tab, ProductState)[0] == "P10"
            await tab.send(ProductState.go_to_page(3))
            assert names(tab, ProductState) == ["P20", "P21", "P22"]
            await tab.send(ProductState.next_page)
            assert tab.get(ProductState, "page") == 3
            await tab.send(ProductState.prev_page)
            assert tab.get(ProductState, "page") == 2
            await tab.send(ProductState.prev_page)
            assert names(tab, ProductState)[0] == "P00"
            assert tab.get(ProductState, "has_previous") is False
            await tab.send(ProductState.prev_page)
            assert tab.get(ProductState, "page") == 1

    async def test_searches_sorts_and_filters_from_the_first_page_on(self) -> None:
        await some_products(23)
        await Product.objects.filter(sku="s5").aupdate(active=False)
        async with Tab() as tab:
            await tab.send(ProductState.go_to_page(2))
            await tab.send(ProductState.set_ordering("-stock"))
            assert (tab.get(ProductState, "page"), names(tab, ProductState)[0]) == (1, "P22")
            await tab.send(ProductState.set_search("P0"))
            assert names(tab, ProductState)[0] == "P09"
            await tab.send(ProductState.filter({"active": False}))
            assert names(tab, ProductState) == ["P05"]
            assert tab.get(ProductState, "filters") == {"active": "false"}
            await tab.send(ProductState.filter({"active": ""}))
            assert tab.get(ProductState, "total_count") == 10
            await tab.send(ProductState.clear_filter)
            assert tab.get(ProductState, "total_count") == 23
            assert tab.get(ProductState, "ordering") == "-stock"

    async def test_a_page_that_is_gone_gives_the_last_one(self) -> None:
        rows = await some_products(11)
        editor = await an_editor()
        async with Tab(user=editor) as tab:
            await tab.send(ProductState.go_to_page(2))
            await tab.send(ProductState.delete(rows[10].pk))
            assert (tab.get(ProductState, "page"), tab.get(ProductState, "error")) == (1, "")
            assert len(names(tab, ProductState)) == 10
            await tab.send(ProductState.go_to_page(77))
            assert tab.get(ProductState, "page") == 1

    async def test_list_parameters_do_not_hide_the_row_that_is_edited(self) -> None:
        rows = await some_products(2)
        async with Tab(user=await an_editor()) as tab:
            await tab.send(ProductState.set_search("P00"))
            await tab.send(ProductState.start_edit(rows[1].pk))
            assert tab.get(ProductState, "name") == "P01"

    async def test_an_action_runs_with_its_own_permission_and_refreshes(self) -> None:
        (row,) = await some_products(1)
        async with Tab(user=await a_user()) as tab:
            await tab.send(ProductState.discontinue(row.pk))
            assert "permission" in tab.get(ProductState, "error")
            await tab.send(ProductState.restock(row.pk, {"amount": 5}))
            assert tab.get(ProductState, "error") == ""
            assert tab.get(ProductState, "data")[0]["stock"] == 5
            await tab.send(ProductState.summary)
            assert tab.get(ProductState, "action_data")["summary"] == {"products": 1}

    async def test_a_denied_list_shows_nothing_of_what_was_shown_before(self) -> None:
        user = await a_user(is_staff=True)
        await Category.objects.acreate(name="Secret")
        async with Tab(user=user) as tab:
            await tab.send(StaffState.load)
            assert names(tab, StaffState) == ["Secret"]
            user.is_staff = False
            await user.asave()
            await tab.send(StaffState.refresh)
            assert tab.seen(StaffState, "data") == []
            assert tab.seen(StaffState, "total_count") == 0
            assert "permission" in tab.seen(StaffState, "error")

    async def test_nothing_is_sent_to_a_tab_that_is_no_longer_the_users(self) -> None:
        user = await a_user()
        await Task.objects.acreate(owner=user, title="Mine")
        async with Tab(user=user) as tab:
            await tab.send(TaskState.load)
            tab.clear()
            await sync_to_async(user.delete)()
            await tab.send(TaskState.refresh)
            assert tab.deltas == []
            assert "removeItem" in str(tab.events)


class TestWriting:
    async def test_creates_edits_and_deletes_a_row(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(TaskState.set_title("First"))
            await tab.send(TaskState.save)
            assert tab.get(TaskState, "error") == ""
            assert names(tab, TaskState, key="title") == ["First"]
            assert tab.get(TaskState, "title") == ""
            key = tab.get(TaskState, "data")[0]["id"]
            await tab.send(TaskState.start_edit(key))
            assert tab.get(TaskState, "editing_id") == key
            await tab.send(TaskState.set_title("Second"))
            await tab.send(TaskState.save)
            assert names(tab, TaskState, key="title") == ["Second"]
            assert tab.get(TaskState, "editing_id") is None
            await tab.send(TaskState.delete(key))
            assert tab.get(TaskState, "data") == []
        assert not await Task.objects.aexists()

    async def test_a_refused_save_keeps_the_form_and_the_rows(self) -> None:
        await some_products(1)
        async with Tab(user=await an_editor()) as tab:
            await tab.send(ProductState.load)
            key = tab.get(ProductState, "form_reset_key")
            await tab.send(ProductState.set_name("New"))
            await tab.send(ProductState.set_sku("s0"))
            await tab.send(ProductState.set_price("abc"))
            await tab.send(ProductState.save)
            assert set(tab.get(ProductState, "field_errors")) == {"sku", "price"}
            assert tab.get(ProductState, "name") == "New"
            assert tab.get(ProductState, "form_reset_key") == key
            assert names(tab, ProductState) == ["P00"]
            await tab.send(ProductState.set_price("2.50"))
            assert set(tab.get(ProductState, "field_errors")) == {"sku"}
            await tab.send(ProductState.set_sku("s1"))
            await tab.send(ProductState.save)
            assert names(tab, ProductState) == ["P00", "New"]
            assert tab.get(ProductState, "field_errors") == {}
            assert tab.get(ProductState, "form_reset_key") == key + 1
        assert (await Product.objects.aget(sku="s1")).active

    async def test_a_late_failure_is_rolled_back_where_the_project_asks_for_it(self) -> None:
        async with Tab(user=await an_editor()) as tab:
            await tab.send(ProductState.save({"name": "late failure", "sku": "x", "price": "1"}))
            assert tab.get(ProductState, "field_errors") == {"name": "Refused after the save."}

    async def test_save_takes_a_submitted_form(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(TaskState.save({"title": "From a form", "done": "on", "owner": "7"}))
            assert tab.get(TaskState, "data")[0]["title"] == "From a form"
            assert tab.get(TaskState, "data")[0]["done"] is True

    async def test_create_makes_a_new_row_even_while_one_is_edited(self) -> None:
        user = await a_user()
        task = await Task.objects.acreate(owner=user, title="Old")
        async with Tab(user=user) as tab:
            await tab.send(TaskState.load_row(task.pk))
            await tab.send(TaskState.create)
            assert names(tab, TaskState, key="title") == ["Old", "Old"]
            await tab.send(TaskState.set_title("Changed"))
            await tab.send(TaskState.update(task.pk))
        assert (await Task.objects.aget(pk=task.pk)).title == "Changed"

    async def test_cancel_empties_the_form(self) -> None:
        user = await a_user()
        task = await Task.objects.acreate(owner=user, title="Old", done=True)
        async with Tab(user=user) as tab:
            await tab.send(TaskState.start_edit(task.pk))
            assert (tab.get(TaskState, "title"), tab.get(TaskState, "done")) == ("Old", True)
            await tab.send(TaskState.cancel_edit)
            assert (tab.get(TaskState, "title"), tab.get(TaskState, "done")) == ("", False)
            assert tab.get(TaskState, "editing_id") is None

    async def test_deleting_the_row_that_is_edited_ends_the_editing(self) -> None:
        user = await a_user()
        task = await Task.objects.acreate(owner=user, title="Old")
        async with Tab(user=user) as tab:
            await tab.send(TaskState.start_edit(task.pk))
            await tab.send(TaskState.delete(task.pk))
            assert (tab.get(TaskState, "editing_id"), tab.get(TaskState, "title")) == (None, "")

    async def test_an_unknown_row_is_a_clear_error(self) -> None:
        async with Tab(user=await a_user()) as tab:
            for event in (TaskState.start_edit(99), TaskState.delete(99), TaskState.update(99)):
                await tab.send(event)
                assert "No Task matches" in tab.get(TaskState, "error")


class Numbered(pagination.PageNumberPagination):
    page_size = 3
    page_size_query_param = "size"
    max_page_size = 5


class Limited(pagination.LimitOffsetPagination):
    default_limit = 3
    max_limit = 5


class Cursors(pagination.CursorPagination):
    page_size = 3
    ordering = "id"


class NumberedViewSet(viewsets.ReadOnlyModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = ProductViewSet.serializer_class
    pagination_class = Numbered


class LimitedViewSet(NumberedViewSet):
    pagination_class = Limited  # type: ignore[assignment]


class CursorViewSet(NumberedViewSet):
    pagination_class = Cursors  # type: ignore[assignment]


class NumberedState(ModelState):
    viewset = NumberedViewSet


class LimitedState(ModelState):
    viewset = LimitedViewSet


class CursorState(ModelState):
    viewset = CursorViewSet


class TestPaginators:
    @pytest.mark.parametrize("state", [NumberedState, LimitedState])
    async def test_pages_have_numbers_and_a_size(self, state: Any) -> None:
        await some_products(8)
        async with Tab() as tab:
            await tab.send(state.load)
            assert (tab.get(state, "page_count"), tab.get(state, "page_size")) == (3, 3)
            await tab.send(state.next_page)
            assert names(tab, state) == ["P03", "P04", "P05"]
            await tab.send(state.set_page_size(5))
            assert (tab.get(state, "page"), len(names(tab, state))) == (1, 5)
            await tab.send(state.go_to_page(2))
            assert names(tab, state) == ["P05", "P06", "P07"]
            await tab.send(state.set_page_size(6))
            assert "size" in tab.get(state, "error")
            assert tab.get(state, "page_size") == 5
            await Product.objects.filter(sku__in=["s5", "s6", "s7"]).adelete()
            await tab.send(state.refresh)
            assert (tab.get(state, "page"), len(names(tab, state))) == (1, 5)

    async def test_the_state_says_the_size_to_begin_with(self) -> None:
        class FiveState(ModelState):
            viewset = NumberedViewSet
            paginate_by = 5

        await some_products(8)
        async with Tab() as tab:
            await tab.send(FiveState.load)
            assert len(names(tab, FiveState)) == 5
            await tab.send(FiveState.next_page)
            assert names(tab, FiveState) == ["P05", "P06", "P07"]

    async def test_a_cursor_goes_on_and_back(self) -> None:
        await some_products(7)
        async with Tab() as tab:
            await tab.send(CursorState.load)
            await tab.send(CursorState.next_page)
            assert names(tab, CursorState) == ["P03", "P04", "P05"]
            await tab.send(CursorState.refresh)
            assert names(tab, CursorState) == ["P03", "P04", "P05"]
            await tab.send(CursorState.next_page)
            assert names(tab, CursorState) == ["P06"]
            assert tab.get(CursorState, "has_next") is False
            await tab.send(CursorState.prev_page)
            assert names(tab, CursorState) == ["P03", "P04", "P05"]
            assert not hasattr(CursorState, "go_to_page")


class TestDeclaring:
    async def test_a_model_and_fields_are_enough(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(CategoryState.set_name("Toys"))
            await tab.send(CategoryState.save)
            assert names(tab, CategoryState, "categories") == ["Toys"]
            assert list(tab.get(CategoryState, "categories")[0]) == ["id", "name"]

    async def test_what_was_built_is_closed_for_visitors_writing(self) -> None:
        await Category.objects.acreate(name="Toys")
        async with Tab() as tab:
            await tab.send(CategoryState.load)
            assert names(tab, CategoryState, "categories") == ["Toys"]
            await tab.send(CategoryState.save({"name": "Books"}))
            assert tab.get(CategoryState, "error")
            await tab.send(CategoryState.delete(tab.get(CategoryState, "categories")[0]["id"]))
        assert [category.name async for category in Category.objects.all()] == ["Toys"]

    async def test_a_serializer_is_enough(self) -> None:
        class SerializedState(ModelState):
            serializer_class = TaskSerializer
            queryset_select_related = ("owner",)

        user = await a_user()
        await Task.objects.acreate(owner=user, title="Mine")
        async with Tab(user=user) as tab:
            await tab.send(SerializedState.load)
            assert names(tab, SerializedState, key="title") == ["Mine"]

    async def test_views_may_be_added_to_an_app_state(self) -> None:
        class ComposedState(AppState, ModelCRUDView):
            model = Category
            fields = ["name"]

        class ListedState(AppState, ModelListView):
            model = Category
            fields = ["name"]

        async with Tab(user=await a_user()) as tab:
            await tab.send(ComposedState.save({"name": "Toys"}))
            await tab.send(ListedState.load)
            assert names(tab, ListedState) == names(tab, ComposedState) == ["Toys"]
        assert not {"save", "create", "delete", "set_name"} & set(ListedState.event_handlers)
        assert "name" not in ListedState.base_vars

    def test_the_model_may_be_a_type_argument(self) -> None:
        class SubscriptedState(ModelState[Category]):
            fields = ["name"]

        assert "name" in SubscriptedState.base_vars

    def test_no_option_becomes_a_var(self) -> None:
        class OptionsState(ModelState):
            model = Product
            fields = ["name", "price"]
            paginate_by = 5
            search_fields = ["name"]
            incremental_updates = True
            permission_classes = [permissions.AllowAny]

        options = {"model", "fields", "paginate_by", "search_fields", "incremental_updates"}
        assert not (options | {"permission_classes"}) & set(OptionsState.vars)
        assert OptionsState.get_options is not None
        assert "set_search" in OptionsState.event_handlers

    def test_rows_are_typed(self) -> None:
        name = CategoryState.categories[0]["name"]
        assert name._var_type is str
        assert rx.foreach(CategoryState.categories, lambda row: rx.text(row["name"])) is not None
        with pytest.raises(Exception, match="nonsense"):
            rx.foreach(CategoryState.categories, lambda row: rx.text(row["nonsense"]))

    def test_handlers_fit_the_events_of_components(self) -> None:
        assert rx.button(on_click=ProductState.load) is not None
        assert rx.button(on_click=ProductState.save) is not None
        assert rx.button(on_click=ProductState.delete(1)) is not None
        assert rx.button(on_click=ProductState.restock(1)) is not None
        assert rx.button(on_click=ProductState.summary) is not None
        assert rx.form(on_submit=ProductState.save) is not None
        assert rx.input(on_change=ProductState.set_name) is not None
        assert rx.checkbox(on_change=ProductState.set_active) is not None
        assert rx.input(on_change=ProductState.set_search) is not None
        assert rx.upload(on_drop=ProductState.upload_photo(rx.upload_files("u"))) is not None
        row = ProductState.data
        assert (
            rx.foreach(row, lambda r: rx.button(on_click=ProductState.start_edit(r["id"])))
            is not None
        )

    async def test_a_click_is_not_taken_for_input(self) -> None:
        click = {"button": 0, "buttons": 1, "client_x": 3, "client_y": 4}
        (row,) = await some_products(1)
        async with Tab(user=await a_user()) as tab:
            await tab.send(TaskState.set_title("Typed"))
            await tab.send(TaskState.save(click))
            assert names(tab, TaskState, key="title") == ["Typed"]
            await tab.send(ProductState.restock(row.pk, click))
            assert tab.get(ProductState, "error") or tab.get(ProductState, "field_errors")


class BaseTaskState(ModelState):
    viewset = TaskViewSet
    list_var = "tasks"
    reset_after_save = False

    @rx.event
    async def save(self) -> Any:
        self.title = self.title.upper()
        return await super().save()


class SubTaskState(BaseTaskState):
    pass


class OtherTaskState(BaseTaskState):
    class Meta:
        list_var = "others"


class Above(ModelState):
    viewset = TaskViewSet
    counter: int = 0

    @rx.var
    def rows_shown(self) -> int:
        return len(self.data)

    @rx.event
    async def count_up(self) -> Any:
        self.counter += 1
        return await self.load()


class Below(Above):
    pass


class TestInheritance:
    async def test_options_and_overrides_hold_for_subclasses(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(SubTaskState.set_title("quiet"))
            await tab.send(SubTaskState.save)
            assert names(tab, SubTaskState, "tasks", "title") == ["QUIET"]
            # reset_after_save: the form stays on the row that it saved.
            assert tab.get(SubTaskState, "title") == "QUIET"
            await tab.send(SubTaskState.save)
            assert len(tab.get(SubTaskState, "tasks")) == 1

    async def test_each_class_has_vars_of_its_own(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(SubTaskState.set_title("sub"))
            await tab.send(SubTaskState.save)
            assert tab.get(BaseTaskState, "tasks") == []
            assert tab.get(BaseTaskState, "title") == ""
            assert tab.get(BaseTaskState, "editing_id") is None
            assert tab.get(SubTaskState, "editing_id") is not None

    async def test_what_its_author_wrote_is_a_subclass_own_as_well(self) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send(Below.save({"title": "one"}))
            await tab.send(Below.count_up)
            assert (tab.get(Below, "counter"), tab.get(Above, "counter")) == (1, 0)
            assert (tab.get(Below, "rows_shown"), tab.get(Above, "rows_shown")) == (1, 0)
            assert tab.seen(Below, "rows_shown") == 1
            await tab.send(Above.count_up)
            await tab.send(Above.count_up)
            assert (tab.get(Below, "counter"), tab.get(Above, "counter")) == (1, 2)
        assert "below" in str(Below.rows_shown)
        assert "below" in str(Below.counter)

    def test_names_may_change_below(self) -> None:
        assert "others" in OtherTaskState.base_vars
        assert "tasks" not in OtherTaskState.base_vars

    async def test_an_abstract_class_only_passes_its_options_on(self) -> None:
        class SmallPages(ModelState):
            class Meta:
                abstract = True
                paginate_by = 2

        class SmallState(SmallPages):
            model = Product
            fields = ["name"]

        await some_products(3)
        async with Tab() as tab:
            await tab.send(SmallState.load)
            assert len(tab.get(SmallState, "data")) == 2
            await tab.send(SmallState.set_page_size(50))
            assert len(tab.get(SmallState, "data")) == 3
            await tab.send(SmallState.set_page_size(101))
            assert "size" in tab.get(SmallState, "error")


class IncrementalState(ModelState):
    model = Category
    fields = ["name"]
    incremental_updates = True
    save_event = "save_category"
    delete_event = "delete_category"


async def test_own_writes_are_patched_in_and_handlers_renamed() -> None:
    rows = [await Category.objects.acreate(name=name) for name in ("A", "B")]
    async with Tab(user=await a_user()) as tab:
        await tab.send(IncrementalState.load)
        await Category.objects.acreate(name="Unseen")
        await tab.send(IncrementalState.start_edit(rows[0].pk))
        await tab.send(IncrementalState.set_name("AA"))
        await tab.send(IncrementalState.save_category)
        assert sorted(names(tab, IncrementalState)) == ["AA", "B"]
        await tab.send(IncrementalState.delete_category(rows[1].pk))
        assert names(tab, IncrementalState) == ["AA"]
        assert tab.get(IncrementalState, "total_count") == 1
        await tab.send(IncrementalState.refresh)
        assert len(names(tab, IncrementalState)) == 2
    assert "save" not in IncrementalState.event_handlers
    assert "delete" not in IncrementalState.event_handlers


class SortedIncrementalState(ModelState):
    model = Category
    fields = ["name"]
    ordering = ["name"]
    incremental_updates = True


class NarrowIncrementalState(ModelState):
    model = Category
    fields = ["name"]
    incremental_updates = True

    def get_queryset(self) -> QuerySet[Category]:
        return super().get_queryset().exclude(name="gone")


async def test_a_row_that_may_move_is_not_patched_in() -> None:
    rows = [await Category.objects.acreate(name=name) for name in ("A", "B", "C")]
    async with Tab(user=await a_user()) as tab:
        await tab.send(SortedIncrementalState.load)
        await tab.send(SortedIncrementalState.start_edit(rows[0].pk))
        await tab.send(SortedIncrementalState.save({"name": "Z"}))
        assert names(tab, SortedIncrementalState) == ["B", "C", "Z"]
        await tab.send(NarrowIncrementalState.load)
        await tab.send(NarrowIncrementalState.start_edit(rows[1].pk))
        await tab.send(NarrowIncrementalState.save({"name": "gone"}))
        assert sorted(names(tab, NarrowIncrementalState)) == ["C", "Z"]


async def test_hidden_fields_are_in_the_form_but_not_in_the_rows() -> None:
    class HidingState(ModelState):
        model = Product
        fields = ["name", "sku", "price", "stock"]
        exclude_from_row = ["stock"]
        read_only_fields = ["sku"]

    await some_products(2)
    async with Tab() as tab:
        await tab.send(HidingState.load)
        assert "stock" not in tab.get(HidingState, "data")[0]
        await tab.send(HidingState.set_ordering("stock"))
        # Sorting by what is not shown would tell it.
        assert tab.get(HidingState, "error")
    assert "stock" in HidingState.base_vars
    assert "sku" not in HidingState.base_vars


class MyTaskState(UserScopedMixin, ModelState):
    model = Task
    fields = ["title", "done"]


class PlainTaskSerializer(serializers.Serializer[Task]):
    """No model is known of it but by what it is used for."""

    id = serializers.IntegerField(read_only=True)
    title = serializers.CharField()

    def create(self, validated_data: dict[str, Any]) -> Task:
        return Task.objects.create(**validated_data)

    def update(self, instance: Task, validated_data: dict[str, Any]) -> Task:
        instance.title = validated_data["title"]
        instance.save()
        return instance


class AllTasksViewSet(viewsets.ModelViewSet[Task]):
    serializer_class = PlainTaskSerializer
    permission_classes = [permissions.IsAuthenticated]

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.order_by("id")


class PlainScopeState(UserScopedMixin, ModelState):
    serializer_class = PlainTaskSerializer
    model = Task


class PlainViewScopeState(UserScopedMixin, ModelState):
    viewset = AllTasksViewSet


class LateScopeState(ModelState, UserScopedMixin):
    model = Task
    fields = ["title", "owner"]
    scope_field = "owner"

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.all()


class TestScope:
    @pytest.mark.parametrize(
        "state", [MyTaskState, LateScopeState, PlainScopeState, PlainViewScopeState]
    )
    async def test_a_user_reaches_only_rows_of_their_own(self, state: Any) -> None:
        alice, bob = await a_user("alice"), await a_user("bob")
        theirs = await Task.objects.acreate(owner=bob, title="Bob's")
        async with Tab(user=alice) as tab:
            await tab.send(state.save({"title": "Mine", "owner": str(bob.pk)}))
            assert names(tab, state, key="title") == ["Mine"]
            await tab.send(state.start_edit(theirs.pk))
            assert "No Task matches" in tab.get(state, "error")
            await tab.send(state.set_title("Taken"))
            await tab.send(state.update(theirs.pk))
            await tab.send(state.delete(theirs.pk))
            assert (await Task.objects.aget(pk=theirs.pk)).title == "Bob's"
        assert await Task.objects.filter(owner=alice).acount() == 1
        assert "owner" not in state.base_vars

    async def test_a_visitor_sees_and_makes_nothing(self) -> None:
        bob = await a_user("bob")
        await Task.objects.acreate(owner=bob, title="Bob's")
        async with Tab() as tab:
            await tab.send(MyTaskState.load)
            assert tab.get(MyTaskState, "data") == []
            await tab.send(MyTaskState.save({"title": "X"}))
            assert tab.get(MyTaskState, "error")
        assert await Task.objects.acount() == 1

    async def test_other_code_gets_the_same_rows(self) -> None:
        class CountingState(MyTaskState):
            count: int = -1

            @rx.event
            async def tally(self) -> None:
                self.count = await sync_to_async(lambda: self.get_scoped_queryset().count())()

        alice, bob = await a_user("alice"), await a_user("bob")
        await Task.objects.acreate(owner=bob, title="Bob's")
        await Task.objects.acreate(owner=alice, title="Mine")
        async with Tab(user=alice) as tab:
            await tab.send(CountingState.tally)
            assert tab.get(CountingState, "count") == 1

    @override_settings(ROOT_URLCONF=__name__)
    async def test_other_code_gets_no_rows_that_filters_and_the_route_leave_out(self) -> None:
        alice, bob = await a_user("alice"), await a_user("bob")
        for number, fields in enumerate(
            [{"owner": bob}, {"owner": alice}, {"owner": alice}, {"owner": alice, "active": False}]
        ):
            await Product.objects.acreate(name=f"P{number}", sku=str(number), price=1, **fields)
        # Neither the query of the page nor that of an earlier call narrows it.
        async with Tab(user=alice, path="/?search=nothing") as tab:
            await tab.send(OwnedState.search_and_tally)
            assert len(tab.get(OwnedState, "data")) == 1
            assert tab.get(OwnedState, "count") == 2


class OwnersFilter(filters.BaseFilterBackend):
    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        return queryset.filter(owner=request.user)


class OwnedViewSet(ProductViewSet):
    authentication_classes = [TokenAuthentication]
    filter_backends = [OwnersFilter, filters.SearchFilter]

    def get_queryset(self) -> Any:
        return super().get_queryset().filter(price=self.kwargs["price"])


urlpatterns = [path("products/<int:price>/", OwnedViewSet.as_view({"get": "list"}))]


class TrustingBackend(InProcessBackend):
    trust_session = True


class OwnedState(ModelState):
    viewset = OwnedViewSet
    backend_class = TrustingBackend
    count: int = -1

    def get_url_kwargs(self) -> dict[str, Any]:
        return {"price": 1}

    def filter_queryset(self, queryset: Any) -> Any:
        return queryset.filter(active=True)

    @rx.event
    async def search_and_tally(self) -> None:
        await self.set_search("P1")
        self.count = await sync_to_async(lambda: self.get_scoped_queryset().count())()


async def test_helpers_of_the_guide_work_in_a_handler() -> None:
    class HelpedState(ModelState):
        viewset = TaskViewSet
        incremental_updates = True

        @rx.event
        async def drop(self, pk: int) -> Any:
            self.remove_list_row(self.get_options(), pk)

        @rx.event
        async def again(self) -> Any:
            await self.load()
            return await self.refresh_list()

    user = await a_user()
    task = await Task.objects.acreate(owner=user, title="Mine")
    async with Tab(user=user) as tab:
        await tab.send(HelpedState.again)
        assert len(tab.get(HelpedState, "data")) == 1
        await tab.send(HelpedState.drop(task.pk))
        assert tab.get(HelpedState, "data") == []


class Once(throttling.UserRateThrottle):
    rate = "1/hour"
    scope = "test_model_state"


class ThrottledViewSet(TaskViewSet):
    throttle_classes = [Once]


class ThrottledState(ModelState):
    viewset = ThrottledViewSet


async def test_a_throttled_call_says_how_long_to_wait() -> None:
    async with Tab(user=await a_user()) as tab:
        await tab.send(ThrottledState.load)
        await tab.send(ThrottledState.load)
        assert "available in" in tab.get(ThrottledState, "error")


class CountingBackend(InProcessBackend):
    trips: list[tuple[str, ...]] = []

    async def run(self, origin: Any, *calls: Call) -> list[Reply]:
        self.trips.append(tuple(call.action for call in calls))
        return await super().run(origin, *calls)


class CountedState(ModelState):
    viewset = TaskViewSet
    backend_class = CountingBackend


async def test_an_event_is_one_trip_to_the_viewset() -> None:
    CountingBackend.trips.clear()
    async with Tab(user=await a_user()) as tab:
        await tab.send(CountedState.load)
        await tab.send(CountedState.save({"title": "One"}))
        await tab.send(CountedState.delete(tab.get(CountedState, "data")[0]["id"]))
    assert CountingBackend.trips == [("list",), ("create", "list"), ("destroy", "list")]


class TestErrorsAtImport:
    def test_nothing_to_show(self) -> None:
        with pytest.raises(ConfigurationError, match="EmptyState shows nothing yet"):
            type("EmptyState", (ModelState,), {"__module__": "tests"})

    def test_a_model_without_fields(self) -> None:
        with pytest.raises(ConfigurationError, match="no `fields`"):

            class FieldlessState(ModelState):
                model = Category

    def test_a_field_whose_name_is_taken(self) -> None:
        with pytest.raises(ConfigurationError, match=r"'page' for the field 'page'.*field_vars"):

            class TakenState(ModelState):
                serializer_class = PageSerializer
                model = Category

    @pytest.mark.parametrize("name", ["router", "dict", "reset", "data", "error", "user", "load"])
    def test_names_of_reflex_and_of_the_state(self, name: str) -> None:
        fields = {name: serializers.CharField(), "Meta": CategoryMeta, "__module__": "tests"}
        serializer = type("NamedSerializer", (serializers.ModelSerializer,), fields)
        with pytest.raises(ConfigurationError, match=f"'{name}'.*field_vars"):
            type(ModelState)(
                f"Named{name}State",
                (ModelState,),
                {"serializer_class": serializer, "__module__": "tests"},
            )

    def test_a_taken_name_can_be_given_another_var(self) -> None:
        class RenamedState(ModelState):
            serializer_class = PageSerializer
            field_vars = {"page": "page_field"}

        assert RenamedState.base_vars["page_field"]._var_type is str
        assert "set_page_field" in RenamedState.event_handlers

    def test_options_that_an_existing_viewset_decides(self) -> None:
        with pytest.raises(ConfigurationError, match="'search_fields' by itself"):

            class SearchingState(ModelState):
                viewset = ProductViewSet
                search_fields = ["name"]

    def test_a_size_of_pages_that_the_viewset_does_not_give(self) -> None:
        with pytest.raises(ConfigurationError, match=r"Sized\.paginate_by is 7.*page_size_query"):

            class Sized(ModelState):
                viewset = ProductViewSet
                paginate_by = 7

        class FourState(ModelState):
            viewset = NumberedViewSet
            paginate_by = 4

        assert FourState.get_fields()["page_size"].default_value() == 4

    def test_fields_beside_a_serializer(self) -> None:
        with pytest.raises(ConfigurationError, match="'fields' by itself"):

            class Twice(ModelState):
                serializer_class = TaskSerializer
                fields = ["title"]

    def test_two_states_of_one_name_are_reflexs_own_error(self) -> None:
        namespace = {"viewset": TaskViewSet, "__module__": __name__}
        with pytest.raises(StateValueError):
            type(ModelState)("TaskState", (ModelState,), namespace)


class CategoryMeta:
    model = Category
    fields = "__all__"


class PageSerializer(serializers.ModelSerializer[Category]):
    page = serializers.CharField()

    class Meta(CategoryMeta):
        pass


async def test_nested_rows_are_written_where_the_serializer_can() -> None:
    class OrderState(ModelState):
        viewset = OrderViewSet

    (product,) = await some_products(1)
    async with Tab(user=await a_user()) as tab:
        await tab.send(OrderState.set_customer("Ann"))
        await tab.send(OrderState.set_lines([{"product": product.pk, "quantity": 0}, {}]))
        await tab.send(OrderState.save)
        assert "lines.1.product" in tab.get(OrderState, "field_errors")
        await tab.send(OrderState.set_lines([{"product": product.pk, "quantity": 2}]))
        await tab.send(OrderState.save)
        assert tab.get(OrderState, "data")[0]["lines"][0]["quantity"] == 2
