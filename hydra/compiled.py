"""Questions and changes that are compiled once: a queryset's without the price of building it.

Django builds and compiles a query anew each time it is asked, which takes several times as long
as the database needs to answer. For the few questions that every request or every step of a
deployment asks, the SQL is kept. What they give is what the queryset would: models with their
`select_related`, `only` and annotations, or tuples of `values_list`. A change is what its
`update` would be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from types import NoneType, UnionType
from typing import Any, Generic, ParamSpec, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from django.db.models.query import ValuesListIterable, get_related_populators
from django.db.models.sql.subqueries import UpdateQuery
from django.db.transaction import TransactionManagementError
from django.utils.duration import duration_microseconds

Asked = ParamSpec("Asked")
Row = TypeVar("Row")
Change = tuple[QuerySet[Any, Any], Mapping[str, Any]]

LISTS = (list, tuple, set)
STAND_INS = (str, int, UUID, datetime, timedelta)

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
        lengths = lengths_of(asked)
        if any(length > LONGEST_LIST for length in lengths):
            return list(self.build(*nothing, **asked))
        plan = self.plan(lengths, asked)
        return [] if plan is None else list(plan.rows(asked))

    def first(self, *nothing: Asked.args, **asked: Asked.kwargs) -> Row | None:
        """The first row, if there is any."""
        rows = self(*nothing, **asked)
        return rows[0] if rows else None

    def plan(self, lengths: tuple[int, ...], asked: Mapping[str, Any]) -> Plan | None:
        if lengths not in self.plans:
            self.plans[lengths] = make_plan(self.build, asked)
        return self.plans[lengths]


def compiled_update(build: Callable[Asked, Change]) -> Update[Asked]:
    """Make a change of a function that gives a queryset and what shall be set in its rows.

    Its arguments may also be moments and durations, and None where it is only set and never
    looked for. It returns how many rows it changed.
    """
    return Update(build)


class Update(Generic[Asked]):
    """An `update` with blanks, kept as one statement for each length of its lists."""

    def __init__(self, build: Callable[Asked, Change]) -> None:
        self.build = build
        self.statements: dict[tuple[int, ...], Statement | None] = {}

    def __call__(self, *nothing: Asked.args, **asked: Asked.kwargs) -> int:
        lengths = lengths_of(asked)
        if any(length > LONGEST_LIST for length in lengths):
            queryset, changes = self.build(*nothing, **asked)
            return queryset.update(**changes)
        if lengths not in self.statements:
            self.statements[lengths] = make_update(self.build, asked)
        statement = self.statements[lengths]
        if statement is None:
            return 0
        with statement.run(asked) as cursor:
            count: int = cursor.rowcount
            return count


def lengths_of(asked: Mapping[str, object]) -> tuple[int, ...]:
    return tuple(len(value) for value in asked.values() if isinstance(value, LISTS))


@dataclass(frozen=True)
class Blank:
    """Where a parameter of the statement comes from: an argument, or an item of one.

    `adapt` is what the database does to such a value, if anything: digits for a UUID, a text for
    a moment.
    """

    name: str
    index: int | None = None
    adapt: Callable[[Any], Any] | None = None

    def fill(self, asked: Mapping[str, Any]) -> Any:
        value = asked[self.name]
        if self.index is not None:
            value = value[self.index]
        if isinstance(value, Enum):  # PostgreSQL's driver would send its name
            value = value.value
        return value if self.adapt is None or value is None else self.adapt(value)


@dataclass(frozen=True)
class Statement:
    """SQL and its parameters, some of them still blank."""

    alias: str
    sql: str
    parameters: tuple[Any, ...]

    @contextmanager
    def run(self, asked: Mapping[str, Any]) -> Iterator[CursorWrapper]:
        # A set has no order, and each of its members needs its place.
        given = {name: list(v) if isinstance(v, set) else v for name, v in asked.items()}
        filled = [p.fill(given) if isinstance(p, Blank) else p for p in self.parameters]
        with connections[self.alias].cursor() as cursor:
            cursor.execute(self.sql, filled)
            yield cursor


@dataclass(frozen=True)
class Plan:
    """A question's statement, and how its rows become models or tuples."""

    statement: Statement
    is_locking: bool
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    to_model: ToModel | None

    def rows(self, asked: Mapping[str, Any]) -> Iterator[Any]:
        alias = self.statement.alias
        connection = connections[alias]
        if self.is_locking and not connection.in_atomic_block:
            raise TransactionManagementError("A row is locked in a transaction only.")
        with self.statement.run(asked) as cursor:
            fetched = cursor.fetchall()
        for row in fetched:
            values = list(row)
            for position, converters, expression in self.converters:
                for convert in converters:
                    values[position] = convert(values[position], expression, connection)
            yield tuple(values) if self.to_model is None else self.to_model(alias, values)


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


