"""Checks that pixiv still accepts the session: from answers that say who reads, otherwise by asking as rarely as possible."""

from __future__ import annotations

import asyncio
import weakref
from datetime import UTC, datetime, timedelta
from time import monotonic

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import ME_EXTRA
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import AccountRefused
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import account_of_reader
from pixivcrawl.ledger.service import is_archiving, ledger_of
from pixivcrawl.reader import VISITOR
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, RunEnding, RunStopping, end_run
from pixivcrawl.session import session_from_settings
from pixivcrawl.throttling.rate_limiter import limiter_of, release_slot
from pixivcrawl.throttling.waits import waiting

CHECKING = "checks_the_account"
"""Marks the question itself in a request's meta: its answer decides, whatever it is."""

BEFORE_ALL_OTHERS = 1000
"""The question's priority: what already waits for its turn may be refused as well."""

REFUSED = {AnswerKind.LOGIN_NEEDED, AnswerKind.FORBIDDEN, AnswerKind.NOT_JSON}
"""Answers to the cheapest question a signed-in reader can ask that say: not you, or not now."""

BELIEVED_FOR = 60.0
"""Seconds for which a session that was taken is not looked at again because of one more page, or work that pixiv withholds."""

CONFIRMED_FOR = timedelta(days=1)
"""For so long no run asks at its start whether pixiv knows the session."""

READER = "X-Userid"
"""The header in which an answer says who reads. Not every answer has it, and its absence means nothing."""


