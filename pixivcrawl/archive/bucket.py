"""The address of an object store: `s3://BUCKET/PREFIX`, with `?endpoint=URL` for one that is not Amazon's."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/|$))*")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?/?|https?://\[[0-9a-f:]+\](?::[0-9]{1,5})?/?")


class Bucket(NamedTuple):
    """Where in which object store; without an endpoint it is Amazon's, or the one that boto3's own settings name."""

    name: str
    prefix: str
    endpoint: str | None

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}" + (f" at {self.endpoint}" if self.endpoint else "")

    def key(self, path: str) -> str:
        return f"{self.prefix}/{path}" if self.prefix else path


def read_bucket(address: str) -> Bucket:
    """Raises ValueError, without the address, which may wrongly hold a password."""
    parts = urlsplit(address)
    asked = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    endpoint = asked.pop("endpoint", [None])
    prefix = parts.path.strip("/")
    if (
        parts.scheme != "s3"
        or not _NAME.fullmatch(parts.netloc)
        or not _PREFIX.fullmatch(prefix)
        or parts.fragment
        or asked
        or len(endpoint) != 1
        or (endpoint[0] is not None and not _ENDPOINT.fullmatch(endpoint[0]))
    ):
        raise ValueError(
            "write s3://BUCKET/PREFIX, with ?endpoint=http(s)://HOST:PORT for a store that is not Amazon's; "
            "keys stand in the environment (AWS_ACCESS_KEY_ID) or in ~/.aws, never here"
        )
    return Bucket(parts.netloc, prefix, endpoint[0].rstrip("/") if endpoint[0] else None)
