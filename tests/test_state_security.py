"""A client sends what it likes: each test is a fault of its kind that must not come back."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import reflex as rx
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from rest_framework import permissions, serializers, viewsets

from reflex_drf.state.model import ModelState, UserScopedMixin
from reflex_drf.state.user import AppState
from reflex_drf.testing import Tab
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet, TaskViewSet

pytestmark = pytest.mark.django_db(transaction=True)

# What a hostile client may put anywhere.
WRONG: list[Any] = [None, True, -1, 0, 1.5, "", "x" * 300, "../1", "1/2", [], [1], {}, {"a": 1}]


@sync_to_async
def a_user(name: str = "alice", **fields: Any) -> Any:
    return get_user_model().objects.create_user(name, password="secret", **fields)


class Guarded(ModelState):
    """Everything a client could try, over a viewset that is open to read."""

    viewset = ProductViewSet
    role: str = "visitor"
    _secret: str = "hidden"
    called: list[str] = []

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(active=True)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(name="hidden")

    def clean_name(self, value: str) -> str:
        if value == "bad":
            raise ValidationError("Not this name.")
        return value.strip()

    def validate_state(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs

    def before_save(self, serializer: Any) -> None:
        self.called = [*self.called, "before_save"]

    def after_save(self, instance: Any) -> None:
        self.called = [*self.called, "after_save"]

    def before_delete(self, instance: Any) -> None:
        self.called = [*self.called, "before_delete"]

    def get_create_kwargs(self, serializer: Any) -> dict[str, Any]:
        return {}

    def on_permission_denied(self, reply: Any) -> None:
        self.called = [*self.called, "on_permission_denied"]


class MixedIn(rx.State, mixin=True):
    """A mixin that is a state: Reflex takes its functions for handlers."""

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.none()

    def before_save(self, serializer: Any) -> None:
        raise AssertionError("called")


class Mixed(MixedIn, ModelState):
    viewset = ProductViewSet


class Scoped(UserScopedMixin, ModelState):
    model = Task
    fields = ["title", "done"]


class Narrowed(ModelState):
    viewset = TaskViewSet

    def get_queryset(self) -> QuerySet[Task]:
        # A hook that looks wider than the viewset.
        return Task.objects.all()

    def filter_queryset(self, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return Task.objects.exclude(title="hidden")


def full(state: Any, name: str) -> str:
    return f"{state.get_full_name()}.{name}"


HOOKS = [
    "get_queryset",
    "filter_queryset",
    "get_scoped_queryset",
    "get_url_kwargs",
    "get_create_kwargs",
    "get_update_kwargs",
    "clean_name",
    "validate_state",
    "before_save",
    "after_save",
    "before_delete",
    "after_delete",
    "on_permission_denied",
    "on_not_authenticated",
    "get_options",
    "refresh_list",
    "remove_list_row",
    "_fetch",
    "_reset_form",
    "_run",
]


class TestEntryPoints:
    """Only what is published can be called."""

    @pytest.mark.parametrize("state", [Guarded, Mixed])
    @pytest.mark.parametrize("name", HOOKS)
    async def test_hooks_and_helpers_are_no_entry_points(self, state: Any, name: str) -> None:
        assert name not in state.event_handlers
        async with Tab() as tab:
            before = await Product.objects.acount()
            await tab.send_name(full(state, name), {}, raises=False)
            await tab.send_name(full(state, name), {"serializer": 1}, raises=False)
            assert tab.get(Guarded, "called") == []
            assert await Product.objects.acount() == before

    def test_the_list_of_entry_points_is_the_published_one(self) -> None:
        assert set(Guarded.event_handlers) == {
            *("load", "refresh", "set_search", "set_ordering", "filter", "clear_filter"),
            *("paginate", "go_to_page", "next_page", "prev_page"),
            *("save", "create", "update", "delete", "start_edit", "load_row", "cancel_edit"),
            *("start_clone", "load_clone", "load_new", "search_relation", "name_relations"),
            "save_files",
            *("open_row", "load_detail", "close_row", "load_edit", "edit_cell", "cancel_cell"),
            *("bulk", "bulk_matching", "export", "preview_delete"),
            *("discontinue", "restock", "summary", "upload_photo", "setvar"),
            *(f"set_{field.var}" for field in Guarded._plan.form.fields),
        }

    def test_the_bases_bring_none_of_their_own(self) -> None:
        assert set(ModelState.event_handlers) == {"setvar"}

    async def test_hooks_still_work_from_inside(self) -> None:
        await Product.objects.acreate(name="shown", sku="1", price=1)
        await Product.objects.acreate(name="hidden", sku="2", price=1)
        await Product.objects.acreate(name="inactive", sku="3", price=1, active=False)
        async with Tab() as tab:
            await tab.send(Guarded.load)
            assert [row["name"] for row in tab.get(Guarded, "data")] == ["shown"]
            await tab.send(Mixed.load)
            assert tab.get(Mixed, "data") == []


class TestSetters:
    """Vars change through the generated setters of writable fields, and nothing else."""

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize(
        "name",
        [
            *("role", "_secret", "data", "error", "editing_id", "page", "total_count", "filters"),
            *("_position", "_next", "_plan", "user_id", "is_staff", "is_superuser"),
            *("id", "owner", "created_at", "label", "category_name", "photo"),
        ],
    )
    async def test_no_setter_for_what_is_no_form_field(self, name: str) -> None:
        async with Tab() as tab:
            before = getattr(tab.state(Guarded), name, None)
            for event in ("setvar", f"set_{name}"):
                payload = {"var_name": name, "value": "evil"}
                await tab.send_name(full(Guarded, event), payload, raises=False)
            assert getattr(tab.state(Guarded), name, None) == before

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    async def test_setvar_does_not_run_asynchronous_setters(self) -> None:
        async with Tab() as tab:
            payload = {"var_name": "search", "value": "x"}
            await tab.send_name(full(Guarded, "setvar"), payload, raises=False)
            assert tab.get(Guarded, "search") == ""

    def test_reflexs_automatic_setters_do_not_reach_the_list(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reflex_base.config.get_state_auto_setters", lambda: True)

        class AutomaticState(ModelState):
            viewset = TaskViewSet
            mine: str = ""

        setters = {name for name in AutomaticState.event_handlers if name.startswith("set_")}
        # Reflex's own switch counts for the vars of the state's author.
        assert setters == {"set_mine", "set_title", "set_done"}
        with pytest.raises(AttributeError, match=r"AutomaticState\.page is not for a client"):
            _ = AutomaticState.set_page

    def test_an_app_state_gets_no_setters_by_itself(self) -> None:
        class PlainState(AppState):
            is_vip: bool = False
            user_role: str = ""

        assert set(PlainState.event_handlers) == {"setvar"}

    @pytest.mark.parametrize("field", ["name", "active", "tags", "attrs", "price", "category"])
    async def test_wrong_types_become_field_errors(self, field: str) -> None:
        kinds = {type(Guarded.get_fields()[field].default_value())}
        async with Tab() as tab:
            for value in [*WRONG, [[1]], [{"a": 1}], {"a": {"b": 1}}]:
                event = full(Guarded, f"set_{field}")
                await tab.send_name(event, {"value": value})
                assert {type(tab.get(Guarded, field))} == kinds
            assert not tab.errors

    async def test_false_as_text_is_false(self) -> None:
        async with Tab() as tab:
            for value in ("false", "False", "0", "off", 0, False):
                await tab.send(Guarded.set_active(True))
                await tab.send_name(full(Guarded, "set_active"), {"value": value})
                assert tab.get(Guarded, "active") is False


class TestRows:
    """A key from a client finds only what the viewset and the hooks show."""

    @pytest.mark.parametrize("state", [Scoped, Narrowed])
    async def test_foreign_rows_are_neither_read_nor_written(self, state: Any) -> None:
        alice, bob = await a_user("alice"), await a_user("bob")
        theirs = await Task.objects.acreate(owner=bob, title="Bob's")
        async with Tab(user=alice) as tab:
            await tab.send(state.load)
            assert tab.get(state, "data") == []
            for event in (state.start_edit, state.load_row, state.update, state.delete):
                await tab.send(event(theirs.pk))
                assert "No Task matches" in tab.get(state, "error")
            assert tab.get(state, "title") == ""
            assert "Bob" not in str(tab.deltas)
        assert (await Task.objects.aget(pk=theirs.pk)).title == "Bob's"

    async def test_hooks_narrow_every_access_to_a_row(self) -> None:
        user = await a_user()
        hidden = await Task.objects.acreate(owner=user, title="hidden")
        async with Tab(user=user) as tab:
            await tab.send(Narrowed.load)
            assert tab.get(Narrowed, "data") == []
            await tab.send(Narrowed.delete(hidden.pk))
            assert "No Task matches" in tab.get(Narrowed, "error")
        assert await Task.objects.filter(pk=hidden.pk).aexists()

    async def test_hooks_narrow_a_viewset_that_finds_rows_its_own_way(self) -> None:
        user = await a_user()
        hidden = await Task.objects.acreate(owner=user, title="hidden")
        shown = await Task.objects.acreate(owner=user, title="shown")
        async with Tab(user=user) as tab:
            await tab.send(OwnWayState.delete(hidden.pk))
            assert tab.get(OwnWayState, "error") == "Not found."
            await tab.send(OwnWayState.start_edit(shown.pk))
            assert tab.get(OwnWayState, "title") == "shown"
        assert await Task.objects.filter(pk=hidden.pk).aexists()

    @pytest.mark.parametrize("name", ["start_edit", "load_row", "update", "delete", "restock"])
    @pytest.mark.parametrize("pk", WRONG, ids=repr)
    async def test_a_strange_key_is_an_error_and_changes_nothing(self, name: str, pk: Any) -> None:
        await Product.objects.acreate(name="kept", sku="1", price=1)
        admin = await a_user("root", is_superuser=True, is_staff=True)
        async with Tab(user=admin) as tab:
            await tab.send_name(full(Guarded, name), {"pk": pk})
            assert tab.get(Guarded, "error")
            assert not tab.errors
            assert "Traceback" not in str(tab.deltas)
        assert [row.name async for row in Product.objects.all()] == ["kept"]


class OwnWayViewSet(TaskViewSet):
    def get_object(self) -> Task:
        return Task.objects.get(pk=self.kwargs["pk"])


class OwnWayState(ModelState):
    viewset = OwnWayViewSet

    def filter_queryset(self, queryset: QuerySet[Task]) -> QuerySet[Task]:
        return queryset.exclude(title="hidden")


class TestQueries:
    """Names from a client are looked up, never passed on."""

    @pytest.mark.parametrize(
        "params",
        [
            {"owner__password__startswith": "pbkdf2_"},
            {"owner": "1"},
            {"id__in": "1"},
            {"format": "api"},
            {"page": "2"},
            {"search": "x"},
            {"ordering": "price"},
            {"active": {"a": 1}},
            {"": "x"},
            {"__class__": "x"},
            [],
            "active",
            None,
            {"active": "true", "owner": "1"},
        ],
        ids=repr,
    )
    async def test_unknown_filters_are_refused_and_change_nothing(self, params: Any) -> None:
        await Product.objects.acreate(name="A", sku="1", price=1)
        async with Tab() as tab:
            await tab.send(Guarded.load)
            await tab.send_name(full(Guarded, "filter"), {"params": params})
            assert tab.get(Guarded, "error")
            assert tab.get(Guarded, "filters") == {}
            assert len(tab.get(Guarded, "data")) == 1

    @pytest.mark.parametrize(
        "ordering",
        ["owner__password", "-owner__password", "nonsense", "name,owner__password", "?", 3, None,
         ["name"], {"a": 1}],
        ids=repr,
    )  # fmt: skip
    async def test_unknown_orderings_are_refused(self, ordering: Any) -> None:
        async with Tab() as tab:
            await tab.send_name(full(Guarded, "set_ordering"), {"value": ordering})
            assert tab.get(Guarded, "error")
            assert "owner" not in tab.get(Guarded, "error")
            assert tab.get(Guarded, "ordering") == ""

    @pytest.mark.parametrize("page", [-1, 0, "x", 1.5, True, [], {}, 10**12, "9" * 40], ids=repr)
    async def test_strange_pages_are_refused(self, page: Any) -> None:
        async with Tab() as tab:
            for name in ("go_to_page", "paginate"):
                await tab.send_name(full(Guarded, name), {"page": page})
                assert tab.get(Guarded, "error")
                assert tab.get(Guarded, "page") == 1

    async def test_a_page_holds_no_more_than_the_viewset_gives(self) -> None:
        assert "set_page_size" not in Guarded.event_handlers
        async with Tab() as tab:
            await tab.send_name(full(Guarded, "paginate"), {"page_size": 10_000})
            assert tab.get(Guarded, "error")
            for size in (0, -5, 101, "x", [], None, True, 10**9):
                await tab.send_name(full(Scoped, "set_page_size"), {"size": size})
                assert tab.get(Scoped, "page_size") == 10

    @pytest.mark.parametrize("value", [None, 3, [], {"a": 1}, True], ids=repr)
    async def test_a_search_is_text(self, value: Any) -> None:
        async with Tab() as tab:
            await tab.send_name(full(Guarded, "set_search"), {"value": value})
            assert tab.get(Guarded, "error")

    async def test_a_search_with_a_null_byte_is_an_error_not_a_traceback(self) -> None:
        async with Tab() as tab:
            await tab.send(Guarded.set_search("a\x00b"))
            assert tab.get(Guarded, "error") or tab.get(Guarded, "field_errors")


class TestPermissions:
    """The viewset's permissions are the only ones, and they are all asked."""

    async def test_a_reader_writes_nothing(self) -> None:
        row = await Product.objects.acreate(name="kept", sku="1", price=1)
        async with Tab(user=await a_user()) as tab:
            form = {"name": "new", "sku": "2", "price": "1"}
            await tab.send(Guarded.save(form))
            await tab.send(Guarded.create(form))
            await tab.send(Guarded.update(row.pk))
            await tab.send(Guarded.delete(row.pk))
            await tab.send(Guarded.discontinue(row.pk))
            assert tab.get(Guarded, "called") == ["on_permission_denied"] * 5
        assert [(row.name, row.active) async for row in Product.objects.all()] == [("kept", True)]

    async def test_options_on_an_existing_viewset_only_add_permissions(self) -> None:
        await Product.objects.acreate(name="A", sku="1", price=1)
        async with Tab() as tab:
            await tab.send(StaffOnly.load)
            assert tab.get(StaffOnly, "data") == []
            # `AllowAny` does not take the viewset's own permissions away.
            await tab.send(OpenToAll.save({"name": "B", "sku": "2", "price": "1"}))
            assert tab.get(OpenToAll, "error")
        assert await Product.objects.acount() == 1

    async def test_permissions_do_not_vanish_in_a_subclass(self) -> None:
        async with Tab() as tab:
            await tab.send(BelowStaffOnly.load)
            assert "credentials" in tab.get(BelowStaffOnly, "error")
        assert BelowStaffOnly._plan.options.permission_classes == (permissions.IsAdminUser,)

    async def test_is_authenticated_means_a_login(self) -> None:
        async with Tab() as tab:
            await tab.send(LoginOnly.load)
            assert tab.get(LoginOnly, "asked") == 1
            assert "credentials" in tab.get(LoginOnly, "error")

    async def test_a_revoked_permission_counts_in_the_next_event(self) -> None:
        user = await a_user(is_staff=True)
        async with Tab(user=user) as tab:
            await tab.send(StaffOnly.load)
            assert tab.get(StaffOnly, "error") == ""
            user.is_staff = False
            await user.asave()
            await tab.send(StaffOnly.load)
            assert "permission" in tab.get(StaffOnly, "error")

    async def test_the_owner_of_a_row_is_not_for_the_form_to_say(self) -> None:
        alice, bob = await a_user("alice"), await a_user("bob")
        async with Tab(user=alice) as tab:
            for name in ("owner", "owner_id", "id", "pk"):
                await tab.send(Scoped.save({"title": "T", name: bob.pk}))
        assert {task.owner_id async for task in Task.objects.all()} == {alice.pk}


