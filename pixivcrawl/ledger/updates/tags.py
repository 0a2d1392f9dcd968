"""Tags, their translations, and which work has which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from pixivcrawl.batched import batched
from pixivcrawl.items import Tag
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.models import ArtworkTagRow, TagRow, TagTranslationRow, table
from pixivcrawl.ledger.updates.change_log import note_changes
from pixivcrawl.ledger.updates.upsert import insert_new, upsert

LONGEST_NAME = 500
"""Characters; pixiv's tags have at most 30, and PostgreSQL cannot index a text of any length."""

READER = "reader"
"""The language of a work's own translations: pixiv picks it by the reader's settings and does not name it."""

_REMEMBERED = "pixivcrawl.tags"
_MOST_REMEMBERED = 50_000

_ARTWORK_TAGS, _TAGS = table(ArtworkTagRow), table(TagRow)
_OF_WORKS = (
    select(_ARTWORK_TAGS.c.artwork_id, TagRow.name, _ARTWORK_TAGS.c.locked, _ARTWORK_TAGS.c.user_id)
    .join(TagRow, TagRow.id == _ARTWORK_TAGS.c.tag_id)
    .where(_ARTWORK_TAGS.c.artwork_id.in_(bindparam("work_ids", expanding=True)))
    .order_by(_ARTWORK_TAGS.c.artwork_id, _ARTWORK_TAGS.c.position)
)
_BY_NAME = select(_TAGS.c.name, _TAGS.c.id).where(_TAGS.c.name.in_(bindparam("names", expanding=True)))
_TRANSLATIONS = select(TagTranslationRow.tag_id, TagTranslationRow.text).where(
    TagTranslationRow.tag_id.in_(bindparam("tag_ids", expanding=True)), TagTranslationRow.language == READER
)
_FORGET_TAGS = delete(_ARTWORK_TAGS).where(_ARTWORK_TAGS.c.artwork_id == bindparam("work_id"))
_LINK = insert(_ARTWORK_TAGS)


@dataclass(slots=True)
class _Remembered:
    ids: dict[str, int] = field(default_factory=dict)
    translations: dict[int, str] = field(default_factory=dict)


def remember_tags(connection: Connection) -> None:
    """Keep the ids of tags between changes on this connection; after a rollback `forget_tags` must be called."""
    remembered: _Remembered = connection.info.setdefault(_REMEMBERED, _Remembered())
    if len(remembered.translations) > _MOST_REMEMBERED:
        remembered.translations.clear()


def forget_tags(connection: Connection) -> None:
    """Drop the kept ids, which may never have been committed."""
    if _REMEMBERED in connection.info:
        connection.info[_REMEMBERED] = _Remembered()


def tag_name(tag: Tag) -> str:
    """A tag's name as the ledger keeps it."""
    return storable(tag.name)[:LONGEST_NAME]


class TagLink(NamedTuple):
    """A tag on a work: its name as the ledger keeps it, whether it is locked, and who added it."""

    name: str
    locked: bool | None = None
    user_id: int | None = None


def links_of(tags: Iterable[Tag], known: Sequence[TagLink] = ()) -> list[TagLink]:
    """A work's tags, each once, with what is known of those of which the source says only the name."""
    links = {(name := tag_name(tag)): TagLink(name, tag.locked, tag.user_id) for tag in tags}
    for name, locked, user_id in known:
        if (link := links.get(name)) is not None and None in link:
            links[name] = TagLink(
                name, locked if link.locked is None else link.locked, user_id if link.user_id is None else link.user_id
            )
    return list(links.values())


def tag_links(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[TagLink]]:
    """The present tags of each work that has any, in the artist's order; at most a few hundred works at once."""
    links: dict[int, list[TagLink]] = {}
    if work_ids:
        for work_id, *link in connection.execute(_OF_WORKS, {"work_ids": work_ids}):
            links.setdefault(work_id, []).append(TagLink(*link))
    return links


def record_tags(connection: Connection, links_of_works: Mapping[int, Sequence[TagLink]], former: Sequence[int]) -> None:
    """Give each work its tags, in order; works in `former` had others before."""
    ids = _tag_ids(connection, (link.name for links in links_of_works.values() for link in links))
    if former:
        connection.execute(_FORGET_TAGS, [{"work_id": work_id} for work_id in former])
    rows = [
        {
            "artwork_id": work_id,
            "position": position,
            "tag_id": ids[link.name],
            "locked": link.locked,
            "user_id": link.user_id,
        }
        for work_id, links in links_of_works.items()
        for position, link in enumerate(links)
    ]
    if rows:
        connection.execute(_LINK, rows)


def record_translations(connection: Connection, told: Iterable[tuple[Sequence[Tag], datetime]]) -> None:
    """Record pixiv's translations into the reader's language, from works and with the time; a tag without one keeps what is known."""
    translated = [
        (tag_name(tag), storable(tag.translation), now)
        for tags, now in told
        for tag in tags
        if tag.translation is not None
    ]
    ids = _tag_ids(connection, (name for name, _, _ in translated))
    remembered = _remembered(connection).translations
    unknown = [tag_id for tag_id in ids.values() if tag_id not in remembered]
    for some in batched(unknown, 500):
        known = connection.execute(_TRANSLATIONS, {"tag_ids": some})
        remembered.update((tag_id, text) for tag_id, text in known)
    new: dict[int, datetime] = {}
    for name, text, now in translated:
        if remembered.get(ids[name]) != text:
            remembered[ids[name]] = text
            new[ids[name]] = now
    rows = [
        {"tag_id": tag_id, "language": READER, "text": remembered[tag_id], "seen": now} for tag_id, now in new.items()
    ]
    _keep_translations(connection, rows)


def record_tag_translations(
    connection: Connection, translations: Mapping[str, Mapping[str, str | None]], now: datetime
) -> None:
    """{tag: {language, or `romaji`: text}} as pixiv's own pages of tags have it."""
    texts = {
        (storable(name)[:LONGEST_NAME], language): storable(text)
        for name, told in translations.items()
        for language, text in told.items()
        if text
    }
    ids = _tag_ids(connection, (name for name, _ in texts))
    rows = [
        {"tag_id": ids[name], "language": storable(language), "text": text, "seen": now}
        for (name, language), text in texts.items()
    ]
    _keep_translations(connection, rows)


def _keep_translations(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, table(TagTranslationRow), rows, ("tag_id", "language"))
    note_changes(connection, "tag", [row["tag_id"] for row in rows])


def _remembered(connection: Connection) -> _Remembered:
    """The ids that this connection keeps; empty if `remember_tags` was not called on it."""
    remembered: _Remembered | None = connection.info.get(_REMEMBERED)
    return remembered if remembered is not None else _Remembered()


def _tag_ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The id of each name; new names get one."""
    remembered = _remembered(connection).ids
    wanted = dict.fromkeys(names)
    unknown = [name for name in wanted if name not in remembered]
    if unknown:
        if len(remembered) > _MOST_REMEMBERED:
            remembered.clear()
            unknown = list(wanted)
        _look_up(connection, remembered, unknown)
        new = [name for name in unknown if name not in remembered]
        if new:
            insert_new(connection, _TAGS, [{"name": name} for name in new], ("name",))
            _look_up(connection, remembered, new)
    return {name: remembered[name] for name in wanted}


def _look_up(connection: Connection, remembered: dict[str, int], names: Sequence[str]) -> None:
    for some in batched(names, 500):
        found = connection.execute(_BY_NAME, {"names": some})
        remembered.update((name, tag_id) for name, tag_id in found)
