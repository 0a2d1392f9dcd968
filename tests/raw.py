"""A server that says exactly what a test tells it to, byte for byte, on a real socket."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

Answering = Callable[[BinaryIO, str], None]
"""Gets the connection to write to and the head of the request; what it returns ends the connection."""


@dataclass
class Raw:
    """`host` is host:port; `heads` holds the head of each request so far, as it came."""

    host: str
    heads: list[str] = field(default_factory=list)


@contextmanager
def raw_server(answer: Answering, tls: ssl.SSLContext | None = None) -> Iterator[Raw]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines = []
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                lines.append(line.decode("latin-1"))
            if not lines:
                return
            raw.heads.append("".join(lines))
            # A client that has had enough goes away, as some tests want it to.
            with suppress(ConnectionError):
                answer(cast("BinaryIO", self.wfile), raw.heads[-1])

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            if tls is not None:
                # The handshake is for the connection's own thread.
                connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            return connection, address

    with Server(("127.0.0.1", 0), Handler) as server:
        raw = Raw(f"127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield raw
        finally:
            server.shutdown()
            thread.join()


def answers(head: str, body: bytes = b"") -> Answering:
    """The same answer to everyone, once a connection: a status line with headers, a line each, and a body."""
    lines = [*head.strip().splitlines(), "Connection: close"] if head else []

    def answer(connection: BinaryIO, _: str) -> None:
        connection.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return answer
