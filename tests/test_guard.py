"""Forged Host and Origin headers are refused, and a site's own are not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from reflex_drf.guard import Guard, read_headers

OWN = {"Host": "shop.example"}


def scope(headers: dict[str, str], scheme: str = "ws") -> dict[str, Any]:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "websocket", "path": "/_event/", "scheme": scheme, "headers": pairs}


def refusal(headers: dict[str, str], scheme: str = "ws", **options: Any) -> str | None:
    with override_settings(**{"ALLOWED_HOSTS": ["shop.example", "[::1]"], **options}):
        return Guard({"http://front.example:3000"}).refusal(scope(headers, scheme))


@pytest.mark.parametrize(
    ("host", "origin", "scheme"),
    [
        ("shop.example", "http://shop.example", "ws"),
        ("shop.example", "https://shop.example", "wss"),
        # TLS ended by a proxy that says nothing of it.
        ("shop.example", "https://shop.example", "ws"),
        ("shop.example:3000", "http://shop.example:3000", "ws"),
        ("shop.example:443", "https://shop.example", "wss"),
        ("shop.example:80", "http://shop.example", "ws"),
        ("SHOP.example", "http://shop.example", "ws"),
        ("[::1]:3000", "http://[::1]:3000", "ws"),
        ("shop.example", "http://front.example:3000", "ws"),
    ],
)
def test_the_sites_own_pages_pass(host: str, origin: str, scheme: str) -> None:
    assert refusal({"Host": host, "Origin": origin}, scheme) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://shop.example.evil.example",
        "http://evil-shop.example",
        "http://shop.example:8080",
        "http://sub.shop.example",
        "http://shop.example@evil.example",
        "http://shop.example:port",
        "http://[shop.example",
        "null",
        "",
        "shop.example",
        "file://",
        "chrome-extension://shop.example",
        "http://front.example",
        "https://front.example:3000",
    ],
)
def test_another_origin_is_refused(origin: str) -> None:
    reason = refusal({**OWN, "Origin": origin})
    assert reason is not None
    assert "CSRF_TRUSTED_ORIGINS" in reason


def test_a_page_without_tls_is_not_the_site_with_tls() -> None:
    assert refusal({**OWN, "Origin": "http://shop.example"}, "wss") is not None


@pytest.mark.parametrize(("sent", "refused"), [("https", True), ("http", False)])
def test_the_proxys_word_on_tls_counts(sent: str, refused: bool) -> None:
    reason = refusal(
        {**OWN, "Origin": "http://shop.example", "X-Forwarded-Proto": sent},
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    )
    assert (reason is not None) is refused


@pytest.mark.parametrize("host", ["evil.example", "shop.example.evil.example", "", "a b", "x@y"])
def test_a_host_that_is_not_allowed_is_refused(host: str) -> None:
    reason = refusal({"Host": host, "Origin": f"http://{host}"})
    assert reason is not None
    assert "ALLOWED_HOSTS" in reason


def test_dns_rebinding_is_refused() -> None:
    assert refusal({"Host": "evil.example:3000", "Origin": "http://evil.example:3000"})


@pytest.mark.parametrize(("debug", "refused"), [(True, False), (False, True)])
def test_without_allowed_hosts_debug_lets_this_machine_in(debug: bool, refused: bool) -> None:
    headers = {"Host": "localhost:3000", "Origin": "http://localhost:3000"}
    assert (refusal(headers, ALLOWED_HOSTS=[], DEBUG=debug) is not None) is refused
    assert refusal({"Host": "evil.example"}, ALLOWED_HOSTS=[], DEBUG=debug) is not None


def test_the_forwarded_host_counts_only_by_its_setting() -> None:
    headers = {
        "Host": "inner:8000",
        "X-Forwarded-Host": "shop.example",
        "Origin": "https://shop.example",
    }
    assert refusal(headers) is not None
    assert refusal(headers, USE_X_FORWARDED_HOST=True) is None


def test_a_forwarded_host_cannot_vouch_for_an_origin() -> None:
    headers = {**OWN, "X-Forwarded-Host": "evil.example", "Origin": "http://evil.example"}
    assert refusal(headers) is not None
    assert refusal(headers, USE_X_FORWARDED_HOST=True) is not None


@pytest.mark.parametrize(
    ("origin", "refused"),
    [
        ("https://partner.example", False),
        ("http://partner.example", True),
        ("https://app.team.example", False),
        ("https://a.b.team.example", False),
        ("http://app.team.example", True),
        ("https://evilteam.example", True),
    ],
)
def test_trusted_origins_are_djangos_with_wildcards(origin: str, refused: bool) -> None:
    trusted = ["https://partner.example", "https://*.team.example"]
    reason = refusal({**OWN, "Origin": origin}, CSRF_TRUSTED_ORIGINS=trusted)
    assert (reason is not None) is refused


@pytest.mark.parametrize(
    ("site", "refused"),
    [
        (None, False),
        ("none", False),
        ("same-origin", False),
        ("same-site", True),
        ("cross-site", True),
    ],
)
def test_without_origin_the_kind_of_site_decides(site: str | None, refused: bool) -> None:
    headers = OWN if site is None else {**OWN, "Sec-Fetch-Site": site}
    assert (refusal(headers) is not None) is refused


@pytest.mark.parametrize("name", [b"host", b"origin"])
def test_repeated_headers_are_refused(name: bytes) -> None:
    twice = scope({**OWN, "Origin": "http://shop.example"})
    twice["headers"].append((name, b"shop.example"))
    with override_settings(ALLOWED_HOSTS=["shop.example"]):
        reason = Guard().refusal(twice)
    assert reason is not None
    assert "exactly one Host" in reason


def test_a_missing_host_is_refused() -> None:
    assert refusal({"Origin": "http://shop.example"}) is not None


def test_a_reason_quotes_no_more_than_a_line() -> None:
    reason = refusal({**OWN, "Origin": "http://" + "x" * 5000 + "\n"})
    assert reason is not None
    assert len(reason) < 400
    assert "\n" not in reason


def test_headers_are_collected_without_case_and_with_repetitions() -> None:
    found = read_headers({"headers": [(b"Cookie", b"a=1"), (b"cookie", b"b=\xe4")]})
    assert found == {"cookie": ["a=1", "b=\xe4"]}
    assert read_headers({}) == {}
