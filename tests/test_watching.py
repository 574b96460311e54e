"""What a request notes of the looks at it: each of its dictionary's ways, and none of Django's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from reflex_drf.backends.watching import Dependencies, Watched, WatchedHeaders, values_of
from reflex_drf.bridge.requests import build_request

META = {"HTTP_HOST": "shop", "HTTP_X_ONE": "1", "HTTP_X_TWO": "2"}


@pytest.mark.parametrize(
    "look",
    [
        lambda meta: meta["HTTP_X_ONE"],
        lambda meta: meta.get("HTTP_X_ONE"),
        lambda meta: "HTTP_X_ONE" in meta,
        lambda meta: meta.setdefault("HTTP_X_ONE", ""),
        lambda meta: meta.pop("HTTP_X_ONE"),
        lambda meta: "%(HTTP_X_ONE)s" % meta,  # noqa: UP031
        lambda meta: meta.__delitem__("HTTP_X_ONE"),
        lambda meta: "{HTTP_X_ONE}".format_map(meta),
        lambda meta: WatchedHeaders(meta)["x-one"],
        lambda meta: WatchedHeaders(meta).get("X_One"),
        lambda meta: "x-one" in WatchedHeaders(meta),
    ],
)
def test_a_look_at_one_is_noted_as_that(look: Callable[[Any], Any]) -> None:
    noted: set[str] = set()
    look(Watched(META, noted))
    assert noted == {"HTTP_X_ONE"}


@pytest.mark.parametrize(
    "look",
    [
        lambda meta: dict(meta),
        lambda meta: {**meta},
        lambda meta: dict(**meta),
        lambda meta: list(meta),
        lambda meta: [*reversed(meta)],
        lambda meta: meta.keys(),
        lambda meta: meta.values(),
        lambda meta: meta.items(),
        lambda meta: meta.copy(),
        lambda meta: copy.copy(meta),
        lambda meta: copy.deepcopy(meta),
        lambda meta: meta | {},
        lambda meta: {} | meta,
        lambda meta: {}.update(meta),
        lambda meta: meta == {},
        lambda meta: meta != {},
        lambda meta: len(meta),
        lambda meta: bool(meta),
        lambda meta: str(meta),
        lambda meta: meta.popitem(),
        lambda meta: sorted(meta),
        lambda meta: WatchedHeaders(meta).items() and list(WatchedHeaders(meta)),
        lambda meta: len(WatchedHeaders(meta)),
    ],
)
def test_a_look_at_all_is_noted_as_such(look: Callable[[Any], Any]) -> None:
    noted: set[str] = set()
    look(Watched(META, noted))
    assert "*" in noted


def test_writing_is_no_look() -> None:
    noted: set[str] = set()
    meta = Watched(META, noted)
    meta["HTTP_X_ONE"] = "3"
    meta.update({"HTTP_X_THREE": "4"})
    assert noted == set()


class TestValues:
    def names(self, **noted: Any) -> Any:
        return Dependencies(**noted).names

    def test_what_was_not_looked_at_may_differ(self) -> None:
        first = build_request({"host": "a", "x-one": "1"}, client_ip="1.1.1.1", path="/a")
        second = build_request({"host": "a", "x-one": "2"}, client_ip="2.2.2.2", path="/b")
        for names, same in (
            (self.names(headers={"HTTP_HOST"}), True),
            (self.names(headers={"HTTP_HOST", "HTTP_X_ONE"}), False),
            (self.names(headers={"REMOTE_ADDR"}), False),
            (self.names(headers={"*"}), False),
            (self.names(cookies={"*"}, session=True), True),
        ):
            assert (values_of(names, first) == values_of(names, second)) is same

    def test_all_of_a_request_is_what_a_call_takes_over(self) -> None:
        headers = {"host": "a", "cookie": "a=1; b=2"}
        # Of the page and the handshake, a call takes over nothing.
        first = build_request({**headers, "sec-fetch-mode": "x"}, client_ip="1.1.1.1", path="/a")
        second = build_request({**headers, "if-none-match": "y"}, client_ip="1.1.1.1", path="/b?c")
        names = self.names(headers={"*"}, cookies={"*"})
        assert values_of(names, first) == values_of(names, second)
