"""The artists and works of the standard world and of the demo's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pixivcrawl.sandbox.making import Numbering, make_plain_works, make_work
from pixivcrawl.sandbox.works import MANGA, UGOIRA, Artist, Page, Work

NUMBERING = Numbering()
SMALL = (320, 240)
TALL = (240, 330)
TINY = Page("jpg", 64, 48)

JPG = Page("jpg", *SMALL)
PNG = Page("png", *TALL)
GIF = Page("gif", 160, 120)

ARTISTS = (
    Artist(
        11,
        "mika of the harbour",
        "mika_harbour",
        "Ships & trains.\nNew every week.",
        "https://example.org/mika",
        premium=True,
        accepts_requests=True,
    ),
    Artist(12, "no works yet", "empty_shelf", has_picture=False),
    Artist(13, "夜の画家", "night_painter", "R-18 works among others."),
    Artist(14, "ﷺ/..\\👩‍🎨\u202egnp.exe", "nasty", "<script>alert(1)</script>"),
    Artist(15, "one a day", "one_a_day", accepts_requests=True),
    Artist(16, "left", "left", left=True),
    Artist(17, "for friends", "for_friends"),
    Artist(18, "the serialist", "serialist"),
    *(
        Artist(number, f"passer-by {number}", f"passer_by_{number}", has_picture=number % 2 == 0)
        for number in range(21, 81)
    ),
)
READERS_AS_ARTISTS = (
    Artist(901, "the reader", "reader", has_picture=False),
    Artist(902, "the premium reader", "premium_reader", premium=True),
)

NASTY_TITLES = (
    "🎨👩‍👩‍👧‍👦 ️",
    "\u202etxt.exe\u200f מרים",
    "a/b\\c/../../etc/passwd",
    "..",
    "長" * 300,
    "CON",
    "",
    "nul.jpg\u0000? <b>&amp;\"'| *:",
)

MIKA: tuple[dict[str, Any], ...] = (
    {"pages": (JPG,)},
    {"pages": (PNG, JPG, GIF), "comment_count": 45},
    {"pages": (PNG, PNG, JPG, PNG, PNG), "kind": MANGA, "series_id": 501},
    {
        "pages": (Page("jpg", 400, 300),),
        "kind": UGOIRA,
        "delays": (60, 60, 80, 100, 60, 400),
        "frame_forms": ("jpg", "jpg", "gif-still"),
    },
    {"pages": (Page("png-palette", *SMALL),)},
    {"pages": (GIF,)},
    {"pages": (JPG,), "x_restrict": 1, "sanity_level": 6},
    {"pages": (JPG,), "gone": True},
    {"pages": (Page("jpg-progressive", *TALL),)},
    {"pages": (Page("jpg-grey", *SMALL),)},
    {"pages": (Page("jpg-cmyk", *SMALL),)},
    {"pages": (JPG, PNG, JPG, PNG, JPG, PNG, JPG, PNG), "kind": MANGA, "series_id": 501},
    {"pages": (Page("png", 2400, 1600),), "kind": UGOIRA, "delays": (120, 120, 120)},
    {"pages": (Page("jpg-rotated", *TALL),)},
    {"pages": (Page("png-alpha", *TALL),), "revised_after": timedelta(days=3, seconds=11)},
    {"pages": (Page("jpg-restart", *SMALL), JPG)},
    {"pages": (JPG,), "ai_type": 2},
    {"pages": (JPG, JPG), "x_restrict": 2, "sanity_level": 6},
    {"pages": (JPG,), "caption": "<strong>Long</strong> " + "words, " * 200, "tags": ("オリジナル", "猫", "海")},
    {"pages": (Page("gif-still", 160, 120),)},
)
NIGHT: tuple[dict[str, Any], ...] = (
    {"pages": (JPG,)},
    {"pages": (PNG, JPG), "x_restrict": 1, "sanity_level": 6},
    {"pages": (Page("jpg", 400, 300),), "kind": UGOIRA, "delays": (90, 90, 90), "x_restrict": 1, "sanity_level": 6},
    {"pages": (JPG, JPG, JPG), "kind": MANGA, "x_restrict": 1, "sanity_level": 6},
    {"pages": (JPG,), "sanity_level": 6},
    {"pages": (PNG,), "x_restrict": 2, "sanity_level": 6},
    {"pages": (JPG,)},
    {"pages": (JPG,), "gone": True, "x_restrict": 1},
)
CHAPTERS: tuple[dict[str, Any], ...] = tuple(
    {
        "pages": (TINY,) * (1 + number % 3),
        "kind": MANGA,
        "series_id": 502,
        "title": f"Chapter {number}",
        "language": "ja",
        "gone": number == 20,
    }
    for number in range(1, 31)
)
FRIENDS: tuple[dict[str, Any], ...] = tuple({"pages": (JPG,), "restrict": number % 2} for number in range(6))


def standard_works() -> list[Work]:
    """The works of all ARTISTS, as the docstring of World tells."""
    one_a_day = next(artist for artist in ARTISTS if artist.id == 15)
    return [
        *_works(11, MIKA),
        *_works(13, NIGHT),
        *_works(14, tuple({"pages": (JPG,), "title": title, "tags": (title or "?",)} for title in NASTY_TITLES)),
        *make_plain_works(NUMBERING, one_a_day, 120, (TINY,)),
        *_works(17, FRIENDS),
        *_works(18, CHAPTERS),
        *(make_work(NUMBERING, artist_id, 1, pages=(TINY,)) for artist_id in range(21, 81)),
    ]


def demo_works() -> list[Work]:
    """A dozen small works of artist 11."""
    wanted = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 14, 16)
    return [make_work(NUMBERING, 11, place + 1, **MIKA[place]) for place in wanted]


def _works(artist_id: int, facts: tuple[dict[str, Any], ...]) -> list[Work]:
    return [make_work(NUMBERING, artist_id, number, **given) for number, given in enumerate(facts, 1)]
