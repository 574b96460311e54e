from __future__ import annotations

from typing import Any

import pytest

from reflex_drf.state.payload import MAX_DEPTH, UnfitPayloadError, fit_payload


def handler(self: Any, pk: int, data: Any = None) -> None: ...


def open_handler(self: Any, **values: Any) -> None: ...


def nested(depth: int) -> Any:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize("payload", [{"pk": 1}, {"pk": None, "data": nested(MAX_DEPTH - 3)}])
def test_what_fits_is_left_as_it_is(payload: dict[str, Any]) -> None:
    assert fit_payload(handler, payload) is payload


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "lacks the argument 'pk'"),
        ({"data": "secret"}, "lacks the argument 'pk'"),
        ({"pk": 1, "secret": 2}, "arguments that the handler does not take"),
        ({"pk": 1, "self": 2}, "arguments that the handler does not take"),
        ({"pk": 1, "data": nested(MAX_DEPTH)}, "nested too deeply"),
        ({"pk": nested(100_000)}, "nested too deeply"),
    ],
)
def test_what_does_not_fit_is_refused_without_a_word_of_it(
    payload: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnfitPayloadError, match=reason) as caught:
        fit_payload(handler, payload)
    assert "secret" not in str(caught.value)


def test_a_handler_may_take_any_argument_but_itself() -> None:
    assert fit_payload(open_handler, {"a": 1, "b": 2}) == {"a": 1, "b": 2}


def test_lone_surrogates_are_replaced_wherever_they_stand() -> None:
    payload = {"pk": "a\ud800", "data": [{"\udfff": "ä\ud83d"}, ["\ud83d\ude00", 1, None]]}
    fitted = fit_payload(handler, payload)
    # The two halves of one character were never lone.
    assert fitted == {"pk": "a\ufffd", "data": [{"\ufffd": "ä\ufffd"}, ["😀", 1, None]]}
    str(fitted).encode()


def test_other_text_is_left_alone() -> None:
    payload = {"pk": "ä😀\x00", "data": {"é": "\uffff"}}
    assert fit_payload(handler, payload) is payload
