"""The classes that declare endpoints: one declaration gives the request, the parser of its answer, and the next page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from scrapy import Request

from pixivcrawl.api.bodies.row_by_row import LEAVING_OUT, ODD, reason_of
from pixivcrawl.api.json_input import DocumentRefused, read_document
from pixivcrawl.api.paging import NextIds, Paging, came
from pixivcrawl.api.parameters import Param, ParameterRefused, canonical_values
from pixivcrawl.api.text import one_line, quoted

Body = TypeVar("Body")

PIXIV = "https://www.pixiv.net/"


class Auth(StrEnum):
    """What pixiv requires of the reader. Parameters say themselves what needs a premium account."""

    NONE = "none"
    SESSION_FOR_R18 = "session for R-18"
    SESSION = "session"
    SESSION_AND_TOKEN = "session and token"  # noqa: S105 (a label)


class BodyRefused(Exception):
    """A body that is not what `endpoint` answers, or that would make a wrong row.

    `field` is the dotted path of keys to what is wrong, empty for the whole body.
    """

    def __init__(self, endpoint: str, field: str, why: str) -> None:
        self.endpoint = endpoint
        self.field = one_line(field)
        self.why = one_line(why, 240)
        super().__init__(f"{endpoint}: {self.field or 'the body'}: {self.why}")


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Body]):
    """One kind of request to pixiv's web API.

    `path` is a template under /ajax, or, beginning with a slash, from the root. `referer` is a template under
    `https://www.pixiv.net/`. `body` is what the envelope `{error, message, body}` holds, or without an `envelope` the
    whole answer. `foreign` names the field by which a body shows that it answers another question than the one with
    these parameters. `second_hand`: another answer tells the same better, so that nothing is missing without this one.
    """

    name: str
    path: str
    title: str
    body: type[Body]
    params: tuple[Param, ...] = ()
    auth: Auth = Auth.NONE
    method: Literal["GET", "POST"] = "GET"
    referer: str = ""
    paging: Paging[Body] | None = None
    envelope: bool = True
    foreign: Callable[[Body, Mapping[str, Any]], str | None] | None = None
    second_hand: bool = False

    def request(self, base_url: str, lang: str = "", /, **values: Any) -> Request:
        """The request for these values, to be sent to `base_url`, with pixiv's own Referer whatever the base URL.

        `lang` is the language of what pixiv translates; empty for the account's own.
        Its meta holds `endpoint`, the name, and `parameters`, the values in their one form with defaults. A value of
        None is one not given. Raises ParameterRefused.
        """
        parameters = self.canonical(values)
        headers = {"Accept": "application/json", "Referer": PIXIV + self.referer.format_map(parameters)}
        content = None
        if self.method == "POST":
            headers["Content-Type"] = "application/json"
            content = json.dumps(
                {param.name: param.in_json(parameters[param.name]) for param in self._sent("json", parameters)}
            )
        return Request(
            self._url(base_url, lang, parameters),
            method=self.method,
            headers=headers,
            body=content,
            dont_filter=True,
            meta={"endpoint": self.name, "parameters": parameters},
        )

    def parameters_of(self, request: Request) -> dict[str, Any]:
        """The parameters of a request: from its meta, where `request` put them, or else from its address.

        Raises ParameterRefused for an address that is another endpoint's.
        """
        if "parameters" in request.meta:
            return dict(request.meta["parameters"])
        parameters = self.parameters_in(request.url)
        if parameters is None:
            raise ParameterRefused(f"{quoted(request.url)} is not an address of {self.name} ({self.path})")
        return parameters

    def parameters_in(self, url: str) -> dict[str, Any] | None:
        """The parameters in an address of this endpoint, canonical and with defaults; None for an address of another endpoint. Unknown
        parameters are ignored.
        """
        address = urlsplit(url)
        path = self.path if self.path.startswith("/") else f"/ajax/{self.path}"
        template = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        if (found := re.fullmatch(template, address.path)) is None:
            return None
        values: dict[str, Any] = {name: unquote(text) for name, text in found.groupdict().items()}
        said = parse_qs(address.query, keep_blank_values=True)
        for param in self.params:
            texts = said.get(param.query_name) if "query" in param.where else None
            if param.type == "constant" and texts != [str(param.default)]:
                return None
            if texts is not None and param.type != "constant":
                values[param.name] = texts if param.type in ("ids", "texts") else texts[0]
        try:
            return self.canonical(values)
        except ParameterRefused:
            return None

    def parse(
        self,
        payload: bytes | str,
        parameters: Mapping[str, Any] | None = None,
        odd_rows: list[BodyRefused] | None = None,
    ) -> Body:
        """The body of an answer; `parameters`, from the request's meta, show whether it answers that request.

        Rows of its lists that cannot be read are left out and put into `odd_rows`; without that, one of them is enough
        for the body to be refused. Raises BodyRefused, and nothing else, for whatever the payload is.
        """
        content = self._content(payload)
        try:
            body = _reader(self.body).validate_python(content)
        except ValidationError as error:
            lines = error.errors(include_url=False)
            if odd_rows is None or any(line["type"] != ODD for line in lines):
                raise self._refusal(lines) from None
            body = self._without_odd_rows(content)
            odd_rows += [self._refusal([line]) for line in lines]
        if self.foreign is not None and parameters is not None and (field := self.foreign(body, parameters)):
            raise BodyRefused(self.name, field, "belongs to a different request")
        return body

    def next_page(self, values: Mapping[str, Any], body: Body) -> dict[str, Any] | None:
        """The values that ask for the page after `body`, or None if the list says that it has ended.

        The values are for the endpoint `continued_by`. pixiv: past the end of a search, and of follow_latest, the last
        page comes again and again: to notice that is the caller's, as is to doubt an empty page (`looks_throttled`).
        """
        return None if self.paging is None else self.paging.next_page(self.canonical(dict(values)), body)

    @property
    def continued_by(self) -> str:
        """The endpoint of the next page: usually this one, another where a list only names the ids that follow."""
        return self.paging.continues if isinstance(self.paging, NextIds) else self.name

    def looks_throttled(self, body: Body) -> bool:
        """Whether a list has neither rows nor a total.

        pixiv: so a search answers one who asks too often, for about 3 minutes. An empty list looks the same: a second
        look after that time tells.
        """
        if self.paging is None or came(self.paging.rows(body)) > 0:
            return False
        return self.paging.total is None or not self.paging.total(body)

    def canonical(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values in canonical form, with defaults. Raises ParameterRefused."""
        return canonical_values(self.name, self.params, values)

    def premium_needed_for(self, values: Mapping[str, Any]) -> list[str]:
        """The parameters whose values pixiv ignores for accounts without premium."""
        parameters = self.canonical(dict(values))
        given = [param for param in self.params if param.name in parameters]
        return [param.name for param in given if param.needs_premium(parameters[param.name])]

    def _sent(self, where: str, parameters: Mapping[str, Any]) -> list[Param]:
        return [param for param in self.params if where in param.where and param.name in parameters]

    def _url(self, base_url: str, lang: str, parameters: Mapping[str, Any]) -> str:
        places = {param.name: _segment(str(parameters[param.name])) for param in self._sent("path", parameters)}
        path = self.path if self.path.startswith("/") else f"/ajax/{self.path}"
        query = [
            (name, text)
            for param in self.params
            if "query" in param.where
            for name in param.query_names
            for text in _written(param, parameters)
        ]
        query += [("lang", lang)] * bool(lang)
        address = base_url.rstrip("/") + path.format_map(places)
        return f"{address}?{urlencode(query, quote_via=quote)}" if query else address

    def _content(self, payload: bytes | str) -> Any:
        try:
            document = read_document(payload)
        except DocumentRefused as refused:
            raise BodyRefused(self.name, "", str(refused)) from None
        if not isinstance(document, dict):
            raise BodyRefused(self.name, "", f"is {quoted(document)} instead of an object")
        if document.get("error", False) is not False:
            raise BodyRefused(self.name, "error", f"pixiv says {quoted(document.get('message') or document['error'])}")
        if not self.envelope:
            return document
        if "body" not in document:
            raise BodyRefused(self.name, "body", "is missing")
        return document["body"]

    def _without_odd_rows(self, content: Any) -> Body:
        try:
            return _reader(self.body).validate_python(content, context=LEAVING_OUT)
        except ValidationError as error:
            raise self._refusal(error.errors(include_url=False)) from None

    def _refusal(self, lines: Sequence[ErrorDetails]) -> BodyRefused:
        # What is wrong with the body itself says more than a row.
        first = next((line for line in lines if line["type"] != ODD), lines[0])
        return BodyRefused(self.name, ".".join(str(step) for step in first["loc"]), reason_of(first))


_readers: dict[Any, TypeAdapter[Any]] = {}


def _reader(body: type[Body]) -> TypeAdapter[Body]:
    """The body's validator, built when it is first needed: building all of them would cost every start a second."""
    if body not in _readers:
        plain = isinstance(body, type) and issubclass(body, BaseModel)
        _readers[body] = TypeAdapter(body) if plain else TypeAdapter(body, config=ConfigDict(defer_build=True))
    return _readers[body]


def _segment(text: str) -> str:
    """One segment of a path, percent-encoded."""
    written = quote(text, safe="")
    # Dots alone would be taken for the folder above.
    return written.replace(".", "%2E") if not written.strip(".") else written


def _written(param: Param, parameters: Mapping[str, Any]) -> list[str]:
    if param.type == "constant":
        return [str(param.default)]
    return param.written(parameters[param.name]) if param.name in parameters else []
