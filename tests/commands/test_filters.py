"""`pixivcrawl filters`: what is saved, what each filter makes of a work, and one line where the file is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pixivcrawl.exchange.blacklists import read_blacklists
from pixivcrawl.filters import read_filters
from tests.commands.typing_in import type_in
from tests.ledger.making import NOW, an_artwork, connected, record_artwork, sqlite_url

SAVED = """
[filter.calm]
rating = "safe"
exclude_artists = [9]

[filter.long]
min_pages = 20

[default]
show = "calm"
fetch = "calm"
"""


def test_the_filters_are_listed_with_what_they_say(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SAVED)
    typed = type_in("filters", archive=tmp_path)
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.splitlines()[1:] == [
        "calm: rating=safe exclude_artists=9 (shown and fetched by default)",
        "long: min_pages=20",
    ]


def test_a_work_is_judged_by_each(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SAVED)
    with connected(sqlite_url(tmp_path)) as connection:
        record_artwork(connection, an_artwork(5), NOW)
    typed = type_in("filters", "5", "6", archive=tmp_path)
    assert typed.code == 0
    assert typed.out.splitlines() == [
        "work 5: calm: wanted, as far as is known; long: left out",
        "work 6: the ledger knows nothing of it",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "has no filter: write [filter.NAME]"), ("[filter.a]\nage = 3", "[filter.a] age: is not known")],
)
def test_a_file_that_says_nothing_or_something_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "filters.toml").write_text(text)
    typed = type_in("filters", archive=tmp_path)
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    assert said in line


# What another tool was told not to fetch


def written(folder: Path, **texts: str) -> list[str]:
    """The words that name these files; `_json` stands for a dot."""
    given = []
    for name, text in texts.items():
        path = folder / (name.replace("_json", ".json") if name.endswith("_json") else f"{name}.txt")
        path.write_text(text, encoding="utf-8-sig")
        given += ["--from-file", str(path)]
    return given


def filter_named(archive: Path, name: str = "imported") -> dict[str, object]:
    return read_filters(archive / "filters.toml").filters[name].model_dump(mode="json", exclude_none=True)


def test_the_blacklists_of_pixivutil2_become_one_filter_beside_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text(SAVED)
    words = written(
        tmp_path,
        blacklist_tags="# mine\nR-18G\nFate/Grand Order\nAI生成\n\n",
        blacklist_members="12\n345\n12\n",
        blacklist_titles="WIP\nsketch dump\n",
    )
    typed = type_in("filters", *words, "--name", "pixivutil2", archive=tmp_path)
    assert (typed.code, typed.err) == (0, "")
    assert filter_named(tmp_path, "pixivutil2") == {
        "exclude_tags": ["R-18G", "Fate/Grand Order", "AI生成"],
        "exclude_artists": [12, 345],
        "exclude_words": ["WIP", "sketch dump"],
    }
    assert "not carried over: titles are looked for in captions and tags too" in typed.out
    assert (tmp_path / "filters.toml").read_text().startswith(SAVED)
    again = type_in("filters", *words, "--name", "pixivutil2", archive=tmp_path)
    assert again.code == 2
    assert "has a filter 'pixivutil2' already" in again.err


# fmt: off
PBD: dict[str, object] = {
    "downloadThread": 3,
    "downType0": True, "downType1": True, "downType2": False, "downType3": True, "downR18G": False,
    "notNeedTagSwitch": True, "notNeedTag": ["R-18G", "腐向け"], "tagMatchMode": "whole",
    "needTagSwitch": False, "needTag": ["switched off"], "userBlockList": True, "blockList": ["12", "345"],
    "BMKNumSwitch": True, "BMKNumMin": 100, "BMKNumMax": 9999999, "AIGenerated": False,
    "setWHSwitch": True, "widthHeightLimit": ">=", "setWidthAndOr": "&", "setWidth": 1000, "setHeight": 0,
    "ratioSwitch": True, "ratio": "horizontal", "multiImageWorkImageLimitSwitch": True,
    "multiImageWorkImageLimit": 50, "postDate": True, "postDateStart": 1609426800000, "postDateEnd": 4102416000000,
}
# fmt: on


def test_the_settings_of_powerful_pixiv_downloader_become_a_filter(tmp_path: Path) -> None:
    typed = type_in("filters", *written(tmp_path, settings_json=json.dumps(PBD)), archive=tmp_path)
    assert (typed.code, typed.err) == (0, "")
    assert filter_named(tmp_path) == {
        "exclude_tags": ["R-18G", "腐向け"],
        "kinds": ["illust", "manga"],
        "rating": ["safe", "r18"],
        "ai": "exclude",
        "min_bookmarks": 100,
        "max_pages": 50,
        "min_width": 1000,
        "min_ratio": 1.00001,
        # Midnight in Japan, which the browser counts in milliseconds of UTC.
        "since": "2021-01-01",
        "exclude_artists": [12, 345],
    }
    assert "not carried over" not in typed.out


@pytest.mark.parametrize(
    ("changed", "said", "left_out"),
    [
        ({"needTagSwitch": True, "needTag": "猫,海"}, {"tags": ["猫", "海"]}, None),
        ({"needTagSwitch": True, "needTag": ["猫", "海"], "needTagMode": "one"}, {}, "needTag: one of several"),
        ({"needTagSwitch": True, "needTag": ["猫"], "needTagMode": "one"}, {"tags": ["猫"]}, None),
        ({"tagMatchMode": "partial"}, {"exclude_words": ["R-18G", "腐向け"]}, "notNeedTag: parts"),
        ({"titleExcludeSwitch": True, "titleExcludeList": ["WIP"]}, {"exclude_words": ["WIP"]}, "titleExcludeList"),
        ({"titleIncludeSwitch": True, "titleIncludeList": ["a"]}, {}, "titleIncludeList"),
        ({"BMKNumAverageSwitch": True}, {}, "BMKNumMin, BMKNumAverage"),
        ({"BMKNumMax": 900}, {"min_bookmarks": 100}, "BMKNumMax"),
        ({"setWidthAndOr": "|"}, {}, "setWidth, setHeight"),
        ({"ratio": "userSet", "userRatio": "1.4", "userRatioLimit": "<="}, {"max_ratio": 1.4}, None),
        ({"ratio": "vertical"}, {"max_ratio": 0.99999}, None),
        ({"AIGenerated": True, "notAIGenerated": False, "UnknownAI": False}, {"ai": "only"}, None),
        ({"AIGenerated": False, "UnknownAI": False}, {}, "AIGenerated, notAIGenerated, UnknownAI"),
        ({"downSingleImg": False}, {"min_pages": 2}, None),
        ({"downMultiImg": False}, {"max_pages": 1}, None),
        ({"blockList": ["12", "somebody"]}, {"exclude_artists": [12]}, "'somebody' is no artist's id"),
        ({"idRangeSwitch": True}, {}, "idRangeSwitch"),
        ({"downBookmarked": False}, {}, "your own bookmarks"),
        ({"BMKNumMin": 1e400, "multiImageWorkImageLimit": {}, "setWidth": "wide"}, {}, None),
    ],
)
def test_each_setting_is_carried_over_or_named(
    tmp_path: Path, changed: dict[str, object], said: dict[str, object], left_out: str | None
) -> None:
    carried = read_blacklists([Path(written(tmp_path, settings_json=json.dumps(PBD | changed))[1])])
    assert said.items() <= carried.filters().model_dump(mode="json", exclude_none=True).items()
    assert (left_out is None) == (carried.left_out == [])
    assert left_out is None or left_out in carried.left_out[0]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("blacklist_members", "12\nsomebody\n", ":2: 'somebody' is no artist's id"),
        ("blacklist_tags", "# none\n", "leaves no works out"),
        ("wishes", "cat\n", "nobody can tell what it lists"),
        ("settings_json", "[1]", "holds no settings of Powerful Pixiv Downloader"),
        ("settings_json", "{", "is no JSON"),
        ("settings_json", '{"downloadThread": 3}', "leaves no works out"),
        (
            "settings_json",
            '{"downloadThread": 3, "downSingleImg": false, "downMultiImg": false}',
            "max_pages: Value error, is before min_pages=2",
        ),
        ("settings_json", '{"downloadThread": 3, "postDate": true, "postDateStart": 9e99}', "is not a time"),
    ],
)
def test_an_odd_file_of_another_tool_is_one_line_and_adds_nothing(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    typed = type_in("filters", *written(tmp_path, **{name: text}), archive=tmp_path)
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    assert said in line
    assert not (tmp_path / "filters.toml").exists()


def test_a_filters_file_that_is_wrong_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "filters.toml").write_text("[filter.a]\nage = 3")
    typed = type_in("filters", *written(tmp_path, blacklist_tags="猫"), archive=tmp_path)
    assert (typed.code, "[filter.a] age: is not known" in typed.err) == (2, True)
    assert (tmp_path / "filters.toml").read_text() == "[filter.a]\nage = 3"
