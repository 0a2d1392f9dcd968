"""Reads `subscriptions.toml` and checks it as far as possible without the spiders; every error names its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.config_file import nearest
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.subscriptions.intervals import read_interval, read_period

FILE_NAME = "subscriptions.toml"

ENTRIES = "subscription"
HEADER = f"[[{ENTRIES}]]"

FOLLOWING = "following"
"""The value that `from` can have: everyone whom the reader follows."""

EVERY = timedelta(days=1)
"""How often a subscription runs by default."""

REFRESH = timedelta(days=30)
"""How often its known works are compared by default."""

LONGEST_NAME = 100

_OWN = ("name", "url", "spider", "from", "every", "refresh", "account")
"""An entry's own keys; all others are arguments of its spider."""

_TOML_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_MARK = "# -> here <- "
# So long that Python takes no text for a number, nor a number for text.
_ENDLESS_NUMBER = re.compile(r"[0-9][0-9_]{4299}")
_LARGEST = 10**20


@dataclass(frozen=True, slots=True)
class Subscription:
    """One entry. `arguments` are those of `scrapy crawl SPIDER -a name=value`.

    With `of_following` it stands for everyone whom the reader follows, and the arguments are for each of them. `refresh` is how often
    known works are compared with pixiv's, None for never. `account` names who reads, "" for whom a crawl reads as by itself.
    """

    name: str
    spider: str
    arguments: Mapping[str, str]
    every: timedelta = EVERY
    refresh: timedelta | None = REFRESH
    of_following: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionFile:
    """The file as it was read, or an account's part of it; `subscriptions` are in its order, and `whole` has all where it is a part."""

    path: Path
    text: str
    subscriptions: tuple[Subscription, ...]
    whole: tuple[Subscription, ...] = ()

    def of_account(self, account: str) -> SubscriptionFile:
        part = tuple(each for each in self.subscriptions if each.account == account)
        return replace(self, subscriptions=part, whole=self.subscriptions)

    def refused(self, subscription: Subscription, key: str | None, why: str) -> ConfigurationError:
        """The error for a value that a spider does not take."""
        place = next(at for at, each in enumerate(self.whole or self.subscriptions) if each is subscription)
        return _refused(self.path, self.text, _Refused(place, key, why))


class _Refused(Exception):
    """Something is wrong: with the entry at a position (from 0) and with one of its keys, or with the file as a whole."""

    def __init__(self, place: int | None, key: str | None, why: str) -> None:
        super().__init__(why)
        self.place, self.key = place, key


def read_file(path: Path) -> SubscriptionFile:
    """Read the file; a missing one has no entries. Raises ConfigurationError: the file, the line, what is wrong and what to write."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror})") from None
    return read_text(path, content)


def read_text(path: Path, content: bytes) -> SubscriptionFile:
    """As `read_file`, for the file's content."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}:{line}: has bytes that are not UTF-8: save the file as UTF-8") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, text, str(error)) from None
    except RecursionError:
        raise ConfigurationError(f"{path}:1: has brackets nested without end: write it again") from None
    except ValueError:
        found = _ENDLESS_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else 1
        raise ConfigurationError(f"{path}:{line}: has an enormous number: write a smaller one") from None
    try:
        return SubscriptionFile(path, text, tuple(_read(document)))
    except _Refused as refused:
        raise _refused(path, text, refused) from None


def _not_toml(path: Path, text: str, said: str) -> ConfigurationError:
    found = _TOML_LINE.search(said)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    why = one_line(said[: found.start()] if found else said)
    return ConfigurationError(
        f"{path}:{line}: not TOML ({why}): write entries as {HEADER} with lines like every = {quoted('6h')} below"
    )


def _refused(path: Path, text: str, refused: _Refused) -> ConfigurationError:
    key = f"{refused.key}: " if refused.key is not None else ""
    return ConfigurationError(f"{path}:{line_of(text, refused.place, refused.key)}: {key}{one_line(str(refused), 400)}")


def _read(document: Mapping[str, Any]) -> list[Subscription]:
    entries = document.get(ENTRIES, [])
    for key in document:
        if key != ENTRIES:
            raise _Refused(None, key, f"is not known here; entries begin with {HEADER}")
    if not isinstance(entries, list):
        raise _Refused(None, ENTRIES, f"write two brackets, {HEADER}, at the head of each entry")
    found: dict[str, Subscription] = {}
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _Refused(None, ENTRIES, f"is a list of something else; begin each entry with {HEADER}")
        subscription = _entry(place, entry)
        if subscription.name in found:
            raise _Refused(place, "name", f"{quoted(subscription.name)} is the name of an entry above; choose another")
        found[subscription.name] = subscription
    return list(found.values())


