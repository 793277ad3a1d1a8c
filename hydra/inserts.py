"""Inserting rows with SQL that is made once, on the way that pipelines wait for.

Django compiles every INSERT anew, which takes longer than PostgreSQL needs to carry it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    Field,
    ForeignKey,
    IntegerField,
    Model,
    TextField,
)
from django.db.models.expressions import DatabaseDefault

ModelT = TypeVar("ModelT", bound=Model)

PLAIN = frozenset({str, int, bool, NoneType})  # exactly: the members of an enumeration are not
TAKES_PLAIN = (CharField, TextField, IntegerField, BooleanField, ForeignKey)


def insert(row: ModelT) -> ModelT:
    """As `row.save(force_insert=True)`, but what the database fills in stays unknown here.

    Its primary key alone comes back. Values must be values: no expressions, no default of the
    database's that the caller wants to read afterwards.
    """
    insert_all([row])
    return row


def insert_all(rows: Sequence[ModelT]) -> None:
    """Insert rows of one model in one statement."""
    if not rows:
        return
    model = type(rows[0])
    fields = fields_of(model, defaulted(rows[0]))
    database = connections[DEFAULT_DB_ALIAS]  # itself: Django's proxy looks it up at each touch
    values = [
        prepared(field, field.pre_save(row, add=True), database) for row in rows for field in fields
    ]
    with database.cursor() as cursor:
        cursor.execute(statement(model, fields, len(rows), database.vendor), values)
        keys = cursor.fetchall()
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding = False  # noqa: SLF001  # as save() leaves it
        row._state.db = database.alias  # noqa: SLF001


def prepared(field: Field[Any, Any], value: Any, database: BaseDatabaseWrapper) -> Any:
    """What the database is given for `value`: most values are that already."""
    if type(value) in PLAIN and isinstance(field, TAKES_PLAIN):
        return value
    return field.get_db_prep_save(value, database)


def defaulted(row: Model) -> frozenset[str]:
    """The columns that are left to the database's own default."""
    return frozenset(name for name, value in vars(row).items() if type(value) is DatabaseDefault)


@lru_cache(maxsize=256)
def fields_of(model: type[Model], without: frozenset[str]) -> tuple[Field[Any, Any], ...]:
    return tuple(
        field
        for field in model._meta.local_concrete_fields  # noqa: SLF001  # Django's public name
        if not field.primary_key and field.attname not in without
    )


@lru_cache(maxsize=512)
def statement(
    model: type[Model], fields: tuple[Field[Any, Any], ...], count: int, _vendor: str
) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.get_attname_column()[1] or "") for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    meta = model._meta  # noqa: SLF001  # Django's public name
    key = quote(meta.pk.attname)
    rows = ", ".join([row] * count)
    return f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES {rows} RETURNING {key}"  # noqa: S608  # names of our own models, values are parameters