class StaffOnly(ModelState):
    viewset = ProductViewSet
    permission_classes = [permissions.IsAdminUser]


class BelowStaffOnly(StaffOnly):
    list_var = "rows"


class OpenToAll(ModelState):
    viewset = ProductViewSet
    permission_classes = [permissions.AllowAny]


class LoginOnly(ModelState):
    model = Task
    fields = ["title"]
    permission_classes = [permissions.IsAuthenticated]
    asked: int = 0

    async def on_not_authenticated(self, reply: Any) -> None:
        self.asked += 1


class UnexpectedError(RuntimeError):
    pass


class BrokenViewSet(TaskViewSet):
    def list(self, *args: Any, **kwargs: Any) -> Any:
        raise UnexpectedError("UNIQUE constraint failed: shop_task.secret")


class BrokenState(ModelState):
    viewset = BrokenViewSet


class TestErrors:
    async def test_an_unexpected_exception_reaches_the_handler_and_not_the_page(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with Tab(user=await a_user()) as tab:
            with caplog.at_level(logging.CRITICAL):
                (error,) = await tab.send(BrokenState.load, raises=False)
            assert isinstance(error, UnexpectedError)
            assert "UNIQUE" not in str(tab.deltas) + str(tab.get(BrokenState, "error"))

    async def test_hooks_that_refuse_give_field_errors(self) -> None:
        admin = await a_user("root", is_superuser=True)
        async with Tab(user=admin) as tab:
            await tab.send(Guarded.save({"name": "bad", "sku": "1", "price": "1"}))
            assert tab.get(Guarded, "field_errors") == {"name": "Not this name."}
            assert tab.get(Guarded, "called") == []

    async def test_a_clean_hook_gives_the_value_as_in_django(self) -> None:
        admin = await a_user("root", is_superuser=True)
        async with Tab(user=admin) as tab:
            await tab.send(Guarded.save({"name": " good ", "sku": "1", "price": "1"}))
            assert [row["name"] for row in tab.get(Guarded, "data")] == ["good"]

    async def test_saving_an_unchanged_row_again_is_no_clash(self) -> None:
        row = await Product.objects.acreate(name="A", sku="1", price="1.10")
        admin = await a_user("root", is_superuser=True)
        async with Tab(user=admin) as tab:
            await tab.send(Guarded.start_edit(row.pk))
            await tab.send(Guarded.save)
            assert (tab.get(Guarded, "error"), tab.get(Guarded, "field_errors")) == ("", {})
        await row.arefresh_from_db()
        assert (str(row.price), row.stock, row.attrs) == ("1.10", None, {})

    @pytest.mark.parametrize("form", [[], "x", 3, True], ids=repr)
    async def test_a_form_that_is_none_is_an_error(self, form: Any) -> None:
        async with Tab(user=await a_user()) as tab:
            await tab.send_name(full(Scoped, "save"), {"form_data": form})
            assert tab.get(Scoped, "error")
        assert await Task.objects.acount() == 0

    async def test_an_upload_without_a_file_is_an_error(self) -> None:
        admin = await a_user("root", is_superuser=True)
        async with Tab(user=admin) as tab:
            for files in ([], [{"filename": "x"}], "x"):
                await tab.send_name(full(Guarded, "upload_photo"), {"files": files}, raises=False)
        assert await Product.objects.acount() == 0


class TestConfiguration:
    def test_nothing_of_the_configuration_is_sent(self) -> None:
        names = {"viewset", "fields", "model", "backend_class", "_plan", "permission_classes"}
        assert not names & set(StaffOnly.vars)

    async def test_two_states_share_nothing(self) -> None:
        user = await a_user()
        task = await Task.objects.acreate(owner=user, title="A")
        async with Tab(user=user) as tab:
            await tab.send(Narrowed.start_edit(task.pk))
            assert tab.get(Scoped, "editing_id") is None
            assert tab.get(Scoped, "title") == ""
            await tab.send(Scoped.save({"title": "B"}))
        assert (await Task.objects.aget(pk=task.pk)).title == "A"


class Keyed(serializers.ModelSerializer[Product]):
    class Meta:
        model = Product
        fields = ["id", "name", "sku", "price"]


class KeyedViewSet(viewsets.ModelViewSet[Product]):
    queryset = Product.objects.all()
    serializer_class = Keyed
    lookup_field = "sku"
    permission_classes = [permissions.IsAuthenticated]


class KeyedState(ModelState):
    viewset = KeyedViewSet


async def test_keys_need_not_be_numbers() -> None:
    await Product.objects.acreate(name="A", sku="a-1", price="1")
    async with Tab(user=await a_user()) as tab:
        await tab.send(KeyedState.start_edit("a-1"))
        assert tab.get(KeyedState, "editing_id") == "a-1"
        await tab.send(KeyedState.set_name("B"))
        await tab.send(KeyedState.save)
        assert tab.get(KeyedState, "data")[0]["name"] == "B"
        await tab.send(KeyedState.delete("a-1"))
    assert await Product.objects.acount() == 0
