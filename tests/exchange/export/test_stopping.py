"""Ctrl-C and SIGTERM in the middle of an export: one line, and the same command goes on. Two at once: the second is refused."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in
from tests.exchange.export.killing import FILES
from tests.exchange.export.making import archive_of, files_in, titled

WORKS = 300
PATIENCE = 60.0
"""Seconds until an export has begun, at most."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(
        tmp_path_factory.mktemp("kept") / "archive", titled(*map(str, range(WORKS))), body=b"of a " * 4000
    )


def export(root: Path, target: Path, form: str, *options: str) -> Typed:
    target.mkdir(exist_ok=True)
    by = ("--by", "copy") if form == "view" else ()
    return type_in("export", form, str(target / FILES.get(form, "")), "--all", *by, *options, archive=root)


@contextmanager
def stopped(target: Path, number: signal.Signals) -> Iterator[None]:
    """Sends this process a signal when the target holds something unfinished."""

    def stop() -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not list(target.rglob("*.part")):
            time.sleep(0.0005)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ("view", signal.SIGTERM),
        *(
            pytest.param(form, number, marks=pytest.mark.long)
            for form in ("view", "cbz", "sidecars", "bagit", "wacz", "list")
            for number in (signal.SIGINT, signal.SIGTERM)
        ),
    ],
)
def test_stopped_in_the_middle(root: Path, tmp_path: Path, form: str, number: signal.Signals) -> None:
    options = ("--columns", "csv") if form == "list" else ()
    with stopped(tmp_path / "out", number):
        told = export(root, tmp_path / "out", form, *options)
    assert (told.code, told.err) == (130, "pixivcrawl: interrupted; run the same command again, it goes on\n")
    assert export(root, tmp_path / "out", form, *options).code == 0
    assert export(root, tmp_path / "elsewhere", form, *options).code == 0
    assert files_in(tmp_path / "out") == files_in(tmp_path / "elsewhere")


@pytest.mark.parametrize("form", ["view", pytest.param("wacz", marks=pytest.mark.long)])
def test_two_at_once_into_one_target(root: Path, tmp_path: Path, form: str) -> None:
    first: list[Typed] = []
    (tmp_path / "out").mkdir()
    child = os.fork()
    if not child:
        first.append(export(root, tmp_path / "out", form))
        os._exit(first[0].code)
    while not list((tmp_path / "out").rglob("*.part")):
        time.sleep(0.0005)
    told = export(root, tmp_path / "out", form)
    assert (told.code, told.err.count("\n")) == (5, 1), told.err
    assert "another export writes" in told.err
    assert os.waitpid(child, 0)[1] == 0
    assert export(root, tmp_path / "elsewhere", form).code == 0
    assert files_in(tmp_path / "out") == files_in(tmp_path / "elsewhere")
