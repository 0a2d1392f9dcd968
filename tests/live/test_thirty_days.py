"""Days and days of `pixivcrawl sync` while pixiv changes: exactly the history that there was, for little more than it takes."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from tests.live.running import rows, stored_files
from tests.live.syncing import DAY, HOUR, START, sync
from tests.sandbox.serving import Sandbox, World

QUIET = 2
"""Days without a change at the end, beyond those in which everything is compared once more."""

WORDS = ("harbour", "猫", "海", "rain")

READER = 901


@dataclass
class Life:
    """A pixiv that changes every day by the same dice. `ever` is every file that any work ever had, by its name in an archive."""

    world: World
    artists: list[int]
    dice: random.Random
    ever: dict[str, str] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    removed: set[int] = field(default_factory=set)
    revised: set[int] = field(default_factory=set)
    retitled: dict[int, str] = field(default_factory=dict)
    names: set[tuple[int, str]] = field(default_factory=set)
    unkept: set[int] = field(default_factory=set)
    added: list[int] = field(default_factory=list)

    def day(self, number: int) -> None:
        """What happens before the syncs of a day; nothing happens to a work twice, nor on its first day."""
        world, shelf = self.world, self.world.shelf(READER)
        settled = [work.id for work in world.works() if work.id not in self.touched]
        kept = [bookmark for bookmark in shelf.bookmarks if bookmark.work_id not in self.removed]
        for _ in range(self.dice.randint(1, 5)):
            work = world.add_work(self.dice.choice(self.artists))
            self.added.append(work.id)
            if self.dice.random() < 0.5:
                shelf.bookmark(work.id, private=False, tags=["new"], comment="")
        lost, changed, renamed_work = self.dice.sample(settled, 3)
        self.touched |= {lost, changed, renamed_work}
        world.remove(lost)
        self.removed.add(lost)
        world.revise(changed)
        self.revised.add(changed)
        self.retitled[renamed_work] = world.work(renamed_work).title
        world.retitle(renamed_work, f"another title, of day {number}")
        world.rename(self.dice.choice(self.artists), f"another name, of day {number}")
        unkept = self.dice.choice([bookmark for bookmark in kept if bookmark.work_id != lost])
        shelf.bookmarks = [bookmark for bookmark in shelf.bookmarks if bookmark is not unkept]
        self.unkept.add(unkept.work_id)
        if number == 2:
            shelf.follows.remove(self.artists[-1])
        if number == 5:
            shelf.follows.insert(0, self.artists[-1])
        self.look()

    def look(self) -> None:
        """What there is now is a part of the history."""
        for number in self.artists:
            self.ever |= {
                name: what
                for name, what in self.world.expected.user(number, session=True).files.items()
                if isinstance(what, str)
            }
            artist = self.world.artist(number)
            assert artist is not None
            self.names.add((number, artist.name))


def life(artists: int) -> Life:
    world = World.of(artists=artists, works=3, size=(32, 24))
    # One whose artist is not followed.
    world.shelf(READER).follows.remove(11)
    one = Life(world, list(range(11, 11 + artists)), random.Random(7))
    one.look()
    return one


def subscriptions(one: Life, words: tuple[str, ...], refresh: int) -> str:
    """Each artist but the last three by their address, these through whom the reader follows; bookmarks; searches."""
    entries = [
        f"name = 'artist {number}'\nurl = 'https://www.pixiv.net/users/{number}'\nevery = '{('12h', '1d')[number % 2]}'"
        for number in one.artists[:-3]
    ]
    entries.append("name = 'following'\nfrom = 'following'\nevery = '12h'")
    entries.append("name = 'bookmarks'\nspider = 'bookmarks'\nid = 'me'\nevery = '1d'")
    entries += [f"name = '{word}'\nurl = 'https://www.pixiv.net/tags/{word}/artworks'\nevery = '1d'" for word in words]
    return "\n".join(f"[[subscription]]\n{entry}\nrefresh = '{refresh}d'\n" for entry in entries)


def live_through(one: Life, days: int, refresh: int, sync_at: Callable[[datetime], None]) -> None:
    """Two syncs a day, and then one on each of the quiet days."""
    sync_at(START)
    for number in range(1, days + 1):
        one.day(number)
        for hours in (1, 13):
            sync_at(START + number * DAY + hours * HOUR)
    for number in range(days + 1, days + 1 + refresh + QUIET):
        sync_at(START + number * DAY + HOUR)


def assert_history(one: Life, archive: Path) -> None:
    """The archive holds every file that there ever was, and the ledger what became of each work, name, bookmark and follow."""
    assert stored_files(archive) == one.ever
    gone = rows(archive, "SELECT id FROM artworks WHERE availability = 'gone'")
    assert {work_id for (work_id,) in gone} == one.removed
    assert rows(archive, "SELECT id FROM artworks WHERE availability NOT IN ('available', 'gone')") == []
    assert rows(archive, "SELECT count(*) FROM files WHERE state != 'stored'") == [(0,)]
    for work_id, before in one.retitled.items():
        now = one.world.work(work_id)
        assert now is not None
        assert rows(archive, f"SELECT title FROM artworks WHERE id = {work_id}") == [(now.title,)]
        former = f"SELECT value FROM artwork_versions WHERE artwork_id = {work_id} AND field = 'title'"
        assert rows(archive, former) == [(f'"{before}"',)]
    borne = set(rows(archive, "SELECT user_id, name FROM user_names"))
    assert {(number, name) for number, name in one.names if number != 11} <= borne
    unlisted = rows(archive, "SELECT artwork_id FROM bookmarks WHERE unlisted IS NOT NULL")
    assert {work_id for (work_id,) in unlisted} == one.unkept
    listed = rows(archive, "SELECT artwork_id FROM bookmarks WHERE unlisted IS NULL")
    assert {work_id for (work_id,) in listed} == {kept.work_id for kept in one.world.shelf(READER).bookmarks}
    followed = rows(archive, "SELECT followed_id FROM follows WHERE unlisted IS NULL")
    assert {artist for (artist,) in followed} == set(one.world.shelf(READER).follows)


def requests_needed(one: Life, days: int, refresh: int, words: int) -> int:
    """What the lists that are due, the comparisons that are due and the new works take, if no request is asked in vain."""
    syncs, lived = 1 + 2 * days + refresh + QUIET, days + refresh + QUIET
    # Each sync: the session, those followed in public and in private (which is empty, and looked at twice), the feed.
    lists = 5 * syncs + (1 + words) * (1 + lived)
    # The one who is not followed is in no feed; the others are asked for when they have something new.
    lists += 1 + lived + len(one.added)
    whole = math.floor((lived - refresh / 2) / refresh) + 1
    works = len(one.world.works())
    comparisons = whole * (3 * len(one.artists) + math.ceil(works / 100) + words * math.ceil(works / 60))
    first = 2 * len(one.artists)
    return lists + comparisons + first + works + len(one.revised) + len(one.removed)


def assert_frugal(one: Life, sandbox: Sandbox, days: int, refresh: int, words: int) -> None:
    asked = [logged for logged in sandbox.log if logged.kind == "api"]
    needed = requests_needed(one, days, refresh, words)
    kinds = Counter("/".join("N" if part.isdecimal() else part for part in logged.path.split("/")) for logged in asked)
    print(f"{len(asked)} API requests, {needed} needed: {kinds.most_common()}")
    assert len(asked) <= 1.2 * needed


def in_this_process(one: Life, sandbox: Sandbox, archive: Path) -> Callable[[datetime], None]:
    def sync_at(moment: datetime) -> None:
        synced = sync(sandbox, archive, moment)
        assert synced.exit_code == 0, synced.said

    return sync_at


@pytest.mark.long
def test_a_few_days(tmp_path: Path) -> None:
    one = life(artists=5)
    with Sandbox(one.world) as sandbox:
        (tmp_path / "subscriptions.toml").write_text(subscriptions(one, (), refresh=1))
        live_through(one, 1, 1, in_this_process(one, sandbox, tmp_path))
        assert_history(one, tmp_path)
        assert_frugal(one, sandbox, 1, 1, 0)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
def test_thirty_days_of_fifty_subscriptions(tmp_path: Path) -> None:
    one = life(artists=47)
    text = subscriptions(one, WORDS, refresh=7)
    assert text.count("[[subscription]]") == 50
    with Sandbox(one.world) as sandbox:
        (tmp_path / "subscriptions.toml").write_text(text)
        live_through(one, 30, 7, in_this_process(one, sandbox, tmp_path))
        assert_history(one, tmp_path)
        assert_frugal(one, sandbox, 30, 7, len(WORDS))
