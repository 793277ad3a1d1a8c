"""What an environment's config file says: the base with the override merged into it.

Pure: texts in, texts out. A merge is idempotent, and an override that says nothing changes
nothing, byte for byte.
"""

from __future__ import annotations

from projects.merging import as_dotenv, as_json, as_txt, as_xml
from projects.merging.drafts import KeyOrigin, Merged
from projects.merging.texts import (
    BYTE_ORDER_MARK,
    ConfigError,
    FileType,
    Origin,
    is_blank,
    require_usable,
)

__all__ = ["ConfigError", "FileType", "KeyOrigin", "Merged", "Origin", "merge", "parse_check"]

CHECKS = {
    FileType.JSON: as_json.check,
    FileType.XML: as_xml.check,
    FileType.DOTENV: as_dotenv.check,
    FileType.TXT: as_txt.check,
}
MERGES = {
    FileType.JSON: as_json.merge,
    FileType.XML: as_xml.merge,
    FileType.DOTENV: as_dotenv.merge,
    FileType.TXT: as_txt.merge,
}


def parse_check(file_type: FileType, text: str, *, origin: Origin = Origin.BASE) -> None:
    """Refuse with ConfigError, which knows line and column, what is no file of this type.

    A blank override says nothing and is fine; whether an override fits its base shows only
    when it is merged.
    """
    require_usable(text, origin)
    if origin is Origin.OVERRIDE and is_blank(text):
        return
    CHECKS[file_type](text.removeprefix(BYTE_ORDER_MARK), origin)


def merge(file_type: FileType, base: str, override: str | None) -> Merged:
    """`base` with `override` merged into it as its type says. ConfigError names the culprit."""
    require_usable(base, Origin.BASE)
    change = None
    if override is not None and not is_blank(override):
        require_usable(override, Origin.OVERRIDE)
        change = override.removeprefix(BYTE_ORDER_MARK)
    body = base.removeprefix(BYTE_ORDER_MARK)
    merged = MERGES[file_type](body, change)
    if body == base:
        return merged
    return Merged(BYTE_ORDER_MARK + merged.text, merged.origins, merged.lines)
