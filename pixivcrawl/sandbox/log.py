"""Every request that a sandbox answered, for tests to read."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

HostKind = Literal["api", "image", "portrait"]


@dataclass(frozen=True, slots=True)
class Logged:
    """One request. `time` is time.time() at its arrival; `host` is its Host header; `path` is decoded; `query` is the
    raw query string; the names in `headers` are in lower case; `bytes_sent` counts the body alone."""

    time: float
    kind: HostKind
    host: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int
    bytes_sent: int

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The query, decoded."""
        return parse_qs(self.query, keep_blank_values=True)


class RequestLog:
    """Written by the server's thread, read by any."""

    def __init__(self, file: Path | None) -> None:
        self._entries: list[Logged] = []
        self._lock = threading.Lock()
        self._file = file
        if file is not None:
            file.touch(mode=0o600)

    def begin(self, entry: Logged) -> int:
        """Puts a request on record before its answer leaves, so that a test that got the answer finds it; returns its
        place."""
        with self._lock:
            self._entries.append(entry)
            return len(self._entries) - 1

    def finish(self, place: int, bytes_sent: int) -> None:
        """Sets what was really sent, and writes the line."""
        with self._lock:
            entry = self._entries[place] = replace(self._entries[place], bytes_sent=bytes_sent)
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")

    def entries(self, kind: HostKind | None = None) -> list[Logged]:
        with self._lock:
            return [entry for entry in self._entries if kind is None or entry.kind == kind]
