"""The small parts that every page is made of: icons, states, times, fields, navigation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Textarea
from django.template import Context
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from orgs.access import Access, Right

register = template.Library()

# One word and one icon for each state; its colour stands in the style sheet under `data-state`.
STATES: dict[str, tuple[str, str]] = {
    "succeeded": ("Succeeded", "succeeded"),
    "online": ("Online", "succeeded"),
    "enabled": ("Enabled", "succeeded"),
    "delivered": ("Delivered", "succeeded"),
    "running": ("Running", "running"),
    "canceling": ("Canceling", "canceled"),
    "waiting": ("Waiting", "waiting"),
    "scheduled": ("Scheduled", "waiting"),
    "awaiting_approval": ("Needs approval", "approval"),
    "held": ("Held", "hold"),
    "queued": ("Queued", "waiting"),
    "ready": ("Ready", "waiting"),
    "offered": ("Offered", "waiting"),
    "failed": ("Failed", "failed"),
    "offline": ("Offline", "failed"),
    "unknown": ("Unknown", "unknown"),
    "canceled": ("Canceled", "canceled"),
    "superseded": ("Superseded", "superseded"),
    "expired": ("Expired", "canceled"),
    "rejected": ("Rejected", "canceled"),
    "skipped": ("Skipped", "pending"),
    "pending": ("Pending", "pending"),
    "never": ("Never seen", "pending"),
    "disabled": ("Disabled", "canceled"),
    "live": ("Live", "succeeded"),
    "ending": ("Ends soon", "waiting"),
    "replaced": ("Replaced", "superseded"),
    "revoked": ("Revoked", "canceled"),
}
UNITS = ((86_400 * 365, "y"), (86_400 * 30, "mo"), (86_400, "d"), (3600, "h"), (60, "min"))


@register.simple_tag
def icon(name: str) -> SafeString:
    """A symbol of the sprite. It says nothing to a screen reader: the words beside it do."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("img/sprite.svg"),
        name,
    )


@register.simple_tag
def state(value: str, word: str = "", *, sentence: str = "", plain: bool = False) -> SafeString:
    """The badge of a state: `word` instead of its own one, `sentence` on hover and focus."""
    own_word, symbol = STATES.get(value, (value.replace("_", " ").capitalize(), "info"))
    tooltip = (
        format_html(' tabindex="0" data-tooltip="{}"', sentence) if sentence else mark_safe("")
    )
    return format_html(
        '<span class="state{}" data-state="{}"{}>{}{}</span>',
        mark_safe(" plain") if plain else "",
        value,
        tooltip,
        icon(symbol),
        word or own_word,
    )


@register.filter
def state_icon(value: str) -> str:
    return STATES.get(value, ("", "info"))[1]


@register.filter
def state_word(value: str) -> str:
    return STATES.get(value, (value.replace("_", " ").capitalize(), ""))[0]


@register.simple_tag
def ago(moment: datetime | None, *, short: bool = False) -> SafeString:
    """A time as people say it, with the exact one on hover; a script puts it into their zone."""
    if moment is None:
        return mark_safe('<span class="muted">never</span>')
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        moment.isoformat(),
        f"{moment:%Y-%m-%d %H:%M:%S} UTC",
        mark_safe(" data-short") if short else "",
        in_words(moment, short=short),
    )


def in_words(moment: datetime, *, short: bool = False) -> str:
    seconds = (timezone.now() - moment).total_seconds()
    is_past, seconds = seconds >= 0, abs(seconds)
    if seconds < 60:
        return "now" if is_past else "in a moment"
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    # What is past is as old as it is at least; what is to come is as far as it looks.
    amount = f"{int(seconds // size) if is_past else round(seconds / size)} {unit}"
    if short:
        return amount
    return f"{amount} ago" if is_past else f"in {amount}"


@register.filter
def took(milliseconds: float | None) -> str:
    """A duration in milliseconds as people read it."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@register.simple_tag
def duration(start: datetime | None, end: datetime | None = None) -> str:
    """From start to end, or until now while there is no end."""
    if start is None:
        return "not yet"
    return took(((end or timezone.now()) - start).total_seconds() * 1000)


@register.filter
def initial(name: str) -> str:
    return (name.strip() or "?")[0].upper()


@register.simple_tag(takes_context=True)
def emblem(context: Context, thing: Any) -> SafeString:
    """The picture of a project or application, else its first letter. It says nothing by itself."""
    if thing.icon is None:
        return format_html(
            '<span class="initial emblem" aria-hidden="true">{}</span>', initial(thing.name)
        )
    address = reverse("projects:icon", args=[context["request"].org.slug, thing.icon.digest])
    return format_html('<img class="emblem" src="{}" alt="" width="20" height="20">', address)


@register.simple_tag(takes_context=True)
def can(context: Context, right: str, scope: str = "") -> bool:
    """Whether the person who looks at the page has a right, such as `project.create`."""
    access: Access | None = getattr(context.get("request"), "access", None)
    return access is not None and access.allows(Right(right), scope)


@register.inclusion_tag("components/nav_item.html", takes_context=True)
def nav_item(  # noqa: PLR0913  # as a template spells it
    context: Context,
    view: str,
    words: str,
    symbol: str,
    right: str,
    *,
    exact: bool = False,
    also: str = "",
) -> dict[str, Any]:
    """A place in the sidebar, for those who may go there; `also` is a tab with its own address."""
    request = context["request"]
    slug = request.org.slug
    address = reverse(view, args=[slug])
    is_here = request.path == address if exact else request.path.startswith(address)
    is_here = is_here or (also != "" and request.path.startswith(reverse(also, args=[slug])))
    return {
        "is_shown": can(context, right),
        "address": address,
        "words": words,
        "symbol": symbol,
        "current": ("page" if request.path == address else "true") if is_here else "",
    }


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str = "", *, narrow: bool = False) -> dict[str, Any]:
    """A form's field with label, help, control and errors, wired up for screen readers."""
    widget = bound.field.widget
    described = []
    if bound.help_text:
        described.append(f"{bound.auto_id}_help")
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    attributes: dict[str, Any] = {"aria-describedby": " ".join(described) or None}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {
        "bound": bound,
        "label": label or bound.label,
        "control": bound.as_widget(attrs={k: v for k, v in attributes.items() if v is not None}),
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": isinstance(widget, CheckboxSelectMultiple | RadioSelect),
        "is_long": isinstance(widget, Textarea),
        "narrow": narrow,
    }


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """An entry of a mapping by a key that is a variable."""
    return mapping.get(key) if hasattr(mapping, "get") else None
