"""`pixivcrawl doctor`: finds problems with an archive, its machine and its session, and says what to do about them."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.runs.command import ArchiveCommand

if TYPE_CHECKING:
    from pixivcrawl.archive.layout import Archive
    from pixivcrawl.doctor.findings import Finding
    from pixivcrawl.doctor.ledger import LedgerExamination
    from pixivcrawl.session import Session


class Command(ArchiveCommand):
    example = "doctor --offline"

    def short_desc(self) -> str:
        return "Check whether session, clock, disk, ledger and settings are ready for a run, and say what to do"

    def long_desc(self) -> str:
        return (
            "Checks the versions, settings, pace, certificates, disk and permissions, object store, ledger, subscriptions, notice "
            "services, session and clock. Each check prints one line: ok, warning or problem, and what to do about it: "
            "pixivcrawl doctor. One request asks pixiv whether the session is valid; --live asks all endpoints; "
            "nothing is sent with --offline, or while a run is in progress in the archive. It changes nothing and "
            "needs no lock and no archive, except with --lift-pauses, which forgets the pauses that hosts asked for. "
            "For use in a program: pixivcrawl doctor --json. Exit codes: 0 nothing worse than warnings; otherwise the "
            "code that a run would end with because of the first problem: 1 pixiv cannot be asked; 2 configuration; 4 "
            "pixiv refuses the session; 5 the disk or the ledger failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--live",
            action="store_true",
            help="also send one request to each endpoint that you may use, at the usual pace, and say how its answer differs from what is "
            "known; the report contains no cookie, id or name",
        )
        parser.add_argument("--offline", action="store_true", help="send nothing to pixiv")
        parser.add_argument(
            "--lift-pauses",
            action="store_true",
            help="first forget the pauses that hosts asked for, so that runs send requests again",
        )
        parser.add_argument("-q", "--quiet", action="store_true", help="print only warnings and problems")
        parser.add_argument("--json", action="store_true", help="print each finding as a line of JSON")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if opts.live and opts.offline:
            raise UsageError("--live asks pixiv, and --offline does not: leave one of them out", print_help=False)
        from pixivcrawl.doctor.findings import exit_code

        findings: list[Finding] = []

        def say(finding: Finding) -> None:
            findings.append(finding)
            if opts.quiet and finding.state == "ok":
                return
            print(json.dumps(finding.as_json()) if opts.json else finding, flush=True)

        # What is worth a warning in a log is a finding here.
        logging.disable(logging.CRITICAL)
        try:
            if opts.lift_pauses:
                lift_pauses(Configuration.from_settings(settings))
            for finding in examination(settings, offline=opts.offline, live=opts.live):
                say(finding)
            if opts.live and not exit_code(findings):
                ask_everything(settings, say)
        finally:
            logging.disable(logging.NOTSET)
        if not opts.json and not opts.quiet:
            print(summary(findings))
        return exit_code(findings)


def ask_everything(settings: Settings, say: Callable[[Finding], None]) -> None:
    """Print how each endpoint's answer differs from what is known. Raises as a crawl does."""
    from pixivcrawl.runs.live_check import check_live
    from pixivcrawl.session import session_from_settings

    check_live(settings, Configuration.from_settings(settings), session_from_settings(settings), say)


def lift_pauses(configuration: Configuration) -> None:
    """Forget every pause that a host asked for. Raises ConfigurationError if there is no ledger, ArchiveInUse, StorageFailed."""
    from pixivcrawl.archive.lock import lock
    from pixivcrawl.errors import ConfigurationError
    from pixivcrawl.ledger import queries, updates
    from pixivcrawl.ledger.service import Ledger

    archive = configuration.archive
    if not archive.root.is_dir():
        raise ConfigurationError(f"there is no archive at {archive.root}: name it with -s ARCHIVE_DIR=...")
    with lock(archive, "doctor"):
        ledger = Ledger.open(configuration.database_url, archive=archive)
        try:
            for pause in ledger.read_now(queries.host_pauses):
                ledger.write_now(updates.clear_pause, pause.host, pause.account)
        finally:
            ledger.close()


def summary(findings: list[Finding]) -> str:
    """The overall result in one line."""
    counts = {state: sum(finding.state == state for finding in findings) for state in ("problem", "warning")}
    if not any(counts.values()):
        return "all is well"
    return ", ".join(f"{number} {state}{'s' * (number > 1)}" for state, number in counts.items() if number)


