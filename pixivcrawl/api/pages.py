"""Pixiv's pages: which spider reads a page, and with which arguments.

pixiv: many pages have an older address too, which still leads to them. Only numbers, words and pixiv's own query values are taken over;
whether a value is one that pixiv knows is for the spider to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.api.text import quoted

_SEARCH = (
    "order",
    "mode",
    "s_mode",
    "type",
    "wlt",
    "wgt",
    "hlt",
    "hgt",
    "ratio",
    "tool",
    "scd",
    "ecd",
    "blt",
    "bgt",
    "work_lang",
    "ai_type",
    "csw",
)
# pixiv: the page /search has names of its own for what the API calls s_tag and so on.
_SEARCH_MODES = {"tag": "s_tag", "tag_full": "s_tag_full", "tc": "s_tc"}

_SAYS_NOTHING = re.compile(r"p|page|lang|format|utm_.*|fbclid|gclid|igshid|ref|referer")
"""Parameters that do not change which works a page is about: where it was opened, in which language, from where."""

Query = dict[str, str]
"""A page's parameters; each is taken out when it is read, so that what is left was not understood."""


@dataclass(frozen=True, slots=True)
class Target:
    """The spider that reads a page, and its arguments as on the command line."""

    spider: str
    arguments: dict[str, str]


class UrlRefused(ValueError):
    """An address that no spider reads; the message is one line that says why, without control characters."""


def read_page(path: list[str], query: Query, fragment: str) -> Target:
    """The spider for the page at `path` (its segments, decoded, without the language) of www.pixiv.net. Raises UrlRefused."""
    return _understood(_page(path, query, fragment), query)


def _understood(read: Target, left: Mapping[str, str]) -> Target:
    """`read`, if nothing is left in the query that could change which works it means; an id alone says which work it is."""
    for name in left:
        if read.spider != "artwork" and not _SAYS_NOTHING.fullmatch(name):
            raise UrlRefused(f"its parameter {quoted(name)} is not known here; leave it out if it does not matter")
    return read


def _page(path: list[str], query: Query, fragment: str) -> Target:
    match path:
        case [] | ["mypage.php"] if user := re.fullmatch(r"id=(\d+)", fragment, re.ASCII):
            # pixiv: the feed's addresses of an artist, until about 2018.
            return target("user", id=number(user[1], "an artist's id"))
        case [] | ["index.php" | "mypage.php" | "illustration"]:
            return target("top", **_carried(query, "mode"))
        case ["artworks", "unlisted", secret] if re.fullmatch(r"[0-9A-Za-z]{8,64}", secret, re.ASCII):
            return target("artwork", unlisted=secret)
        case ["collections", collection]:
            return target("collection", id=number(collection, "a collection's id"))
        case ["artworks" | "i", work]:
            return target("artwork", id=number(work, "a work's id"))
        case ["users" | "user" | "u", user, *rest]:
            return _user_page(number(user, "an artist's id"), rest, query)
        case ["tags", word, *rest]:
            return _tag_page(word, rest, query)
        case ["search"]:
            return _search(query.pop("q", None), query)
        case ["request", *rest]:
            return _request_page(rest, query)
        case ["discovery"] | ["discovery", "artworks"]:
            return target("discovery", target="artworks", **_carried(query, "mode"))
        case ["discovery", "users"]:
            return target("discovery", target="users")
        case ["watchlist"] | ["watchlist", "manga"]:
            return target("watchlist")
        case [page] if page.endswith(".php"):
            return _old_page(page, query)
    raise _no_page(path)


def _no_page(path: list[str]) -> UrlRefused:
    match path:
        case ["novel" | "n", *_] | ["watchlist", "novel", *_]:
            return _novel()
        case ["fanbox", *_]:
            return UrlRefused("pixivFANBOX is not archived; paste another address on www.pixiv.net")
        case ["stacc", *_]:
            return UrlRefused("a feed page names an account without its id; paste the address of the artist's own page")
        case ["jump.php", *_]:
            return UrlRefused("an address outside pixiv; paste the address of a pixiv page")
        case ["ajax", *_] | ["touch", "ajax", *_]:
            return UrlRefused("an address of pixiv's API, not a page; `pixivcrawl api` lists and calls its endpoints")
        case ["search", "users", *_]:
            return UrlRefused("a search for artists finds no works; paste an artist's own address")
    page = quoted("/" + "/".join(path))
    return UrlRefused(f"{page} is not a page that can be archived; paste a work, an artist, a search or another list")


def _novel() -> UrlRefused:
    return UrlRefused("a novel; only illustrations, manga and ugoira are archived")


def _user_page(user: str, rest: list[str], query: Query) -> Target:
    match rest:
        case [] | ["artworks"]:
            return target("user", id=user)
        case ["request"]:
            return target("requests", id=user)
        case ["avatar" | "background" as picture]:
            # No page of pixiv's: gallery-dl's addresses for these.
            return target("user", id=user, only=picture)
        case ["illustrations"]:
            return target("user", id=user, type="illust_and_ugoira")
        case ["manga"]:
            return target("user", id=user, type="manga")
        case ["artworks", tag]:
            return target("user", id=user, tag=tag)
        case ["illustrations", tag]:
            return target("user", id=user, type="illust_and_ugoira", tag=tag)
        case ["manga", tag]:
            return target("user", id=user, type="manga", tag=tag)
        case ["bookmarks"] | ["bookmarks", "artworks"]:
            return target("bookmarks", id=user, **_carried(query, "rest"))
        case ["bookmarks", "artworks", tag]:
            return target("bookmarks", id=user, tag=tag, **_carried(query, "rest"))
        case ["following"]:
            return target("following", id=user, **_carried(query, "rest"))
        case ["followers"]:
            return target("followers", id=user)
        case ["series", series]:
            return target("series", id=number(series, "a series' id"))
        case ["novels", *_] | ["bookmarks", "novels", *_]:
            raise _novel()
    raise _no_page(["users", user, *rest])


