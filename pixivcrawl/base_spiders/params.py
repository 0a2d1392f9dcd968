"""Spider arguments as small pydantic models, composed per spider through `Args[...]`.

Pixiv's own parameters keep pixiv's names; ours are the same on every listing spider. Unknown names are refused.
"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.api.urls import ACCOUNT, UrlRefused, read_url
from pixivcrawl.configuration import Ugoira
from pixivcrawl.filters import Filters, separated
from pixivcrawl.items import Artwork

if TYPE_CHECKING:
    from pixivcrawl.ledger.queries import RequiredDetail

# The library logs a refused argument over several lines before it raises; a run says it in one.
logging.getLogger("scrapy_spider_metadata").setLevel(logging.CRITICAL)

JAPAN = timezone(timedelta(hours=9))


def today_in_japan() -> date:
    """The date by which pixiv's rankings and searches count."""
    return datetime.now(UTC).astimezone(JAPAN).date()


ADDRESS_MARKS = frozenset("/.#")
"""No id contains one of these; an address or the name of a saved file does."""


def id_in_address(*spiders: str) -> BeforeValidator:
    """Accepts, instead of an id, the address of a page that one of these spiders archives."""

    def read(value: Any) -> Any:
        if not isinstance(value, str) or not ADDRESS_MARKS.intersection(value):
            return value
        try:
            target = read_url(value)
        except UrlRefused as refused:
            raise ValueError(str(refused)) from None
        if target.spider not in spiders:
            raise ValueError(f"that address belongs to the spider {target.spider}, not to {spiders[0]}")
        if "id" not in target.arguments:
            name, said = next(iter(target.arguments.items()))
            raise ValueError(f"that address has no id; give -a {name}={said} instead")
        if more := [f"{name}={said}" for name, said in target.arguments.items() if name != "id"]:
            raise ValueError(f"that address also says {', '.join(more)}; give its id and -a {more[0]}")
        return target.arguments["id"]

    return BeforeValidator(read)


