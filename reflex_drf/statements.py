"""The two queries of a list, its rows and their number, of which most is compiled only once.

To compile them takes Django longer than a database needs to answer them. What is kept is Django's
own SQL but for the conditions, which Django compiles anew each time: whatever they are made of, the
statement that is sent is the one that Django would send.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from types import ModuleType
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import QuerySet
from django.db.models import query as query_module
from django.db.models.sql import Query
from django.db.models.sql import compiler as compiler_module
from django.db.models.sql import query as sql_module
from django.db.models.sql.where import WhereNode

from reflex_drf.lookups import is_own, kept_for, send
from reflex_drf.sqlite import ask_for_texts

__all__ = ["Rows", "count", "rows_of"]

# SQL and its parameters.
Written = tuple[str, tuple[Any, ...]]

# What of a query may differ between lists; all else is as in one that nothing was done to.
VARIED = frozenset(
    {"model", "where", "order_by", "default_ordering", "standard_ordering", "select_related"}
    | {"low_mark", "high_mark", "alias_map", "alias_refcount", "table_map", "base_table"}
    # Only looked at while conditions are put to a query.
    | {"used_aliases", "filter_is_sticky", "_lookup_joins", "subq_aliases"}
)
PRISTINE: dict[str, Any] = {**vars(Query), **vars(Query(None))}
MISSING = object()
# How many statements a connection keeps: one for each page of each list.
MOST = 256
# As Django has them, should somebody put something of his own in their places.
WRITING = attrgetter("as_sql", "execute_sql", "compile")
COUNT = QuerySet.count
COUNTING = attrgetter("get_count", "get_aggregation")


class Statement:
    """A query that Django has compiled, for the conditions it was compiled with or for others."""

    def __init__(self, compiler: Any) -> None:
        self.compiler = compiler
        sql, params = compiler.as_sql()
        self._written: Written = sql, tuple(params)
        self._parts: list[str] = []

    def open(self, conditions: Written) -> bool:
        """Let other conditions stand in the place of these; False where that is not possible."""
        (sql, params), (text, values) = self._written, conditions
        parts = sql.split(f" WHERE {text}") if text else [sql, ""]
        # Parameters outside of the conditions would have to be told apart from theirs.
        if len(parts) != 2 or params != values:
            return False
        self._parts = parts
        # What the first one asked for is nobody else's business, nor that of an error report.
        self.compiler.query.where, self.compiler.where = WhereNode(), None
        self._written = "", ()
        return True

    def execute(self, conditions: Written | None) -> list[Any]:
        """Send it, as Django's compiler would; as it was compiled, where it is not open."""
        sql, params = self._written
        if conditions is not None and self._parts:
            text, params = conditions
            before, after = self._parts
            sql = f"{before} WHERE {text}{after}" if text else before
        return send(self.compiler, sql, params)


class Rows(Statement):
    """The statement for rows."""

    def __init__(self, compiler: Any) -> None:
        self.texts = ask_for_texts(compiler)
        super().__init__(compiler)
        chosen = [held[0] for held in compiler.select[: compiler.col_count]]
        self.converters: dict[int, Any] = compiler.get_converters(chosen)

    def columns(self, conditions: Written | None = None) -> list[Sequence[Any]]:
        """Give what the database gives, column by column; nothing where there are no rows."""
        return list(zip(*self.execute(conditions), strict=True))


class Number(Statement):
    """The statement for the number of rows."""

    def __init__(self, compiler: Any) -> None:
        super().__init__(compiler)
        self._converters = compiler.get_converters(compiler.query.annotation_select.values())

    def number(self, conditions: Written) -> int:
        """Count the rows."""
        rows = self.execute(conditions)
        ((found,),) = self.compiler.apply_converters(rows, self._converters)
        return int(found)


class Seen(Query):
    """A query that notes the compilers it is given, also those of its clones."""

    seen: list[Any]

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        """Give Django's compiler."""
        self.seen.append(super().get_compiler(*args, **kwargs))
        return self.seen[-1]


class Question(NamedTuple):
    """What is asked for: of which database, in which form, and under which conditions."""

    alias: str
    shape: tuple[Any, ...]
    conditions: Written


