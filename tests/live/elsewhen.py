"""`python -m tests.live.elsewhen 2026-03-01T06:00:00+00:00 sync`: the command, at another time."""

from __future__ import annotations

import sys
from datetime import datetime

from scrapy.cmdline import execute

from tests.live.syncing import clock

if __name__ == "__main__":
    at, *words = sys.argv[1:]
    with clock(datetime.fromisoformat(at)):
        execute(["scrapy", *words])
