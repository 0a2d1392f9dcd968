"""`pixivcrawl notify`: each service is tried and told of without its secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in
from tests.notifications.receiving import SECRETS, Receiver, receiving


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def refusal(typed: Typed) -> str:
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    return line


def test_every_service_takes_a_test(tmp_path: Path, receiver: Receiver) -> None:
    """From a file: what it says is not on the command line."""
    receiver.taken.clear()
    file = tmp_path / "urls"
    file.write_text(f"# mine\n{receiver.url()}\n")
    file.chmod(0o600)
    told = type_in("notify", archive=tmp_path, NOTICE_URLS_FILE=str(file), NOTICE_ON="refused digest")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        "notices are about: refused, digest",
        "1 json://127.0.0.1: it accepted the test notice",
    ]
    assert receiver.titles == ["pixiv archive: a test"]
    assert str(tmp_path) in receiver.taken[0]["message"]


def test_one_that_does_not_is_told_of(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXIVCRAWL_NOTICE_URLS", f"{receiver.url()} {receiver.url('refuse')}\ntgram://the-token")
    told = type_in("notify", archive=tmp_path, NOTICE_ON="none")
    assert told.code == 1
    assert told.out.splitlines() == [
        "notices are about: nothing (NOTICE_ON)",
        "1 json://127.0.0.1: it accepted the test notice",
        "2 json://127.0.0.1: it answered with status 403",
        "3 tgram: it is not a URL that apprise knows",
    ]
    assert not any(secret in told.out + told.err for secret in SECRETS)


def test_without_a_service_it_says_where_to_name_one(tmp_path: Path) -> None:
    assert "PIXIVCRAWL_NOTICE_URLS" in refusal(type_in("notify", archive=tmp_path))
    missing = type_in("notify", archive=tmp_path, NOTICE_URLS_FILE=str(tmp_path / "none"))
    assert "cannot be read" in refusal(missing)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"NOTICE_ON": "refused, everything"}, "NOTICE_ON: 'everything' is not an event"),
        ({"NOTICE_TIMEOUT": "0"}, "NOTICE_TIMEOUT"),
        ({"NOTICE_DISK_LOW": "-1"}, "NOTICE_DISK_LOW"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, setting: dict[str, str], said: str) -> None:
    assert said in refusal(type_in("notify", archive=tmp_path, **setting))


def test_it_takes_no_words(tmp_path: Path) -> None:
    assert type_in("notify", "hello", archive=tmp_path).code == 2
