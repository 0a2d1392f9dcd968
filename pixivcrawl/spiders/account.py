"""The reader's own account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pixivcrawl.api.catalogue import (
    DASHBOARD_HOME,
    DASHBOARD_REQUEST_STRATEGY,
    DASHBOARD_SETTINGS,
    DISCOVERY_ARTWORKS_META,
    DISCOVERY_USERS_META,
    LINKED_SERVICE_TUMENG,
    LIVE_FOLLOWING,
    ME_EXTRA,
    NOTIFICATION,
    USER_SHORT,
    WEBPUSH,
)
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.params import Arguments
from pixivcrawl.base_spiders.snapshot import SnapshotSpider

PAGES = (
    LIVE_FOLLOWING,
    ME_EXTRA,
    DASHBOARD_HOME,
    DASHBOARD_SETTINGS,
    DASHBOARD_REQUEST_STRATEGY,
    DISCOVERY_ARTWORKS_META,
    DISCOVERY_USERS_META,
    WEBPUSH,
    NOTIFICATION,
    LINKED_SERVICE_TUMENG,
)


class AccountArguments(Arguments):
    """No arguments: the session says whose account it is."""


class AccountSpider(SnapshotSpider[AccountArguments]):
    """Keeps what pixiv tells readers about their own account, as dated snapshots: name and pictures, follow counts, the dashboard,
    notifications, live streams of followed users, linked services, browser notices.

    Needs a session. Each run makes about a dozen requests and keeps every answer.
    """

    name = "account"

    def session_needed_for(self) -> str | None:
        return "the account"

    def api_requests(self) -> Iterator[tuple[Endpoint[Any], dict[str, Any]]]:
        if self.session is not None and self.session.user_id is not None:
            yield USER_SHORT, {"id": self.session.user_id}
        for endpoint in PAGES:
            yield endpoint, {}
