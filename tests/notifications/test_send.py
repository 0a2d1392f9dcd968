"""Notices are taken by a real service, and whatever a service does, the sender comes back in time and with no secret."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.notifications.send import LONGEST_BODY, Message, send
from pixivcrawl.notifications.services import Service
from tests.notifications.receiving import SECRETS, Receiver, receiving


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def services(*urls: str) -> list[Service]:
    return [Service(place, url) for place, url in enumerate(urls, 1)]


def test_each_service_is_told_of_for_itself(receiver: Receiver, capfd: pytest.CaptureFixture[str]) -> None:
    """One that takes notices, one that refuses them, one that is not there, one that apprise does not know."""
    receiver.taken.clear()
    messages = [Message("first", "calls @everyone"), Message("second", "x" * 9000)]
    urls = (receiver.url(), receiver.url("refuse"), "json://127.0.0.1:1/the-token", "nonsense://the-token")
    deliveries = send(services(*urls), messages, 60)
    assert [(each.service.place, each.message, each.why) for each in deliveries] == [
        (1, 0, None),
        (1, 1, None),
        *((2, number, "it answered with status 403") for number in range(2)),
        *((3, number, "it could not be reached") for number in range(2)),
        *((4, number, "it is not a URL that apprise knows") for number in range(2)),
    ]
    assert receiver.titles == ["first", "second"]
    assert receiver.taken[0]["message"] == "calls @\u200beveryone"
    assert len(receiver.taken[1]["message"]) == LONGEST_BODY
    said = str(deliveries) + "".join(capfd.readouterr())
    assert not any(secret in said for secret in SECRETS)


def test_a_worker_that_fails_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that cannot even begin, because something of it is not installed, for one."""
    failing = shutil.which("false")
    assert failing is not None
    monkeypatch.setattr(sys, "executable", failing)
    deliveries = send(services("json://127.0.0.1:1/the-token"), [Message("title", "body")], 60)
    assert [each.why for each in deliveries] == ["the process that sends notices ended with status 1"]


@pytest.mark.long
def test_a_service_that_never_answers_is_given_up(receiver: Receiver) -> None:
    """The other one is told all the same, and nothing of the worker process is left."""
    receiver.taken.clear()
    began = time.monotonic()
    deliveries = send(services(receiver.url("hang"), receiver.url()), [Message("title", "body")], 8)
    assert time.monotonic() - began < 30
    assert [each.why for each in deliveries] == ["no answer within 8 s", None]
    assert receiver.titles == ["title"]
    if Path("/proc").is_dir():
        assert not list(workers())


def workers() -> Iterator[str]:
    """The children of this process that carry notices."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line, status = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue  # It has ended.
        if b"notifications.worker" in line and int(status.rpartition(")")[2].split()[1]) == os.getpid():
            yield folder.name


def test_the_worker_is_not_given_the_session(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What Python itself runs first in every process shows what the worker process's environment held."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nopen(os.environ['SEEN'], 'a').write(repr(dict(os.environ)))\n"
    )
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    monkeypatch.setenv("PIXIV_PHPSESSID", "901_session")
    monkeypatch.setenv("PIXIVCRAWL_DATABASE_URL", "postgresql+psycopg://me:secret@host/db")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert send(services(receiver.url()), [Message("title", "body")], 60)[0].why is None
    seen = (tmp_path / "seen").read_text()
    assert "SEEN" in seen
    assert "901_session" not in seen
    assert "me:secret" not in seen