def rows_of(queryset: QuerySet[Any]) -> tuple[Rows, list[Sequence[Any]]] | None:
    """Read a queryset's columns, with the statement for them; None where there can be no rows."""
    asked = question_of(queryset)
    if asked is None:
        rows = compile_rows(queryset, queryset.db)
        return None if rows is None else (rows, rows.columns())
    kept, key = kept_for(asked.alias), (Rows, asked.shape)
    if (found := kept.get(key)) is not None:
        return found, found.columns(asked.conditions)
    rows = compile_rows(queryset, asked.alias)
    if rows is None:
        return None
    keep(kept, key, rows, asked.conditions)
    return rows, rows.columns(asked.conditions)


def compile_rows(queryset: QuerySet[Any], alias: str) -> Rows | None:
    """Have Django compile a queryset's own query."""
    try:
        return Rows(queryset.query.clone().get_compiler(alias))
    except EmptyResultSet:
        return None


def count(queryset: QuerySet[Any]) -> int:
    """Do what `queryset.count()` does, with the same query."""
    asked = question_of(queryset) if is_counted_by_django(queryset) else None
    if asked is None:
        return queryset.count()
    kept, key = kept_for(asked.alias), (Number, asked.shape)
    if key not in kept:
        return count_first(queryset.query.clone(), asked, kept)
    number: Number | None = kept[key]
    return queryset.count() if number is None else number.number(asked.conditions)


def count_first(query: Any, asked: Question, kept: dict[Any, Any]) -> int:
    """Have Django count, and keep the statement that it did it with."""
    query.__class__, query.seen = Seen, []
    total: int = query.get_count(using=asked.alias)
    compiler = query.seen[0]
    # A page is counted in a query around its own.
    if compiler.query.annotation_select:
        keep(kept, (Number, asked.shape), Number(compiler), asked.conditions)
    return total


def keep(kept: dict[Any, Any], key: Any, found: Statement, conditions: Written) -> None:
    """Keep a statement, or that Django has to compile it each time."""
    if len(kept) >= MOST:
        kept.clear()
    kept[key] = found if found.open(conditions) else None


def is_counted_by_django(queryset: QuerySet[Any]) -> bool:
    """Tell whether nothing else is in the place of Django's own way to count."""
    own = type(queryset).count is COUNT and "count" not in vars(queryset)
    unread = queryset._result_cache is None
    return own and unread and is_own(COUNT, query_module) and are_own(COUNTING(Query), sql_module)


def are_own(functions: Iterable[Any], module: ModuleType) -> bool:
    """Tell whether functions are all the module's own."""
    return all(is_own(function, module) for function in functions)


def question_of(queryset: QuerySet[Any]) -> Question | None:
    """Take a queryset apart, if all but its conditions is as simple as most lists are."""
    query: Any = queryset.query
    if type(query) is not Query or (shape := shape_of(query)) is None:
        return None
    alias = queryset.db
    compiler: Any = query.get_compiler(alias)
    if not are_own(WRITING(type(compiler)), compiler_module):
        return None
    try:
        text, params = conditions_of(query.where, compiler)
    except EmptyResultSet:
        # No row can meet them, and no database is asked.
        return None
    return Question(alias, (bool(text), *shape), (text, tuple(params)))


def conditions_of(where: Any, compiler: Any) -> tuple[str, Sequence[Any]]:
    """Compile the conditions of a query, as Django does for its `WHERE`."""
    if not where.children:
        return "", ()
    try:
        text, params = compiler.compile(where)
    except FullResultSet:
        return "", ()
    return text, params


def shape_of(query: Any) -> tuple[Any, ...] | None:
    """Give what a query differs by, besides its conditions; None where it differs by more."""
    where = query.where
    if where.contains_aggregate or where.contains_over_clause or not has_names_only(query.order_by):
        return None
    for name, value in vars(query).items():
        if name not in VARIED and value != PRISTINE.get(name, MISSING):
            return None
    return (
        query.model,
        tuple(table_of(alias, query) for alias in query.alias_map),
        query.order_by,
        (query.default_ordering, query.standard_ordering, query.low_mark, query.high_mark),
        # Nested dicts of names.
        repr(query.select_related),
    )


def has_names_only(order_by: Iterable[Any]) -> bool:
    """Tell whether rows are sorted by fields, and not by what somebody computes of them."""
    return all(type(term) is str for term in order_by)


def table_of(alias: str, query: Any) -> tuple[Any, ...]:
    """Give what a query says about one of its tables."""
    table = query.alias_map[alias]
    return alias, table.identity, table.join_type, query.alias_refcount[alias] > 0