def _tag_page(word: str, rest: list[str], query: Query) -> Target:
    match rest:
        case []:
            # pixiv: this page shows the first of the works under the tag and leads to all of them.
            return target("search", word=word, target="artworks", **_carried(query, *_SEARCH))
        case ["artworks" | "illustrations" | "manga" as kind]:
            return target("search", word=word, target=kind, **_carried(query, *_SEARCH))
        case ["novels", *_]:
            raise _novel()
    raise _no_page(["tags", word, *rest])


def _search(word: str | None, query: Query) -> Target:
    """The pages /search and /search.php, whose `type` says what newer addresses say in their path."""
    if not word:
        raise UrlRefused("a search without a word; paste the address of a search's results")
    carried = _carried(query, *_SEARCH)
    if "s_mode" in carried:
        carried["s_mode"] = _SEARCH_MODES.get(carried["s_mode"], carried["s_mode"])
    match carried.pop("type", "all"):
        case "all" | "artwork":
            return target("search", word=word, target="artworks", **carried)
        case "illust_ugoira" | "illust_and_ugoira":
            return target("search", word=word, target="illustrations", type="illust_and_ugoira", **carried)
        case "illust" | "ugoira" as kind:
            return target("search", word=word, target="illustrations", type=kind, **carried)
        case "manga":
            return target("search", word=word, target="manga", **carried)
        case "novel":
            raise _novel()
        case "user":
            raise _no_page(["search", "users"])
        case kind:
            raise UrlRefused(
                f"a search for type={quoted(kind)} is not known; search for artwork, illust, manga or ugoira"
            )


def _request_page(rest: list[str], query: Query) -> Target:
    mode = _carried(query, "mode")
    match rest:
        case []:
            return target("requests", state="overview", **mode)
        case [*_, "novel" | "novels"]:
            raise _novel()
        case ["complete" | "creators" | "in_progress" as state]:
            return target("requests", state=state, **mode)
        case ["complete" | "creators" | "in_progress" as state, kind] | ["creators" as state, "works", kind]:
            return target("requests", state=state, type=kind, **mode)
    raise _no_page(["request", *rest])


def _old_page(page: str, query: Query) -> Target:
    match page:
        case "member_illust.php" | "bookmark_detail.php" | "bookmark_add.php" if "illust_id" in query:
            return target("artwork", id=number(query["illust_id"], "a work's id"))
        case "member.php":
            return target("user", id=number(query.pop("id", ""), "an artist's id"))
        case "member_illust.php":
            return _old_user_works(query)
        case "bookmark.php":
            return _old_bookmarks(query)
        case "search.php":
            return _search(query.pop("word", None), query)
        case "tags.php" if "tag" in query:
            return _tag_page(query.pop("tag"), [], query)
        case "ranking.php":
            return target("ranking", **_carried(query, "mode", "date", "content"))
        case "bookmark_new_illust.php":
            return target("feed", **_carried(query, "mode"), **_tag_as_filter(query))
        case "bookmark_new_illust_r18.php":
            return target("feed", mode="r18", **_tag_as_filter(query))
        case "new_illust.php":
            return target("new", **_carried(query, "type", "r18"))
        case "new_illust_r18.php":
            return target("new", r18="true", **_carried(query, "type"))
        case "mypixiv_new_illust.php":
            return target("mypixiv")
        case "cate_r18.php":
            return target("top", mode="r18")
    raise _no_page([page])


def _old_user_works(query: Query) -> Target:
    user = number(query.pop("id", ""), "an artist's id")
    if query.get("type") == "novel":
        raise _novel()
    return target("user", id=user, **_carried(query, "type", "tag"))


def _old_bookmarks(query: Query) -> Target:
    """pixiv: bookmark.php without an id is the reader's own; `type` distinguishes works from people followed and followers."""
    person = number(query.pop("id"), "an artist's id") if "id" in query else "me"
    match query.pop("type", None):
        case "user":
            return target("following", id=person, **_carried(query, "rest"))
        case "reg_user":
            return target("followers", id=person)
        case "novel":
            raise _novel()
    return target("bookmarks", id=person, **_carried(query, "rest", "tag"))


def _carried(query: Query, *names: str) -> dict[str, str]:
    return {name: query.pop(name) for name in names if name in query}


def _tag_as_filter(query: Query) -> dict[str, str]:
    """The tag of a page for which pixiv's API has no list by tag; an empty one means all."""
    return {"tags": tag} if (tag := query.pop("tag", "")) else {}


def target(spider: str, **arguments: str) -> Target:
    """What a page means. Raises UrlRefused for a value that is empty or has control characters."""
    for name, value in arguments.items():
        if not value.strip():
            raise UrlRefused(f"{name} is empty; copy the whole address")
        if any(character < " " or "\x7f" <= character <= "\x9f" for character in value):
            raise UrlRefused(
                f"{name} holds control characters: {quoted(value)}; copy the address again from the browser"
            )
    return Target(spider, arguments)


def number(text: str, what: str) -> str:
    """An id without leading zeros. Raises UrlRefused, naming `what` it is not."""
    found = re.fullmatch(r"0*([1-9][0-9]{0,18})", text)
    if found is None or int(found[1]) > LARGEST_ID:
        raise UrlRefused(f"{quoted(text)} is not {what}; a positive whole number is")
    return found[1]
