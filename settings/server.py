"""The profile for a machine on which nobody looks, picked with SCRAPY_PROJECT=server; see docs/schedule.md.

Where the archive and the session are comes from the environment, as in the other profiles; nothing here is faster than they are.
"""

from __future__ import annotations

import os

from .base import *  # noqa: F403
from .base import from_environment

# A line a minute is for somebody who waits; a first reading that takes a week would leave ten thousand of them. What each run brought
# is said at its end.
PROGRESS_ENABLED = from_environment("PROGRESS_ENABLED", otherwise=False)

# The level first, to look for; without the time where systemd's journal takes the lines, which has a time of its own for each.
LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"
if "JOURNAL_STREAM" not in os.environ:
    LOG_FORMAT = "%(asctime)s " + LOG_FORMAT

# With the offset from UTC: a server's log is often read in another zone, and twice a year an hour is there twice.
LOG_DATEFORMAT = "%Y-%m-%dT%H:%M:%S%z"

# A small server has one or two cores, each original is proven on one, and nobody waits for it. With two at once instead of four, less
# lies in memory too.
PIXIV_IMAGE_CONCURRENCY = from_environment("PIXIV_IMAGE_CONCURRENCY", 2)
PIXIV_IMAGE_CONCURRENCY_MOST = from_environment("PIXIV_IMAGE_CONCURRENCY_MOST", 4)
