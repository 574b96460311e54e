"""A `get()` that an event makes again and again, compiled once for each database connection.

To build a query and to compile it takes Django several times as long as to run it. What is kept is
Django's own compiled query: each use binds other values to it and sends it as Django would.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from itertools import chain
from types import FunctionType, ModuleType
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.core.signals import setting_changed
from django.db import connections, router
from django.db.models import Manager, QuerySet
from django.db.models import manager as manager_module
from django.db.models import query as query_module
from django.db.models.lookups import Exact, GreaterThan, Lookup
from django.db.models.manager import BaseManager
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import MULTI
from django.utils import timezone

__all__ = [
    "FEW",
    "duplicate",
    "get",
    "is_own",
    "kept_for",
    "read_ahead",
    "send",
    "shared_rows",
    "sharing",
]

# Values that stand in a condition as they are. Others may be expressions or make other SQL.
PLAIN = frozenset({datetime, int, str, UUID})
# What `get()` consists of; packages that cache rows put methods of theirs in these places.
METHODS = ("get", "filter", "order_by", "using", "_chain", "_clone", "_fetch_all", "__len__")
KEPT = "_reflex_drf_lookups"
# Conditions whose value is what its field makes of it, and nothing more.
SIMPLE = (Exact, GreaterThan)
EXECUTE = SQLCompiler.execute_sql
# From how many keys on one query for all of them is worth being compiled.
FEW = 3
# What nobody can change who is given it.
FROZEN = frozenset(
    {bool, bytes, date, datetime, Decimal, float, int, str, time, timedelta, type(None), UUID}
)


class Unusual(Exception):  # noqa: N818 - never leaves this module
    """Says that a query is left to Django."""


class Kept(dict[Any, Any]):
    """The compiled queries of one connection, None where Django does it all.

    They lie on the connection itself, which they refer to: so they end with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settings = _settings


# Another object after each change of settings; those only change in tests.
_settings = object()


def forget(**kwargs: Any) -> None:
    """Let each connection compile anew: a setting may have changed what it sends and reads."""
    global _settings
    _settings = object()


setting_changed.connect(forget, dispatch_uid="reflex_drf.lookups.forget")


class Sharing(threading.local):
    """Rows that the lookups of a thread have in common for a moment, None as long as they do not.

    Objects are made of them for each lookup anew.
    """

    rows: dict[Any, Any] | None = None
    # What "now" is to all of them.
    moment: datetime


sharing = Sharing()


@contextmanager
def shared_rows() -> Iterator[None]:
    """Let the same lookup read its rows once in this block; all of them were asked for before."""
    sharing.rows, sharing.moment = {}, timezone.now()
    try:
        yield
    finally:
        sharing.rows = None


class Bound:
    """Stands for the query of a queryset whose SQL is known already."""

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler

    def get_compiler(self, using: str) -> Any:
        """Give the compiler, which is of the connection that is asked for."""
        return self._compiler


class Compiled:
    """One `get()` on one connection."""

    def __init__(self, queryset: Any, values: dict[str, Any]) -> None:
        # As `QuerySet.get()` builds it.
        self._queryset = queryset.filter(**values).order_by()
        self._queryset.query.set_limits(high=query_module.MAX_GET_RESULTS)
        self._compiler: Any = self._queryset.query.get_compiler(using=queryset.db)
        self._sql, params = self._compiler.as_sql()
        conditions = self._compiler.where.children
        if len(conditions) != len(values) or not all(isinstance(c, Lookup) for c in conditions):
            raise Unusual
        self._columns = [condition.lhs for condition in conditions]
        self._binders = [self._binder(type(condition), condition.lhs) for condition in conditions]
        if self._bind(values) != tuple(params):
            raise Unusual
        self._keep_no_value(conditions)
        self._keep_converters()

    def _keep_no_value(self, conditions: list[Any]) -> None:
        # The first one's key is nobody else's business, nor that of an error report.
        for condition in conditions:
            condition.rhs = None

    def _keep_converters(self) -> None:
        compiler = self._compiler
        converters = compiler.get_converters([column[0] for column in compiler.select])
        compiler.get_converters = lambda expressions: converters
        self._convert: Any = partial(compiler.apply_converters, converters=converters)
        if not converters:
            self._convert = iter

    def _binder(self, kind: type[Lookup[Any]], lhs: Any) -> Callable[[Any], Any]:
        """Give what prepares a value for the database as a condition of Django's does."""
        compiler, connection, field = self._compiler, self._compiler.connection, lhs.output_field

        def bind(value: Any) -> Any:
            sql, bound = kind(lhs, value).process_rhs(compiler, connection)
            if sql != "%s":
                raise Unusual
            (param,) = bound
            return param

        def bind_simply(value: Any) -> Any:
            return field.get_db_prep_value(field.get_prep_value(value), connection, prepared=True)

        return bind_simply if kind in SIMPLE else bind

    def _bind(self, values: dict[str, Any]) -> tuple[Any, ...]:
        # The order in which a `Q` object takes them.
        return tuple(
            bind(values[name]) for bind, name in zip(self._binders, sorted(values), strict=True)
        )

    def find(self, values: dict[str, Any]) -> list[Any]:
        """Send the query, and give the objects that Django makes of the rows."""
        params = self._bind(values)
        compiler = duplicate(self._compiler)
        compiler.execute_sql = lambda **options: self._ask(params)
        compiler.results_iter = self._convert
        queryset = duplicate(self._queryset)
        queryset._query = Bound(compiler)
        return list(queryset._iterable_class(queryset))

    def _ask(self, params: tuple[Any, ...]) -> Any:
        shared = sharing.rows
        if shared is None or (rows := shared.get((self, params))) is None:
            rows = send(self._compiler, self._sql, params)
            self._share(params, rows)
        return rows

    def _share(self, params: tuple[Any, ...], rows: Any) -> None:
        if sharing.rows is not None and all(type(v) in FROZEN for v in chain.from_iterable(rows)):
            sharing.rows[self, params] = rows

    def read_ahead(self, queryset: Any, name: str, keys: Collection[Any], values: Any) -> None:
        """Read the rows of several lookups in one query."""
        bound = {}
        for key in keys:
            with suppress(EmptyResultSet, Unusual):
                # A key that no row can have is not asked for.
                bound[key] = self._bind({name: key, **values})
        queryset = queryset.filter(**{f"{name}__in": [*bound]}, **values).order_by()
        rows = queryset.query.get_compiler(using=queryset.db).execute_sql(MULTI)
        order = sorted({name, *values}).index(name)
        field = self._columns[order].target
        place = [column[0].target for column in self._compiler.select].index(field)
        found = {row[place]: row for row in chain.from_iterable(rows)}
        for params in bound.values():
            # One that is written in another way by the database is looked up by itself.
            if (row := found.get(params[order])) is not None:
                self._share(params, [row])


