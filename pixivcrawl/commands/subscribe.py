"""`pixivcrawl subscribe`: adds something for `pixivcrawl sync` to follow."""

from __future__ import annotations

import argparse
from collections.abc import Container, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, plural, quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.lists import AddressList, read_list
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.subscriptions import Catalogue, as_account, file_path
from pixivcrawl.session import session_from_settings
from pixivcrawl.subscriptions.editing import appended, change
from pixivcrawl.subscriptions.file import EVERY, FOLLOWING, SubscriptionFile, read_entry
from pixivcrawl.subscriptions.intervals import interval_text, read_interval, read_period


class Command(ArchiveCommand):
    example = "subscribe https://www.pixiv.net/users/11 --every 6h"

    def syntax(self) -> str:
        return "URL | SPIDER"

    def short_desc(self) -> str:
        return "Follow an artist, a list or a search: pixivcrawl sync then runs it when it is due"

    def long_desc(self) -> str:
        return (
            "Appends an entry to subscriptions.toml in the archive folder, or to the file that "
            "PIXIVCRAWL_SUBSCRIPTIONS names, and changes nothing else there: pixivcrawl subscribe "
            "https://www.pixiv.net/users/11 --every 6h. You can give a spider instead of an address: pixivcrawl "
            "subscribe bookmarks -a id=me -a rest=both. --from following means everyone whom you follow, now and "
            "later. --from-file takes a list, such as PixivUtil2's list.txt or an input file of gallery-dl: on each "
            "line an artist's id or an address of any kind. Entries that are followed already are skipped; if a line "
            "cannot be read, subscriptions.toml is not changed. Nothing is sent to pixiv."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--every",
            type=_interval,
            metavar="TIME",
            help=f"how often, such as 6h, 1d, 2w (default {interval_text(EVERY)})",
        )
        parser.add_argument(
            "--refresh", type=_period, metavar="TIME", help="how often known works are compared (default 30d), or never"
        )
        parser.add_argument("--name", metavar="NAME", help="name of the entry (default: what it archives)")
        parser.add_argument(
            "--account", default="", metavar="NAME", help="the account that reads it, one of PIXIV_ACCOUNTS"
        )
        parser.add_argument("--from", dest="source", choices=[FOLLOWING], help="everyone whom you follow")
        parser.add_argument(
            "--from-file",
            type=Path,
            metavar="FILE",
            help="every artist and address in a list: PixivUtil2's list.txt, gallery-dl's input file",
        )
        parser.add_argument(
            "-a", action="append", default=[], dest="arguments", metavar="NAME=VALUE", help="an argument of the spider"
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        path, settings = file_path(settings), as_account(settings, opts.account)
        catalogue = Catalogue(settings, session_from_settings(settings), opts.account)
        how_often = {"every": opts.every or EVERY} | ({"account": opts.account} if opts.account else {})
        if opts.refresh is not None:
            how_often["refresh"] = opts.refresh
        if opts.from_file is not None:
            if args or opts.source is not None or opts.name is not None:
                raise ConfigurationError("--from-file cannot be combined with an address, --from or --name")
            return follow_all(path, read_list(opts.from_file), arguments_of(opts.arguments), how_often, catalogue)
        entry = what(args, opts.source, catalogue.spiders) | arguments_of(opts.arguments)

        def edit(file: SubscriptionFile) -> str:
            taken = [subscription.name for subscription in file.subscriptions]
            if opts.name in taken:
                raise ConfigurationError(
                    f"{file.path}: there is a subscription {quoted(opts.name)} already; choose another name"
                )
            name = opts.name or free_name(entry, taken)
            return appended(file, {"name": name, **entry, **how_often})

        def check(file: SubscriptionFile) -> None:
            own = file.of_account(opts.account)
            *others, added = own.subscriptions
            catalogue.check(replace(own, subscriptions=own.subscriptions[:-1]))
            try:
                wanted = catalogue.wanted(own, added)
            except ConfigurationError as refused:
                raise ConfigurationError(_why(refused, file)) from None
            if other := next((each.name for each in others if catalogue.wanted(own, each).key == wanted.key), ""):
                raise ConfigurationError(
                    f"that is followed already, as {quoted(other)}: change it in {file.path}, or name it to pixivcrawl unsubscribe first"
                )

        file = change(path, edit, check)
        added = file.subscriptions[-1]
        print(f"subscribed: {added.name}, every {interval_text(added.every)}, in {file.path}; pixivcrawl sync runs it")
        return 0


def follow_all(
    path: Path, listed: AddressList, arguments: dict[str, Any], how_often: dict[str, Any], catalogue: Catalogue
) -> int:
    """Add an entry for each address in a list that nothing follows yet."""
    fresh: list[dict[str, Any]] = []

    def edit(file: SubscriptionFile) -> str:
        fresh[:] = fresh_entries(file, listed, arguments, catalogue)
        return appended(file, *(entry | how_often for entry in fresh))

    file = change(path, edit, lambda file: None)
    known = len(listed.addresses) - len(fresh)
    print(
        f"subscribed: {plural(len(fresh), 'entry', 'entries')} of {listed.path}{f', {known:,} followed already' if known else ''}, "
        f"every {interval_text(how_often['every'])}, in {file.path}; pixivcrawl sync runs them"
    )
    for number, passed_over in ((listed.folders, "folder"), (listed.options, "option")):
        if number:
            print(f"left out: {plural(number, passed_over)}; pixivcrawl keeps its files in the archive")
    return 0


def fresh_entries(
    file: SubscriptionFile, listed: AddressList, arguments: dict[str, Any], catalogue: Catalogue
) -> list[dict[str, Any]]:
    """The entries of a list that read what nothing in the file reads. Raises ConfigurationError, with the line of the list."""
    own = file.of_account(catalogue.account)
    known = {catalogue.wanted(own, subscription).key for subscription in own.subscriptions}
    names = {subscription.name for subscription in file.subscriptions}
    fresh = []
    for address in listed.addresses:
        entry = {"url": address.url, **arguments}
        entry = {"name": free_name(entry, names), **entry}
        try:
            subscription = read_entry(entry)
            alone = SubscriptionFile(file.path, "", (subscription,))
            key = catalogue.wanted(alone, subscription).key
        except ConfigurationError as refused:
            raise ConfigurationError(f"{listed.path}:{address.line}: {_why(refused, file)}") from None
        if key not in known:
            known.add(key)
            names.add(subscription.name)
            fresh.append(entry)
    return fresh


def _why(refused: ConfigurationError, file: SubscriptionFile) -> str:
    """What is refused of an entry that is not written yet, so that its line says nothing."""
    place, said = f"{file.path}:", str(refused)
    return said.removeprefix(place).partition(": ")[2] if said.startswith(place) else said


def _interval(text: str) -> timedelta:
    try:
        return read_interval(text)
    except ValueError as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


def _period(text: str) -> str:
    try:
        return interval_text(read_period(text))
    except ValueError as refused:
        raise argparse.ArgumentTypeError(str(refused)) from None


def what(words: list[str], source: str | None, spiders: Iterable[str]) -> dict[str, Any]:
    """The entry's first key: an address, a spider, or where the artists come from. Raises ConfigurationError."""
    if source is not None:
        if words:
            raise ConfigurationError("--from cannot be combined with an address: subscribe to one of them at a time")
        return {"from": source}
    if len(words) != 1:
        raise ConfigurationError("name one thing to follow, as in: pixivcrawl subscribe https://www.pixiv.net/users/11")
    if words[0] in spiders:
        return {"spider": words[0]}
    try:
        read_url(words[0])
    except UrlRefused as refused:
        raise ConfigurationError(f"{quoted(words[0], 120)}: {refused}") from None
    return {"url": words[0].strip()}


def arguments_of(given: list[str]) -> dict[str, Any]:
    """`name=value` words as an entry has them. Raises ConfigurationError."""
    found: dict[str, Any] = {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"-a {quoted(word)}: write NAME=VALUE, as in -a type=manga")
        if name in ("name", "url", "spider", "from", "every", "refresh"):
            raise ConfigurationError(f"-a {name}=...: is not an argument of a spider; see pixivcrawl subscribe --help")
        found[name] = typed(value)
    return found


def typed(value: str) -> bool | int | str:
    """A value as a person would write it in TOML."""
    if value in ("true", "false"):
        return value == "true"
    plain = value.isascii() and value.isdecimal() and len(value) < 19 and (value == "0" or not value.startswith("0"))
    return int(value) if plain else value


def free_name(entry: dict[str, Any], taken: Container[str]) -> str:
    """The default name of an entry: what it archives."""
    words = [str(value) for value in entry.values() if isinstance(value, str)]
    if "url" in entry:
        target = read_url(entry["url"])
        words = [target.spider, *target.arguments.values(), *words[1:]]
    name = one_line(" ".join(words), 60).lstrip("-") or "subscription"
    number = 2
    while (numbered := name if number == 2 else f"{name} ({number - 1})") in taken:
        number += 1
    return numbered
