"""What a person sees of a run: at a terminal, in a log, with -q and --logfile."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from pixivcrawl.commands.crawl import introduce
from pixivcrawl.configuration import Configuration
from pixivcrawl.extensions.progress import estimate
from tests.live.inside import crawl
from tests.live.running import assert_holds, complaints, environment, scrapy
from tests.live.terminal import Terminal
from tests.live.test_stopping import begin, wait_for
from tests.sandbox.serving import Sandbox, World
from tests.travelling import own_settings

NAME = "港の風景 harbour"

SUBSCRIPTIONS = f"""
[[subscription]]
name = "{NAME}"
url = "https://www.pixiv.net/users/11"

[[subscription]]
name = "tall"
spider = "artwork"
id = "5000111"
"""

COMMAND = ("crawl", "user", "-a", "id=11")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.demo(), tls=True) as running:
        yield running


def subscribed(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "subscriptions.toml").write_text(SUBSCRIPTIONS, encoding="utf-8")
    return folder


# At a terminal


@pytest.mark.parametrize("width", [100, pytest.param(40, marks=pytest.mark.long)])
@pytest.mark.long
def test_a_sync_at_a_terminal_shows_its_bar_counts_a_pause_down_and_ends_cleanly(
    tmp_path: Path, sandbox: Sandbox, width: int
) -> None:
    sandbox.faults.api("illust/", kind="status:429", retry_after=60, times=1)
    with Terminal("sync", env=environment(sandbox, subscribed(tmp_path)), width=width) as terminal:
        seen = re.compile(
            rf"^waiting (0:\d\d|1:00): 127\.0\.0\.1:\d+{' asks for a pause' * (width > 40)}", re.MULTILINE
        )
        terminal.watch_until(lambda: bool(seen.search(terminal.shown)) and "of 12 works" in terminal.shown)
        foot = terminal.shown.splitlines()[-3:]
        assert re.match(r"sync ([━─]+ )?0 of 2", foot[0]), terminal.shown
        assert "港の" in foot[1]
        assert re.search(r" 0 of 12 works · about \d+ (s|min) left", foot[1])
        assert not terminal.screen.cursor_is_shown
        first = seen.search(terminal.shown)[1]
        # Between two paints the line may be away.
        terminal.watch_until(lambda: any(left < min(first, "0:58") for left in seen.findall(terminal.shown)))
        assert terminal.shown.count("waiting ") == terminal.shown.count("sync ") == 1
        terminal.press(b"\x03")
        assert terminal.watch_to_the_end(10) == 130
        after = terminal.shown
    assert terminal.screen.cursor_is_shown
    assert "waiting " not in after
    assert not re.search("[━─]", after)
    assert (
        after.count("user: interrupted")
        == after.count("what each brought:")
        == after.replace("\n", "").count("not begun:")
        == 1
    )
    assert "Traceback" not in after


@pytest.mark.long
def test_what_the_log_says_stands_above_the_bar(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("illust/", kind="status:429", retry_after=6, times=1)
    sandbox.faults.image(kind="html", times=3)
    with Terminal(*COMMAND, env=environment(sandbox, tmp_path)) as terminal:
        terminal.watch_until(lambda: "nothing is sent there" in terminal.shown)
        terminal.watch_until(lambda: "of 12 works" in terminal.shown)
        assert terminal.watch_to_the_end() == 0
    said = terminal.shown
    assert said.count("WARNING") == said.count("asks for a pause") == 1
    assert said.count("user: complete") == 1
    assert not re.search("[━─]", said)
    assert terminal.screen.cursor_is_shown
    assert terminal.screen.coloured


@pytest.mark.long
def test_the_second_ctrl_c_leaves_nothing_of_the_bar(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.image(kind="slow")
    with Terminal(*COMMAND, env=environment(sandbox, tmp_path)) as terminal:
        terminal.watch_until(lambda: len(sandbox.requests(kind="image")) >= 4 and "of 12 works" in terminal.shown)
        terminal.press(b"\x03")
        terminal.watch_until(lambda: "ending: " in terminal.shown)
        terminal.press(b"\x03")
        assert terminal.watch_to_the_end(5) == 130, terminal.shown
    assert terminal.screen.cursor_is_shown
    first, _, *summary, last = filter(None, terminal.shown.splitlines())
    assert first == f"archive: {tmp_path}"
    assert last == "pixivcrawl: interrupted at once; nothing is lost: run the same command again"
    assert summary.count("user: interrupted") == 1
    assert not re.search("[━─]|ending: ", terminal.shown)


@pytest.mark.long
def test_without_colours_nothing_is_coloured(tmp_path: Path, sandbox: Sandbox) -> None:
    with Terminal(*COMMAND, env=environment(sandbox, tmp_path, NO_COLOR="1")) as terminal:
        assert terminal.watch_to_the_end() == 0
    assert "\x1b[?25l" in terminal.raw
    assert not terminal.screen.coloured


@pytest.mark.long
def test_a_dumb_terminal_gets_lines(tmp_path: Path, sandbox: Sandbox) -> None:
    with Terminal(*COMMAND, env=environment(sandbox, tmp_path, TERM="dumb")) as terminal:
        assert terminal.watch_to_the_end() == 0
    assert "\x1b" not in terminal.raw
    assert "user: complete" in terminal.shown


@pytest.mark.long
def test_standard_output_that_goes_elsewhere_holds_nothing_of_the_report(tmp_path: Path, sandbox: Sandbox) -> None:
    """Standard output in a file, the bar and the report on the terminal."""
    report = tmp_path / "report"
    with report.open("wb") as file, Terminal(*COMMAND, env=environment(sandbox, tmp_path), stdout=file) as terminal:
        assert terminal.watch_to_the_end() == 0
    assert "\x1b[?25l" in terminal.raw
    assert report.read_text() == ""
    assert terminal.shown.count("user: complete") == 1


@pytest.mark.long
def test_doubt_about_the_account_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("illust/", kind="status:403")
    sandbox.faults.api("user/extra", kind="login")
    env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_API_RETRY_DELAY="4")
    with Terminal(*COMMAND, env=env) as terminal:
        terminal.watch_until(lambda: "waiting: pixiv is asked whether it still knows" in terminal.shown)
        assert terminal.watch_to_the_end() == 4
    assert "pixiv no longer takes the session" in terminal.shown.replace("\n", "")
    assert "waiting: " not in terminal.shown


# In a log


@pytest.mark.long
def test_without_a_terminal_it_says_a_line_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pixivcrawl.extensions.progress.reporter.LINE_EVERY", 0.2)
    monkeypatch.setattr("pixivcrawl.extensions.progress.reporter.BAR_EVERY", 0.1)
    # A busy machine's look takes long, and works are settled meanwhile; the rest after it would last as long as this run.
    monkeypatch.setattr("pixivcrawl.extensions.progress.estimate.RECOUNT_COST_FACTOR", 0)
    look = estimate._timed_works_left

    def look_slowly(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.25)
        found = look(*arguments, **named)
        time.sleep(0.25)
        return found

    monkeypatch.setattr(estimate, "_timed_works_left", look_slowly)
    paced = {"PROGRESS_ENABLED": True, "PIXIV_API_DELAY": 0.2}
    with Sandbox(World.demo()) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, settings=paced).exit_code == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("user: ")]
    told = [
        (int(found[1]), int(found[2])) for line in lines if (found := re.match(r"user: (\d+) of (\d+) works", line))
    ]
    assert len(told) >= 2, lines
    assert sum(of == 12 for _, of in told) >= 2, lines
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    # One that was begun and done during the first look may have been missed by it; the next one finds it.
    assert told[-1][1] == 12
    assert all("\x1b" not in line for line in lines)


@pytest.mark.long
def test_without_a_terminal_a_pause_is_said_once_when_it_begins_and_once_when_it_ends(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    sandbox.faults.api("illust/", kind="status:429", retry_after=6, times=1)
    run = scrapy("sync", env=environment(sandbox, subscribed(tmp_path)))
    host = sandbox.environment()["PIXIVCRAWL_PIXIV_BASE_URL"].partition("//")[2]
    begins, ends = [line for line in run.stderr.splitlines() if host in line]
    assert re.search(rf"WARNING: {host} asks for a pause: nothing is sent there for 6 s", begins)
    assert ends == f"{host}: the pause is over, continuing"
    assert run.stderr.count(f"\n{NAME} (user id=11)\n") == 1
    assert run.stderr.count("\nuser: complete\n") == run.stderr.count("\nartwork: ") == 1


# -q and --logfile


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [COMMAND, ("archive", "https://www.pixiv.net/users/11"), ("sync",), ("verify",)],
    ids=lambda command: command[0],
)
def test_quiet_says_nothing_where_all_is_well(tmp_path: Path, sandbox: Sandbox, command: tuple[str, ...]) -> None:
    env = environment(sandbox, subscribed(tmp_path))
    if command[0] == "verify":
        assert scrapy("crawl", "artwork", "-a", "id=5000111", env=env).returncode == 0
    run = scrapy(*command, "-q", env=env)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.long
def test_quiet_says_errors(tmp_path: Path, sandbox: Sandbox) -> None:
    env = environment(sandbox, tmp_path)
    sandbox.faults.api("illust/5000111", kind="status:500")
    run = scrapy("crawl", "artwork", "-a", "id=5000111", "-q", env=env)
    assert (run.returncode, run.stdout) == (1, "")
    assert len(run.stderr.splitlines()) == 1
    assert "ERROR: work 5000111" in run.stderr
    wrong = scrapy("crawl", "artwork", "-a", "id=no", "--quiet", env=env)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("pixivcrawl: ")


@pytest.mark.long
def test_quiet_is_quiet_when_it_is_stopped(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.image(kind="slow")
    run = begin(*COMMAND, "-q", env=environment(sandbox, tmp_path))
    wait_for(lambda: len(sandbox.requests(kind="image")) >= 4)
    run.send_signal(signal.SIGINT)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=10)
    assert (run.returncode, said) == (130, "")
    assert errors.startswith("pixivcrawl: interrupted at once")


@pytest.mark.long
def test_a_log_file_takes_the_log_and_the_terminal_keeps_the_rest(tmp_path: Path, sandbox: Sandbox) -> None:
    log = tmp_path / "log"
    sandbox.faults.api("illust/", kind="status:429", retry_after=6, times=1)
    with Terminal(*COMMAND, "--logfile", str(log), env=environment(sandbox, tmp_path / "archive")) as terminal:
        terminal.watch_until(lambda: "waiting 0:0" in terminal.shown)
        assert "WARNING" not in terminal.shown
        assert terminal.watch_to_the_end() == 0
    assert "user: complete" in terminal.shown
    assert log.read_text().count("asks for a pause") == 1
    assert "user: complete" not in log.read_text()
    assert_holds(tmp_path / "archive", sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_without_a_terminal_a_log_file_takes_the_progress_too(tmp_path: Path, sandbox: Sandbox) -> None:
    log = tmp_path / "log"
    sandbox.faults.api("illust/", kind="status:429", retry_after=6, times=1)
    run = scrapy(*COMMAND, "--logfile", str(log), env=environment(sandbox, tmp_path / "archive"))
    assert (run.returncode, complaints(run.stderr)) == (0, "")
    begins, ends = log.read_text().splitlines()
    assert "asks for a pause" in begins
    assert ends.endswith("the pause is over, continuing")


def test_haste_is_said_where_pixiv_would_feel_it(capsys: pytest.CaptureFixture[str]) -> None:
    hasty = own_settings() | {"PIXIV_API_DELAY": 0, "PIXIV_API_CONCURRENCY": 2}
    introduce(Configuration.from_settings(Settings(hasty)), None)
    assert capsys.readouterr().err.splitlines()[2] == (
        "faster than the default: PIXIV_API_DELAY=0 (default 1.5); PIXIV_API_CONCURRENCY=2 (default 1): "
        "pixiv may throttle, warn or ban the account"
    )
    introduce(Configuration.from_settings(Settings(hasty | {"PIXIV_BASE_URL": "http://127.0.0.1:8480"})), None)
    introduce(Configuration.from_settings(Settings(own_settings())), None)
    assert "faster" not in capsys.readouterr().err
