"""What a client can reach: published handlers, rows of its own user, and its own tab."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from reflex_base.registry import RegistrationContext
from rest_framework.test import APIClient

from reflex_drf.backends.inprocess import InProcessBackend
from reflex_drf.state import AppState, ModelState, UserScopedMixin
from reflex_drf.testing import Tab
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)


class HookMixin:
    """Helpers of a project, on a plain class: Python finds them, a browser does not."""

    def drop_everything(self) -> None:
        Task.objects.all().delete()

    def set_role(self, value: str) -> None:
        self.role = value


class IsolatedTaskState(HookMixin, ModelState):
    viewset = TaskViewSet
    role: str = "visitor"
    _secret: str = "hidden"
    __private: str = "hidden"

    def filter_queryset(self, queryset: Any) -> Any:
        return queryset.order_by("id")

    def before_save(self, serializer: Any) -> None:
        self.role = "saved"

    def clean_title(self, value: str) -> str:
        return value

    @rx.var
    def shown(self) -> int:
        return len(self.data)

    @staticmethod
    def purge() -> None:
        Task.objects.all().delete()

    @classmethod
    def purge_all(cls) -> None:
        Task.objects.all().delete()


class IsolatedScopedState(UserScopedMixin, ModelState):
    model = Task
    fields = ["title", "done"]
    list_var = "tasks"


class IsolatedProductState(ModelState):
    viewset = ProductViewSet


class IsolatedLongState(IsolatedTaskState):
    save_event = "store"


STATES = [IsolatedTaskState, IsolatedScopedState, IsolatedProductState, IsolatedLongState]
FORM = {"set_title", "set_done"}
LISTS = {
    *("load", "refresh", "paginate", "go_to_page", "next_page", "prev_page", "export"),
    *("open_row", "load_detail", "close_row"),
}
FORMS = {
    *("create", "update", "delete", "start_edit", "load_row", "load_edit", "cancel_edit"),
    *("start_clone", "load_clone", "load_new", "edit_cell", "cancel_cell", "preview_delete"),
    *("bulk", "bulk_matching"),
}


@pytest.fixture
def people() -> dict[str, Any]:
    make = get_user_model().objects.create_user
    people = {name: make(name, password=f"{name}-password") for name in ("alice", "bob")}
    for name, user in people.items():
        Task.objects.create(owner=user, title=f"secret of {name}")
    Product.objects.create(name="Chair", sku="c", price=1, owner=people["bob"])
    return people | {"visitor": None}


@sync_to_async
def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Task, Product)]


@sync_to_async
def over_http(user: Any, method: str, path: str) -> Any:
    client = APIClient()
    client.force_authenticate(user)
    return getattr(client, method)(path)


def full(state: Any, name: str) -> str:
    return f"{state.get_full_name()}.{name}"


def attributes(state: type) -> set[str]:
    """Every name there is on a state, its instances included."""
    inside = {name for klass in state.__mro__ for name in vars(klass)}
    return inside | set(dir(state)) | set(dir(type(state))) | set(getattr(state, "vars", ()))


class TestEntryPoints:
    def test_all_states_of_this_module_are_looked_at(self) -> None:
        registered = RegistrationContext.ensure_context().base_states.values()
        assert {state for state in registered if state.__module__ == __name__} == set(STATES)

    def test_the_handlers_are_the_published_ones(self) -> None:
        common = LISTS | FORMS | {"setvar"}
        assert set(IsolatedTaskState.event_handlers) == common | FORM | {"save"}
        assert set(IsolatedLongState.event_handlers) == common | FORM | {"store"}
        scoped = {"set_ordering", "set_page_size"}
        assert set(IsolatedScopedState.event_handlers) == common | FORM | {"save"} | scoped

    @pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
    async def test_no_other_name_on_a_state_answers(
        self, state: Any, people: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = await rows()
        names = attributes(state) - set(state.event_handlers)
        assert {"get_queryset", "_plan", "_run", "reset", "user", "__init__", "get_state"} < names
        async with Tab(user=people["alice"]) as tab:
            for name in sorted(names):
                caplog.clear()
                await tab.send_name(full(state, name), {"value": "evil", "pk": 1})
                assert f"Refused the unknown event {full(state, name)}" in caplog.text
            assert tab.errors == []
            assert tab.get(state, "error") == ""
        assert await rows() == before

    @pytest.mark.parametrize(
        "name", ["load.__call__", "_plan.viewset", "load\x00", "LOAD", " load", "load/", ""]
    )
    async def test_no_name_is_taken_apart(
        self, name: str, people: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Tab(user=people["alice"]) as tab:
            await tab.send_name(full(IsolatedTaskState, name), {})
            assert "Refused the unknown event" in caplog.text
            assert tab.get(IsolatedTaskState, "data") == []

    @pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
    async def test_setvar_sets_nothing_but_form_fields(self, state: Any, people: Any) -> None:
        before = await rows()
        form = {field.var for field in state._plan.form.fields}
        names = attributes(state) | {name.removeprefix("set_") for name in attributes(state)}
        async with Tab(user=people["alice"]) as tab:
            kept = {name: tab.get(state, name) for name in set(state.vars) - form - {"router"}}
            for name in [*sorted(names - form), None, 1, ["title"], {"a": 1}]:
                for value in ("evil", ["evil"], True):
                    payload = {"var_name": name, "value": value}
                    await tab.send_name(full(state, "setvar"), payload)
            assert {name: tab.get(state, name) for name in kept} == kept
            if state is not IsolatedProductState:
                await tab.send_name(full(state, "setvar"), {"var_name": "title", "value": "mine"})
                assert tab.get(state, "title") == "mine"
            assert tab.errors == []
        assert await rows() == before

    async def test_the_mirror_of_the_user_is_not_for_the_client(self, people: Any) -> None:
        async with Tab(user=people["alice"]) as tab:
            for event in ("setvar", "set_is_superuser", "update_vars_internal"):
                for state in (AppState, IsolatedTaskState, rx.State):
                    payload = {"var_name": "is_superuser", "value": True, "vars": {}}
                    await tab.send_name(full(state, event), payload, raises=False)
            assert tab.get(AppState, "is_superuser") is False
            assert tab.get(AppState, "username") == "alice"


class TestRows:
    """A key of somebody else's row is answered as over HTTP."""

    @pytest.mark.parametrize("who", ["alice", "visitor"])
    @pytest.mark.parametrize("state", [IsolatedTaskState, IsolatedScopedState, IsolatedLongState])
    async def test_foreign_keys_read_and_change_nothing(
        self, state: Any, who: str, people: Any
    ) -> None:
        theirs = await Task.objects.aget(owner=people["bob"])
        for method in ("get", "patch", "delete"):
            response = await over_http(people[who], method, f"/api/tasks/{theirs.pk}/")
            assert response.status_code == (404 if people[who] else 403)
        before = await rows()
        async with Tab(user=people[who]) as tab:
            for name in ("start_edit", "load_row", "update", "delete"):
                for pk in (theirs.pk, str(theirs.pk), f"{theirs.pk}.0", f" {theirs.pk}"):
                    await tab.send_name(full(state, "set_title"), {"value": "taken over"})
                    await tab.send_name(full(state, name), {"pk": pk})
                    assert tab.get(state, "error") or tab.get(state, "field_errors")
                    assert tab.get(state, "editing_id") is None
            assert "secret of bob" not in json.dumps(tab.deltas)
        assert await rows() == before

    async def test_a_key_that_was_edited_is_not_kept_past_its_rights(self, people: Any) -> None:
        mine = await Task.objects.aget(owner=people["alice"])
        async with Tab(user=people["alice"]) as tab:
            await tab.send(IsolatedTaskState.start_edit(mine.pk))
            # It is given to somebody else while the form is open.
            await Task.objects.filter(pk=mine.pk).aupdate(owner=people["bob"])
            await tab.send(IsolatedTaskState.save({"title": "still mine"}))
            assert "No Task matches" in tab.get(IsolatedTaskState, "error")
        assert (await Task.objects.aget(pk=mine.pk)).title == "secret of alice"


