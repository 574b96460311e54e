"""Plans of serializer classes, kept for as long as all that decided on them stays as it is.

To make a plan costs about as much as to read forty rows by it.
"""

from __future__ import annotations

import decimal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone
from rest_framework import fields, relations
from rest_framework.settings import api_settings

from reflex_drf.fieldsets import FieldSet, Live, field_sets, keep
from reflex_drf.plans import Plan
from reflex_drf.watching import is_watching

__all__ = ["Lent", "planned"]

# How many plans of a class are kept: one for each model, time zone and the like.
MOST = 64
FORMATS = (
    *("DATETIME_FORMAT", "DATE_FORMAT", "TIME_FORMAT", "DURATION_FORMAT"),
    *("COERCE_DECIMAL_TO_STRING", "COERCE_BIGINT_TO_STRING"),
)
# What the conversion of a value hangs on besides `to_representation`, should somebody patch it.
FURTHER = (
    (fields.DecimalField, "quantize"),
    (fields.DateTimeField, "enforce_timezone"),
    (fields.DateTimeField, "default_timezone"),
    (relations.RelatedField, "use_pk_only_optimization"),
    (relations.PrimaryKeyRelatedField, "use_pk_only_optimization"),
)


class Lent(Live):
    """Gives the serializer for which a plan is at work in this thread."""

    def __init__(self) -> None:
        # A plan serves several threads at once, each with a serializer of its own. It is at work
        # from its first row to its last in one go, so no other event of the thread can see it.
        self._held = threading.local()
        super().__init__(lambda: self._held.serializer)

    @contextmanager
    def to(self, serializer: Any) -> Iterator[None]:
        """Lend it a serializer, which is forgotten afterwards."""
        # A method of the serializer may read another one of its class.
        outer = getattr(self._held, "serializer", None)
        self._held.serializer = serializer
        try:
            yield
        finally:
            self._held.serializer = outer


class Planner(Protocol):
    """Makes a plan, and knows whether it may serve other serializers of the class as well."""

    lasting: bool

    def plan(self, serializer: Any) -> Plan:
        """Plan a serializer."""


@contextmanager
def planned(
    serializer: Any, model: Any, json: bool, make_planner: Callable[[Live], Planner]
) -> Iterator[Plan]:
    """Give the plan of a serializer for one run: one that is kept, else a new one."""
    sets = field_sets(serializer)
    # What is kept for a serializer that has fields of its own ends with the run.
    plans = {} if sets is None else sets[0].plans
    key = None if sets is None else (model, json, sets, *circumstances(sets))
    live, plan = plans.get(key) or (Lent(), None)
    with live.to(serializer):
        if plan is None:
            planner = make_planner(live)
            plan = planner.plan(serializer)
            if planner.lasting:
                # There are more as with a new time zone object for each request.
                keep(plans, key, (live, plan), MOST)
        yield plan


def circumstances(sets: Sequence[FieldSet]) -> tuple[Any, ...]:
    """Give all besides the fields themselves that decides on what they make of a value."""
    numbers = decimal.getcontext()
    kinds: list[Any] = [type(field) for each in sets for field in each.fields]
    return (
        is_watching(),
        timezone.get_current_timezone() if settings.USE_TZ else None,
        (numbers.prec, numbers.rounding, numbers.Emin, numbers.Emax, numbers.clamp),
        (numbers.capitals, *numbers.traps.values()),
        tuple(getattr(api_settings, name) for name in FORMATS),
        tuple(getattr(kind, name) for kind, name in FURTHER),
        tuple((kind.to_representation, kind.get_attribute) for kind in kinds),
    )
