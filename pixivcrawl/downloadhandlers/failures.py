"""What went wrong on the way, in one line: the host and the reason, never a URL, a header or a proxy's password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.downloadhandlers.proxies import socks_failures


@contextmanager
def failures_of(host: str) -> Iterator[None]:
    """Turn aiohttp's errors into DownloadFailedError, with its plain message."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise DownloadFailedError(f"{host}: {_reason(error, host)}") from None
    except socks_failures() as error:
        raise DownloadFailedError(f"{host}: the SOCKS proxy brings no connection ({type(error).__name__})") from None


def _reason(error: Exception, host: str) -> str:
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answered {error.status}"
        case aiohttp.ClientProxyConnectionError():
            return f"the proxy cannot be reached ({_system_reason(error)})"
        case aiohttp.ClientConnectorDNSError() if error.host not in host:
            return "no such host as the proxy, or no network"
        case aiohttp.ClientConnectorDNSError():
            return "no such host, or no network"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not believed ({_certificate_reason(error)})"
        case aiohttp.ClientConnectorError():
            return f"no connection ({_system_reason(error)})"
        case aiohttp.ClientResponseError():
            return "its answer cannot be read as HTTP"
        case TimeoutError():
            return "no sign of life in time"
        case _:
            return f"the connection broke ({type(error).__name__})"


def _system_reason(error: aiohttp.ClientConnectorError) -> str:
    return error.os_error.strerror or type(error.os_error).__name__


def _certificate_reason(error: aiohttp.ClientConnectorCertificateError) -> str:
    return getattr(error.certificate_error, "verify_message", "") or type(error.certificate_error).__name__
