"""`verify` of originals in an object store: what it says of each file, and the bytes of those that are to be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live.running import complaints, environment, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import SeaweedFS

pytestmark = pytest.mark.long


def found_by(env: dict[str, str], *options: str) -> tuple[int, dict[str, str], str]:
    """The exit code, the kind of finding of each path, and what is said beside them."""
    run = scrapy("verify", "--json", *options, env=env)
    lines: list[dict[str, Any]] = [json.loads(line) for line in run.stdout.splitlines()]
    return run.returncode, {line["path"]: line["kind"] for line in lines}, run.stderr


def test_what_is_wrong_in_a_store_is_found_and_what_is_not_there_is_said_by_the_store_alone(
    tmp_path: Path, s3: SeaweedFS, address: str
):
    with Sandbox(World.of(artists=1, works=12, page_counts=(1, 2), ugoira=20, size=(48, 36))) as sandbox:
        env = environment(sandbox, tmp_path, PIXIVCRAWL_ORIGINALS_STORE=address)
        assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
    pictures = sorted(path for path in s3.held(address) if path.endswith((".jpg", ".png")))
    files = len([path for path in s3.held(address) if path.startswith(("originals/", "users/"))])
    for options in ((), ("--sample", "100%"), ("--deep",)):
        code, findings, said = found_by(env, *options)
        assert (code, findings) == (0, {}), options
        assert f"{files} files" in said
        assert ("0.0 kB read" in said) == (not options), said

    gone, other, longer = pictures[:3]
    stray = gone.replace(gone.rpartition("/")[2].partition("_")[0], "999")
    prefix = address.removeprefix("s3://archive/").partition("?")[0]
    bodies = s3.held(address)
    for path, body in (
        (gone, None),
        (other, bytes(len(bodies[other]))),
        (longer, bodies[longer] + b"x"),
        ("originals/notes.txt", b"mine"),
        (stray, b"nobody's"),
    ):
        key = f"{prefix}/{path}"
        s3.client().delete_object(Bucket="archive", Key=key)
        if body is not None:
            s3.client().put_object(Bucket="archive", Key=key, Body=body)
    wrong = {gone: "missing", other: "changed", longer: "changed", "originals/notes.txt": "extra", stray: "unknown"}
    # The store keeps no SHA-256 of what somebody put there without one: these bytes are read in any case.
    for options in ((), ("--sample", "100%"), ("--deep",)):
        code, findings, _ = found_by(env, *options)
        assert (code, findings) == (1, wrong), options

    away = scrapy(
        "verify", env=env | {"PIXIVCRAWL_ORIGINALS_STORE": f"s3://archive/{prefix}?endpoint=http://127.0.0.1:1"}
    )
    assert (away.returncode, away.stdout.count("missing")) == (5, 0)
    assert "does not answer" in complaints(away.stderr)
