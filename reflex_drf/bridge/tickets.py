"""Tickets: what an event sets as cookies, kept for the one HTTP request that fetches them.

A ticket is a random secret that works once, for a few seconds and for the connection it was made
for. What it stands for is kept where the project keeps its sessions, because every worker finds it
there; it lies under a digest, so that reading the storage gives no ticket.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import Morsel
from importlib import import_module
from typing import Any

from django.conf import settings as django_settings
from django.contrib.sessions.backends.base import CreateError, SessionBase
from django.utils.crypto import constant_time_compare, salted_hmac

from reflex_drf.conf import settings

__all__ = ["EXPORTS", "Connection", "can_keep", "issue", "keep", "keep_last", "redeem", "take_kept"]

logger = logging.getLogger("reflex_drf.bridge")

# Where a browser fetches an exported list; below the path of the backend.
EXPORTS = "/_reflex_drf/export"
SALT = "reflex_drf.tickets"
# Of 256 random bits as text for a JSON body.
LENGTH = 43
COOKIE_SESSIONS = "django.contrib.sessions.backends.signed_cookies"
# How many tickets for values wait that were asked for in one place: a row that nobody fetches stays
# until the expired sessions are cleared.
MOST = 10
# The row of a ticket looks like a session; nothing else in it means anything to Django.
ROW = "_reflex_drf_ticket"


@dataclass(frozen=True, slots=True)
class Connection:
    """What both the socket and the request that redeems its ticket have to show."""

    token: str
    sid: str
    user_agent: str

    def digest(self) -> str:
        """Give what is stored of it."""
        # Lengths keep "ab" + "c" apart from "a" + "bc".
        parts = (self.token, self.sid, self.user_agent)
        return keyed("connection", "".join(f"{len(part)}:{part}" for part in parts))


def can_keep() -> bool:
    """Tell whether the project keeps sessions where a ticket can be kept."""
    return (
        django_settings.SESSION_ENGINE != COOKIE_SESSIONS
        and "django.contrib.sessions.middleware.SessionMiddleware" in session_middleware()
    )


def session_middleware() -> Iterable[str]:
    """Give the dotted paths of the middleware, those of the classes they derive from included."""
    from django.utils.module_loading import import_string

    for path in django_settings.MIDDLEWARE:
        for base in getattr(import_string(path), "__mro__", ()):
            yield f"{base.__module__}.{base.__qualname__}"


def issue(
    cookies: Mapping[str, Morsel[str]],
    held: Iterable[Mapping[str, str]],
    connection: Connection,
) -> str:
    """Keep cookies and give the ticket for them; runs in a database thread.

    `held` are the cookies the browser may have by now. It gets a new one only in the place of such
    a value, so that an event cannot undo what another tab has done since.
    """
    ticket = secrets.token_urlsafe(32)
    views = list(held)
    lines = [
        {
            "name": name,
            "set": morsel.OutputString(),
            "instead_of": sorted({digest(view.get(name, "")) for view in views}),
        }
        for name, morsel in cookies.items()
    ]
    kept = {
        "cookies": lines,
        "connection": connection.digest(),
        "expires": time.time() + settings.TICKET_SECONDS,
    }
    create_row(open_row(ticket), kept)
    return ticket


def keep(value: dict[str, Any], purpose: str) -> str:
    """Keep plain values and give the ticket for them; runs in a database thread."""
    ticket = secrets.token_urlsafe(32)
    create_row(
        open_row(ticket, purpose), value | {"expires": time.time() + settings.TICKET_SECONDS}
    )
    return ticket


def keep_last(value: dict[str, Any], purpose: str, rows: Sequence[str]) -> tuple[str, list[str]]:
    """Do the same in the place of the oldest of some rows; give also the rows there are then."""
    ticket = keep(value, purpose)
    waiting = [*rows, storage_key(ticket, purpose)]
    for key in waiting[:-MOST]:
        open_row(ticket, purpose).delete(key)
    return ticket, waiting[-MOST:]


def take_kept(ticket: str, purpose: str) -> dict[str, Any] | None:
    """Give what was kept for a ticket, to the first who asks in time; in a database thread."""
    kept = take(ticket, purpose)
    return kept if kept is not None and time.time() <= kept["expires"] else None


def redeem(ticket: str, connection: Connection, held: Mapping[str, str]) -> list[str] | None:
    """Give the `Set-Cookie` lines of a ticket, or None if it is not good; once, whoever asks.

    A ticket shown by a wrong connection is spent too: somebody has stolen it. `held` are the
    cookies the request came with. Runs in a database thread.
    """
    kept = take(ticket)
    if kept is None:
        logger.warning("Refused a ticket: it is unknown, or was used before.")
        return None
    if not constant_time_compare(kept["connection"], connection.digest()):
        logger.warning("Refused a ticket: it was made for another connection.")
        return None
    if time.time() > kept["expires"]:
        logger.warning("Refused a ticket: it is too old.")
        return None
    return [
        cookie["set"]
        for cookie in kept["cookies"]
        if digest(held.get(cookie["name"], "")) in cookie["instead_of"]
    ]


def take(ticket: str, purpose: str = "ticket") -> dict[str, Any] | None:
    """Take what is kept for a ticket away from the storage, for one caller only."""
    key = storage_key(ticket, purpose)
    if len(ticket) != LENGTH or not open_row(ticket, purpose).exists(key):
        # Guessing costs the storage one look at most.
        return None
    claim = open_row(ticket, "claim")
    try:
        # Of two who come at once, storage lets one create the row. Whoever creates it after the
        # first has deleted it finds the ticket gone, because that was deleted before.
        create_row(claim, {})
    except CreateError:
        return None
    row = open_row(ticket, purpose)
    kept: dict[str, Any] | None = row.get(ROW)
    if kept is not None:
        row.delete(key)
    claim.delete(storage_key(ticket, "claim"))
    return kept


def open_row(ticket: str, purpose: str = "ticket") -> SessionBase:
    """Give the row of a ticket, not yet read."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore
    row: SessionBase = store(storage_key(ticket, purpose))
    return row


def create_row(row: SessionBase, value: dict[str, Any]) -> None:
    """Write a new row, or raise CreateError where there is one of its key."""
    # A session that looks for its row and finds none would take another key.
    row.clear()
    row[ROW] = value
    # Whatever is never fetched goes with the expired sessions.
    row.set_expiry(max(1, math.ceil(settings.TICKET_SECONDS)))
    row.save(must_create=True)


def storage_key(ticket: str, purpose: str = "ticket") -> str:
    """Give the key of a row; as long as the column of Django's own session table."""
    return keyed(purpose, ticket)[:40]


def keyed(purpose: str, value: str) -> str:
    """Digest a value with the project's secret key."""
    # JSON can hold halves of characters, which have no bytes otherwise.
    given = value.encode("utf-8", "surrogatepass")
    return salted_hmac(f"{SALT}.{purpose}", given, algorithm="sha256").hexdigest()


def digest(value: str) -> str:
    """Digest the value of a cookie, which is secret enough not to need a key."""
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()
