"""The HTTP endpoint of exports: a browser shows a ticket and gets the rows as a file.

The ticket says which list was asked for and from which tab. Who asks, and whether they may read
it, the request says by itself: every page of the file is a call to the viewset, as the user of
the cookies that the request came with.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from reflex_drf import bridge
from reflex_drf.backends import Call, Reply
from reflex_drf.bridge.language import say
from reflex_drf.bridge.threads import database_thread
from reflex_drf.bridge.tickets import take_kept
from reflex_drf.bridge.visits import Visit
from reflex_drf.guard import Guard, read_headers
from reflex_drf.seam.lending import lend
from reflex_drf.state.description import describe
from reflex_drf.state.exporting import PURPOSE, csv_lines, wanted_of
from reflex_drf.state.matching import every_page
from reflex_drf.state.owner import identify, known_user

__all__ = ["ExportEndpoint"]

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LONGEST_BODY = 1024
END: Any = object()


class RefusedError(Exception):
    """There is no file; its status and text say why."""


class ExportEndpoint:
    """Streams all rows of a list, page after page, as CSV."""

    def __init__(self, guard: Guard, states: Callable[[], Any]) -> None:
        self.guard, self.states = guard, states

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if (reason := self._refusal(scope)) is not None:
            logger.warning("Refused an export: %s.", reason)
            await answer(send, 403, "Forbidden.")
        elif (ticket := await read_ticket(receive)) is None:
            await answer(send, 403, "Forbidden.")
        else:
            async with database_thread():
                await self._answer(scope, ticket, send)

    def _refusal(self, scope: Mapping[str, Any]) -> str | None:
        if scope.get("method") != "POST":
            return "it is not a POST"
        if "origin" not in read_headers(scope):
            # Every browser names it with a POST.
            return "it has no Origin"
        return self.guard.refusal(scope)

    async def _answer(self, scope: Mapping[str, Any], ticket: str, send: Send) -> None:
        kept = await sync_to_async(take_kept)(ticket, PURPOSE)
        lent = None if kept is None else await lend(self.states(), kept["token"], kept["state"])
        if kept is None or lent is None:
            logger.warning("Refused an export: its ticket is unknown, too old, or was used before.")
            await answer(send, 403, "This download is no longer there. Please ask for it again.")
            return
        peer = str((scope.get("client") or [""])[0])
        with bridge.EventScope(Visit(joined(scope), peer, "/"), deferred=True):
            await stream(send, filename(lent[0]), pieces(*lent, kept))


async def pieces(state: Any, owner: str, kept: Mapping[str, Any]) -> AsyncIterator[str]:
    """Give the file piece by piece; each is made in the thread of this request."""
    known = describe(type(state))
    columns = [known.column(name) for name in kept["columns"]] or list(known.columns)
    lines = csv_lines(columns, pages(state, owner, kept))
    step: Any = sync_to_async(next)
    while (line := await step(lines, END)) is not END:
        yield line


def pages(state: Any, owner: str, kept: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Read the rows as the user of this request, in its thread."""
    plan, count = state._plan, 0
    # Whose tab it is now, and whose it was when it asked for the file.
    owners = {owner, kept["owner"] or owner}

    def run(call: Call) -> Reply:
        reply: Reply = plan.backend.run_sync(bridge.event_origin(), call)[0]
        if reply.request is not None and {identify(asker(reply.request))} != owners:
            # Somebody else has signed in since: what the tab was searched and filtered for, and
            # what its hooks know, was for the former user.
            raise RefusedError(403, say(_("This page belongs to somebody else by now.")))
        return reply

    for reply in every_page(state, run, wanted_of(kept)):
        if not reply.ok:
            message = reply.errors.message if reply.errors else ""
            raise RefusedError(reply.status, message or say(_("The list cannot be read.")))
        rows = reply.rows if reply.rows is not None else reply.data
        shown = [state._row(row) for row in (rows if isinstance(rows, list) else [])]
        count += len(shown)
        if max(count, (reply.page and reply.page.count) or 0) > plan.options.export_limit:
            raise RefusedError(413, say(_("There are too many rows for one file.")))
        yield shown


def asker(request: Any) -> Any:
    """Give the user of a request's session, also where a viewset asks nobody who it is."""
    user = known_user(request)
    if getattr(user, "is_authenticated", False) or not hasattr(request, "session"):
        return user
    return get_user(request)


async def stream(send: Send, name: str, lines: AsyncIterator[str]) -> None:
    """Send the pieces as one file, or an error while none has been sent."""
    try:
        # The heading, and the first page: whether the list may be read is known then.
        head = await anext(lines) + await anext(lines, "")
    except RefusedError as error:
        status, message = error.args
        await answer(send, status, message)
        return
    await send({"type": "http.response.start", "status": 200, "headers": headers_of(name)})
    # Spreadsheets tell UTF-8 by its mark.
    await send({"type": "http.response.body", "body": head.encode("utf-8-sig"), "more_body": True})
    # An error from here on ends the connection in the middle, so that nobody takes a part of the
    # rows for all of them.
    async for line in lines:
        await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def headers_of(name: str) -> list[tuple[bytes, bytes]]:
    """Give the headers of a file that is saved and not shown."""
    return [
        (b"content-type", b"text/csv; charset=utf-8"),
        (b"content-disposition", f'attachment; filename="{name}"'.encode("ascii", "replace")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]


def filename(state: Any) -> str:
    """Name the file by what people call the rows, in letters that every system takes."""
    return f"{slugify(say(describe(type(state)).label_plural)) or 'rows'}.csv"


async def read_ticket(receive: Receive) -> str | None:
    """Read the ticket out of the form, None if there is none."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body"):
            break
    tickets = parse_qs(body.decode("latin-1")).get("ticket", [])
    return tickets[0] if len(tickets) == 1 else None


def joined(scope: Mapping[str, Any]) -> dict[str, str]:
    """Give each header as one value, as a handshake has them."""
    return {
        name: ("; " if name == "cookie" else ", ").join(values)
        for name, values in read_headers(scope).items()
    }


async def answer(send: Send, status: int, text: str) -> None:
    """Send a refusal as plain text."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
