"""The recipes of docs/schedule.md, each run as what it is written for would run it: with that environment and no other."""

from __future__ import annotations

import json
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from tests.live.running import assert_holds, complaints
from tests.sandbox.serving import Sandbox, World
from tests.test_project import PACKAGES, ROOT, project_files
from tests.test_schedule import FILES, instructions, unit

FOLLOWED = "[[subscription]]\nname = 'harbour'\nurl = 'https://www.pixiv.net/users/11'\nevery = '6h'\n"

CRON_GIVES = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "LOGNAME": "reader"}
"""What a command of cron's finds, beside HOME and what the crontab sets."""

CRON = shutil.which("cron", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.demo()) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A reader's home: a checkout in pixivcrawl/, an archive in it, and the session where the recipes look for it."""
    checkout(tmp_path / "pixivcrawl")
    subscribe(tmp_path / "pixivcrawl" / "archive")
    cookie = tmp_path / ".config" / "pixivcrawl" / "cookie"
    cookie.parent.mkdir(parents=True)
    cookie.write_text(f"PHPSESSID={sandbox.cookie}\n")
    cookie.chmod(0o600)
    return tmp_path


def checkout(folder: Path) -> None:
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "scrapy.cfg", folder)
    for package in PACKAGES:
        (folder / package).symlink_to(ROOT / package)
    install(folder)


def install(folder: Path) -> None:
    """What installing leaves of the project in its environment; the tests need none that is installed."""
    command = folder / ".venv" / "bin" / "pixivcrawl"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pixivcrawl "$@"\n')
    command.chmod(0o755)


def subscribe(archive: Path) -> None:
    archive.mkdir(parents=True)
    (archive / "subscriptions.toml").write_text(FOLLOWED)


def nowhere_but_here(sandbox: Sandbox) -> dict[str, str]:
    """What a test adds to any recipe: pixiv's place is taken by the sandbox."""
    waits = {"PIXIVCRAWL_PIXIV_THROTTLE_WAIT": "0.05", "PIXIVCRAWL_PIXIV_GONE_AFTER": "0"}
    return sandbox.environment() | waits | {"PIXIVCRAWL_PIXIV_API_DELAY": "0"}


def run(
    command: list[str], env: Mapping[str, str], cwd: Path | None = None, **options: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )


# systemd


@pytest.mark.long
def test_the_service_runs_with_what_systemd_gives_it(tmp_path: Path, sandbox: Sandbox) -> None:
    opt, state, credentials = (tmp_path / name for name in ("opt", "state", "credentials"))
    checkout(opt / "pixivcrawl")
    subscribe(state / "pixivcrawl")
    credentials.mkdir()
    (credentials / "session").write_text(sandbox.cookie)
    # The access list for the service's user shows so in the mode.
    (credentials / "session").chmod(0o440)

    def expanded(value: str) -> str:
        return value.replace("%S", str(state)).replace("%d", str(credentials)).replace("/opt", str(opt))

    service = unit("pixivcrawl.service")["Service"]
    env = {"PATH": "/usr/bin:/bin", "CREDENTIALS_DIRECTORY": str(credentials), "JOURNAL_STREAM": "9:1"}
    env |= dict(expanded(value).split("=", 1) for value in service["Environment"])
    ran = run(
        shlex.split(expanded(service["ExecStart"][0])),
        env | nowhere_but_here(sandbox),
        Path(expanded(service["WorkingDirectory"][0])),
        umask=int(service["UMask"][0], 8),
    )
    assert (ran.returncode, complaints(ran.stderr)) == (0, ""), ran.stderr
    assert ran.stderr.startswith(f"archive: {state}/pixivcrawl\n")
    assert_holds(state / "pixivcrawl", sandbox.world.expected.user(11, session=True))
    assert (state / "pixivcrawl" / "archive.sqlite").stat().st_mode & 0o777 == 0o600


# cron


def crontab() -> tuple[dict[str, str], str, str]:
    """The variables that the crontab sets, when its one job runs, and its command."""
    lines = [line for line in (FILES / "crontab").read_text().splitlines() if line and line[0] != "#"]
    variables = dict(line.split("=", 1) for line in lines[:-1])
    *when, command = lines[-1].split(maxsplit=5)
    return variables, " ".join(when), command


def run_by_cron(home: Path, sandbox: Sandbox, **more: str) -> subprocess.CompletedProcess[str]:
    variables, _, command = crontab()
    env = CRON_GIVES | {"HOME": str(home)} | variables | nowhere_but_here(sandbox) | more
    return run(["/bin/sh", "-c", command], env, home)


@pytest.mark.long
def test_the_line_of_cron_says_nothing_unless_a_person_is_needed(home: Path, sandbox: Sandbox) -> None:
    variables, when, command = crontab()
    assert re.fullmatch(r"\d+ \* \* \* \*", when)
    # cron would make the end of a line of it.
    assert "%" not in command
    assert "~" not in "".join(value for name, value in variables.items() if name != "PIXIV_COOKIE_FILE")

    log = home / "pixivcrawl.log"
    ran = run_by_cron(home, sandbox)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert "harbour (user id=11): complete" in log.read_text()
    assert_holds(home / "pixivcrawl" / "archive", sandbox.world.expected.user(11, session=True))

    with lock(Archive(home / "pixivcrawl" / "archive"), "crawl user"):
        beside = run_by_cron(home, sandbox)
    assert (beside.returncode, beside.stdout, beside.stderr) == (0, "", "")
    assert "is in use by 'crawl user'" in log.read_text().splitlines()[-1]

    wrong = run_by_cron(home, sandbox, PIXIV_COOKIE_FILE="~/nowhere")
    assert (wrong.returncode, wrong.stderr) == (0, "")
    assert f"PIXIV_COOKIE_FILE {home}/nowhere: cannot be read" in wrong.stdout.splitlines()[-1]

    (home / "pixivcrawl").rename(home / "moved")
    assert "pixivcrawl" in run_by_cron(home, sandbox).stderr


