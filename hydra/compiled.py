"""Questions that are compiled once: the rows of a queryset without the price of building it.

Django builds and compiles a query anew each time it is asked, which takes several times as long
as the database needs to answer. For the few questions that every request or every step of a
deployment asks, the SQL is kept. What they give is what the queryset would: models with their
`select_related`, `only` and annotations, or tuples of `values_list`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Generic, ParamSpec, TypeVar, get_origin, get_type_hints
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet
from django.db.models.query import ValuesListIterable, get_related_populators
from django.db.transaction import TransactionManagementError

Asked = ParamSpec("Asked")
Row = TypeVar("Row")
StandIn = str | int | UUID

LONGEST_LIST = 32  # a list that is longer is rare, and every length is a statement of its own
FIRST_NUMBER = 1_913_000_000  # stands in for numbers; it fits into every integer column but small


def compiled(build: Callable[Asked, QuerySet[Any, Row]]) -> Question[Asked, Row]:
    """Make a question of a function that gives a queryset for keyword arguments.

    The arguments are `str`, `int`, `UUID` or collections of these, never None, and go into the
    query as they are: the function must not look at their values.
    """
    return Question(build)


class Question(Generic[Asked, Row]):
    """A queryset with blanks, kept as one statement for each database and length of its lists."""

    def __init__(self, build: Callable[Asked, QuerySet[Any, Row]]) -> None:
        self.build = build
        self.plans: dict[tuple[int, ...], Plan | None] = {}

    def __call__(self, *nothing: Asked.args, **asked: Asked.kwargs) -> list[Row]:
        """All rows, as `list` of the queryset would give them."""
        lengths = tuple(len(v) for v in asked.values() if isinstance(v, list | tuple | set))
        if any(length > LONGEST_LIST for length in lengths):
            return list(self.build(*nothing, **asked))
        plan = self.plan(lengths, asked)
        return [] if plan is None else list(plan.rows(asked))

    def first(self, *nothing: Asked.args, **asked: Asked.kwargs) -> Row | None:
        """The first row, if there is any."""
        rows = self(*nothing, **asked)
        return rows[0] if rows else None

    def plan(self, lengths: tuple[int, ...], asked: dict[str, Any]) -> Plan | None:
        if lengths not in self.plans:
            self.plans[lengths] = make_plan(self.build, asked)
        return self.plans[lengths]


@dataclass(frozen=True)
class Blank:
    """Where a parameter of the statement comes from: an argument, or an item of one.

    A database without a type for UUIDs is given their digits.
    """

    name: str
    index: int | None = None
    is_hex: bool = False

    def fill(self, asked: dict[str, Any]) -> Any:
        value = asked[self.name]
        if self.index is not None:
            value = value[self.index]
        return value.hex if self.is_hex else value


@dataclass(frozen=True)
class Plan:
    """A statement with its blanks, and how its rows become models or tuples."""

    alias: str
    sql: str
    parameters: tuple[Any, ...]
    is_locking: bool
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    to_model: ToModel | None

    def rows(self, asked: dict[str, Any]) -> Iterator[Any]:
        connection = connections[self.alias]
        if self.is_locking and not connection.in_atomic_block:
            raise TransactionManagementError("A row is locked in a transaction only.")
        # A set has no order, and each of its members needs its place.
        given = {name: list(v) if isinstance(v, set) else v for name, v in asked.items()}
        filled = [p.fill(given) if isinstance(p, Blank) else p for p in self.parameters]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, filled)
            fetched = cursor.fetchall()
        for row in fetched:
            values = list(row)
            for position, converters, expression in self.converters:
                for convert in converters:
                    values[position] = convert(values[position], expression, connection)
            yield tuple(values) if self.to_model is None else self.to_model(self.alias, values)


class ToModel:
    """Makes a model of a row, with the related models that the row holds, as Django does it."""

    def __init__(self, compiler: Any, alias: str) -> None:
        info = compiler.klass_info
        fields = info["select_fields"]
        self.model = info["model"]
        self.start, self.end = fields[0], fields[-1] + 1
        self.names = [column[0].target.attname for column in compiler.select[self.start : self.end]]
        self.annotations = dict(compiler.annotation_col_map or {})
        self.populators = get_related_populators(info, compiler.select, alias)  # type: ignore[call-arg]  # the stubs know a later Django

    def __call__(self, alias: str, values: Sequence[Any]) -> Any:
        made = self.model.from_db(alias, self.names, values[self.start : self.end])
        for populator in self.populators:
            populator.populate(values, made)
        for name, position in self.annotations.items():
            setattr(made, name, values[position])
        return made


def make_plan(build: Callable[..., QuerySet[Any, Any]], asked: dict[str, Any]) -> Plan | None:
    """The plan for arguments of these lengths; None when no row can ever answer."""
    stand_ins, blanks = make_stand_ins(build, asked)
    queryset = build(**stand_ins)
    require_plain(queryset)
    alias = queryset.db
    compiler = queryset.query.get_compiler(using=alias)
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        if all(asked[name] for name, value in stand_ins.items() if isinstance(value, list)):
            raise
        return None
    found = tuple(blanks.get(p, p) if isinstance(p, str | int | UUID) else p for p in parameters)
    require_all(build, asked, {(p.name, p.index) for p in found if isinstance(p, Blank)})
    columns = [column[0] for column in compiler.select[: compiler.col_count]]
    is_tuples = queryset._iterable_class is ValuesListIterable  # noqa: SLF001  # Django tells not otherwise
    return Plan(
        alias=alias,
        sql=sql,
        parameters=found,
        is_locking=bool(queryset.query.select_for_update),
        converters=[(n, *both) for n, both in compiler.get_converters(columns).items()],
        to_model=None if is_tuples else ToModel(compiler, alias),
    )


def require_all(
    build: Callable[..., Any], asked: dict[str, Any], found: set[tuple[str, int | None]]
) -> None:
    """Refuse a question whose arguments do not all stand in its statement as they were given."""
    wanted = {(place.name, place.index) for name in asked for place in places_of(name, asked[name])}
    if wanted - found:
        raise TypeError(f"{build.__name__}: {wanted - found} did not reach the statement.")


def places_of(name: str, value: object) -> list[Blank]:
    if isinstance(value, list | tuple | set):
        return [Blank(name, index) for index in range(len(value))]
    return [Blank(name)]


def make_stand_ins(
    build: Callable[..., Any], asked: dict[str, Any]
) -> tuple[dict[str, Any], dict[StandIn, Blank]]:
    """Values that occur nowhere else, to be found again among the parameters."""
    kinds = get_type_hints(build)
    numbers = count(FIRST_NUMBER)
    stand_ins: dict[str, Any] = {}
    blanks: dict[StandIn, Blank] = {}
    for name, value in asked.items():
        is_several = get_origin(kinds[name]) is not None
        kind = kinds[name].__args__[0] if is_several else kinds[name]
        values = []
        for place in places_of(name, value):
            made = stand_in(kind, next(numbers))
            values.append(made)
            blanks[made] = place
            if isinstance(made, UUID):
                blanks[made.hex] = replace(place, is_hex=True)
        stand_ins[name] = values if is_several else values[0]
    return stand_ins, blanks


def stand_in(kind: type, number: int) -> StandIn:
    if kind is int:
        return number
    if kind is str:
        return f"stands in for argument {number}"
    if kind is UUID:
        return UUID(int=number)
    raise TypeError(f"{kind} cannot be an argument of a compiled question.")


def require_plain(queryset: QuerySet[Any, Any]) -> None:
    """Refuse what more than one statement would be needed for."""
    if queryset._prefetch_related_lookups or queryset._known_related_objects:  # type: ignore[attr-defined]  # noqa: SLF001  # Django tells not otherwise
        raise TypeError("A compiled question has neither prefetches nor a related manager.")
