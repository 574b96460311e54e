"""A real Socket.IO client against the running sample project, with sessions from its login page."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import socketio
from socketio.exceptions import ConnectionError as RefusedError

from tests.servers import Server

pytestmark = pytest.mark.server
NAMESPACE = "/_event"
ROOT = "reflex___state____state"
MARKER = "_rx_state_"
TIMEOUT = 10


class Wire:
    """One browser tab, reduced to its socket: what it sends, and the vars it has received."""

    def __init__(self, server: Server, cookies: dict[str, str], token: str = "") -> None:
        self.server = server
        self.cookies = cookies
        self.token = token or str(uuid.uuid4())
        self.states: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.changed = asyncio.Condition()
        self.socket = socketio.AsyncClient(reconnection=False)
        self.socket.on("event", self.receive, namespace=NAMESPACE)

    async def connect(self, **headers: str) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        await self.socket.connect(
            f"{self.server.url}?token={self.token}",
            headers={"Origin": self.server.url, "Cookie": cookies, **headers},
            transports=["websocket"],
            namespaces=[NAMESPACE],
            socketio_path=NAMESPACE,
            wait_timeout=TIMEOUT,
        )

    async def receive(self, update: dict[str, Any]) -> None:
        async with self.changed:
            for name, values in (update.get("delta") or {}).items():
                self.states.setdefault(name, {}).update(values)
            self.events += update.get("events") or []
            self.changed.notify_all()

    async def until(self, reached: Callable[[], object], seconds: float = TIMEOUT) -> None:
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(reached)

    async def emit(self, name: str, path: str = "/products", **payload: Any) -> None:
        event = {
            "name": name,
            "payload": payload,
            "router_data": {"pathname": path, "asPath": path, "query": {}},
        }
        await self.socket.emit("event", event, namespace=NAMESPACE)

    async def hydrate(self) -> None:
        await self.emit(f"{ROOT}.hydrate")
        await self.until(lambda: self.name("product_state"))

    def name(self, state: str) -> str:
        """The full name of a state, as the server itself calls it."""
        return next((name for name in self.states if name.endswith(f"____{state}")), "")

    def var(self, state: str, name: str) -> Any:
        return self.states[self.name(state)].get(f"{name}{MARKER}")

    async def send(self, state: str, handler: str, **payload: Any) -> None:
        await self.emit(f"{self.name(state)}.{handler}", **payload)

    async def settle(self) -> None:
        """Wait for everything that was sent: a tab's events are answered in their order."""
        mark = uuid.uuid4().hex
        await self.send("task_state", "set_new_title", value=mark)
        await self.until(lambda: self.var("task_state", "new_title") == mark)

    async def call(self, state: str, handler: str, **payload: Any) -> None:
        await self.send(state, handler, **payload)
        await self.settle()

    def api(self, path: str, **query: Any) -> Any:
        """The same as this user gets over HTTP."""
        with httpx.Client(base_url=self.server.url, cookies=self.cookies) as client:
            return client.get(path, params=query).json()


@asynccontextmanager
async def open_wire(server: Server, username: str = "", token: str = "") -> AsyncIterator[Wire]:
    wire = Wire(server, server.sign_in(username) if username else {}, token)
    await wire.connect()
    try:
        await wire.hydrate()
        yield wire
    finally:
        await wire.socket.disconnect()
        await wire.socket.wait()


async def create_product(wire: Wire, **values: str) -> dict[str, Any]:
    """Create a product through the page's state, and give it as the API shows it."""
    category = wire.api("/api/categories/")["results"][0]["id"]
    sku = f"W-{uuid.uuid4().hex[:10].upper()}"
    form = {"name": f"Wire {sku}", "sku": sku, "price": "12.50", "stock": "3"}
    for field, value in {**form, "category": str(category), **values}.items():
        await wire.send("product_state", f"set_{field}", value=value)
    await wire.call("product_state", "save")
    found = wire.api("/api/products/", search=sku)["results"]
    assert len(found) == 1, wire.var("product_state", "field_errors")
    return found[0]


