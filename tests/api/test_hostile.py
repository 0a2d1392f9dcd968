"""Whatever comes in place of a body: it parses, or it is refused by name; never anything else."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import BodyRefused
from tests.api.making import BODIES, PARAMETERS, answer

NAMES = st.sampled_from(sorted(BODIES))
DIGITS = st.integers(-(2**70), 2**70).map(str)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    DIGITS,
    st.text(max_size=20),
    st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zl", "Zp"]), max_size=5),
    st.sampled_from(
        ["\ud800", "x" * 5000, "9" * 4400, "1970-01-01T00:00:00+09:00", "9999-12-31T23:59:59-01:00", "../.."]
    ),
    st.just([]),
    st.just({}),
    st.just([[[{}]]]),
    st.just({"isAdContainer": True}),
    st.dictionaries(st.text(max_size=5), st.integers() | st.none(), max_size=3),
    st.lists(st.integers() | st.text(max_size=3) | st.none(), max_size=3),
)
KEYS = st.sampled_from(["x", "0", "__class__", "model_config", "user_id", "page_count", "isMasked", "\x00", "\u202e"])


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every object and list of a body with each of its keys."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield node, key
            yield from places(value)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield node, number
            yield from places(value)


def parse_or_refuse(name: str, payload: bytes | str) -> None:
    """The point of all: one kind of refusal, in one printable line that names the endpoint and the field."""
    odd_rows: list[BodyRefused] = []
    try:
        read_everything(ENDPOINTS[name].parse(payload, PARAMETERS.get(name), odd_rows))
    except BodyRefused as refusal:
        odd_rows.append(refusal)
    for refusal in odd_rows:
        is_one_line(name, refusal)
    with suppress(BodyRefused):
        ENDPOINTS[name].parse(payload, PARAMETERS.get(name))
        assert not odd_rows


def is_one_line(name: str, refusal: BodyRefused) -> None:
    said = str(refusal)
    assert refusal.endpoint == name
    assert said.startswith(f"{name}: {refusal.field or 'the body'}: ")
    assert said.isprintable()
    assert len(said) < 500


def read_everything(body: Any) -> None:
    """A body that parsed has no trap in it: every property can be read, and lists can be read on."""
    if isinstance(body, list):
        for item in body:
            read_everything(item)
        return
    if isinstance(body, dict):
        for item in body.values():
            read_everything(item)
        return
    fields = getattr(type(body), "model_fields", {})
    for name in fields:
        read_everything(getattr(body, name))
    if fields:
        for name in dir(type(body)):
            if isinstance(getattr(type(body), name), property) and not name.startswith(("_", "model_")):
                getattr(body, name)


@given(NAMES, st.data())
def test_a_body_with_one_thing_changed(name: str, data: st.DataObject) -> None:
    body = {"body": copy.deepcopy(BODIES[name])}
    for _ in range(data.draw(st.integers(1, 3))):
        everywhere = list(places(body))
        holder, key = everywhere[data.draw(st.integers(0, len(everywhere) - 1))]
        # A copy: the next change may be made inside it.
        value = copy.deepcopy(data.draw(VALUES))
        match data.draw(st.sampled_from(["replace", "remove", "add", "as text", "empty"])):
            case "replace":
                holder[key] = value
            case "remove" if holder is not body:
                del holder[key]
            case "add" if isinstance(holder, dict) and holder is not body:
                holder[data.draw(KEYS)] = value
            case "as text":
                holder[key] = str(holder[key])
            case _:
                holder[key] = []
    parse_or_refuse(name, answer(name, body["body"]))


@given(NAMES, VALUES)
def test_anything_in_place_of_a_body(name: str, value: Any) -> None:
    parse_or_refuse(name, answer(name, value))
    parse_or_refuse(name, json.dumps(value))


@given(NAMES, st.binary() | st.text())
def test_anything_in_place_of_an_answer(name: str, payload: bytes | str) -> None:
    parse_or_refuse(name, payload)


@given(NAMES, st.data())
def test_an_answer_that_was_cut_or_damaged(name: str, data: st.DataObject) -> None:
    whole = answer(name, BODIES[name])
    place = data.draw(st.integers(0, len(whole) - 1))
    parse_or_refuse(name, whole[:place])
    parse_or_refuse(name, whole[:place] + data.draw(st.binary(min_size=1, max_size=3)) + whole[place + 1 :])


@pytest.mark.long
@pytest.mark.parametrize("name", {str(ENDPOINTS[name].body): name for name in BODIES}.values())
def test_every_key_removed_and_nulled_in_turn(name: str) -> None:
    changes: list[Any] = ["removed", None, [], "", 0, 2**64, "\ud800", "\x1b[31m\u202e"]
    for number, _ in enumerate(places(BODIES[name])):
        for change in changes:
            body = copy.deepcopy(BODIES[name])
            holder, key = next(itertools.islice(places(body), number, None))
            if change == "removed":
                del holder[key]
            else:
                holder[key] = change
            parse_or_refuse(name, answer(name, body))


def test_a_refusal_is_one_short_line_whoever_words_it() -> None:
    said = str(BodyRefused("illust.detail", "a\x1b[2J" * 1000, "\u202eb\n" * 1000))
    assert said.isprintable()
    assert len(said) < 500
