"""The input of an extra action as a form: which serializer asks for it, and what was filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from rest_framework import serializers

from reflex_drf.state.forms import Form, build_form
from reflex_drf.state.nesting import accept_value
from reflex_drf.state.viewsets import chosen_serializer

__all__ = ["RUN", "action_form", "is_filled_in", "own_serializer", "read_form"]

#: What the form of an action sends besides its fields; no field of a serializer has such a name.
RUN = "form:run"
# DRF's browsable API shows forms for these only.
_TAKES = frozenset({"post", "put", "patch"})
_ORDINARY = ("list", "retrieve", "create", "update", "partial_update")


def own_serializer(
    viewset: type[Any], name: str, given: Mapping[str, Any]
) -> serializers.Serializer[Any] | None:
    """The serializer that an `@action` has for itself, if that is certain without a request.

    `given` is what its decorator gives to the view.
    """
    try:
        found = chosen_serializer(viewset, name, given)
        ordinary = [chosen_serializer(viewset, other) for other in _ORDINARY]
        if found in (None, getattr(viewset, "serializer_class", None), *ordinary):
            return None
        serializer = found()
        _ = serializer.fields
    except (AttributeError, KeyError, TypeError, AssertionError, ImproperlyConfigured):
        # Only with a request it could tell what it takes.
        return None
    return serializer if isinstance(serializer, serializers.Serializer) else None


def action_form(serializer: Any, methods: tuple[str, ...]) -> Form:
    """The form for the input, empty where a form could not send all of it."""
    if serializer is None or not _TAKES.intersection(methods):
        return Form()
    form = build_form(serializer)
    shown = {field.name for field in form.fields if field.kind not in ("rows", "record")}
    wanted = {
        name
        for name, field in serializer.fields.items()
        if not field.read_only and not isinstance(field, serializers.HiddenField)
    }
    return form if shown == wanted else Form()


def is_filled_in(form: Form, data: Any) -> bool:
    """Whether an action's input comes from its form, and not from a page's own code."""
    return bool(form.fields) and isinstance(data, Mapping) and RUN in data


def read_form(form: Form, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The input for the serializer, and errors of what cannot even be sent."""
    sent = {f.name: f for f in form.fields if f.name in data or f.kind == "bool"}

    def value(name: str) -> Any:
        # A box that is not checked is not sent.
        return accept_value(sent[name], data[name]) if name in data else False

    return Form(tuple(sent.values())).data(value, partial=False)