async def test_a_list_is_what_the_api_answers(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as wire:
        await wire.call("product_state", "load")
        answer = wire.api("/api/products/")
        assert wire.var("product_state", "products") == answer["results"]
        assert wire.var("product_state", "total_count") == answer["count"]


async def test_search_order_filter_and_page_reach_the_viewset(sample_server: Server) -> None:
    async with open_wire(sample_server) as wire:
        await wire.send("product_state", "set_search", value="linen")
        await wire.send("product_state", "set_ordering", value="-price")
        await wire.send("product_state", "filter", params={"is_active": "true"})
        await wire.send("product_state", "set_page_size", size=5)
        await wire.call("product_state", "next_page")
        query = {
            "search": "linen",
            "ordering": "-price",
            "is_active": "true",
            "page_size": 5,
            "page": 2,
        }
        answer = wire.api("/api/products/", **query)
        assert answer["results"]
        assert wire.var("product_state", "products") == answer["results"]


async def test_the_page_knows_who_is_signed_in(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as wire:
        await wire.settle()
        assert wire.var("django_user_state", "username") == "alice"
    async with open_wire(sample_server) as wire:
        await wire.settle()
        assert wire.var("django_user_state", "is_authenticated") is False


async def test_saving_creates_changes_and_deletes(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as wire:
        product = await create_product(wire)
        assert product["owner_name"] == "alice"
        await wire.send("product_state", "start_edit", pk=product["id"])
        await wire.send("product_state", "set_price", value="99.90")
        await wire.call("product_state", "save")
        assert wire.api(f"/api/products/{product['id']}/")["price"] == "99.90"
        await wire.call("product_state", "restock", pk=product["id"], data={"amount": 4})
        assert wire.api(f"/api/products/{product['id']}/")["stock"] == 7
        await wire.call("product_state", "delete", pk=product["id"])
        assert wire.api("/api/products/", search=product["sku"])["count"] == 0


async def test_errors_arrive_beside_their_fields(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as wire:
        before = wire.api("/api/products/")["count"]
        await wire.send("product_state", "set_sku", value="KIT-1001")
        await wire.send("product_state", "set_price", value="a lot")
        await wire.call("product_state", "save")
        errors = wire.var("product_state", "field_errors")
        assert {"name", "sku", "price", "category"} <= set(errors)
        assert errors["price"] == "A valid number is required."
        assert wire.api("/api/products/")["count"] == before


async def test_a_visitor_reads_and_cannot_write(sample_server: Server) -> None:
    async with open_wire(sample_server) as wire:
        await wire.call("product_state", "load")
        product = wire.var("product_state", "products")[0]
        await wire.call("product_state", "delete", pk=product["id"])
        assert wire.var("product_state", "error")
        assert wire.api(f"/api/products/{product['id']}/")["id"] == product["id"]
        await wire.call("order_state", "load")
        assert wire.var("order_state", "orders") == []


async def test_a_second_user_sees_nothing_of_the_first(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as alice, open_wire(sample_server, "bob") as bob:
        for wire in (alice, bob):
            await wire.send("task_state", "refresh_tasks")
            await wire.call("order_state", "load")
        for state, name in (("order_state", "orders"), ("task_state", "tasks")):
            hers, his = ({row["id"] for row in wire.var(state, name)} for wire in (alice, bob))
            assert hers
            assert his
            assert not hers & his
        order = alice.var("order_state", "orders")[0]
        await bob.call("order_state", "start_edit", pk=order["id"])
        assert bob.var("order_state", "editing_id") is None
        assert bob.var("order_state", "error")


async def test_a_second_user_changes_nothing_of_the_first(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as alice, open_wire(sample_server, "bob") as bob:
        product = await create_product(alice)
        await alice.call("task_state", "refresh_tasks")
        task = alice.var("task_state", "tasks")[0]
        await bob.send("product_state", "start_edit", pk=product["id"])
        await bob.send("product_state", "set_price", value="0.01")
        await bob.call("product_state", "save")
        assert bob.var("product_state", "error") == "Only its owner or staff may change this."
        await bob.send("product_state", "delete", pk=product["id"])
        await bob.send("product_state", "restock", pk=product["id"], data={"amount": 1})
        await bob.send("product_state", "discontinue", pk=product["id"])
        await bob.send("inventory_state", "delete_product", product_id=product["id"])
        await bob.send("task_state", "toggle_task", task_id=task["id"])
        await bob.call("task_state", "delete_task", task_id=task["id"])
        assert alice.api(f"/api/products/{product['id']}/") == product
        await alice.call("task_state", "refresh_tasks")
        assert task in alice.var("task_state", "tasks")


async def test_another_tabs_token_gives_nothing_of_its_owner(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as alice:
        await alice.call("order_state", "load")
        assert alice.var("order_state", "orders")
        token = alice.token
    thief = Wire(sample_server, sample_server.sign_in("bob"), token)
    await thief.connect()
    try:
        await thief.hydrate()
        await thief.settle()
        assert thief.var("order_state", "orders") == []
        assert thief.var("django_user_state", "username") == "bob"
    finally:
        await thief.socket.disconnect()
        await thief.socket.wait()


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Host": "evil.example"}],
    ids=["origin", "host"],
)
async def test_a_forged_handshake_is_refused(
    sample_server: Server, headers: dict[str, str]
) -> None:
    wire = Wire(sample_server, sample_server.sign_in("alice"))
    try:
        with pytest.raises(RefusedError):
            await wire.connect(**headers)
    finally:
        await wire.socket.disconnect()
    assert wire.states == {}


@pytest.mark.parametrize("handler", ["nothing", "after_save", "get_queryset", "_fetch", "__init__"])
async def test_what_is_no_handler_is_refused(sample_server: Server, handler: str) -> None:
    async with open_wire(sample_server, "alice") as wire:
        await wire.call("product_state", handler, instance=1)
        # The socket still works, and the log names the event without the user's session.
        await wire.call("product_state", "load")
        assert wire.var("product_state", "products")
        log = sample_server.log.read_text()
        assert f"product_state.{handler}" in log
        assert wire.cookies["sessionid"] not in log


@pytest.mark.parametrize(
    ("handler", "payload"),
    [
        ("set_ordering", {"value": "owner__password"}),
        ("filter", {"params": {"owner__password": "x"}}),
        ("go_to_page", {"page": "many"}),
        ("set_page_size", {"size": 10**6}),
        ("start_edit", {"pk": "no-such-key"}),
        ("delete", {"pk": {"id": 1}}),
    ],
)
async def test_bad_input_is_a_message_and_changes_nothing(
    sample_server: Server, handler: str, payload: dict[str, Any]
) -> None:
    async with open_wire(sample_server, "admin") as wire:
        await wire.call("product_state", "load")
        rows = wire.var("product_state", "products")
        await wire.call("product_state", handler, **payload)
        assert wire.var("product_state", "error")
        assert wire.var("product_state", "products") == rows
        assert wire.api("/api/products/")["results"] == rows


async def test_a_closed_session_ends_what_the_tab_may_do(sample_server: Server) -> None:
    async with open_wire(sample_server, "alice") as wire:
        product = await create_product(wire)
        headers = {"X-CSRFToken": wire.cookies["csrftoken"], "Origin": sample_server.url}
        async with httpx.AsyncClient(base_url=sample_server.url, cookies=wire.cookies) as client:
            answer = await client.post("/api/auth/logout/", headers=headers)
        assert answer.status_code == 302
        await wire.send("product_state", "delete", pk=product["id"])
        # The tab is told to begin anew, and the handler did not run.
        await wire.until(lambda: "sessionStorage.removeItem" in str(wire.events))
        assert wire.api(f"/api/products/{product['id']}/")["id"] == product["id"]
