"""Lists whose rows are read one by one, so that an odd row costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from pixivcrawl.api.paging import PartOf
from pixivcrawl.api.text import quoted

ODD = "odd_row"
"""The type of an error that is one row's fault."""

LEAVING_OUT = "leaving out odd rows"
"""The validation context in which odd rows are left out rather than refused."""

ALL_ODD = 10
"""If a list of at least this many rows has no readable row, the whole list has changed its shape."""

_REASONS = {
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a text",
}


def reason_of(line: ErrorDetails) -> str:
    """Why a value was refused, in a few words."""
    if line["type"] == ODD:
        return str(line["ctx"]["why"])
    if line["type"] == "missing":
        return "is missing"
    reason = _REASONS.get(line["type"]) or line["msg"].removeprefix("Value error, ")
    return f"{reason}, not {quoted(line['input'])}"


def read_row_by_row(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Validates a list, or an object of rows by key, row by row."""
    return read_rows(value, read, leaving_out=info.context == LEAVING_OUT)


def read_rows(rows: Any, read: Callable[[Any], Any], *, leaving_out: bool, places: Sequence[int] | None = None) -> Any:
    """The rows that can be read. Otherwise an odd row raises, once, as that row's fault.

    `places` are where the rows stand on their list, if not one after the other.
    """
    try:
        return read(rows)
    except ValidationError as error:
        lines = error.errors(include_url=False)
        odd: dict[int | str, ErrorDetails] = {}
        for line in lines:
            if not line["loc"]:
                raise
            # If rows hold rows, the inner ones have been reported already.
            if line["type"] != ODD:
                odd.setdefault(line["loc"][0], line)
        if leaving_out and not ALL_ODD <= len(rows) == len(odd):
            return _read_others(rows, read, odd)
        inner = [line for line in lines if line["type"] == ODD and line["loc"][0] not in odd]
        told = [_odd_row(line, places) for line in (*odd.values(), *inner)]
        raise ValidationError.from_exception_data(error.title, told) from None


RowByRow = WrapValidator(read_row_by_row)
"""Goes directly after the list or the object whose rows are meant."""


def _read_others(rows: Any, read: Callable[[Any], Any], odd: Collection[int | str]) -> Any:
    if isinstance(rows, Mapping):
        return read({key: row for key, row in rows.items() if key not in odd})
    return PartOf(read([row for place, row in enumerate(rows) if place not in odd]), came=len(rows))


def _odd_row(line: ErrorDetails, places: Sequence[int] | None) -> InitErrorDetails:
    place, *inside = line["loc"]
    if places is not None:
        place = places[int(place)]
    reason = PydanticCustomError(ODD, "{why}", {"why": reason_of(line)})
    return InitErrorDetails(type=reason, loc=(place, *inside), input=line["input"])
