"""What passes between the server and those who write its answers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.works import Session

if TYPE_CHECKING:
    from pixivcrawl.sandbox.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the API origin, taken apart. `places` are the variable parts of the path; `query` keeps every
    value of a name; `document` is a POST's JSON."""

    world: World
    addresses: Addresses
    session: Session | None
    places: tuple[str, ...]
    query: dict[str, list[str]]
    document: Json = field(default_factory=dict)

    @property
    def id(self) -> int:
        return int(self.places[0])

    def text(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, [otherwise])[0]

    def number(self, name: str, otherwise: int) -> int:
        """A whole number from the query. Raises RefusedError (400) for anything else."""
        raw = self.text(name, str(otherwise))
        if not raw.isdecimal():
            raise RefusedError(400, f"{name} must be a number")
        return int(raw)

    def up_to(self, name: str, otherwise: int, most: int) -> int:
        """A number from 1 to `most`. Raises RefusedError (400) for one beyond."""
        number = self.number(name, otherwise)
        if not 1 <= number <= most:
            raise RefusedError(400, f"{name} must be from 1 to {most}")
        return number

    def page(self) -> int:
        """The page `p`, from 1."""
        return max(1, self.number("p", 1))

    @property
    def reader(self) -> Session:
        """The session of a route that no one reaches without."""
        if self.session is None:
            raise RefusedError(401, "Sign in to go on.")
        return self.session

    def one_of(self, name: str, choices: Collection[str], otherwise: str) -> str:
        """Raises RefusedError (400) for a value that pixiv does not know."""
        value = self.text(name, otherwise)
        if value not in choices:
            raise RefusedError(400, f"{name} must be one of {', '.join(choices)}")
        return value


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A status and what becomes the JSON body."""

    content: Any
    status: int = 200


class RefusedError(Exception):
    """Pixiv says no: an error envelope with this status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def found(body: Any) -> ApiResponse:
    return ApiResponse({"error": False, "message": "", "body": body})


def found_without_message(body: Any) -> ApiResponse:
    """pixiv: some answers, searches among them, lack the key `message`."""
    return ApiResponse({"error": False, "body": body})


def refused(status: int, message: str) -> ApiResponse:
    return ApiResponse({"error": True, "message": message, "body": []}, status)


def keyed(items: Json) -> Json | list[Any]:
    """pixiv: an empty object arrives as []."""
    return items or []
