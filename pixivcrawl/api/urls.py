"""Page addresses as people paste them: which spider reads one, and with which arguments.

pixiv: a page may stand behind a language (`/en/`), on the phones' hosts (`touch.`, `m.`), or have an older address that
still leads to it. Only numbers, words and pixiv's own query values are taken over; whether a value is one that pixiv
knows is for the spider to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pixivcrawl.api.images import LARGEST_ID, read_image_url
from pixivcrawl.api.wording import quoted

LONGEST_ADDRESS = 8192

_IDS = re.compile(r"[0-9]+(?:[\s,]+[0-9]+)*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?", re.IGNORECASE | re.ASCII)
_IMAGE_HOST = re.compile(r"(?:[a-z0-9-]+\.)*pximg\.net|i[0-9]*\.pixiv\.net")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
# The text itself stays out of this message: a cookie or a password may have been pasted by mistake.
_NO_ADDRESS = "not an address of a pixiv page; copy it from the browser, from https:// on, or give a work's id"
_PAIRS = {"'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "「": "」", "『": "』", "【": "】", "(": ")", "（": "）"}
_BLANK_OR_OUTSIDE = '<>"\u200b\u2060\ufeff'

_PAGE_HOSTS = frozenset({"pixiv.net", "www.pixiv.net", "touch.pixiv.net", "m.pixiv.net"})
_SERVICES = {
    "accounts.pixiv.net": "the log-in page",
    "app-api.pixiv.net": "the phone app's API",
    "booth.pm": "BOOTH",
    "comic.pixiv.net": "pixiv COMIC",
    "dic.pixiv.net": "pixiv's encyclopedia",
    "factory.pixiv.net": "pixivFACTORY",
    "fanbox.cc": "pixivFANBOX",
    "fanbox.pixiv.net": "pixivFANBOX",
    "novel.pixiv.net": "pixiv's novels",
    "oauth.secure.pixiv.net": "the phone app's API",
    "pixiv.help": "pixiv's help pages",
    "pixivision.net": "pixivision",
    "sketch.pixiv.net": "pixiv Sketch",
    "vroid.com": "VRoid",
    "pixiv.net": "another service of pixiv",
}
_MIRRORS = ("embed.pixiv.net", "phixiv.net", "ppxiv.net", "pixiv.cat", "pixiv.nl", "pixiv.re")

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
)
# pixiv: the page /search has names of its own for what the API calls s_tag and so on.
_SEARCH_MODES = {"tag": "s_tag", "tag_full": "s_tag_full", "tc": "s_tc"}

Query = dict[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """The spider that reads a page, and its arguments as they are given on the command line."""

    spider: str
    arguments: dict[str, str]


class UrlRefused(ValueError):
    """An address that no spider reads; the message is one line that says why, without control characters."""


def read_url(text: str) -> Target:
    """Which spider reads what a person pasted: a pixiv page, an image's address, or works' ids. Raises UrlRefused.

    Blanks, quotes and angle brackets around the address, its scheme, language, fragment and foreign query parameters
    may be there or not. Of an artist's pages, `/illustrations` holds ugoira too and is read without `type`, a page
    under a tag is `user` with `tag`, and `/request` is `user`.
    """
    if len(text) > LONGEST_ADDRESS:
        raise UrlRefused(f"{len(text)} characters are too many for an address; paste one address")
    pasted = _unwrapped(text)
    if not pasted:
        raise UrlRefused("nothing to read; paste a pixiv address or a work's id")
    if _IDS.fullmatch(pasted):
        return _target("artwork", id=",".join(_number(part, "a work's id") for part in re.split(r"[\s,]+", pasted)))
    try:
        pasted.encode()
        address = urlsplit(_with_scheme(pasted).replace("&amp;", "&"))
        _ = address.port
        path = [unquote(segment, errors="strict").strip() for segment in address.path.split("/") if segment]
        pairs = parse_qsl(address.query, errors="strict")
    except ValueError:
        raise UrlRefused(_NO_ADDRESS) from None
    return _read(address, path, dict(reversed(pairs)))


def _unwrapped(text: str) -> str:
    """`text` without what stands around an address in mails, chats and shells."""
    while True:
        inner = text.strip().strip(_BLANK_OR_OUTSIDE)
        if len(inner) > 1 and _PAIRS.get(inner[0]) == inner[-1]:
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


def _with_scheme(pasted: str) -> str:
    if _SCHEME.match(pasted):
        return pasted
    return "https://" + pasted.removeprefix("//")


def _read(address: SplitResult, path: list[str], query: Query) -> Target:
    host = (address.hostname or "").removesuffix(".")
    if address.scheme not in ("http", "https") or "@" in address.netloc or address.port not in (None, 80, 443):
        raise UrlRefused(_NO_ADDRESS)
    if host in _PAGE_HOSTS:
        return _page(path[1:] if path and _LANGUAGE.fullmatch(path[0]) else path, query)
    if _IMAGE_HOST.fullmatch(host):
        return _image(address.geturl())
    raise _foreign(host)


def _foreign(host: str) -> UrlRefused:
    labels = host.split(".")
    domains = [".".join(labels[at:]) for at in range(len(labels))]
    if "pixiv.me" in domains:
        return UrlRefused("pixiv.me names an account without its id; open the address and paste the one it leads to")
    for domain in domains:
        if domain in _MIRRORS:
            return UrlRefused(f"{domain} is not pixiv itself; paste the work's address on www.pixiv.net, or its id")
        if domain in _SERVICES:
            return UrlRefused(f"{_SERVICES[domain]} is not archived; paste an address on www.pixiv.net")
    if not _HOST.fullmatch(host):
        return UrlRefused(_NO_ADDRESS)
    return UrlRefused(f"{quoted(host)} is not pixiv; paste an address on www.pixiv.net or a work's id")


def _image(url: str) -> Target:
    image = read_image_url(url)
    if image is None or image.work_id is None:
        raise UrlRefused("an image that belongs to no work; paste the work's own address or its id")
    return _target("artwork", id=str(image.work_id))


def _page(path: list[str], query: Query) -> Target:
    match path:
        case [] | ["index.php" | "mypage.php" | "illustration"]:
            return _target("top", **_carried(query, "mode"))
        case ["artworks", "unlisted", *_]:
            raise UrlRefused("an unlisted work's address holds no id; paste the address of one of its images")
        case ["artworks" | "i", work]:
            return _target("artwork", id=_number(work, "a work's id"))
        case ["users" | "user" | "u", user, *rest]:
            return _user_page(_number(user, "an artist's id"), rest, query)
        case ["tags", word, *rest]:
            return _tag_page(word, rest, query)
        case ["search"]:
            return _search(query.get("q"), query)
        case ["request", *rest]:
            return _request_page(rest, query)
        case ["discovery"] | ["discovery", "artworks"]:
            return _target("discovery", target="artworks", **_carried(query, "mode"))
        case ["discovery", "users"]:
            return _target("discovery", target="users")
        case ["watchlist"] | ["watchlist", "manga"]:
            return _target("watchlist")
        case [page] if page.endswith(".php"):
            return _old_page(page, query)
    raise _no_page(path)


def _no_page(path: list[str]) -> UrlRefused:
    match path:
        case ["novel" | "n", *_] | ["watchlist", "novel", *_]:
            return _novel()
        case ["fanbox", *_]:
            return UrlRefused(f"{_SERVICES['fanbox.cc']} is not archived; paste another address on www.pixiv.net")
        case ["stacc", *_]:
            return UrlRefused("a feed page names an account without its id; paste the address of the artist's own page")
        case ["jump.php", *_]:
            return UrlRefused("an address that leads away from pixiv; paste the address of a pixiv page")
        case ["ajax", *_] | ["touch", "ajax", *_]:
            return UrlRefused("an address of pixiv's API, not a page; `scrapy api` lists and calls its endpoints")
        case ["search", "users", *_]:
            return UrlRefused("a search for artists finds no works; paste an artist's own address")
    page = quoted("/" + "/".join(path))
    return UrlRefused(f"{page} is no page that can be archived; paste a work, an artist, a search or another list")


def _novel() -> UrlRefused:
    return UrlRefused("a novel; novels are not works here, only illustrations, manga and ugoira are")


def _user_page(user: str, rest: list[str], query: Query) -> Target:
    match rest:
        case [] | ["artworks" | "illustrations" | "request"]:
            return _target("user", id=user)
        case ["manga"]:
            return _target("user", id=user, type="manga")
        case ["artworks" | "illustrations", tag]:
            return _target("user", id=user, tag=tag)
        case ["manga", tag]:
            return _target("user", id=user, type="manga", tag=tag)
        case ["bookmarks"] | ["bookmarks", "artworks"]:
            return _target("bookmarks", id=user, **_carried(query, "rest"))
        case ["bookmarks", "artworks", tag]:
            return _target("bookmarks", id=user, tag=tag, **_carried(query, "rest"))
        case ["following"]:
            return _target("following", id=user, **_carried(query, "rest"))
        case ["followers"]:
            return _target("followers", id=user)
        case ["series", series]:
            return _target("series", id=_number(series, "a series' id"))
        case ["novels", *_] | ["bookmarks", "novels", *_]:
            raise _novel()
    raise _no_page(["users", user, *rest])


def _tag_page(word: str, rest: list[str], query: Query) -> Target:
    match rest:
        case []:
            # pixiv: this page shows search/top, which takes no parameters.
            return _target("search", word=word, target="top")
        case ["artworks" | "illustrations" | "manga" as target]:
            return _target("search", word=word, target=target, **_carried(query, *_SEARCH))
        case ["novels", *_]:
            raise _novel()
    raise _no_page(["tags", word, *rest])


def _search(word: str | None, query: Query) -> Target:
    """The pages /search and /search.php, whose `type` says what the newer addresses say in their path."""
    if not word:
        raise UrlRefused("a search without a word; paste the address of a search's results")
    carried = _carried(query, *_SEARCH)
    if "s_mode" in carried:
        carried["s_mode"] = _SEARCH_MODES.get(carried["s_mode"], carried["s_mode"])
    match carried.pop("type", "all"):
        case "all" | "artwork":
            return _target("search", word=word, target="artworks", **carried)
        case "illust_ugoira" | "illust_and_ugoira":
            return _target("search", word=word, target="illustrations", type="illust_and_ugoira", **carried)
        case "illust" | "ugoira" as kind:
            return _target("search", word=word, target="illustrations", type=kind, **carried)
        case "manga":
            return _target("search", word=word, target="manga", **carried)
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
            return _target("requests", state="overview", **mode)
        case [*_, "novel" | "novels"]:
            raise _novel()
        case ["complete" | "creators" | "in_progress" as state]:
            return _target("requests", state=state, **mode)
        case ["complete" | "creators" | "in_progress" as state, kind] | ["creators" as state, "works", kind]:
            return _target("requests", state=state, type=kind, **mode)
    raise _no_page(["request", *rest])


def _old_page(page: str, query: Query) -> Target:
    match page:
        case "member_illust.php" | "bookmark_detail.php" | "bookmark_add.php" if "illust_id" in query:
            return _target("artwork", id=_number(query["illust_id"], "a work's id"))
        case "member.php":
            return _target("user", id=_number(query.get("id", ""), "an artist's id"))
        case "member_illust.php":
            return _old_user_works(query)
        case "bookmark.php":
            return _old_bookmarks(query)
        case "search.php":
            return _search(query.get("word"), query)
        case "tags.php" if "tag" in query:
            return _tag_page(query["tag"], [], query)
        case "ranking.php":
            return _target("ranking", **_carried(query, "mode", "date", "content"))
        case "bookmark_new_illust.php":
            return _target("feed", **_carried(query, "mode"), **_tag_as_filter(query))
        case "bookmark_new_illust_r18.php":
            return _target("feed", mode="r18", **_tag_as_filter(query))
        case "new_illust.php":
            return _target("new", **_carried(query, "type", "r18"))
        case "new_illust_r18.php":
            return _target("new", r18="true", **_carried(query, "type"))
        case "mypixiv_new_illust.php":
            return _target("mypixiv")
        case "cate_r18.php":
            return _target("top", mode="r18")
    raise _no_page([page])


def _old_user_works(query: Query) -> Target:
    user = _number(query.get("id", ""), "an artist's id")
    if query.get("type") == "novel":
        raise _novel()
    return _target("user", id=user, **_carried(query, "type", "tag"))


def _old_bookmarks(query: Query) -> Target:
    """pixiv: bookmark.php without an id is the reader's own; `type` tells works from people followed and followers."""
    person = _number(query["id"], "an artist's id") if "id" in query else "me"
    match query.get("type"):
        case "user":
            return _target("following", id=person, **_carried(query, "rest"))
        case "reg_user":
            return _target("followers", id=person)
        case "novel":
            raise _novel()
    return _target("bookmarks", id=person, **_carried(query, "rest", "tag"))


def _carried(query: Query, *names: str) -> dict[str, str]:
    return {name: query[name] for name in names if name in query}


def _tag_as_filter(query: Query) -> dict[str, str]:
    """The tag of a page that pixiv's API has no list by tag for; an empty one stands for all."""
    return {"tags": tag} if (tag := query.get("tag")) else {}


def _target(spider: str, **arguments: str) -> Target:
    for name, value in arguments.items():
        if not value.strip():
            raise UrlRefused(f"{name} is empty; copy the whole address")
        if any(character < " " or "\x7f" <= character <= "\x9f" for character in value):
            raise UrlRefused(
                f"{name} holds control characters: {quoted(value)}; copy the address again from the browser"
            )
    return Target(spider, arguments)


def _number(text: str, what: str) -> str:
    found = re.fullmatch(r"0*([1-9][0-9]{0,18})", text)
    if found is None or int(found[1]) > LARGEST_ID:
        raise UrlRefused(f"{quoted(text)} is not {what}; a positive whole number is")
    return found[1]
