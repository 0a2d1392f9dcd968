"""Page addresses as people paste them: which spider reads one, and with which arguments.

pixiv: a page may stand behind a language (`/en/`) or on the phones' hosts (`touch.`, `m.`).
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pixivcrawl.api.images import read_image_url
from pixivcrawl.api.pages import Query, Target, UrlRefused, number, read_page, target
from pixivcrawl.api.text import quoted

__all__ = ["ACCOUNT", "LONGEST_ADDRESS", "Target", "UrlRefused", "addresses_in", "read_url"]

LONGEST_ADDRESS = 8192

_IDS = re.compile(r"#?[0-9]+(?:[\s,]+#?[0-9]+)*")
_SAVED_FILE = re.compile(
    r"(?:.*[/\\])?(\d+)(?:-[0-9a-f]{32})?_(?:p|ugoira|frame)\d[^/\\]*\.[a-z0-9]{2,5}", re.ASCII | re.IGNORECASE
)
"""The name under which pixiv and every downloader save a work's file, with or without its folders."""

_PAGE_PATH = re.compile(
    r"/?(?:[a-z]{2}(?:[-_][a-z]{2,4})?/)?(?:artworks|i|users?|u|tags|search|request|discovery|watchlist|img[0-9]*|[a-z0-9_]+\.php)(?:[/?#]|$)",
    re.IGNORECASE | re.ASCII,
)
"""A page's address without its host, as in `users/11`."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?", re.IGNORECASE | re.ASCII)
_IMAGE_HOST = re.compile(r"(?:[a-z0-9-]+\.)*pximg\.net|(?:i|img)[0-9]*\.pixiv\.net")
_OLD_IMAGE = re.compile(r"(?:/img[0-9]*)?/img/[^/]+/([0-9]+)(?:_[a-z0-9_]+)?\.[a-z]{3,4}", re.ASCII)
"""pixiv, until about 2014: `/img01/img/NAME/ID.jpg`, with `_p0`, `_big_p0`, `_m` or `_s` behind the id."""
ACCOUNT = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""The name of an account, which pixiv.me leads from."""
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
# The text itself stays out of this message: a cookie or a password may have been pasted by mistake.
_NO_ADDRESS = "not an address of a pixiv page; copy it from the browser, starting with https://, or give a work's id"
_PAIRS = {"'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "「": "」", "『": "』", "【": "】", "(": ")", "（": "）"}
_MARKDOWN_LINK = re.compile(r"\[[^\n]*?\]\(\s*<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s[^)]*)?\)")
_NEXT_ADDRESS = re.compile(r"(?<=[\s,;|\"'<>()\d])(?=https?://)", re.IGNORECASE)
"""Where another address begins; not where one stands within another one, as in `?return_to=https://`."""

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
_MIRRORED_FILE = re.compile(r"/([0-9]+)(?:-[0-9]+)?\.[a-z]{3,4}", re.ASCII)
"""pixiv.cat, pixiv.re, pixiv.nl: `/ID.jpg` for a work of one page, `/ID-2.jpg` for the second of several."""


def addresses_in(text: str) -> list[str]:
    """The addresses in a line that a person pasted: several next to each other, or those of Markdown's links; one alone as it is."""
    if links := _MARKDOWN_LINK.findall(text):
        beside = _NEXT_ADDRESS.split(_MARKDOWN_LINK.sub(" ", text))
        return links + [_unwrapped(part) for part in beside if "://" in part]
    return [part for part in map(_unwrapped, _NEXT_ADDRESS.split(text)) if part] or [text]


def read_url(text: str) -> Target:
    """Which spider reads what a person pasted: a pixiv page, an image's address, or works' ids. Raises UrlRefused.

    Blanks, quotes and brackets around the address, its scheme, host, language and fragment, and the marks of where it was found may be
    there or not. A parameter that says which works a page shows is taken over, or the address is refused with its name. A page under a tag
    is `user` with `tag`.
    """
    if len(text) > LONGEST_ADDRESS:
        raise UrlRefused(f"{len(text)} characters are too many for an address; paste one address")
    pasted = _unwrapped(text)
    if not pasted:
        raise UrlRefused("nothing to read; paste a pixiv address or a work's id")
    try:
        return _read_pasted(pasted)
    except UrlRefused:
        # A sentence's end belongs to no id; a tag may end so.
        without_end = pasted.rstrip(".。、，")
        if without_end == pasted:
            raise
        return _read_pasted(without_end)


def _read_pasted(pasted: str) -> Target:
    if _IDS.fullmatch(pasted):
        ids = re.split(r"[\s,]+", pasted.replace("#", ""))
        return target("artwork", id=",".join(number(part, "a work's id") for part in ids))
    if "://" not in pasted and (saved := _SAVED_FILE.fullmatch(pasted)):
        return target("artwork", id=number(saved[1], "a work's id"))
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
        # In an address that a browser shows these stand as %2C, %3B and %7C.
        inner = text.strip().strip(_BLANK_OR_OUTSIDE).rstrip(",;|")
        if len(inner) > 1 and _PAIRS.get(inner[0]) == inner[-1]:
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


def _with_scheme(pasted: str) -> str:
    if _SCHEME.match(pasted):
        return pasted
    if _PAGE_PATH.match(pasted):
        return "https://www.pixiv.net/" + pasted.removeprefix("/")
    return "https://" + pasted.removeprefix("//")


def _read(address: SplitResult, path: list[str], query: Query) -> Target:
    host = (address.hostname or "").removesuffix(".")
    if address.scheme not in ("http", "https") or "@" in address.netloc or address.port not in (None, 80, 443):
        raise UrlRefused(_NO_ADDRESS)
    if host in ("pixiv.me", "www.pixiv.me"):
        if len(path) != 1 or not ACCOUNT.fullmatch(path[0]):
            raise UrlRefused("pixiv.me only has account names; paste an address like pixiv.me/NAME")
        return target("user", account=path[0])
    if path and _LANGUAGE.fullmatch(path[0]):
        path = path[1:]
    if host in _PAGE_HOSTS and not _OLD_IMAGE.fullmatch(address.path):
        return read_page(path, query, address.fragment)
    if host in _PAGE_HOSTS or _IMAGE_HOST.fullmatch(host):
        return _image(address.geturl())
    if (mirror := _mirror(host)) is not None:
        return _mirrored(mirror, address, path, query)
    raise _foreign(host)


def _foreign(host: str) -> UrlRefused:
    labels = host.split(".")
    domains = [".".join(labels[at:]) for at in range(len(labels))]
    for domain in domains:
        if domain in _SERVICES:
            return UrlRefused(f"{_SERVICES[domain]} is not archived; paste an address on www.pixiv.net")
    if not _HOST.fullmatch(host):
        return UrlRefused(_NO_ADDRESS)
    return UrlRefused(f"{quoted(host)} is not pixiv; paste an address on www.pixiv.net or a work's id")


def _mirror(host: str) -> str | None:
    return next((mirror for mirror in _MIRRORS if host == mirror or host.endswith(f".{mirror}")), None)


def _mirrored(mirror: str, address: SplitResult, path: list[str], query: Query) -> Target:
    """A copy of pixiv's pages on another host: it gets no requests, but its address may contain an id."""
    if found := _MIRRORED_FILE.fullmatch(address.path):
        return target("artwork", id=number(found[1], "a work's id"))
    image = read_image_url(address.geturl())
    if image is not None and image.work_id is not None:
        return target("artwork", id=str(image.work_id))
    if "illust_id" in query:
        return target("artwork", id=number(query["illust_id"], "a work's id"))
    match path:
        case ["artworks" | "i", work, *_] if work.isdecimal():
            return target("artwork", id=number(work, "a work's id"))
        case ["users" | "u", user] if user.isdecimal():
            return target("user", id=number(user, "an artist's id"))
    raise UrlRefused(f"{mirror} is not pixiv itself; paste the work's address on www.pixiv.net, or its id")


def _image(url: str) -> Target:
    if old := _OLD_IMAGE.fullmatch(urlsplit(url).path):
        return target("artwork", id=number(old[1], "a work's id"))
    image = read_image_url(url)
    if image is None or image.work_id is None:
        raise UrlRefused("an image that belongs to no work; paste the work's own address or its id")
    return target("artwork", id=str(image.work_id))
