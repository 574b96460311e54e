"""Changes between processes: sent without waiting, received with their gaps noticed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest
from django.test import override_settings

from reflex_drf.live import LiveBroadcaster, ModelChange, live_broadcaster
from reflex_drf.live.changes import unknown_rows
from reflex_drf.live.relay import (
    FIRST_DELAY,
    LAST_DELAY,
    Receiver,
    origin,
    pause,
    publish,
    receivers,
    stop_receiver,
)
from reflex_drf.live.relay import Sender as RealSender
from reflex_drf.live.relay import sender as process_sender
from tests.living import Cable


class Sender(RealSender):
    made: ClassVar[list[Sender]] = []

    def __init__(self) -> None:
        super().__init__()
        Sender.made.append(self)


def change(pk: object = 1, label: str = "shop.product") -> ModelChange:
    return ModelChange(label, "updated", pk)


def message(version: int, *rows: Any, sender: str = "other", label: str = "shop.product") -> str:
    return json.dumps([sender, label, version, [["updated", pk] for pk in rows]])


def sent(cable: Cable) -> list[tuple[str, int, list[Any]]]:
    told = [content for text in cable.sent if isinstance(content := json.loads(text), list)]
    return [(label, version, [pk for _, pk in rows]) for _, label, version, rows in told]


def reminders(cable: Cable) -> list[Any]:
    said = [content for text in cable.sent if isinstance(content := json.loads(text), dict)]
    return [content["body"] for content in said if content["kind"] == "versions"]


@pytest.fixture
def cable(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cable]:
    # The one of the process would remind this cable of what earlier tests have changed.
    assert process_sender.close(5)
    process_sender._closing = False
    # A test that takes its time is not reminded either, unless it asks for it.
    monkeypatch.setattr("reflex_drf.live.reminders.PAUSES", (60.0,))
    cable = Cable()
    settings.REFLEX_DRF = {"LIVE_TRANSPORT": cable}
    yield cable
    cable.cut.clear()
    # One that goes on would remind the next test's cable of what it has sent.
    while Sender.made:
        Sender.made.pop().close(5)


class TestSender:
    def test_changes_are_sent_with_their_version(self, cable: Cable) -> None:
        sender = Sender()
        for pk in (1, 2):
            sender.put([change(pk)])
            assert sender.flush(5)
        sender.put([change(3, "shop.task")])
        assert sender.flush(5)
        assert sent(cable) == [
            ("shop.product", 1, [1]),
            ("shop.product", 2, [2]),
            ("shop.task", 1, [3]),
        ]
        assert json.loads(cable.sent[0])[0] == origin()

    def test_nobody_waits_for_a_slow_transport(self, cable: Cable) -> None:
        cable.slow = threading.Event()
        sender = Sender()
        for pk in range(50):
            sender.put([change(pk)])
        assert not sender.flush(0)
        cable.slow.set()
        assert sender.flush(5)
        assert sorted(pk for _, _, rows in sent(cable) for pk in rows) == [*range(50)]
        assert len(cable.sent) <= 2

    def test_what_a_dead_transport_did_not_take_is_sent_later(
        self, cable: Cable, caplog: pytest.LogCaptureFixture
    ) -> None:
        cable.cut.set()
        sender = Sender()
        sender.put([change(1)])
        assert not sender.flush(0.2)
        sender.put([change(2)])
        cable.cut.clear()
        assert sender.flush(10)
        assert [rows for _, _, rows in sent(cable)] == [[1, 2]]
        assert caplog.messages == ["Live changes cannot be sent, and wait: The cable is cut."]

    def test_an_error_that_the_transport_does_not_name_loses_nothing(
        self, cable: Cable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        failures, send = [LookupError("a fault of the driver")], cable.send

        def fail_once(messages: Any) -> None:
            while failures:
                raise failures.pop()
            send(messages)

        monkeypatch.setattr(cable, "send", fail_once)
        sender = Sender()
        sender.put([change(7)])
        assert sender.flush(10)
        assert [rows for _, _, rows in sent(cable)] == [[7]]
        assert "a fault of the driver" in caplog.text

    def test_what_waits_is_bounded(self, cable: Cable) -> None:
        cable.cut.set()
        sender = Sender()
        for pk in range(5000):
            sender.put([change(pk)])
        cable.cut.clear()
        assert sender.flush(10)
        assert sent(cable)[-1][2] == [None]
        assert sum(len(rows) for _, _, rows in sent(cable)) <= 101

    def test_no_thread_stays(self, cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reflex_drf.live.reminders.PAUSES", (0.01, 0.02))
        sender = Sender()
        for _ in range(20):
            sender.put([change()])
            assert sender.flush(5)
        thread = sender._thread
        if thread is not None:
            thread.join(5)
            assert not thread.is_alive()
        assert sender._thread is None
        assert sender._reminders.pause() is None

    def test_the_last_versions_are_said_again(
        self, cable: Cable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reflex_drf.live.reminders.PAUSES", (0.01, 0.02, 0.03))
        sender = Sender()
        sender.put([change(1, "shop.first"), change(1, "shop.second")])
        assert sender.flush(5)
        thread = sender._thread
        if thread is not None:
            thread.join(5)
        assert reminders(cable) == [{"shop.first": 1, "shop.second": 1}] * 3

    def test_who_ends_says_them_once_more(self, cable: Cable) -> None:
        sender = Sender()
        sender.put([change(1, "shop.first")])
        assert sender.close(5)
        assert sender._thread is None
        assert reminders(cable) == [{"shop.first": 1}]

    def test_reminders_of_many_models_fit_the_transport(self, cable: Cable) -> None:
        sender = Sender()
        sender.put([change(label=f"shop.{'x' * 60}{number}") for number in range(100)])
        assert sender.close(5)
        assert sum(len(each) for each in reminders(cable)) == 100
        assert max(len(text) for text in cable.sent) < 7900

    def test_messages_fit_the_transport(self, cable: Cable) -> None:
        cable.max_bytes = 300
        sender = Sender()
        sender.put([change(f"key-{number}") for number in range(60)])
        assert sender.flush(5)
        assert len(cable.sent) > 1
        assert all(len(text.encode()) <= 300 for text in cable.sent)
        assert [pk for _, _, rows in sent(cable) for pk in rows] == [
            f"key-{number}" for number in range(60)
        ]
        assert [version for _, version, _ in sent(cable)] == [*range(1, len(cable.sent) + 1)]

    def test_a_notice_that_fits_nowhere_keeps_nothing_back(self, cable: Cable) -> None:
        cable.max_bytes = 300
        cable.slow = threading.Event()
        sender = Sender()
        sender.say("open", "ä" * 200, "long")
        sender.say("open", "short", "short")
        sender.put([change(7)])
        cable.slow.set()
        assert sender.flush(5)
        assert [rows for _, _, rows in sent(cable)] == [[7]]
        said = [content for text in cable.sent if isinstance(content := json.loads(text), dict)]
        assert [each["body"] for each in said] == ["short"]

    def test_notices_that_cannot_be_sent_are_gone_and_changes_are_not(self, cable: Cable) -> None:
        cable.cut.set()
        sender = Sender()
        sender.say("open", "lost", None)
        sender.put([change(7)])
        assert not sender.flush(0.2)
        cable.cut.clear()
        assert sender.flush(10)
        assert [rows for _, _, rows in sent(cable)] == [[7]]
        assert "lost" not in "".join(cable.sent)

    def test_settings_without_a_transport_keep_what_waits(
        self, cable: Cable, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        sender = Sender()
        with override_settings(REFLEX_DRF={"LIVE_TRANSPORT": "tests.pigeons.Pigeon"}):
            sender.put([change(7)])
            assert not sender.flush(0.2)
        assert sender.flush(10)
        assert [rows for _, _, rows in sent(cable)] == [[7]]
        assert "tests.pigeons.Pigeon" in caplog.text

    def test_a_transport_that_was_replaced_while_it_sent_is_closed_again(
        self, cable: Cable, settings: Any
    ) -> None:
        cable.slow = threading.Event()
        sender = Sender()
        sender.put([change(7)])
        while not cable.attempts:
            assert not sender.flush(0.01)
        settings.REFLEX_DRF = {}
        # What it opens from now on, nobody else would close.
        assert cable.closed == 1
        cable.slow.set()
        assert sender.flush(10)
        assert cable.closed == 2

    def test_a_key_that_fits_nowhere_is_left_out(self, cable: Cable) -> None:
        cable.max_bytes = 300
        sender = Sender()
        sender.put([change("x" * 400)])
        assert sender.flush(5)
        assert sent(cable) == [("shop.product", 1, [None])]


def test_a_fork_is_another_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = origin()
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert origin() != mine


FORK = """
import os, sys
import django
django.setup()
from django.test import override_settings
from reflex_drf.live import ModelChange, relay
from reflex_drf.live.transports import current_transport
from tests.living import Cable

