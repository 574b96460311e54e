"""What the browser does when a middleware answers in the place of a handler."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseForbidden, HttpResponseRedirect
from reflex_base.event import Event

from reflex_drf.state.answers import answer_event, drop_tab, is_navigable, leave_page


def script(event: Any) -> str:
    (message,) = Event.from_event_type([event])
    return json.dumps(message.payload)


@pytest.mark.parametrize(
    "location", ["/accounts/login/?next=/a", "//cdn.example/", "https://example.com/x", "next/"]
)
def test_a_redirect_loads_the_location(location: str) -> None:
    assert is_navigable(location)
    assert "window.location.assign" in script(answer_event(HttpResponseRedirect(location)))


@pytest.mark.parametrize(
    "location", ["javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "", "http://["]
)
def test_what_is_no_place_is_not_gone_to(location: str) -> None:
    response = HttpResponse(status=302)
    response["Location"] = location
    assert not is_navigable(location)
    assert "location.assign" not in script(answer_event(response))


def test_a_location_cannot_end_the_script() -> None:
    (message,) = Event.from_event_type([leave_page("/a\");alert('x');//\n")])
    text = json.dumps(message.payload)
    assert '\\");alert' not in text.replace('\\\\\\"', "")


@pytest.mark.parametrize("status", [200, 304, 400, 403, 404, 500, 503])
def test_everything_else_is_a_refusal_that_tells_the_status_only(status: int) -> None:
    text = script(answer_event(HttpResponse("Traceback: secrets", status=status)))
    assert f"({status})" in text
    assert "secrets" not in text
    assert "__toast" in text


def test_too_many_requests_are_said_in_words() -> None:
    text = script(answer_event(HttpResponse("Traceback: secrets", status=429)))
    assert "Too many attempts" in text
    assert "secrets" not in text
    assert "__toast" in text


def test_a_refusal_with_a_location_is_still_one() -> None:
    response = HttpResponseForbidden()
    response["Location"] = "/elsewhere/"
    assert "location.assign" not in script(answer_event(response))


def test_a_dropped_tab_forgets_its_token_before_it_loads() -> None:
    text = script(drop_tab())
    assert text.index("removeItem('token')") < text.index("location.reload()")
