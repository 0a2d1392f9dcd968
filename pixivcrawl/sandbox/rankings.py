"""Ranking lists: which works stood where on which day."""

from __future__ import annotations

from collections.abc import Sequence

from pixivcrawl.sandbox.works import MANGA, UGOIRA, Work

Rankings = dict[tuple[str, str], tuple[int, ...]]
"""(mode, date as yyyymmdd) -> work ids, best first."""

DAYS = ("20230110", "20230111", "20230112", "20230113")
ENTRIES = 120
CONTENT_KINDS = {"illust": 0, "manga": MANGA, "ugoira": UGOIRA}


def rank_daily(works: Sequence[Work]) -> Rankings:
    """Daily lists of 120 works for four days, a weekly one, and those of AI, R-18 and R-18G works; each day's order is
    another one's, turned."""
    by_time = sorted(works, key=lambda work: work.id)
    safe = [work.id for work in by_time if work.x_restrict == 0 and work.restrict == 0]
    adult = [work.id for work in by_time if work.x_restrict == 1]
    rankings: Rankings = {}
    for place, day in enumerate(DAYS):
        turn = 7 * place
        rankings["daily", day] = tuple((safe[turn:] + safe[:turn])[:ENTRIES])
    rankings["weekly", DAYS[-1]] = tuple(reversed(safe[:ENTRIES]))
    rankings["daily_r18", DAYS[-1]] = tuple(adult)
    rankings["r18g", DAYS[-1]] = tuple(work.id for work in by_time if work.x_restrict == 2)
    of_ai = {work.id for work in by_time if work.ai_type == 2}
    rankings["daily_ai", DAYS[-1]] = tuple(work_id for work_id in safe if work_id in of_ai)
    rankings["daily_r18_ai", DAYS[-1]] = tuple(adult[:2])
    return rankings


def days_of(rankings: Rankings, mode: str) -> list[str]:
    """The days that have a list of `mode`, oldest first."""
    return sorted(day for listed, day in rankings if listed == mode)


def is_content(work: Work, content: str) -> bool:
    """Whether `work` belongs to a ranking's content: any other word takes every kind."""
    return content not in CONTENT_KINDS or work.kind == CONTENT_KINDS[content]
