"""Whether pixiv still takes the account: asked when an answer makes it doubtful, so that nobody knocks on where they are not wanted."""

from __future__ import annotations

import asyncio
import weakref
from time import monotonic

from scrapy.crawler import Crawler

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import ME_EXTRA
from pixivcrawl.configuration import Configuration
from pixivcrawl.downloadhandlers.pace import STOPPING_IS_SEEN_WITHIN, pace_of
from pixivcrawl.errors import AccountRefused
from pixivcrawl.extensions.run_record import RunRecord
from pixivcrawl.extensions.waiting import waiting

CHECKING = "checks_the_account"
"""Marks the question itself in a request's meta: its answer decides, whatever it is."""

BEFORE_ALL_OTHERS = 1000
"""The question's priority: what already waits for its turn may be refused as well."""

REFUSED = {AnswerKind.LOGIN_NEEDED, AnswerKind.FORBIDDEN, AnswerKind.NOT_JSON}
"""Answers to the cheapest question a signed-in reader can ask that say: not you, or not now."""

BELIEVED_FOR = 60.0
"""Seconds for which a session that was taken is not looked at again because of one more page, or work that pixiv withholds."""


class Account:
    """What one run knows of its session. `has_worked`: pixiv gave it something that only a signed-in reader gets."""

    def __init__(self, crawler: Crawler) -> None:
        self.has_worked = False
        self._crawler = crawler
        self._configuration = Configuration.from_settings(crawler.settings)
        self._refused: AccountRefused | None = None
        self._taken_at: float | None = None
        self._asking: asyncio.Future[None] | None = None

    async def is_taken(self, *, believed_for: float = 0.0, ends_run: bool = True) -> bool:
        """Whether pixiv takes the session; asked anew unless it was taken less than `believed_for` seconds ago.

        One that is refused decides how the run ends (AccountRefused, exit code 4), and ends it at once when `ends_run` or when it had
        worked before. Otherwise what everyone may see is archived all the same.
        """
        if self._taken_at is not None and monotonic() - self._taken_at < believed_for:
            return True
        if self._refused is None:
            # Those who ask at the same time share one question.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.ensure_future(self._ask(ends_run=ends_run))
            # One who gives up takes the question from nobody else.
            await asyncio.shield(self._asking)
        elif ends_run:
            # Until now only what a signed-in reader sees was refused.
            self._decide(self._refused, ends_run=True)
        return self._refused is None

    async def _ask(self, *, ends_run: bool) -> None:
        """Two refusals in a row count; one alone may be a fault of the moment. Nothing else is asked until it is known."""
        pace = pace_of(self._configuration.api.key, self._configuration)
        in_doubt = "pixiv refused something, and is asked whether it still takes the session; nothing else is sent"
        with pace.kept_for(BEFORE_ALL_OTHERS), waiting(self._crawler, in_doubt):
            refusal = await self._refusal()
            if refusal is not None:
                await asyncio.sleep(self._configuration.api_retry_delay)
                refusal = await self._refusal()
            if refusal is None:
                self._taken_at = monotonic()
                return
            self._refused = account_refused(refusal)
            self._decide(self._refused, ends_run=ends_run or self.has_worked)
            # What waits for its turn sees meanwhile that the run is ending.
            await asyncio.sleep(2 * STOPPING_IS_SEEN_WITHIN)

    async def _refusal(self) -> Answer | None:
        request = ME_EXTRA.request(self._configuration.base_url).replace(priority=BEFORE_ALL_OTHERS)
        request.meta[CHECKING] = True
        try:
            await self._crawler.engine.download_async(request)
        except AnswerRefused as refusal:
            return refusal.answer if refusal.answer.kind in REFUSED else None
        self.has_worked = True
        return None

    def _decide(self, error: AccountRefused, *, ends_run: bool) -> None:
        record = self._crawler.get_extension(RunRecord)
        if record is None:
            raise error
        record.end(error) if ends_run else record.decide(error)


_ACCOUNTS: weakref.WeakKeyDictionary[Crawler, Account] = weakref.WeakKeyDictionary()


def account_of(crawler: Crawler) -> Account:
    """The account of a crawl that has a session."""
    return _ACCOUNTS.setdefault(crawler, Account(crawler))


def account_refused(answer: Answer) -> AccountRefused:
    """What to say when pixiv does not take the session that was sent."""
    if answer.kind is AnswerKind.NOT_JSON:
        return AccountRefused(
            f"pixiv answers with a page where data is due (status {answer.status}): open pixiv in a browser, see what it says "
            "(a warning, a ban, a check for robots, maintenance), then run the same command again"
        )
    said = f" ({answer.message})" if answer.message else ""
    return AccountRefused(
        f"pixiv no longer takes the session{said}: log in again in a browser, renew PIXIV_PHPSESSID or the cookie file, "
        "then run the same command again"
    )