def _entry(place: int, entry: Mapping[str, Any]) -> Subscription:
    name = _name(place, entry)
    spider, arguments = _what(place, entry)
    for key, value in entry.items():
        if key in _OWN:
            continue
        if key == "reread":
            raise _Refused(place, key, "refresh already says how often a list is read to its end; leave this out")
        if key.startswith("_") or isinstance(value, dict):
            raise _Refused(place, key, "is not an argument of a spider; leave it out")
        if (meant := nearest(key, _OWN, 0.85)) is not None:
            raise _Refused(place, key, f"is not known here; did you mean {meant}?")
        if key in arguments:
            raise _Refused(place, key, f"the address says {key}={arguments[key]} already; leave one of them out")
        arguments[key] = _argument(place, key, value)
    return Subscription(
        name=name,
        spider=spider,
        arguments=arguments,
        every=_interval(place, entry, "every", read_interval, EVERY),
        refresh=_interval(place, entry, "refresh", read_period, REFRESH),
        of_following="from" in entry,
        account=_account(place, entry),
    )


def read_entry(entry: Mapping[str, Any]) -> Subscription:
    """An entry that is not in a file yet. Raises ConfigurationError, which names the key."""
    try:
        return _entry(0, entry)
    except _Refused as refused:
        key = f"{refused.key}: " if refused.key is not None else ""
        raise ConfigurationError(f"{key}{one_line(str(refused), 400)}") from None


def _name(place: int, entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    if name is None:
        raise _Refused(place, None, "the entry has no name; add a line such as name = 'harbour'")
    if not isinstance(name, str) or not name.strip():
        raise _Refused(place, "name", f"{quoted(name)}: write a name in quotation marks")
    if name != one_line(name, LONGEST_NAME) or name.startswith("-"):
        raise _Refused(place, "name", f"write one line of at most {LONGEST_NAME} characters that begins with no dash")
    return name


def _account(place: int, entry: Mapping[str, Any]) -> str:
    name = entry.get("account", "")
    if not isinstance(name, str):
        raise _Refused(place, "account", f"{quoted(name)}: write the name of an account in quotation marks")
    return name


def _what(place: int, entry: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The spider and the arguments that an address stands for."""
    given = [key for key in ("url", "spider", "from") if key in entry]
    if not given:
        raise _Refused(place, None, "the entry does not say what to archive; add url = '...' or spider = '...'")
    if len(given) > 1:
        raise _Refused(place, given[1], f"there is {given[0]} already; leave one of them out")
    key, value = given[0], entry[given[0]]
    if not isinstance(value, str):
        raise _Refused(place, key, f"{quoted(value)}: write it in quotation marks")
    if key == "from":
        if value != FOLLOWING:
            raise _Refused(place, key, f"{quoted(value)}: write from = {quoted(FOLLOWING)}, or name a url or a spider")
        return "user", {}
    if key == "spider":
        return value, {}
    try:
        target = read_url(value)
    except UrlRefused as refused:
        raise _Refused(place, key, str(refused)) from None
    return target.spider, dict(target.arguments)


def _interval(place: int, entry: Mapping[str, Any], key: str, read: Any, otherwise: timedelta) -> Any:
    if key not in entry:
        return otherwise
    try:
        return read(entry[key])
    except ValueError as refused:
        raise _Refused(place, key, str(refused)) from None


def _argument(place: int, key: str, value: Any) -> str:
    """A value as it would be given on the command line."""
    match value:
        case [*several] if not any(isinstance(each, list) for each in several):
            values = [_argument(place, key, each) for each in several]
            if any("," in each for each in values):
                raise _Refused(
                    place, key, f"{quoted(value)}: use a list instead of commas: write each value separately"
                )
            return ",".join(values)
        case bool():
            return str(value).lower()
        case str():
            return value
        case float():
            return str(value)
        case int() if abs(value) < _LARGEST:
            return str(value)
        case date():
            return value.isoformat()
    raise _Refused(place, key, f"{quoted(value)}: write text, a number, true or false, a day, or a list of these")


def line_of(text: str, place: int | None, key: str | None = None) -> int:
    """The line (from 1) of the entry at a position (from 0), or of one of its keys; of a key of the file if there is no position.

    1 where that cannot be told.
    """
    # Only here: tomllib reads faster, and what is right needs no line.
    try:
        document: Any = tomlkit.parse(text)
    except (TOMLKitError, RecursionError):
        return 1
    holder = document if place is None else _at(document, place)
    item = None if key is None or holder is None or key not in holder else holder.item(key)
    for marked in (*_heads_of(item), *_heads_of(holder if place is not None else None)):
        below = 0 if isinstance(marked, dict) else marked.as_string().count("\n")
        marked.trivia.comment = _MARK
        before, found, _ = tomlkit.dumps(document).partition(_MARK)
        if found:
            return before.count("\n") + 1 - below
    return 1


def has_heads(text: str) -> bool:
    """Whether each entry begins with `HEADER` instead of being part of a list."""
    try:
        document: Any = tomlkit.parse(text)
    except (TOMLKitError, RecursionError):
        return False
    return ENTRIES not in document or isinstance(document[ENTRIES], AoT)


def _heads_of(item: Any) -> Iterator[Any]:
    """The item and what it begins with, since a table that only stands before others (`[a.b]`) has no line of its own."""
    while hasattr(item, "trivia"):
        if isinstance(item, AoT):
            item = item[0]
        yield item
        item = next(iter(item.values()), None) if isinstance(item, dict) else None


def _at(document: Any, place: int) -> Any:
    entries = document.get(ENTRIES, [])
    return entries[place] if place < len(entries) else None
