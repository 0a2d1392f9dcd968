"""Proxies that the environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY), over HTTP and SOCKS."""

from __future__ import annotations

import base64
import re
import ssl
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.downloadermiddlewares.httpproxy import HttpProxyMiddleware
from scrapy.utils.url import add_http_if_no_scheme

from pixivcrawl.errors import ConfigurationError

if TYPE_CHECKING:
    from aiohttp_socks import ProxyConnector

HTTP = ("http", "https")
SOCKS_PORT = 1080
SOCKS = {"socks4": False, "socks4a": True, "socks5": True, "socks5h": True}
"""The schemes of SOCKS proxies, and whether the proxy looks up host names; a local DNS may answer falsely."""

UNUSABLE = (
    "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: only http://, socks4:// and socks5:// proxies can be used; "
    "name one as in http://127.0.0.1:8080, or unset them"
)

_HOST = re.compile(r"[\w.:%-]+")


def environment_proxies(encoding: str) -> HttpProxyMiddleware:
    """Scrapy's own reading of the environment, plus ALL_PROXY, which Scrapy ignores; `encoding` is that of names and passwords.

    Raises ConfigurationError.
    """
    try:
        named = HttpProxyMiddleware(encoding)
    except ValueError:
        raise ConfigurationError(UNUSABLE) from None
    if "all" in named.proxies:
        credentials, proxy = named.proxies["all"]
        for scheme in HTTP:
            # A proxy given without a scheme has that of the variable, `all`.
            named.proxies.setdefault(scheme, (credentials, proxy.replace("all://", "http://")))
    return named


def proxy_of(request: Request) -> str | None:
    """The proxy of a request, without its password. Raises ConfigurationError for one that is not supported."""
    if not (given := request.meta.get("proxy")):
        return None
    proxy = add_http_if_no_scheme(given)
    if not _is_usable(proxy):
        raise ConfigurationError(UNUSABLE)
    return str(proxy)


def _is_usable(proxy: str) -> bool:
    try:
        address = urlsplit(proxy)
        port = address.port
    except ValueError:
        return False
    return address.scheme in (*HTTP, *SOCKS) and port != 0 and bool(_HOST.fullmatch(address.hostname or ""))


def is_socks(proxy: str | None) -> bool:
    return proxy is not None and urlsplit(proxy).scheme in SOCKS


def socks_connector(proxy: str, authorization: str | None, context: ssl.SSLContext) -> ProxyConnector:
    """Connections through a SOCKS proxy. `authorization` is what an HTTP proxy would be sent: `Basic` and the name and password."""
    # Imported only here: few runs use such a proxy, and all others would wait for the import.
    from aiohttp_socks import ProxyConnector, ProxyType

    address = urlsplit(proxy)
    user, _, password = base64.b64decode((authorization or "").partition(" ")[2]).decode("latin-1").partition(":")
    return ProxyConnector(
        address.hostname or "",
        address.port or SOCKS_PORT,
        ProxyType.SOCKS4 if address.scheme.startswith("socks4") else ProxyType.SOCKS5,
        username=user or None,
        password=password or None,
        rdns=SOCKS[address.scheme],
        ssl=context,
        limit=0,
    )


def socks_failures() -> tuple[type[Exception], ...]:
    """What aiohttp-socks raises; empty as long as it is not imported."""
    if "aiohttp_socks" not in sys.modules:
        return ()
    from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

    return ProxyConnectionError, ProxyError, ProxyTimeoutError