relay.FAREWELL = 60
with override_settings(REFLEX_DRF={"LIVE_TRANSPORT": Cable}):
    relay.publish([ModelChange("shop.product", "updated", 1)])
    assert relay.sender.flush(10)
    parents = current_transport()
    if os.fork() == 0:
        assert current_transport() is not parents
        sys.exit()
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_has_no_part_in_what_its_parent_sends() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    # It would wait a minute for a thread that only its parent has.
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


def test_pauses_grow_and_have_an_end() -> None:
    assert FIRST_DELAY / 2 <= pause(0) <= FIRST_DELAY
    assert pause(1) <= FIRST_DELAY * 2
    assert LAST_DELAY / 2 <= pause(10_000) <= LAST_DELAY


class TestReceiver:
    @pytest.fixture
    async def receiver(self, cable: Cable) -> AsyncIterator[Receiver]:
        broadcaster = LiveBroadcaster()
        self.queue = broadcaster.subscribe("shop.product")
        receiver = Receiver(asyncio.get_running_loop(), broadcaster)
        await asyncio.wait_for(receiver.connected.wait(), 5)
        assert await self.get() == unknown_rows("shop.product")
        yield receiver
        receiver.stop()
        await asyncio.wait([receiver.task])

    async def get(self) -> ModelChange:
        return await asyncio.wait_for(self.queue.get(), 10)

    async def test_what_others_say_arrives(self, cable: Cable, receiver: Receiver) -> None:
        cable.say(message(1, 7, 8))
        assert [await self.get(), await self.get()] == [change(7), change(8)]

    async def test_what_this_process_says_was_known(self, cable: Cable, receiver: Receiver) -> None:
        cable.say(message(1, 7, sender=origin()))
        cable.say(message(1, 8))
        assert await self.get() == change(8)

    async def test_a_missing_version_means_all_rows(self, cable: Cable, receiver: Receiver) -> None:
        for version in (4, 5, 7, 8):
            cable.say(message(version, version))
        got = [await self.get() for _ in range(4)]
        assert got == [change(4), change(5), unknown_rows("shop.product"), change(8)]

    async def test_versions_count_for_each_sender_and_model(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        cable.say(message(1, 1))
        cable.say(message(9, 2, sender="third"))
        cable.say(message(4, 3, label="shop.task"))
        cable.say(message(2, 4))
        assert [(await self.get()).pk for _ in range(3)] == [1, 2, 4]

    async def test_a_lost_connection_is_made_again_and_everything_read(
        self, cable: Cable, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(2):
            cable.lose()
            assert await self.get() == unknown_rows("shop.product")
        cable.say(message(1, 7))
        assert await self.get() == change(7)
        assert caplog.text.count("do not arrive") == 2

    async def test_an_error_that_the_transport_does_not_name_is_a_lost_connection_too(
        self, cable: Cable, receiver: Receiver, caplog: pytest.LogCaptureFixture
    ) -> None:
        cable.lose(LookupError("a fault of the driver"))
        assert await self.get() == unknown_rows("shop.product")
        # Where it comes from is not known, so that is logged with it.
        assert "LookupError: a fault of the driver" in caplog.text

    async def test_it_keeps_trying(self, cable: Cable, receiver: Receiver) -> None:
        cable.cut.set()
        cable.lose()
        asyncio.get_running_loop().call_later(0.5, cable.cut.clear)
        assert await self.get() == unknown_rows("shop.product")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            "[]",
            "nonsense",
            '["a", "b", 1]',
            '["a", "b", 1, 5]',
            "[1, 2, 3, [4]]",
            '{"from": "a", "kind": "versions", "body": 5}',
            "null",
            "7",
            '"shop.product"',
            '["a", "b", 1, [["updated"]]]',
            '["a", "b", 1, [["updated", 1, "more"]]]',
            '["a", "b", 1, [], "more"]',
            # A version that cannot be counted.
            '["a", "shop.product", "one", [["updated", 1]]]',
            '["a", "shop.product", null, [["updated", 1]]]',
            '["a", "shop.product", [1], [["updated", 1]]]',
            '["a", "shop.product", {}, [["updated", 1]]]',
            '{"from": "a", "kind": "versions", "body": {"shop.product": "one"}}',
            '{"from": "a", "kind": "versions", "body": [[[], 1]]}',
            '{"kind": "versions", "body": {}}',
            '{"from": "a", "body": {}}',
            '{"from": "a", "kind": "versions"}',
            # Deeper than any parser goes.
            "[" * 100_000,
            '{"a":' * 100_000,
            # More digits than Python reads.
            f'["a", "shop.product", {"9" * 5000}, []]',
        ],
        ids=str.__len__,
    )
    async def test_foreign_messages_are_refused(
        self, cable: Cable, receiver: Receiver, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        cable.say(text)
        cable.say(message(1, 7))
        assert await self.get() == change(7)
        assert "is not one of reflex_drf's" in caplog.text

    @pytest.mark.parametrize("version", ["one", None, [1], {}, 1.5])
    async def test_a_version_that_follows_none_ends_nothing(
        self, cable: Cable, receiver: Receiver, version: object
    ) -> None:
        # From the same sender: only then is a version compared with the last.
        for _ in range(2):
            cable.say(json.dumps(["other", "shop.product", version, [["updated", 1]]]))
        cable.say(message(1, 7))
        cable.say(message(2, 8))
        assert [await self.get(), await self.get()] == [change(7), change(8)]
        assert not receiver.task.done()

    async def test_what_is_said_twice_or_out_of_order_is_read_anew(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        for version in (1, 2, 2, 1, 2):
            cable.say(message(version, version))
        unknown = unknown_rows("shop.product")
        got = [await self.get() for _ in range(5)]
        assert got == [change(1), change(2), unknown, unknown, change(2)]

    @pytest.mark.parametrize("action", ["merged", "", None, 5, ["updated"], {"updated": 1}])
    async def test_what_happened_in_words_of_another_version_is_read_anew(
        self, cable: Cable, receiver: Receiver, action: object
    ) -> None:
        cable.say(json.dumps(["other", "shop.product", 1, [[action, 7]]]))
        assert await self.get() == unknown_rows("shop.product")

    @pytest.mark.parametrize("kind", ["", "pigeon", None, 5, ["open"], {}])
    async def test_a_notice_that_nobody_knows_is_left(
        self, cable: Cable, receiver: Receiver, kind: object
    ) -> None:
        cable.say(json.dumps({"from": "a", "kind": kind, "body": None, "more": 1}))
        cable.say(message(1, 7))
        assert await self.get() == change(7)

    async def test_a_model_that_nobody_watches_is_left(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        for label in ("shop.nothing", "", "x" * 100_000, "shop.product\0"):
            cable.say(message(1, 1, label=label))
        cable.say(message(1, 7))
        assert await self.get() == change(7)

    async def test_a_flood_for_one_reader_is_one_reading(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        receiver.receive(message(1, *range(5000)))
        assert await self.get() == unknown_rows("shop.product")
        assert self.queue.qsize() < 5000

    async def test_a_lost_last_message_is_noticed(self, cable: Cable, receiver: Receiver) -> None:
        def remind(**versions: int) -> None:
            body = {f"shop.{name}": version for name, version in versions.items()}
            cable.say(json.dumps({"from": "other", "kind": "versions", "body": body}))

        cable.say(message(1, 7))
        remind(product=1)
        cable.say(message(2, 8))
        assert [await self.get(), await self.get()] == [change(7), change(8)]
        # The third was lost, and only this says that there was one.
        remind(product=3)
        assert await self.get() == unknown_rows("shop.product")
        remind(product=3, task=1)
        cable.say(message(4, 9))
        assert await self.get() == change(9)

    async def test_a_sender_of_whom_nothing_arrived(self, cable: Cable, receiver: Receiver) -> None:
        body = {"shop.product": 1}
        cable.say(json.dumps({"from": "third", "kind": "versions", "body": body}))
        assert await self.get() == unknown_rows("shop.product")
        cable.say(message(2, 9, sender="third"))
        assert await self.get() == change(9)

    async def test_reminders_of_this_process_are_none(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        cable.say(json.dumps({"from": origin(), "kind": "versions", "body": {"shop.product": 5}}))
        cable.say(message(1, 8))
        assert await self.get() == change(8)

    async def test_senders_are_not_remembered_for_ever(
        self, cable: Cable, receiver: Receiver
    ) -> None:
        for number in range(5000):
            receiver.receive(message(1, sender=f"command {number}"))
        assert len(receiver._versions) <= 4096


class TestDemand:
    async def test_it_listens_while_somebody_here_wants_to_know(self, cable: Cable) -> None:
        loop = asyncio.get_running_loop()
        assert receivers.get(loop) is None
        first = live_broadcaster().subscribe("shop.product")
        second = live_broadcaster().subscribe("shop.task")
        receiver = receivers.get(loop)
        assert receiver is not None
        await asyncio.wait_for(receiver.connected.wait(), 5)
        live_broadcaster().unsubscribe("shop.product", first)
        assert receivers.get(loop) is receiver
        live_broadcaster().unsubscribe("shop.task", second)
        assert receivers.get(loop) is None
        await stop_receiver()
        assert receiver.task.done()
        assert cable._ends == []

    async def test_all_that_are_ending_are_waited_for(
        self, cable: Cable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def listen() -> AsyncIterator[str | None]:
            try:
                yield None
                await asyncio.Event().wait()
            finally:
                # As long as a server takes to say goodbye.
                for _ in range(5):
                    await asyncio.sleep(0)

        monkeypatch.setattr(cable, "listen", listen)
        tasks = []
        for _ in range(2):
            queue = live_broadcaster().subscribe("shop.product")
            receiver = receivers.get(asyncio.get_running_loop())
            assert receiver is not None
            tasks.append(receiver.task)
            if len(tasks) == 1:
                await asyncio.wait_for(receiver.connected.wait(), 5)
            live_broadcaster().unsubscribe("shop.product", queue)
        await stop_receiver()
        assert [task.done() for task in tasks] == [True, True]
        assert receivers.ending == {}

    async def test_without_a_shared_transport_nothing_listens(self) -> None:
        queue = live_broadcaster().subscribe("shop.product")
        assert receivers.get(asyncio.get_running_loop()) is None
        live_broadcaster().unsubscribe("shop.product", queue)

    async def test_a_change_is_told_here_and_sent(self, cable: Cable) -> None:
        from reflex_drf.live.relay import sender

        queue = live_broadcaster().subscribe("shop.product")
        publish([change(7)])
        assert (await asyncio.wait_for(queue.get(), 5)).model_label == "shop.product"
        assert await asyncio.to_thread(sender.flush, 5)
        assert [rows for _, _, rows in sent(cable)] == [[7]]
        live_broadcaster().unsubscribe("shop.product", queue)
        await stop_receiver()
