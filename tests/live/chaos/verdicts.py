"""What must be true after a trial. Each check gives its complaints, one line each; none is a pass."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from pixivcrawl.archive.stores.placing import sha256_of
from pixivcrawl.items import part_name
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.updates.files import GONE_WITH_FIRST
from pixivcrawl.sandbox.log import Logged
from tests import canonical
from tests.ledger.journals import read_answer
from tests.live.chaos.trials import (
    API_AT_ONCE,
    IMAGES_AT_ONCE,
    WORKS_AT_ONCE,
    Life,
    Reference,
    Trial,
)
from tests.live.running import complaints, ledger_files, rows

COMPLETE, FAILED, REFUSED = 0, 1, 4

_ABOUT_A_WORK = re.compile(r"/ajax/illust/(\d+)")

LOOKS = 2
"""How often pixiv is asked whether it takes the account, before the run believes that it does not."""


def killed_enough(trial: Trial, kills: int) -> Iterator[str]:
    """The trial was one: so many runs were killed."""
    if len(trial.kills) < kills:
        yield f"{len(trial.kills)} runs were killed where {kills} were to be"


def whole(trial: Trial, reference: Reference) -> Iterator[str]:
    """The archive is the one of an undisturbed run: every byte, every fact, nothing half done."""
    last = trial.lives[-1]
    yield from _ends_well(last)
    found, due = _contents(last.originals), _contents(reference.files)
    yield from (f"{name} is missing" for name in sorted(due.keys() - found.keys()))
    yield from (f"{name} should not be there" for name in sorted(found.keys() - due.keys()))
    yield from (f"{name} differs" for name in sorted(found.keys() & due.keys()) if found[name] != due[name])
    if ledger_files(trial.archive) != {name: file.sha256 for name, file in last.originals.items()}:
        yield "the ledger names other files than there are"
    if last.staging:
        yield f"left in staging: {', '.join(last.staging)}"
    yield from _facts(trial.archive, reference)


NOT_FOUND, SECOND_LOOK = 404, 2


def sound(trial: Trial) -> Iterator[str]:
    """What holds after every run, killed or not: what is in place stays as it is, and nothing is known that is not on record."""
    before: Life | None = None
    # A whole picture of another size than pixiv's page says makes way for the right one.
    aside = {sha256_of(path) for path in (trial.archive / "quarantine").iterdir()}
    for number, life in enumerate(trial.lives):
        if "Traceback" in life.ending.errors:
            yield f"run {number} said: {life.ending.errors[-2000:]}"
        for name, file in (before.originals if before else {}).items():
            if life.originals.get(name) != file and file.sha256 not in aside:
                yield f"run {number} touched {name}: {file} became {life.originals.get(name)}"
        before = life
    yield from _ledger_is_sound(trial.archive)
    yield from _quarantine_is_right(trial)


def fetched_once(trial: Trial, *, strict: bool) -> Iterator[str]:
    """Images asked for again are those that were in flight at a kill, and of these no more than may travel at once.

    An image is in flight when its request has come to the server and its whole body does not yet lie on the disk. One that goes on from
    the middle (Range) was in flight too. Not `strict`: what lay in staging may be fetched again.
    """
    again: dict[int, set[str]] = defaultdict(set)
    for earlier, later in _repeated(trial):
        address, ended_at = later.path.lstrip("/"), trial.life_of(earlier)
        if trial.life_of(later) == ended_at:
            yield f"run {ended_at} fetched {address} twice"
        elif not _was_in_flight(trial, earlier, later, strict=strict):
            yield f"{address} was there whole after run {ended_at}, and fetched again"
        else:
            again[ended_at].add(address)
    for number, addresses in again.items():
        if strict and len(addresses) > IMAGES_AT_ONCE:
            yield f"{len(addresses)} images of run {number} were fetched again: {', '.join(sorted(addresses))}"


def asked_once(trial: Trial) -> Iterator[str]:
    """Nothing is asked that the ledger knows: works asked for again were begun and not yet recorded at a kill, and no more than may be.

    What is not there is looked at twice.
    """
    again: dict[int, set[int]] = defaultdict(set)
    latest: dict[str, int] = {}
    not_there: Counter[tuple[str, int]] = Counter()
    for logged in trial.log:
        if (found := _ABOUT_A_WORK.match(logged.path)) is None:
            continue
        work_id, life = int(found[1]), trial.life_of(logged)
        earlier = latest.get(logged.path)
        latest[logged.path] = life
        not_there[logged.path, life] += logged.status == NOT_FOUND
        if logged.status == NOT_FOUND and not_there[logged.path, life] <= SECOND_LOOK:
            continue
        if earlier == life:
            yield f"run {life} asked {logged.path} twice"
        elif earlier is not None and any(work_id in each.known for each in trial.lives[earlier:life]):
            yield f"{logged.path} was known after run {earlier}, and asked again in run {life}"
        elif earlier is not None:
            again[earlier].add(work_id)
    for number, works in again.items():
        if len(works) > WORKS_AT_ONCE:
            yield f"{len(works)} works of run {number} were asked for again: {sorted(works)}"


def asked_little(trial: Trial, reference: Reference) -> Iterator[str]:
    """API requests: those of an undisturbed run, and for each kill those in flight and the head of the list.

    A run that came to its end before it was killed is followed by one that looks whether there is anything new.
    """
    asked = trial.watch.entries("api")
    looks = sum(not life.ending.was_killed for life in trial.lives) - 1
    for_kills = len(trial.kills) * (API_AT_ONCE + reference.api_of_list)
    most = reference.api + for_kills + looks * reference.api_again
    if len(asked) > most:
        repeated = Counter(f"{logged.path}?{logged.query}" for logged in asked)
        often = ", ".join(f"{times} x {address}" for address, times in repeated.most_common(12) if times > 1)
        yield (
            f"{len(asked)} API requests, at most {most} are right "
            f"({reference.api} undisturbed, {len(trial.kills)} kills, {looks} further runs): {often}"
        )


def refused_at_once(trial: Trial, life: Life, *, strict: bool) -> Iterator[str]:
    """The run in which the account was refused ended with exit code 4 and one line, and asked hardly anything more.

    Not `strict`: what every work that was begun asks next may leave while the account is looked at.
    """
    number = trial.lives.index(life)
    asked = [logged for logged in trial.log if logged.kind == "api" and trial.life_of(logged) == number]
    first = next((place for place, logged in enumerate(asked) if logged.status in (401, 403)), None)
    if first is None:
        # It had less left to ask than there was to be asked before.
        return
    if life.ending.exit_code != REFUSED or complaints(life.ending.errors).count("\n") != 1:
        yield f"run {number} was refused and ended with {life.ending.exit_code}: {life.ending.errors}"
    if len(asked) - first > 1 + LOOKS + (API_AT_ONCE if strict else WORKS_AT_ONCE):
        yield f"run {number} asked {len(asked) - first} times after it was refused: {[logged.path for logged in asked[first:]]}"


def _ends_well(life: Life) -> Iterator[str]:
    if life.ending.exit_code != COMPLETE or complaints(life.ending.errors):
        yield f"the last run ended with {life.ending.exit_code}: {life.ending.errors}"
    if ": complete\n" not in life.ending.errors:
        yield f"the last run does not say that it is complete: {life.ending.errors}"


def _contents(files: dict) -> dict:
    """What is in the files and what time they bear, whatever their inode."""
    return {name: (file.sha256, file.modified) for name, file in files.items()}


def _facts(archive: Path, reference: Reference) -> Iterator[str]:
    found, due = canonical.dump(archive), reference.dump
    for table in due:
        missing, more = Counter(due[table]) - Counter(found[table]), Counter(found[table]) - Counter(due[table])
        for row in [*missing][:3]:
            yield f"{table}: not there: {' '.join(row)[:1500]}"
        for row in [*more][:3]:
            yield f"{table}: should not be there: {' '.join(row)[:1500]}"
    if intents := rows(archive, "SELECT path FROM files WHERE state = 'intent'"):
        yield f"intents are left: {intents}"


def _ledger_is_sound(archive: Path) -> Iterator[str]:
    database = archive / "archive.sqlite"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        if (said := connection.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            yield f"the ledger is damaged: {said}"
        if orphans := connection.execute("PRAGMA foreign_key_check").fetchall():
            yield f"rows point to nothing: {orphans}"
        kept = connection.execute("SELECT endpoint, subject_id, file, start, length FROM answers").fetchall()
    for endpoint, subject, *location in kept:
        if read_answer(archive / "journal", Location(*location)) is None:
            yield f"the ledger names an answer to {endpoint} {subject} that the journal does not hold"


def _quarantine_is_right(trial: Trial) -> Iterator[str]:
    """Damaged bodies alone; without faults, none."""
    folder = trial.archive / "quarantine"
    if not trial.wrong.served:
        yield from (f"{path.name} is in quarantine: {path.read_text()}" for path in folder.glob("*.txt"))


def _repeated(trial: Trial) -> Iterator[tuple[Logged, Logged]]:
    """Each request for an image that had been answered rightly before, with that earlier one."""
    right: dict[str, Logged] = {}
    times: Counter[str] = Counter()
    wrong = {(served.address, served.nth) for served in trial.wrong.served if served.host == "image"}
    for logged in trial.log:
        # An address that followed from a row and is none is tried again: it brings no image.
        if logged.kind != "image" or logged.status == NOT_FOUND:
            continue
        if logged.path in right:
            yield right[logged.path], logged
        times[logged.path] += 1
        if (logged.path, times[logged.path]) not in wrong:
            right[logged.path] = logged


def _was_in_flight(trial: Trial, earlier: Logged, later: Logged, *, strict: bool) -> bool:
    if "range" in later.headers:
        return True
    sha256 = _sha256_at(trial, later)
    between = trial.lives[trial.life_of(earlier) : trial.life_of(later)]
    if not all(life.ending.was_killed for life in between[:1]):
        return False
    if strict:
        return not any(sha256 in life.held for life in between)
    return not any(sha256 in {file.sha256 for file in life.originals.values()} for life in between)


def _sha256_at(trial: Trial, logged: Logged) -> str:
    from pixivcrawl.sandbox.addresses import read

    wanted = read(logged.path)
    assert wanted is not None
    work = trial.server.world.work(wanted.id)
    assert work is not None
    pictures = trial.server.world.pictures
    return (pictures.frame_sha256 if wanted.sort == "frame" else pictures.sha256)(work, wanted.page)


# With faults


TRUE_REASONS = {
    "cut_declared": r"bytes where [\d,]+ were announced|connection broke",
    "cut_undeclared": r"^damaged: |connection broke",
    "cut_relabelled": r"^damaged: ",
    "zeroed_half": r"^damaged: |^doubtful ",
    "zeroed_hole": r"^damaged: |^doubtful ",
    "html": r"^damaged: is not an image: it is a web page",
    "placeholder": r"^damaged: (is a png where|has 360 x 360 pixels)",
    "wrong_size": r"^damaged: has \d+ x \d+ pixels where",
    "wrong_format": r"^damaged: is a \w+ instead of a \w+",
    "bad_zip": r"^damaged: ",
    "missing_frame": r"^damaged: ",
    "slow": r"too slow: ",
    "redirect": r"redirected elsewhere",
    "status:403": r"answered 403",
    "status:404": r"answers 404",
    "status:500": r"answered 500",
    "status:503": r"answered 503",
}
"""What a parked file's reason says of each fault of the image host; the others are no reason to park."""