def make_plan(build: Callable[..., QuerySet[Any, Any]], asked: Mapping[str, Any]) -> Plan | None:
    """The plan for arguments of these lengths; None when no row can ever answer."""
    stand_ins, blanks = make_stand_ins(build, asked)
    queryset = build(**stand_ins)
    require_plain(queryset)
    compiler = queryset.query.get_compiler(using=queryset.db)
    statement = make_statement(build, compiler, blanks=blanks, asked=asked)
    if statement is None:
        return None
    columns = [column[0] for column in compiler.select[: compiler.col_count]]
    is_tuples = queryset._iterable_class is ValuesListIterable  # noqa: SLF001  # Django tells not otherwise
    return Plan(
        statement=statement,
        is_locking=bool(queryset.query.select_for_update),
        converters=[(n, *both) for n, both in compiler.get_converters(columns).items()],
        to_model=None if is_tuples else ToModel(compiler, queryset.db),
    )


def make_update(build: Callable[..., Change], asked: Mapping[str, Any]) -> Statement | None:
    """The statement for arguments of these lengths; None when no row can ever be changed."""
    stand_ins, blanks = make_stand_ins(build, asked)
    queryset, changes = build(**stand_ins)
    query = queryset.query.chain(UpdateQuery)
    query.add_update_values(changes)  # type: ignore[attr-defined]  # the stubs' chain forgets the class
    if query.count_active_tables() > 1:
        raise TypeError("A compiled change looks at one table alone.")
    compiler = query.get_compiler(using=queryset.db)
    return make_statement(build, compiler, blanks=blanks, asked=asked)


def make_statement(
    build: Callable[..., Any],
    compiler: Any,
    *,
    blanks: Mapping[Any, Blank],
    asked: Mapping[str, Any],
) -> Statement | None:
    try:
        sql, parameters = compiler.as_sql()
    except EmptyResultSet:
        if all(lengths_of(asked)):
            raise
        return None
    found = tuple(blanks.get(p, p) if isinstance(p, STAND_INS) else p for p in parameters)
    require_all(build, asked, {(p.name, p.index) for p in found if isinstance(p, Blank)})
    return Statement(compiler.using, sql, found)


def require_all(
    build: Callable[..., Any], asked: Mapping[str, Any], found: set[tuple[str, int | None]]
) -> None:
    """Refuse a question whose arguments do not all stand in its statement as they were given."""
    wanted = {(place.name, place.index) for name in asked for place in places_of(name, asked[name])}
    if wanted - found:
        raise TypeError(f"{build.__name__}: {wanted - found} did not reach the statement.")


def places_of(name: str, value: object) -> list[Blank]:
    if isinstance(value, LISTS):
        return [Blank(name, index) for index in range(len(value))]
    return [Blank(name)]


def make_stand_ins(
    build: Callable[..., Any], asked: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[Any, Blank]]:
    """Values that occur nowhere else, to be found again among the parameters."""
    kinds = get_type_hints(build)
    numbers = count(FIRST_NUMBER)
    stand_ins: dict[str, Any] = {}
    blanks: dict[Any, Blank] = {}
    for name, value in asked.items():
        kind, is_several = kind_of(kinds[name])
        values = []
        for place in places_of(name, value):
            made = stand_in(kind, next(numbers))
            values.append(made)
            blanks[made] = place
            if (adapt := adaptation_of(kind)) is not None:
                blanks[adapt(made)] = replace(place, adapt=adapt)
        stand_ins[name] = values if is_several else values[0]
    return stand_ins, blanks


def kind_of(hint: Any) -> tuple[type, bool]:
    """The kind of an argument, or of its items, and whether there are several."""
    origin = get_origin(hint)
    if origin is None:
        return hint, False
    kind = next(kind for kind in get_args(hint) if kind is not NoneType)
    return kind, origin is not UnionType


def stand_in(kind: type, number: int) -> Any:
    """A value of that kind which nobody else uses."""
    make: dict[type, Callable[[], Any]] = {
        int: lambda: number,
        str: lambda: f"stands in for argument {number}",
        UUID: lambda: UUID(int=number),
        datetime: lambda: datetime.fromtimestamp(number / 1000, UTC),
        timedelta: lambda: timedelta(microseconds=number * 1000),
    }
    if kind not in make:
        raise TypeError(f"{kind} cannot be an argument of a compiled statement.")
    return make[kind]()


def adaptation_of(kind: type) -> Callable[[Any], Any] | None:
    """What is done to such a value for a database that has no type for it."""
    adapt: dict[type, Callable[[Any], Any]] = {
        UUID: lambda value: value.hex,
        datetime: connection.ops.adapt_datetimefield_value,
        timedelta: duration_microseconds,
    }
    return adapt.get(kind)


def require_plain(queryset: QuerySet[Any, Any]) -> None:
    """Refuse what more than one statement would be needed for."""
    if queryset._prefetch_related_lookups or queryset._known_related_objects:  # type: ignore[attr-defined]  # noqa: SLF001  # Django tells not otherwise
        raise TypeError("A compiled question has neither prefetches nor a related manager.")
