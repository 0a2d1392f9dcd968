"""ranking.php: outside /ajax, and without an envelope."""

from __future__ import annotations

from pixivcrawl.sandbox.bodies.rows import artist_name, portrait_url
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json
from pixivcrawl.sandbox.rankings import days_of, is_content
from pixivcrawl.sandbox.works import JAPAN, Work

PAGE_ENTRIES = 50
THEMES = (
    "lo",
    "grotesque",
    "violent",
    "homosexual",
    "drug",
    "thoughts",
    "antisocial",
    "religion",
    "original",
    "furry",
    "bl",
    "yuri",
)


def ranking(question: ApiRequest) -> ApiResponse:
    """One page of a ranking; without a date the newest. `next` is false on the last page; beyond it, and for a day
    without a list, 404."""
    mode = question.text("mode", "daily")
    content = question.text("content", question.world.ranking_echo)
    if "r18" in mode and not question.world.shows_adult_rankings(question.session):
        return _error(403, "You cannot see this ranking.")
    days = days_of(question.world.rankings, mode)
    day = question.text("date", days[-1] if days else "")
    if (mode, day) not in question.world.rankings:
        return _error(404, "There is no ranking for that day.")
    entries = _entries(question, mode, day, content)
    page = question.number("p", 1)
    start = (page - 1) * PAGE_ENTRIES
    if page < 1 or start >= len(entries):
        return _error(404, "ランキング集計の範囲外です")
    place = days.index(day)
    before = {work.id: rank for rank, work in _entries(question, mode, days[place - 1], content)} if place else {}
    return ApiResponse(
        {
            "contents": [
                _row(question, work, rank, before.get(work.id, 0))
                if question.session is not None or work.id not in question.world.login_only
                else _masked_row(question, work, rank)
                for rank, work in entries[start : start + PAGE_ENTRIES]
            ],
            "mode": mode,
            "content": content,
            "page": page,
            "prev": page - 1 if page > 1 else False,
            "next": page + 1 if start + PAGE_ENTRIES < len(entries) else False,
            "date": day,
            "prev_date": days[place - 1] if place else False,
            "next_date": days[place + 1] if place + 1 < len(days) else False,
            "rank_total": len(entries),
        }
    )


def _error(status: int, message: str) -> ApiResponse:
    return ApiResponse({"error": message}, status)


def _entries(question: ApiRequest, mode: str, day: str, content: str) -> list[tuple[int, Work]]:
    """Each content is a ranking of its own, counted from 1."""
    works = [
        work for work_id in question.world.rankings[mode, day] if (work := question.world.work(work_id)) is not None
    ]
    return list(enumerate((work for work in works if is_content(work, content)), 1))


def _row(question: ApiRequest, work: Work, rank: int, previous: int) -> Json:
    """Ids are integers here; the kind and the number of pages are strings."""
    return {
        "title": work.title,
        "date": work.created.astimezone(JAPAN).strftime("%Y年%m月%d日 %H:%M"),
        "tags": list(work.tags),
        "url": question.addresses.master(work, "c/240x480/"),
        "illust_type": str(work.kind),
        "illust_book_style": "0",
        "illust_page_count": str(len(work.pages)),
        "user_name": artist_name(question, work),
        "profile_img": portrait_url(question, work.artist_id, 50),
        "illust_content_type": {"sexual": 2 * (work.x_restrict > 0), **dict.fromkeys(THEMES, False)},
        "illust_series": _series(work),
        "illust_id": work.id,
        "width": work.first.width,
        "height": work.first.height,
        "user_id": work.artist_id,
        "rank": rank,
        "yes_rank": previous,
        "rating_count": work.like_count,
        "view_count": work.view_count,
        "illust_upload_timestamp": int(work.uploaded.timestamp()),
        "attr": "original" if "オリジナル" in work.tags else "",
    }


def _masked_row(question: ApiRequest, work: Work, rank: int) -> Json:
    """pixiv: what a visitor is shown of a work for the signed-in alone."""
    return {
        "title": "",
        "tags": [],
        "url": question.addresses.placeholder("unviewable", "s"),
        "illust_type": "0",
        "illust_book_style": "0",
        "illust_page_count": 1,
        "user_name": "",
        "illust_content_type": [],
        "illust_series": False,
        "illust_id": work.id,
        "width": 100,
        "height": 100,
        "user_id": 1,
        "rank": rank,
        "is_masked": False,
        "mask_reason": "login_only",
    }


def _series(work: Work) -> Json | bool:
    if work.series_id is None:
        return False
    return {
        "illust_series_id": str(work.series_id),
        "illust_series_user_id": str(work.artist_id),
        "illust_series_title": f"Series {work.series_id}",
        "illust_series_content_illust_id": str(work.id),
        "page_url": f"/user/{work.artist_id}/series/{work.series_id}",
    }
