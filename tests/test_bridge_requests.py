"""The request of an event says what the handshake said, and no more."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template import RequestContext, Template

from reflex_drf.bridge.requests import build_request, encode_query, is_secure_origin


def request(headers: dict[str, str] | None = None, **options: Any) -> HttpRequest:
    options = {"client_ip": "10.0.0.7", "path": "/shop", "query": "", **options}
    return build_request({"host": "localhost:8000", **(headers or {})}, **options)


def test_request_is_a_get_of_the_page() -> None:
    event = request(path="/shop/7", query="page=2&q=a%20b&tag=x&tag=y")
    assert event.method == "GET"
    assert (event.path, event.path_info) == ("/shop/7", "/shop/7")
    assert event.GET["q"] == "a b"
    assert event.GET.getlist("tag") == ["x", "y"]
    assert event.get_full_path() == "/shop/7?page=2&q=a%20b&tag=x&tag=y"
    assert event.is_reflex_event  # type: ignore[attr-defined]


def test_body_is_empty_in_every_form() -> None:
    event = request()
    assert event.body == b""
    assert event.read() == b""
    assert not event.POST
    assert not event.FILES
    assert event.content_type == ""


def test_a_middleware_may_put_other_input_in_its_place() -> None:
    event = request()
    with pytest.raises(AttributeError, match="immutable"):
        event.POST["name"] = "x"
    event.POST = event.POST.copy()
    event.POST["name"] = "x"
    event.FILES.appendlist("file", "data")
    assert (event.POST["name"], event.FILES["file"]) == ("x", "data")
    assert not request().POST
    assert not request().FILES


def test_headers_are_readable_as_in_a_view() -> None:
    event = request({"accept-language": "de", "user-agent": "Firefox"})
    assert event.headers["Accept-Language"] == "de"
    assert event.META["HTTP_USER_AGENT"] == "Firefox"
    assert event.accepts("text/html")


@pytest.mark.parametrize(
    "name", ["connection", "upgrade", "sec-websocket-key", "Sec-WebSocket-Version"]
)
def test_headers_of_the_websocket_itself_are_left_out(name: str) -> None:
    event = request({name: "x"})
    assert name not in event.headers


def test_header_with_an_underscore_cannot_pose_as_another() -> None:
    event = request({"x-forwarded-for": "1.1.1.1", "x_forwarded_for": "6.6.6.6"})
    assert event.META["HTTP_X_FORWARDED_FOR"] == "1.1.1.1"
    assert "HTTP_X_FORWARDED_FOR" not in request({"x_forwarded_for": "6.6.6.6"}).META


def test_client_address_is_the_peer_and_not_what_the_client_claims() -> None:
    event = request({"x-forwarded-for": "6.6.6.6", "remote-addr": "6.6.6.6"})
    assert event.META["REMOTE_ADDR"] == "10.0.0.7"
    assert event.META["HTTP_X_FORWARDED_FOR"] == "6.6.6.6"


def test_remote_user_header_cannot_pose_as_the_servers_variable() -> None:
    event = request({"remote-user": "admin"})
    assert "REMOTE_USER" not in event.META


def test_cookies_are_parsed() -> None:
    event = request({"cookie": 'sessionid=abc; theme="da rk"; =x'})
    assert event.COOKIES["sessionid"] == "abc"
    assert event.COOKIES["theme"] == "da rk"


@pytest.mark.parametrize(
    "cookie", ["", ";;;", "=", "\x00\xff", "a=b; a", 'a="unclosed', "é=ü", "a" * 10_000]
)
def test_malformed_cookies_do_no_harm(cookie: str) -> None:
    assert "sessionid" not in request({"cookie": cookie}).COOKIES


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("localhost:8000", "localhost", "8000"),
        ("shop.example.com", "shop.example.com", "80"),
        ("[::1]:3000", "[::1]", "3000"),
        ("", "unknown", "0"),
        ("a b", "unknown", "0"),
        ("evil.com/../x", "unknown", "0"),
        ("host:99999999", "unknown", "0"),
        ("host:port", "unknown", "0"),
        ("[::1", "unknown", "0"),
    ],
)
def test_host_is_split_and_anything_else_does_no_harm(host: str, name: str, port: str) -> None:
    event = request({"host": host})
    assert (event.META["SERVER_NAME"], event.META["SERVER_PORT"]) == (name, port)


def test_host_is_checked_by_django_where_it_is_asked() -> None:
    assert request().get_host() == "localhost:8000"
    with pytest.raises(DisallowedHost):
        request({"host": "evil.example"}).get_host()
    with pytest.raises(DisallowedHost):
        request({"host": "a b"}).get_host()


def test_missing_host_header_is_no_crash() -> None:
    event = build_request({}, client_ip="", path="/")
    assert event.META["SERVER_NAME"] == "unknown"
    assert "HTTP_HOST" not in event.META


@pytest.mark.parametrize(
    ("origin", "scheme"),
    [
        ("https://shop.example.com", "https"),
        ("HTTPS://shop.example.com", "https"),
        ("http://localhost:3000", "http"),
        ("null", "http"),
        ("", "http"),
        ("https://[broken", "http"),
        ("httpsx://a", "http"),
    ],
)
def test_scheme_follows_the_page_that_opened_the_socket(origin: str, scheme: str) -> None:
    event = request({"origin": origin})
    assert event.scheme == scheme
    assert event.is_secure() is (scheme == "https")
    assert is_secure_origin(origin) is (scheme == "https")


def test_scheme_that_the_server_knows_wins_over_the_origin() -> None:
    assert request({"origin": "http://a"}, secure=True).scheme == "https"
    assert request({"origin": "https://a"}, secure=False).scheme == "http"
    assert request({"host": "localhost"}, secure=True).META["SERVER_PORT"] == "443"


def test_forwarded_scheme_counts_only_when_the_project_trusts_its_proxy(settings: Any) -> None:
    headers = {"x-forwarded-proto": "https", "origin": "http://a"}
    assert request(headers).scheme == "http"
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert request(headers).scheme == "https"
    assert request({**headers, "x-forwarded-proto": "http"}, secure=True).scheme == "http"


def test_absolute_addresses_are_built_as_in_a_view() -> None:
    event = request({"origin": "https://localhost:8000"})
    assert event.build_absolute_uri("/api/") == "https://localhost:8000/api/"


@pytest.mark.parametrize(
    ("path", "expected"), [("", "/"), ("shop", "/shop"), ("//evil.example/x", "/evil.example/x")]
)
def test_path_has_one_leading_slash(path: str, expected: str) -> None:
    assert request(path=path).path == expected


def test_query_of_the_page_may_be_a_mapping() -> None:
    event = request(query={"page": 2, "tag": ["x", "y"], "none": None, "q": "ä&b"})
    assert event.GET["page"] == "2"
    assert event.GET.getlist("tag") == ["x", "y"]
    assert event.GET["q"] == "ä&b"
    assert "none" not in event.GET


def test_query_mapping_is_encoded() -> None:
    assert encode_query({"a": "1&b=2"}) == "a=1%26b%3D2"


def test_malformed_query_does_no_harm() -> None:
    assert request(query="%%%&=&a=%ff&b").GET["a"] == "\ufffd"


def test_requests_share_nothing() -> None:
    first, second = request(), request()
    first.META["HTTP_X"] = "1"
    first.COOKIES["x"] = "1"
    assert "HTTP_X" not in second.META
    assert "x" not in second.COOKIES


def test_request_can_be_copied_as_django_tools_do() -> None:
    event = request({"cookie": "a=b"})
    assert event.COOKIES == {"a": "b"}
    assert copy.copy(event).COOKIES == {"a": "b"}
    assert "EventRequest: GET '/shop'" in repr(event)


def test_csrf_token_and_templates_work_on_the_request() -> None:
    event = request()
    token = get_token(event)
    page = Template("{{ request.path }}").render(RequestContext(event, {"request": event}))
    assert len(token) == 64
    assert page == "/shop"
