"""Sends notices to their services within a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pixivcrawl.notifications.services import Service

LONGEST_BODY = 1900
"""Characters that the smallest of the usual services accepts (Discord, 2,000 with the title)."""


@dataclass(frozen=True, slots=True)
class Message:
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result for one message (by position) at one service; `why` is None if it was accepted."""

    service: Service
    message: int
    why: str | None


def send(services: Sequence[Service], messages: Sequence[Message], timeout: float) -> list[Delivery]:
    """Send every message to every service, to all services at once; give up what takes longer than `timeout` seconds.

    In a process of its own, which is ended then: a service may hang, and what the libraries log of it holds its secrets.
    """
    task = {
        "urls": [service.url for service in services],
        "notices": [{"title": _inert(each.title), "body": _inert(each.body)[:LONGEST_BODY]} for each in messages],
    }
    said, status = _run(json.dumps(task).encode(), timeout)
    results = dict(_results(said))
    unanswered = (
        f"no answer within {timeout:g} s"
        if status is None
        else f"the process that sends notices ended with status {status}"
    )
    return [
        Delivery(service, number, results.get((place, number), unanswered))
        for place, service in enumerate(services)
        for number in range(len(messages))
    ]


def _run(task: bytes, timeout: float) -> tuple[bytes, int | None]:
    """What the worker printed, and its exit status; None if the time was over."""
    # The session and the ledger's password are no business of a notice.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIXIV", "DATABASE_URL"))}
    worker = subprocess.Popen(
        [sys.executable, "-m", "pixivcrawl.notifications.worker"],
        env=kept | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A Ctrl-C is for the run, not for it; and with a group of its own nothing that it started is left behind.
        start_new_session=True,
    )
    try:
        return worker.communicate(task, timeout)[0], worker.returncode
    except subprocess.TimeoutExpired:
        _kill(worker)
        return worker.communicate()[0], None
    except BaseException:
        _kill(worker)
        raise


def _kill(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            worker.kill()


def _results(said: bytes) -> Iterator[tuple[tuple[int, int], str | None]]:
    for line in said.splitlines():
        # The last one may be cut short.
        with contextlib.suppress(ValueError, KeyError, TypeError):
            result = json.loads(line)
            yield (result["url"], result["notice"]), result["why"]


def _inert(text: str) -> str:
    """The text without mentions: many services act on `@everyone` in any text."""
    return text.replace("@", "@\u200b")
