"""The session and the user of a request as Django finds them, by lookups that are compiled once.

Both go Django's own way where anything is not Django's own: another session backend, a manager
with rows of its own, an authentication backend that gets its users differently.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from django.conf import settings as django_settings
from django.contrib import auth
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.contrib.sessions.backends import base
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject, empty

from reflex_drf import lookups

__all__ = [
    "are_djangos",
    "find_user",
    "load_session",
    "quick_user",
    "read_sessions",
    "read_users",
]

DB_SESSIONS = "django.contrib.sessions.backends.db"
# The condition under which a session store looks for its row, and a key that it may have made.
VALID = "expire_date__gt"
SESSION_KEY = re.compile("[0-9a-z]{8,40}")
# Characters of a session that is not worth its place in memory.
LONG = 4096
LAZY_USER = "AuthenticationMiddleware.process_request.<locals>.<lambda>"


class QuickManager:
    """Stands for the manager of the session model while a store looks for its row."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    def get(self, **values: Any) -> Any:
        """Do what the manager's own `get()` does."""
        if lookups.sharing.rows is not None:
            # Sessions that are looked up together are all valid, or not, at the same moment.
            values[VALID] = lookups.sharing.moment
        return lookups.get(self._manager, **values)


class QuickModel:
    """Stands for the session model in the same way."""

    def __init__(self, model: Any) -> None:
        self._model, self.objects = model, QuickManager(model.objects)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def load_session(store: Any) -> None:
    """Load a session that is kept in the database and was not loaded yet; the store does it."""
    db: Any = sys.modules.get(DB_SESSIONS)
    if db is None or type(store) is not db.SessionStore or not is_unread(store):
        return
    model = store.model
    # Where the store finds its model, and for as long as it looks for its row.
    quick: dict[str, Any] = {"model": QuickModel(model)}
    if "decode" not in store.__dict__ and lookups.is_own(type(store).decode, base):
        quick["decode"] = partial(decode, store)
    store.__dict__.update(quick)
    try:
        # Any look at it loads it.
        store.get("")
    finally:
        for name in quick:
            del store.__dict__[name]
        store.__dict__["model"] = model


def decode(store: Any, text: str) -> Any:
    """Do what the store's own `decode()` does, but check no text that was checked before."""
    if len(text) > LONG:
        return type(store).decode(store, text)
    try:
        return store.serializer().loads(signed(text, store.key_salt))
    except Exception:  # noqa: BLE001 - what becomes of it, and what is logged, is Django's to say
        return type(store).decode(store, text)


class Raw:
    """A serializer that leaves it at the bytes."""

    def loads(self, data: bytes) -> bytes:
        """Give the bytes."""
        return data


@lru_cache(maxsize=1024)
def signed(text: str, salt: str) -> bytes:
    """Give what was signed with the secret key. The row that it stands in is read each time."""
    data: bytes = signing.loads(text, salt=salt, serializer=Raw)  # type: ignore[arg-type]
    return data


def forget(**kwargs: Any) -> None:
    """Check all texts again: with settings, which only tests change, the key may have changed."""
    signed.cache_clear()


setting_changed.connect(forget, dispatch_uid="reflex_drf.viewers.forget")


def is_unread(store: Any) -> bool:
    """Tell whether the next look at a session makes a query."""
    return store.session_key is not None and not hasattr(store, "_session_cache")


def are_djangos() -> bool:
    """Tell whether all sessions and all users of this project are found by Django's own code."""
    from django.contrib.auth.backends import ModelBackend

    paths = django_settings.AUTHENTICATION_BACKENDS
    # One that only proves who somebody is, or what he may do, need not find users.
    finders = {getattr(type(auth.load_backend(path)), "get_user", None) for path in paths}
    return django_settings.SESSION_ENGINE == DB_SESSIONS and finders <= {ModelBackend.get_user}


