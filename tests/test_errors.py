"""Reading what DRF says when it refuses, whatever the shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext_lazy
from rest_framework import exceptions, serializers

from reflex_drf import errors
from reflex_drf.errors import ErrorReport, report_errors
from reflex_drf.representation import plain


def read(body: Any, status: int = 400, exception: BaseException | None = None) -> ErrorReport:
    return report_errors(status, body, exception)


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (errors.ConfigurationError, (ImproperlyConfigured,)),
        (errors.NoRequestError, (RuntimeError,)),
        (errors.NotAuthenticatedError, (PermissionDenied,)),
        (errors.RouteNotFound, (LookupError,)),
        (errors.UnknownAction, (LookupError,)),
        (errors.BackendUnavailable, (Exception,)),
    ],
)
def test_each_error_is_ours_and_the_kind_it_stands_for(kind: Any, parents: Any) -> None:
    assert issubclass(kind, errors.ReflexDRFError)
    assert issubclass(kind, parents)


@pytest.mark.parametrize(
    ("body", "message", "fields"),
    [
        ({"name": ["Required."]}, "", {"name": "Required."}),
        ({"name": ["One.", "Two."]}, "", {"name": "One. Two."}),
        ({"name": "As a text."}, "", {"name": "As a text."}),
        ({"non_field_errors": ["Both."], "a": ["Bad."]}, "Both.", {"a": "Bad."}),
        ({"__all__": ["Both."]}, "Both.", {}),
        (["plain"], "plain", {}),
        (["one", "two", "one"], "one two", {}),
        ("plain", "plain", {}),
        ({"detail": "Nope."}, "Nope.", {}),
        ({"detail": ["A field of that name."]}, "", {"detail": "A field of that name."}),
        ({"address": {"city": ["Bad."]}}, "", {"address.city": "Bad."}),
        ({"address": {"non_field_errors": ["Bad."]}}, "", {"address": "Bad."}),
        ({"tags": {"0": ["Bad."], 2: ["Worse."]}}, "", {"tags.0": "Bad.", "tags.2": "Worse."}),
        ({"tags": ["One.", "Two."]}, "", {"tags": "One. Two."}),
        ({"name": []}, "Bad Request", {}),
        ({}, "Bad Request", {}),
        (None, "Bad Request", {}),
        ("<html><h1>Bad</h1></html>", "Bad Request", {}),
    ],
)
def test_bodies_of_a_400(body: Any, message: str, fields: dict[str, str]) -> None:
    report = read(body)
    assert (report.message, report.fields, report.code) == (message, fields, "invalid")


@pytest.mark.parametrize(
    "lines",
    [
        [{}, {"quantity": ["Bad."]}],
        {1: {"quantity": ["Bad."]}},
        {"1": {"quantity": ["Bad."]}},
    ],
    ids=["list with holes", "keyed by number", "keyed by number, as JSON"],
)
def test_rows_of_a_nested_list_keep_their_number(lines: Any) -> None:
    assert read({"lines": lines}).fields == {"lines.1.quantity": "Bad."}
    assert read(lines).fields == {"1.quantity": "Bad."}


class Line(serializers.Serializer[Any]):
    quantity = serializers.IntegerField()


class Whole(serializers.Serializer[Any]):
    lines = Line(many=True)
    numbers = serializers.ListField(child=serializers.IntegerField())

    def validate(self, attrs: Any) -> Any:
        raise serializers.ValidationError("Never.")


def test_what_this_version_of_drf_says_about_nested_rows() -> None:
    serializer = Whole(data={"lines": [{"quantity": 1}, {"quantity": "x"}], "numbers": [1, "y"]})
    assert not serializer.is_valid()
    number = "A valid integer is required."
    expected = {"lines.1.quantity": number, "numbers.1": number}
    assert read(serializer.errors).fields == expected
    assert read(json.loads(json.dumps(plain(serializer.errors)))).fields == expected


def test_an_error_of_the_whole_from_a_serializer() -> None:
    serializer = Whole(data={"lines": [{"quantity": 1}], "numbers": []})
    assert not serializer.is_valid()
    assert (read(serializer.errors).message, read(serializer.errors).fields) == ("Never.", {})


def test_the_projects_name_for_errors_of_the_whole_counts(settings: Any) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NON_FIELD_ERRORS_KEY": "whole"}
    assert read({"whole": ["Bad."]}).message == "Bad."


@pytest.mark.parametrize(
    ("status", "exception", "code"),
    [
        (400, exceptions.ValidationError("x"), "invalid"),
        (400, exceptions.ParseError(), "parse_error"),
        (401, exceptions.NotAuthenticated(), "not_authenticated"),
        (403, exceptions.NotAuthenticated(), "not_authenticated"),
        (401, exceptions.AuthenticationFailed(), "authentication_failed"),
        (403, exceptions.PermissionDenied(), "permission_denied"),
        (403, exceptions.PermissionDenied("Trial over.", code="trial"), "trial"),
        (404, exceptions.NotFound(), "not_found"),
        (405, exceptions.MethodNotAllowed("PUT"), "method_not_allowed"),
        (406, exceptions.NotAcceptable(), "not_acceptable"),
        (415, exceptions.UnsupportedMediaType("text/x"), "unsupported_media_type"),
        (429, exceptions.Throttled(7), "throttled"),
    ],
)
def test_each_exception_of_drf_has_its_code(
    status: int, exception: exceptions.APIException, code: str
) -> None:
    detail: Any = exception.detail
    body = detail if isinstance(detail, list) else {"detail": detail}
    report = read(body, status, exception)
    assert (report.status, report.code) == (status, code)
    assert report.message == (str(detail) if isinstance(detail, str) else "x")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (302, "redirect"), (400, "invalid"), (401, "not_authenticated"),
        (403, "permission_denied"), (404, "not_found"), (405, "method_not_allowed"),
        (406, "not_acceptable"), (409, "conflict"), (415, "unsupported_media_type"),
        (429, "throttled"), (500, "error"), (599, "error"),
    ],
)  # fmt: skip
def test_without_an_exception_the_status_tells_the_code(status: int, code: str) -> None:
    assert read({"detail": "x"}, status).code == code


def test_nobody_logged_in_is_known_by_its_sentence_when_http_says_403() -> None:
    body = {"detail": "Authentication credentials were not provided."}
    assert read(body, 403).code == "not_authenticated"
    assert read({"detail": "You may not."}, 403).code == "permission_denied"
    with translation.override("de"):
        body = {"detail": str(exceptions.NotAuthenticated.default_detail)}
        assert read(body, 403).code == "not_authenticated"


def test_a_code_in_the_body_counts() -> None:
    body = {"detail": "Token is expired", "code": "token_not_valid", "messages": [{"a": "b"}]}
    report = read(body, 401)
    assert (report.code, report.message, report.fields) == (
        "token_not_valid", "Token is expired", {},
    )  # fmt: skip


@pytest.mark.parametrize(("wait", "expected"), [(7, 7.0), (0.5, 1.0), (None, None)])
def test_a_throttled_call_says_how_long(wait: Any, expected: float | None) -> None:
    exception = exceptions.Throttled(wait)
    assert read({"detail": exception.detail}, 429, exception).wait == expected


def test_the_wait_is_read_from_the_sentence_over_http() -> None:
    body = {"detail": "Request was throttled. Expected available in 41 seconds."}
    assert read(body, 429).wait == 41.0
    assert read({"detail": "Number 41 is not allowed."}, 403).wait is None


def test_djangos_exceptions_without_a_detail_leave_it_to_the_body() -> None:
    assert read({"detail": "No Product."}, 404, Http404("x")).message == "No Product."
    assert read({"detail": "No."}, 403, PermissionDenied()).code == "permission_denied"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 17, "info": {"name": ["Bad."]}}},
        {"ok": False, "problems": ["something"]},
        "An error.",
        None,
    ],
)
def test_an_envelope_of_the_project_is_passed_over_for_the_exception(body: Any) -> None:
    exception = exceptions.ValidationError({"name": ["Bad."]})
    assert read(body, 400, exception).fields == {"name": "Bad."}
    refused = exceptions.PermissionDenied("Not you.")
    assert read(body, 403, refused).message == "Not you."


def test_a_handler_that_rewrites_messages_in_drfs_own_shape_is_heard() -> None:
    exception = exceptions.ValidationError({"name": ["Bad."], "sku": ["Bad."]})
    assert read({"name": ["Please do."]}, 400, exception).fields == {"name": "Please do."}


@pytest.mark.parametrize(
    "body",
    [
        {"errors": {"name": ["Bad."]}},
        {"status": 400, "message": "Invalid", "errors": {"name": ["Bad."]}},
        {"error": {"details": {"name": ["Bad."]}}},
        {"type": "validation_error", "errors": [{"code": "x", "detail": "Bad.", "attr": "name"}]},
        {"success": False, "errors": [{"field": "name", "message": "Bad."}]},
    ],
)
def test_common_envelopes_are_opened_without_an_exception(body: Any) -> None:
    assert read(body).fields == {"name": "Bad."}


def test_a_flat_list_of_errors_may_be_about_the_whole_or_a_nested_field() -> None:
    body = {
        "errors": [
            {"detail": "Both.", "attr": None},
            {"detail": "Deep.", "attr": "lines.0.quantity"},
            {"detail": "All.", "attr": "non_field_errors"},
        ]
    }
    report = read(body)
    assert (report.message, report.fields) == ("Both. All.", {"lines.0.quantity": "Deep."})


def test_lazy_texts_become_texts() -> None:
    report = read({"name": [gettext_lazy("Yes")], "detail": gettext_lazy("No")})
    assert (report.message, report.fields) == ("No", {"name": "Yes"})
    assert type(report.message) is str
    assert type(report.fields["name"]) is str


def test_details_are_plain_texts_without_a_code_on_them() -> None:
    exception = exceptions.ValidationError({"name": "Bad."})
    report = read(exception.detail, 400, exception)
    assert {type(text) for text in report.fields.values()} == {str}


def test_a_long_page_of_text_is_cut() -> None:
    assert len(read("word " * 1000, 502).message) <= 500


@pytest.mark.parametrize("name", ["title", "message", "error", "details"])
def test_a_field_may_be_called_like_an_envelope(name: str) -> None:
    report = report_errors(400, {name: ["Too long."]})
    assert report.fields == {name: "Too long."}
    assert report_errors(400, {name: "Wrong."}).message == "Wrong."
