"""Who may open the event socket and upload: an allowed Host, and the site's own or trusted Origin.

A browser sends the session cookie with a websocket handshake whichever page opens it, and
Django's CSRF check never sees one. These are the checks Django makes for a form, made here before
anything is accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

__all__ = ["Guard", "is_secure", "read_headers"]

DEFAULT_PORTS = {"http": "80", "https": "443"}
# What Django itself allows while DEBUG is on and ALLOWED_HOSTS is empty.
DEBUG_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


class Guard:
    """Says why a request may not reach Reflex, from its headers alone.

    `origins` are trusted besides `CSRF_TRUSTED_ORIGINS` and the origin of the site itself.
    """

    def __init__(self, origins: Collection[str] = ()) -> None:
        self.origins = frozenset(origins)

    def refusal(self, scope: Mapping[str, Any]) -> str | None:
        """Give the reason to refuse a handshake or an upload, or `None` to let it pass."""
        headers = read_headers(scope)
        if len(headers.get("host", [])) != 1 or len(headers.get("origin", [])) > 1:
            return "needs exactly one Host and at most one Origin header"
        host = read_host(headers)
        if not is_allowed(host):
            return f"Host {host[:200]!r} is not in ALLOWED_HOSTS"
        if "origin" not in headers:
            return refuse_foreign_site(headers)
        origin = headers["origin"][0]
        if not self.trusts(scope, headers):
            return f"Origin {origin[:200]!r} is neither {host!r} nor in CSRF_TRUSTED_ORIGINS"
        return None

    def trusts(self, scope: Mapping[str, Any], headers: Mapping[str, list[str]]) -> bool:
        """Tell whether the request's Origin is the site's own or a trusted one."""
        origin = headers.get("origin", [""])[0]
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
            own = is_own(parts, read_host(headers), is_secure(scope, headers))
        except ValueError:
            return False
        return own or is_trusted(parts, origin)


def read_headers(scope: Mapping[str, Any]) -> dict[str, list[str]]:
    """Collect the headers of an ASGI scope, each name with all its values."""
    headers: dict[str, list[str]] = {}
    for name, value in scope.get("headers", ()):
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def read_host(headers: Mapping[str, list[str]]) -> str:
    """Give the host the browser asked for, as Django's `get_host` would find it."""
    if settings.USE_X_FORWARDED_HOST and "x-forwarded-host" in headers:
        return headers["x-forwarded-host"][0]
    return headers.get("host", [""])[0]


def is_allowed(host: str) -> bool:
    """Apply `ALLOWED_HOSTS`."""
    allowed = settings.ALLOWED_HOSTS or (DEBUG_HOSTS if settings.DEBUG else [])
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def refuse_foreign_site(headers: Mapping[str, list[str]]) -> str | None:
    """Judge a request without Origin.

    Every browser sends one with a websocket handshake and with a POST, so what has none is a
    script of the user's own; browsers that leave it out still name the kind of site.
    """
    site = headers.get("sec-fetch-site", ["none"])[0]
    return None if site in ("none", "same-origin") else "comes from another site without an Origin"


def is_secure(scope: Mapping[str, Any], headers: Mapping[str, list[str]]) -> bool:
    """Tell whether the browser is known to have used TLS, as Django's `is_secure` does."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, expected = settings.SECURE_PROXY_SSL_HEADER
        sent = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower())
        if sent is not None:
            return sent[0].split(",")[0].strip() == expected
    return scope.get("scheme") in ("https", "wss")


def is_own(origin: SplitResult, host: str, secure: bool) -> bool:
    """Tell whether the origin is the site that `host` names.

    The scheme only counts where TLS is known of: a proxy that ends it often does not say so.
    """
    default = DEFAULT_PORTS.get(origin.scheme)
    if default is None or (secure and origin.scheme != "https"):
        return False
    domain, port = split_domain_port(host)
    own_port = str(origin.port or default)
    name = f"[{origin.hostname}]" if ":" in (origin.hostname or "") else origin.hostname
    return bool(domain) and (name, own_port) == (domain, port or default)


def is_trusted(origin: SplitResult, text: str) -> bool:
    """Apply `CSRF_TRUSTED_ORIGINS`, with its wildcards for subdomains."""
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        if text == trusted:
            return True
        scheme, _, pattern = trusted.partition("://")
        wild = "*" in pattern and scheme == origin.scheme
        if wild and is_same_domain(origin.netloc, pattern.lstrip("*")):
            return True
    return False
