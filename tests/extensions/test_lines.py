"""Lines that fit a terminal, whatever they say."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pixivcrawl.api.text import one_line
from pixivcrawl.extensions.progress.lines import bar_line, text_line

TEXTS = st.text(max_size=80).map(one_line)


@given(
    parts=st.lists(TEXTS, min_size=1, max_size=6),
    done=st.integers(0, 10**6),
    total=st.none() | st.integers(0, 10**6),
    width=st.integers(1, 200),
)
def test_no_line_is_wider_than_the_terminal(parts: list[str], done: int, total: int | None, width: int) -> None:
    line = bar_line(parts, done, total, width)
    assert cell_len(line.plain.rstrip()) <= width
    assert line.plain.isprintable()
    assert cell_len(text_line(parts[0], width).plain) <= width


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (90, "user ━━━━━━━━━━────────────────────────────── 3 of 12 works · 17 files · 12 works a minute"),
        (60, "user ━━──────── 3 of 12 works · 17 files · 12 works a minute"),
        (50, "user 3 of 12 works · 17 files · 12 works a minute"),
        (30, "user 3 of 12 works · 17 files"),
        (20, "user 3 of 12 works"),
        (16, "u… 3 of 12 works"),
    ],
)
def test_what_matters_most_stays_when_there_is_little_room(width: int, shown: str) -> None:
    line = bar_line(["user", "3 of 12 works", "17 files", "12 works a minute"], 3, 12, width)
    assert line.plain == shown


def test_what_the_terminal_cannot_show_takes_the_room_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    line = bar_line(["港の風景", "3 of 12", "17 files"], 3, 12, 60)
    assert line.plain.isascii()
    assert line.plain.startswith("???? #########-")
    assert line.plain.endswith(" 3 of 12, 17 files")
