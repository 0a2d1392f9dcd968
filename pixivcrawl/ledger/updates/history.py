"""Former values of works and users, and from when to when they were true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select


def keep_former(
    connection: Connection,
    versions: Table,
    owner: Mapping[str, int],
    former: Mapping[str, Any],
    known_since: Mapping[str, datetime | None],
    first: datetime,
    now: datetime,
) -> None:
    """Keep former values ({field: value}) of a work or user, which `owner` names by the column of `versions`.

    A value was true from the time in `known_since`, otherwise from the last change of its field, otherwise from when it was `first` known.
    """
    if not former:
        return
    ((column, owner_id),) = owner.items()
    last = connection.execute(
        select(versions.c.field, func.max(versions.c.true_to))
        .where(versions.c[column] == owner_id)
        .group_by(versions.c.field)
    )
    since = {**dict(last.all()), **known_since}
    rows = [
        {**owner, "field": name, "value": value, "true_from": since.get(name) or first, "true_to": now}
        for name, value in former.items()
    ]
    connection.execute(insert(versions), rows)
