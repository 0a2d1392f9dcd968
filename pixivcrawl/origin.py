"""Origins of URLs: where a request may go is decided by them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


@cache
def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a URL: scheme, host in lower case, and the port, even if the URL leaves it out."""

    scheme: str
    host: str
    port: int

    @property
    def key(self) -> str:
        """`host`, or `host:port` if the port is not the scheme's default."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.key}"


@lru_cache(maxsize=256)
def read_origin(url: str) -> Origin | None:
    """The origin of an http or https URL; None if it has a user or password, or if two parsers might disagree about it."""
    if not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS:
        return None
    host = parts.netloc.lower().removesuffix(f":{port}" if port is not None else ":")
    # A user or password before the host is no part of this shape.
    if port == 0 or not _HOST.fullmatch(host):
        return None
    return Origin(parts.scheme, host, _DEFAULT_PORTS[parts.scheme] if port is None else port)
