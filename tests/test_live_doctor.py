"""`manage.py live_doctor` says where a change gets lost between a write and a page."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from rest_framework import permissions

from reflex_drf.live import LiveListMixin, notify
from reflex_drf.live.journal import journal
from reflex_drf.state import ModelState, UserScopedMixin
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK
from tests.shop.models import Product, Task
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db(transaction=True)
User = get_user_model()


class DoctoredTaskState(LiveListMixin, UserScopedMixin, ModelState):
    model = Task
    fields = ["title"]
    permission_classes = [permissions.AllowAny]


class RefusingViewSet(ProductViewSet):
    closed = False

    def get_permissions(self) -> Any:
        return [permissions.IsAdminUser()] if self.closed else []


class DoctoredProductState(LiveListMixin, ModelState):
    viewset = RefusingViewSet


@pytest.fixture(autouse=True)
def fresh(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REFLEX_DRF = QUICK
    journal.clear()
    RefusingViewSet.closed = False
    for name in ("REFLEX_REDIS_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> tuple[int, str]:
    """Run the command, and give its exit code and what it prints."""
    output = io.StringIO()
    try:
        call_command("live_doctor", *arguments, "--wait", "0.5", stdout=output, no_color=True)
    except SystemExit as ended:
        return int(ended.code or 0), output.getvalue()
    return 0, output.getvalue()


async def examine(*arguments: str) -> tuple[int, str]:
    # In a thread of its own: the command runs an event loop.
    return await asyncio.to_thread(run, *arguments)


class TestWithoutWorkers:
    def test_in_memory_it_says_that_nobody_can_be_asked(self) -> None:
        code, text = run()
        assert code == 0
        assert "MemoryTransport" in text
        assert 'set REFLEX_DRF["LIVE_TRANSPORT"]' in text

    def test_a_transport_that_cannot_be_made_is_a_problem(self, settings: Any) -> None:
        settings.REFLEX_DRF = {"LIVE_TRANSPORT": "pigeon"}
        code, text = run()
        assert code == 1
        assert "Problem: " in text
        assert "pigeon" in text

    @pytest.mark.redis
    def test_a_server_that_is_away_is_a_problem(self, settings: Any) -> None:
        settings.REFLEX_DRF = {
            "LIVE_TRANSPORT": "redis",
            "LIVE_URL": "redis://user:secret@127.0.0.1:1/0",
        }
        code, text = run()
        assert code == 1
        assert "RedisTransport at 127.0.0.1:1/0, channel reflex_drf, does not answer" in text
        assert "Problem: The transport cannot be used" in text
        assert "secret" not in text

    @pytest.mark.redis
    def test_nobody_there_is_no_problem_but_said(self, settings: Any) -> None:
        settings.REFLEX_DRF = {"LIVE_TRANSPORT": "redis", "LIVE_CHANNEL": uuid.uuid4().hex}
        code, text = run()
        assert code == 0
        assert "a message is back in" in text
        assert "Note: No worker has answered" in text

    @pytest.mark.parametrize("arguments", [["--model", "shop.Nothing"], ["--user", "nobody"]])
    def test_a_name_that_means_nothing_is_refused(self, arguments: list[str]) -> None:
        with pytest.raises(CommandError, match=r"names (no model|nobody)"):
            run(*arguments)


@pytest.mark.redis
class TestWorkers:
    @pytest.fixture
    async def worker(self, settings: Any) -> AsyncIterator[Worker]:
        settings.REFLEX_DRF = {
            **QUICK,
            "LIVE_TRANSPORT": "redis",
            "LIVE_CHANNEL": uuid.uuid4().hex,
        }
        async with Worker() as worker:
            yield worker

    async def test_it_says_who_watches_and_why_a_row_is_not_shown(self, worker: Worker) -> None:
        alice = await User.objects.acreate_user("alice")
        bob = await User.objects.acreate_user("bob")
        async with Tab(alice) as hers, Tab(bob) as his:
            for tab in (hers, his):
                await tab.send(DoctoredTaskState.live_subscribe)
            await worker.settle()
            task = await Task.objects.acreate(owner=alice, title="mine")
            await worker.settle()
            code, text = await examine()
            assert code == 0, text
            assert "subscribers: 2 of shop.task" in text
            assert f"last published: shop.task {task.pk} created (" in text
            assert "DoctoredTaskState of alice: shown: a list of 1 of 1 rows" in text
            assert f"DoctoredTaskState of bob: read, but without row {task.pk}" in text
            assert "the viewset does not give it to this user on page 1 of 1" in text
            assert "mine" not in text
            code, text = await examine("--user", "bob", "--model", "shop.Task", "--json")
            (viewer,) = json.loads(text)["viewers"]
            assert viewer["owner"] == f"user {bob.pk}"
            _, text = await examine("--model", "shop.Product", "--json")
            assert json.loads(text)["viewers"] == []

    async def test_it_says_what_a_list_was_asked_for(self, worker: Worker) -> None:
        async with Tab() as tab:
            await tab.send(DoctoredProductState.live_subscribe)
            await tab.send(DoctoredProductState.set_search("lamp"))
            await tab.send(DoctoredProductState.filter({"active": True}))
            await worker.settle()
            await Product.objects.acreate(name="Chair", sku="a", price=1)
            await worker.settle()
            _, text = await examine()
            assert "on page 1 of 1, searched for 'lamp', filtered by active" in text

    async def test_it_says_that_a_permission_refuses(self, worker: Worker) -> None:
        async with Tab() as tab:
            await tab.send(DoctoredProductState.live_subscribe)
            await worker.settle()
            RefusingViewSet.closed = True
            await sync_to_async(notify)(Product)
            await worker.settle()
            _, text = await examine()
            assert "refused by the viewset's permissions (403): the list is empty now" in text

    async def test_it_says_what_came_from_elsewhere(self, worker: Worker) -> None:
        from reflex_drf.live.relay import receivers

        async with Tab() as tab:
            await tab.send(DoctoredProductState.live_subscribe)
            await worker.settle()
            receiver = receivers.get(asyncio.get_running_loop())
            assert receiver is not None
            receiver.receive('["another", "shop.product", 1, [["updated", 42]]]')
            await worker.settle()
            _, text = await examine()
            assert "last received: shop.product 42 updated (" in text

    async def test_many_viewers_are_told_in_several_messages(self, worker: Worker) -> None:
        tabs = [Tab() for _ in range(23)]
        for tab in tabs:
            await tab.__aenter__()
            await tab.send(DoctoredProductState.live_subscribe)
        await worker.settle()
        _, text = await examine("--json")
        assert len(json.loads(text)["viewers"]) == 23
        for tab in tabs:
            await tab.__aexit__(None, None, None)


async def test_the_log_follows_a_change_from_the_write_to_the_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "reflex_drf.live")
    async with Tab() as tab:
        await tab.send(DoctoredProductState.live_subscribe)
        await tab.worker.settle()
        chair = await Product.objects.acreate(name="Chair", sku="a", price=1)
        await tab.worker.settle()
    assert f"Published: shop.product {chair.pk} created" in caplog.messages
    assert "DoctoredProductState of anonymous: shown: a list of 1 of 1 rows." in caplog.messages
