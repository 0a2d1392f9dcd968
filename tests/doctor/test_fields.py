"""What is new and what is missing in an answer, against the fields that are known."""

from __future__ import annotations

from typing import Any

import pytest

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.doctor.fields import Differences, differences, known_fields

KNOWN = {"id!": {}, "title": {}, "user!": {"name!": {}, "image": {}}, "tags!": {"*": {"en!": {}}}, "raw": {}}
WHOLE = {"id": 1, "title": "t", "user": {"name": "n", "image": None}, "tags": {"猫": {"en": "cat"}}, "raw": {"x": 1}}


@pytest.mark.parametrize(
    ("body", "new", "missing"),
    [
        (WHOLE, (), ()),
        ([WHOLE, WHOLE], (), ()),
        ({**WHOLE, "tags": []}, (), ()),
        ({**WHOLE, "user": None}, (), ()),
        ({key: value for key, value in WHOLE.items() if key != "title"}, (), ()),
        ({key: value for key, value in WHOLE.items() if key != "id"}, (), ("id",)),
        ([WHOLE, {**WHOLE, "user": {}}, {**WHOLE, "user": {}}], (), ("user.name",)),
        ({**WHOLE, "tags": {"猫": {"de": "Katze"}}}, ("tags.*.de",), ("tags.*.en",)),
        ({**WHOLE, "mood": {"of": "today"}}, ("mood",), ()),
        ({**WHOLE, "12345": 1, "a name": 2}, ("*",), ()),
        ("nothing", (), ()),
    ],
)
def test_each_difference_is_named_once(body: Any, new: tuple[str, ...], missing: tuple[str, ...]) -> None:
    assert differences(body, KNOWN) == Differences(new, missing)


def test_the_fields_of_every_endpoint_are_known() -> None:
    assert set(known_fields()) == {name for name, endpoint in ENDPOINTS.items() if endpoint.method == "GET"}
