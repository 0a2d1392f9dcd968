"""`pixivcrawl api`: every endpoint by hand, with the session, the pace, the errors and the exit codes of a crawl."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import Auth
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from tests.commands.typing_in import Typed, type_in
from tests.live.running import PROJECT, environment, scrapy
from tests.sandbox.serving import Sandbox, World

WORK, UGOIRA, SERIAL = 5_000_111, 5_000_411, 501
NEEDS_SESSION = (Auth.SESSION, Auth.SESSION_AND_TOKEN)
REQUIRED: dict[str, list[str]] = {
    "illust.ugoira_meta": [f"id={UGOIRA}"],
    "illust.comments": [f"illust_id={WORK}"],
    "illust.recommend_rows": [f"illust_ids={WORK},{UGOIRA}"],
    "illust.bookmark_add": [f"illust_id={WORK}", "restrict=1", "tags=sea,sky", "--yes"],
    "illust.like": [f"illust_id={WORK}", "--yes"],
    "user.profile_illusts": ["id=11", f"ids={WORK},{UGOIRA}"],
    "user.tagged": ["id=11", "tag=海"],
    "tag.info": ["tag=海"],
    "tag.stories": ["tag=海"],
    "series": [f"id={SERIAL}"],
    "ranking": ["mode=weekly"],
    "illust.details_many": [f"illust_ids={WORK},{UGOIRA}"],
    "illust.unlisted": [f"secret=secret{WORK}"],
    "comment.replies": ["comment_id=7"],
    "collection": ["id=701"],
}


def needed(name: str) -> list[str]:
    """The words after the name that ask an endpoint something that the standard world knows."""
    if name in REQUIRED:
        return REQUIRED[name]
    taken = {param.name for param in ENDPOINTS[name].params if param.required}
    known = {"id": f"id={WORK}" if name.startswith("illust.") else "id=901", "word": "word=海"}
    return [known[each] for each in taken]


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as running:
        yield running


def ask(sandbox: Sandbox, archive: Path, *words: str, **more: Any) -> Typed:
    """`pixivcrawl api WORDS` as a signed-in reader."""
    return type_in("api", *words, sandbox=sandbox, archive=archive, **({"cookie": sandbox.cookie} | more))


def assert_one_line(typed: Typed, code: int, *said: str) -> None:
    assert (typed.code, typed.out) == (code, ""), typed.err
    assert typed.err.count("\n") == 1, typed.err
    for text in said:
        assert text in typed.err


# What can be asked


def test_without_a_name_it_lists_every_endpoint() -> None:
    lines = type_in("api").out.splitlines()
    assert len(lines) == len(ENDPOINTS)
    for line, endpoint in zip(lines, ENDPOINTS.values(), strict=True):
        assert line.split()[:2] == [endpoint.name, endpoint.method]
        assert endpoint.path in line
        assert line.endswith(endpoint.title)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_help_tells_every_parameter(name: str) -> None:
    shown = type_in("api", name, "--help")
    assert shown.code == 0
    assert str(ENDPOINTS[name].auth) in shown.out or "needs: nothing" in shown.out
    for param in ENDPOINTS[name].params:
        if param.type != "constant":
            assert f"    {param.name}  (" in shown.out
            assert param.description in shown.out
            assert all(choice in shown.out for choice in param.choices)


def test_help_tells_type_bounds_default_and_premium() -> None:
    bookmarks, search = type_in("api", "user.bookmarks", "-h").out, type_in("api", "search.manga", "-h").out
    assert "limit  (integer, from 1 to 100, default 48)" in bookmarks
    assert "id  (id, required)" in bookmarks
    assert "needs: session" in bookmarks
    assert "blt  (integer, every value: ignored by pixiv without a premium account)" in search
    assert bookmarks.splitlines()[-1] == "example: pixivcrawl api user.bookmarks id=11"


def test_help_of_the_command_itself() -> None:
    assert "pixivcrawl api user.profile_all id=11" in " ".join(type_in("api", "--help").out.split())


# What is answered


@pytest.mark.parametrize("name", ENDPOINTS)
def test_every_endpoint_prints_its_body(tmp_path: Path, name: str) -> None:
    with Sandbox(World.standard()) as sandbox:
        if name == "illust.unlisted":
            sandbox.world.unlist(WORK)
        shown = ask(sandbox, tmp_path / "archive", name, *needed(name))
        assert shown.code == 0, shown.err
        [asked] = [logged for logged in sandbox.log if logged.path != "/"]
    assert asked.method == ENDPOINTS[name].method
    assert asked.headers["cookie"] == f"PHPSESSID={sandbox.cookie}"
    document = json.loads(shown.out)
    ENDPOINTS[name].parse(json.dumps({"error": False, "body": document} if ENDPOINTS[name].envelope else document))
    assert shown.out == json.dumps(document, ensure_ascii=False, indent=2) + "\n" or "\\u" in shown.out
    assert not (tmp_path / "archive").exists()


def test_the_parameters_reach_pixiv(tmp_path: Path, shared: Sandbox) -> None:
    ask(shared, tmp_path, "search.artworks", "word=a b&c", "mode=safe", "scd=2023-01-02", "p=2")
    asked = shared.log[-1]
    assert asked.path == "/ajax/search/artworks/a b&c"
    assert {"word": ["a b&c"], "mode": ["safe"], "scd": ["2023-01-02"], "p": ["2"]}.items() <= asked.parameters.items()
    ask(shared, tmp_path, "user.profile_illusts", "id=11", f"ids={WORK}", f"ids={UGOIRA}")
    assert shared.log[-1].parameters["ids[]"] == [str(WORK), str(UGOIRA)]


def test_raw_is_the_answer_byte_for_byte(tmp_path: Path, shared: Sandbox) -> None:
    raw = ask(shared, tmp_path, "illust.detail", f"id={WORK}", "--raw").out
    assert len(raw.encode()) == shared.log[-1].bytes_sent
    assert json.loads(raw)["error"] is False


def test_jsonl_is_a_line_a_page_and_pages_are_followed(tmp_path: Path, shared: Sandbox) -> None:
    lines = ask(shared, tmp_path, "user.bookmarks", "id=901", "limit=5", "--pages", "3", "--jsonl").out.splitlines()
    found = [row["id"] for line in lines for row in json.loads(line)["works"]]
    assert len(lines) == 3
    assert len(found) == len(set(found)) == 15


def test_pages_end_where_the_list_ends(tmp_path: Path, shared: Sandbox) -> None:
    lines = ask(shared, tmp_path, "series", "id=502", "--pages", "9", "--jsonl").out.splitlines()
    works = [entry["workId"] for line in lines for entry in json.loads(line)["page"]["series"]]
    assert works == [str(work.id) for work in shared.world.series_works(502)]
    assert len(lines) == 3


def test_pages_of_ids_are_read_in_portions(tmp_path: Path, shared: Sandbox) -> None:
    words = ["illust.recommend", f"id={WORK}", "limit=4", "--pages", "3", "--jsonl"]
    first, *more = [json.loads(line) for line in ask(shared, tmp_path, *words).out.splitlines()]
    told = [row["id"] for page in more for row in page["illusts"] if "id" in row]
    assert len(more) == 2
    assert told == [str(each) for each in first["nextIds"][:8]]


def test_a_page_that_repeats_is_the_last(tmp_path: Path) -> None:
    world = World.shadowed(200)
    world.limits.search = 1
    with Sandbox(world) as sandbox:
        shown = ask(sandbox, tmp_path, "search.artworks", "word=shadow", "--pages", "5", "--jsonl")
    assert len(shown.out.splitlines()) == 1
    assert [logged.parameters["p"] for logged in sandbox.log] == [["1"], ["2"]]


def test_what_a_terminal_would_act_on_is_escaped(tmp_path: Path, shared: Sandbox) -> None:
    shown = ask(shared, tmp_path, "user.profile_illusts", "id=14", f"ids={shared.world.work_id(14, 2)}").out
    assert "\u202e" not in shown
    assert "\\u202e" in shown
    assert "מרים" in shown


# What changes something


def test_a_bookmark_and_a_like_reach_pixiv_with_the_token(tmp_path: Path, sandbox: Sandbox) -> None:
    work = sandbox.world.works()[0].id
    added = ask(sandbox, tmp_path, "illust.bookmark_add", f"illust_id={work}", "restrict=1", "tags=a,b", "--yes")
    liked = ask(sandbox, tmp_path, "illust.like", f"illust_id={work}", "--yes")
    assert json.loads(added.out)["last_bookmark_id"]
    assert json.loads(liked.out) == {"is_liked": True}
    shelf = sandbox.world.shelf(901)
    kept = next(bookmark for bookmark in shelf.bookmarks if bookmark.work_id == work)
    assert (kept.private, list(kept.tags)) == (True, ["a", "b"])
    assert work in shelf.likes
    posted = [logged for logged in sandbox.log if logged.method == "POST"]
    assert [logged.headers["x-csrf-token"] for logged in posted] == [sandbox.world.readers[0].csrf_token] * 2


@pytest.mark.parametrize(("said", "code", "sent"), [("n\n", 1, 0), ("", 1, 0), ("maybe\n", 1, 0), ("y\n", 0, 1)])
def test_it_asks_before_it_acts(tmp_path: Path, sandbox: Sandbox, said: str, code: int, sent: int) -> None:
    done = ask(sandbox, tmp_path, "illust.like", f"illust_id={WORK}", stdin=said)
    assert done.code == code
    assert f"illust.like illust_id={WORK}: Likes a work. It cannot be taken back. Do it? [y/N]" in done.err
    assert len([logged for logged in sandbox.log if logged.method == "POST"]) == sent
    assert bool(sandbox.log) == bool(sent)


@pytest.mark.parametrize("name", [name for name, endpoint in ENDPOINTS.items() if endpoint.auth in NEEDS_SESSION])
def test_what_needs_a_session_is_refused_without_one(tmp_path: Path, shared: Sandbox, name: str) -> None:
    before = len(shared.log)
    refused = ask(shared, tmp_path, name, *needed(name), cookie="")
    assert_one_line(refused, 2, name, "PIXIV_PHPSESSID")
    assert len(shared.log) == before


# What goes wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["user.profil_all", "id=11"], "did you mean user.profile_all"),
        (["bookmarks", "id=11"], "did you mean user.bookmarks?"),
        (["zzz"], "`pixivcrawl api` lists them"),
        (["user.bookmarks", "id=11", "ofset=3"], "did you mean offset? it takes id, tag, offset, limit, rest"),
        (["ranking", "format=xml"], "it takes mode"),
        (["webpush", "x=1"], "it takes none"),
        (["user.full"], "needs the parameter id"),
        (["user.full", "11"], "pixivcrawl api user.full id=11"),
        (["user.full", "id=eleven"], "a positive whole number"),
        (["user.full", "id=11", "id=12"], "give it once"),
        (["user.bookmarks", "id=11", "rest=both"], "one of show, hide"),
        (["user.bookmarks", "id=11", "limit=101"], "from 1 to 100"),
        (["ranking", "date=20231301"], "yyyymmdd"),
        (["user.full", "id=11", "--pages", "2"], "has no pages"),
        (["user.full", "id=11", "--raw", "--jsonl"], "choose one"),
        (["user.full", "id=11", "--jsnol"], "--jsnol"),
        (["\x1b[31m"], "there is no endpoint"),
    ],
)
def test_wrong_usage_is_one_line_and_sends_nothing(
    tmp_path: Path, shared: Sandbox, words: list[str], said: str
) -> None:
    before = len(shared.log)
    refused = ask(shared, tmp_path, *words)
    assert_one_line(refused, 2, said)
    assert "\x1b" not in refused.err
    assert len(shared.log) == before


def test_pages_is_a_whole_number() -> None:
    assert type_in("api", "user.bookmarks", "id=11", "--pages", "0").code == 2


def test_what_is_not_there_is_said(tmp_path: Path, shared: Sandbox) -> None:
    assert_one_line(ask(shared, tmp_path, "illust.detail", "id=999"), 1, "illust.detail: not found (status 404)")


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("html", {}, "not JSON"),
        ("missing_field", {"field": "illustType"}, "illustType: is missing; --raw prints the answer as it is"),
        ("status:500", {}, "server error"),
        ("disconnect", {}, "no answer"),
    ],
)
def test_an_answer_that_is_none(tmp_path: Path, sandbox: Sandbox, kind: str, more: dict[str, str], said: str) -> None:
    sandbox.faults.api(r"/ajax/illust/\d+$", kind=kind, **more)  # type: ignore[arg-type]
    assert_one_line(ask(sandbox, tmp_path, "illust.detail", f"id={WORK}"), 1, said)


def test_a_body_that_cannot_be_read_can_still_be_seen(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api(r"/ajax/illust/\d+$", kind="missing_field", field="illustType")
    shown = ask(sandbox, tmp_path, "illust.detail", f"id={WORK}", "--raw")
    assert shown.code == 0
    assert "illustType" not in json.loads(shown.out)["body"]


def test_a_passing_error_is_tried_again(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api(r"/ajax/illust/\d+$", kind="status:502", times=2)
    assert ask(sandbox, tmp_path, "illust.detail", f"id={WORK}").code == 0


@pytest.mark.parametrize("name", ["me.extra", "illust.like"])
def test_a_stale_session_is_refused_as_such(tmp_path: Path, shared: Sandbox, name: str) -> None:
    refused = ask(shared, tmp_path, name, *needed(name), cookie="901_stale")
    assert_one_line(refused, 4, "no longer takes the session")


def test_what_the_reader_may_not_see_is_remarked(tmp_path: Path, shared: Sandbox) -> None:
    adult = shared.world.work_id(11, 7)
    shown = ask(shared, tmp_path, "illust.detail", f"id={adult}", cookie="")
    assert (shown.code, json.loads(shown.out)["urls"]["original"]) == (0, None)
    assert "illust.detail: login needed" in shown.err


def test_an_empty_list_may_be_a_throttled_one(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api(r"/ajax/search/artworks/", kind="empty")
    shown = ask(sandbox, tmp_path, "search.artworks", "word=海")
    assert shown.code == 0
    assert "ask again" in shown.err


def test_what_pixiv_ignores_without_premium_is_said(tmp_path: Path, shared: Sandbox) -> None:
    shown = ask(shared, tmp_path, "search.artworks", "word=海", "order=popular_d", "blt=5")
    assert "pixiv ignores order=popular_d without a premium account" in shown.err
    assert "blt=5" in shown.err


def test_a_configuration_that_cannot_be_used(tmp_path: Path, shared: Sandbox) -> None:
    refused = ask(shared, tmp_path, "webpush", PIXIV_BASE_URL="https://pixiv.example.org")
    assert_one_line(refused, 2, "PIXIV_BASE_URL")


def test_the_session_is_shown_nowhere(tmp_path: Path, shared: Sandbox) -> None:
    shown = ask(shared, tmp_path, "me.extra", LOG_LEVEL="DEBUG")
    assert "DEBUG" in shown.err
    assert shared.cookie not in shown.out + shown.err


# The pace


def test_it_keeps_the_pace(tmp_path: Path, shared: Sandbox) -> None:
    before = len(shared.log)
    ask(shared, tmp_path, "series", "id=502", "--pages", "3", PIXIV_API_DELAY=0.2)
    times = [logged.time for logged in shared.log[before:]]
    assert len(times) == 3
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))


def test_a_pause_that_pixiv_asks_for_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("/ajax/webpush", kind="status:429", times=1, retry_after=1)
    assert ask(sandbox, tmp_path, "webpush").code == 0
    earlier, later = [logged.time for logged in sandbox.log]
    assert later - earlier >= 1


def begun(folder: Path) -> tuple[Archive, str]:
    """An archive as a crawl leaves it, and where its ledger is."""
    archive = Archive(folder)
    archive.create()
    with lock(archive, "crawl user"):
        url = f"sqlite:///{archive.database}"
        Ledger.open(url).close()
    return archive, url


@pytest.mark.long
def test_a_pause_is_remembered_and_respected_in_an_archive(tmp_path: Path, sandbox: Sandbox) -> None:
    _, url = begun(tmp_path)
    host = sandbox.base_url.removeprefix("http://")
    ledger, now = Ledger.open(url), datetime.now(UTC)
    ledger.write_now(updates.pause_host, host, now + timedelta(seconds=1), now)
    ledger.close()
    assert ask(sandbox, tmp_path, "webpush").code == 0
    assert sandbox.log[0].time >= (now + timedelta(seconds=0.9)).timestamp()

    sandbox.faults.api("/ajax/webpush", kind="status:429", retry_after=60)
    env = environment(sandbox, tmp_path)
    with subprocess.Popen([sys.executable, "-m", "scrapy", "api", "webpush"], cwd=PROJECT, env=env) as asking:
        wait_for(lambda: len(sandbox.log) == 2)
        ledger = Ledger.open(url, read_only=True)
        wait_for(lambda: [pause.host for pause in ledger.read_now(queries.host_pauses)] == [host])
        ledger.close()
        asking.send_signal(signal.SIGINT)
        assert asking.wait(timeout=20) == 130


def wait_for(happened: Any) -> None:
    until = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_it_does_not_ask_beside_a_crawl(tmp_path: Path, shared: Sandbox) -> None:
    archive, _ = begun(tmp_path)
    before = len(shared.log)
    with lock(archive, "crawl user"):
        refused = ask(shared, tmp_path, "webpush")
    assert_one_line(refused, 3, "crawl user", str(os.getpid()))
    assert len(shared.log) == before


# As a person types it


@pytest.mark.long
def test_in_a_process_of_its_own(tmp_path: Path, shared: Sandbox) -> None:
    shown = scrapy("api", "user.profile_all", "id=11", env=environment(shared, tmp_path, session=False))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout)["illusts"]


def test_a_reader_who_has_seen_enough(tmp_path: Path, shared: Sandbox) -> None:
    command = [sys.executable, "-m", "scrapy", "api", "user.bookmarks", "id=901", "--pages", "3"]
    env = environment(shared, tmp_path)
    with subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        assert asking.stderr is not None
        asking.stdout.readline()
        asking.stdout.close()
        assert asking.stderr.read() == b""
    assert asking.returncode == 141
