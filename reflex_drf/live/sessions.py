"""Tells all processes that a session has ended or a user has changed, whoever did it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_out
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from reflex_drf.bridge.fingerprints import fingerprint
from reflex_drf.bridge.tickets import ROW
from reflex_drf.conf import settings
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import ACTION_DELETED, ACTION_UPDATED, ModelChange
from reflex_drf.live.relay import publish

__all__ = ["SESSION", "USER", "connect"]

# The names of what is published; no model is called so.
SESSION = "reflex_drf.session"
USER = "reflex_drf.user"


def connect() -> None:
    """Listen to sign-outs, to rows of sessions that are deleted, and to users who change."""
    if not wants_to_follow() or not apps.is_installed("django.contrib.auth"):
        return
    user = get_user_model()
    user_logged_out.connect(signed_out, dispatch_uid=SESSION)
    post_save.connect(saved, user, dispatch_uid=USER)
    post_delete.connect(deleted, user, dispatch_uid=USER)
    if (model := session_model()) is not None:
        post_delete.connect(ended, model, dispatch_uid=SESSION)


def wants_to_follow() -> bool:
    """Give the setting; where the settings are wrong, `manage.py check` is to say so."""
    try:
        return bool(settings.FOLLOW_SESSIONS)
    except ConfigurationError:
        return False


def session_model() -> type[Model] | None:
    """Give the model of the project's sessions, None where they are no rows."""
    store = import_module(django_settings.SESSION_ENGINE).SessionStore
    find = getattr(store, "get_model_class", None)
    if find is None or not apps.is_installed("django.contrib.sessions"):
        return None
    model: type[Model] = find()
    return model


def signed_out(*, request: Any, **ignored: Any) -> None:
    """Tell of a sign-out; Django says so just before it ends the session."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        tell(SESSION, fingerprint(key), DEFAULT_DB_ALIAS)


def ended(*, instance: Any, using: str, **ignored: Any) -> None:
    """Tell of a session that was deleted: by a sign-out, by the admin, by a new key."""
    # A ticket lies where sessions lie; nobody has it as a session.
    if ROW not in instance.get_decoded():
        tell(SESSION, fingerprint(instance.session_key), using)


def saved(
    *, instance: Any, created: bool, raw: bool, update_fields: Any, using: str, **ignored: Any
) -> None:
    """Tell of a user who may have another password, or may not come in any more."""
    # Django notes each sign-in so.
    only_login = update_fields is not None and set(update_fields) == {"last_login"}
    if not (created or raw or only_login):
        tell(USER, str(instance.pk), using, ACTION_UPDATED)


def deleted(*, instance: Any, using: str, **ignored: Any) -> None:
    """Tell of a user who is gone."""
    tell(USER, str(instance.pk), using)


def tell(label: str, name: str, using: str, action: str = ACTION_DELETED) -> None:
    """Publish once the transaction is committed."""
    change = ModelChange(label, action, name)
    transaction.on_commit(partial(publish, [change]), using=using)