TRUE_REASONS_OF_WORKS = {
    "html": r"not JSON",
    "missing_field": r"illust\.\w+",
    "empty": r"illust\.\w+",
    "not_object": r"illust\.\w+",
    "unknown_json": r"illust\.\w+",
    "disconnect": r"connection broke",
    "status:500": r"status 500",
    "status:502": r"status 502",
    "status:503": r"status 503",
}


def parked(trial: Trial, status: str, reference: Reference) -> Iterator[str]:
    """After a run with faults: exit code 1 and a true reason for all that is missing, or complete.

    `status` is what `pixivcrawl status --all` shows.
    """
    last = trial.lives[-1]
    found, due = _contents(last.originals), _contents(reference.files)
    if not found.items() <= due.items():
        yield f"wrong files are in place: {found.keys() - due.keys()} {[name for name in found if found[name] != due.get(name)]}"
    if last.ending.exit_code == COMPLETE and found != due:
        yield f"the run calls itself complete without {sorted(due.keys() - found.keys())}"
    missing = rows(
        trial.archive,
        "SELECT artwork_id, kind, page, failed_reason, url FROM files WHERE state IN ('wanted', 'parked', 'intent')",
    )
    failed = rows(trial.archive, "SELECT id, failed_reason FROM artworks WHERE next_attempt IS NOT NULL")
    if last.ending.exit_code not in (COMPLETE, FAILED):
        yield f"the run with faults ended with {last.ending.exit_code}: {last.ending.errors}"
    if (missing or failed) and last.ending.exit_code == COMPLETE:
        yield f"files or works are missing, and the run calls itself complete: {missing} {failed}"
    for work_id, kind, page, reason, url in missing:
        what = f"work {work_id} {part_name(kind, page)}"
        if f"{what}: " not in status:
            yield f"status does not name {what}"
        if reason is None and work_id in dict(failed):
            # What its work failed for is why it was not tried, and is looked at below.
            continue
        path = "/" + url.partition("//")[2].partition("/")[2]
        if reason == GONE_WITH_FIRST:
            path = re.sub(r"_ugoira\d+", "_ugoira0", path)
        yield from _reason_is_true(what, reason, trial.wrong.kinds("image", path), TRUE_REASONS)
    for work_id, reason in failed:
        asked = (f"/ajax/illust/{work_id}{more}" for more in ("", "/pages", "/ugoira_meta"))
        served = [kind for path in asked for kind in trial.wrong.kinds("api", path)]
        yield from _reason_is_true(f"work {work_id}", reason, served, TRUE_REASONS_OF_WORKS)
        if f"work {work_id}: " not in status:
            yield f"status does not name work {work_id}"


def _reason_is_true(what: str, reason: str | None, served: list[str], true_reasons: dict[str, str]) -> Iterator[str]:
    if reason is None:
        yield f"{what} is missing without a reason, and what the server did was {served}"
    elif not any(re.search(true_reasons[kind], reason) for kind in served if kind in true_reasons):
        yield f"{what} is parked with {reason!r}, and what the server did was {served}"
