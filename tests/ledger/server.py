"""A PostgreSQL server that goes away and comes back, or stops answering: what stands between it and whoever asks."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import URL, make_url


class Line:
    """A port of this machine that leads to the server of `url`, and can be cut or held up."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._port = self._listening.getsockname()[1]
        self._takes_calls = True
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._flows.set()
        self.cut()
        self._listening.close()

    @property
    def url(self) -> str:
        through_it: URL = self._url.set(host="127.0.0.1", port=self._port, query={})
        return through_it.render_as_string(hide_password=False)

    def cut(self) -> None:
        """Every connection ends, whatever is on its way; nobody gets another one."""
        with self._lock:
            self._takes_calls = False
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._ends.clear()

    def mend(self) -> None:
        with self._lock:
            self._takes_calls = True

    def hold_up(self) -> None:
        """Nothing comes through any more, and nothing ends."""
        self._flows.clear()

    def let_go(self) -> None:
        self._flows.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with self._lock:
                    if not self._takes_calls:
                        client.close()
                        continue
                    server = self._server()
                    self._ends |= {client, server}
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _server(self) -> socket.socket:
        place = str(self._url.query.get("host") or self._url.host or "localhost")
        port = self._url.port or 5432
        if not place.startswith("/"):
            return socket.create_connection((place, port))
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{place}/.s.PGSQL.{port}")
        return connection

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                self._flows.wait()
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