@pytest.mark.long
@pytest.mark.skipif(
    CRON is None or os.name != "posix" or os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="needs cron, and root to give it folders of its own",
)
def test_a_real_cron_runs_the_line(home: Path, sandbox: Sandbox) -> None:
    """In a name space of its own, where the machine's other jobs are out of its sight."""
    variables, _, command = crontab()
    spool, nothing = home / "spool", home / "nothing"
    (spool / "crontabs").mkdir(parents=True)
    nothing.mkdir()
    lines = [f"{name}={value}" for name, value in ({"HOME": str(home)} | variables | nowhere_but_here(sandbox)).items()]
    table = spool / "crontabs" / "root"
    table.write_text("\n".join([*lines, f"* * * * * {command}", ""]))
    table.chmod(0o600)
    mounts = [f"mount --bind {spool} /var/spool/cron", f"mount --bind {nothing} /etc/cron.d"]
    mounts += ["mount --bind /dev/null /etc/crontab"] * Path("/etc/crontab").exists()
    script = "\n".join(["set -e", "mkdir -p /var/spool/cron /etc/cron.d", *mounts, f"exec {CRON} -f"])
    daemon = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = home / "pixivcrawl.log"
    try:
        deadline = time.monotonic() + 150
        while not (log.exists() and "what each brought" in log.read_text()):
            assert daemon.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        daemon.kill()
        daemon.wait()
    assert "harbour (user id=11): complete" in log.read_text()
    assert_holds(home / "pixivcrawl" / "archive", sandbox.world.expected.user(11, session=True))


# launchd


@pytest.mark.long
def test_the_agent_of_launchd_runs(home: Path, sandbox: Sandbox) -> None:
    agent = plistlib.loads((FILES / "pixivcrawl.plist").read_bytes())
    (home / "Library" / "Logs").mkdir(parents=True)
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"} | agent["EnvironmentVariables"]
    ran = run(agent["ProgramArguments"], env | nowhere_but_here(sandbox), Path("/"))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert "harbour (user id=11): complete" in (home / "Library" / "Logs" / "pixivcrawl.log").read_text()
    assert_holds(home / "pixivcrawl" / "archive", sandbox.world.expected.user(11, session=True))


# The container


@pytest.mark.long
def test_the_container_holds_all_that_its_command_needs(tmp_path: Path, sandbox: Sandbox) -> None:
    """Its files, in a folder that stands for its root, and its own environment; what it installs is the tests' environment."""
    said = instructions()

    def inside(path: str) -> str:
        return re.sub(r"/(opt|archive|run)\b", lambda found: f"{tmp_path}/{found[1]}", path)

    folder = Path(inside(dict(said)["WORKDIR"]))
    folder.mkdir(parents=True)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    for word, rest in said:
        if word == "COPY":
            source, target = rest.split()
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, folder / target)
        elif word == "RUN" and "pip install" in rest:
            install(folder)
        elif word == "RUN" and "useradd" not in rest and "install --directory" not in rest:
            assert run(["sh", "-ec", rest], env, folder).returncode == 0
        elif word == "ENV":
            name, value = rest.split("=", 1)
            env[name] = inside(value)
    secret = Path(env["PIXIV_COOKIE_FILE"])
    secret.parent.mkdir(parents=True)
    secret.write_text(sandbox.cookie)
    secret.chmod(0o400)
    subscribe(tmp_path / "archive")
    command = [inside(word) for word in json.loads(dict(said)["ENTRYPOINT"])] + json.loads(dict(said)["CMD"])
    ran = run(command, env | nowhere_but_here(sandbox), folder)
    assert (ran.returncode, complaints(ran.stderr)) == (0, ""), ran.stderr
    assert_holds(tmp_path / "archive", sandbox.world.expected.user(11, session=True))


# Without a checkout


@pytest.mark.long
def test_a_wheel_runs_in_a_folder_that_names_a_profile(tmp_path: Path) -> None:
    for path in project_files():
        copy = tmp_path / "tree" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", tmp_path, tmp_path / "tree"], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "installed")}
    status = [sys.executable, "-m", "scrapy", "status"]
    assert "Unknown command" in run(status, env, elsewhere).stdout
    assert run(status, env | {"SCRAPY_SETTINGS_MODULE": "pixivcrawl.settings.server"}, elsewhere).stdout.startswith(
        "archive: "
    )
    (elsewhere / "scrapy.cfg").write_text("[settings]\ndefault = pixivcrawl.settings.server\n")
    demo = run([sys.executable, "-m", "scrapy", "demo"], env, elsewhere)
    assert demo.returncode == 0, demo.stderr
    assert list((elsewhere / "demo-archive" / "originals").rglob("*.*"))
