"""`pixivcrawl api`: requests to pixiv's web API, with the session, the pace, the errors and the exit codes of a crawl."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from scrapy.settings import Settings

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import Auth, Endpoint
from pixivcrawl.api.parameters import Param, ParameterRefused
from pixivcrawl.api.text import did_you_mean, quoted
from pixivcrawl.configuration import PIXIV, Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.runs.api_spider import ApiQuery, Form, run_query, say
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.session import session_from_settings

NOT_DONE = 1
"""The exit code when the user said no."""


class Command(ArchiveCommand):
    example = "api user.profile_all id=11"

    def syntax(self) -> str:
        return "[NAME [PARAMETER=VALUE ...]]"

    def short_desc(self) -> str:
        return "Send a request to pixiv's web API; without a name, list the endpoints"

    def long_desc(self) -> str:
        return (
            "Prints an endpoint's answer as indented JSON: pixivcrawl api user.profile_all id=11. Without a name it "
            "lists the endpoints; pixivcrawl api NAME --help shows the parameters of one. It uses the session and the "
            "pace of a crawl. While a crawl runs in the same archive it refuses (exit code 3). A pause that pixiv asks "
            "for is obeyed and kept in the archive, or only until the command ends if there is no archive. Nothing "
            "that it reads is archived. It asks for confirmation before a request that changes something at pixiv "
            "(illust.bookmark_add, illust.like)."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        self.parser = parser
        # Argparse would answer before the endpoint's name is known.
        parser.add_argument("-h", "--help", action="store_true", help="show this help, or the parameters of NAME")
        parser.add_argument(
            "--raw", action="store_true", help="print the whole answer byte for byte, with its envelope"
        )
        parser.add_argument("--pages", type=at_least_one, default=1, metavar="N", help="read up to N pages of a list")
        parser.add_argument("--jsonl", action="store_true", help="print each page as one line of JSON")
        parser.add_argument(
            "--yes", action="store_true", help="do not ask for confirmation before changing something at pixiv"
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if not args:
            print(self.parser.format_help() if opts.help else "\n".join(listed(ENDPOINTS.values())))
            return 0
        endpoint = find(args[0])
        if opts.help:
            print("\n".join(described(endpoint)))
            return 0
        if opts.raw and opts.jsonl:
            raise ConfigurationError("--raw and --jsonl: choose one of them")
        form: Form = "raw" if opts.raw else "lines" if opts.jsonl else "indented"
        question = ApiQuery(endpoint, read_values(endpoint, args[1:]), opts.pages, form)
        return self.put(question, settings, sure=opts.yes)

    def put(self, question: ApiQuery, settings: Settings, *, sure: bool) -> int:
        endpoint = question.endpoint
        if question.pages > 1 and endpoint.paging is None:
            raise ConfigurationError(f"{endpoint.name} has no pages; leave --pages out")
        configuration, session = Configuration.from_settings(settings), session_from_settings(settings)
        if endpoint.auth in (Auth.SESSION, Auth.SESSION_AND_TOKEN) and session is None:
            raise ConfigurationError(f"{endpoint.name} needs a session: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE")
        for name in endpoint.premium_needed_for(question.values):
            say(f"pixiv ignores {name}={question.values[name]} without a premium account")
        if endpoint.method != "GET" and not sure and not is_wanted(question):
            say("not done")
            return NOT_DONE
        return run_query(question, settings, configuration, with_session=session is not None)


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a whole number from 1")
    return int(text)


def find(name: str) -> Endpoint[Any]:
    """The endpoint of that name. Raises ConfigurationError, which suggests similar names."""
    if name not in ENDPOINTS:
        raise ConfigurationError(
            f"there is no endpoint {quoted(name)}; {did_you_mean(name, ENDPOINTS)}`pixivcrawl api` lists them"
        )
    return ENDPOINTS[name]


def read_values(endpoint: Endpoint[Any], words: list[str]) -> dict[str, Any]:
    """The canonical values of `name=value` words; a list may be given with commas, or word by word.

    Raises ParameterRefused, in one line.
    """
    params = {param.name: param for param in endpoint.params if param.type != "constant"}
    given: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ParameterRefused(f"{quoted(word)} is not PARAMETER=VALUE; as in: {example(endpoint)}")
        if name not in params:
            takes = f"it takes {', '.join(params)}" if params else "it takes none"
            raise ParameterRefused(
                f"{endpoint.name} has no parameter {quoted(name)}; {did_you_mean(name, params)}{takes}"
            )
        given.setdefault(name, []).append(value)
    return endpoint.canonical({name: _joined(params[name], values) for name, values in given.items()})


def _joined(param: Param, values: list[str]) -> str | list[str]:
    if len(values) == 1:
        return values[0]
    if param.type not in ("ids", "texts"):
        raise ParameterRefused(f"{param.name} is given {len(values)} times; give it once")
    return values


def is_wanted(question: ApiQuery) -> bool:
    """Whether the user confirms a request that changes something at pixiv; the question goes to standard error."""
    values = " ".join(f"{name}={quoted(value)}" for name, value in question.values.items() if value not in ("", []))
    sys.stderr.write(f"{question.endpoint.name} {values}: {question.endpoint.title} Do it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def listed(endpoints: Iterable[Endpoint[Any]]) -> list[str]:
    """A line for each endpoint: name, method, path, title."""
    rows = [(endpoint.name, endpoint.method, path(endpoint), endpoint.title) for endpoint in endpoints]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]]) for row in rows]


def described(endpoint: Endpoint[Any]) -> list[str]:
    """What a user must know to use an endpoint, in lines."""
    lines = [f"{endpoint.name}: {endpoint.title}", f"  {endpoint.method} {PIXIV}{path(endpoint)}"]
    lines.append(f"  needs: {'nothing' if endpoint.auth is Auth.NONE else endpoint.auth}")
    lines.append(f"  pages: {'one' if endpoint.paging is None else 'a list, read on with --pages N'}")
    params = [param for param in endpoint.params if param.type != "constant"]
    lines.append("  parameters:" if params else "  parameters: none")
    for param in params:
        lines.append(f"    {param.name}  ({', '.join(traits(param))})")
        lines.append(f"        {param.description}")
    return [*lines, f"example: {example(endpoint)}"]


def traits(param: Param) -> list[str]:
    """The values that a parameter takes, and its default."""
    found = ["|".join(param.choices) or TYPES.get(param.type, param.type)]
    if param.type == "integer" and (param.least or param.most is not None):
        found.append(f"from {param.least}" + (f" to {param.most}" if param.most is not None else ""))
    if param.required:
        found.append("required")
    elif param.default not in (None, "", ()):
        found.append(f"default {str(param.default).lower()}")
    if param.premium:
        which = "every value" if "*" in param.premium else ", ".join(param.premium)
        found.append(f"{which}: ignored by pixiv without a premium account")
    return found


TYPES = {"ids": "ids with commas between them", "texts": "texts with commas between them", "date": "yyyy-mm-dd"}
EXAMPLES = {"id": "11", "ids": "11,12", "text": "WORD"}


def example(endpoint: Endpoint[Any]) -> str:
    """A command that uses this endpoint."""
    needed = [f"{param.name}={EXAMPLES[param.type]}" for param in endpoint.params if param.required]
    return " ".join(["pixivcrawl api", endpoint.name, *needed])


def path(endpoint: Endpoint[Any]) -> str:
    return endpoint.path if endpoint.path.startswith("/") else f"/ajax/{endpoint.path}"
