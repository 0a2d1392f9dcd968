"""`pixivcrawl verify`: reads every file and compares it with the ledger; with --repair, repairs what is damaged."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import add_quiet, obey_quiet
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.continuity import disagreement, require_ledger
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reporting.status_text import odd
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.exclusive import locked_ledger
from pixivcrawl.runs.memory import limit_heaps
from pixivcrawl.verification.checkpoint import CheckpointFile, Progress
from pixivcrawl.verification.files import whose_originals
from pixivcrawl.verification.findings import HARMLESS, Finding, in_order, is_damaged, summary
from pixivcrawl.verification.progress import VerificationProgress
from pixivcrawl.verification.repair import TIME_SET, Action, repair
from pixivcrawl.verification.sampling import WHOLE, Sample, next_window, read_sample, read_since
from pixivcrawl.verification.verify import Depth, verify

WHOLE_ARCHIVE, FOUND = 0, 1
"""Exit codes: nothing but times is amiss, or something was found."""


class Command(ArchiveCommand):
    when_interrupted = "interrupted; --continue goes on from there"
    example = "verify --sample 5%"

    def short_desc(self) -> str:
        return "Read every file, compare it with the ledger, and repair what is damaged"

    def long_desc(self) -> str:
        return (
            "Compares the size, bytes and time of every file with the ledger, and names each file in originals/ that "
            "has no row. Sends nothing to pixiv, changes nothing, and can run beside a crawl. --against-pixiv --sample "
            "20 fetches twenty files again from the image host and names those that differ. --repair repairs what it "
            "finds and deletes nothing: damaged files go to quarantine/, and the next crawl fetches them again. After "
            "Ctrl-C, --continue continues. For a nightly timer: pixivcrawl verify --sample 5%. Exit codes: 0 whole (a "
            "changed time is not damage); 1 something was found; 2 wrong usage or configuration; 3 the archive is in "
            "use (only with --repair or --against-pixiv); 5 the disk or the ledger failed; 130 interrupted."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_quiet(parser)
        parser.add_argument("--deep", action="store_true", help="also prove again that each file is the whole picture")
        parser.add_argument("--repair", action="store_true", help="repair what is found; deletes nothing")
        parser.add_argument(
            "--sample",
            metavar="PART",
            help="read a random part of the files, as a percentage or a number; the next sample reads others",
        )
        parser.add_argument("--since", metavar="AGO", help="check only files stored since: 7d, 12h, 2026-11-01")
        # As `continue` it could not be read back: a word of the language.
        parser.add_argument(
            "--continue", dest="go_on", action="store_true", help="continue where the same command was stopped"
        )
        parser.add_argument(
            "--against-pixiv",
            action="store_true",
            help="with --sample: fetch that part of the files again and compare them; what is fetched is not kept",
        )
        parser.add_argument("--json", action="store_true", help="print each finding as a line of JSON")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        obey_quiet(opts, settings)
        if opts.quiet:
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (until the process ends)
        with stopped_like_ctrl_c():
            configuration = Configuration.from_settings(settings)
            require_archive(configuration)
            if not opts.against_pixiv:
                return run(configuration, opts)
            # Only here: what asks pixiv is much to import.
            from pixivcrawl.runs.comparison import compare

            return compare(settings, configuration, opts)


@contextmanager
def stopped_like_ctrl_c() -> Iterator[None]:
    """Treat SIGTERM, with which timers stop commands, like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run(configuration: Configuration, opts: argparse.Namespace) -> int:
    """Verify, and repair if asked to; returns the exit code. Raises PixivcrawlError."""
    limit_heaps()
    archive = configuration.archive
    sample = None if opts.sample is None else read_sample(opts.sample)
    since = None if opts.since is None else read_since(opts.since, datetime.now(UTC))
    if not opts.json:
        print(f"archive: {archive.root}", flush=True)
    with ExitStack() as held:
        workers = held.enter_context(Workers(configuration.proof_workers, configuration.proof_limits))
        depth = Depth(opts.deep, workers)
        ledger = opened(configuration, archive, held, to_repair=opts.repair)
        memory = CheckpointFile(archive.root)
        known_as = whose_originals(archive, ledger)
        progress = begin(ledger, memory, opts, sample, since, known_as)
        try:
            look(archive, ledger, memory, progress, depth, known_as, is_shown=not opts.quiet)
        except KeyboardInterrupt:
            memory.save(progress)
            report(in_order(progress.findings), as_json=opts.json)
            say(f"stopped after {plural(progress.files, 'file')}; --continue continues from there", as_json=opts.json)
            raise
        findings = in_order(progress.findings)
        report(findings, as_json=opts.json)
        say(summary(findings, progress.files, progress.bytes_read), as_json=opts.json)
        for there in ledger.read_now(queries.files_elsewhere, known_as):
            say(str(there), as_json=opts.json)
        for line in odd(*ledger.read_now(queries.status_odd)):
            say(line, as_json=opts.json)
        if opts.repair and findings:
            memory.save(progress)
            with Repairs(as_json=opts.json) as repairs:
                repair(archive, ledger, findings, depth, repairs.told)
        memory.finish(sampled_to=None if sample is None else progress.window.end)
    return FOUND if is_damaged(findings) else WHOLE_ARCHIVE


