"""docs/endpoints.md: pixiv's web API as the catalogue declares it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from pages import bodies, reading
from pages.markdown import UNDESCRIBED, blocks, code, described, link, table
from pages.spiders import our_spiders
from pixivcrawl.api import catalogue
from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import PIXIV, Auth, Endpoint
from pixivcrawl.api.paging import Cursor, NextIds, Offset, PageNumber
from pixivcrawl.api.parameters import Param

AUTHORITY = {
    Auth.NONE: "no session",
    Auth.SESSION_FOR_R18: "a session for R-18 works",
    Auth.SESSION: "a session",
    Auth.SESSION_AND_TOKEN: "a session and its token",
}
TYPES = {
    "id": "id",
    "text": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "date": "day",
    "ids": "list of ids",
    "texts": "list of texts",
}


def page() -> str:
    readers = readers_of_each()
    models = bodies.models_in(endpoint.body for endpoint in ENDPOINTS.values())
    return blocks(
        "# Pixiv's web API",
        f"Every endpoint that pixivcrawl knows. Paths are relative to `{PIXIV.rstrip('/')}`; an answer is "
        "`{error, message, body}`, and this page describes the `body` unless it says otherwise. A request carries "
        f"the Referer `{PIXIV}` unless another is named.",
        *group_blocks(summaries()),
        *(section(endpoint, readers.get(endpoint.name, [])) for endpoint in ENDPOINTS.values()),
        "## Shapes",
        "The parts of bodies: the keys that pixivcrawl reads; all others are kept unchanged. Pixiv writes whole "
        "numbers as numbers in some places and as strings in others, and an empty object as `[]`: both are accepted.",
        *(bodies.section(model) for model in models),
    )


def summaries() -> dict[str, list[Endpoint[Any]]]:
    """The endpoints under the headings of the catalogue's source."""
    found: dict[str, list[Endpoint[Any]]] = {}
    heading = ""
    for line in inspect.getsource(catalogue).splitlines():
        if line.startswith("# "):
            heading = line.removeprefix("# ")
        elif declared := re.match(r"([A-Z_0-9]+)(?::.*)? = ", line):
            endpoint = getattr(catalogue, declared[1])
            if isinstance(endpoint, Endpoint):
                found.setdefault(heading, []).append(endpoint)
    return found


def group_blocks(groups: dict[str, list[Endpoint[Any]]]) -> Iterator[str]:
    for heading, endpoints in groups.items():
        yield f"**{heading}**"
        yield table(
            ["endpoint", "", "what it answers"],
            (
                (link(endpoint.name), code(f"{endpoint.method} {address(endpoint)}"), described(endpoint.title))
                for endpoint in endpoints
            ),
        )


def readers_of_each() -> dict[str, list[str]]:
    """The spiders that ask each endpoint for their lists; those that ask it for each work are one entry, `every list`."""
    readers: dict[str, list[str]] = {}
    for name, spider in our_spiders().items():
        for endpoint in reading.endpoints_of(spider):
            readers.setdefault(endpoint, []).append(link(name, "spiders.md"))
    for endpoint in reading.endpoints_of_each_work():
        readers.setdefault(endpoint, []).append("every spider that archives works")
    return readers


def section(endpoint: Endpoint[Any], readers: list[str]) -> str:
    return blocks(
        f"## {endpoint.name}",
        described(endpoint.title),
        code(f"{endpoint.method} {address(endpoint)}"),
        table(
            ["parameter", "where", "takes", "default", "what it is"],
            (parameter_row(param) for param in endpoint.params if param.type != "constant"),
        ),
        "\n".join(f"- {line}" for line in facts_of(endpoint, readers)),
    )


def facts_of(endpoint: Endpoint[Any], readers: list[str]) -> Iterator[str]:
    yield f"Needs {AUTHORITY[endpoint.auth]}."
    if endpoint.referer:
        yield f"Referer: `{PIXIV}{endpoint.referer}`"
    if paging := paging_of(endpoint):
        yield paging
    whole = "" if endpoint.envelope else " It is the whole answer, without the envelope."
    yield f"Body: {bodies.in_words(endpoint.body)}.{whole}"
    if readers:
        yield f"Read by {', '.join(readers)}."


def address(endpoint: Endpoint[Any]) -> str:
    path = endpoint.path if endpoint.path.startswith("/") else f"/ajax/{endpoint.path}"
    always = "&".join(f"{param.name}={param.default}" for param in endpoint.params if param.type == "constant")
    return f"{path}?{always}" if always else path


def parameter_row(param: Param) -> tuple[str, str, str, str, str]:
    name = param.query_name if param.where == "query" else param.name
    description = sentence(described(param.description)) if param.description else UNDESCRIBED
    return code(name), param.where, taken(param), default_of(param), description + premium_of(param)


def premium_of(param: Param) -> str:
    match param.premium:
        case ():
            return ""
        case ("*",):
            return " Pixiv ignores it without premium."
        case choices:
            return f" Without premium pixiv ignores {options(choices)}."


def taken(param: Param) -> str:
    if param.choices:
        return options(param.choices)
    least = "" if param.type != "integer" else f" from {param.least}"
    if param.type in ("ids", "texts") and param.most is not None:
        return f"{TYPES[param.type]}, at most {param.most}"
    return TYPES[param.type] + least + (f" to {param.most}" if param.most is not None else "")


def options(values: tuple[str, ...]) -> str:
    return ", ".join(code(value) for value in values)


def default_of(param: Param) -> str:
    if param.required:
        return "must be given"
    match param.default:
        case None:
            return ""
        case "" | ():
            return "empty"
        case bool():
            return code(param.spelled[param.default])
        case value:
            return code(value)


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def paging_of(endpoint: Endpoint[Any]) -> str:
    match endpoint.paging:
        case PageNumber(parameter=parameter):
            return f"Paged: {code(parameter)} counts the pages from 1."
        case Offset():
            return "Paged: `offset` passes over what was read, `limit` rows a page."
        case Cursor(parameter=parameter):
            return f"Paged: each answer names the next {code(parameter)}."
        case NextIds(continues=continues):
            return f"Paged: it names the ids that follow; their rows are asked of {link(continues)}."
        case _:
            return ""