PixivId = Annotated[int, Field(gt=0, lt=2**63)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text to search for; with blanks alone pixiv would return arbitrary works."""

UserIds = Annotated[list[Annotated[PixivId, id_in_address("user")]], BeforeValidator(separated), Field(min_length=1)]
SeriesIds = Annotated[
    list[Annotated[PixivId, id_in_address("series")]], BeforeValidator(separated), Field(min_length=1)
]
ArtworkIds = Annotated[
    list[Annotated[PixivId, id_in_address("artwork")]], BeforeValidator(separated), Field(min_length=1)
]


class Arguments(BaseModel):
    """What every spider's arguments share: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")

    run_only: ClassVar[frozenset[str]] = frozenset({"max_works", "reread", "refresh", "details", "stop_after"})

    unmentioned: ClassVar[frozenset[str]] = frozenset()
    """Arguments that were added later, and are left out of the canonical arguments unless given."""

    def canonical(self) -> dict[str, Any]:
        """The arguments that say which list is read, apart from those that say how far or how thoroughly this run reads it."""
        given = self.model_dump(mode="json")
        return {
            name: value
            for name, value in given.items()
            if name not in self.run_only and not (name in self.unmentioned and value is None)
        }


_OF_LATER = ("artists", "exclude_artists", "words", "exclude_words", "filter")


class ListingArguments(Filters, Arguments):
    """The arguments that are the same on every listing spider."""

    max_works: int | None = Field(
        None, gt=0, title="Most works", description="Look at no more than this many works of the list."
    )
    reread: bool = Field(
        default=False, title="Read to the end", description="Read the list to its end, no matter what was read before."
    )
    refresh: bool = Field(
        default=False,
        title="Compare known works",
        description="Compare known works with pixiv's rows and fetch what was revised.",
    )
    files: bool = Field(default=True, title="Fetch files", description="false keeps only the metadata.")
    detail: Literal["full", "listing"] = Field(
        "full",
        title="Detail",
        description="listing stops after the list's own rows, which name works and originals, and asks only for what these leave open "
        "(works that are not shown, files that are not where a row says).",
    )
    ugoira: Ugoira | None = Field(
        None,
        title="Ugoira",
        description="frames also fetches each frame of an ugoira as its artist uploaded it; zip fetches only pixiv's own copy of them, "
        "as JPEG within 1920x1080. By default as PIXIV_UGOIRA.",
    )
    details: Literal["last", "first"] = Field(
        "last",
        title="Details",
        description="When to read details that an earlier run left open: last, after the pictures of new works; or first, before the list.",
    )
    stop_after: Literal["pictures"] | None = Field(
        None,
        title="Stop after",
        description="pictures ends the run once all files that the list's rows name are stored; a later run continues with the details.",
    )
    comments: bool = Field(
        default=False,
        title="Keep comments",
        description="Keep each work's comments and replies too, once, and again with refresh=true: at least one request for "
        "each work that has any, and one for each comment with replies.",
    )

    filter: Annotated[Filters | None, WithJsonSchema({"type": "string"})] = Field(
        None,
        title="Filter",
        description="Only works that this filter of filters.toml allows, in addition to the other arguments. By default the one that "
        "fetch names there under default; none turns it off.",
    )

    @field_validator("ugoira")
    @classmethod
    def _are_files(cls, ugoira: str | None, info: ValidationInfo) -> str | None:
        if ugoira == "frames" and not info.data.get("files", True):
            raise ValueError("frames are files, which files=false leaves out: remove one of the two")
        return ugoira

    def canonical(self) -> dict[str, Any]:
        """As for every spider. Newer arguments are left out where not given; a filter stands by its content, not its name."""
        given = super().canonical()
        unsaid = {name for name in _OF_LATER if given[name] is None} | (set() if self.wants_frames else {"ugoira"})
        if self.filter is not None:
            given["filter"] = self.filter.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in given.items() if name not in unsaid}

    def fits(self, artwork: Artwork) -> bool | None:
        """Whether a work is wanted, by the filters that were given and by the saved one."""
        answers = {super().fits(artwork), True if self.filter is None else self.filter.fits(artwork)}
        return False if False in answers else None if None in answers else True

    @property
    def leave_something_out(self) -> bool:
        """Whether any filter was given."""
        return super().leave_something_out or (self.filter is not None and self.filter.leave_something_out)

    @property
    def rows_are_all(self) -> bool:
        """Whether only the rows of works are wanted."""
        return self.detail == "listing" and not self.files

    @property
    def enough(self) -> RequiredDetail:
        """How much must be known of a work so that its own page is not asked for."""
        if self.detail == "full":
            return "full"
        return "timing" if self.wants_frames else "named"

    @property
    def wants_frames(self) -> bool:
        """Whether an ugoira's frames as uploaded are fetched."""
        return self.files and self.ugoira == "frames"

    @property
    def need_rows(self) -> bool:
        """Whether rows are worth their requests where a list gives only ids."""
        return self.refresh or self.detail == "listing" or self.leave_something_out


_PLAINLY = {
    "literal_error": "give {expected}",
    "bool_parsing": "give true or false",
    "bool_type": "give true or false",
    "float_parsing": "that is not a number",
    "greater_than": "give more than {gt}",
    "greater_than_equal": "give {ge} or more",
    "less_than": "give less than {lt}",
    "less_than_equal": "give {le:g} or less",
    "too_short": "give at least one",
    "string_too_short": "give a text",
    "string_unicode": "that is no UTF-8: set a locale such as LC_ALL=C.UTF-8",
    "string_pattern_mismatch": "that has characters that are not allowed here",
}
"""Replaces pydantic's own sentences."""


def explain(spider: str, arguments: type[BaseModel], error: ValidationError) -> str:
    """A refused argument as one line that names it and says what it takes."""
    first = error.errors()[0]
    plainly = _PLAINLY.get(first["type"])
    reason = plainly.format(**first.get("ctx", {})) if plainly else first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        # The arguments contradict each other.
        return f"{spider}: {reason}"
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        meant = did_you_mean(name, arguments.model_fields)
        return f"{spider} takes no argument {quoted(name)}; {meant}it takes {', '.join(arguments.model_fields)}"
    if first["type"] == "missing":
        return f"{spider} needs the argument {quoted(name)}: add -a {name}=..."
    given = str(first["input"])
    shown = given if len(given) <= 60 else given[:57] + "..."
    if first["type"] in ("int_parsing", "int_parsing_size", "int_type"):
        reason = f"that is not a whole number; write it in digits, as in -a {name}=11"
        if name == "id" and "account" in arguments.model_fields and ACCOUNT.fullmatch(given):
            reason += f"; the name of an account is -a account={given}"
    return " ".join(f"{spider}: {name}={quoted(shown)}: {reason}".split())


WorkType = Literal["all", "illust", "manga", "ugoira"]
AgeMode = Literal["all", "safe", "r18"]
