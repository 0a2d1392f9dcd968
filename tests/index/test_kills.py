"""An index whose making is killed anywhere goes on where it was, and ends as one that nobody disturbed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pixivcrawl.items import Facts, Tag
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from tests.index.making import contents, follow
from tests.ledger.making import NOW, an_artwork, sqlite_url

FOLLOW = """
import sys
from pathlib import Path
from threading import Event
from pixivcrawl.index import updating
from pixivcrawl.ledger.service import Ledger
updating.WORKS_A_STEP = 10
ledger = Ledger.open(sys.argv[1], read_only=True)
print("ready", flush=True)
updating.follow(ledger, Path(sys.argv[2]), stop=Event())
"""


MOST_KILLS = 8


@pytest.mark.long
def test_killed_anywhere_it_goes_on(tmp_path: Path):
    url = sqlite_url(tmp_path)
    ledger = Ledger.open(url)
    works = [an_artwork(number, title=f"猫 {number}", tags=(Tag(f"tag {number % 9}"),)) for number in range(1, 1_001)]
    for start in range(0, len(works), 100):
        ledger.write_now(updates.record_facts, Facts(artworks=tuple(works[start : start + 100])), NOW)
    follow(ledger, tmp_path / "undisturbed")
    dice, kills = random.Random(5), 0
    while kills < MOST_KILLS:
        child = subprocess.Popen([sys.executable, "-c", FOLLOW, url, str(tmp_path / "killed")], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(dice.uniform(0, 0.15))
        child.kill()
        child.stdout.close()
        if child.wait() == 0:
            break
        kills += 1
        # What changes between two of them is followed too.
        ledger.write_now(updates.record_facts, Facts(artworks=(an_artwork(kills, title=f"犬 {kills}"),)), NOW)
    follow(ledger, tmp_path / "undisturbed")
    follow(ledger, tmp_path / "killed")
    assert kills > 1
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")
    ledger.close()
