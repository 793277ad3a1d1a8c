"""What every page of the administration keeps to: fast at a million rows, and discreet.

A listing shows rows newest first, counts no further than a person would leaf, and looks for whole
words that an index finds. A row is shown without what is secret or the customers' own content, and
is not changed, unless its admin names what may be and the service that does it.
"""

from __future__ import annotations

from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.core.paginator import Page, Paginator
from django.db import connections
from django.db.models import BinaryField, Field, ForeignKey, Q, QuerySet, Subquery
from django.http import HttpRequest

if TYPE_CHECKING:  # generic for the type checker alone
    Base = admin.ModelAdmin[Any]
    Pages = Paginator[Any]
else:
    Base, Pages = admin.ModelAdmin, Paginator

COUNTED = 10_000
NEWEST = 50_000

# Secrets, what leads to them, and what customers wrote: fields of these names are shown nowhere.
HIDDEN = frozenset(
    {
        *("password", "digest", "fingerprint", "key_sealed", "form_key", "session"),
        *("content", "script", "deploy_script", "parameters", "summary", "answer"),
    }
)


class CountedPaginator(Pages):
    """Counts exactly up to a bound; beyond it takes the database's own estimate, or the bound."""

    object_list: QuerySet[Any]

    @cached_property
    def count(self) -> int:
        counted = self.object_list.order_by()[:COUNTED].count()
        if counted < COUNTED or self.object_list.query.where:
            return counted
        return max(counted, estimated_rows(self.object_list))

    def page(self, number: int | str) -> Page[Any]:
        """The keys of the rows first, then those rows with their names: the joins of a name would
        else be made for all rows that are leafed over.
        """
        number = self.validate_number(number)
        end = min(number * self.per_page, self.count)
        keys = self.object_list.values_list("pk", flat=True)[(number - 1) * self.per_page : end]
        return Page(self.object_list.filter(pk__in=list(keys)), number, self)


def estimated_rows(rows: QuerySet[Any]) -> int:
    """How many rows the table has, as its statistics say; 0 where there are none."""
    connection = connections[rows.db]
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(rows.model._meta.db_table)
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        (rows_known,) = cursor.fetchone()
    return int(rows_known)


class Newest(admin.ChoicesFieldListFilter):
    """Narrows to one value among the newest rows. One that few rows have would else be looked for
    in all of them, as no index serves what only administrators ask.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.title = f"{self.title}, of the newest {NEWEST:,}"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows = super().queryset(request, queryset)
        if rows is None or not self.used_parameters:
            return queryset
        newest = rows.model._default_manager.order_by("-pk").values("pk")[:1]
        return rows.filter(pk__gt=Subquery(newest) - NEWEST)


class Listing(Base):
    """Rows of one model, to be looked at. `changeable` names what may be changed."""

    paginator = CountedPaginator
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would count the whole table
    ordering = ("-pk",)
    sortable_by = ()
    list_select_related = False  # `get_queryset` joins what is shown
    actions = None
    changeable: ClassVar[tuple[str, ...]] = ()
    joined: ClassVar[tuple[str, ...]] = ()  # what the names of related rows are made of

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> Any:
        """A number to type: a choice would list the whole other table."""
        remote = db_field.remote_field
        options.setdefault("widget", ForeignKeyRawIdWidget(remote, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **options)

    # Whoever passed the site's own gate may look at everything; the site asks nobody twice.

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.changeable)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [field.name for field in self.model._meta.fields if not is_hidden(field)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.get_fields(request, obj) if name not in self.changeable]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What is not shown narrows no list either, or it could be had letter by letter."""
        name = lookup.partition("__")[0]
        is_shown = not any(
            is_hidden(field) for field in self.model._meta.fields if field.name == name
        )
        return is_shown and super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        fields = self.model._meta.fields
        related = [field.name for field in fields if field.is_relation]
        heavy = [field.name for field in fields if isinstance(field, BinaryField)]
        return rows.select_related(*related, *self.joined).defer(*heavy)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows found by an exact value of an index, or all that belong to an organization.

        The organization is looked up first, and then nothing else: beside other conditions, one OR
        would make the database read all rows.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        names = [str(name) for name in self.search_fields]
        if "org" in names and (org := self.organization(term)) is not None:
            return queryset.filter(org=org), False
        wanted = [Q(**{name: term}) for name in names if name != "org"]
        return (queryset.filter(reduce(or_, wanted)) if wanted else queryset.none()), False

    def organization(self, term: str) -> int | None:
        """The key of the one whose address or id this is."""
        orgs = self.model._meta.get_field("org").related_model._default_manager
        found: int | None = (
            orgs.filter(Q(slug=term) | Q(uid=term)).values_list("pk", flat=True).first()
        )
        return found


def is_hidden(field: Field[Any, Any]) -> bool:
    return field.name in HIDDEN or isinstance(field, BinaryField)