def require_archive(configuration: Configuration) -> None:
    """Raises ConfigurationError if there is no archive yet, StorageFailed if it has lost its ledger."""
    database = read_url(configuration.database_url)
    require_ledger(database, configuration.archive)
    if database.get_backend_name() == "sqlite" and not Path(str(database.database)).exists():
        raise ConfigurationError(
            "there is no archive there yet; begin one with: pixivcrawl user ID (or name another with -s ARCHIVE_DIR=...)"
        )


def opened(configuration: Configuration, archive: Archive, held: ExitStack, *, to_repair: bool) -> Ledger:
    """The ledger, read-only, or locked for changes; `held` closes it."""
    if not to_repair:
        ledger = Ledger.open(configuration.database_url, archive=archive, read_only=True)
        held.callback(ledger.close)
        agree_on_store(archive, ledger, writes=False)
        if (why := disagreement(ledger.read_now, archive, read_url(configuration.database_url))) is not None:
            raise StorageFailed(why)
        return ledger
    _, ledger = held.enter_context(locked_ledger(configuration, "verify --repair"))
    return ledger


def begin(
    ledger: Ledger,
    memory: CheckpointFile,
    opts: argparse.Namespace,
    sample: Sample | None,
    since: datetime | None,
    known_as: str,
) -> Progress:
    """The progress of an interrupted verification with the same options, or of a new one. `known_as`: see `whose_originals`."""
    options: dict[str, Any] = {"deep": opts.deep, "sample": opts.sample, "since": opts.since}
    if opts.go_on:
        if (unfinished := memory.unfinished(options)) is not None:
            say(f"continuing after {plural(unfinished.files, 'file')}", as_json=opts.json)
            return unfinished
        say(
            "nothing to continue: no verification with these options was stopped; starting from the beginning",
            as_json=opts.json,
        )
    if sample is None:
        return Progress(options, WHOLE, since)

    def window(connection: Any) -> Any:
        paths = queries.stored_paths(connection, since, known_as)
        return next_window(sample, memory.sampled_to, paths)

    return Progress(options, ledger.read_now(window), since)


def look(
    archive: Archive,
    ledger: Ledger,
    memory: CheckpointFile,
    progress: Progress,
    depth: Depth,
    known_as: str,
    *,
    is_shown: bool,
) -> None:
    """Verify, showing progress and saving it every few seconds."""
    files, size = ledger.read_now(queries.stored_totals, progress.since, known_as)
    with VerificationProgress(files, size, is_shown=is_shown) as shown:

        def note(reached: Progress) -> None:
            memory.note(reached)
            shown.show(reached.files, reached.bytes_read, len(reached.findings))

        verify(archive, ledger, progress, depth, note)


def report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print a line for each finding; in text output, all changed times, which may affect every file, share one."""
    times = [] if as_json else [finding for finding in findings if finding.kind == HARMLESS]
    for finding in findings if len(times) < 2 else [each for each in findings if each.kind != HARMLESS]:
        print(json.dumps(finding.as_json()) if as_json else finding)
    if len(times) > 1:
        print(
            f"{HARMLESS}: {plural(len(times), 'file')}, the first {one_line(times[0].path, 400)}; --repair sets them back"
        )


class Repairs:
    """Prints each repair; in text output, all changed times share one line at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._times: list[str] = []

    def __enter__(self) -> Repairs:
        return self

    def __exit__(self, *_: object) -> None:
        if self._times:
            more = f"{plural(len(self._times), 'file')}, the first " if len(self._times) > 1 else ""
            print(f"{TIME_SET}: {more}{one_line(self._times[0], 400)}", flush=True)

    def told(self, action: Action) -> None:
        if self._as_json:
            print(json.dumps({"repair": action.what, **asdict(action)}), flush=True)
        elif action.what == TIME_SET:
            self._times.append(action.path)
        else:
            detail = f" ({action.detail})" if action.detail else ""
            print(one_line(f"{action.what}: {one_line(action.path, 400)}{detail}", 900), flush=True)


def say(line: str, *, as_json: bool) -> None:
    """Print for people; with JSON output, to standard error."""
    print(line, file=sys.stderr if as_json else sys.stdout, flush=True)
