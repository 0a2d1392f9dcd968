"""Lists of works that belong to nobody in particular: a series, a user's tag, recommendations, new works, comments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.artworks import seen_work
from pixivcrawl.sandbox.bodies.collections import MODES, series_row
from pixivcrawl.sandbox.bodies.rows import framed, page_meta, portrait_url, tag_translation, work_row, zone
from pixivcrawl.sandbox.bodies.users import CATEGORIES, known_artist
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found, found_without_message
from pixivcrawl.sandbox.works import JAPAN, UGOIRA, Artist, Work

SERIES_ENTRIES = 12
AD_ROW = {"isAdContainer": True}
AT_ONCE = 100
NEXT_IDS = 180
CATEGORY_OF_PATH = {"illusts": "illust", "manga": "manga", "illustmanga": "illustManga"}
WORKS_OF_A_USER = 3
Item = TypeVar("Item")


def series(question: ApiRequest) -> ApiResponse:
    """series/{id}?p: 12 a page in order; past the end, none."""
    volumes = question.world.series_works(question.id)
    if not volumes:
        raise RefusedError(404, "There is no such series.")
    start = (question.page() - 1) * SERIES_ENTRIES
    shown = list(enumerate(volumes, 1))[start : start + SERIES_ENTRIES]
    maker = question.world.artist(volumes[0].artist_id)
    page = {
        "series": [{"workId": str(volume.id), "order": order} for order, volume in shown],
        "isSetCover": False,
        "seriesId": question.id,
        "otherSeriesId": None,
        "recentUpdatedWorkIds": [volume.id for volume in reversed(volumes[-3:])],
        "total": len(volumes),
        "isWatched": False,
        "isNotifying": False,
    }
    return found(
        framed(question, [volume for _, volume in shown], users=[maker] if maker else [])
        | {
            "page": page,
            "illustSeries": [series_row(question, volumes[0])],
            "zoneConfig": zone("header", "footer", "logo"),
            "extraData": page_meta(
                f"Series {question.id}", f"https://www.pixiv.net/user/{volumes[0].artist_id}/series/{question.id}"
            ),
        }
    )


def tagged(question: ApiRequest) -> ApiResponse:
    """user/{id}/illusts/tag, and manga, illustmanga in place of illusts: one user's works under a tag."""
    artist = known_artist(question)
    kinds = CATEGORIES[CATEGORY_OF_PATH[question.places[1]]]
    works = lists.tagged(question.world, question.session, artist.id, question.text("tag"), kinds)
    shown = works[question.number("offset", 0) :][: question.up_to("limit", 48, AT_ONCE)]
    return found(
        {
            "works": [work_row(question, work) for work in shown],
            "total": len(works),
            "zoneConfig": zone("header", "footer", "logo", "500x500"),
            "extraData": page_meta(artist.name, f"https://www.pixiv.net/users/{artist.id}"),
        }
    )


def recommend(question: ApiRequest) -> ApiResponse:
    """illust/{id}/recommend/init: `limit` rows, an advertisement among them, and the ids of the next ones."""
    work = seen_work(question)
    others = lists.related(question.world, question.session, work)
    limit = question.up_to("limit", 18, AT_ONCE)
    rows = [work_row(question, other, type=_type(other)) for other in others[:limit]]
    return found(
        {
            "illusts": [AD_ROW, *rows],
            "nextIds": [str(other.id) for other in others[limit : limit + NEXT_IDS]],
            "details": {str(other.id): _reason(work, place) for place, other in enumerate(others[: limit + NEXT_IDS])}
            or [],
        }
    )


def recommended(question: ApiRequest) -> ApiResponse:
    """illust/recommend/illusts?illust_ids[]=: rows for the nextIds of `recommend`; ids that are not there are left
    out."""
    ids = question.query.get("illust_ids[]", [])
    if not ids or len(ids) > AT_ONCE or not all(one.isdecimal() for one in ids):
        raise RefusedError(400, f"Invalid parameters: illust_ids[] takes up to {AT_ONCE} numbers.")
    works = [work for one in ids if (work := question.world.work(int(one))) is not None]
    shown = [work for work in works if question.world.sees(question.session, work)]
    return found({"illusts": [work_row(question, work, type=_type(work)) for work in shown], "details": []})


def new(question: ApiRequest) -> ApiResponse:
    """illust/new: works older than lastId (0 for the newest), up to 20; `lastId` in the body goes on from there."""
    adult = question.one_of("r18", ("true", "false"), "false") == "true"
    if adult and question.session is None:
        raise RefusedError(401, "Sign in to go on.")
    kind = question.one_of("type", ("illust", "manga"), "illust")
    works = lists.newest(question.world, question.session, kind, adult)[: question.world.limits.new_works]
    last = question.number("lastId", 0)
    shown = [work for work in works if not last or work.id < last][: question.up_to("limit", 20, 20)]
    return found(
        {
            "illusts": [work_row(question, work, type=kind, titleCaptionTranslation=None) for work in shown],
            "lastId": str(shown[-1].id if shown else last),
            "zoneConfig": zone("header", "footer", "logo"),
            "extraData": page_meta("New works", "https://www.pixiv.net/new_illust.php"),
        }
    )


