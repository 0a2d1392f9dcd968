"""The profile for pixiv itself."""

from __future__ import annotations

from settings.base import *  # noqa: F403
