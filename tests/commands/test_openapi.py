"""The OpenAPI document: valid, complete, written where asked, and in agreement with the bodies and with the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.openapi import openapi_document
from tests.api import making
from tests.commands.typing_in import BROWSER, type_in
from tests.sandbox.serving import Sandbox, World

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@cache
def document() -> dict[str, Any]:
    return openapi_document()


def operations() -> Iterator[dict[str, Any]]:
    return (operation for path in document()["paths"].values() for operation in path.values())


def operation_of(name: str) -> dict[str, Any]:
    [operation] = [each for each in operations() if name in each["x-endpoints"]]
    return operation


def agrees(name: str, answer: Any) -> bool:
    """Whether the document allows this answer of an endpoint."""
    schema = operation_of(name)["responses"]["200"]["content"]["application/json"]["schema"]
    return bool(Draft202012Validator({**schema, "components": document()["components"]}).is_valid(answer))


@pytest.mark.long
def test_it_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


def test_every_endpoint_and_parameter_is_in_it_and_described() -> None:
    assert sorted(name for operation in operations() for name in operation["x-endpoints"]) == sorted(ENDPOINTS)
    for name, endpoint in ENDPOINTS.items():
        operation = operation_of(name)
        assert endpoint.title in operation["summary"]
        posted = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        told = {parameter["name"] for parameter in operation["parameters"]} | set(posted.get("properties", {}))
        assert {param.query_name if param.where == "query" else param.name for param in endpoint.params} <= told
        assert all(parameter["description"] for parameter in operation["parameters"])


def test_what_it_takes_to_ask_is_told() -> None:
    assert operation_of("user.profile_all")["security"] == []
    assert operation_of("user.bookmarks")["security"] == [{"session": []}]
    assert operation_of("illust.like")["security"] == [{"session": [], "token": []}]
    order = next(each for each in operation_of("search.artworks")["parameters"] if each["name"] == "order")
    assert "popular_d" in order["schema"]["enum"]
    assert "premium" in order["description"]
    ranking = {each["name"]: each for each in operation_of("ranking")["parameters"]}
    assert ranking["format"]["schema"]["const"] == "json"
    assert ranking["date"]["schema"]["pattern"] == "^[0-9]{8}$"


@pytest.mark.parametrize("name", sorted(making.BODIES))
def test_every_body_that_pixiv_may_send_agrees_with_it(name: str) -> None:
    assert agrees(name, json.loads(making.answer(name, making.BODIES[name])))


WORKS = "user.bookmarks"


@pytest.mark.parametrize(
    ("name", "body", "allowed"),
    [
        ("user.profile_all", {"illusts": [], "manga": {"7": None}}, True),
        ("user.profile_all", {"illusts": {"seven": None}, "manga": []}, False),
        ("user.profile_all", {"illusts": {}}, False),
        (WORKS, {"works": [making.row(7)], "total": "1"}, True),
        (WORKS, {"works": [making.masked(7)], "total": 1}, True),
        (WORKS, {"works": [{"id": 7, "isMasked": True}], "total": 1}, True),
        (WORKS, {"works": [{"isAdContainer": True}], "total": 1}, True),
        (WORKS, {"works": None, "total": 0, "bookmarkTags": []}, True),
        (WORKS, {"works": [{"id": 7}], "total": 1}, False),
        (WORKS, {"works": [], "total": "many"}, False),
    ],
)
def test_it_allows_what_pixiv_does_and_no_more(name: str, body: Any, allowed: bool) -> None:
    assert agrees(name, {"error": False, "body": body}) is allowed


@pytest.mark.long
def test_it_is_written_to_standard_output_or_to_a_file(tmp_path: Path) -> None:
    shown = type_in("openapi")
    assert (shown.code, json.loads(shown.out)) == (0, document())
    file = tmp_path / "pixiv.json"
    assert type_in("openapi", "-o", str(file)) == (0, "", "")
    assert json.loads(file.read_text()) == document()


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    refused = type_in("openapi", "-o", str(tmp_path))
    assert refused.code == 5
    assert refused.err.count("\n") == 1
    assert str(tmp_path) in refused.err


def test_words_that_it_does_not_take_are_refused() -> None:
    assert type_in("openapi", "user.full").code == 2


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


@pytest.mark.long
@pytest.mark.parametrize("name", [operation["operationId"] for operation in operations()])
def test_the_sandbox_never_contradicts_it(sandbox: Sandbox, name: str) -> None:
    compare(sandbox, name, examples=8)


@pytest.mark.campaign
@pytest.mark.parametrize("name", [operation["operationId"] for operation in operations()])
def test_the_sandbox_never_contradicts_it_at_length(sandbox: Sandbox, name: str) -> None:
    compare(sandbox, name, examples=200)


def compare(sandbox: Sandbox, name: str, examples: int) -> None:
    """Ask the sandbox whatever the document lets one ask, and hold every answer against it."""
    schema = schemathesis.openapi.from_dict(document())
    schema.config.base_url = sandbox.base_url
    everything = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    [operation] = [each for each in everything if each.definition.raw["operationId"] == name]
    headers = BROWSER | {"X-CSRF-Token": sandbox.world.readers[0].csrf_token}
    known = known_values(sandbox.world, name)
    if name == "illust.unlisted":
        known["secret"] = st.just(sandbox.world.unlist(sandbox.world.works()[-1].id))
    since = len(sandbox.log)

    @settings(max_examples=examples, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True)
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE), st.data())
    def agree(case: Any, data: st.DataObject) -> None:
        # Numbers out of the air belong to nobody.
        if data.draw(st.integers(0, 3)):
            for place in (case.path_parameters, case.query, case.body):
                for key in known.keys() & set(place if isinstance(place, dict) else ()):
                    place[key] = data.draw(known[key])
        response = case.call(headers=headers, cookies={"PHPSESSID": sandbox.cookie})
        case.validate_response(response, checks=list(CHECKS))

    agree()
    assert 200 in {logged.status for logged in sandbox.log[since:]}


def known_values(world: World, name: str) -> dict[str, st.SearchStrategy[Any]]:
    """By parameter, the values that mean something in this world; some of the works among them are gone."""
    works = st.sampled_from([work.id for work in world.works() if work.is_ugoira or name != "illust.ugoira_meta"])
    # The rows of a user's works are asked for by the ids of these works.
    people = st.sampled_from([artist.id for artist in world.artists()] if name != "user.profile_illusts" else [11])
    collections = st.sampled_from(sorted(world.collections))
    ids = {"user": people, "series": st.sampled_from([501, 502]), "collection": collections}.get(
        name.partition(".")[0], works
    )
    of_one = st.sampled_from([work.id for work in world.works_of(11, world.readers[0])])
    several = st.lists(of_one, min_size=1, max_size=5)
    days = st.sampled_from([day for _, day in world.rankings])
    return {
        "id": ids,
        "illust_id": works.map(str) if name.startswith(("illust.like", "illust.bookmark")) else works,
        "ids[]": several,
        "illust_ids[]": several,
        "date": days,
        "p": st.integers(1, 4),
        "offset": st.integers(0, 60),
    }
