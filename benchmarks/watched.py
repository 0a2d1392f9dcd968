"""The default profile with a watch on the event loop; see watch.py."""

from __future__ import annotations

from settings.base import *  # noqa: F403
from settings.base import EXTENSIONS

EXTENSIONS = {**EXTENSIONS, "benchmarks.watch.Watch": 500}
