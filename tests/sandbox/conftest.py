"""A browser of sorts, and sandboxes to point it at."""

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sandbox.serving import Sandbox, World


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """Asks a sandbox as a browser would, over connections that stay open."""

    sandbox: Sandbox
    connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def get(
        self,
        address: str,
        cookie: str | None = None,
        method: str = "GET",
        body: bytes | None = None,
        **headers: str | None,
    ) -> Reply:
        """`address` is a URL, or a path at the API origin. A header given as None is not sent; _ stands for - in its name."""
        url = urlsplit(address if "://" in address else self.sandbox.base_url + address)
        sent = {"user-agent": "Mozilla/5.0", "referer": "https://www.pixiv.net/"}
        sent |= {"cookie": f"PHPSESSID={cookie}"} if cookie else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = self.connections.get(url.netloc) or self._connect(url.scheme, url.netloc)
        target = url.path + (f"?{url.query}" if url.query else "")
        try:
            connection.request(method, target, body, {name: value for name, value in sent.items() if value is not None})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        except (http.client.HTTPException, OSError):
            connection.close()
            raise

    def body(self, path: str, cookie: str | None = None) -> Any:
        """The body of an answer that must be right."""
        reply = self.get(path, cookie)
        assert reply.status == 200, reply.body
        assert reply.json["error"] is False
        return reply.json["body"]

    def post(self, path: str, document: Any, cookie: str | None = None, **headers: str | None) -> Reply:
        raw = json.dumps(document).encode()
        return self.get(path, cookie, "POST", raw, **({"content_type": "application/json"} | headers))

    def close(self) -> None:
        for connection in self.connections.values():
            connection.close()

    def _connect(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(self.sandbox.ca_file))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(netloc, timeout=20, context=context)
        else:
            connection = http.client.HTTPConnection(netloc, timeout=20)
        self.connections[netloc] = connection
        return connection


@pytest.fixture(scope="session")
def shared() -> Iterator[Browser]:
    """The standard world without TLS, for tests that change nothing."""
    with Sandbox(World.standard()) as sandbox:
        browser = Browser(sandbox)
        yield browser
        browser.close()


@pytest.fixture
def own() -> Iterator[Browser]:
    """A standard world of the test's own, to change and to break."""
    with Sandbox(World.standard()) as sandbox:
        browser = Browser(sandbox)
        yield browser
        browser.close()


@pytest.fixture
def browse() -> Iterator[Callable[[Sandbox], Browser]]:
    """Makes a browser for a sandbox that a test starts itself."""
    browsers: list[Browser] = []

    def make(sandbox: Sandbox) -> Browser:
        browsers.append(Browser(sandbox))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.close()
