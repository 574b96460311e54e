"""The components for one row and for the states of the world, as trees."""

from __future__ import annotations

import pytest

from reflex_drf import ui
from reflex_drf.errors import ConfigurationError
from reflex_drf.live import LiveListMixin
from reflex_drf.state import ModelState
from tests.shop.views import OrderViewSet, ProductViewSet, TaskViewSet
from tests.test_detail import NoDetailState
from tests.test_ui import rendered


class WorldProductState(ModelState):
    viewset = ProductViewSet


class WorldOrderState(ModelState):
    viewset = OrderViewSet


class WorldLiveState(LiveListMixin, ModelState):
    viewset = TaskViewSet


class TestDetail:
    def test_it_shows_what_a_table_leaves_out(self) -> None:
        tree = rendered(ui.detail(WorldProductState))
        for label in ("Name", "Price", "Attrs"):
            assert f'"{label}"' in tree

    def test_nested_rows_have_a_table_of_their_own(self) -> None:
        tree = rendered(ui.detail(WorldOrderState))
        assert '"table"' in tree
        assert '"Quantity"' in tree

    def test_columns_and_cells_are_chosen_by_name(self) -> None:
        tree = rendered(ui.detail(WorldProductState, columns=["name"]))
        assert '"Price"' not in tree
        with pytest.raises(ConfigurationError, match="no column 'prise' in full"):
            ui.detail(WorldProductState, columns=["prise"])
        with pytest.raises(ConfigurationError, match="no column 'prise' in full"):
            ui.detail(WorldProductState, cells={"prise": lambda row: ui.refusal(row)})

    def test_a_viewset_without_retrieve_has_no_detail(self) -> None:
        with pytest.raises(ConfigurationError, match="no `retrieve`"):
            ui.detail(NoDetailState)


class TestWorld:
    def test_signed_out_leads_to_the_sign_in_page_and_back(self) -> None:
        tree = rendered(ui.refusal(WorldProductState))
        assert "/accounts/login/?next=" in tree
        assert "encodeURIComponent" in tree

    def test_a_throttle_counts_down(self) -> None:
        assert "setInterval" in rendered(ui.refusal(WorldProductState))

    def test_only_a_live_state_has_conflicts_and_presence(self) -> None:
        assert rendered(ui.conflict(WorldProductState)) == rendered(ui.presence(WorldProductState))
        assert "overwrite" in rendered(ui.conflict(WorldLiveState))
        assert "reload_edit" in rendered(ui.conflict(WorldLiveState))
        assert "presence" in rendered(ui.presence(WorldLiveState))
        assert "editing_conflict" in rendered(ui.crud(WorldLiveState))

    def test_a_form_has_the_choice_that_a_conflict_asks_for_once(self) -> None:
        for component in (ui.form(WorldLiveState), ui.crud(WorldLiveState)):
            assert rendered(component).count("What shall be kept?") == 1
