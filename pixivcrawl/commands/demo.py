"""`pixivcrawl demo`: an artist archived from the built-in sandbox, twice, without an account and without a network."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand

if TYPE_CHECKING:
    from pixivcrawl.sandbox import Sandbox

ARTIST = 11


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False
    example = "demo"

    def short_desc(self) -> str:
        return "Archive an artist from the built-in sandbox into ./demo-archive (no account, no network)"

    def long_desc(self) -> str:
        return (
            "Starts a small look-alike of pixiv on this machine, archives one artist from it into ./demo-archive, and runs once more "
            "to show that nothing is fetched twice. An earlier demo archive is kept, and gone on with."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        from pixivcrawl.sandbox import Sandbox, World

        archive = Path.cwd() / "demo-archive"
        with Sandbox(World.demo(), tls=True) as sandbox:
            environment = (
                os.environ
                | sandbox.environment()
                | {
                    "PIXIVCRAWL_ARCHIVE_DIR": str(archive),
                    "PIXIVCRAWL_PIXIV_API_DELAY": "0",
                    # What is gone from a look-alike stays gone: nobody needs to wait for the second look.
                    "PIXIVCRAWL_PIXIV_GONE_AFTER": "0",
                    "PIXIV_PHPSESSID": sandbox.cookie,
                }
            )
            print("A look-alike of pixiv runs on this machine. First run:", flush=True)
            self.exitcode = crawl(environment)
            first = images_fetched(sandbox)
            print("\nThe same command again:", flush=True)
            self.exitcode = self.exitcode or crawl(environment)
            again = images_fetched(sandbox) - first
            print(f"\nImages fetched: {first} by the first run, {again} by the second.")
        print(f"Originals: {archive / 'originals'}")
        print(f"Ledger:    {archive / 'archive.sqlite'}")
        print(f"Look into it with: pixivcrawl status -s ARCHIVE_DIR={archive}")


def crawl(environment: dict[str, str]) -> int:
    """The command a person would type, in a process of its own."""
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", f"id={ARTIST}"]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 (fixed words)


def images_fetched(sandbox: Sandbox) -> int:
    return len(sandbox.requests(kind="image")) + len(sandbox.requests(kind="portrait"))