class Account:
    """What one run knows about its session.

    `in_doubt`: since the last answer that only signed-in readers get, one came that a visitor may get too.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.in_doubt = False
        session = session_from_settings(crawler.settings)
        self._reader = session.reader if session is not None else None
        # `_ACCOUNTS` would otherwise keep every crawl of a process forever, because its value would hold its key.
        self._crawler_of_run = weakref.ref(crawler)
        self._is_archiving = is_archiving(crawler)
        self._configuration = Configuration.from_settings(crawler.settings)
        self._is_refused = False
        # Whether answers tell who reads; None before the first, False where some that are the reader's own do not.
        self._tells: bool | None = None
        self._stopped_telling = False
        self._has_looked_up = False
        self._taken_at: float | None = None
        self._answered_at: float | None = None
        self._asking: asyncio.Future[bool | None] | None = None

    @property
    def _crawler(self) -> Crawler:
        crawler = self._crawler_of_run()
        assert crawler is not None
        return crawler

    def note(self, response: Response) -> None:
        """Note who reads if the answer says so. Raises AccountRefused if that is another account than the session's."""
        told = (response.headers.get(READER) or b"").decode("latin-1")
        if not (told.isascii() and told.isdecimal() and int(told)):
            self.in_doubt = True
            self._stopped_telling = self._tells is True
            return
        named = self._reader.user_id if self._reader is not None else None
        if named is not None and int(told) != named:
            raise AccountRefused(
                f"pixiv takes this session for account {int(told)}, and its PHPSESSID names account {named}: "
                "copy the cookie again from a browser that is signed in"
            )
        self._tells = self._tells is not False
        self.prove()

    def prove(self) -> None:
        """Note an answer that only signed-in readers get. An ended session does not come back, so all earlier answers were theirs too."""
        self.in_doubt = self._stopped_telling = False
        self._taken_at = monotonic()
        if (ending := self._crawler.get_extension(RunEnding)) is not None:
            ending.confirmed = datetime.now(UTC)

    async def is_to_be_asked(self) -> bool:
        """Whether it is doubtful who reads: earlier answers said so and the last did not, or pixiv last confirmed it over a day ago."""
        if not self.in_doubt or not self._is_archiving:
            return False
        if self._stopped_telling:
            # Where pixiv knows the session all the same, the next answer without it is no sign of anything.
            self._tells = False
            return True
        if self._taken_at is not None or self._has_looked_up or self._reader is None:
            return False
        self._has_looked_up = True
        confirmed = await ledger_of(self._crawler).read(queries.confirmed, self._reader)
        now = datetime.now(UTC)
        return confirmed is None or not now - CONFIRMED_FOR < confirmed <= now

    def was_taken_within(self, seconds: float) -> bool:
        """Whether pixiv accepted the session within this time."""
        return self._taken_at is not None and monotonic() - self._taken_at < seconds

    def was_asked_within(self, seconds: float) -> bool:
        """Whether pixiv, asked about the session itself, accepted it within this time."""
        return self._answered_at is not None and monotonic() - self._answered_at < seconds

    async def is_taken(self, *, believed_for: float = 0.0, answered: Request | None = None) -> bool | None:
        """Whether pixiv accepts the session; asks unless it did within `believed_for` seconds. None if no answer tells.

        A refused session ends the run (AccountRefused, exit code 4). `answered` is a request whose slot is held.
        """
        if self.was_taken_within(believed_for):
            return True
        if self._is_refused:
            return False
        # Those who ask at the same time share one question.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask(answered))
        # One who gives up takes the question from nobody else.
        return await asyncio.shield(self._asking)

    async def _ask(self, answered: Request | None) -> bool | None:
        """Ask pixiv. Two refusals in a row count, because one may be a momentary fault. Other requests wait until it is known."""
        account = account_of_reader(self._reader or VISITOR)
        limiter = limiter_of(self._configuration.api.key, self._configuration, account)
        in_doubt = "pixiv is asked whether it still knows the session; nothing else is sent"
        with limiter.reserved_for(BEFORE_ALL_OTHERS), waiting(self._crawler, in_doubt):
            if answered is not None:
                # Not before: requests that wait for the slot would be sent as an unknown reader.
                release_slot(answered)
            refusal = await self._refusal()
            if refusal is not None and refusal.kind in REFUSED:
                await asyncio.sleep(self._configuration.api_retry_delay)
                refusal = await self._refusal()
            if refusal is None:
                self._answered_at = monotonic()
                return True
            if refusal.kind not in REFUSED:
                return None
            self._is_refused = True
            stopping = end_run(self._crawler, account_refused(refusal))
            if not isinstance(stopping, RunStopping):
                raise stopping
            # Waiting requests see meanwhile that the run is ending.
            await asyncio.sleep(2 * STOPPING_IS_SEEN_WITHIN)
            return False

    async def _refusal(self) -> Answer | None:
        request = ME_EXTRA.request(self._configuration.base_url, self._configuration.lang).replace(
            priority=BEFORE_ALL_OTHERS
        )
        request.meta[CHECKING] = True
        try:
            await self._crawler.engine.download_async(request)
        except AnswerRefused as refusal:
            return refusal.answer
        return None


_ACCOUNTS: weakref.WeakKeyDictionary[Crawler, Account] = weakref.WeakKeyDictionary()


def account_of(crawler: Crawler) -> Account:
    """The account of a crawl that has a session."""
    if crawler not in _ACCOUNTS:
        _ACCOUNTS[crawler] = Account(crawler)
    return _ACCOUNTS[crawler]


def account_refused(answer: Answer) -> AccountRefused:
    """The error when pixiv does not accept the session that was sent."""
    if answer.kind is AnswerKind.NOT_JSON:
        return page_refused(answer)
    said = f" ({answer.message})" if answer.message else ""
    return AccountRefused(
        f"pixiv no longer takes the session{said}: log in again in a browser, renew PIXIV_PHPSESSID or the cookie file, "
        "then run the same command again"
    )


def page_refused(answer: Answer) -> AccountRefused:
    """The error when a page arrives in place of data, meant for this reader or address."""
    return AccountRefused(
        f"pixiv answers with a page instead of data (status {answer.status}): open pixiv in a browser on this machine and see what it "
        'says (a check for robots, "Just a moment...", a warning, a ban, maintenance); pass the check or try another network, wait an '
        "hour, then run the same command again"
    )
