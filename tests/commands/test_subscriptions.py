"""`pixivcrawl subscribe`, `subscriptions`, `unsubscribe`: the file changes as asked, nothing is sent, and what is wrong is one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pixivcrawl.subscriptions.file import read_file
from tests.commands.typing_in import Typed, type_in
from tests.test_project import ROOT, blocks

ARTIST = "https://www.pixiv.net/users/11"
READER = "901_any"


def entries(archive: Path) -> list[str]:
    return [each.name for each in read_file(archive / "subscriptions.toml").subscriptions]


def refusal(typed: Typed) -> str:
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    return line


def test_an_artist_is_subscribed_to_and_no_longer(tmp_path: Path) -> None:
    added = type_in("subscribe", ARTIST, "--every", "6h", "-a", "type=manga", "-a", "max_works=7", archive=tmp_path)
    assert (added.code, added.err) == (0, "")
    assert "user 11 manga, every 6h" in added.out
    text = (tmp_path / "subscriptions.toml").read_text()
    assert 'type = "manga"\nmax_works = 7\nevery = "6h"\n' in text
    removed = type_in("unsubscribe", "user", "11", "manga", archive=tmp_path)
    assert (removed.code, removed.err) == (0, "")
    assert entries(tmp_path) == []


def test_several_with_names_of_their_own(tmp_path: Path) -> None:
    for words in (
        [ARTIST],
        [f"{ARTIST}/manga"],
        ["bookmarks", "-a", "id=me", "-a", "rest=both"],
        ["--from", "following", "-a", "comments=true"],
        ["https://www.pixiv.net/tags/海/artworks", "--name", "sea", "--refresh", "never"],
        [ARTIST, "-a", "comments=true"],
    ):
        assert type_in("subscribe", *words, archive=tmp_path).code == 0
    assert entries(tmp_path) == ["user 11", "user 11 manga", "bookmarks me both", "following", "sea", "user 11 (2)"]


def test_the_file_may_lie_elsewhere(tmp_path: Path) -> None:
    assert type_in("subscribe", "top", archive=tmp_path, SUBSCRIPTIONS=str(tmp_path / "my" / "list.toml")).code == 0
    assert [each.name for each in read_file(tmp_path / "my" / "list.toml").subscriptions] == ["top"]
    assert entries(tmp_path) == []


def test_what_is_listed_before_anything_ran(tmp_path: Path) -> None:
    type_in("subscribe", ARTIST, "--every", "6h", archive=tmp_path)
    type_in("subscribe", "--from", "following", archive=tmp_path)
    listed = type_in("subscriptions", archive=tmp_path, cookie=READER)
    assert listed.code == 0
    assert listed.out.splitlines() == [
        f"subscriptions: {tmp_path / 'subscriptions.toml'}",
        "user 11: user id=11, every 6h; not run yet; due now",
        "following: following id=me rest=both reread=true refresh=true, every 1d; not run yet; due now",
        "  0 artists: 0 read, 0 due now; 0 works requested by their last runs",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["subscribe"], "name one thing"),
        (["subscribe", ARTIST, ARTIST], "name one thing"),
        (["subscribe", ARTIST, "--from", "following"], "cannot be combined with an address"),
        (["subscribe", "https://example.org"], "not pixiv"),
        (["subscribe", ARTIST, "-a", "manga"], "NAME=VALUE"),
        (["subscribe", ARTIST, "-a", "every=6h"], "--help"),
        (["subscribe", ARTIST, "-a", "kind=manga"], "takes no argument 'kind'"),
        (["subscribe", "user"], "user: name the artists: add id=..., or account=..."),
        (["subscribe", ARTIST, "-a", "max_works=few"], "digits, as in max_works=11"),
        (["subscribe", "account", "--refresh", "3d"], "leave it out"),
        (["subscribe", "--from", "following", "-a", "id=11"], "those whom you follow"),
        (["unsubscribe"], "name a subscription"),
        (["unsubscribe", "harbour"], "no subscription 'harbour'"),
        (["subscriptions"], "pixivcrawl subscribe URL"),
    ],
)
def test_wrong_usage_is_one_line_and_changes_nothing(tmp_path: Path, words: list[str], said: str) -> None:
    line = refusal(type_in(*words, archive=tmp_path))
    assert said in line
    assert not re.search(r"\.toml:[0-9]", line)
    assert not (tmp_path / "subscriptions.toml").exists()


def test_a_refusal_does_not_name_the_file_however_it_is_called(tmp_path: Path) -> None:
    typed = type_in("subscribe", "user", "-a", "id=11", "-a", "colour=red", archive=tmp_path / "a: b")
    assert refusal(typed).startswith("pixivcrawl: colour: ")


def test_what_is_there_twice_is_refused(tmp_path: Path) -> None:
    type_in("subscribe", ARTIST, "--name", "harbour", archive=tmp_path)
    before = (tmp_path / "subscriptions.toml").read_bytes()
    again = refusal(type_in("subscribe", ARTIST, "--every", "3h", archive=tmp_path))
    assert "followed already, as 'harbour': change it in " in again
    assert "already" in refusal(type_in("subscribe", "top", "--name", "harbour", archive=tmp_path))
    assert (tmp_path / "subscriptions.toml").read_bytes() == before


def test_a_wrong_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "subscriptions.toml"
    file.write_text('[[subscription]]\nname = "a"\nspider = "usher"\nid = 3\n')
    for words in (["subscriptions"], ["subscribe", ARTIST]):
        assert f"{file}:3: spider: 'usher' is not a spider" in refusal(type_in(*words, archive=tmp_path))
    file.write_text('[[subscription]]\nname = "a"\nspider = "user"\n\nid = 3\nmin_pages = 9\nmax_pages = 2\n')
    assert f"{file}:7: max_pages: '2': is before" in refusal(type_in("subscriptions", archive=tmp_path))
    assert file.read_text().endswith("max_pages = 2\n")


def test_the_example_of_the_page_is_right(tmp_path: Path) -> None:
    (example,) = [text for page, language, text in blocks() if (page, language) == ("subscriptions.md", "toml")]
    (tmp_path / "subscriptions.toml").write_text(example)
    listed = type_in("subscriptions", archive=tmp_path, cookie=READER)
    assert (listed.code, listed.err) == (0, "")
    assert [line.split(":")[0] for line in listed.out.splitlines()[1:5]] == [*entries(tmp_path)]
    assert (ROOT / "docs" / "subscriptions.md").read_text().count("```toml") == 1


# A list of another tool

MEMBERS = """\
# PixivUtil2's list.txt: members, and folders for some of them.
11 "C:\\\\Pictures\\\\eleven"
12   %root%\\\\twelve

