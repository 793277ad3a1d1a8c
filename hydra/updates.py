"""Giving many rows a value each, in one statement.

Django's `bulk_update` makes a CASE of all rows for each row, which takes longer than everything
else that the worker does with events.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection
from django.db.models import Model


def set_each(model: type[Model], column: str, values: Mapping[int, int | str]) -> int:
    """Set `column` of the rows with these primary keys; how many there were."""
    if not values:
        return 0
    quote = connection.ops.quote_name
    table, key, name = (
        quote(word)
        for word in (model._meta.db_table, model._meta.pk.column or "", column)  # noqa: SLF001  # Django's public name
    )
    rows = ", ".join(["(%s, %s)"] * len(values))
    sql = (
        f"UPDATE {table} SET {name} = given.column2 FROM (VALUES {rows}) AS given "  # noqa: S608  # names of our own models, values are parameters
        f"WHERE {table}.{key} = given.column1"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [part for pair in values.items() for part in pair])
        changed: int = cursor.rowcount
        return changed
