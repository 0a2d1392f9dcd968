"""docs/schedule.md and the files that it quotes: each is what its reader takes, and says what the page says of it."""

from __future__ import annotations

import json
import plistlib
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pixivcrawl import faults
from pixivcrawl.errors import AccountRefused, ArchiveInUse, ConfigurationError, PauseTooLong, StorageFailed
from pixivcrawl.extensions.run_record import FAILED, INTERRUPTED
from pixivcrawl.runs.signals import SHUTDOWN_SECONDS
from tests.test_project import FENCE, ROOT

PAGE = ROOT / "docs" / "schedule.md"
FILES = ROOT / "docs" / "schedule"

NOBODY_IS_NEEDED = {FAILED, ArchiveInUse.exit_code, PauseTooLong.exit_code, INTERRUPTED}
"""Exit codes after which the next sync does what is to be done."""

A_PERSON_IS_NEEDED = {
    *(error.exit_code for error in (ConfigurationError, AccountRefused, StorageFailed)),
    faults.EXIT_CODE,
}


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    """A unit's sections: each key with its values in their order."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (FILES / name).read_text().splitlines():
        if line.startswith("["):
            keys = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys.setdefault(key, []).append(value)
    return sections


# The page


@pytest.mark.parametrize("file", sorted(FILES.iterdir()), ids=lambda file: file.name)
def test_the_page_quotes_each_file(file: Path) -> None:
    assert file.read_text() in [text for _, text in FENCE.findall(PAGE.read_text())], "copy the file into the page"


def test_the_page_says_which_exit_codes_need_a_person() -> None:
    said = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    codes = {int(code): "person" in what for row, what in said for code in row.split(", ")}
    assert {code for code, person in codes.items() if person} == A_PERSON_IS_NEEDED
    assert {code for code, person in codes.items() if not person} == NOBODY_IS_NEEDED | {0}


# systemd

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")

MOST_EXPOSED = 1.2


@needs_systemd
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = tmp_path / "opt/pixivcrawl/.venv/bin/pixivcrawl"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copies = [tmp_path / f"pixivcrawl.{kind}" for kind in ("service", "timer")]
    for copy in copies:
        copy.write_text((FILES / copy.name).read_text().replace("/opt/", f"{tmp_path}/opt/"))
    verify = ["systemd-analyze", "verify", "--man=no", *copies]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    # It does look: a word that it does not know is one too many.
    copies[0].write_text(copies[0].read_text().replace("Nice=", "Nicer="))
    assert "Nicer" in subprocess.run(verify, capture_output=True, text=True, check=False).stderr


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", FILES / "pixivcrawl.service"],
        capture_output=True,
        text=True,
        check=True,
    )
    (exposure,) = re.findall(r"exposure level for pixivcrawl\.service: ([\d.]+)", rated.stdout)
    assert float(exposure) <= MOST_EXPOSED
    assert f"rates it {exposure} " in PAGE.read_text()


def test_the_service_fails_when_a_person_is_needed() -> None:
    service = unit("pixivcrawl.service")["Service"]
    assert {int(code) for code in service["SuccessExitStatus"][0].split()} == NOBODY_IS_NEEDED
    assert int(service["TimeoutStopSec"][0]) > SHUTDOWN_SECONDS
    timer = unit("pixivcrawl.timer")["Timer"]
    assert (timer["Persistent"], timer["RandomizedDelaySec"]) == (["true"], ["30m"])


# launchd, Task Scheduler, Scrapyd


def test_launchd_starts_it_each_hour_in_the_background() -> None:
    agent = plistlib.loads((FILES / "pixivcrawl.plist").read_bytes())
    assert agent["Label"] == "pixivcrawl.sync"
    assert list(agent["StartCalendarInterval"]) == ["Minute"]
    assert agent["ExitTimeOut"] > SHUTDOWN_SECONDS
    assert (agent["ProcessType"], agent["Umask"]) == ("Background", 0o077)


TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
TRIGGER = ["Enabled", "StartBoundary", "Repetition", "RandomDelay", "ScheduleByDay"]
"""The order that the schema of the Task Scheduler asks for."""


def test_the_task_is_one_that_windows_takes() -> None:
    content = (FILES / "pixivcrawl.xml").read_bytes()
    # schtasks reads a file in the encoding of its declaration, Register-ScheduledTask a text that must have none.
    assert content.isascii()
    assert not content.startswith(b"<?xml")
    task = ElementTree.fromstring(content)
    assert task.tag == f"{TASK}Task"

    def said(path: str) -> str | None:
        return task.findtext("/".join(TASK + name for name in path.split("/")))

    (trigger,) = task.findall(f"{TASK}Triggers/*")
    assert [each.tag.removeprefix(TASK) for each in trigger] == TRIGGER
    assert said("Triggers/CalendarTrigger/Repetition/Interval") == "PT1H"
    assert said("Triggers/CalendarTrigger/RandomDelay") == "PT30M"
    assert said("Principals/Principal/RunLevel") == "LeastPrivilege"
    assert said("Settings/StartWhenAvailable") == "true"
    assert said("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert said("Settings/ExecutionTimeLimit") == "PT0S"
    principal = task.find(f"{TASK}Principals/{TASK}Principal")
    actions = task.find(f"{TASK}Actions")
    assert principal is not None
    assert actions is not None
    assert principal.get("id") == actions.get("Context")

    # cmd takes the first quotation mark and the last away, and reads what is left as a line.
    line = re.fullmatch(r'/d /c "(.*)"', said("Actions/Exec/Arguments") or "")
    assert line is not None
    *settings, run = line[1].split(" && ")
    assert [re.fullmatch(r'set "(\w+)=[^"]+"', each)[1] for each in settings] == ["SCRAPY_PROJECT", "PIXIV_COOKIE_FILE"]  # type: ignore[index]
    assert run.startswith(".venv\\Scripts\\pixivcrawl.exe sync >> ")
    assert said("Actions/Exec/WorkingDirectory") == "%USERPROFILE%\\pixivcrawl"


def test_scrapyd_stays_on_this_machine_and_stores_no_requests() -> None:
    configuration = ConfigParser()
    configuration.read(FILES / "scrapyd.conf")
    said = dict(configuration["scrapyd"])
    assert (said["bind_address"], said["max_proc"], said["jobs_dir"]) == ("127.0.0.1", "1", "")


# The container


def instructions() -> list[tuple[str, str]]:
    """The Containerfile's instructions, each with what it says."""
    lines = (FILES / "Containerfile").read_text().splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")]


def test_the_container_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    said = instructions()
    assert said[0][0] == "FROM"
    order = [word for word, _ in said]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert dict(said)["USER"] == "pixivcrawl"
    assert dict(said)["VOLUME"] == "/archive"
    assert json.loads(dict(said)["CMD"]) == ["sync"]
    for word, rest in said:
        if word == "COPY":
            source, target = rest.split()
            assert (ROOT / source).exists()
            assert target in (source, "./")
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)
    # What it installs is what the README installs, which .ci/run does, and what a server has beside.
    install, ours = [rest for word, rest in said if "pip install" in rest]
    assert ours.endswith("dist/*.whl")
    assert json.loads(dict(said)["HEALTHCHECK"].partition(" CMD ")[2])[1:] == ["doctor", "--quiet", "--offline"]
    flat = install.replace(" --no-cache-dir", "").replace(" -r constraints-server.txt", "")
    assert flat in (ROOT / "README.md").read_text().replace(" --no-compile", "")
