"""commission/page/request and what lies under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pixivcrawl.sandbox import lists
from pixivcrawl.sandbox.bodies.rows import framed, in_japan, novel_row
from pixivcrawl.sandbox.commissions import Commission
from pixivcrawl.sandbox.http import ApiRequest, ApiResponse, Json, RefusedError, found
from pixivcrawl.sandbox.making import FIRST_DAY
from pixivcrawl.sandbox.works import Artist, Work

PAGE_ENTRIES = 24
OVERVIEW_ENTRIES = 12
MODES = ("all", "safe", "r18")
Item = TypeVar("Item")


def overview(question: ApiRequest) -> ApiResponse:
    """commission/page/request: a few of everything."""
    mode = _mode(question)
    complete = {
        name: lists.commissions(question.world, complete=True, post_type=name, mode=mode)[:OVERVIEW_ENTRIES]
        for name in ("illust", "manga", "novel")
    }
    in_progress = lists.commissions(question.world, complete=False, post_type="all", mode=mode)[:OVERVIEW_ENTRIES]
    creators = _creators(question)
    works = {creator.id: _works_by(question, creator) for creator in creators}
    page = {
        "completeRequestIdsIllust": _ids(complete["illust"]),
        "completeRequestIdsManga": _ids(complete["manga"]),
        "completeRequestIdsNovels": _ids(complete["novel"]),
        "inProgressRequestIds": _ids(in_progress),
        "creatorUserIds": [str(creator.id) for creator in creators],
        "recentIllustIdsByCreatorAcceptingRequest": [str(work.id) for made in works.values() for work in made],
        "recommendIllustIdsByCreatorAcceptingRequest": [],
        "userList": [{"id": str(maker), "illustIds": [str(work.id) for work in made]} for maker, made in works.items()],
    }
    shown = [*complete["illust"], *complete["manga"], *complete["novel"], *in_progress]
    return found({"page": page} | around(question, shown, [work for made in works.values() for work in made]))


def complete(question: ApiRequest) -> ApiResponse:
    """complete/{illust, manga, ugoira}: requestIds are the page's own; recommendRequestIds, a novel's among them, are
    not."""
    post_type, mode = question.places[0], _mode(question)
    asked = lists.commissions(question.world, complete=True, post_type=post_type, mode=mode)
    shown, page = _cut(question, asked)
    novels = lists.commissions(question.world, complete=True, post_type="novel", mode=mode)
    recommended = [*asked[-1:], *novels[:2]]
    page |= {"requestIds": _ids(shown), "recommendRequestIds": _ids(recommended), "workType": post_type, "mode": mode}
    return found(around(question, [*recommended, *(one for one in shown if one not in recommended)]) | {"page": page})


def in_progress(question: ApiRequest) -> ApiResponse:
    """in_progress/{all, illust, manga, ugoira}: no work yet."""
    post_type, mode = question.places[0], _mode(question)
    shown, page = _cut(question, lists.commissions(question.world, complete=False, post_type=post_type, mode=mode))
    page |= {"requestIds": _ids(shown), "followRequestIds": [], "workType": post_type, "mode": mode}
    return found({"page": page} | around(question, shown))


def creators(question: ApiRequest) -> ApiResponse:
    """creators/{illust, manga, ugoira}: the ids of artists who take requests, and nothing about them."""
    shown, page = _cut(question, _creators(question))
    page |= {
        "followCreatorUserIds": [],
        "creatorUserIds": [str(creator.id) for creator in shown],
        "workType": question.places[0],
        "mode": _mode(question),
    }
    return found({"page": page} | framed(question, []))


def _mode(question: ApiRequest) -> str:
    mode = question.one_of("mode", MODES, "all")
    if mode == "r18" and question.session is None:
        raise RefusedError(401, "Sign in to go on.")
    return mode


def _creators(question: ApiRequest) -> list[Artist]:
    return [artist for artist in question.world.artists() if artist.accepts_requests]


def _works_by(question: ApiRequest, artist: Artist) -> list[Work]:
    return [work for work in question.world.works_of(artist.id, question.session) if not work.gone][:3]


def _cut(question: ApiRequest, items: Sequence[Item]) -> tuple[Sequence[Item], Json]:
    """24 a page; past the end, none."""
    page = question.page()
    stop = page * PAGE_ENTRIES
    return items[stop - PAGE_ENTRIES : stop], {"pager": {"page": page, "hasNextPage": stop < len(items)}}


def _ids(asked: Sequence[Commission]) -> list[str]:
    return [str(one.id) for one in asked]


def around(question: ApiRequest, shown: Sequence[Commission], more: Sequence[Work] = ()) -> Json:
    """The requests themselves, rows of the works that came of them, and of the artists."""
    works = [
        work
        for one in shown
        if one.work_id is not None
        and one.post_type != "novel"
        and (work := question.world.work(one.work_id)) is not None
        and question.world.sees(question.session, work)
    ]
    makers = {one.creator_id: maker for one in shown if (maker := question.world.artist(one.creator_id)) is not None}
    novels = [
        novel_row(question, one.work_id, makers[one.creator_id])
        for one in shown
        if one.post_type == "novel" and one.work_id is not None and one.creator_id in makers
    ]
    every = {work.id: work for work in [*works, *more]}
    frame = framed(question, list(every.values()), novels=novels, users=list(makers.values()))
    return frame | {"requests": [_request(one) for one in shown]}


def _request(one: Commission) -> Json:
    proposal = {
        "requestProposal": "A picture, please.",
        "requestProposalHtml": "A picture, please.",
        "requestProposalLang": "en",
    }
    work = {"isUnlisted": False, "secret": None}
    return {
        "requestId": str(one.id),
        "planId": str(one.creator_id * 1000),
        "fanUserId": None if one.fan_id is None else str(one.fan_id),
        "creatorUserId": str(one.creator_id),
        "requestStatus": "complete" if one.is_complete else "inProgress",
        "requestPostWorkType": one.post_type,
        "requestPrice": 0 if one.is_complete else 5000,
        "requestProposal": {
            "requestOriginalProposal": "絵をください。",
            "requestOriginalProposalHtml": "絵を<br />ください。",
            "requestOriginalProposalLang": "ja",
            "requestTranslationProposal": [proposal] if one.id % 2 else [],
        },
        "requestTags": list(one.tags),
        "requestAdultFlg": one.adult,
        "requestAnonymousFlg": one.fan_id is None,
        "requestRestrictFlg": False,
        "requestAcceptCollaborateFlg": True,
        "requestResponseDeadlineDatetime": in_japan(FIRST_DAY),
        "requestPostDeadlineDatetime": in_japan(FIRST_DAY),
        "role": "creator",
        "plan": _plan(one),
        "collaborateStatus": {
            "collaborating": False,
            "collaborateAnonymousFlg": False,
            "collaboratedCnt": 0,
            "collaborateUserSamples": [],
        },
        "postWork": {"postWorkId": str(one.work_id), "postWorkType": one.post_type, "work": work}
        if one.is_complete
        else None,
    }


def _plan(one: Commission) -> Json:
    """`planTtieLang` is pixiv's own spelling; a plan that nobody translated has [] for an empty object."""
    translated = {"en": {"planTitle": "A drawing", "planTtieLang": "en"}} if one.id % 2 else []
    description = (
        {"en": {"planDescription": "I draw", "planDescriptionHtml": "I draw", "planLang": "en"}} if one.id % 2 else []
    )
    return {
        "currentPlanId": None,
        "planId": str(one.creator_id * 1000),
        "creatorUserId": str(one.creator_id),
        "planAcceptRequestFlg": True,
        "planStandardPrice": 5000,
        "planTitle": {"planOriginalTitle": "絵", "planOriginalTitleLang": "ja", "planTranslationTitle": translated},
        "planDescription": {
            "planOriginalDescription": "描きます",
            "planOriginalDescriptionHtml": "描きます",
            "planOriginalLang": "ja",
            "planTranslationDescription": description,
        },
        "planAcceptAdultFlg": one.adult,
        "planAcceptAnonymousFlg": True,
        "planAcceptIllustFlg": True,
        "planAcceptUgoiraFlg": one.post_type == "ugoira",
        "planAcceptMangaFlg": one.post_type == "manga",
        "planAcceptNovelFlg": False,
    }
