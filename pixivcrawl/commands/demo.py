"""`pixivcrawl demo`: archives an artist from the built-in sandbox, twice, without an account or network."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.settings import Settings

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.runs.command import ArchiveCommand

if TYPE_CHECKING:
    from pixivcrawl.sandbox import Sandbox

ARTIST = 11


class Command(ArchiveCommand):
    example = "demo"

    def short_desc(self) -> str:
        return "Archive an artist from the built-in sandbox into ./demo-archive (no account, no network)"

    def long_desc(self) -> str:
        return (
            "Starts a small look-alike of pixiv on this machine, archives one artist from it into ./demo-archive, and "
            "runs again to show that nothing is fetched twice. An existing demo archive is kept and continued."
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        from pixivcrawl.sandbox import Sandbox, World

        archive = folder() / "demo-archive"
        with Sandbox(World.demo(), tls=True) as sandbox:
            environment = nobodys(os.environ) | sandbox.environment()
            environment |= {
                "PIXIVCRAWL_ARCHIVE_DIR": str(archive),
                "PIXIVCRAWL_CONFIG": os.devnull,
                "PIXIVCRAWL_PIXIV_API_DELAY": "0",
                # What is gone from the look-alike stays gone: there is no need to wait before asking again.
                "PIXIVCRAWL_PIXIV_GONE_AFTER": "0",
                "PIXIV_PHPSESSID": sandbox.cookie,
                # A checkout need not be installed.
                "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), *sys.path])),
            }
            print(
                "A look-alike of pixiv runs on this machine. Its pictures are made up, and the run is faster than pixiv would allow."
            )
            print(f"First run, of: pixivcrawl user {ARTIST}", flush=True)
            code = crawl(environment)
            first = images_fetched(sandbox)
            print("\nThe same command again:", flush=True)
            code = code or crawl(environment)
            again = images_fetched(sandbox) - first
            print(f"\nImages fetched: {first} by the first run, {again} by the second.")
        print(f"Originals: {archive / 'originals'}")
        print(f"Ledger:    {archive / 'archive.sqlite'}")
        typed = words_of_command()
        print(f"Look at it with: {typed} gallery --open -s {shlex.quote(f'ARCHIVE_DIR={archive}')}")
        print(f"See its state with: {typed} status -s {shlex.quote(f'ARCHIVE_DIR={archive}')}")
        print(f"For real: {typed} setup, then {typed} user ID, or the address of any pixiv page")
        return code


def words_of_command() -> str:
    """How `pixivcrawl` is called where this demo was: by its name, or by its path where no shell finds it yet."""
    program = Path(sys.argv[0])
    return "pixivcrawl" if shutil.which("pixivcrawl") or program.stem != "pixivcrawl" else shlex.quote(str(program))


def folder() -> Path:
    """The current folder or, if that cannot be written to, the user's own. Raises ConfigurationError if neither can."""
    places = [Path.cwd()]
    # Unknown without HOME, for a user whom the system does not know.
    with suppress(RuntimeError):
        places.append(Path.home())
    for place in places:
        if os.access(place, os.W_OK):
            return place
    raise ConfigurationError(f"{Path.cwd()} cannot be written to: run the demo in a folder of your own")


def nobodys(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's real settings: made-up works never go into a real archive."""
    return {name: value for name, value in environment.items() if not name.startswith(("PIXIV", "SCRAPY_"))}


def crawl(environment: dict[str, str]) -> int:
    """Run the command that a user would type, in a separate process."""
    command = [sys.executable, "-m", "pixivcrawl", "user", str(ARTIST)]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 (fixed words)


def images_fetched(sandbox: Sandbox) -> int:
    """Count the fetched images, without addresses that were tried and do not exist."""
    images = [*sandbox.requests(kind="image"), *sandbox.requests(kind="portrait")]
    return sum(logged.status < 400 for logged in images)
