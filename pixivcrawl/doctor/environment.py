"""Checks what the program depends on: versions, certificates, settings, the clock."""

from __future__ import annotations

import os
import platform
import sqlite3
import ssl
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import metadata

from packaging.requirements import Requirement
from scrapy.settings import BaseSettings

from pixivcrawl import __version__
from pixivcrawl.api.text import plural
from pixivcrawl.archive.worker import IS_LIMITED
from pixivcrawl.configuration import Configuration
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.downloadhandlers.tls import trust_context
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.notifications.services import services_from_settings, urls_file
from pixivcrawl.session import cookie_file

NAMED_VERSIONS = (
    "scrapy",
    "twisted",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "aiohttp",
    "pillow",
    "simplejpeg",
    "filelock",
)

WRONG, FAR_WRONG = timedelta(minutes=1), timedelta(hours=1)
"""By how much a clock may be wrong: what is said of it, and what ends in pauses and dates that are wrong."""

_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def check_versions() -> Iterator[Finding]:
    """Check whether the installed versions are those that this program needs."""
    versions = [f"python {platform.python_version()}", f"pixivcrawl {__version__}"]
    versions += [f"{name} {metadata.version(name)}" for name in NAMED_VERSIONS]
    yield ok("versions", ", ".join([*versions, f"sqlite {sqlite3.sqlite_version}", ssl.OPENSSL_VERSION.split(" (")[0]]))
    for unfit in unfit_distributions():
        yield problem("versions", ConfigurationError(f"{unfit}: install pixivcrawl again with its constraints.txt"))


def unfit_distributions() -> Iterator[str]:
    """Installed packages outside the ranges that pixivcrawl needs; none if it runs from a folder, uninstalled."""
    try:
        wanted = metadata.requires("pixivcrawl") or []
    except metadata.PackageNotFoundError:
        return
    for requirement in map(Requirement, wanted):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield f"{requirement.name} is not installed"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} is installed, and {requirement.specifier} is needed"


def check_certificates() -> Finding:
    """Say which certificate store is used."""
    try:
        context = trust_context()
    except ConfigurationError as error:
        return problem("certificates", error)
    authorities = context.cert_store_stats()["x509_ca"]
    if file := os.environ.get("SSL_CERT_FILE"):
        store = f"SSL_CERT_FILE, {file}"
    elif authorities == ssl.create_default_context().cert_store_stats()["x509_ca"]:
        store = "the system's store"
    else:
        store = "certifi's, because the system has none"
    folder = ssl.get_default_verify_paths().capath
    said = f"{authorities:,} authorities" if authorities or folder is None else f"the authorities in {folder}"
    return ok("certificates", f"{store}: {said}")


def check_pace(configuration: Configuration) -> Iterator[Finding]:
    risks = configuration.riskier_than_default()
    for risk in risks:
        name = risk.partition("=")[0]
        yield warning(
            "pace",
            f"{risk} asks more of pixiv than it bears for long, which may throttle, warn or ban the account: leave {name} out",
        )
    if not risks:
        yield ok(
            "pace",
            f"{configuration.api_concurrency} API request at a time, {configuration.api_delay:g} s after each answer",
        )


def check_proofs(configuration: Configuration) -> Finding:
    """Say how many processes prove files, and whether the system enforces their memory limit."""
    number = plural(configuration.proof_workers, "process", "processes")
    processes = f"{number}, {configuration.proof_memory:,} bytes of memory each (PROOF_MEMORY)"
    if IS_LIMITED:
        return ok("proofs", processes)
    return ok("proofs", f"{processes}; this system cannot enforce that, so the estimate from a file's header has to do")


def check_secrets(settings: BaseSettings) -> Iterator[Finding]:
    """Check whether anyone else can read the session, or the notice services' URLs."""
    for what, file in (("the session", cookie_file(settings)), ("the URLs of notices", urls_file(settings))):
        if file is None or os.name != "posix" or not file.exists():
            continue
        if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            yield warning("permissions", f"others can read or change {what} in {file}: chmod 600 {file}")
        else:
            yield ok("permissions", f"{what} in {file}: for its owner alone")


def check_notices(settings: BaseSettings) -> Finding:
    try:
        services = services_from_settings(settings)
    except ConfigurationError as error:
        return problem("notices", error)
    if not services:
        return ok("notices", "none are sent: no service is set")
    return ok("notices", f"sent to {', '.join(map(str, services))}; pixivcrawl notify tests them")


def check_clock(served: datetime | None, here: datetime, newest: datetime | None) -> Finding:
    """Check the clock: `served` is the time in pixiv's answer, which came at `here`; `newest` is the ledger's newest time."""
    if newest is not None and newest - here > WRONG:
        return warning(
            "clock",
            f"the ledger's newest time, {newest.astimezone():%Y-%m-%d %H:%M}, is in the future: correct the clock if it was set "
            "back; otherwise what waits until then is late",
        )
    if served is None:
        return ok("clock", f"{here.astimezone():%Y-%m-%d %H:%M %z}, not before the ledger's newest time")
    wrong = here - served
    if abs(wrong) < WRONG:
        return ok("clock", "agrees with pixiv's")
    said = f"{'ahead of' if wrong > timedelta(0) else 'behind'} pixiv's by {_rounded(abs(wrong))}: set it, preferably by network time"
    return problem("clock", ConfigurationError(said)) if abs(wrong) >= FAR_WRONG else warning("clock", said)


def _rounded(wrong: timedelta) -> timedelta:
    return timedelta(seconds=round(wrong.total_seconds()))
