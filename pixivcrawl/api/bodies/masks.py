"""Masked rows, which stand in for a work: the one rule by which they are recognised, in every list and spelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from pydantic import ValidationInfo, model_validator

from pixivcrawl.api.bodies.parts import PixivModel, placeholder_of, read_optional

VANISHED_PICTURE = "limit_unknown"
WITHHELD = "placeholder"
"""The reason if pixiv gives none."""


class Mask(NamedTuple):
    """Why a row shows nothing of its work. `vanished`: the work is lost, not only hidden from this reader."""

    because: str
    vanished: bool


def mask_of(row: Mapping[str, Any]) -> Mask | None:
    """What hides the work in a raw row, with keys in either spelling; None for a row that shows its work.

    pixiv: a work that vanished has `isMasked`, user 0, dates of 1970 or limit_unknown for a picture. One that this
    reader may not see has a `mask_reason`, user 1, no title, or another limit_* picture, each with or without the rest.
    """
    picture = next((found for url in _pictures(row) if (found := _placeholder(url))), None)
    reasons = [each for name in ("maskReason", "mask_reason") if (each := row.get(name))]
    reason = next((each for each in reasons if isinstance(each, str)), None)
    users = [row.get("userId"), row.get("user_id")]
    created = row.get("createDate")
    is_masked = any(row.get(name) not in (None, False) for name in ("isMasked", "is_masked"))
    is_of_1970 = isinstance(created, str) and created.startswith("1970-01-01")
    if is_masked or 0 in users or "0" in users or is_of_1970 or picture == VANISHED_PICTURE:
        return Mask(reason or picture or "masked", vanished=True)
    if reasons or 1 in users or "1" in users or row.get("title") == "" or picture is not None:
        return Mask(reason or picture or WITHHELD, vanished=False)
    return None


def _pictures(row: Mapping[str, Any]) -> Iterator[Any]:
    """pixiv: `url`, `urls` with one for each size, and `url_s`, `url_w` and others on the mobile site."""
    for name, value in row.items():
        if name.startswith("url"):
            yield from value.values() if isinstance(value, dict) else (value,)


def _placeholder(url: Any) -> str | None:
    return placeholder_of(url) if isinstance(url, str) else None


class WorkRow(PixivModel):
    """A work in a list: the base of every model of such a row.

    A masked row shows only the fields in `told_when_masked`: its other fields are `blank`, whatever stood there.
    `mask_reason` is why the work is kept from this reader, None where it vanished.
    """

    told_when_masked: ClassVar[tuple[str, ...]]
    blank: ClassVar[Mapping[str, Any]]

    is_masked: bool = False
    mask_reason: str | None = None
    url: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing_but_the_id_of_a_mask(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        spelled = cls.model_config["alias_generator"]
        assert callable(spelled)
        is_masked, mask_reason = spelled("is_masked"), spelled("mask_reason")
        mask = mask_of(row)
        if mask is None:
            return {**row, is_masked: False, mask_reason: None}
        told = {name: row[name] for name in map(spelled, cls.told_when_masked) if name in row}
        picture = next((url for url in _pictures(row) if _placeholder(url)), None)
        blank = {spelled(name): value for name, value in cls.blank.items()}
        reason = None if mask.vanished else mask.because
        return {**blank, **told, "url": picture, is_masked: True, mask_reason: reason}

    @property
    def has_vanished(self) -> bool:
        return self.is_masked and self.mask_reason is None

    @property
    def masked_because(self) -> str | None:
        """Why the row does not show the work: pixiv's reason, the placeholder's name (limit_unknown ...), or masked."""
        if not self.is_masked:
            return None
        return self.mask_reason or placeholder_of(self.url) or "masked"

    def revision_of(self, work_id: int) -> str | None:
        """The 14 digits of the time in the thumbnail's path: the same as in the original's."""
        image = read_optional(self.url)
        return image.revision if image is not None and image.work_id == work_id else None


def positive_unless_masked(value: int, info: ValidationInfo) -> int:
    """A row that shows its work names an artist and has pages."""
    if value < 1 and not info.data.get("is_masked"):
        raise ValueError("must be 1 or more")
    return value
