"""What only the reader's own account sees leaves with --with-private alone: nothing planted is in the bytes of any export."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.exchange.export.forms import FORMS
from pixivcrawl.items import Bookmark, Facts, Follow
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import Reader
from tests.commands.typing_in import type_in
from tests.exchange.export.making import body_of
from tests.gallery.making import keep
from tests.ledger.making import NOW, an_answer, an_artwork, connected, sqlite_url

READER = 987654321
PLANTED = {
    "the reader's id": str(READER),
    "a private bookmark's tag": "secretlytagged",
    "a private bookmark's number": "7766554433",
    "somebody followed in private": "6655443322",
    "an answer of the account": "secretnotification",
    "the reader's vote": "secretvote",
    "the reader's part in a request": "secretrole",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    ledger = Ledger.open(sqlite_url(root), archive=Archive(root))
    poll = {"question": "which?", "choices": [], "selectedValue": "secretvote"}
    request = {"requestId": "1", "role": "secretrole", "collaborateStatus": {"collaborating": "secretrole"}}
    work = an_artwork(101, 1, poll=poll, request=request)
    marks = (
        Bookmark(READER, 101, private=True, tags=("secretlytagged",), bookmark_id=7766554433),
        Bookmark(READER, 102, private=False),
    )
    facts = Facts(
        artworks=(work, an_artwork(102), an_artwork(103, user_id=8, user_name="other")),
        bookmarks=marks,
        follows=(Follow(READER, 6655443322, private=True), Follow(READER, 8, private=True)),
    )
    answer = an_answer(
        "notification", {}, b'{"error":false,"message":"","body":"secretnotification"}', NOW, snapshot=True
    )
    try:
        ledger.write_now(updates.record_facts, facts, NOW)
        ledger.write_now(updates.record_answer, answer)
        ledger.write_now(updates.begin_crawl, "bookmarks", {"id": READER}, NOW, reader=Reader(READER, 5))
    finally:
        ledger.close()
    with connected(sqlite_url(root)) as connection:
        keep(connection, root, work.originals[0], body_of(work.originals[0]))
        connection.exec_driver_sql(
            "UPDATE artworks SET withheld_from = ?, withheld_session = 5 WHERE id = 102", (READER,)
        )
    return root


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_it_is_in_an_export(archive: Path, tmp_path: Path, form: str):
    target = tmp_path / {"list": "works.csv", "wacz": "works.wacz"}.get(form, "out")
    told = type_in("export", form, str(target), "--all", archive=archive)
    assert told.code == 0, told.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = "\n".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    for what, secret in PLANTED.items():
        assert secret not in names, what
        assert [path for path in written if secret.encode() in path.read_bytes()] == [], what


def test_with_the_word_sidecars_hold_it(archive: Path, tmp_path: Path):
    told = type_in("export", "sidecars", str(tmp_path / "out"), "--all", "--with-private", archive=archive)
    assert told.code == 0, told.err
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*.json")).decode()
    assert [what for what, secret in PLANTED.items() if secret not in written] == [
        "somebody followed in private",
        "an answer of the account",
    ]


@pytest.mark.parametrize("option", ["--bookmarks", "--following"])
def test_works_are_not_chosen_by_what_is_private(archive: Path, option: str):
    def chosen(*more: str) -> list[str]:
        words = ("export", "list", "-", "--columns", "ids", option, str(READER), *more)
        return type_in(*words, archive=archive).out.splitlines()

    assert chosen() == (["102"] if option == "--bookmarks" else [])
    assert chosen("--with-private") == (["101", "102"] if option == "--bookmarks" else ["103"])


@pytest.mark.parametrize(
    ("entry", "is_private"),
    [
        ("spider = 'bookmarks'\nid = 901\nrest = 'both'", True),
        ("spider = 'bookmarks'\nid = 901", False),
        ("spider = 'feed'", True),
        ("spider = 'watchlist'", True),
        ("spider = 'user'\nid = 7", False),
    ],
)
def test_nor_by_a_list_that_only_the_account_sees(archive: Path, entry: str, is_private: bool):
    (archive / "subscriptions.toml").write_text(f"[[subscription]]\nname = 'mine'\n{entry}\n")
    words = ("export", "list", "-", "--subscription", "mine")
    told = type_in(*words, archive=archive, cookie=f"{901}_{'a' * 32}")
    assert ("is a list that only your own account sees" in told.err) == is_private
    told = type_in(*words, "--with-private", archive=archive, cookie=f"{901}_{'a' * 32}")
    assert "no work is chosen" in told.err
