"""The profile for a sandbox on this machine, picked with SCRAPY_PROJECT=sandbox.

The sandbox is started with `python -m pixivcrawl.sandbox --port 8480 --image-port 8481`.
"""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import from_environment

# Made-up works never lie beside real ones.
ARCHIVE_DIR = from_environment("ARCHIVE_DIR", "sandbox-archive")

# Where that command listens.
PIXIV_BASE_URL = from_environment("PIXIV_BASE_URL", "http://127.0.0.1:8480")
PIXIV_IMAGE_HOSTS = from_environment("PIXIV_IMAGE_HOSTS", "127.0.0.1:8481")

# What is gone here stays gone.
PIXIV_GONE_AFTER = from_environment("PIXIV_GONE_AFTER", 0)

# Nobody is disturbed by haste here.
PIXIV_API_DELAY = from_environment("PIXIV_API_DELAY", 0)
PIXIV_API_RETRY_DELAY = from_environment("PIXIV_API_RETRY_DELAY", 0.1)
PIXIV_IMAGE_RETRY_DELAY = from_environment("PIXIV_IMAGE_RETRY_DELAY", 0.1)
