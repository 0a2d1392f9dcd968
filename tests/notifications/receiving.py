"""A service that takes notices: a real HTTP server on loopback, which can also refuse them, or never answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`taken` are the notices that came, in their order; what is asked of `/refuse` is answered with 403, of `/hang` never."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.ended = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path.startswith("/hang"):
                    receiver.ended.wait(300)
                    return
                if self.path.startswith("/take"):
                    receiver.taken.append(notice)
                self.send_response(403 if self.path.startswith("/refuse") else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    def url(self, path: str = "take") -> str:
        """The service's URL, with a password and a token in it; it hangs for longer than any test."""
        return f"json://me:the-password@127.0.0.1:{self.server.server_port}/{path}/the-token?rto=300"

    @property
    def titles(self) -> list[str]:
        return [notice["title"] for notice in self.taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    serving = threading.Thread(target=receiver.server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield receiver
    finally:
        receiver.ended.set()
        receiver.server.shutdown()
        serving.join()
        receiver.server.server_close()


SECRETS = ("the-password", "the-token")
