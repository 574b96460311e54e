"""One more look at the row under edit: is it there, is it as it was, and who changed it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db.models import Field, FileField, Model
from rest_framework.relations import ManyRelatedField

from reflex_drf.backends import Reply
from reflex_drf.backends.inprocess import without_throttles
from reflex_drf.errors import ConfigurationError
from reflex_drf.live.changes import row_key
from reflex_drf.state.viewsets import viewset_model

if TYPE_CHECKING:
    from reflex_drf.state.calls import Key
    from reflex_drf.state.plan import Plan

__all__ = ["Look", "find_modifier", "user_name"]

# What models usually call the one who wrote a row last.
MODIFIERS = ("modified_by", "updated_by", "last_modified_by", "changed_by", "edited_by")


class Look:
    """Reads a row as the viewer, through the viewset, and compares it with what he began with.

    Whether that is allowed, and which row it is, the viewset says, as for any other read.
    """

    def __init__(self, state: Any, key: Key, seen: str, *, counts: bool = False) -> None:
        self._plan: Plan = state._plan
        self._seen = seen
        # Whether it counts for the viewer's throttles, as what he asks for himself does.
        self._counts = counts
        self._instance: Any = None
        call = state._make("retrieve", key)
        self._narrow = call.prepare
        prepare = self._prepare if call.prepare is not None else None
        self.call = replace(call, prepare=prepare, accept=self._accept)
        self.digest = self.pk = self.changed_by = ""
        self.changed = False

    def _prepare(self, view: Any) -> None:
        self._narrow(view)
        if not self._counts:
            without_throttles(view)
        if hasattr(view, "get_object"):
            view.get_object = self._watched(view.get_object)

    def _watched(self, original: Any) -> Any:
        def get_object(*args: Any, **kwargs: Any) -> Any:
            self._instance = original(*args, **kwargs)
            return self._instance

        return get_object

    def _accept(self, reply: Reply) -> bool:
        # In process this is still the view's thread, where the ORM may be asked for a name.
        data = reply.data if isinstance(reply.data, Mapping) else {}
        self.digest = digest(self._plan, data)
        self.pk = self._find_pk(data)
        self.changed = bool(self._seen) and self.digest != self._seen
        if self.changed:
            self.changed_by = self._find_name(data)
        return not self.changed

    def _find_pk(self, data: Mapping[str, Any]) -> str:
        model = viewset_model(self._plan.viewset)
        if isinstance(self._instance, Model) and model and isinstance(self._instance, model):
            return str(row_key(self._instance.pk))
        name = model._meta.pk.name if model else "pk"
        return str(data.get(name, data.get("pk", "")))

    def _find_name(self, data: Mapping[str, Any]) -> str:
        name = find_modifier(self._plan)
        if name is None:
            return ""
        if isinstance(self._instance, Model):
            return user_name(getattr(self._instance, name, None))
        # An API elsewhere: what it shows of it.
        shown = data.get(name)
        return shown if isinstance(shown, str) else ""


def digest(plan: Plan, data: Mapping[str, Any]) -> str:
    """Sum up what is stored of a row, as its serializer shows it."""
    values = {name: data[name] for name in stored_names(plan) if name in data}
    related = {
        name for name, field in shown_fields(plan).items() if isinstance(field, ManyRelatedField)
    }
    for name in related & set(values):
        # No order is promised for these.
        values[name] = sorted(map(str, values[name] or ()))
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stored_names(plan: Plan) -> Iterator[str]:
    """Give the fields that a save would write, and those that show a column of the row.

    What a serializer works out, such as a signed address, may differ at every look.
    """
    yield from (field.name for field in plan.form.fields)
    model = viewset_model(plan.viewset)
    columns = model._meta.concrete_fields if model is not None else ()
    stored = {column.name for column in columns if not isinstance(column, FileField)}
    for name, field in shown_fields(plan).items():
        if getattr(field, "source", None) in stored:
            yield name


def shown_fields(plan: Plan) -> Mapping[str, Any]:
    """Give the fields of the serializer of the rows."""
    fields: Mapping[str, Any] = getattr(plan.rows, "fields", {})
    return fields


def find_modifier(plan: Plan) -> str | None:
    """Give the field of the model that says who changed a row, as chosen or by its usual name."""
    model, chosen = viewset_model(plan.viewset), plan.options.modified_by_field
    known = {
        field.name
        for field in (model._meta.get_fields() if model is not None else ())
        if isinstance(field, Field)
    }
    if chosen is not None and chosen not in known:
        raise ConfigurationError(
            f"{plan.owner}.modified_by_field is {chosen!r}, which is no field of "
            f"{model.__name__ if model else plan.viewset.__name__}."
        )
    return chosen or next((name for name in MODIFIERS if name in known), None)


def user_name(user: Any) -> str:
    """Give the name by which others know a user; texts and other rows name themselves."""
    if user is None:
        return ""
    full, short = getattr(user, "get_full_name", None), getattr(user, "get_username", None)
    return str((full() if full else "") or (short() if short else user))
