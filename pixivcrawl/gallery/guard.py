"""Decides which requests are answered: by the gallery's own names, from its own pages, and with --lan by its key.

Another site's page may send the reader's browser to this machine, under a name of its own (DNS rebinding) or with a picture
or a form: so only listed names are answered, and requests from other sites' pages are refused.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from pixivcrawl.api.text import quoted

COOKIE = "pixivcrawl_key"

KEY_BYTES = 18
"""Bytes of a key, too many to guess: 24 characters in an address."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""What a browser is to allow a page: what comes from here, and nothing that stands within it, should a name ever get out of its place."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_SAFE_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Guard:
    """`hosts` are the names, with port, under which the gallery answers; `key` is required unless it is None."""

    hosts: frozenset[str]
    key: str | None = None

    def refusal(self, request: web.Request) -> str | None:
        """Why a request is refused; None if it is not."""
        if request.headers.getall("Host", []) != [request.host] or request.host.lower() not in self.hosts:
            return (
                f"this gallery is not called {quoted(request.host)}: open the address that pixivcrawl gallery printed"
            )
        # A request target may be a whole address, with a host of its own.
        if not request.raw_path.startswith("/"):
            return "ask for a path of this gallery"
        if request.method not in (*_SAFE_METHODS, "POST"):
            return "this gallery answers GET, HEAD and POST"
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin)[:2] != ("http", request.host.lower()):
            return "another site asked for this"
        site = request.headers.get("Sec-Fetch-Site", "none")
        if request.method == "POST" and origin is None and site != "same-origin":
            return "only a form of this gallery may change anything: open its page again"
        is_visit = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method in _SAFE_METHODS
        if site not in ("none", "same-origin") and not is_visit:
            return "another site asked for this"
        return None

    def knows(self, request: web.Request) -> bool:
        """Whether a request has the key, if one is required."""
        return self.key is None or _is_same(request.cookies.get(COOKIE, ""), self.key)

    def is_entry(self, request: web.Request) -> bool:
        """Whether a request is for the printed address with the key."""
        return self.key is not None and _is_same(request.query.get("key", ""), self.key)


def _is_same(given: str, key: str) -> bool:
    # A header's bytes that are no UTF-8 stand in it as surrogates.
    return secrets.compare_digest(given.encode(errors="replace"), key.encode())


def new_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


def guarding(guard: Guard) -> Middleware:
    """The middleware that runs before all others."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (why := guard.refusal(request)) is not None:
            return web.Response(status=403, text=f"{why}\n")
        if not guard.knows(request):
            if not guard.is_entry(request):
                return web.Response(
                    status=403, text="open the address with its key that pixivcrawl gallery --lan printed\n"
                )
            return _entered(guard)
        return await handler(request)

    return guarded


def _entered(guard: Guard) -> web.Response:
    """Set the key as a cookie and show the first page: no redirect, because a browser that comes from elsewhere would not send a strict
    cookie with it.
    """
    assert guard.key is not None
    answer = web.Response(text="The gallery opens.\n", headers={"Refresh": "0; url=/"})
    answer.set_cookie(COOKIE, guard.key, httponly=True, samesite="Strict", path="/", max_age=365 * 86400)
    return answer


async def give_headers(request: web.Request, answer: web.StreamResponse) -> None:
    """Add the security headers, which every answer has, also refusals."""
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers.setdefault("Cache-Control", "no-store" if request.method == "POST" else "no-cache")
