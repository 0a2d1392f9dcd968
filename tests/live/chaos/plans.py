"""Everything that a trial does, drawn from one seed: the world, the spider, when it is killed, and what the server does wrong."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from _pytest.mark import ParameterSet

from tests.sandbox.faults import API_KINDS, IMAGE_KINDS

SPIDERS: dict[str, tuple[str, ...]] = {
    "user": ("crawl", "user", "-a", "id=11,12", "-a", "ugoira=frames"),
    "bookmarks": ("crawl", "bookmarks", "-a", "id=me", "-a", "rest=both"),
    "search": ("crawl", "search", "-a", "word=chaos"),
}

WORLDS = 6
"""How many worlds there are, numbered from 0; the last one has lists of several pages."""

LEAST_KILLS, MOST_KILLS = 3, 5

ONCE_A_RUN = (
    "pixivcrawl.ledger.updates:begin_crawl:before",
    "pixivcrawl.ledger.updates:begin_crawl:after",
    "pixivcrawl.ledger.updates:end_crawl:before",
    "pixivcrawl.ledger.updates:end_crawl:after",
)
PLACES = (
    "pixivcrawl.ledger.updates:record_answer:before",
    "pixivcrawl.ledger.updates:record_answer:after",
    "pixivcrawl.ledger.journal:_append:before",
    "pixivcrawl.ledger.journal:_append:halfway",
    "pixivcrawl.ledger.journal:Journal.append:after",
    "pixivcrawl.ledger.writer:Writer._commit:after",
    "pixivcrawl.ledger.updates:record_facts:before",
    "pixivcrawl.ledger.updates:record_facts:after",
    "pixivcrawl.ledger.updates:record_listing:before",
    "pixivcrawl.ledger.updates:record_listing:after",
    "pixivcrawl.archive.staging:Receiver.write:after",
    "pixivcrawl.archive.staging:Receiver.finish:before",
    "pixivcrawl.archive.staging:Receiver.finish:after",
    "pixivcrawl.archive.workers:Workers.prove:before",
    "pixivcrawl.archive.workers:Workers.prove:after",
    "pixivcrawl.ledger.updates:record_intent:before",
    "pixivcrawl.ledger.updates:record_intent:after",
    "pixivcrawl.archive.stores.folder:FolderStore._put:before",
    "os:link:before",
    "os:link:after",
    "pixivcrawl.archive.stores.placing:sync:before",
    "pixivcrawl.archive.stores.placing:sync:after",
    "pixivcrawl.archive.stores.folder:FolderStore._put:after",
    "pixivcrawl.ledger.updates:record_stored:before",
    "pixivcrawl.ledger.updates:record_stored:after",
    "os:fsync:before",
    "os:fsync:after",
)
"""Where a run may be killed, as injections.py has it without the number: every step of a list's, an answer's and a file's way."""

IMAGE_FAULTS = (*IMAGE_KINDS, "status:403", "status:404", "status:429", "status:500", "status:503")
REFUSALS = ("login", "status:403", "html")
"""How pixiv refuses an account, to every question from some moment on: 401, 403, and 403 with a page."""
API_FAULTS = (
    *(kind for kind in API_KINDS if kind != "login"),
    "status:429",
    "status:500",
    "status:502",
    "status:503",
)


@dataclass(frozen=True)
class Kill:
    """When a run is killed: `wait` seconds after so many of its requests have come to the server, or at an exact `place`."""

    after: int = 0
    wait: float = 0.0
    place: str = ""


@dataclass(frozen=True)
class Wrongs:
    """What the server does wrong: a share of all requests to each host gets one of these faults."""

    seed: int
    share: float
    image: tuple[str, ...] = ()
    api: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A trial. `wrongs` hold until the killed runs and one more have ended; `fresh` starts each run from nothing."""

    seed: int
    world: int
    spider: str
    kills: tuple[Kill, ...]
    wrongs: Wrongs | None = None
    fresh: bool = False


def seeds(usual: Sequence[int]) -> Sequence[int]:
    """The seed that the environment names in CHAOS_SEED, or the usual ones."""
    return [int(os.environ["CHAOS_SEED"])] if "CHAOS_SEED" in os.environ else usual


def campaign(usual: Sequence[int]) -> list[ParameterSet]:
    """The seeds of a campaign, of which the long tests run the first tenth."""
    tenth = len(usual) // 10
    return [
        pytest.param(seed, marks=pytest.mark.long if number < tenth else pytest.mark.campaign)
        for number, seed in enumerate(seeds(usual))
    ]


def world_and_spider(seed: int) -> tuple[int, str]:
    """Every spider in turn, on every world in turn."""
    return seed // len(SPIDERS) % WORLDS, list(SPIDERS)[seed % len(SPIDERS)]


def kills(seed: int, requests: int) -> tuple[Kill, ...]:
    """Kills of a run that takes so many requests, spread over all of it: at random moments and at exact places."""
    chance = random.Random(f"kills {seed}")
    moments = sorted(chance.randrange(requests) for _ in range(chance.randint(LEAST_KILLS, MOST_KILLS)))
    steps = [later - earlier for earlier, later in zip([0, *moments], moments, strict=False)]
    return tuple(_kill(chance, max(1, step)) for step in steps)


def one_more_kill(seed: int, number: int) -> Kill:
    """For a plan whose runs came to their end before they were killed."""
    return Kill(after=1, wait=random.Random(f"one more {seed} {number}").uniform(0, 0.05))


def _kill(chance: random.Random, step: int) -> Kill:
    how = chance.random()
    if how < 0.1:
        return Kill(wait=chance.uniform(0, 1))
    if how < 0.6:
        return Kill(step, wait=min(0.3, chance.expovariate(1 / 0.03)))
    if how < 0.65:
        return Kill(place=f"{chance.choice(ONCE_A_RUN)}:1")
    return Kill(place=f"{chance.choice(PLACES)}:{chance.randint(1, max(1, step // 3))}")
