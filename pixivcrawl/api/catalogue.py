"""Every endpoint of pixiv's web API, declared once each, in the order of its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pixivcrawl.api.bodies import account, artworks, listings, ranking, requests, search, users
from pixivcrawl.api.endpoint import Auth, Endpoint
from pixivcrawl.api.paging import Cursor, NextIds, Offset, PageNumber, below
from pixivcrawl.api.parameters import Param

USER_ID = Param("id", "id", "the user's id", where="path", required=True)
WORK_ID = Param("id", "id", "the work's id", where="path", required=True)
POSTED_ID = Param("illust_id", "id", "the work's id", where="json", required=True)
MODE = Param("mode", "text", "age rating", default="all", choices=("all", "safe", "r18"))
REST = Param("rest", "text", "public or private", default="show", choices=("show", "hide"))
PAGE = Param("p", "integer", "the page, from 1", default=1, least=1)
OFFSET = Param("offset", "integer", "how many to pass over", default=0)


def limit(default: int, most: int = 100) -> Param:
    return Param("limit", "integer", "how many at most", default=default, least=1, most=most)


USER_PAGE = "member.php?id={id}"
WORK_PAGE = "artworks/{id}"

# Top page

TOP_ILLUST = Endpoint(
    "top.illust",
    "top/illust",
    "The top page: follows, recommendations, rankings, trends.",
    body=account.Top,
    params=(MODE,),
    auth=Auth.SESSION,
)

# Users

USER_SHORT = Endpoint(
    "user.short",
    "user/{id}",
    "A user's name and pictures.",
    body=users.UserRow,
    params=(USER_ID,),
    referer=USER_PAGE,
    foreign=users.foreign_user,
)
USER_FULL = Endpoint(
    "user.full",
    "user/{id}",
    "A user's whole profile.",
    body=users.UserFull,
    params=(USER_ID, Param("full", "constant", "asks for the profile", default="1")),
    referer=USER_PAGE,
    foreign=users.foreign_user,
)
USER_PROFILE_ALL = Endpoint(
    "user.profile_all",
    "user/{id}/profile/all",
    "The ids of every work of a user, at once.",
    body=users.ProfileAll,
    params=(USER_ID,),
    referer=USER_PAGE,
)
USER_FOLLOWING = Endpoint(
    "user.following",
    "user/{id}/following",
    "Whom a user follows, with their newest works.",
    body=listings.Follows,
    params=(USER_ID, OFFSET, limit(24), REST),
    auth=Auth.SESSION,
    paging=Offset(
        rows=lambda body: body.users,
        more=lambda body, following: below(following, body.total),
        total=lambda body: body.total,
    ),
)
USER_FOLLOWERS = Endpoint(
    "user.followers",
    "user/{id}/followers",
    "Who follows a user, with their newest works.",
    body=listings.Follows,
    params=(USER_ID, OFFSET, limit(24)),
    auth=Auth.SESSION,
    paging=USER_FOLLOWING.paging,
)
USER_WORKS_LATEST = Endpoint(
    "user.works_latest",
    "user/{id}/works/latest",
    "A user's newest works.",
    body=users.WorksLatest,
    params=(USER_ID,),
)
USER_BOOKMARKS = Endpoint(
    "user.bookmarks",
    "user/{id}/illusts/bookmarks",
    "The works that a user has bookmarked, newest bookmark first.",
    body=listings.Bookmarks,
    params=(
        USER_ID,
        Param("tag", "text", "one of the owner's own tags, empty for all works", default="", may_be_empty=True),
        OFFSET,
        limit(48),
        REST,
        Param("order", "text", "newest bookmark first, or the oldest", choices=("desc", "asc")),
    ),
    auth=Auth.SESSION,
    paging=Offset(
        rows=lambda body: body.works,
        more=lambda body, following: below(following, body.total),
        total=lambda body: body.total,
    ),
)
LIVE_FOLLOWING = Endpoint(
    "live.following",
    "sketch/live/following",
    "Live streams of those whom the reader follows.",
    body=list[Any],
    auth=Auth.SESSION,
)
ME_EXTRA = Endpoint(
    "me.extra",
    "user/extra",
    "How many people the reader follows, and is followed by.",
    body=account.Extra,
    auth=Auth.SESSION,
)
FEED_ILLUST = Endpoint(
    "feed.illust",
    "follow_latest/illust",
    "New works of those whom the reader follows.",
    body=listings.Feed,
    params=(MODE, PAGE),
    auth=Auth.SESSION,
    paging=PageNumber(rows=lambda body: body.page.ids, more=lambda body, page: body.page.goes_on),
)
WATCHLIST_MANGA = Endpoint(
    "watchlist.manga",
    "watch_list/manga",
    "The manga series that the reader watches.",
    body=listings.Watchlist,
    params=(PAGE,),
    auth=Auth.SESSION,
    paging=PageNumber(
        rows=lambda body: body.page.watched_series_ids,
        more=lambda body, page: below(page, body.page.max_page),
        total=lambda body: body.page.total,
    ),
)
MYPIXIV_ILLUST = Endpoint(
    "mypixiv.illust",
    "mypixiv_latest/illust",
    "New works of the reader's mypixiv.",
    body=listings.Feed,
    params=(PAGE,),
    auth=Auth.SESSION,
    paging=FEED_ILLUST.paging,
)

# Dashboard

DASHBOARD_HOME = Endpoint(
    "dashboard.home",
    "dashboard/home",
    "The reader's own works and how they fare.",
    body=account.DashboardHome,
    auth=Auth.SESSION,
)
DASHBOARD_SETTINGS = Endpoint(
    "dashboard.settings",
    "dashboard/settings",
    "How the reader's dashboard is set.",
    body=account.DashboardSettings,
    auth=Auth.SESSION,
)
DASHBOARD_REQUEST_STRATEGY = Endpoint(
    "dashboard.request_strategy",
    "dashboard/works/illust/request_strategy",
    "The reader's works, series and drafts, as the dashboard lists them.",
    body=account.RequestStrategy,
    auth=Auth.SESSION,
)

# Artworks

ILLUST_DETAIL = Endpoint(
    "illust.detail",
    "illust/{id}",
    "Everything about one work.",
    body=artworks.IllustDetail,
    params=(WORK_ID,),
    auth=Auth.SESSION_FOR_R18,
    referer=WORK_PAGE,
    foreign=artworks.foreign_detail,
)
ILLUST_COMMENTS = Endpoint(
    "illust.comments",
    "illusts/comments/roots",
    "The comments on a work, newest first, without the replies.",
    body=artworks.Comments,
    params=(Param("illust_id", "id", "the work's id", required=True), OFFSET, limit(50)),
    referer="artworks/{illust_id}",
    paging=Offset(rows=lambda body: body.comments, more=lambda body, following: body.has_next),
)
ILLUST_PAGES = Endpoint(
    "illust.pages",
    "illust/{id}/pages",
    "The address and size of each page's original.",
    body=list[artworks.IllustPage],
    params=(WORK_ID,),
    auth=Auth.SESSION_FOR_R18,
    referer=WORK_PAGE,
    foreign=artworks.foreign_page,
)
ILLUST_RECOMMEND = Endpoint(
    "illust.recommend",
    "illust/{id}/recommend/init",
    "Works like this one: the first rows, and the ids of the next.",
    body=artworks.Recommendations,
    params=(WORK_ID, limit(18)),
    auth=Auth.SESSION,
    referer=WORK_PAGE,
    paging=NextIds(
        rows=lambda body: body.illusts,
        ids=lambda body: body.next_ids,
        continues="illust.recommend_rows",
        parameter="illust_ids",
    ),
)
ILLUST_BOOKMARK_ADD = Endpoint(
    "illust.bookmark_add",
    "illusts/bookmarks/add",
    "Bookmarks a work.",
    body=artworks.BookmarkAdded,
    params=(
        POSTED_ID,
        Param("restrict", "integer", "0 public, 1 private", where="json", default=0, most=1),
        Param("comment", "text", "the reader's own comment", where="json", default="", may_be_empty=True),
        Param("tags", "texts", "the reader's own tags", where="json", default=(), most=10),
    ),
    auth=Auth.SESSION_AND_TOKEN,
    method="POST",
)
ILLUST_LIKE = Endpoint(
    "illust.like",
    "illusts/like",
    "Likes a work. It cannot be taken back.",
    body=artworks.Liked,
    params=(POSTED_ID,),
    auth=Auth.SESSION_AND_TOKEN,
    method="POST",
)

# Tags

TAG_INFO = Endpoint(
    "tag.info",
    "search/tags/{tag}",
    "The article on a tag and its translations.",
    body=search.TagInfo,
    params=(Param("tag", "text", "the tag", where="path", required=True),),
)
TAG_STORIES = Endpoint(
    "tag.stories",
    "stories/tag_stories",
    "The ids of the stories told under a tag.",
    body=search.TagStories,
    params=(Param("tag", "text", "the tag", required=True),),
)

# Ranking

RANKINGS = (
    *("daily", "weekly", "monthly", "male", "female", "rookie", "original", "daily_ai"),
    *("daily_r18", "weekly_r18", "male_r18", "female_r18", "daily_r18_ai", "r18g"),
)
RANKING = Endpoint(
    "ranking",
    "/ranking.php",
    "One page of a day's ranking, 50 works a page.",
    body=ranking.Ranking,
    params=(
        Param("format", "constant", "asks for JSON", default="json"),
        Param("mode", "text", "which ranking", default="daily", choices=RANKINGS),
        Param("date", "date", "the day, the latest when left out", date_format="%Y%m%d"),
        Param(
            "content",
            "text",
            "the kinds of work ranked; all and complex are the same, and are left out of the address",
            choices=("all", "complex", "illust", "ugoira", "manga"),
            unsaid=ranking.ALL_KINDS,
        ),
        PAGE,
    ),
    auth=Auth.SESSION_FOR_R18,
    paging=PageNumber(
        rows=lambda body: body.contents,
        more=lambda body, page: body.goes_on,
        total=lambda body: body.rank_total,
    ),
    envelope=False,
    foreign=ranking.foreign_ranking,
)

# Search

WORD = Param("word", "text", "the keyword", where="path and query", required=True)
POPULAR = tuple(f"popular{among}{turn}" for among in ("", "_male", "_female") for turn in ("_d", ""))
SEARCH_PAGING: PageNumber[search.Search] = PageNumber(
    rows=lambda body: body.rows, more=lambda body, page: page * 60 < body.longest, total=lambda body: body.total
)


def search_params(*types: str) -> tuple[Param, ...]:
    return (
        WORD,
        Param("type", "text", "the kinds of work", default=types[0], choices=types),
        Param("order", "text", "the order", default="date_d", choices=("date_d", "date", *POPULAR), premium=POPULAR),
        MODE,
        Param("s_mode", "text", "where to look", default="s_tag_full", choices=("s_tag_full", "s_tag", "s_tc", "tc")),
        Param("wlt", "integer", "least width in pixels"),
        Param("wgt", "integer", "greatest width in pixels"),
        Param("hlt", "integer", "least height in pixels"),
        Param("hgt", "integer", "greatest height in pixels"),
        Param("ratio", "text", "0.5 landscape, -0.5 portrait, 0 square", choices=("0.5", "-0.5", "0")),
        Param("tool", "text", "the tool that the work was made with"),
        Param("scd", "date", "the first day"),
        Param("ecd", "date", "the last day", twin="sce"),
        Param("blt", "integer", "least number of bookmarks", premium=("*",)),
        Param("bgt", "integer", "greatest number of bookmarks", premium=("*",)),
        Param("ai_type", "integer", "0 shows what an AI made too, 1 hides it", most=1),
        Param("csw", "integer", "sent as 0 by pixiv's own pages", most=1),
        Param("work_lang", "text", "the works' language, in two letters"),
        PAGE,
    )


SEARCH_TOP = Endpoint(
    "search.top",
    "search/top/{word}",
    "The newest works under a keyword, of every kind.",
    body=search.Search,
    params=(Param("word", "text", "the keyword", where="path", required=True),),
)
SEARCH_ARTWORKS = Endpoint(
    "search.artworks",
    "search/artworks/{word}",
    "Works of every kind under a keyword, 60 a page.",
    body=search.Search,
    params=search_params("all"),
    auth=Auth.SESSION_FOR_R18,
    paging=SEARCH_PAGING,
)
SEARCH_ILLUSTRATIONS = Endpoint(
    "search.illustrations",
    "search/illustrations/{word}",
    "Illustrations and ugoira under a keyword, 60 a page.",
    body=search.Search,
    params=search_params("illust_and_ugoira", "illust", "ugoira"),
    auth=Auth.SESSION_FOR_R18,
    paging=SEARCH_PAGING,
)
SEARCH_MANGA = Endpoint(
    "search.manga",
    "search/manga/{word}",
    "Manga under a keyword, 60 a page.",
    body=search.Search,
    params=search_params("manga"),
    auth=Auth.SESSION_FOR_R18,
    paging=SEARCH_PAGING,
)

# Requests


def request_list(state: str, kind: str, title: str) -> Endpoint[requests.RequestList]:
    return Endpoint(
        f"requests.{state}_{kind}",
        f"commission/page/request/{state}/{kind}",
        title,
        body=requests.RequestList,
        params=(MODE, PAGE),
        auth=Auth.SESSION_FOR_R18,
        paging=PageNumber(
            rows=lambda body: body.page.request_ids, more=lambda body, page: body.page.pager.has_next_page
        ),
        foreign=requests.foreign_page,
    )


def request_creators(kind: str, title: str) -> Endpoint[requests.CreatorList]:
    return Endpoint(
        f"requests.creators_{kind}",
        f"commission/page/request/creators/{kind}",
        title,
        body=requests.CreatorList,
        params=(MODE, PAGE),
        auth=Auth.SESSION_FOR_R18,
        paging=PageNumber(
            rows=lambda body: body.page.creator_user_ids, more=lambda body, page: body.page.pager.has_next_page
        ),
        foreign=requests.foreign_page,
    )


REQUESTS_OVERVIEW = Endpoint(
    "requests.overview",
    "commission/page/request",
    "A few requests of every state, and artists who take them.",
    body=requests.RequestOverview,
)
REQUESTS_COMPLETE_ILLUST = request_list("complete", "illust", "Requests that became an illustration.")
REQUESTS_COMPLETE_MANGA = request_list("complete", "manga", "Requests that became a manga.")
REQUESTS_COMPLETE_UGOIRA = request_list("complete", "ugoira", "Requests that became an ugoira.")
REQUESTS_CREATORS_ILLUST = request_creators("illust", "Artists who take requests for illustrations.")
REQUESTS_CREATORS_MANGA = request_creators("manga", "Artists who take requests for manga.")
REQUESTS_CREATORS_UGOIRA = request_creators("ugoira", "Artists who take requests for ugoira.")
REQUESTS_IN_PROGRESS_ALL = request_list("in_progress", "all", "Requests that are being drawn.")
REQUESTS_IN_PROGRESS_ILLUST = request_list("in_progress", "illust", "Illustrations that are being drawn on request.")
REQUESTS_IN_PROGRESS_MANGA = request_list("in_progress", "manga", "Manga that are being drawn on request.")
REQUESTS_IN_PROGRESS_UGOIRA = request_list("in_progress", "ugoira", "Ugoira that are being drawn on request.")

# Discovery

DISCOVERY_ARTWORKS = Endpoint(
    "discovery.artworks",
    "discovery/artworks",
    "Works that pixiv recommends, a fresh set each time.",
    body=listings.DiscoveredWorks,
    params=(MODE, limit(60)),
    auth=Auth.SESSION,
)
DISCOVERY_USERS = Endpoint(
    "discovery.users",
    "discovery/users",
    "People whom pixiv recommends, a fresh set each time.",
    body=listings.DiscoveredUsers,
    params=(limit(20),),
    auth=Auth.SESSION,
)
DISCOVERY_ARTWORKS_META = Endpoint(
    "discovery.artworks_meta",
    "discovery/artworks/meta",
    "The title of the page of recommended works.",
    body=account.DiscoveryMeta,
    params=(MODE,),
    auth=Auth.SESSION,
)
DISCOVERY_USERS_META = Endpoint(
    "discovery.users_meta",
    "discovery/users/meta",
    "The title of the page of recommended people.",
    body=account.DiscoveryMeta,
    auth=Auth.SESSION,
)

# New works

NEW_ILLUST = Endpoint(
    "new.illust",
    "illust/new",
    "The newest works of everyone.",
    body=listings.NewWorks,
    params=(
        Param("lastId", "integer", "the work after which to go on, 0 for the newest", default=0),
        limit(20, most=20),
        Param("type", "text", "the kind of work", default="illust", choices=("illust", "manga")),
        Param("r18", "boolean", "R-18 works alone", default=False),
    ),
    auth=Auth.SESSION,
    paging=Cursor(rows=lambda body: body.illusts, cursor=lambda body: body.where_it_ends, parameter="lastId"),
)

# Miscellaneous

WEBPUSH = Endpoint("webpush", "webpush", "Whether the browser may be sent notices.", body=account.Webpush)
NOTIFICATION = Endpoint(
    "notification",
    "notification",
    "The reader's notifications.",
    body=account.Notifications,
    auth=Auth.SESSION,
)
LINKED_SERVICE_TUMENG = Endpoint(
    "linked_service.tumeng",
    "linked_service/tumeng",
    "The reader's account at Tumeng.",
    body=account.LinkedService,
    params=(Param("page", "integer", "the page, from 1", default=1, least=1),),
    auth=Auth.SESSION,
    paging=PageNumber(
        rows=lambda body: body.page.works,
        more=lambda body, page: (
            bool(body.page.works) and below(page * len(body.page.works), body.page.total_item_count)
        ),
        total=lambda body: body.page.total_item_count,
        parameter="page",
    ),
)

# Beyond the documentation

ILLUST_UGOIRA_META = Endpoint(
    "illust.ugoira_meta",
    "illust/{id}/ugoira_meta",
    "An ugoira's zip and the time each frame is shown.",
    body=artworks.UgoiraMeta,
    params=(WORK_ID,),
    auth=Auth.SESSION_FOR_R18,
    foreign=artworks.foreign_zip,
)
USER_PROFILE_ILLUSTS = Endpoint(
    "user.profile_illusts",
    "user/{id}/profile/illusts",
    "Rows for up to 100 of a user's works.",
    body=users.ProfileIllusts,
    params=(
        USER_ID,
        Param("ids", "ids", "the works' ids", required=True, least=1, most=100),
        Param("work_category", "text", "their kind", default="illustManga", choices=("illust", "manga", "illustManga")),
        Param("is_first_page", "boolean", "whether it is the first page", default=False, spelled=("0", "1")),
    ),
    foreign=users.foreign_row,
)
ILLUST_RECOMMEND_ROWS = Endpoint(
    "illust.recommend_rows",
    "illust/recommend/illusts",
    "Rows for the ids that recommendations go on with.",
    body=artworks.RecommendedRows,
    params=(Param("illust_ids", "ids", "the works' ids", required=True, least=1, most=100),),
    auth=Auth.SESSION,
)
SERIES = Endpoint(
    "series",
    "series/{id}",
    "The works of a manga series in order, 12 a page.",
    body=listings.Series,
    params=(Param("id", "id", "the series' id", where="path", required=True), PAGE),
    paging=PageNumber(
        rows=lambda body: body.page.series,
        more=lambda body, page: below(page * 12, body.page.total),
        total=lambda body: body.page.total,
    ),
    foreign=listings.foreign_series,
)
USER_TAGGED = Endpoint(
    "user.tagged",
    "user/{id}/{category}/tag",
    "One user's works under a tag.",
    body=listings.Works,
    params=(
        USER_ID,
        Param(
            "category",
            "text",
            "their kind",
            where="path",
            default="illustmanga",
            choices=("illusts", "manga", "illustmanga"),
        ),
        Param("tag", "text", "the tag", required=True),
        OFFSET,
        limit(48),
    ),
    paging=Offset(
        rows=lambda body: body.works,
        more=lambda body, following: below(following, body.total),
        total=lambda body: body.total,
    ),
)

ILLUST_DETAILS_MANY = Endpoint(
    "illust.details_many",
    "/touch/ajax/illust/details/many",
    "What the mobile site tells of up to 100 works at once.",
    body=artworks.ManyDetails,
    params=(Param("illust_ids", "ids", "the works' ids", required=True, least=1, most=100),),
    foreign=artworks.foreign_rows,
    second_hand=True,
)
ILLUST_UNLISTED = Endpoint(
    "illust.unlisted",
    "illust/unlisted/{secret}",
    "A work that only those find who know its address.",
    body=artworks.IllustDetail,
    params=(Param("secret", "text", "what stands last in the work's address", where="path", required=True),),
    referer="artworks/unlisted/{secret}",
)
COMMENT_REPLIES = Endpoint(
    "comment.replies",
    "illusts/comments/replies",
    "The answers to a comment.",
    body=artworks.Comments,
    params=(
        Param("comment_id", "id", "the comment's id", required=True),
        Param("page", "integer", "the page, from 1", default=1, least=1),
    ),
    paging=PageNumber(rows=lambda body: body.comments, more=lambda body, page: body.has_next, parameter="page"),
)
COLLECTION = Endpoint(
    "collection",
    "collection/{id}",
    "The works that someone put together.",
    body=listings.Collection,
    params=(Param("id", "id", "the collection's id", where="path", required=True),),
)
USER_REQUESTS = Endpoint(
    "user.requests",
    "commission/page/users/{id}/request",
    "Requests to one artist, and the works that came of them.",
    body=requests.Commissions,
    params=(USER_ID,),
    auth=Auth.SESSION_FOR_R18,
)
USER_BOOKMARK_TAGS = Endpoint(
    "user.bookmark_tags",
    "user/{id}/illusts/bookmark/tags",
    "The tags that a user gave to bookmarks, and to how many.",
    body=listings.BookmarkTags,
    params=(USER_ID,),
    auth=Auth.SESSION,
)

ENDPOINTS: Mapping[str, Endpoint[Any]] = {
    endpoint.name: endpoint for endpoint in tuple(globals().values()) if isinstance(endpoint, Endpoint)
}
"""Every endpoint by its name, in the order of their declaration above."""


def find(name: str) -> Endpoint[Any]:
    """The endpoint called `name`. Raises KeyError."""
    return ENDPOINTS[name]


def asked(url: str) -> Endpoint[Any] | None:
    """The endpoint that an address belongs to, None if there is none; of two with the same path, the one whose constants match."""
    found = [endpoint for endpoint in ENDPOINTS.values() if endpoint.parameters_in(url) is not None]
    return max(found, key=lambda endpoint: len(endpoint.params), default=None)