def read_sessions(requests: Iterable[Any]) -> None:
    """Read the sessions of several requests whose lookups follow, in one query."""
    stores = [request.session for request in requests]
    # A browser may send anything as a key, and what is an error for one must be none for others.
    keys = {s.session_key for s in stores if s.session_key and SESSION_KEY.fullmatch(s.session_key)}
    if keys:
        lookups.read_ahead(
            stores[0].model.objects, "session_key", keys, **{VALID: lookups.sharing.moment}
        )


def read_users(requests: Iterable[Any]) -> None:
    """Read the users of several requests whose sessions are loaded, in one query."""
    from django.contrib.auth import backends

    model: Any = backends.UserModel
    keys = set()
    for request in requests:
        # What is in no session, or is no key, is what its own lookup deals with.
        with suppress(KeyError, ValidationError):
            keys.add(auth._get_user_session_key(request))  # type: ignore[attr-defined]
    lookups.read_ahead(model._default_manager, "pk", keys)


def find_user(request: HttpRequest) -> None:
    """Look up the user that Django's middleware would look up when somebody asks."""
    user = getattr(request, "user", None)
    if is_djangos(user, request):
        cached_user(request)


def quick_user(user: Any, request: HttpRequest) -> Any:
    """Give a lazy user that is found quickly in the place of one that Django's middleware made."""
    if not is_djangos(user, request):
        return user
    return SimpleLazyObject(partial(cached_user, request))


def is_djangos(user: Any, request: HttpRequest) -> bool:
    """Tell whether a user is Django's own lazy one, of this very request, and not found yet."""
    middleware: Any = sys.modules.get("django.contrib.auth.middleware")
    if middleware is None or type(user) is not SimpleLazyObject or not is_unfound(user):
        return False
    find: Any = user.__dict__.get("_setupfunc")
    return bool(
        lookups.is_own(find, middleware)
        and find.__qualname__ == LAZY_USER
        and any(cell.cell_contents is request for cell in find.__closure__ or ())
        and lookups.is_own(middleware.get_user, middleware)
        and lookups.is_own(auth.get_user, auth)
    )


def is_unfound(user: Any) -> bool:
    """Tell whether nobody has asked for a lazy user yet."""
    return user.__dict__.get("_wrapped") is empty


def cached_user(request: Any) -> Any:
    """Do what the middleware's own `get_user` does."""
    if not hasattr(request, "_cached_user"):
        request._cached_user = get_user(request)
    return request._cached_user


def get_user(request: Any) -> Any:
    """Do what `django.contrib.auth.get_user` does, with the same queries."""
    from django.contrib.auth.models import AnonymousUser

    session = request.session
    load_session(session)
    try:
        user_id = auth._get_user_session_key(request)  # type: ignore[attr-defined]
        path = session[BACKEND_SESSION_KEY]
    except KeyError:
        return AnonymousUser()
    user = None
    if path in django_settings.AUTHENTICATION_BACKENDS:
        user = user_of(auth.load_backend(path), user_id)
    if hasattr(user, "get_session_auth_hash") and not is_verified(session, user):
        user = None
    return user or AnonymousUser()


def user_of(backend: Any, user_id: Any) -> Any:
    """Do what `ModelBackend.get_user` does, if that is what the backend has."""
    from django.contrib.auth import backends

    own = backends.ModelBackend.get_user
    if type(backend).get_user is not own or not lookups.is_own(own, backends):
        return backend.get_user(user_id)
    model: Any = backends.UserModel
    try:
        user = lookups.get(model._default_manager, pk=user_id)
    except model.DoesNotExist:
        return None
    return user if backend.user_can_authenticate(user) else None


def is_verified(session: Any, user: Any) -> bool:
    """Tell whether a session was begun with the user's present password, and end it if not."""
    held = session.get(HASH_SESSION_KEY)
    if held and constant_time_compare(held, user.get_session_auth_hash()):
        return True
    if held and any(
        constant_time_compare(held, former) for former in user.get_session_auth_fallback_hash()
    ):
        # Made with a secret key that was replaced.
        session.cycle_key()
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        return True
    session.flush()
    return False
