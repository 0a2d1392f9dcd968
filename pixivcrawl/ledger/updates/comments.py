"""Comments on works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from pixivcrawl.items import Comment
from pixivcrawl.ledger.models import ArtworkRow, CommentRow, table
from pixivcrawl.ledger.updates.upsert import keep_known, may_be_unsaid, rows_of

_ARTWORKS, _COMMENTS = table(ArtworkRow), table(CommentRow)


def record_comments(connection: Connection, comments: Sequence[Comment], now: datetime) -> int:
    """Record a page of comments; comments that are no longer shown stay. Returns how many of them are new."""
    ids = {comment.comment_id for comment in comments}
    known = connection.execute(select(_COMMENTS.c.id).where(_COMMENTS.c.id.in_(ids))).all()
    rows = rows_of(comments, first_seen=now, last_seen=now)
    for row in rows:
        row["written"] = row["written"] and row["written"].isoformat()
    keep_known(connection, _COMMENTS, rows, ("id",), may_be_unsaid(Comment))
    return len(ids) - len(known)


def record_comments_read(connection: Connection, work_id: int, now: datetime) -> None:
    """Record that all comments on a work were kept."""
    connection.execute(update(_ARTWORKS).where(_ARTWORKS.c.id == work_id).values(comments_read=now))