def discovery_artworks(question: ApiRequest) -> ApiResponse:
    """discovery/artworks: a fresh set each call."""
    mode = question.one_of("mode", MODES, "all")
    works = [work for work in lists.public(question.world, question.session) if lists.fits_mode(work, mode)]
    shown = _turned(works, question.world.fresh())[: question.up_to("limit", 60, AT_ONCE)]
    reasons = [
        {
            "illustId": str(work.id),
            "recommendMethods": ["bookmark_graph"],
            "recommendScore": 6.5 - place / 40,
            "recommendSeedIllustIds": [str(shown[0].id)],
        }
        for place, work in enumerate(shown)
    ]
    return found(framed(question, shown) | {"recommendedIllusts": reasons})


def discovery_users(question: ApiRequest) -> ApiResponse:
    """discovery/users: artists with their newest works."""
    artists = [artist for artist in question.world.artists() if question.world.works_of(artist.id, question.session)]
    shown = _turned(artists, question.world.fresh())[: question.up_to("limit", 12, AT_ONCE)]
    works = {artist.id: _newest_of(question, artist) for artist in shown}
    users = [
        {"userId": str(artist.id), "recentIllustIds": [str(work.id) for work in works[artist.id]], "recentNovelIds": []}
        for artist in shown
    ]
    rows = [work for artist in shown for work in works[artist.id]]
    return found(framed(question, rows, users=shown) | {"recommendedUsers": users})


def comments(question: ApiRequest) -> ApiResponse:
    """illusts/comments/roots: newest first; a stamp instead of words here and there, and one by a user who left."""
    work = question.world.work(question.number("illust_id", 0))
    if work is None or not question.world.sees(question.session, work):
        raise RefusedError(404, "There is no such work.")
    offset, limit = question.number("offset", 0), question.up_to("limit", 30, AT_ONCE)
    places = range(offset, min(offset + limit, work.comment_count))
    return found(
        {
            "comments": [_comment(question, work, place) for place in places],
            "hasNext": offset + limit < work.comment_count,
        }
    )


def stories(question: ApiRequest) -> ApiResponse:
    """stories/tag_stories?tag."""
    known = any(question.text("tag") in work.tags for work in question.world.works())
    return found({"tagStoryIds": ["1952", "1938"] if known else []})


def tag_info(question: ApiRequest) -> ApiResponse:
    """search/tags/{tag}: no key `message`; `pixpedia` is [] for a tag that no article tells of."""
    tag = question.places[0]
    works = [work for work in lists.public(question.world, question.session) if tag in work.tags]
    article: Json = {}
    if works:
        article = {
            "abstract": f"Works with {tag}.",
            "image": question.addresses.master(works[0], "c/384x280_80_a2_g2/"),
            "id": str(works[0].id),
            "yomigana": tag,
            "parentTag": "everything",
            "childrenTags": sorted({other for work in works for other in work.tags if other != tag}),
        }
    body: Json = {
        "tag": tag,
        "word": tag,
        "pixpedia": article or [],
        "breadcrumbs": {"successor": [], "current": []},
        "myFavoriteTags": [],
        "tagTranslation": tag_translation([tag]),
    }
    return found_without_message(body)


def _type(work: Work) -> str:
    return "manga" if work.kind == 1 else "ugoira" if work.kind == UGOIRA else "illust"


def _reason(work: Work, place: int) -> Json:
    return {
        "methods": ["illust_by_illust_table_rough"],
        "score": 0.5 - place / 1000,
        "seedIllustIds": [str(work.id)],
        "banditInfo": "",
        "recommendListId": f"list-{work.id}",
    }


def _newest_of(question: ApiRequest, artist: Artist) -> list[Work]:
    return [work for work in question.world.works_of(artist.id, question.session) if not work.gone][:WORKS_OF_A_USER]


def _comment(question: ApiRequest, work: Work, place: int) -> Json:
    left = place % 7 == 6
    writer = 0 if left else 901 + place % 2
    stamped = place % 5 == 3
    moment = work.created.astimezone(JAPAN)
    return {
        "userId": str(writer),
        "userName": "-----" if left else f"writer {writer}",
        "isDeletedUser": left,
        "img": portrait_url(question, writer, 170),
        "id": str(work.id * 10 + work.comment_count - place),
        "comment": "" if stamped else f"comment {place} (smile)",
        "stampId": "303" if stamped else None,
        "commentDate": moment.strftime("%Y-%m-%d %H:%M"),
        "commentParentId": None,
        "commentUserId": str(writer),
        "editable": False,
        "hasReplies": place % 4 == 0,
    }


def _turned(items: Sequence[Item], turn: int) -> list[Item]:
    place = turn % max(1, len(items))
    return [*items[place:], *items[:place]]
