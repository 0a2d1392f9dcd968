"""The notice services: their URLs are secrets, from the environment or a file, and only their kind is ever shown."""

from __future__ import annotations

import functools
import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from scrapy.settings import BaseSettings

from pixivcrawl.config_file import path_named
from pixivcrawl.errors import ConfigurationError

logger = logging.getLogger(__name__)

_LONGEST = 1 << 20
_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
_SCHEME = re.compile(r"[a-z][a-z0-9.+-]{0,31}", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?", re.IGNORECASE)

_ON_A_HOST = frozenset(
    f"{scheme}{secure}"
    for scheme in (
        "json",
        "xml",
        "form",
        "mailto",
        "gotify",
        "apprise",
        "mqtt",
        "rocket",
        "mmost",
        "synology",
        "nctalk",
    )
    for secure in ("", "s")
)
"""Schemes whose host is a server's name; in the URLs of many services it is a token."""


@dataclass(frozen=True, slots=True)
class Service:
    """A notice service. `place` counts from 1, in the given order; its text has no secret."""

    place: int
    url: str = field(repr=False)

    def __str__(self) -> str:
        scheme, separator, rest = self.url.partition("://")
        if not separator or not _SCHEME.fullmatch(scheme):
            return f"{self.place} (no URL)"
        host = _host(self.url, rest) if scheme.lower() in _ON_A_HOST else None
        return f"{self.place} {scheme.lower()}" + (f"://{host}" if host else "")


def services_from_settings(settings: BaseSettings) -> tuple[Service, ...]:
    """The services of this process (see `read_services`)."""
    return read_services(os.environ, urls_file(settings))


def urls_file(settings: BaseSettings) -> Path | None:
    """The file that may have their URLs; None if none is named."""
    return path_named(settings, "NOTICE_URLS_FILE")


def read_services(environment: Mapping[str, str], file: Path | None) -> tuple[Service, ...]:
    """The services of PIXIVCRAWL_NOTICE_URLS, separated by spaces or lines, or else of a file, one a line; none without either.

    In a file, lines that begin with # are passed over. Raises ConfigurationError, which repeats nothing of them, for a file that
    cannot be read, and where nothing is installed that can send.
    """
    urls = environment.get("PIXIVCRAWL_NOTICE_URLS", "").split()
    if not urls and file is not None:
        lines = (line.strip() for line in _read(file).splitlines())
        urls = [line for line in lines if line and not line.startswith("#")]
    if urls and find_spec("apprise") is None:
        raise ConfigurationError("notices need apprise: pip install 'pixivcrawl[notices]'; or name no service")
    return tuple(Service(place, url) for place, url in enumerate(dict.fromkeys(urls), 1))


def _host(url: str, rest: str) -> str | None:
    """The host of a URL; None if it is not certain to be one, because a password with a slash in it would be split wrongly."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :] or "\\" in rest:
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host if host is not None and _HOST.fullmatch(host) else None


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            loose = stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & _OTHERS
            content = opened.read(_LONGEST)
    except OSError as error:
        raise ConfigurationError(
            f"NOTICE_URLS_FILE {file}: cannot be read ({error.strerror}); name a file that holds the services' URLs, one a line"
        ) from None
    if loose and os.name == "posix":
        _warn_of_readers(file)
    return content.decode("utf-8-sig", errors="replace")


@functools.cache
def _warn_of_readers(file: Path) -> None:
    """Once, although the file may be read more than once."""
    logger.warning("%s: others can read or change these URLs; keep them out with: chmod 600 %s", file, file)
