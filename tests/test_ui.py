"""The components as trees, made from states over viewsets that offer more or less."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import reflex as rx
from rest_framework import mixins, pagination, serializers, viewsets

from reflex_drf import ui
from reflex_drf.errors import ConfigurationError
from reflex_drf.state import ModelListView, ModelState
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.shop.models import Category, Product
from tests.shop.serializers import CategorySerializer, ProductSerializer
from tests.shop.views import CategoryViewSet, OrderViewSet, ProductViewSet, TaskViewSet


class Sized(pagination.PageNumberPagination):
    page_size = 10
    page_size_query_param = "per_page"


class Steps(pagination.CursorPagination):
    page_size = 5
    ordering = "id"


class SizedViewSet(ProductViewSet):
    pagination_class = Sized


class SteppingViewSet(ProductViewSet):
    pagination_class = Steps


class UiProductState(ModelState):
    viewset = SizedViewSet


class UiSteppingState(ModelState):
    viewset = SteppingViewSet


class UiCategoryState(ModelState):
    viewset = CategoryViewSet


class UiOrderState(ModelState):
    viewset = OrderViewSet


class UiTaskState(ModelState):
    viewset = TaskViewSet


class UiListState(AppState, ModelListView):
    viewset = ProductViewSet


NUMBERS = itertools.count()


def state_over(viewset: type[Any], **options: Any) -> Any:
    """A state of its own over a viewset."""
    name = f"Ui{next(NUMBERS)}State"
    body = {"viewset": viewset, "__module__": __name__, "Meta": type("Meta", (), options)}
    return type(ModelState)(name, (ModelState,), body)


def rendered(component: rx.Component) -> str:
    """All that a component compiles to, its hooks included."""
    return f"{component.render()} {component._get_all_hooks()}"


class TestTable:
    def test_headings_are_labels_and_only_some_sort(self) -> None:
        tree = rendered(ui.table(UiProductState))
        for label in ("Name", "Size", "Price", "Stock", "Active", "Released", "Category name"):
            assert f'"{label}"' in tree
        assert tree.count("set_ordering") == 3
        assert tree.count('"aria-sort"') == 3

    def test_minor_columns_are_left_out_and_can_be_named(self) -> None:
        assert '"Attrs"' not in rendered(ui.table(UiProductState))
        tree = rendered(ui.table(UiProductState, columns=["attrs", "id"]))
        assert '"Attrs"' in tree
        assert '"ID"' in tree
        assert '"Price"' not in tree

    def test_numbers_stand_at_the_end(self) -> None:
        assert '"data-align":"end"' in rendered(ui.table(UiProductState, columns=["price"]))
        assert '"data-align":"end"' not in rendered(ui.table(UiProductState, columns=["name"]))

    def test_own_columns_and_cells(self) -> None:
        tree = rendered(
            ui.table(
                UiProductState,
                columns=["name", ("Margin", lambda row: rx.text("margin of ", row["sku"]))],
                cells={"name": lambda row: rx.text(row["name"], class_name="loud")},
                row_slot=lambda row: rx.badge("slot of ", row["sku"]),
            )
        )
        assert '"Margin"' in tree
        assert "margin of " in tree
        assert '"loud"' in tree
        assert "slot of " in tree

    def test_an_unknown_column_is_an_error_at_once(self) -> None:
        with pytest.raises(ConfigurationError, match="no column 'prise'"):
            ui.table(UiProductState, columns=["prise"])
        with pytest.raises(ConfigurationError, match="no column 'prise'"):
            ui.table(UiProductState, cells={"prise": lambda row: rx.text("")})

    def test_a_wrong_key_of_a_row_is_an_error_when_the_page_is_made(self) -> None:
        with pytest.raises((KeyError, AttributeError, TypeError)):
            ui.table(UiProductState, columns=[("X", lambda row: rx.text(row["prise"]))])

    def test_rows_have_edit_delete_and_their_actions(self) -> None:
        tree = rendered(ui.table(UiProductState))
        for handler in ("start_edit", "delete", "restock", "discontinue"):
            assert f'.{handler}"' in tree
        assert ".summary" not in tree

    def test_actions_can_be_chosen_and_given_input(self) -> None:
        tree = rendered(ui.table(UiProductState, actions={"restock": {"amount": 5}}))
        assert '.restock"' in tree
        assert '["amount"] : 5' in tree
        assert '.discontinue"' not in tree
        assert '.restock"' in rendered(ui.table(UiProductState, actions=["restock"]))

    def test_an_unknown_action_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match=r"no action 'summary'; known are discontinue"):
            ui.table(UiProductState, actions=["summary"])

    def test_a_state_that_only_lists_offers_nothing_to_write(self) -> None:
        tree = rendered(ui.table(UiListState))
        assert '"Actions"' not in tree
        assert "start_edit" not in tree

    def test_nothing_is_offered_to_those_who_may_not_write(self) -> None:
        assert "start_edit" not in rendered(ui.table(UiProductState, writable=False))
        tree = rendered(ui.table(UiProductState, writable=UiProductState.is_authenticated))
        assert "is_authenticated" in tree
        assert "start_edit" in tree

    def test_a_slot_is_there_also_where_nothing_can_be_written(self) -> None:
        tree = rendered(
            ui.table(UiListState, row_slot=lambda row: rx.text("slot of ", row["name"]))
        )
        assert "slot of " in tree

    def test_what_is_said_without_rows_can_be_replaced(self) -> None:
        tree = rendered(ui.table(UiProductState))
        assert "There are no products yet." in tree
        assert "No products match." in tree
        own = rendered(
            ui.table(UiProductState, empty=rx.text("Go shopping"), no_match=rx.text("Try again"))
        )
        assert "Go shopping" in own
        assert "Try again" in own
        assert "There are no products yet." not in own

    def test_the_list_var_may_have_another_name(self) -> None:
        state = state_over(CategoryViewSet, list_var="categories")
        assert "categories" in rendered(ui.table(state))

    def test_props_go_to_the_outermost_element(self) -> None:
        component = ui.table(UiProductState, class_name="mine", style={"width": "50%"})
        assert "mine" in rendered(component)
        assert "50%" in str(component.style["width"])
        assert '"overflowX"' in rendered(component)

    def test_a_state_that_shows_nothing_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match="not a concrete ModelState"):
            ui.table(ModelState)


class TestSearch:
    def test_it_searches_after_a_pause(self) -> None:
        tree = rendered(ui.search(UiProductState))
        assert "set_search" in tree
        assert "debounceTimeout:300" in tree
        assert "Search products" in tree

    def test_its_words_can_be_chosen(self) -> None:
        tree = rendered(ui.search(UiProductState, label="Find", placeholder="Name or SKU"))
        assert '"Find"' in tree
        assert "Name or SKU" in tree

    def test_it_is_not_there_without_a_search(self) -> None:
        assert "set_search" not in rendered(ui.search(UiTaskState))


class TestFilters:
    def test_each_filter_has_a_labelled_control(self) -> None:
        tree = rendered(ui.filters(UiProductState))
        for name, label in (("category", "Category"), ("active", "Active"), ("size", "Size")):
            assert f'd:"uiproductstate-filter-{name}"' in tree
            assert f'htmlFor:"uiproductstate-filter-{name}"' in tree
            assert f'"{label}"' in tree
        assert '"Large"' in tree

    def test_they_can_be_chosen(self) -> None:
        tree = rendered(ui.filters(UiProductState, only=["size"]))
        assert "filter-size" in tree
        assert "filter-active" not in tree

    def test_an_unknown_one_is_an_error(self) -> None:
        with pytest.raises(ConfigurationError, match="no filter 'colour'; known are category"):
            ui.filters(UiProductState, only=["colour"])

    def test_nothing_where_there_are_none(self) -> None:
        assert ".filter" not in rendered(ui.filters(UiTaskState))


class TestPagination:
    def test_numbered_pages(self) -> None:
        tree = rendered(ui.pagination(UiProductState))
        for handler in ("prev_page", "next_page", "go_to_page", "set_page_size"):
            assert handler in tree

    def test_a_cursor_has_neighbours_and_no_count(self) -> None:
        tree = rendered(ui.pagination(UiSteppingState))
        assert "next_page" in tree
        assert "go_to_page" not in tree
        assert "total_count" not in tree

    def test_sizes_are_offered_where_they_may_be_chosen(self) -> None:
        state = state_over(ProductViewSet)
        assert "set_page_size" not in rendered(ui.pagination(state))
        assert 'value:"7"' in rendered(ui.pagination(UiProductState, sizes=[7, 70]))

    def test_a_list_in_one_piece_has_a_count_only(self) -> None:
        class OnePiece(CategoryViewSet):
            pagination_class = None

        tree = rendered(ui.pagination(state_over(OnePiece)))
        assert "total_count" in tree
        assert "next_page" not in tree


class TestActions:
    def test_those_that_only_read_have_to_be_named(self) -> None:
        assert ".summary" not in rendered(ui.actions(UiProductState))
        assert '.summary"' in rendered(ui.actions(UiProductState, only=["summary"]))

    def test_actions_of_rows_are_none_of_the_list(self) -> None:
        with pytest.raises(ConfigurationError, match="no action 'restock'"):
            ui.actions(UiProductState, only=["restock"])


class TestForm:
    def test_each_field_has_a_labelled_control_with_help_and_error(self) -> None:
        tree = rendered(ui.form(UiProductState))
        for name in ("name", "sku", "size", "price", "stock", "active", "released", "attrs"):
            control = f"uiproductstate-{name}"
            assert f'"{control}"' in tree.replace(f'htmlFor:"{control}"', "")
            described = f'["aria-describedby"] : "{control}-help {control}-error"'
            assert described in tree or described.replace('["', '"').replace('"] : ', '":') in tree
            assert f'id:"{control}-error"' in tree

    def test_it_is_made_anew_when_it_is_emptied_or_filled(self) -> None:
        assert "form_reset_key" in str(ui.form(UiProductState).key)

    def test_who_is_signed_out_finds_the_way_to_sign_in(self) -> None:
        # A session may end while a form is being filled in.
        assert '?next="' in rendered(ui.form(UiProductState))

    def test_the_serializer_checks_and_not_the_browser(self) -> None:
        tree = rendered(ui.form(UiProductState))
        assert "noValidate:true" in tree
        assert '"aria-required":"true"' in tree
        assert "maxLength:80" in tree

    def test_fields_can_be_chosen_and_ordered(self) -> None:
        tree = rendered(ui.form(UiProductState, fields=["price", "name"]))
        assert tree.index('"Price"') < tree.index('"Name"')
        assert "uiproductstate-sku" not in tree
        with pytest.raises(ConfigurationError, match="no form field 'prise'"):
            ui.form(UiProductState, fields=["prise"])

    def test_it_is_locked_where_nothing_may_be_changed(self) -> None:
        tree = rendered(ui.form(UiProductState, writable=rx.Var("mine")))
        assert "disabled:(isTrue(mine) ? false : true)" in tree
        assert "fieldset" not in rendered(ui.form(UiProductState, fields=["name"]))

    def test_a_control_can_be_replaced(self) -> None:
        tree = rendered(ui.form(UiProductState, controls={"name": rx.text("own control")}))
        assert "own control" in tree
        assert 'name:"name"' not in tree
        with pytest.raises(ConfigurationError, match="no form field 'x'"):
            ui.form(UiProductState, controls={"x": rx.text("")})

    def test_a_relation_is_chosen_among_the_rows_of_another_state(self) -> None:
        tree = rendered(ui.form(UiProductState, relations={"category": UiCategoryState}))
        assert "ui_category_state" in tree
        assert "set_category" in tree
        assert "The key of a row." not in tree

    def test_without_one_it_is_searched_on_the_server(self) -> None:
        tree = rendered(ui.form(UiProductState))
        assert tree.count("ReflexDrfCombobox") == 2
        assert "search_relation" in tree
        assert "name_relations" in tree
        assert "The key of a row." not in tree

    def test_a_relation_that_reads_its_input_in_its_own_way_is_typed(self) -> None:
        class NamedField(serializers.PrimaryKeyRelatedField[Category]):
            def to_internal_value(self, data: Any) -> Category:
                return Category.objects.get(name=data)

        class NamingSerializer(ProductSerializer):
            category = NamedField(queryset=Category.objects.all())

        class NamingViewSet(ProductViewSet):
            serializer_class = NamingSerializer

        tree = rendered(ui.form(state_over(NamingViewSet), fields=["category"]))
        assert "The key of a row." in tree
        assert "ReflexDrfCombobox" not in tree

    def test_only_relations_have_rows(self) -> None:
        with pytest.raises(ConfigurationError, match="field 'price' is no relation"):
            ui.form(UiProductState, relations={"price": UiCategoryState})

    def test_several_relations_are_boxes_to_check(self) -> None:
        tree = rendered(ui.form(UiProductState, relations={"tags": UiCategoryState}))
        assert '"fieldset"' in tree
        assert '"legend"' in tree

    def test_nested_rows_have_their_fields_unless_another_control_is_given(self) -> None:
        tree = rendered(ui.form(UiOrderState))
        assert "add_nested" in tree
        assert "remove_nested" in tree
        assert "lines.product" in tree
        tree = rendered(ui.form(UiOrderState, controls={"lines": rx.text("line editor")}))
        assert "line editor" in tree
        assert "add_nested" not in tree

    def test_what_it_saves_with_may_have_another_name(self) -> None:
        state = state_over(CategoryViewSet, save_event="keep")
        assert '.keep"' in rendered(ui.form(state))

    def test_cancel_can_be_left_out(self) -> None:
        assert "event.currentTarget.form.leave()" in rendered(ui.form(UiProductState))
        tree = rendered(ui.form(UiProductState, cancel=False))
        assert "event.currentTarget.form.leave()" not in tree

    def test_a_list_has_no_form(self) -> None:
        with pytest.raises(ConfigurationError, match="has no form"):
            ui.form(UiListState)

    def test_nothing_is_deprecated(self, capsys: pytest.CaptureFixture[str]) -> None:
        ui.form(UiProductState, relations={"category": UiCategoryState, "tags": UiCategoryState})
        assert "deprecated" not in capsys.readouterr().out


class TestCrud:
    def test_it_has_all_the_parts(self) -> None:
        tree = rendered(ui.crud(UiProductState))
        for part in (
            "set_search",
            "filter-size",
            "go_to_page",
            "start_edit",
            ".save",
            "New product",
        ):
            assert part in tree

    def test_a_list_is_only_shown(self) -> None:
        tree = rendered(ui.crud(UiListState))
        # A page that is in the reader's language says so.
        assert "document.documentElement.lang = " in tree
        assert "New product" not in tree
        assert "cancel_edit" not in tree

    def test_without_create_there_is_no_new(self) -> None:
        class Editing(
            mixins.ListModelMixin,
            mixins.RetrieveModelMixin,
            mixins.UpdateModelMixin,
            viewsets.GenericViewSet[Category],
        ):
            queryset = Category.objects.order_by("id")
            serializer_class = CategorySerializer

        tree = rendered(ui.crud(state_over(Editing)))
        assert "New category" not in tree
        assert "Edit category" in tree

    def test_options_reach_table_and_form(self) -> None:
        tree = rendered(
            ui.crud(
                UiProductState,
                title="All we have",
                table_options={"columns": ["sku"]},
                form_options={"fields": ["name"], "submit": "Keep"},
            )
        )
        assert "All we have" in tree
        assert '"Keep"' in tree
        assert '"Price"' not in tree

    def test_those_who_may_not_write_get_no_dialog(self) -> None:
        assert "cancel_edit" not in rendered(ui.crud(UiProductState, writable=False))

    def test_two_on_one_page_share_no_ids(self) -> None:
        both = rx.fragment(ui.crud(UiProductState), ui.crud(UiCategoryState))
        tree = rendered(both)
        assert 'id:"uiproductstate-name"' in tree
        assert 'id:"uicategorystate-name"' in tree


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "number",
        "boolean",
        "choice",
        "date",
        "datetime",
        "time",
        "json",
        "record",
        "rows",
        "list",
        "image",
        "file",
        "url",
    ],
)
def test_every_kind_of_cell_has_a_dash_for_nothing(kind: str) -> None:
    column = ui.Column(name="x", label="X", kind=kind, choices=(("a", "An a"),), title="name")
    assert r"\u2014" in rendered(rx.fragment(ui.cell(column, rx.Var("value").to(Any))))


def test_only_addresses_of_the_web_become_links() -> None:
    column = ui.Column(name="x", label="X", kind="url")
    tree = rendered(rx.fragment(ui.cell(column, rx.Var("value").to(Any))))
    assert "https?" in tree
    assert '"noopener noreferrer"' in tree


@pytest.mark.django_db(transaction=True)
class TestSaveCount:
    async def test_it_changes_with_each_answer(self) -> None:
        async with Tab() as tab:
            for number in (1, 2):
                await tab.send(UiCategoryState.save({"name": ""}))
                assert tab.get(UiCategoryState, "save_count") == number
            await tab.send(UiCategoryState.save({"name": "Wood"}))
            assert tab.get(UiCategoryState, "field_errors") == {}
            assert tab.get(UiCategoryState, "save_count") == 3
            await tab.send(UiCategoryState.load)
            assert tab.get(UiCategoryState, "save_count") == 3

    async def test_a_form_that_cannot_be_read_is_answered_too(self) -> None:
        async with Tab() as tab:
            await tab.send(UiCategoryState.save({"name": ["no", "text"]}))
            assert tab.get(UiCategoryState, "field_errors") != {}
            assert tab.get(UiCategoryState, "save_count") == 1


def test_a_page_of_unknown_rows_can_still_be_made() -> None:
    class Shaping(ProductSerializer):
        def to_representation(self, instance: Product) -> Any:
            return {"name": instance.name}

    class ShapingViewSet(ProductViewSet):
        serializer_class = Shaping

    assert '"Name"' in rendered(ui.crud(state_over(ShapingViewSet)))
