"""The experiments: what is done to an archive, and what must be true of it afterwards.

Each ends with an AssertionError that names the seed, the command that repeats it, what each run did, and what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.live.chaos import plans, verdicts
from tests.live.chaos.plans import Kill, Plan, Wrongs
from tests.live.chaos.trials import ALL_DUE, Laboratory, Trial

STRICT_IMAGES = True
"""Whether a body that lay whole in staging at a kill must not be fetched again."""

STRICT_API = True
"""Whether a kill may cost no more API requests than the one that travels and a page of the list.

Without a pace, answers come faster than they are recorded: several works are then begun, and asked for again.
"""

FRESH = 10
"""One trial in so many starts each of its runs from nothing."""

SHARE = 0.1
"""The share of requests that get a fault."""


def killed_at_random(laboratory: Laboratory, seed: int) -> None:
    """Three to five kills, then a run to the end: the archive of an undisturbed run, and nothing fetched or asked twice."""
    world, spider = plans.world_and_spider(seed)
    reference = laboratory.reference(world, spider)
    kills = plans.kills(seed, reference.api + reference.images)
    trial = laboratory.killed(Plan(seed, world, spider, kills, fresh=seed % FRESH == FRESH - 1))
    laboratory.live(trial)
    judge(
        trial,
        verdicts.killed_enough(trial, plans.LEAST_KILLS),
        verdicts.whole(trial, reference),
        verdicts.sound(trial),
        verdicts.fetched_once(trial, strict=STRICT_IMAGES),
        verdicts.asked_once(trial),
        verdicts.asked_little(trial, reference) if STRICT_API else (),
    )


def killed_at(laboratory: Laboratory, places: Sequence[str], spider: str, image_fault: str | None = None) -> None:
    """Killed at each place in turn, at its first call in a run; the server does right again before the last run."""
    reference = laboratory.reference(0, spider)
    wrongs = Wrongs(1, 1.0, image=(image_fault,)) if image_fault else None
    trial = laboratory.killed(Plan(0, 0, spider, tuple(Kill(place=f"{place}:1") for place in places), wrongs))
    trial.wrong.stop()
    laboratory.live(trial, ahead=ALL_DUE if wrongs else 0)
    judge(
        trial,
        verdicts.killed_enough(trial, len(places)),
        verdicts.whole(trial, reference),
        verdicts.sound(trial),
        verdicts.fetched_once(trial, strict=STRICT_IMAGES),
        () if wrongs else verdicts.asked_once(trial),
    )


def wronged_and_killed(laboratory: Laboratory, seed: int, image: Sequence[str], api: Sequence[str]) -> None:
    """A tenth of all requests goes wrong, and runs are killed: what is missing then is parked with the true reason.

    When the server does right again, and all that failed is due, one run brings the archive of an undisturbed one.
    """
    world, spider = plans.world_and_spider(seed)
    reference = laboratory.reference(world, spider)
    wrongs = Wrongs(seed, SHARE, tuple(image), tuple(api))
    kills = plans.kills(seed, reference.api + reference.images)
    trial = laboratory.killed(Plan(seed, world, spider, kills, wrongs))
    laboratory.live(trial)
    complaints = [*verdicts.parked(trial, laboratory.status(trial), reference)]
    trial.wrong.stop()
    laboratory.live(trial, ahead=ALL_DUE)
    judge(
        trial,
        complaints,
        verdicts.killed_enough(trial, plans.LEAST_KILLS),
        verdicts.whole(trial, reference),
        verdicts.sound(trial),
        verdicts.fetched_once(trial, strict=STRICT_IMAGES),
    )


def refused_and_killed(laboratory: Laboratory, seed: int, kind: str) -> None:
    """Killed, and again and again refused in the middle: each time the run stops at once with exit code 4, and the next one goes on."""
    world, spider = plans.world_and_spider(seed)
    reference = laboratory.reference(world, spider)
    trial = laboratory.killed(Plan(seed, world, spider, plans.kills(seed, reference.api)[:2]))
    complaints: list[str] = []
    for after in (1, 3, 5):
        trial.wrong.refuse(kind, after)
        life = laboratory.live(trial)
        trial.wrong.stop()
        complaints += verdicts.refused_at_once(trial, life, strict=True)
    laboratory.live(trial)
    judge(
        trial,
        complaints,
        verdicts.whole(trial, reference),
        verdicts.sound(trial),
        verdicts.fetched_once(trial, strict=STRICT_IMAGES),
    )


def judge(trial: Trial, *complaints: Iterable[str]) -> None:
    found = [complaint for each in complaints for complaint in each]
    if found:
        raise AssertionError("\n".join([*_heading(trial), *found]))


def _heading(trial: Trial) -> list[str]:
    plan = trial.plan
    lines = [
        f"seed {plan.seed}: {plan.spider} in world {plan.world}; to repeat: CHAOS_SEED={plan.seed} python -m pytest -n 0 -m '' TEST",
        f"the archive: {trial.archive}",
    ]
    for number, life in enumerate(trial.lives):
        sent = sum(trial.life_of(logged) == number for logged in trial.log)
        lines.append(f"run {number}: {life.kill or 'to its end'}: {sent} requests, exit code {life.ending.exit_code}")
    return lines
