"""Rules between one setting and another, so that every setting at fault is named at once, each by its own name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import with_info_after_validator_function


@dataclass(frozen=True, slots=True)
class _Rule:
    other: str  # the name of a field that is declared before this one

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def checked(found: object, info: ValidationInfo) -> object:
            if self.other in info.data:  # else that one is at fault itself
                self.check(found, info.data[self.other])
            return found

        return with_info_after_validator_function(checked, handler(source))

    def check(self, found: object, other: object) -> None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class NeededFor(_Rule):
    """Marks a setting that is needed where another one has this value."""

    value: str

    def check(self, found: object, other: object) -> None:
        """Raise where it is missing."""
        if found is None and other == self.value:
            raise PydanticCustomError("missing", "Field required")


@dataclass(frozen=True, slots=True)
class NotWith(_Rule):
    """Marks a setting that is a mistake where another one has this value."""

    value: str

    def check(self, found: object, other: object) -> None:
        """Raise where it is set all the same."""
        if found is not None and other == self.value:
            raise ValueError(f"it is of no use where HEADRACE_{self.other.upper()} is {self.value}")


@dataclass(frozen=True, slots=True)
class Together(_Rule):
    """Marks a setting that is set where another one is set, and only there."""

    def check(self, found: object, other: object) -> None:
        """Raise where one of the two is missing."""
        if found is None and other is not None:
            raise PydanticCustomError("missing", "Field required")
        if found is not None and other is None:
            raise ValueError(f"it is of no use without HEADRACE_{self.other.upper()}")
