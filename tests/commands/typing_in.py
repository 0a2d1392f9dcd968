"""Types a command into Scrapy's own command line, in this process."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
from scrapy.cmdline import execute
from scrapy.settings import Settings

from pixivcrawl import console
from pixivcrawl.command_line.run import run
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.runs.exit_codes import complain
from tests.sandbox.serving import Sandbox

BROWSER = {"User-Agent": "Mozilla/5.0"}


class Typed(NamedTuple):
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


def type_in(*words: str, **given: Any) -> Typed:
    """`scrapy WORDS`; see `typed`."""
    return typed(lambda settings: execute(["scrapy", *words], settings), **given)


def type_pixivcrawl(*words: str, **given: Any) -> Typed:
    """`pixivcrawl WORDS`; see `typed`."""

    def command(settings: Settings) -> None:
        try:
            run(list(words), settings)
        except PixivcrawlError as error:
            sys.exit(complain(error))
        sys.exit(0)

    # Where it says which profile is read, and what was typed.
    with mock.patch.dict(os.environ), mock.patch.object(sys, "argv", ["pixivcrawl", *words]):
        return typed(command, **given)


def typed(
    command: Callable[[Settings], None],
    *,
    sandbox: Sandbox | None = None,
    archive: Path | None = None,
    cookie: str = "",
    stdin: str = "",
    **more: Any,
) -> Typed:
    """A command with the project's own settings, without pace; `cookie` is the session, `more` are settings."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        mock.patch.object(console, "_QUIET", []),
        mock.patch.dict(os.environ, {"PIXIV_PHPSESSID": cookie} if cookie else {}),
        as_it_was(),
        pytest.raises(SystemExit) as exited,
    ):
        command(settings_for(sandbox, archive, **more))
    written = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return Typed(int(exited.value.code or 0), *written)


def settings_for(sandbox: Sandbox | None, archive: Path | None, **more: Any) -> Settings:
    settings = Settings()
    settings.setmodule("settings.default", priority="project")
    chosen: dict[str, Any] = {"PIXIV_API_DELAY": 0, "PIXIV_API_RETRY_DELAY": 0.01, "PIXIV_RATE_LIMIT_WAIT": 0.3}
    # A reactor can be run once in a process, an event loop again and again.
    chosen |= {"TWISTED_REACTOR_ENABLED": False, "PIXIV_BASE_URL": "http://127.0.0.1:9"}
    if archive is not None:
        chosen["ARCHIVE_DIR"] = str(archive)
    settings.update(chosen | (sandbox.settings() if sandbox else {}) | more, priority="cmdline")
    return settings


@contextmanager
def as_it_was() -> Iterator[None]:
    """Takes away the handlers of signals that Scrapy leaves in a process."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in signals.items():
            signal.signal(number, handler)
