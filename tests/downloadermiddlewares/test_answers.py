from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from scrapy.crawler import Crawler
from scrapy.http import Response

from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import ILLUST_DETAIL, ILLUST_LIKE, ME_EXTRA, USER_SHORT
from pixivcrawl.errors import AccountRefused, ConfigurationError
from pixivcrawl.run_ending import RunStopping
from tests.raw import answers, raw_server
from tests.sandbox.serving import Sandbox, World
from tests.travelling import Journey, go, original_url, settings_for, to_stage, travel


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=2)) as sandbox:
        yield sandbox


def asked(sandbox: Sandbox, tmp_path: Path, **settings: object) -> Journey:
    return travel(settings_for(tmp_path, sandbox, **settings), USER_SHORT.request(sandbox.base_url, id=11))


def kind(journey: Journey) -> AnswerKind:
    assert isinstance(journey.only, AnswerRefused), journey.only
    return journey.only.answer.kind


def test_a_body_passes(sandbox: Sandbox, tmp_path: Path) -> None:
    assert asked(sandbox, tmp_path).only.status == 200


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("status:404", AnswerKind.NOT_FOUND),
        ("status:400", AnswerKind.REFUSED),
        ("login", AnswerKind.LOGIN_NEEDED),
    ],
)
def test_what_is_final_is_said_at_once(sandbox: Sandbox, tmp_path: Path, fault: str, expected: AnswerKind) -> None:
    sandbox.faults.api("user/11", kind=fault)
    journey = asked(sandbox, tmp_path)
    assert kind(journey) is expected
    assert len(sandbox.log) == 1
    assert journey.ended_by is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_said_and_not_followed(tmp_path: Path, status: int) -> None:
    with raw_server(answers("HTTP/1.1 200 OK\nContent-Length: 0")) as elsewhere:
        head = f"HTTP/1.1 {status} Elsewhere\nLocation: http://{elsewhere.host}/there\nContent-Length: 0"
        with raw_server(answers(head)) as raw:
            request = USER_SHORT.request(f"http://{raw.host}", id=11)
            settings = settings_for(tmp_path, PIXIV_BASE_URL=f"http://{raw.host}", PIXIV_IMAGE_HOSTS=elsewhere.host)
            journey = travel(settings, request)
        assert elsewhere.heads == []
    assert kind(journey) is AnswerKind.REDIRECTED


@pytest.mark.parametrize("fault", ["status:500", "status:503", "html", "disconnect"])
def test_what_may_pass_is_tried_again(sandbox: Sandbox, tmp_path: Path, fault: str) -> None:
    sandbox.faults.api("user/11", kind=fault, times=3)
    assert asked(sandbox, tmp_path, PIXIV_API_RETRIES=3).only.status == 200
    assert len(sandbox.log) == 4


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("status:500", AnswerKind.SERVER_ERROR),
        ("html", AnswerKind.NOT_JSON),
        ("disconnect", AnswerKind.SERVER_ERROR),
    ],
)
def test_what_does_not_pass_is_said_with_its_reason(
    sandbox: Sandbox, tmp_path: Path, fault: str, expected: AnswerKind
) -> None:
    sandbox.faults.api("user/11", kind=fault)
    journey = asked(sandbox, tmp_path, PIXIV_API_RETRIES=2)
    assert kind(journey) is expected
    assert len(sandbox.log) == 3
    if fault == "disconnect":
        assert "connection broke" in journey.only.answer.message
    assert str(journey.only).startswith("user.short: ")
    assert str(journey.only).isprintable()


def test_each_pause_is_longer_than_the_last(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.api("user/11", kind="status:500")
    asked(sandbox, tmp_path, PIXIV_API_RETRIES=3, PIXIV_API_RETRY_DELAY=0.05)
    times = [logged.time for logged in sandbox.log]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert 0.03 <= pauses[0] < pauses[1] < pauses[2]
    assert pauses[2] >= 0.5


def test_a_request_that_changes_something_is_sent_once(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIXIV_PHPSESSID", sandbox.cookie)
    sandbox.faults.api("illusts/like", kind="status:500")
    work_id = sandbox.world.works_of(11, None)[0].id
    assert kind(travel(settings_for(tmp_path, sandbox), ILLUST_LIKE.request(sandbox.base_url, illust_id=work_id)))
    assert [logged.method for logged in sandbox.log].count("POST") == 1


def test_the_answers_of_image_hosts_are_not_judged(sandbox: Sandbox, tmp_path: Path) -> None:
    work_id = sandbox.world.works_of(11, None)[0].id
    sandbox.faults.image(kind="status:503")
    journey = travel(
        settings_for(tmp_path, sandbox), to_stage(original_url(sandbox, work_id), tmp_path / "staging" / "it")
    )
    assert journey.only.status == 503
    assert len(sandbox.log) == 1


class TestAccount:
    def test_a_session_that_is_no_longer_taken_ends_the_run(
        self, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIXIV_PHPSESSID", "901_expired")
        requests = [
            ME_EXTRA.request(sandbox.base_url),
            *(USER_SHORT.request(sandbox.base_url, id=11) for _ in range(3)),
        ]
        journey = travel(settings_for(tmp_path, sandbox), *requests, at_once=True)
        assert isinstance(journey.ended_by, AccountRefused)
        assert str(journey.ended_by).isprintable()
        assert "901_expired" not in str(journey.ended_by)
        assert len(sandbox.log) < 4, "the run goes on asking"

    def test_what_a_visitor_may_not_ask_ends_the_run_in_one_line(self, sandbox: Sandbox, tmp_path: Path) -> None:
        journey = travel(settings_for(tmp_path, sandbox), ME_EXTRA.request(sandbox.base_url))
        assert isinstance(journey.ended_by, ConfigurationError)
        assert str(journey.ended_by) == "me.extra needs a signed-in reader: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE"
        assert len(sandbox.log) == 1

    def test_one_work_that_wants_more_than_the_session_is_no_end(
        self, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIXIV_PHPSESSID", sandbox.cookie)
        sandbox.faults.api("illust/", kind="login")
        work_id = sandbox.world.works_of(11, None)[0].id
        journey = travel(settings_for(tmp_path, sandbox), ILLUST_DETAIL.request(sandbox.base_url, id=work_id))
        assert kind(journey) is AnswerKind.LOGIN_NEEDED
        assert journey.ended_by is None


def test_a_pause_before_another_try_does_not_hold_up_the_end(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.api("user/11", kind="status:500")
    came: list[BaseException] = []

    async def way(crawler: Crawler) -> list[Response | BaseException]:
        request = USER_SHORT.request(sandbox.base_url, id=11)
        crawler.engine.crawl(request.replace(errback=lambda failure: came.append(failure.value)))
        asyncio.get_running_loop().call_later(0.3, lambda: stopping.append(asyncio.ensure_future(crawler.stop_async())))
        return []

    stopping: list[asyncio.Future[None]] = []
    began = time.monotonic()
    go(settings_for(tmp_path, sandbox, PIXIV_API_RETRY_DELAY=100), way)
    assert time.monotonic() - began < 50
    assert [type(error) for error in came] == [RunStopping]
