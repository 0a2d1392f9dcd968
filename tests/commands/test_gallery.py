"""`pixivcrawl gallery` as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.gallery.making import NORMAL, R18, archive_at
from tests.live.running import PROJECT, environment, pixivcrawl

ADDRESS = re.compile(r"http://\S+")


def asked(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def test_it_serves_an_archive_until_it_is_told_to_end(tmp_path: Path) -> None:
    archive = archive_at(tmp_path / "archive")
    (archive / "filters.toml").write_text('[default]\nshow = "safe"\n[filter.safe]\nrating = "safe"\n')
    env = environment(None, archive) | {"PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "pixivcrawl", "gallery", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        found = ADDRESS.search(served.stdout.readline())
        assert found is not None
        while f'href="/works/{NORMAL}"' not in (page := asked(found[0]).decode()):
            assert served.poll() is None
        assert "夏空と猫" in page
        assert f'href="/works/{R18}"' not in page
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=30)
    assert (served.returncode, errors) == (0, "")


@pytest.mark.long
def test_bad_input_is_one_line(tmp_path: Path) -> None:
    ended = pixivcrawl("gallery", env=environment(None, tmp_path / "nothing"))
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "no ledger" in ended.stderr
    archive = archive_at(tmp_path / "archive")
    (archive / "filters.toml").write_text("[filter.safe]\nrating = 7\n")
    ended = pixivcrawl("gallery", env=environment(None, archive))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "filters.toml" in ended.stderr
