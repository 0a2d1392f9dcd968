"""The building blocks of all bodies: numbers, times and mappings as pixiv writes them, and a model that keeps other keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.images import LARGEST_ID, ImageUrl, read_image_url

Kind = Literal["illust", "manga", "ugoira"]
KINDS: tuple[Kind, ...] = ("illust", "manga", "ugoira")
"""pixiv: illustType 0, 1, 2."""

MOST_PAGES = 10_000
LARGEST_SIDE = 1_000_000

JAPAN = timezone(timedelta(hours=9))


class PixivModel(BaseModel):
    """A JSON object: attributes in snake_case for keys in camelCase; other keys are kept in `model_extra`."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel, defer_build=True, protected_namespaces=())


class SnakeCaseModel(PixivModel):
    """An object whose keys pixiv writes in snake_case."""

    model_config = ConfigDict(alias_generator=lambda name: name)


def _whole_number(value: Any) -> Any:
    """pixiv: numbers are integers in most places and strings in others."""
    if type(value) is int:
        return value
    if isinstance(value, str) and re.fullmatch(r"0|[1-9]\d{0,18}", value, re.ASCII):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")  # noqa: TRY004 (pydantic wants a ValueError)
    return value


def _empty_list_as_object(value: Any) -> Any:
    """pixiv: an empty object arrives as []."""
    return {} if value is None or value == [] else value


def _empty_list_as_null(value: Any) -> Any:
    """pixiv: an empty object arrives as []; here it stands for nothing."""
    return None if value == [] else value


def _nothing_as_no_original(value: Any) -> Any:
    """pixiv: who may not see a work gets its addresses as null, each or all together."""
    return {"original": None} if value is None or value == [] else value


def _null_as_empty_list(value: Any) -> Any:
    return [] if value is None else value


def _false_as_null(value: Any) -> Any:
    return None if value is False else value


def _false_as_zero(value: Any) -> Any:
    return 0 if value is False or value is None else value


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be a time")  # noqa: TRY004
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=JAPAN)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time") from None


_NUMBER_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}]}

WholeNumber = BeforeValidator(_whole_number)
"""Stands behind a field's bounds, which are pydantic-core's own then; before them each bound is a call of Python's for each number."""

Count = Annotated[int, Field(ge=0, le=LARGEST_ID), WholeNumber, WithJsonSchema(_NUMBER_SCHEMA)]
"""A whole number from 0, as an integer or in digits."""

Id = Annotated[int, Field(ge=1, le=LARGEST_ID), WholeNumber, WithJsonSchema(_NUMBER_SCHEMA)]
"""A positive whole number, as an integer or in digits."""

Side = Annotated[int, Field(ge=0, le=LARGEST_SIDE), WholeNumber, WithJsonSchema(_NUMBER_SCHEMA)]
"""A width or height in pixels."""

IllustType = Annotated[int, Field(ge=0, le=2), WholeNumber, WithJsonSchema(_NUMBER_SCHEMA)]

PageCount = Annotated[int, Field(ge=0, le=MOST_PAGES), WholeNumber, WithJsonSchema(_NUMBER_SCHEMA)]

Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string"})]
"""A time, aware and in UTC. pixiv: times without a zone are Japan's."""

EmptyListAsNull = BeforeValidator(_empty_list_as_null)
NothingAsNoOriginal = BeforeValidator(_nothing_as_no_original)
NullAsEmpty = BeforeValidator(_null_as_empty_list)
Keyed = BeforeValidator(_empty_list_as_object)
FalseAsNull = BeforeValidator(_false_as_null)
FalseAsZero = BeforeValidator(_false_as_zero)


def _odd_as_null(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None


T = TypeVar("T")

Lenient = Annotated[T | None, WrapValidator(_odd_as_null)]
"""A value that only its own column depends on: an odd one costs itself, not the body."""

Texts = Annotated[list[str], NullAsEmpty]
Ids = Annotated[list[Id], RowByRow, NullAsEmpty]
Fields = Annotated[dict[str, Any], Keyed]
"""An object that is kept as it is."""

TagTranslations = Annotated[dict[str, dict[str, str | None]], RowByRow, Keyed]
"""{tag: {language or "romaji": text}}, `[]` when there is none."""


def ids_of_keys(value: Any) -> Any:
    """The keys of an object that are numbers."""
    value = _empty_list_as_object(value)
    if isinstance(value, dict):
        # All at once where all are sound: an artist may have a hundred thousand works.
        text = ",".join(value)
        if text.count(",") == len(value) - 1 and re.fullmatch(r"(?:[1-9]\d{0,18},)*[1-9]\d{0,18}", text, re.ASCII):
            return list(map(int, value))
        return [_sound_or_itself(key) for key in value]
    raise ValueError("must be an object")


def _sound_or_itself(key: str) -> int | str:
    """The id that a key is; one that is none stays for `_SoundId` to refuse by its place."""
    try:
        return int(_whole_number(key))
    except ValueError:
        return key


def newest_first(ids: Iterable[int]) -> list[int]:
    """Each once. As they come they are all but sorted, and are sorted the faster for that."""
    return sorted(dict.fromkeys(ids), reverse=True)


_SoundId = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID), WithJsonSchema(_NUMBER_SCHEMA)]

IdsOfKeys = Annotated[list[_SoundId], RowByRow, BeforeValidator(ids_of_keys), AfterValidator(newest_first)]
"""The ids that are the keys of an object (`[]` when there are none), the newest first."""


def _image_url(value: str | None) -> str | None:
    """An original's address. A placeholder in its place says that the reader may not see it, as null does."""
    if value is None:
        return None
    image = read_image_url(value)
    if image is None or image.kind not in ("original", "placeholder"):
        raise ValueError("must be the address of an original, with a time in its path")
    return value if image.kind == "original" else None


OriginalUrl = Annotated[str | None, AfterValidator(_image_url)]


def placeholder_of(*urls: str | None) -> str | None:
    """Why a placeholder replaces a picture, such as limit_sanity_level; None if none does."""
    images = (read_image_url(url) for url in urls if url)
    return next((image.because for image in images if image is not None and image.because), None)


def read_optional(url: str | None) -> ImageUrl | None:
    return None if url is None else read_image_url(url)
