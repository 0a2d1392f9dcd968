"""Former values beside later ones: every letter of both is there, and what they share stands once."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.gallery.differences import MOST_COMPARED, Piece, caption_pieces, pieces, tag_pieces


@given(st.text(), st.text())
def test_both_texts_can_be_read_from_the_pieces(was: str, now: str):
    found = pieces(was, now)
    assert "".join(piece.text for piece in found if piece.state != "now") == was
    assert "".join(piece.text for piece in found if piece.state != "was") == now


def test_words_that_stayed_stand_once():
    assert pieces("a red cat", "a blue cat") == [
        Piece("same", "a "),
        Piece("was", "red"),
        Piece("now", "blue"),
        Piece("same", " cat"),
    ]
    assert pieces("猫の絵", "犬の絵") == [Piece("was", "猫"), Piece("now", "犬"), Piece("same", "の絵")]


def test_tags_stand_in_their_later_order_with_those_taken_away_last():
    assert tag_pieces(["cat", "sky"], ["sky", "sea"]) == [
        Piece("same", "sky"),
        Piece("now", "sea"),
        Piece("was", "cat"),
    ]


def test_captions_are_compared_as_they_are_read():
    assert caption_pieces("one<br />two &amp; <b>three</b>", "one<br>two") == [
        Piece("same", "one\ntwo"),
        Piece("was", " & three"),
    ]
    link = '<a href="https://a.example/{}">there</a>'
    assert {piece.text for piece in caption_pieces(link.format(1), link.format(2)) if piece.state != "same"} == {
        "1",
        "2",
    }


def test_of_long_texts_the_lines_are_compared():
    lines = [f"line {number} of some words\n" for number in range(60)]
    former = "".join(lines)
    later = "".join(["other\n", *lines[1:59], "end\n"])
    assert [piece.state for piece in pieces(former, later)] == ["was", "now", "same"] * 2


def test_endless_texts_cost_no_endless_time():
    begun = time.process_time()
    longest = pieces("ab " * (MOST_COMPARED // 2), "ba " * (MOST_COMPARED // 2))
    whole = pieces("a " * 500_000, "b " * 500_000)
    assert time.process_time() - begun < 5
    assert [piece.state for piece in whole] == ["was", "now", "same"]
    assert len(longest) > 2
