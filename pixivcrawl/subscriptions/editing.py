"""Adds entries to `subscriptions.toml` and removes them; every other byte stays as it was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.rewriting import rewrite
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.subscriptions.file import ENTRIES, HEADER, SubscriptionFile, has_heads, line_of, read_text
from pixivcrawl.subscriptions.intervals import interval_text

_FIRST_LINES = """\
# What this archive follows; `pixivcrawl sync` runs what is due. docs/subscriptions.md says what you can write here.
"""

Edit = Callable[[SubscriptionFile], str]
"""The new text of the file, from the current one. Raises ConfigurationError for a change that cannot be made."""


def appended(file: SubscriptionFile, *entries: Mapping[str, Any]) -> str:
    """The file with these entries at its end; an interval is a timedelta."""
    import tomlkit

    _refuse_without_heads(file)
    if not entries:
        return file.text
    rows = tomlkit.aot()
    for entry in entries:
        texts = {key: interval_text(value) if isinstance(value, timedelta) else value for key, value in entry.items()}
        rows.append(tomlkit.item(texts))
    document = tomlkit.document()
    document.append(ENTRIES, rows)
    added = tomlkit.dumps(document).strip() + "\n"
    before = file.text or _FIRST_LINES
    line_end = "\r\n" if "\r\n" in before else "\n"
    if not before.endswith("\n"):
        before += line_end
    return before + line_end + added.replace("\n", line_end)


def removed(file: SubscriptionFile, name: str) -> str:
    """The file without the entry of that name and the comments in it; comments above it, and below it after a blank line, stay.

    Raises ConfigurationError when there is none.
    """
    names = [subscription.name for subscription in file.subscriptions]
    if name not in names:
        known = ", ".join(map(quoted, names)) or "nothing"
        raise ConfigurationError(f"{file.path}: there is no subscription {quoted(name)}; there are: {known}")
    _refuse_without_heads(file)
    place = names.index(name)
    lines = file.text.split("\n")
    first = line_of(file.text, place) - 1
    below = line_of(file.text, place + 1) - 1 if place + 1 < len(names) else len(lines)
    return "\n".join(lines[:first] + lines[_end_of_entry(lines, first, below) :])


def _refuse_without_heads(file: SubscriptionFile) -> None:
    """Raises ConfigurationError for entries in one list, `subscription = [{...}, {...}]`, which cannot be edited line by line."""
    if not has_heads(file.text):
        line = line_of(file.text, None, ENTRIES)
        raise ConfigurationError(
            f"{file.path}:{line}: only you can change a list of entries; begin each with a line {HEADER}, then try again"
        )


def _end_of_entry(lines: Sequence[str], first: int, below: int) -> int:
    """Where the text after an entry begins; its header is at `first`, and it has nothing of its own from `below` on."""
    after = 1 + max(at for at in range(first, below) if not _is_blank(lines[at]) and not _is_comment(lines[at]))
    comments = after
    while comments < below and _is_comment(lines[comments]):
        comments += 1
    if comments < below and _is_blank(lines[comments]):
        after = comments
    while after < below and _is_blank(lines[after]):
        after += 1
    return after


def _is_blank(line: str) -> bool:
    return not line.strip()


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def change(path: Path, edit: Edit, check: Callable[[SubscriptionFile], object]) -> SubscriptionFile:
    """Change the file and replace it in one step; a change that somebody else makes meanwhile is kept.

    `check` raises ConfigurationError for a file that must not come to be. Raises ConfigurationError or StorageFailed; the file is
    then as it was.
    """
    path = path.resolve()

    def changed(content: bytes) -> bytes:
        wanted = edit(read_text(path, content)).encode()
        check(read_text(path, wanted))
        return wanted

    return read_text(path, rewrite(path, changed))