http://www.pixiv.net/member_illust.php?id=13
11
"""

ADDRESSES = """\
# gallery-dl's input file: addresses of every kind, and options for them.
-filename = "{id}.{extension}"
https://www.pixiv.net/en/users/11/artworks
https://www.pixiv.net/en/users/11/bookmarks/artworks?rest=show  # what they like
https://www.pixiv.net/tags/海/artworks
-G skip = false
https://www.pixiv.net/user/11/series/7
https://www.pixiv.net/ranking.php?mode=weekly
"""


def listed(folder: Path, text: str, coding: str = "utf-8") -> str:
    path = folder / "list.txt"
    path.write_bytes(text.encode(coding))
    return str(path)


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_members_of_pixivutil2_are_followed_once_each(tmp_path: Path, coding: str) -> None:
    added = type_in("subscribe", "--from-file", listed(tmp_path, MEMBERS, coding), "--every", "6h", archive=tmp_path)
    assert (added.code, added.err) == (0, "")
    assert entries(tmp_path) == ["user 11", "user 12", "user 13"]
    subscribed, passed_over = added.out.splitlines()
    assert subscribed.startswith(f"subscribed: 3 entries of {tmp_path / 'list.txt'}, 1 followed already, every 6h, in ")
    assert passed_over == "left out: 2 folders; pixivcrawl keeps its files in the archive"
    before = (tmp_path / "subscriptions.toml").read_bytes()
    assert (
        "subscribed: 0 entries" in type_in("subscribe", "--from-file", listed(tmp_path, MEMBERS), archive=tmp_path).out
    )
    assert (tmp_path / "subscriptions.toml").read_bytes() == before


def test_the_addresses_of_gallery_dl_are_followed_beside_what_was(tmp_path: Path) -> None:
    type_in("subscribe", ARTIST, archive=tmp_path)
    path = tmp_path / "subscriptions.toml"
    before = path.read_text()
    added = type_in("subscribe", "--from-file", listed(tmp_path, ADDRESSES), "-a", "max_works=9", archive=tmp_path)
    assert (added.code, added.err) == (0, "")
    assert entries(tmp_path) == ["user 11", "bookmarks 11 show", "search 海 artworks", "series 7", "ranking weekly"]
    assert path.read_text().startswith(before)
    assert path.read_text().count("max_works = 9") == 4
    assert "subscribed: 4 entries" in added.out
    assert ", 1 followed already," in added.out
    assert "left out: 2 options" in added.out


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("11\nkomachi\n\nhttps://example.org/a\n", [], "line 2: 'komachi': not an address"),
        ("11\nkomachi\n\nhttps://example.org/a\n", [], "line 4: 'https://example.org/a': 'example.org' is not pixiv"),
        ("\n".join("abcdefg"), [], "and 2 more odd lines"),
        ("11\n0\n", [], "line 2: "),
        ("11\nhttps://pixiv.me/somebody", [], ":2: account: follow the artist by id"),
        ("https://www.pixiv.net/ranking.php\n11", ["-a", "tag=x"], ":1: tag: ranking takes no argument"),
        ("11\nhttps://www.pixiv.net/users/12/manga", ["-a", "type=illust"], ":2: type: the address says type=manga"),
        ("# nobody yet\n\n", [], "names nothing to follow"),
    ],
)
def test_an_odd_list_is_one_line_and_follows_nobody(tmp_path: Path, text: str, more: list[str], said: str) -> None:
    assert said in refusal(type_in("subscribe", "--from-file", listed(tmp_path, text), *more, archive=tmp_path))
    assert not (tmp_path / "subscriptions.toml").exists()


def test_a_list_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("11 海\n".encode("shift_jis"))
    assert ":1: holds bytes that are no utf-8: save the file as UTF-8" in refusal(
        type_in("subscribe", "--from-file", str(tmp_path / "list.txt"), archive=tmp_path)
    )
    for words in (["none.txt"], ["none.txt", "--name", "x"], ["none.txt", ARTIST]):
        refusal(type_in("subscribe", "--from-file", *words, archive=tmp_path))
