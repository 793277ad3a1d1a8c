"""Fields that take exactly the JSON type they say: "5" is no number, 1 is no truth."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

NOT_TEXT = "This must be a text."
MAX_WHOLE = 2_147_483_647


class Text(serializers.CharField):
    """A text, kept as it is sent."""

    default_error_messages = {"invalid": NOT_TEXT}

    def __init__(self, **options: Any) -> None:
        options.setdefault("trim_whitespace", False)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Choice(serializers.ChoiceField):
    """One of the words that are known; a refusal names them."""

    def to_internal_value(self, data: Any) -> str:
        if data == "" and self.allow_blank:
            return ""
        if not isinstance(data, str) or data not in self.choices:
            known = ", ".join(str(word) for word in self.choices)
            raise serializers.ValidationError(f"This must be one of {known}.")
        return data


class Flag(serializers.BooleanField):
    default_error_messages = {"invalid": "This must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    default_error_messages = {"invalid": "This must be a whole number."}

    def __init__(self, **options: Any) -> None:
        options.setdefault("max_value", MAX_WHOLE)
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class Taken(serializers.Serializer[Any]):
    """The shape of a body. What is not named in it is ignored, as the seeds' servers do."""

    default_error_messages = {"invalid": "This must be an object."}

    def __init_subclass__(cls, **options: Any) -> None:
        """`VersionTaken` is called `VersionRequest` in the description."""
        super().__init_subclass__(**options)
        extend_schema_serializer(component_name=f"{cls.__name__.removesuffix('Taken')}Request")(cls)
