"""The published list of remote entry points is what the registry of Reflex holds."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import reflex as rx
from reflex.state import BaseState
from reflex_base.registry import RegistrationContext
from rest_framework.pagination import PageNumberPagination

import reflex_drf.seam  # noqa: F401 - registers TabOwner
from reflex_drf.live import LiveListMixin
from reflex_drf.site import SiteState
from reflex_drf.state import AppState, DjangoContextState, DjangoUserState, ModelState
from reflex_drf.state.language import LanguageState
from reflex_drf.testing import Tab
from tests.shop.views import OrderViewSet, ProductViewSet, TaskViewSet

PAGE = Path(__file__).resolve().parent.parent / "docs" / "remote-entry-points.md"
for name in ("login", "logout", "registration", "password_reset", "password_change"):
    # Only `add_pages` imports them into an app.
    import_module(f"reflex_drf.auth.states.{name}")
SHIPPED = (AppState, DjangoContextState, DjangoUserState, LanguageState, ModelState, SiteState)
ROW = re.compile(r"^\| `([^`]+)` \|", re.M)


class EntryPointPages(PageNumberPagination):
    page_size_query_param = "size"


class EntryPointViewSet(ProductViewSet):
    pagination_class = EntryPointPages


class EntryPointProductState(ModelState):
    viewset = EntryPointViewSet


class EntryPointLiveState(LiveListMixin, ModelState):
    viewset = EntryPointViewSet

    class Meta:
        undo_seconds = 5


class EntryPointTaskState(ModelState):
    viewset = TaskViewSet


class EntryPointOrderState(ModelState):
    """Its rows have rows of their own."""

    viewset = OrderViewSet


class EntryPointOwnState(rx.State):
    price: int = 0
    _written: str = ""

    @rx.event
    def set_price(self, value: int) -> None:
        self.price = value


def excluded(self: Any, value: str) -> None:
    self._written = value


# A function that Reflex does not make a handler is still an attribute that `setvar` would call.
type.__setattr__(EntryPointOwnState, "set_secret", excluded)


def published() -> tuple[set[str], set[str]]:
    """The handlers of fixed states, and the names or patterns of those over a viewset."""
    fixed, generated = PAGE.read_text().split("## States over a viewset")
    return set(ROW.findall(fixed)), set(ROW.findall(generated))


def registered() -> dict[str, type[BaseState]]:
    states = RegistrationContext.ensure_context().base_states.values()
    # Those that a site makes are states over a viewset.
    return {
        state.__name__: state
        for state in states
        if state.__module__.startswith("reflex_drf") and not hasattr(state, "_plan")
    }


def test_the_states_of_this_package_have_the_published_handlers_only() -> None:
    found = {
        f"{name}.{handler}"
        for name, state in registered().items()
        for handler in state.event_handlers
    }
    assert found == published()[0]
    assert {state.__name__ for state in SHIPPED} < set(registered())


@pytest.mark.parametrize(
    ("state", "viewset"),
    [
        (EntryPointProductState, EntryPointViewSet),
        (EntryPointLiveState, EntryPointViewSet),
        (EntryPointTaskState, TaskViewSet),
        (EntryPointOrderState, OrderViewSet),
    ],
)
def test_states_over_a_viewset_have_the_published_handlers_only(
    state: type[BaseState], viewset: Any
) -> None:
    patterns = published()[1]
    actions = {action.__name__ for action in viewset.get_extra_actions()}
    fields = set(viewset.serializer_class().fields)
    unknown = {
        name
        for name in state.event_handlers
        if name not in patterns
        and name not in actions
        and name.removeprefix("set_") not in fields
        and name.removeprefix("upload_") not in fields
    }
    assert unknown == set()


def test_each_published_handler_of_a_viewset_exists() -> None:
    named = {name for name in published()[1] if "<" not in name}
    there = set(EntryPointLiveState.event_handlers) | set(EntryPointOrderState.event_handlers)
    assert named <= there


async def test_setvar_reaches_handlers_only() -> None:
    name = f"{EntryPointOwnState.get_full_name()}.setvar"
    async with Tab() as tab:
        await tab.send_name(name, {"var_name": "price", "value": 3})
        assert tab.get(EntryPointOwnState, "price") == 3
        for var_name in ("secret", "_written", "written", None, ["price"]):
            await tab.send_name(name, {"var_name": var_name, "value": "x"})
        assert tab.get(EntryPointOwnState, "_written") == ""
        assert tab.errors == []


async def test_setvar_reaches_the_setters_of_a_form() -> None:
    name = f"{EntryPointProductState.get_full_name()}.setvar"
    async with Tab() as tab:
        await tab.send_name(name, {"var_name": "name", "value": "Chair"})
        assert tab.get(EntryPointProductState, "name") == "Chair"


HELPERS = ["login", "logout", "has_perm", "has_group", "request", "user", "session"]
HELPERS += ["get_queryset", "before_save"]


@pytest.mark.parametrize("name", [*HELPERS, "_owner", "reset", "__init__", "get_state"])
async def test_helpers_and_hooks_cannot_be_called(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Tab() as tab:
        for state in (AppState, EntryPointProductState):
            caplog.clear()
            await tab.send_name(f"{state.get_full_name()}.{name}", {})
            assert f"Refused the unknown event {state.get_full_name()}.{name}" in caplog.text
