"""Text for people: foreign text made safe for one line of a log or an error, numbers of things, sizes and durations."""

from __future__ import annotations

from collections.abc import Iterable


def one_line(text: str, longest: int = 120) -> str:
    """`text` on one line, at most `longest` characters, without characters that a terminal would act on or cannot show.

    Right-to-left marks are among them.
    """
    # Far more than is shown need not be read: a hostile text can be megabytes long.
    head = text[: 4 * longest]
    shown = head if head.isprintable() else "".join(each if each.isprintable() else " " for each in head)
    line = " ".join(shown.split())
    if len(line) > longest or len(text) > len(head):
        return line[: longest - 3].rstrip() + "..."
    return line


def quoted(value: object, longest: int = 60) -> str:
    """A value of any type as a short quotation. Only plain values are shown; for others, what they are."""
    match value:
        case str():
            return f"'{one_line(value, longest)}'"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return str(value)
        case int():
            return str(value) if abs(value) < 10**20 else "an enormous number"
        case dict():
            return "an object"
        case list() | tuple() | set():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def plural(number: int, what: str, many: str | None = None) -> str:
    """A number of things: 1 work, 2 works, 1,200 works; `many` is the plural if it is not formed with s."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def size(number: int) -> str:
    """Bytes for a person: 0.0 kB, 1.5 kB, 2.0 MB, 10.0 GB."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if number >= unit:
            return f"{number / unit:,.1f} {name}"
    return f"{number / 1000:,.1f} kB"


def spoken(seconds: float) -> str:
    """A duration, rounded as an estimate should be: 40 s, 12 min, 3 h, 2 days."""
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{max(0, seconds):.0f} s"


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The known names that contain or resemble the given one, as a question to insert; empty if there are none."""
    # Only here: most commands are typed as they are spelled.
    from difflib import get_close_matches

    names = list(known)
    holding = [name for name in names if given.lower() in name.split(".")]
    near = holding or get_close_matches(given.lower(), names, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}? " if near else ""