def examination(settings: Settings, *, offline: bool, live: bool = False) -> Iterator[Finding]:
    """All checks, each yielded as soon as its result is known; checks that an earlier problem prevents are left out."""
    # Only here: they are many, and every command would import them.
    from pixivcrawl.doctor.disk import check_disk, check_permissions
    from pixivcrawl.doctor.environment import (
        check_certificates,
        check_clock,
        check_notices,
        check_pace,
        check_proofs,
        check_secrets,
        check_versions,
    )
    from pixivcrawl.doctor.findings import ok, problem
    from pixivcrawl.doctor.ledger import check_ledger
    from pixivcrawl.doctor.session import ask, check_session
    from pixivcrawl.doctor.store import check_store
    from pixivcrawl.session import session_from_settings

    yield from check_versions()
    try:
        refused, settings = without_refused(settings)
        configuration = Configuration.from_settings(settings)
    except PixivcrawlError as error:
        yield problem("settings", error)
        return
    archive = configuration.archive
    yield from refused or [ok("settings", f"the archive is {archive.root}")]
    yield from check_pace(configuration)
    yield check_proofs(configuration)
    yield check_certificates()
    yield from check_disk(archive, configuration.notice_disk_low)
    yield from check_permissions(archive, configuration.archive_readers)
    yield from check_store(archive)
    yield from check_secrets(settings)
    yield check_notices(settings)
    examined = check_ledger(configuration, archive, datetime.now(UTC))
    yield from examined.findings
    yield check_subscriptions(settings)
    answered = None
    try:
        session = session_from_settings(settings)
        finding = left_out(configuration, archive, session, examined, offline=offline)
        if finding is None and live:
            finding = ok("session", "asked about with the endpoints, below")
        if finding is None:
            assert session is not None
            answered = ask(settings)
            finding = check_session(session, answered)
        yield finding
    except PixivcrawlError as error:
        yield problem("session", error)
    served, at = (answered.served, answered.at) if answered is not None else (None, datetime.now(UTC))
    yield check_clock(served, at, examined.newest)


def without_refused(settings: Settings) -> tuple[list[Finding], Settings]:
    """The findings about settings that a run refuses, and the remaining settings, so that the rest can be checked."""
    from pixivcrawl.doctor.findings import problem
    from pixivcrawl.scrapy_settings import refused_in

    findings, without = [], settings.copy()
    for name, refusal in refused_in(settings):
        findings.append(problem("settings", refusal))
        without.delete(name, priority="cmdline")
    return findings, without


def check_subscriptions(settings: Settings) -> Finding:
    """Check whether the file can be used, as `pixivcrawl sync` would."""
    from pixivcrawl.doctor.findings import ok, problem
    from pixivcrawl.runs.subscriptions import file_path, of_accounts
    from pixivcrawl.session import session_from_settings
    from pixivcrawl.subscriptions.file import read_file

    path = file_path(settings)
    if not path.exists():
        return ok("subscriptions", f"none: there is no {path}")
    session = None
    # A session that cannot be read is reported separately. Its account decides whether "me" and an id are one list.
    with suppress(PixivcrawlError):
        session = session_from_settings(settings)
    try:
        file = read_file(path)
        for catalogue, part in of_accounts(settings, session, file):
            catalogue.check(part)
    except PixivcrawlError as error:
        return problem("subscriptions", error)
    return ok("subscriptions", f"{len(file.subscriptions):,} in {path}")


def left_out(
    configuration: Configuration,
    archive: Archive,
    session: Session | None,
    examined: LedgerExamination,
    *,
    offline: bool,
) -> Finding | None:
    """The finding about the session if pixiv is not asked; None if it is to be asked."""
    from pixivcrawl.archive.lock import last_holder
    from pixivcrawl.doctor.findings import ok, warning
    from pixivcrawl.doctor.session import paused, reader

    if session is None:
        before = (
            "" if examined.last_account is None else f", though earlier runs read as account {examined.last_account}"
        )
        return warning(
            "session",
            f"none is set{before}: only what everyone may see is archived; set PIXIV_PHPSESSID or "
            "PIXIV_COOKIE_FILE (an export is lost with its terminal)",
        )
    of = f"that of {reader(session)}; not asked about"
    if offline:
        return ok("session", f"{of} (--offline)")
    holder = last_holder(archive)
    if holder is not None and holder.is_at_work:
        return ok("session", f"{of}, because a run is under way, which asks pixiv itself")
    if examined.paused_until is not None and examined.paused_until > datetime.now(UTC):
        return paused(examined.paused_until)
    if 0 < configuration.api_budget <= examined.spent:
        return warning("session", f"{of}: the {configuration.api_budget:,} API requests of this day are spent")
    return None
