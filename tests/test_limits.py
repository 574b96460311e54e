"""What HTTP refuses for its size or its numbers is refused in process, by the same status."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from rest_framework.parsers import FormParser
from rest_framework.test import APIClient

from reflex_drf.backends import Call, Reply
from reflex_drf.backends.inprocess import call_view
from reflex_drf.backends.limits import measure
from tests.origin import log_in, make_origin
from tests.shop.models import Product
from tests.shop.views import ProductViewSet

pytestmark = pytest.mark.django_db
NEW = {"name": "New", "sku": "n-1", "price": "1.00"}


@pytest.fixture
def admin() -> Any:
    return get_user_model().objects.create_superuser("root")


def call(user: Any, data: Any, **inputs: Any) -> Reply:
    given = Call(view=ProductViewSet, action="create", data=data, **inputs)
    return call_view(given, origin(user))


def origin(user: Any) -> HttpRequest:
    return make_origin(log_in(user) if user else None)


def post(user: Any, body: Any, content_type: str = "application/json") -> Any:
    client = APIClient()
    client.force_authenticate(user)
    kind = {} if content_type == "multipart" else {"content_type": content_type}
    return client.post("/api/products/", body, **kind, format=None if kind else "multipart")


def as_json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("filler", ["x", "ä", '"', "\n", "\x01", "😀"], ids=repr)
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_json_is_measured_as_a_browser_writes_it(
    filler: str, over: int, admin: Any, settings: Any
) -> None:
    data = NEW | {"attrs": {"note": filler * 200}}
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(as_json(data)) - over
    reply, response = call(admin, data), post(admin, as_json(data))
    # One of the two made the row, so that the other's says that there is one.
    assert (reply.status == 201) == (over <= 0)
    assert response.status_code == 400
    assert Product.objects.count() == (over <= 0)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")], ids=repr)
@pytest.mark.parametrize("name", ["stock", "attrs"])
def test_numbers_that_json_does_not_have(number: float, name: str, admin: Any) -> None:
    data = NEW | {name: number if name == "stock" else {"deep": [number]}}
    reply, response = call(admin, data), post(admin, as_json(data))
    assert reply.status == response.status_code == 400
    assert "JSON parse error" in reply.data["detail"]
    assert "JSON parse error" in response.data["detail"]
    assert Product.objects.count() == 0


def test_a_form_with_a_file_has_no_more_text_than_over_http(admin: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 300
    for note, status in (("x" * 100, 201), ("x" * 400, 400)):
        for send in (call, post):
            Product.objects.all().delete()
            data = NEW | {"size": "s", "attrs": json.dumps(note)}
            photo = SimpleUploadedFile("a.txt", b"y" * 1000)
            if send is call:
                assert call(admin, data, files={"photo": photo}).status == status
            else:
                assert post(admin, {**data, "photo": photo}, "multipart").status_code == status


@pytest.mark.parametrize(
    ("setting", "limit"),
    [("DATA_UPLOAD_MAX_NUMBER_FIELDS", 4), ("DATA_UPLOAD_MAX_NUMBER_FILES", 0)],
)
def test_a_form_has_no_more_parts_than_over_http(
    setting: str, limit: int, admin: Any, settings: Any
) -> None:
    data = NEW | {"tags": [1, 2]}
    photo = SimpleUploadedFile("a.txt", b"y")
    setattr(settings, setting, limit)
    assert call(admin, data, files={"photo": photo}).status == 400
    assert post(admin, {**data, "photo": photo}, "multipart").status_code == 400
    setattr(settings, setting, None)
    # Only the tags are wrong now.
    assert list(call(admin, data, files={"photo": photo}).data) == ["tags"]


class FormProductViewSet(ProductViewSet):
    parser_classes = [FormParser]


def test_a_form_without_files_is_measured_as_it_is_encoded(admin: Any, settings: Any) -> None:
    data = NEW | {"name": "ä" * 70}
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(urlencode(data))
    call_form = Call(view=FormProductViewSet, action="create", data=data)
    assert call_view(call_form, origin(admin)).status == 201
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE -= 1
    assert "Bad Request" in call_view(call_form, origin(admin)).data
    assert Product.objects.count() == 1
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert "sku" in call_view(call_form, origin(admin)).data


def test_who_may_not_write_is_told_so_first(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert call(None, NEW).status == post(None, as_json(NEW)).status_code == 403


def test_no_limit_is_no_limit(admin: Any, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    assert call(admin, NEW | {"attrs": {"note": "x" * 3_000_000}}).status == 201


@pytest.mark.parametrize(
    "data",
    [{}, [], "", "\x00" * 9, "😀", 10**40, -(10**40), True, None, 1e-300, {"": {"a": [[], [""]]}}],
    ids=repr,
)
def test_what_is_measured_is_never_less_than_what_is_sent(data: Any) -> None:
    assert measure(data)[0] >= len(as_json(data)) - 2
    assert measure([data] * 50)[0] >= len(as_json([data] * 50))


@pytest.mark.parametrize(
    ("action", "inputs"),
    [
        ("list", {"query": {"search": "x" * 40_000}}),
        ("list", {"query": {"tag": ["1"] * 10_000}}),
        ("retrieve", {"kwargs": {"pk": "9" * 40_000}}),
    ],
)
def test_a_url_is_no_longer_than_servers_take(action: str, inputs: Any, admin: Any) -> None:
    reply = call_view(Call(view=ProductViewSet, action=action, **inputs), origin(admin))
    assert (reply.status, reply.errors and reply.errors.message) == (
        414,
        "The request is too long.",
    )


def test_a_long_search_is_still_a_search(admin: Any) -> None:
    given = Call(view=ProductViewSet, action="list", query={"search": "x" * 10_000})
    assert call_view(given, origin(admin)).rows == []
