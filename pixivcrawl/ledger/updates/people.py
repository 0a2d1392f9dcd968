"""Users and their names, former ones too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter

from sqlalchemy import Connection, bindparam, insert, select, update

from pixivcrawl.items import Artwork, User, columns_of
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.models import UserNameRow, UserRow, UserVersionRow, table
from pixivcrawl.ledger.updates.change_log import note_changes
from pixivcrawl.ledger.updates.history import keep_former
from pixivcrawl.ledger.updates.upsert import as_kept, insert_new, rows_of
from pixivcrawl.ledger.updates.user_files import record_user_pictures

SEEN_AGAIN = timedelta(days=1)
"""A user seen unchanged within this time is not written again."""

_USERS, _NAMES = table(UserRow), table(UserNameRow)

_KNOWN = select(_USERS.c.name, _USERS.c.last_seen).where(_USERS.c.id == bindparam("user_id"))
_TELL_ACCOUNT = (
    update(_USERS)
    .where(_USERS.c.id == bindparam("user"), _USERS.c.account.is_distinct_from(bindparam("told")))
    .values(account=bindparam("told"))
)

_AVAILABLE = {
    "availability": "available",
    "unavailable_reason": None,
    "unavailable_since": None,
    "missing_since": None,
}


def record_user(connection: Connection, user: User, now: datetime) -> None:
    """Record a user from an answer; one who had left is back. None never replaces what is known, and former values are kept.

    The pictures that it names are wanted.
    """
    if user.name is None:
        record_user_seen(connection, user.user_id, now)
    else:
        record_user_name(connection, user.user_id, user.name, now)
    of_user = _USERS.c.id == user.user_id
    known = connection.execute(select(_USERS).where(of_user)).mappings().one()
    (row,) = rows_of([user])
    told = {name: as_kept(value) for name, value in row.items() if value is not None}
    former = {
        name: known[name]
        for name in columns_of(User, "history")
        if name in told and known[name] not in (None, told[name])
    }
    first = known["described"] or known["first_seen"]
    keep_former(connection, table(UserVersionRow), {"user_id": user.user_id}, former, {}, first, now)
    if user.name is not None:
        told["detail"] = "full" if user.detail == "full" else known["detail"] or "listing"
    if user.detail == "full":
        told["described"] = known["described"] or now
    connection.execute(update(_USERS).where(of_user).values(**told, **_AVAILABLE, last_seen=now))
    if user.pictures is not None:
        record_user_pictures(connection, user.user_id, user.pictures, now)


def record_user_name(connection: Connection, user_id: int, name: str, now: datetime) -> None:
    """Record the name of an artist from a row or a work."""
    record_user_names(connection, [(user_id, name, now)])


def record_user_names(connection: Connection, told: Iterable[tuple[int, str, datetime]]) -> None:
    """`record_user_name` for each user, name and time, by their ids; a user who was recorded just before is not looked up again."""
    known: dict[int, tuple[str | None, datetime]] = {}
    for user_id, name, now in sorted(told, key=itemgetter(0)):
        name = storable(name)
        if user_id not in known and (row := connection.execute(_KNOWN, {"user_id": user_id}).first()) is not None:
            known[user_id] = row.name, row.last_seen
        if user_id not in known:
            first = {"id": user_id, "name": name, "detail": "listing", "first_seen": now, "last_seen": now}
            insert_new(connection, _USERS, [first], ("id",))
        else:
            last, seen = known[user_id]
            if last == name and seen <= now < seen + SEEN_AGAIN:
                continue
            connection.execute(update(_USERS).where(_USERS.c.id == user_id).values(name=name, last_seen=now))
        _record_bearing(connection, user_id, name, now)
        if user_id not in known or known[user_id][0] != name:
            note_changes(connection, "user", [user_id])
        known[user_id] = name, now


def record_user_accounts(connection: Connection, artworks: Iterable[Artwork]) -> None:
    """Record the account names, from their works, of artists whose names are recorded."""
    accounts = {artwork.user_id: artwork.user_account for artwork in artworks if artwork.user_account}
    if accounts:
        told = [{"user": user_id, "told": storable(account)} for user_id, account in accounts.items()]
        connection.execute(_TELL_ACCOUNT, told)


def record_user_seen(connection: Connection, user_id: int, now: datetime) -> None:
    """Record that the user exists, although nothing else is known."""
    insert_new(connection, _USERS, [{"id": user_id, "first_seen": now, "last_seen": now}], ("id",))
    connection.execute(update(_USERS).where(_USERS.c.id == user_id).values(**_AVAILABLE, last_seen=now))


def record_user_unavailable(
    connection: Connection, user_id: int, availability: str, reason: str, now: datetime
) -> None:
    """Record that the user left, or never existed; everything that is known stays."""
    insert_new(connection, _USERS, [{"id": user_id, "first_seen": now, "last_seen": now}], ("id",))
    change = update(_USERS).where(_USERS.c.id == user_id, _USERS.c.availability != availability)
    connection.execute(
        change.values(availability=availability, unavailable_reason=reason, unavailable_since=now, missing_since=None)
    )


def record_user_not_found(connection: Connection, user_id: int, reason: str, now: datetime, *, apart: float) -> bool:
    """Record a 404 for a user, who has left if it happens again at least `apart` seconds later; returns whether that is so."""
    insert_new(connection, _USERS, [{"id": user_id, "first_seen": now, "last_seen": now}], ("id",))
    of_user = _USERS.c.id == user_id
    first, availability = connection.execute(select(_USERS.c.missing_since, _USERS.c.availability).where(of_user)).one()
    if availability == "gone" or (first is not None and not first <= now < first + timedelta(seconds=apart)):
        record_user_unavailable(connection, user_id, "gone", reason, now)
        return True
    connection.execute(update(_USERS).where(of_user).values(missing_since=first or now))
    return False


def _record_bearing(connection: Connection, user_id: int, name: str, now: datetime) -> None:
    known = connection.execute(
        select(UserNameRow.id).where(UserNameRow.user_id == user_id, UserNameRow.name == name)
    ).scalar()
    if known is None:
        row = {"user_id": user_id, "name": name, "first_seen": now, "last_seen": now}
        connection.execute(insert(_NAMES), [row])
    else:
        connection.execute(update(_NAMES).where(_NAMES.c.id == known).values(last_seen=now))
