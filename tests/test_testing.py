"""The test client drives the real pipeline and shows what a browser would see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Any

import pytest
import reflex as rx
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session

from reflex_drf.testing import Tab, Worker


class CounterState(rx.State):
    count: int = 0
    notes: list[str] = []
    _secret: str = "kept on the server"

    @rx.var
    def double(self) -> int:
        return self.count * 2

    @rx.event
    def add(self, amount: int = 1) -> None:
        self.count += amount

    @rx.event
    async def add_later(self) -> Any:
        self.notes.append("first")
        return CounterState.add(10)

    @rx.event
    def steps(self) -> Generator[Any]:
        self.count = 1
        yield
        self.count = 2
        yield rx.toast.info("done")

    @rx.event
    async def async_steps(self) -> AsyncGenerator[Any]:
        self.count = 1
        yield
        self.count = 2

    @rx.event(background=True)
    async def in_background(self) -> None:
        async with self:
            self.count = 99

    @rx.event(background=True)
    async def for_ever(self) -> None:
        await asyncio.Event().wait()

    @rx.event
    def fail(self) -> None:
        self.count = -1
        raise ValueError("broken handler")

    @rx.event
    def chain_failure(self) -> Any:
        return CounterState.fail

    @rx.event
    def leave(self) -> Any:
        return rx.redirect("/elsewhere")


async def test_send_runs_a_handler_and_shows_its_delta() -> None:
    async with Tab() as tab:
        await tab.send(CounterState.add)
        await tab.send(CounterState.add(5))
        assert tab.get(CounterState, "count") == 6
        assert tab.get(CounterState, "double") == 12
        assert tab.seen(CounterState, "double") == 12
        assert tab.state(CounterState).count == 6


async def test_opening_a_tab_hydrates_it_as_a_browser_does() -> None:
    async with Tab() as tab:
        assert tab.seen(CounterState, "count") == 0
        assert tab.seen(rx.State, "is_hydrated") is True
        with pytest.raises(KeyError):
            tab.seen(CounterState, "_secret")
        assert tab.get(CounterState, "_secret") == "kept on the server"


async def test_chained_events_are_waited_for() -> None:
    async with Tab() as tab:
        await tab.send(CounterState.add_later)
        assert tab.get(CounterState, "count") == 10
        assert tab.get(CounterState, "notes") == ["first"]


async def test_every_delta_of_a_generator_arrives() -> None:
    async with Tab() as tab:
        for handler in (CounterState.steps, CounterState.async_steps):
            tab.clear()
            await tab.send(handler)
            name = CounterState.get_full_name()
            counts = [delta[name]["count_rx_state_"] for delta in tab.deltas if name in delta]
            assert counts == [1, 2]


async def test_frontend_events_are_collected() -> None:
    async with Tab() as tab:
        tab.clear()
        await tab.send(CounterState.leave)
        await tab.send(CounterState.steps)
        names = [name for name, _ in tab.events]
        assert names == ["_redirect", "_call_function"]
        assert tab.events[0][1]["path"] == "/elsewhere"


async def test_a_failing_handler_raises_in_the_test() -> None:
    async with Tab() as tab:
        with pytest.raises(ValueError, match="broken handler"):
            await tab.send(CounterState.fail)
        with pytest.raises(ValueError, match="broken handler"):
            await tab.send(CounterState.chain_failure)


async def test_errors_can_be_collected_instead() -> None:
    async with Tab() as tab:
        errors = await tab.send(CounterState.fail, raises=False)
        assert [str(error) for error in errors] == ["broken handler"]
        assert tab.errors == errors


async def test_the_exception_handler_of_the_app_runs_and_its_events_arrive() -> None:
    seen: list[Exception] = []

    def handler(error: Exception) -> Any:
        seen.append(error)
        return rx.toast.error("Something went wrong")

    async with Worker(exception_handler=handler), Tab() as tab:
        await tab.send(CounterState.fail, raises=False)
        assert [str(error) for error in seen] == ["broken handler"]
        assert "Something went wrong" in str(tab.events)


async def test_background_handlers_are_joined_or_started() -> None:
    async with Tab() as tab:
        await tab.send(CounterState.in_background)
        assert tab.get(CounterState, "count") == 99
        sent = await tab.start(CounterState.for_ever)
        await tab.send(CounterState.add)
        sent.cancel()
        assert await sent.join() == []


async def test_closing_ends_what_still_runs() -> None:
    async with Tab() as tab:
        sent = await tab.start(CounterState.for_ever)
    assert await sent.join() == []


async def test_a_name_and_payload_travel_as_json() -> None:
    async with Tab() as tab:
        await tab.send_name(f"{CounterState.get_full_name()}.add", {"amount": "7"})
        assert tab.get(CounterState, "count") == 7


async def test_tabs_share_the_worker_but_not_their_states() -> None:
    async with Tab() as first, Tab() as second:
        assert first.worker is second.worker
        await first.send(CounterState.add)
        assert second.get(CounterState, "count") == 0
        name = CounterState.get_full_name()
        assert all("count" not in delta.get(name, {}) for delta in second.deltas[1:])


async def test_a_token_can_be_presented_by_somebody_else() -> None:
    async with Tab() as first:
        await first.send(CounterState.add)
        async with Tab(token=first.token, hydrate=False) as second:
            assert second.get(CounterState, "count") == 1


async def test_workers_are_apart() -> None:
    async with Worker() as one, Tab(worker=one) as first:
        await first.send(CounterState.add)
    async with Worker() as two, Tab(worker=two, token=first.token) as second:
        assert second.get(CounterState, "count") == 0


async def test_cookies_and_headers_count_from_the_handshake() -> None:
    async with Tab(cookies={"a": "1"}, headers={"x-a": "b"}, path="/page?q=1") as tab:
        data = tab.state(CounterState).router_data
        assert data["headers"]["cookie"] == "a=1"
        assert data["headers"]["x-a"] == "b"
        assert data["query"] == {"q": "1"}
        tab.cookies["a"] = "2"
        await tab.send(CounterState.add)
        assert tab.state(CounterState).router_data["headers"]["cookie"] == "a=1"
        await tab.reconnect()
        assert tab.state(CounterState).router_data["headers"]["cookie"] == "a=2"
        assert tab.get(CounterState, "count") == 1


@pytest.mark.django_db(transaction=True)
async def test_a_user_gets_a_real_session() -> None:
    user = await get_user_model().objects.acreate_user("alice", password="secret")
    async with Tab(user=user, session={"theme": "dark"}) as tab:
        row = await Session.objects.aget(session_key=tab.cookies["sessionid"])
        assert row.get_decoded()["_auth_user_id"] == str(user.pk)
        assert row.get_decoded()["theme"] == "dark"


async def test_the_pages_of_an_app_load_as_they_do_in_a_browser() -> None:
    from reflex_base.registry import RegistrationContext

    token = RegistrationContext.set(RegistrationContext.ensure_context().fork())
    try:
        app = rx.App(enable_state=False)
        app.add_page(lambda: rx.text("page"), route="/counted", on_load=CounterState.add(3))
        async with Worker(app), Tab(path="/counted") as tab, Tab(path="/") as other:
            assert tab.seen(CounterState, "count") == 3
            assert other.seen(CounterState, "count") == 0
            assert tab.seen(rx.State, "is_hydrated") is True
            await tab.reconnect()
            assert tab.seen(CounterState, "count") == 6
    finally:
        RegistrationContext.reset(token)


async def test_a_closed_tab_receives_nothing_and_keeps_its_state() -> None:
    async with Worker(), Tab() as tab:
        sent = await tab.start(CounterState.add(2))
        tab.disconnect()
        tab.clear()
        await sent.join()
        assert tab.deltas == []
        await tab.reconnect()
        assert tab.seen(CounterState, "count") == 2
