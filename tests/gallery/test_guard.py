"""Who is answered, and what every answer says to the browser."""

from __future__ import annotations

import pytest

from tests.gallery.conftest import Visitor


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8490", "localhost", "localhost:1", "127.0.0.1.evil.example:8490", ""]
)
def test_a_foreign_host_is_refused(gallery: Visitor, host: str) -> None:
    assert gallery.get("/", Host=host).status in (400, 403)
