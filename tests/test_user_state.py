"""The user, the session and the template context as a state has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from decimal import Decimal
from typing import Any, ClassVar

import pytest
import reflex as rx
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from reflex_drf import bridge, state, states
from reflex_drf.errors import NoRequestError
from reflex_drf.state.context import DjangoContextState
from reflex_drf.state.user import AppState, DjangoUserState, read_user
from reflex_drf.testing import Tab
from tests.counting import count_hops, count_queries

pytestmark = pytest.mark.django_db(transaction=True)


class AccountState(AppState):
    seen: list[str] = []
    allowed: bool = False

    @rx.event
    async def toggle_theme(self) -> Any:
        current = self.session.get("theme", "light")
        self.session["theme"] = "dark" if current == "light" else "light"
        if self.user.is_staff:
            return rx.toast.info("Theme updated. User is staff.")
        return None

    @rx.event
    def toggle_theme_now(self) -> None:
        self.session["theme"] = "dark" if self.session.get("theme") == "light" else "light"
        self.seen.append(self.request.user.get_username())

    @rx.event
    def look(self) -> None:
        self.seen.append(f"{self.user} {self.session.get('theme')} {self.request.path}")

    @rx.event
    def look_in_steps(self) -> Generator[Any]:
        self.seen.append(str(self.user))
        yield
        self.seen.append(str(self.session.get("theme")))

    @rx.event
    async def look_in_async_steps(self) -> AsyncGenerator[Any]:
        self.seen.append(str(self.user))
        yield
        self.seen.append(str(self.session.get("theme")))

    @rx.event(background=True)
    async def look_in_background(self) -> None:
        name = str(self.user)
        self.session["theme"] = "background"
        async with self:
            self.seen.append(f"{name} {self.user} {await self.has_perm('auth.add_group')}")

    @rx.event
    async def ask(self, permission: str, group: str) -> None:
        allowed = await self.has_perm(permission)
        member = await self.has_group(group)
        self.seen.append(f"{allowed} {member}")

    @rx.event
    async def rename(self, name: str) -> None:
        self.user.first_name = name
        await self.user.asave()

    @rx.event
    def nothing(self) -> None: ...


class GroupsState(AppState):
    mirror_groups: ClassVar[bool] = True

    @rx.event
    def look(self) -> None: ...


class PlainCounterState(rx.State):
    count: int = 0

    @rx.event
    async def add(self) -> None:
        self.count += 1


class MessageState(rx.State):
    @rx.event
    async def say(self, text: str) -> None:
        messages.success(bridge.current_request(), text, extra_tags="loud")

    @rx.event
    async def read_himself(self) -> None:
        messages.success(bridge.current_request(), "read")
        assert [str(message) for message in bridge.current_messages()] == ["read"]


@pytest.fixture
async def alice() -> Any:
    return await get_user_model().objects.acreate_user(
        "alice", "alice@example.com", "secret", first_name="Alice", last_name="Doe", is_staff=True
    )


async def stored(tab: Tab) -> dict[str, Any]:
    row = await Session.objects.aget(session_key=tab.cookies["sessionid"])
    return dict(row.get_decoded())


# The mirror


async def test_a_page_without_handlers_shows_the_user(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        shown = {name: tab.seen(DjangoUserState, name) for name in read_user(None)}
        assert shown == {
            "is_authenticated": True,
            "user_id": str(alice.pk),
            "username": "alice",
            "email": "alice@example.com",
            "first_name": "Alice",
            "last_name": "Doe",
            "full_name": "Alice Doe",
            "is_staff": True,
            "is_superuser": False,
        }


async def test_a_visitor_is_nobody() -> None:
    async with Tab() as tab:
        assert tab.seen(DjangoUserState, "is_authenticated") is False
        assert tab.seen(DjangoUserState, "user_id") == ""


async def test_what_is_unchanged_is_not_sent_again(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        tab.clear()
        await tab.send(AccountState.nothing)
        await tab.send(PlainCounterState.add)
        assert [DjangoUserState.get_full_name() in delta for delta in tab.deltas] == [False]


async def test_the_mirror_follows_the_user(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(AccountState.rename("Alicia"))
        await tab.send(AccountState.nothing)
        assert tab.seen(DjangoUserState, "first_name") == "Alicia"
        assert tab.seen(DjangoUserState, "full_name") == "Alicia Doe"
        delta = next(item for item in tab.deltas[::-1] if DjangoUserState.get_full_name() in item)
        assert set(delta[DjangoUserState.get_full_name()]) == {
            "first_name_rx_state_",
            "full_name_rx_state_",
        }


async def test_a_deactivated_user_is_gone_at_the_next_event(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        alice.is_active = False
        await alice.asave()
        await tab.send(AccountState.look)
        assert tab.get(AccountState, "seen") == []
        await tab.reconnect()
        assert tab.seen(DjangoUserState, "is_authenticated") is False


async def test_groups_are_read_where_a_state_asks_for_them(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        assert tab.get(DjangoUserState, "group_names") == []
        for name in ("writers", "editors"):
            await alice.groups.aadd(await Group.objects.acreate(name=name))
        await tab.send(AccountState.nothing)
        assert tab.get(DjangoUserState, "group_names") == []
        await tab.send(GroupsState.look)
        assert tab.seen(DjangoUserState, "group_names") == ["editors", "writers"]
    async with Tab(user=alice) as tab:
        assert tab.seen(DjangoUserState, "group_names") == ["editors", "writers"]


async def test_a_user_model_without_the_usual_fields_is_mirrored() -> None:
    class Minimal:
        pk = "8d4b"
        is_authenticated = True

        def get_username(self) -> str:
            return "minimal"

    values = read_user(Minimal())
    assert values["user_id"] == "8d4b"
    assert values["username"] == "minimal"
    assert values["email"] == values["first_name"] == ""
    assert values["is_staff"] is False


# The request, user and session of a handler


@pytest.mark.parametrize("handler", [AccountState.toggle_theme, AccountState.toggle_theme_now])
async def test_the_session_is_written_as_in_a_view(alice: Any, handler: Any) -> None:
    async with Tab(user=alice, session={"theme": "light"}) as tab:
        await tab.send(handler)
        assert (await stored(tab))["theme"] == "dark"
        await tab.send(handler)
        assert (await stored(tab))["theme"] == "light"


async def test_the_user_of_a_handler_is_the_model_itself(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(AccountState.toggle_theme)
        assert "User is staff" in str(tab.events)


async def test_attributes_work_in_every_kind_of_handler(alice: Any) -> None:
    async with Tab(user=alice, session={"theme": "dark"}, path="/here") as tab:
        await tab.send(AccountState.look)
        await tab.send(AccountState.look_in_steps)
        await tab.send(AccountState.look_in_async_steps)
        await tab.send(AccountState.look_in_background)
        assert tab.get(AccountState, "seen") == [
            "alice dark /here",
            *["alice", "dark"] * 2,
            "alice alice False",
        ]
        assert (await stored(tab))["theme"] == "background"


async def test_nothing_of_the_request_stays_in_the_state(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(AccountState.look)
        instance = tab.state(AccountState)
        with pytest.raises(NoRequestError):
            _ = instance.user
        kept = [
            value for part in (instance, instance.parent_state) for value in vars(part).values()
        ]
        assert not any(isinstance(value, HttpRequest | get_user_model()) for value in kept)


async def test_permissions_and_groups_are_asked_anew(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        ask = AccountState.ask("auth.add_group", "writers")
        await tab.send(ask)
        await alice.groups.aadd(await Group.objects.acreate(name="writers"))
        await alice.user_permissions.aadd(await Permission.objects.aget(codename="add_group"))
        await tab.send(ask)
        assert tab.get(AccountState, "seen") == ["False False", "True True"]
    async with Tab() as tab:
        await tab.send(ask)
        assert tab.get(AccountState, "seen") == ["False False"]


# Cost


@pytest.mark.parametrize("handler", [AccountState.nothing, PlainCounterState.add])
async def test_a_visitor_costs_no_query_and_no_thread(handler: Any) -> None:
    async with Tab() as tab:
        with count_queries() as queries, count_hops() as hops:
            await tab.send(handler)
        assert (len(queries), len(hops)) == (0, 0)


@pytest.mark.parametrize("handler", [AccountState.nothing, PlainCounterState.add])
async def test_a_user_costs_two_queries_in_one_hop(alice: Any, handler: Any) -> None:
    async with Tab(user=alice) as tab:
        with count_queries() as queries, count_hops() as hops:
            await tab.send(handler)
        assert len(queries) <= 2
        assert len(hops) <= 1


async def test_framework_events_cost_nothing(alice: Any) -> None:
    name = "reflex___state____state.reflex___state____on_load_internal_state.set_is_hydrated"
    async with Tab(user=alice) as tab:
        with count_queries() as queries, count_hops() as hops:
            await tab.send_name(name, {"value": True})
        assert (len(queries), len(hops)) == (0, 0)


# The template context


def shop_context(request: HttpRequest) -> dict[str, Any]:
    user = get_user_model().objects.first()
    return {
        "shop_name": gettext_lazy("Monday"),
        "price": Decimal("1.10"),
        "owner": user and user.username,
        "request_object": request,
        "view": shop_context,
        "lines": iter(["a"]),
    }


@pytest.fixture
def processors(settings: Any) -> None:
    (engine,) = settings.TEMPLATES
    options = {**engine["OPTIONS"]}
    options["context_processors"] = [
        *options["context_processors"],
        "django.template.context_processors.csrf",
        "tests.test_user_state.shop_context",
    ]
    settings.TEMPLATES = [{**engine, "OPTIONS": options}]


async def test_the_template_context_is_shown_as_json(processors: None, alice: Any) -> None:
    async with Tab(user=alice) as tab:
        assert tab.seen(DjangoContextState, "context") == {
            "shop_name": "Monday",
            "price": 1.1,
            "owner": "alice",
        }
        assert tab.seen(DjangoContextState, "language") == "en"
        assert tab.seen(DjangoContextState, "language_bidi") is False


async def test_the_context_follows_the_viewers_language(processors: None) -> None:
    async with Tab(headers={"accept-language": "de"}) as tab:
        assert tab.seen(DjangoContextState, "language") == "de"
        assert tab.seen(DjangoContextState, "context")["shop_name"] == "Montag"


async def test_a_message_of_a_handler_is_shown_at_once_and_once(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(MessageState.say("Saved"))
        shown = [{"level": "success", "tags": "loud success", "text": "Saved"}]
        assert tab.seen(DjangoContextState, "messages") == shown
        await tab.send(MessageState.say("Again"))
        assert [item["text"] for item in tab.seen(DjangoContextState, "messages")] == [
            "Saved",
            "Again",
        ]
        await tab.reconnect()
        assert tab.seen(DjangoContextState, "messages") == []


async def test_messages_that_no_page_takes_off_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr("reflex_drf.state.context.MOST_MESSAGES", 3)
    async with Tab() as tab:
        for number in range(5):
            await tab.send(MessageState.say(str(number)))
        shown = tab.seen(DjangoContextState, "messages")
        assert [item["text"] for item in shown] == ["2", "3", "4"]


async def test_a_visitor_gets_messages_too() -> None:
    async with Tab() as tab:
        await tab.send(MessageState.say("Welcome"))
        assert tab.seen(DjangoContextState, "messages")[0]["text"] == "Welcome"
        await tab.send(DjangoContextState.clear_messages)
        assert tab.seen(DjangoContextState, "messages") == []


async def test_a_message_that_a_handler_has_read_is_not_shown(alice: Any) -> None:
    async with Tab(user=alice) as tab:
        await tab.send(MessageState.read_himself)
        assert tab.get(DjangoContextState, "messages") == []


# Names


def test_the_states_are_importable_from_where_the_guide_says() -> None:
    import reflex_drf

    assert states.AppState is state.AppState is AppState
    assert reflex_drf.DjangoUserState is DjangoUserState
    assert reflex_drf.DjangoContextState is DjangoContextState
    for module in (state, states):
        assert "ModelState" in dir(module)
        with pytest.raises(AttributeError, match="Nonsense"):
            _ = module.Nonsense


async def test_a_message_left_by_a_view_is_shown_at_page_load(alice: Any) -> None:
    from django.contrib.messages.storage.session import SessionStorage

    request = HttpRequest()
    request.session = {}  # type: ignore[assignment]
    storage = SessionStorage(request)
    left = storage.serialize_messages([messages.storage.base.Message(messages.INFO, "Hello")])
    async with Tab(user=alice, session={SessionStorage.session_key: left}) as tab:
        assert [item["text"] for item in tab.seen(DjangoContextState, "messages")] == ["Hello"]
        assert SessionStorage.session_key not in await stored(tab)
        await tab.reconnect()
        assert tab.seen(DjangoContextState, "messages") == []


async def test_a_project_without_templates_has_no_context(settings: Any) -> None:
    settings.TEMPLATES = []
    async with Tab() as tab:
        assert tab.seen(DjangoContextState, "context") == {}
        assert tab.seen(DjangoContextState, "language") == "en"
