"""A row that stands in a work's place tells the id and nothing else, in every list of every body."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from pixivcrawl import items_from
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.bodies.masks import WorkRow
from pixivcrawl.api.bodies.ranking import Ranking, RankingRow
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.catalogue import ENDPOINTS
from tests.api.making import BODIES, PARAMETERS, WORK, answer, row

SIZES = ("", "_100", "_360", "_s", "_m", "_ll", "_250x250", "_360_a2")
ENDINGS = (".png", ".jpg", ".gif", ".webp", ".svg", ".PNG")
MASKS: tuple[dict[str, Any], ...] = (
    {"mask_reason": "login_only", "is_masked": False},
    {"maskReason": "region"},
    {"isMasked": True},
    {"is_masked": 1},
    {"user_id": 1, "userId": "1"},
    {"user_id": 0, "userId": 0},
    {"title": ""},
    {"createDate": "1970-01-01T00:00:00+09:00", "user_id": 0},
    *(
        {"url": f"https://s.pximg.net/common/images/limit_{name}{size}{ending}"}
        for name in ("unknown", "unviewable", "sanity_level", "mypixiv", "r18", "something_new")
        for size in SIZES
        for ending in ENDINGS
    ),
)

SAYS_MORE_THAN_A_ROW = {IllustDetail}


def models_in(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    """Every model that a body of this type may hold, itself among them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation, seen)
    for inner in get_args(annotation):
        yield from models_in(inner, seen)


def objects_in(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from objects_in(each)


HOLD_ROWS = [
    name
    for name, endpoint in ENDPOINTS.items()
    if any(issubclass(model, WorkRow) for model in models_in(endpoint.body, set()))
]


def test_whatever_looks_like_a_row_of_a_work_is_one() -> None:
    for name, endpoint in ENDPOINTS.items():
        for model in models_in(endpoint.body, set()) if name else ():
            looks_like_one = {"title", "user_id"} <= model.model_fields.keys() and (
                {"page_count", "illust_page_count", "illust_type"} & model.model_fields.keys()
            )
            assert issubclass(model, WorkRow) or model in SAYS_MORE_THAN_A_ROW or not looks_like_one, model


def mask_rows(node: Any, mask: dict[str, Any]) -> None:
    """Let every row of a work in a body as it comes be masked so."""
    if isinstance(node, dict):
        if "title" in node and ("illustType" in node or "illust_type" in node):
            node.update(mask)
        for value in node.values():
            mask_rows(value, mask)
    elif isinstance(node, list):
        for value in node:
            mask_rows(value, mask)


@pytest.mark.parametrize("name", HOLD_ROWS)
def test_no_list_makes_a_fact_of_a_masked_row(name: str) -> None:
    for mask in MASKS:
        content = copy.deepcopy(BODIES[name])
        if content.get("thumbnails", {"illust": True})["illust"] == []:
            content["thumbnails"]["illust"].append(row())
        mask_rows(content, mask)
        body = ENDPOINTS[name].parse(answer(name, content), PARAMETERS.get(name))
        rows = [each for each in objects_in(body) if isinstance(each, WorkRow)]
        assert rows, name
        for each in rows:
            assert each.is_masked, mask
            assert each.masked_because
            nothing = {"title": "", "user_id": 0, "user_name": "", "tags": [], "width": None, "height": None}
            told = {field: getattr(each, field) for field in nothing if hasattr(each, field)}
            assert told == {field: nothing[field] for field in told}
        assert items_from.listed_artworks(each for each in rows if isinstance(each, IllustRow)) == []
        if isinstance(body, Ranking):
            assert items_from.ranked_artworks(body) == []


def test_a_masked_place_in_a_ranking_is_kept() -> None:
    masked = {
        "title": "",
        "tags": [],
        "url": "https://s.pximg.net/common/images/limit_unviewable_s.png",
        "illust_type": "0",
        "illust_page_count": 1,
        "user_name": "",
        "illust_content_type": [],
        "illust_series": False,
        "illust_id": WORK + 7,
        "width": 100,
        "height": 100,
        "user_id": 1,
        "rank": 3,
        "is_masked": False,
        "mask_reason": "login_only",
    }
    content = copy.deepcopy(BODIES["ranking"])
    content["contents"].append(masked)
    ranking = ENDPOINTS["ranking"].parse(answer("ranking", content))
    entries = [(entry.rank, entry.work_id) for entry in items_from.ranking_entries(ranking)]
    assert entries == [(1, WORK), (2, WORK + 1), (3, WORK + 7)]
    assert [artwork.work_id for artwork in items_from.ranked_artworks(ranking)] == [WORK, WORK + 1]
    last = ranking.contents[-1]
    assert isinstance(last, RankingRow)
    assert (last.masked_because, last.has_vanished) == ("login_only", False)


@pytest.mark.parametrize(
    ("mask", "because", "vanished"),
    [
        ({"isMasked": True}, "masked", True),
        ({"url": "https://s.pximg.net/common/images/limit_unknown_360.png"}, "limit_unknown", True),
        ({"url": "https://s.pximg.net/common/images/limit_sanity_level_360.png"}, "limit_sanity_level", False),
        ({"urls": {"250x250": "https://s.pximg.net/common/images/limit_r18_s.png"}}, "limit_r18", False),
        ({"userId": "1"}, "placeholder", False),
        ({"maskReason": "region"}, "region", False),
    ],
)
def test_what_is_lost_and_what_is_only_withheld(mask: dict[str, Any], because: str, vanished: bool) -> None:
    content = copy.deepcopy(BODIES["user.bookmarks"])
    content["works"] = [content["works"][0] | mask]
    [masked] = ENDPOINTS["user.bookmarks"].parse(answer("user.bookmarks", content)).works
    assert (masked.masked_because, masked.has_vanished) == (because, vanished)
    assert masked.bookmark_data.id == 900
