"""`python -m pixivcrawl.notifications.worker`: delivers notices to their services, in a separate process.

Standard input: `{"urls": [...], "notices": [{"title": ..., "body": ...}, ...]}`. Standard output: for each URL and notice, as soon as it is
known, a line `{"url": 0, "notice": 0, "why": null}`, by their places, `why` being what went wrong. What apprise and its libraries log
stays here, because it holds secrets; the process that started this may end it at any moment.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from typing import Any, TextIO

from apprise import Apprise, AppriseAsset, NotifyFormat

_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")
_UNREACHED = re.compile(r"connection error|socket|timed? ?out|unreachable|resolve", re.IGNORECASE)


class LogCapture(logging.Handler):
    """What apprise logs about a failure, by thread, reduced to what cannot have secrets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if status := _STATUS.search(text):
            self.heard.why = f"it answered with status {status[1]}"
        elif _UNREACHED.search(text):
            self.heard.why = "it could not be reached"


def main() -> None:
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What a plugin prints must not get among the results.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    task = json.load(sys.stdin)
    overheard = LogCapture()
    logging.getLogger("apprise").addHandler(overheard)
    writing = threading.Lock()
    carrying = [
        threading.Thread(target=deliver, args=(place, url, task["notices"], overheard, results, writing), daemon=True)
        for place, url in enumerate(task["urls"])
    ]
    for thread in carrying:
        thread.start()
    for thread in carrying:
        thread.join()
    results.close()
    # A plugin's own threads are not waited for.
    os._exit(0)


def deliver(
    place: int,
    url: str,
    notices: list[dict[str, str]],
    overheard: LogCapture,
    results: TextIO,
    writing: threading.Lock,
) -> None:
    """Deliver every notice to one service, one after another."""
    asset = AppriseAsset(app_id="pixivcrawl", app_desc="pixivcrawl", app_url="", async_mode=False)
    service = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    for number, notice in enumerate(notices):
        why = "it is not a URL that apprise knows" if service is None else told(service, notice, overheard)
        with writing:
            results.write(json.dumps({"url": place, "notice": number, "why": why}) + "\n")
            results.flush()


def told(service: Any, notice: dict[str, str], overheard: LogCapture) -> str | None:
    """None if the service accepted the notice, otherwise why not."""
    overheard.heard.why = "it did not accept it"
    try:
        taken = service.notify(title=notice["title"], body=notice["body"], body_format=NotifyFormat.TEXT)
    except Exception:  # noqa: BLE001 (whatever a plugin raises may hold its URL)
        taken = False
    return None if taken else str(overheard.heard.why)


if __name__ == "__main__":
    main()
