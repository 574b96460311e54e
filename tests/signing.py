"""A browser around a `Tab`: it runs the scripts that fetch cookies, against the real dispatcher."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from reflex_drf.asgi import Dispatcher
from reflex_drf.guard import Guard
from reflex_drf.testing import Tab, cookie_header

URL = "http://testserver"
CALL = re.compile(r"\}\)\((?P<arguments>\"[^\n]*)\)\s*$")


async def no_reflex(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Reflex was asked")


async def no_django(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked")


def dispatcher() -> Dispatcher:
    return Dispatcher(no_reflex, prefixes=(), guard=Guard(), django=no_django)


def scripts(tab: Tab) -> list[tuple[str, str, bool, str]]:
    """Give ticket, path, whether the user changed, and target of each script the tab was sent."""
    codes = [payload.get("javascript_code", "") for _, payload in tab.events]
    found = [CALL.search(code) for code in codes if "JSON.stringify({ticket" in code]
    return [tuple(json.loads(f"[{match['arguments']}]")[:4]) for match in found if match]


def shown(tab: Tab, ticket: str) -> dict[str, str]:
    return {"ticket": ticket, "token": tab.token, "sid": tab.sid}


async def post(
    body: Any,
    *,
    cookies: dict[str, str] | None = None,
    path: str = "/_reflex_drf/cookies",
    method: str = "POST",
    **headers: str,
) -> httpx.Response:
    """Ask for cookies as a script of the site does, save for what is given otherwise."""
    base = {"origin": URL, "user-agent": "reflex_drf.testing", "content-type": "application/json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {**base, **({"cookie": cookie_header(cookies)} if cookies else {}), **named}
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    transport = httpx.ASGITransport(app=dispatcher())
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        return await client.request(
            method, path, content=content, headers={k: v for k, v in sent.items() if v}
        )


def take_cookies(tab: Tab, answer: httpx.Response) -> None:
    """Do with `Set-Cookie` what a browser does."""
    for line in answer.headers.get_list("set-cookie"):
        name, _, value = line.partition(";")[0].partition("=")
        if value.strip('"'):
            tab.cookies[name] = value
        else:
            tab.cookies.pop(name, None)


async def fetch_cookies(tab: Tab) -> list[httpx.Response]:
    """Run the scripts the tab was sent, and connect anew where they say so."""
    found = scripts(tab)
    tab.events.clear()
    answers = []
    for ticket, path, changed, target in found:
        answer = await post(shown(tab, ticket), cookies=tab.cookies, path=path)
        answers.append(answer)
        take_cookies(tab, answer)
        if answer.is_success and changed:
            if target:
                tab.path = target
            await tab.reconnect()
    return answers
