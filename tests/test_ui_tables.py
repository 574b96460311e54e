"""What a table offers beside its rows, as a tree, and what 25 rows with all of it cost."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from rest_framework import pagination, permissions

from reflex_drf import ui
from reflex_drf.backends.http import HttpBackend
from reflex_drf.errors import ConfigurationError
from reflex_drf.state import AppState, ModelListView, ModelState
from reflex_drf.testing import Tab
from tests.counting import count_hops, count_queries
from tests.shop.models import Category, Product, Tag
from tests.shop.views import ProductViewSet, TaskViewSet


class OwnerOrReadOnly(permissions.BasePermission):
    def has_object_permission(self, request: Any, view: Any, obj: Any) -> bool:
        return request.method in permissions.SAFE_METHODS or obj.owner_id == request.user.pk


class Pages(pagination.PageNumberPagination):
    page_size = 25


class Steps(pagination.CursorPagination):
    page_size = 5
    ordering = "id"


class TablesViewSet(ProductViewSet):
    permission_classes = [permissions.IsAuthenticatedOrReadOnly, OwnerOrReadOnly]
    pagination_class: Any = Pages


class SteppingViewSet(TablesViewSet):
    pagination_class = Steps


class TablesState(ModelState):
    viewset = TablesViewSet


class TablesUndoState(ModelState):
    viewset = TablesViewSet

    class Meta:
        undo_seconds = 5


class TablesSteppingState(ModelState):
    viewset = SteppingViewSet


class TablesListState(AppState, ModelListView):
    viewset = TablesViewSet


NUMBERS = itertools.count()


def state_over(viewset: type[Any], **options: Any) -> Any:
    name = f"Tables{next(NUMBERS)}State"
    body = {"viewset": viewset, "__module__": __name__, "Meta": type("Meta", (), options)}
    return type(ModelState)(name, (ModelState,), body)


def rendered(component: rx.Component) -> str:
    return f"{component.render()} {component._get_all_hooks()}"


class TestSelection:
    def test_it_is_there_where_it_is_wanted(self) -> None:
        assert "ReflexDrfRowCheck" not in rendered(ui.table(TablesState))
        tree = rendered(ui.table(TablesState, select=True))
        assert "ReflexDrfRowCheck" in tree
        assert "ReflexDrfPageCheck" in tree
        assert '"Choose all products of this page"' in tree
        for action in ("destroy", "restock", "discontinue"):
            assert f'["action"] : "{action}"' in tree

    def test_actions_can_be_chosen_and_given_input(self) -> None:
        tree = rendered(ui.table(TablesState, select={"restock": {"amount": 5}}))
        assert '["amount"] : 5' in tree
        assert '["action"] : "destroy"' not in tree

    def test_the_question_says_what_becomes_of_the_others_if_one_is_refused(self) -> None:
        assert "All of them, or none" in rendered(ui.table(TablesState, select=True))
        each = rendered(ui.table(state_over(TablesViewSet, bulk_atomic=False), select=True))
        assert "All of them, or none" not in each
        assert "Those that may not be deleted stay." in each

    @pytest.mark.parametrize("name", ["summary", "partial_update", "nothing"])
    def test_an_unknown_action_is_an_error(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match="known are destroy, discontinue, restock"):
            ui.table(TablesState, select=[name])

    def test_there_is_none_where_nothing_can_be_done(self) -> None:
        assert "RowCheck" not in rendered(ui.table(TablesListState, select=True))
        assert "RowCheck" not in rendered(ui.table(TablesState, select=True, writable=False))
        elsewhere = state_over(
            TaskViewSet, backend_class=HttpBackend(base_url="http://localhost:9")
        )
        assert "RowCheck" not in rendered(ui.crud(elsewhere))


class TestInline:
    def test_cells_whose_field_can_be_written_can_be_changed(self) -> None:
        tree = rendered(ui.table(TablesState, inline=True))
        for label in ("Name", "Size", "Price", "Stock", "Active", "Released"):
            assert f'"{label}"' in tree
            assert "edit_cell" in tree
        # Read from a relation, and a file: neither is one field that a cell could hold.
        assert '["field"] : "category_name"' not in tree
        assert '["field"] : "photo"' not in tree

    def test_columns_can_be_chosen(self) -> None:
        tree = rendered(ui.table(TablesState, inline=["price"]))
        assert '["field"] : "price"' in tree
        assert '["field"] : "stock"' not in tree

    @pytest.mark.parametrize("name", ["category_name", "id", "attrs", "nothing"])
    def test_a_column_that_cannot_be_changed_is_an_error(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match=f"no column '{name}' that can be changed"):
            ui.table(TablesState, inline=[name])


class TestTools:
    def test_all_columns_can_be_shown_and_some_are_hidden_at_first(self) -> None:
        tree = rendered(ui.table(TablesState, tools=True))
        assert "ReflexDrfColumns" in tree
        assert "ReflexDrfColumnMemory" in tree
        assert '"Attrs"' in tree
        assert '["id", "attrs"' in tree
        assert '.export"' in tree

    def test_over_http_there_is_no_file(self) -> None:
        elsewhere = state_over(
            TaskViewSet, backend_class=HttpBackend(base_url="http://localhost:9")
        )
        assert '.export"' not in rendered(ui.table(elsewhere, tools=True))


class TestDeleting:
    def test_the_question_asks_the_server_first(self) -> None:
        tree = rendered(ui.table(TablesState))
        assert "preview_delete" in tree
        assert "delete_later" not in tree

    def test_with_undo_there_is_no_question(self) -> None:
        tree = rendered(ui.table(TablesUndoState))
        assert "delete_later" in tree
        assert "undo_delete" in tree
        assert "preview_delete" not in tree

    def test_the_page_of_a_row_has_the_way_back_too(self) -> None:
        assert "undo_delete" in rendered(ui.detail(TablesUndoState, key=rx.Var("key").to(str)))
        assert "undo_delete" not in rendered(ui.detail(TablesUndoState))


class TestRelations:
    def test_a_relation_is_a_link_to_the_page_of_its_row(self) -> None:
        tree = rendered(
            ui.table(TablesState, columns=["name", "category"], relations={"category": "/c/"})
        )
        assert '"/c/" + encodeURIComponent' in tree

    def test_any_address_can_be_given(self) -> None:
        tree = rendered(
            ui.table(TablesState, relations={"category_name": lambda row: f"/of/{row['sku']}"})
        )
        assert "/of/" in tree

    def test_an_unknown_column_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match="no column 'maker'"):
            ui.table(TablesState, relations={"maker": "/makers"})


@pytest.mark.django_db(transaction=True)
class TestCost:
    @pytest.fixture
    async def owner(self) -> Any:
        return await get_user_model().objects.acreate(username="owner")

    @pytest.fixture
    async def rows(self, owner: Any) -> list[Product]:
        category = await Category.objects.acreate(name="Wood")
        tag = await Tag.objects.acreate(name="new")
        rows = []
        for n in range(30):
            row = await Product.objects.acreate(
                name=f"Chair {n}", sku=str(n), price=n, owner=owner, category=category
            )
            await row.tags.aadd(tag)
            rows.append(row)
        return rows

    async def test_a_page_of_25_rows_with_all_of_it(self, rows: Any, owner: Any) -> None:
        # Everything that the components of the page go by is in the list's own event.
        assert "ReflexDrfCell" in rendered(ui.crud(TablesState, table_options={"inline": True}))
        async with Tab(user=owner) as tab:
            with count_queries() as queries, count_hops() as hops:
                await tab.send(TablesState.load)
            assert len(tab.get(TablesState, "data")) == 25
            assert len(tab.get(TablesState, "row_may")) == 25
        # Session and user, the count, the page with its categories, and the tags of all rows.
        assert (len(queries), hops.count) == (5, 1), queries

    async def test_one_cell(self, rows: Any, owner: Any) -> None:
        async with Tab(user=owner) as tab:
            await tab.send(TablesState.load)
            with count_queries() as queries, count_hops() as hops:
                await tab.send(TablesState.edit_cell(rows[3].pk, "stock", "5"))
            assert tab.get(TablesState, "data")[3]["stock"] == 5
        # Session and user; the row with its tags, the update and its tags; the count and the list.
        assert (len(queries), hops.count) == (9, 1), queries

    async def test_deleting_many_rows_asks_for_the_user_once(self, rows: Any, owner: Any) -> None:
        async with Tab(user=owner) as tab:
            with count_queries() as few:
                await tab.send(TablesState.bulk("destroy", [row.pk for row in rows[:2]]))
            with count_queries() as many, count_hops() as hops:
                await tab.send(TablesState.bulk("destroy", [row.pk for row in rows[2:12]]))
        assert hops.count == 1
        assert sum('FROM "django_session"' in sql for sql in many.statements) == 1
        assert sum('FROM "auth_user"' in sql for sql in many.statements) == 1
        # One more row costs what its DELETE does: the row and its tags, and three tables to clear.
        assert len(many) - len(few) == 8 * 5, many