def plausible(state: Any, name: str, pk: int) -> dict[str, Any]:
    """Arguments that the tab's own user would succeed with."""
    known = {
        "pk": pk, "value": "stolen", "page": 1, "form_data": {"title": "stolen"}, "size": 5,
        "var_name": "title", "page_size": None, "columns": ["title"], "field": "title",
        "action": "partial_update", "keys": [pk], "data": {"title": "stolen"},
    }  # fmt: skip
    taken = list(inspect.signature(state.event_handlers[name].fn).parameters)[1:]
    return {argument: known[argument] for argument in taken}


class TestTokens:
    """The token of a tab finds its states, and proves nothing."""

    @pytest.mark.parametrize("thief", ["bob", "visitor"])
    @pytest.mark.parametrize("state", [IsolatedTaskState, IsolatedScopedState])
    async def test_no_handler_answers_a_stolen_token(
        self, state: Any, thief: str, people: Any
    ) -> None:
        mine = await Task.objects.aget(owner=people["alice"])
        async with Tab(user=people["alice"]) as tab:
            for name in state.event_handlers:
                await tab.send(state.load)
                await tab.send(state.start_edit(mine.pk))
                before = await rows()
                async with Tab(user=people[thief], token=tab.token, hydrate=False) as stolen:
                    await stolen.send_name(full(state, name), plausible(state, name, mine.pk))
                    sent = json.dumps([stolen.deltas, stolen.events])
                    assert "secret of" not in sent, name
                    assert "alice" not in sent, name
                assert await rows() == before, name
                assert "stolen" not in str(tab.state(state).__dict__), name

    @pytest.mark.parametrize("thief", ["bob", "visitor"])
    async def test_hydrating_a_stolen_token_shows_an_empty_tab(
        self, thief: str, people: Any
    ) -> None:
        mine = await Task.objects.aget(owner=people["alice"])
        async with Tab(user=people["alice"]) as tab:
            await tab.send(IsolatedTaskState.load)
            await tab.send(IsolatedTaskState.start_edit(mine.pk))
            async with Tab(user=people[thief], token=tab.token) as stolen:
                sent = json.dumps([stolen.deltas, stolen.events])
                assert "secret of alice" not in sent
                assert '"alice"' not in sent
                # What the tab now shows is the thief's own.
                await stolen.send(IsolatedTaskState.save({"title": "new"}))
        assert (await Task.objects.aget(pk=mine.pk)).title == "secret of alice"
        owners = [task.owner_id async for task in Task.objects.filter(title="new")]
        assert owners == ([people["bob"].pk] if thief == "bob" else [])

    async def test_the_rightful_user_goes_on_after_a_thief(self, people: Any) -> None:
        async with Tab(user=people["alice"]) as tab:
            await tab.send(IsolatedTaskState.load)
            async with Tab(user=people["bob"], token=tab.token, hydrate=False) as stolen:
                await stolen.send(IsolatedTaskState.load)
            await tab.reconnect()
            await tab.send(IsolatedTaskState.load)
            assert tab.get(IsolatedTaskState, "shown") == 1

    async def test_a_session_key_that_is_none_is_a_visitor(self, people: Any) -> None:
        for key in ("", "x" * 32, "../../etc/passwd", "\x00", "a" * 5000):
            async with Tab(cookies={"sessionid": key}) as tab:
                await tab.send(IsolatedTaskState.load)
                assert tab.get(IsolatedTaskState, "data") == []
                assert "credentials" in tab.get(IsolatedTaskState, "error")


def test_nobody_is_trusted_by_a_backend_of_its_own_accord() -> None:
    assert InProcessBackend.trust_session is False
    assert not AnonymousUser().is_authenticated
