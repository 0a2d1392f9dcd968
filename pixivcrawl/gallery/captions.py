"""A work's caption as safe HTML: only line breaks, bold words and links are kept."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import parse_qs, unquote, urlsplit

from markupsafe import Markup, escape

LONGEST = 100_000
"""Characters of a caption that are read; pixiv lets an artist write 3,000."""

_BOLD = ("strong", "b")
_HIDDEN = ("script", "style", "template", "noscript", "iframe", "textarea", "title", "svg", "math")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[Markup] = []
        self._open: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self.parts.append(Markup("<br>"))
        elif tag in _BOLD:
            self._begin("strong", Markup("<strong>"))
        elif tag == "a" and "a" not in self._open:
            target = link_target(dict(attrs).get("href") or "")
            if target is not None:
                opening = Markup('<a href="{}" rel="noreferrer noopener external">').format(target)
                self._begin("a", opening)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.parts.append(Markup("<br>"))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        name = "strong" if tag in _BOLD else tag
        if name in self._open:
            self._end_down_to(name)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(escape("".join(each for each in data if each.isprintable() or each in "\n\t")))

    def end(self) -> None:
        while self._open:
            self._end_down_to(self._open[-1])

    def _begin(self, tag: str, opening: Markup) -> None:
        self._open.append(tag)
        self.parts.append(opening)

    def _end_down_to(self, tag: str) -> None:
        while True:
            last = self._open.pop()
            self.parts.append(Markup(f"</{last}>"))  # noqa: S704 (one of two words)
            if last == tag:
                return


def caption(text: str | None) -> Markup:
    """The caption within a `bdi`; characters that change the direction of text are removed."""
    reader = _Reader()
    reader.feed((text or "")[:LONGEST])
    reader.close()
    reader.end()
    return Markup("<bdi>{}</bdi>").format(Markup("").join(reader.parts))


def link_target(href: str) -> str | None:
    """Where a caption's link leads, without pixiv's jump.php; relative paths are on pixiv; None if it is not a web page."""
    try:
        parts = urlsplit(href.strip())
        if parts.path == "/jump.php" and (not parts.netloc or parts.netloc.endswith("pixiv.net")):
            given = parse_qs(parts.query).get("url", [unquote(parts.query)])[0]
            parts = urlsplit(given.strip())
        elif not parts.scheme and not parts.netloc and parts.path.startswith("/"):
            parts = parts._replace(scheme="https", netloc="www.pixiv.net")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    target = parts.geturl()
    return target if target.isprintable() and len(target) <= 2_000 else None
