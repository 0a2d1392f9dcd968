"""Artists, with their former names and pictures, and who follows whom."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pixivcrawl.gallery.pages.history import compared
from pixivcrawl.gallery.pages.works import shown_of
from pixivcrawl.gallery.request import NotFound, Page, PageRequest
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.ledger.queries.browsing import history, people
from pixivcrawl.ledger.queries.browsing.works import Picture

PEOPLE_A_PAGE = 60


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist among others."""

    id: int
    name: str | None
    works: int
    former: tuple[str, ...]
    avatar: Picture | None
    is_gone: bool


def artists(connection: Connection, asked: PageRequest) -> Page:
    """The artists of works, most works first."""
    subjects, older = asked.index.artists(before=asked.query.get("before"), limit=PEOPLE_A_PAGE)
    ids = [subject.id for subject in subjects]
    known = people.people(connection, ids)
    names = history.names_of_users(connection, ids)
    avatars = history.pictures_of_users(connection, ids)
    shown = [
        Artist(
            id=subject.id,
            name=known[subject.id].name,
            works=subject.works,
            former=tuple(each.name for each in names.get(subject.id, []) if each.name != known[subject.id].name),
            avatar=next(iter(avatars.get(subject.id, [])), None),
            is_gone=known[subject.id].availability == "gone",
        )
        for subject in subjects
        if subject.id in known
    ]
    return Page("artists.html", {"artists": shown, "older": f"/artists?before={older}" if older else None})


def artist(connection: Connection, asked: PageRequest) -> Page:
    """A person: present and former names, pictures and profile, and the works."""
    user_id = asked.number("id")
    person = people.people(connection, [user_id]).get(user_id)
    if person is None:
        raise NotFound(f"artist {user_id}")
    query = WorksQuery(artist=str(user_id), filter=asked.query.get("filter"))
    avatars, backgrounds = (
        history.pictures_of_users(connection, [user_id], kind).get(user_id, []) for kind in ("avatar", "background")
    )
    return Page(
        "artist.html",
        {
            "person": person,
            "names": history.names_of_users(connection, [user_id]).get(user_id, []),
            "avatars": avatars,
            "backgrounds": backgrounds,
            "changes": [compared(each) for each in history.changes_of_user(connection, user_id)],
            **shown_of(connection, asked, query),
        },
    )


def followers(connection: Connection, asked: PageRequest) -> Page:
    """The people whose follows are known."""
    ids = people.followers_after(connection, asked.whole("after", 0), PEOPLE_A_PAGE)
    return owners(connection, ids, "follows")


def follows(connection: Connection, asked: PageRequest) -> Page:
    """Whom one person follows."""
    user_id = asked.number("id")
    shown = people.follows_of(connection, user_id, asked.whole("after", 0), PEOPLE_A_PAGE)
    person = people.people(connection, [user_id]).get(user_id)
    if person is None and not shown:
        raise NotFound(f"person {user_id}")
    is_full = len(shown) == PEOPLE_A_PAGE
    return Page(
        "follows.html",
        {
            "id": user_id,
            "name": person.name if person is not None else None,
            "follows": shown,
            "older": f"/follows/{user_id}?after={shown[-1].followed_id}" if is_full else None,
        },
    )


def owners(connection: Connection, ids: list[int], lists: str) -> Page:
    """People who have lists of a kind (follows or bookmarks)."""
    known = people.people(connection, ids)
    return Page(
        "owners.html",
        {
            "lists": lists,
            "owners": [(each, known[each].name if each in known else None) for each in ids],
            "older": f"/{lists}?after={ids[-1]}" if len(ids) == PEOPLE_A_PAGE else None,
        },
    )
