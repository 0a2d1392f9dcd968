"""The parameters of endpoints: their types, and how each is written into a request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError

ParamType = Literal["id", "text", "integer", "boolean", "date", "ids", "texts", "constant"]
"""`ids` and `texts` are lists; a `constant` always has its default and cannot be given."""

Where = Literal["path", "query", "path and query", "json"]

LONGEST_TEXT = 1000


class ParameterRefused(ConfigurationError):
    """A parameter that the endpoint does not have, or a value that it does not allow; names both and what is allowed."""


class ValueRefused(ValueError):
    """A value that a parameter does not allow; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an endpoint, under pixiv's own name (without the `[]` that lists have in a query).

    A parameter that was not given is sent with its `default`, or, without one, not at all. `least` and `most` bound an
    integer, or the length of a list. `spelled` is how false and true are written. `unsaid` are the choices that mean
    all there is, and are said by leaving the parameter out. `twin` is another name under which pixiv's own pages send
    the same value. `premium` names the choices that pixiv ignores for accounts without premium; `("*",)` stands for
    every value.
    """

    name: str
    type: ParamType
    description: str
    where: Where = "query"
    required: bool = False
    default: str | int | bool | tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int | None = None
    date_format: str = "%Y-%m-%d"
    spelled: tuple[str, str] = ("false", "true")
    may_be_empty: bool = False
    premium: tuple[str, ...] = ()
    unsaid: tuple[str, ...] = ()
    twin: str = ""

    def canonical(self, value: Any) -> Any:
        """The value in canonical form: int, str, bool, or a list of ints or texts. Raises ValueRefused."""
        match self.type:
            case "id":
                return _whole_number(value, 1, LARGEST_ID, "a positive whole number")
            case "integer":
                return _whole_number(value, self.least, self.most, self._bounds())
            case "boolean":
                return _boolean(value)
            case "date":
                return _date(value).strftime(self.date_format)
            case "text":
                return self._text(value)
            case "ids":
                return [
                    _whole_number(each, 1, LARGEST_ID, "a list of positive whole numbers") for each in self._list(value)
                ]
            case "texts":
                return [self._text(each) for each in self._list(value)]
            case "constant":
                raise ValueRefused(f"nothing: it is always {self.default}")

    def written(self, value: Any) -> list[str]:
        """A canonical value as written in an address, once for each item of a list."""
        match value:
            case str() if value in self.unsaid:
                return []
            case bool():
                return [self.spelled[value]]
            case list():
                return [str(each) for each in value]
            case _:
                return [str(value)]

    def in_json(self, value: Any) -> Any:
        """A canonical value as written in a JSON body. pixiv: its own pages send ids there as strings."""
        return str(value) if self.type == "id" else value

    @property
    def query_name(self) -> str:
        return f"{self.name}[]" if self.type in ("ids", "texts") else self.name

    @property
    def query_names(self) -> tuple[str, ...]:
        return (self.query_name, self.twin) if self.twin else (self.query_name,)

    def needs_premium(self, value: Any) -> bool:
        return "*" in self.premium or value in self.premium

    def _bounds(self) -> str:
        if self.most is None:
            return f"a whole number from {self.least}"
        return f"a whole number from {self.least} to {self.most}"

    def _text(self, value: Any) -> str:
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise ValueRefused(f"one of {', '.join(self.choices)}")
            return value
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            raise ValueRefused(f"a text of at most {LONGEST_TEXT} characters")
        if not value and not self.may_be_empty:
            raise ValueRefused("a text that is not empty")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueRefused("a text that can be written as UTF-8") from None
        return value

    def _list(self, value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            value = [part for part in re.split(r"[,\s]+", value) if part] if isinstance(value, str) else [value]
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            raise ValueRefused(f"a list of {self.least} to {self.most} items")
        return list(value)


def _whole_number(value: Any, least: int, most: int | None, allowed: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < least or value > (most or LARGEST_ID):
        raise ValueRefused(allowed)
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    match value:
        case "true" | "1" | 1:
            return True
        case "false" | "0" | 0:
            return False
    raise ValueRefused("true or false")


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}(-?)\d\d\1\d\d", value, re.ASCII):
        try:
            return datetime.strptime(value.replace("-", ""), "%Y%m%d").date()  # noqa: DTZ007 (a day has no zone)
        except ValueError:
            pass
    raise ValueRefused("a day as yyyy-mm-dd or yyyymmdd")


def canonical_values(endpoint: str, params: tuple[Param, ...], values: dict[str, Any]) -> dict[str, Any]:
    """The values in canonical form and declared order, with defaults and without constants.

    Raises ParameterRefused.
    """
    known = {param.name: param for param in params if param.type != "constant"}
    for name in values:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise ParameterRefused(f"{endpoint} has no parameter {quoted(name)}; {takes}")
    canonical = {}
    for name, param in known.items():
        value = values.get(name)
        value = param.default if value is None else value
        if value is None:
            if param.required:
                raise ParameterRefused(f"{endpoint} needs the parameter {name}: {param.description}")
            continue
        try:
            canonical[name] = param.canonical(value)
        except ValueRefused as allowed:
            raise ParameterRefused(f"{endpoint}: {name}={quoted(value)} is refused; it takes {allowed}") from None
    return canonical
