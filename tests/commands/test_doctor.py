"""`pixivcrawl doctor`: each thing that can be amiss, what is said of it, and that looking changes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.reader import Reader
from tests.commands.typing_in import Typed, type_in
from tests.sandbox.serving import Sandbox, World

QUESTION = "/ajax/user/extra"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    for name in ("PIXIV_PHPSESSID", "PIXIV_COOKIE", "PIXIV_COOKIE_FILE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield running
    running.faults.clear()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """One that a run made and left in good order."""
    made = Archive(tmp_path / "archive")
    made.create()
    with lock(made, "crawl user"):
        Ledger.open(url_of(made), archive=made).close()
    return made


def url_of(archive: Archive) -> str:
    return f"sqlite:///{archive.database}"


def doctor(sandbox: Sandbox, archive: Archive, *words: str, **settings: Any) -> tuple[Typed, dict[str, list[Any]]]:
    """What it wrote as JSON, and by what was looked at, the findings that are not ok."""
    typed = type_in(
        "doctor", "--json", *words, sandbox=sandbox, archive=archive.root, cookie=sandbox.cookie, **settings
    )
    findings = [json.loads(line) for line in typed.out.splitlines()]
    assert typed.err == ""
    amiss: dict[str, list[Any]] = {}
    for finding in findings:
        if finding["state"] != "ok" and finding["check"] != "pace":
            amiss.setdefault(finding["check"], []).append(finding)
    return typed, amiss


def asked(sandbox: Sandbox) -> int:
    assert {logged.path for logged in sandbox.requests(kind="api")} <= {QUESTION}
    return len(sandbox.requests(kind="api"))


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def test_a_sound_archive_costs_one_request_and_changes_nothing(sandbox: Sandbox, archive: Archive) -> None:
    before, sent = everything(archive.root), asked(sandbox)
    typed, amiss = doctor(sandbox, archive)
    assert (typed.code, amiss) == (0, {})
    assert asked(sandbox) == sent + 1
    assert everything(archive.root) == before


def test_no_archive_is_needed_and_none_is_made(sandbox: Sandbox, tmp_path: Path) -> None:
    typed, amiss = doctor(sandbox, Archive(tmp_path / "none"))
    assert (typed.code, amiss) == (0, {})
    assert not list(tmp_path.iterdir())


def test_a_servers_database_without_tables_is_one_for_the_first_crawl(
    sandbox: Sandbox, tmp_path: Path, postgres_url: str
) -> None:
    typed, amiss = doctor(sandbox, Archive(tmp_path / "none"), DATABASE_URL=postgres_url)
    assert (typed.code, amiss) == (0, {})
    assert "the first crawl makes it" in typed.out


def test_offline_sends_nothing(sandbox: Sandbox, archive: Archive) -> None:
    sent = asked(sandbox)
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, amiss, asked(sandbox)) == (0, {}, sent)


def test_for_a_person_each_finding_is_a_line(sandbox: Sandbox, archive: Archive) -> None:
    typed = type_in("doctor", sandbox=sandbox, archive=archive.root, cookie=sandbox.cookie)
    *lines, summary = typed.out.splitlines()
    assert all(line.split()[0] in ("ok", "warning", "problem") for line in lines)
    assert [line for line in lines if line.startswith("warning")] == [
        line for line in lines if "PIXIV_API_DELAY" in line or "PIXIV_RATE_LIMIT_WAIT" in line
    ]
    assert summary == "2 warnings"
    assert sandbox.cookie not in typed.out


def test_a_session_that_pixiv_refuses(sandbox: Sandbox, archive: Archive) -> None:
    typed = type_in("doctor", sandbox=sandbox, archive=archive.root, cookie="901_worn_out")
    assert typed.code == 4
    assert "problem  session       pixiv no longer takes the session" in typed.out
    assert "worn_out" not in typed.out


def test_no_session_and_one_that_is_none(sandbox: Sandbox, archive: Archive) -> None:
    without = type_in("doctor", sandbox=sandbox, archive=archive.root)
    assert without.code == 0
    assert "warning  session       none is set" in without.out
    wrong = type_in("doctor", sandbox=sandbox, archive=archive.root, cookie="two words")
    assert wrong.code == 2
    assert "problem  session       PIXIV_PHPSESSID" in wrong.out


def test_pixiv_out_of_order_or_out_of_reach(sandbox: Sandbox, archive: Archive) -> None:
    sandbox.faults.api(QUESTION, kind="status:500")
    typed, amiss = doctor(sandbox, archive)
    assert (typed.code, list(amiss)) == (1, ["session"])
    sandbox.faults.api(QUESTION, kind="html", status=503)
    assert doctor(sandbox, archive)[0].code == 4
    typed, amiss = doctor(sandbox, archive, PIXIV_BASE_URL="http://127.0.0.1:9")
    assert (typed.code, list(amiss)) == (1, ["session"])
    assert "cannot be asked" in amiss["session"][0]["found"]


def test_a_pause_that_pixiv_asks_for_is_not_waited_for(sandbox: Sandbox, archive: Archive) -> None:
    sandbox.faults.api(QUESTION, kind="status:429", retry_after=600)
    began, sent = datetime.now(UTC), asked(sandbox)
    typed, amiss = doctor(sandbox, archive)
    assert (typed.code, list(amiss), asked(sandbox)) == (0, ["session"], sent + 1)
    assert "pixiv asks for a pause until" in amiss["session"][0]["found"]
    assert datetime.now(UTC) - began < timedelta(seconds=60)


def test_a_pause_of_an_earlier_run_and_a_run_under_way_are_respected(sandbox: Sandbox, archive: Archive) -> None:
    host = sandbox.settings()["PIXIV_BASE_URL"].partition("//")[2]
    now = datetime.now(UTC)
    ledger = Ledger.open(url_of(archive))
    ledger.write_now(updates.pause_host, host, now + timedelta(hours=1), now)
    ledger.close()
    sent = asked(sandbox)
    typed, amiss = doctor(sandbox, archive)
    assert (typed.code, list(amiss), asked(sandbox)) == (0, ["pauses", "session"], sent)
    assert f"{host} asks for a pause until" in amiss["pauses"][0]["found"]
    with lock(archive, "crawl user"):
        typed, amiss = doctor(sandbox, archive)
        assert (typed.code, list(amiss), asked(sandbox)) == (0, ["pauses"], sent)
        assert "under way: 'crawl user'" in typed.out
        refused = type_in("doctor", "--lift-pauses", sandbox=sandbox, archive=archive.root, cookie=sandbox.cookie)
        assert (refused.code, refused.err.count("\n")) == (3, 1)
    typed, amiss = doctor(sandbox, archive, "--lift-pauses")
    assert (typed.code, amiss, asked(sandbox)) == (0, {}, sent + 1)


def test_that_pixiv_was_asked_too_much_is_said_for_a_day(sandbox: Sandbox, archive: Archive) -> None:
    now = datetime.now(UTC)
    ledger = Ledger.open(url_of(archive))
    for account, ago in ((901, timedelta(hours=2)), (902, timedelta(hours=25))):
        learned = Pace(2.25, 1.5, refused_at=now - ago)
        ledger.write_now(updates.share_pace, "www.pixiv.net", Reader(account), learned)
    ledger.close()
    typed, amiss = doctor(sandbox, archive, "--offline")
    [said] = amiss["pauses"]
    assert (typed.code, said["state"]) == (0, "warning")
    assert said["found"].startswith("www.pixiv.net refused requests on ")
    assert ": 2.25 s of rest after each answer until " in said["found"]


def test_a_run_that_was_killed(sandbox: Sandbox, archive: Archive) -> None:
    record = json.loads(archive.lock_file.read_bytes())
    del record["ended"]
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    archive.lock_file.write_text(json.dumps(record | {"pid": gone}))
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (0, ["runs"])
    assert "was killed: run the same command again" in amiss["runs"][0]["found"]


def test_settings_that_cannot_be_used(sandbox: Sandbox, archive: Archive) -> None:
    typed, amiss = doctor(sandbox, archive, "--offline", JOBDIR="jobs")
    assert (typed.code, list(amiss)) == (2, ["settings"])
    assert "JOBDIR is refused" in amiss["settings"][0]["found"]
    assert '"check": "ledger"' in typed.out
    typed, amiss = doctor(sandbox, archive, "--offline", PIXIV_API_DELAY="soon")
    assert (typed.code, list(amiss)) == (2, ["settings"])


@pytest.mark.parametrize(
    ("version", "code", "state"), [("0001", 0, "warning"), ("9999", 2, "problem"), (None, 2, "problem")]
)
def test_a_ledger_of_another_version(
    sandbox: Sandbox, archive: Archive, version: str | None, code: int, state: str
) -> None:
    connection = sqlite3.connect(archive.database)
    if version is None:
        connection.execute("DROP TABLE alembic_version")
    else:
        connection.execute("UPDATE alembic_version SET version_num = ?", [version])
    connection.commit()
    connection.close()
    before = archive.database.read_bytes()
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, [finding["state"] for finding in amiss["ledger"]]) == (code, [state])
    assert archive.database.read_bytes() == before


def test_a_damaged_ledger(sandbox: Sandbox, archive: Archive) -> None:
    whole = archive.database.read_bytes()
    archive.database.write_bytes(whole[:8192] + bytes(len(whole) - 8192))
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (5, ["ledger"])
    assert "pixivcrawl rebuild" in amiss["ledger"][0]["found"]
    archive.database.write_bytes(b"no database at all" * 999)
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (5, ["ledger"])


def test_a_ledger_that_is_lost(sandbox: Sandbox, archive: Archive) -> None:
    archive.database.unlink()
    (archive.originals / "11").mkdir()
    (archive.originals / "11" / "101_p0_20210304140607.jpg").write_bytes(b"\xff\xd8\xff and so on")
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (5, ["ledger"])
    assert "pixivcrawl rebuild" in amiss["ledger"][0]["found"]


def test_a_database_that_does_not_answer_is_named_without_its_password(sandbox: Sandbox, archive: Archive) -> None:
    typed, amiss = doctor(
        sandbox, archive, "--offline", DATABASE_URL="postgresql+psycopg://reader:hush@127.0.0.1:9/pixiv"
    )
    assert (typed.code, list(amiss)) == (5, ["ledger"])
    assert "127.0.0.1:9/pixiv" in amiss["ledger"][0]["found"]
    assert "hush" not in typed.out


def test_a_ledger_from_the_future(sandbox: Sandbox, archive: Archive) -> None:
    ledger = Ledger.open(url_of(archive))
    ledger.write_now(updates.begin_crawl, "user", {"id": [11]}, datetime.now(UTC) + timedelta(days=2))
    ledger.close()
    typed, amiss = doctor(sandbox, archive)
    assert (typed.code, list(amiss)) == (0, ["clock"])


def test_subscriptions_are_read_as_a_sync_reads_them(sandbox: Sandbox, archive: Archive) -> None:
    file = archive.root / "subscriptions.toml"
    file.write_text('[[subscription]]\nname = "a"\nurl = "https://www.pixiv.net/users/11"\n')
    assert doctor(sandbox, archive, "--offline")[1] == {}
    file.write_text('[[subscription]]\nname = "a"\nurl = "https://www.pixiv.net/users/11"\nevery = "often"\n')
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (2, ["subscriptions"])
    assert "subscriptions.toml:4: every" in amiss["subscriptions"][0]["found"]
    reader = sandbox.cookie.removeprefix("PHPSESSID=").partition("_")[0]
    file.write_text(
        "".join(
            f'[[subscription]]\nname = "{name}"\nspider = "bookmarks"\nid = "{owner}"\n'
            for name, owner in (("mine", "me"), ("by number", reader))
        )
    )
    typed, amiss = doctor(sandbox, archive, "--offline")
    assert (typed.code, list(amiss)) == (2, ["subscriptions"])
    assert "reads the same list as 'mine'" in amiss["subscriptions"][0]["found"]


def test_several_problems_end_with_the_first_ones_code(sandbox: Sandbox, archive: Archive) -> None:
    archive.database.write_bytes(b"no database at all" * 999)
    typed, amiss = doctor(sandbox, archive, "--offline", JOBDIR="jobs")
    assert (typed.code, list(amiss)) == (2, ["settings", "ledger"])


def test_it_takes_options_alone(sandbox: Sandbox, archive: Archive) -> None:
    assert type_in("doctor", "strange", sandbox=sandbox, archive=archive.root).code == 2


# Live


@pytest.fixture(scope="module")
def a_whole_pixiv() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as sandbox:
        yield sandbox


@pytest.fixture
def standard(a_whole_pixiv: Sandbox) -> Iterator[Sandbox]:
    yield a_whole_pixiv
    a_whole_pixiv.faults.clear()


def test_every_endpoint_is_asked_once_and_answers_as_known(standard: Sandbox, archive: Archive) -> None:
    sent = len(standard.requests(kind="api"))
    typed, amiss = doctor(standard, archive, "--live")
    assert (typed.code, amiss) == (0, {})
    asked_for = [logged.path for logged in standard.requests(kind="api")[sent:]]
    said = {finding["check"]: finding["found"] for finding in map(json.loads, typed.out.splitlines())}
    names = {name for name, endpoint in ENDPOINTS.items() if endpoint.method == "GET"}
    assert names <= said.keys()
    as_known = {name for name in names if said[name] == "as known"}
    assert len(asked_for) == len(as_known) >= 48
    assert all(said[name].startswith("not asked: ") for name in names - as_known)


def test_a_visitor_asks_what_everyone_may(standard: Sandbox, archive: Archive) -> None:
    typed = type_in("doctor", "--live", "--json", sandbox=standard, archive=archive.root)
    assert typed.code == 0
    said = {finding["check"]: finding["found"] for finding in map(json.loads, typed.out.splitlines())}
    assert said["user.full"] == "as known"
    assert said["user.bookmarks"] == "not asked: it needs a session"


def test_exactly_what_changed_is_named(standard: Sandbox, archive: Archive) -> None:
    work = r"/ajax/illust/\d+"
    standard.faults.api(work, kind="missing_field", field="pageCount")
    standard.faults.api(r"/ajax/user/\d+/profile/all", kind="missing_field", field="pickup")
    extra = {"following": 1, "followers": 2, "mypixivCount": 3, "background": None, "mood": {"of": "today"}}
    standard.faults.api("/ajax/user/extra", kind="replaced_field", value=extra)
    typed, amiss = doctor(standard, archive, "--live")
    found = {check: [finding["found"] for finding in findings] for check, findings in amiss.items()}
    assert typed.code == 1
    assert found == {
        "illust.detail": ["refused: pageCount is not as it was"],
        "user.profile_all": ["missing: pickup"],
        "me.extra": ["new: mood"],
    }


def test_the_report_holds_nothing_of_the_person(standard: Sandbox, archive: Archive) -> None:
    standard.faults.api(
        "/ajax/user/extra",
        kind="replaced_field",
        value={"following": 1, "followers": 2, "mypixivCount": 3, "901_secret name": 1},
    )
    typed, _ = doctor(standard, archive, "--live")
    lines = [line for line in typed.out.splitlines() if json.loads(line)["check"] in ENDPOINTS]
    assert not [line for line in lines if standard.cookie in line or "901" in line or "secret" in line]
    assert "; new: *" in typed.out
