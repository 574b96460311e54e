"""`manage.py live_doctor` says where a change gets lost between a write and a page."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from rest_framework import permissions

from reflex_drf.live import LiveListMixin, ModelChange, doctor, notify, unregister_live_model
from reflex_drf.live.journal import journal
from reflex_drf.live.registry import find_model
from reflex_drf.live.reporting import Reporter
from reflex_drf.live.viewers import Viewers
from reflex_drf.state import ModelState, UserScopedMixin
from reflex_drf.testing import Tab, Worker
from tests.living import QUICK, Cable
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
    return await asyncio.to_thread(run_and_end, *arguments)


def run_and_end(*arguments: str) -> tuple[int, str]:
    """Close what was opened for it too, as the process of a command does at its end."""
    try:
        return run(*arguments)
    finally:
        connections.close_all()


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


class Answering(Cable):
    """A transport on which somebody answers the doctor as the test says."""

    def __init__(self, *answers: Any, silent: bool = False) -> None:
        super().__init__()
        self.answers, self.silent = answers, silent

    def send(self, messages: Sequence[str]) -> None:
        super().send(messages)
        for message in messages:
            if not self.silent:
                self.say(message)
            content = json.loads(message)
            if isinstance(content, dict) and content["kind"] == "doctor?":
                for answer in self.answers:
                    self.say(answer.replace("ID", content["body"]))


def answer(kind: str, **body: Any) -> str:
    return json.dumps({"from": "w", "kind": kind, "body": {"answers": "ID", **body}})


REPORT: dict[str, Any] = {
    "process": "host 7",
    "listens": True,
    "subscribers": {"shop.product": 2},
    "models": ["shop.product"],
    "published": {},
    "received": {},
}
VIEWER: dict[str, Any] = {
    "state": "S",
    "label": "shop.product",
    "owner": "anonymous",
    "connected": True,
    "failures": 0,
    "at": None,
    "outcome": "nothing has changed since",
}


class TestAnswers:
    def ask(self, settings: Any, *answers: str, models: Any = ("shop.Product",)) -> tuple[int, str]:
        settings.REFLEX_DRF = {"LIVE_TRANSPORT": Answering(*answers), "LIVE_MODELS": list(models)}
        try:
            return run()
        finally:
            settings.REFLEX_DRF = {}
            for name in models:
                unregister_live_model(find_model(name))

    def test_a_worker_and_its_viewers_are_told(self, settings: Any) -> None:
        code, text = self.ask(
            settings, answer("doctor", **REPORT), answer("doctor viewers", viewers=[VIEWER])
        )
        assert code == 0, text
        assert "Worker host 7: subscribers: 2 of shop.product" in text
        assert "S of anonymous: nothing has changed since" in text
        assert "Nothing found that keeps changes away." in text

    def test_a_worker_that_shows_what_it_does_not_publish_is_a_problem(self, settings: Any) -> None:
        code, text = self.ask(settings, answer("doctor", **{**REPORT, "models": []}))
        assert code == 1
        assert "Problem: host 7 shows shop.product, but does not publish it." in text

    def test_what_commands_do_not_publish_is_said(self, settings: Any) -> None:
        code, text = self.ask(
            settings,
            answer("doctor", **{**REPORT, "subscribers": {"shop.tag": 1}, "models": ["shop.tag"]}),
        )
        assert code == 0
        assert "Note: Commands and task queues do not publish shop.tag" in text

    @pytest.mark.parametrize(
        "given",
        [
            answer("doctor"),
            answer("doctor", **{**REPORT, "subscribers": None}),
            answer("doctor", **{**REPORT, "models": 5}),
            answer("doctor", **{**REPORT, "published": []}),
            answer("doctor", **{**REPORT, "received": {"a": 1}}),
            answer("doctor", **{**REPORT, "received": {"a": ["never", "x"]}}),
            answer("doctor viewers"),
            answer("doctor viewers", viewers="x"),
            answer("doctor viewers", viewers=[{"state": "S"}]),
            answer("doctor of another kind"),
        ],
    )
    def test_a_worker_of_another_version_is_named_as_that(self, settings: Any, given: str) -> None:
        code, text = self.ask(settings, given, answer("doctor", **REPORT))
        assert code == 0, text
        assert "another version of reflex_drf" in text
        assert "Worker host 7" in text

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "nonsense",
            "[1]",
            "5",
            "null",
            "[" * 100_000,
            json.dumps({"from": "w", "kind": "doctor", "body": {"answers": "another", **REPORT}}),
            json.dumps({"from": "w", "kind": "doctor", "body": "ID"}),
        ],
        ids=str.__len__,
    )
    def test_what_is_no_answer_is_none(self, settings: Any, given: str) -> None:
        code, text = self.ask(settings, given)
        assert code == 0, text
        assert "No worker has answered" in text
        assert "another version" not in text

    def test_a_viewer_that_is_no_user_is_shown_as_he_is(self, settings: Any) -> None:
        viewers = [{**VIEWER, "owner": "user abc"}, {**VIEWER, "owner": "user " + "9" * 40}]
        code, text = self.ask(settings, answer("doctor viewers", viewers=viewers))
        assert code == 0, text
        assert "S of user abc: nothing" in text

    def test_a_channel_that_swallows_everything_is_a_problem(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doctor, "PATIENCE", 0.1)
        settings.REFLEX_DRF = {"LIVE_TRANSPORT": Answering(silent=True)}
        code, text = run()
        assert code == 1
        assert "Answering, channel" not in text
        assert "does not answer" in text
        assert "Problem: The transport does not answer within" in text

    def test_a_transport_that_hears_and_cannot_send_is_a_problem(self, settings: Any) -> None:
        class Mute(Cable):
            def send(self, messages: Sequence[str]) -> None:
                raise ConnectionError("Nothing goes out.")

        settings.REFLEX_DRF = {"LIVE_TRANSPORT": Mute()}
        code, text = run()
        assert code == 1
        assert "Problem: The transport cannot be used: Nothing goes out." in text

    def test_a_transport_that_breaks_while_workers_answer_is_a_problem(self, settings: Any) -> None:
        class Breaking(Cable):
            def send(self, messages: Sequence[str]) -> None:
                for message in messages:
                    self.say(message)
                self.lose()

        settings.REFLEX_DRF = {"LIVE_TRANSPORT": Breaking()}
        code, text = run()
        assert code == 1, text
        assert "Problem: The transport cannot be used: The cable is cut." in text

    def test_a_database_that_is_away_is_a_problem_and_the_rest_is_told(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(alias: str, findings: Any) -> None:
            raise OperationalError(f"{alias} is away")

        monkeypatch.setattr(doctor, "look_at", away)
        code, text = self.ask(settings, answer("doctor", **REPORT))
        assert code == 1
        assert "Problem: The database 'default' cannot be asked: default is away" in text
        assert "Worker host 7" in text


class TestReporter:
    @pytest.mark.parametrize("question", [None, 5, [], {}, ["a"], "x" * 65])
    async def test_what_is_no_question_gets_no_answer(
        self, settings: Any, question: object
    ) -> None:
        cable = Cable()
        settings.REFLEX_DRF = {**QUICK, "LIVE_TRANSPORT": cable}
        async with Worker() as worker, Tab() as tab:
            await tab.send(DoctoredProductState.live_subscribe)
            await worker.settle()
            cable.say(json.dumps({"from": "w", "kind": "doctor?", "body": question}))
            cable.say(json.dumps({"from": "w", "kind": "doctor?", "body": "fine"}))
            async with asyncio.timeout(20):
                while not any('"doctor"' in text for text in cable.sent):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            told = [json.loads(text) for text in cable.sent if '"doctor"' in text]
            assert [each["body"]["answers"] for each in told] == ["fine"]

    async def test_a_report_of_many_models_fits_into_a_message(self) -> None:
        for number in range(500):
            journal.receive([ModelChange(f"shop.model{number}", "updated", "x" * 50)], "transport")
            journal.publish([ModelChange(f"shop.model{number}", "updated", "x" * 50)])
        async with Worker() as worker, Tab() as tab:
            await tab.send(DoctoredProductState.live_subscribe)
            await worker.settle()
            report = Reporter.of(worker.processor).report()
            assert "shop.model499" in report["published"]
            assert "shop.model0" not in report["published"]
            # What PostgreSQL carries at most.
            assert len(json.dumps(report)) < 7900

    async def test_a_tab_that_closes_during_its_refresh_leaves_nothing(self) -> None:
        async with Worker() as worker:
            async with Tab() as tab:
                await tab.send(DoctoredProductState.live_subscribe)
                await worker.settle()
                (subscription,) = Viewers.of(worker.processor)
                reporter = Reporter.of(worker.processor)
                reporter.note(subscription, "shown")
                assert reporter.outcome(subscription) is not None
            # Its read ends only now.
            reporter.note(subscription, "shown")
            assert reporter.outcome(subscription) is None