def duplicate(original: Any) -> Any:
    """Copy an object, not what it holds; `copy()` of a queryset would run it."""
    copy = object.__new__(type(original))
    copy.__dict__.update(original.__dict__)
    return copy


def send(compiler: Any, sql: str, params: tuple[Any, ...]) -> list[Any]:
    """Give the rows of a compiled query, sent with SQL that is known, as the driver gives them."""
    if type(compiler).execute_sql is not EXECUTE or compiler.has_extra_select:
        compiler = duplicate(compiler)
        compiler.as_sql = lambda *args, **kwargs: (sql, params)
        return list(chain.from_iterable(compiler.execute_sql(MULTI)))
    # All else that it does is about what a query may be besides this.
    with compiler.connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
        return rows


def get(manager: Any, **values: Any) -> Any:
    """Do what `manager.get(**values)` does: the same query, the same object or exception."""
    if not is_plain(manager):
        return manager.get(**values)
    alias = router.db_for_read(manager.model)
    found = find(manager, alias, values)
    if found is None or len(found) > 1:
        # Several have no business here; Django asks again for the words of its error.
        return manager.get_queryset().using(alias).get(**values)
    if not found:
        raise manager.model.DoesNotExist(
            f"{manager.model._meta.object_name} matching query does not exist."
        )
    return found[0]


def read_ahead(manager: Any, name: str, keys: Collection[Any], **values: Any) -> None:
    """Read what `get()` is about to be asked for inside `shared_rows()`, if it is worth it."""
    known = {key for key in keys if type(key) in PLAIN and key != ""}
    if len(known) < FEW or not is_plain(manager):
        return
    alias, one = router.db_for_read(manager.model), next(iter(known))
    compiled = compiled_for(manager, alias, {name: one, **values})
    if compiled is not None:
        compiled.read_ahead(manager.get_queryset().using(alias), name, known, values)


def find(manager: Any, alias: str, values: dict[str, Any]) -> list[Any] | None:
    """Give what there is, None where Django has to ask."""
    if not all(type(value) in PLAIN and value != "" for value in values.values()):
        return None
    try:
        compiled = compiled_for(manager, alias, values)
        return None if compiled is None else compiled.find(values)
    except (EmptyResultSet, Unusual):
        # A key that no row can have is not even asked for.
        return None


def compiled_for(manager: Any, alias: str, values: dict[str, Any]) -> Compiled | None:
    """Give the compiled query of this connection, None if it is not one to be kept."""
    kept, key = kept_for(alias), (manager.model, *values)
    if key not in kept:
        kept[key] = compile_once(manager.get_queryset().using(alias), values)
    compiled: Compiled | None = kept[key]
    return compiled


def kept_for(alias: str) -> Kept:
    """Give what is kept for this thread's connection to a database."""
    places = connections[alias].__dict__
    kept: Kept | None = places.get(KEPT)
    if kept is None or kept.settings is not _settings:
        kept = places[KEPT] = Kept()
    return kept


def compile_once(queryset: Any, values: dict[str, Any]) -> Compiled | None:
    """Compile a query, unless something has a way of its own to get rows."""
    own = [is_own(getattr(QuerySet, name), query_module) for name in METHODS]
    own += [is_own(method, manager_module) for method in (BaseManager.get_queryset, Manager.get)]
    try:
        return Compiled(queryset, values) if all(own) else None
    except Unusual:
        return None


def is_plain(manager: Any) -> bool:
    """Tell whether a manager's `get()` is that of an ordinary queryset of all rows."""
    kind = type(manager)
    return bool(
        kind.get_queryset is BaseManager.get_queryset
        and kind.get is Manager.get
        and manager._queryset_class is QuerySet
        and manager._db is None
        and not manager._hints
        and not {"get", "get_queryset"} & manager.__dict__.keys()
    )


def is_own(function: Any, module: ModuleType) -> bool:
    """Tell whether a function is the module's own, with nothing put in its place or around it."""
    return isinstance(function, FunctionType) and function.__globals__ is vars(module)
