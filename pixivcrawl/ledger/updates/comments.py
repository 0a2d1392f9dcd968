"""Comments on works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from pixivcrawl.items import Comment
from pixivcrawl.ledger.models import ArtworkRow, CommentRow, table
from pixivcrawl.ledger.updates.upsert import upsert

_ARTWORKS, _COMMENTS = table(ArtworkRow), table(CommentRow)


def record_comments(connection: Connection, comments: Sequence[Comment], now: datetime) -> int:
    """A page of comments; one that is no longer shown stays. Returns how many of them are new."""
    by_id = {comment.comment_id: comment for comment in comments}
    found = connection.execute(select(_COMMENTS.c.id, _COMMENTS.c.first_seen).where(_COMMENTS.c.id.in_(list(by_id))))
    first_seen = {row.id: row.first_seen for row in found}
    rows = [
        {
            "id": comment.comment_id,
            "artwork_id": comment.work_id,
            "parent_id": comment.parent_id,
            "user_id": comment.user_id,
            "user_name": comment.user_name,
            "text": comment.text,
            "stamp_id": comment.stamp_id,
            "written": comment.written.isoformat() if comment.written else None,
            "first_seen": first_seen.get(comment.comment_id, now),
            "last_seen": now,
        }
        for comment in by_id.values()
    ]
    upsert(connection, _COMMENTS, rows, ("id",))
    return len(by_id) - len(first_seen)


def record_comments_read(connection: Connection, work_id: int, now: datetime) -> None:
    """All comments on a work were kept."""
    connection.execute(update(_ARTWORKS).where(_ARTWORKS.c.id == work_id).values(comments_read=now))
