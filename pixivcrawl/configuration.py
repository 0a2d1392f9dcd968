"""The settings of a run, each checked once, and the rules for where a request may go."""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args

from scrapy.settings import BaseSettings
from sqlalchemy import URL

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.bucket import Bucket, read_bucket
from pixivcrawl.archive.layout import UMASKS, Archive, Readers
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.config_file import located, path_named
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import FILE_NAME, Filters, read_filters
from pixivcrawl.items import VideoForm
from pixivcrawl.origin import Origin, read_origin
from pixivcrawl.scrapy_settings import refuse

Ugoira = Literal["zip", "frames"]

PIXIV, PIXIV_ME = "https://www.pixiv.net", "https://pixiv.me"

API_DELAY, API_RETRIES, RATE_LIMIT_WAIT, IMAGES_AT_ONCE, MOST_IMAGES_AT_ONCE = 1.5, 3, 200, 4, 8
"""The defaults of PIXIV_API_DELAY, PIXIV_API_RETRIES, PIXIV_RATE_LIMIT_WAIT, PIXIV_IMAGE_CONCURRENCY and
PIXIV_IMAGE_CONCURRENCY_MOST: a pace to be defended."""

UGOIRA: tuple[Ugoira, ...] = ("zip", "frames")
"""What PIXIV_UGOIRA can be."""

FILLED_IN = ("id", "artist", "title", "files")
"""The placeholders that ON_STORED may use."""

LONGEST_FOLDER = 450
"""Bytes of an archive's path: SQLite opens no database whose own path has more than 504 of them."""

PROOF_WORKERS = 4
"""The most proof processes by default: they keep up with any connection to pixiv."""

NOTICES = ("refused", "failures", "disk_low", "digest")
"""The events that a notice can be about."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The checked settings of a run; times in seconds, sizes in bytes. settings/base.py has the defaults and explains each value."""

    archive_dir: Path
    bucket: Bucket | None
    archive_readers: Readers
    database_url: str = field(repr=False)
    base_url: str
    image_hosts: frozenset[str]
    user_agent: str
    api_concurrency: int
    api_delay: float
    api_delay_least: float
    api_budget: int
    lanes_per_address: int
    address: str
    api_retries: int
    api_retry_delay: float
    image_concurrency: int
    image_concurrency_most: int
    image_delay: float
    image_retry_delay: float
    ugoira: Ugoira
    lang: str
    rate_limit_wait: float
    throttle_wait: float
    gone_after: float
    longest_wait: float
    file_size_limit: int
    memory_limit: int
    max_pixels: int
    proof_workers: int
    proof_memory: int
    answer_timeout: float
    throughput_floor: int
    throughput_window: float
    on_stored: tuple[str, ...]
    on_stored_timeout: float
    on_stored_waiting: int
    ugoira_video: VideoForm | None
    notice_on: frozenset[str]
    notice_disk_low: int
    notice_timeout: float
    metrics_address: tuple[str, int] | None

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Self:
        """Raises ConfigurationError, in one line, for the first value that cannot be used, with the place where it is written."""
        try:
            return cls._read(settings)
        except ConfigurationError as error:
            raise located(settings, error) from None

    @classmethod
    def _read(cls, settings: BaseSettings) -> Self:
        refuse(settings)
        archive_dir = _archive_dir(settings)
        return cls(
            archive_dir=archive_dir,
            bucket=_bucket(settings),
            archive_readers=_archive_readers(settings),
            database_url=_database_url(settings, archive_dir),
            base_url=_base_url(settings),
            image_hosts=_image_hosts(settings),
            user_agent=_user_agent(settings),
            api_concurrency=_whole(settings, "PIXIV_API_CONCURRENCY", least=1, most=16),
            api_delay=_seconds(settings, "PIXIV_API_DELAY", most=3600),
            api_delay_least=_api_delay_least(settings),
            api_budget=_whole(settings, "PIXIV_API_BUDGET", least=0),
            lanes_per_address=_whole(settings, "PIXIV_LANES_PER_ADDRESS", least=1, most=64),
            address=str(settings.get("PIXIV_ADDRESS") or ""),
            api_retries=_whole(settings, "PIXIV_API_RETRIES", least=0, most=20),
            api_retry_delay=_seconds(settings, "PIXIV_API_RETRY_DELAY", most=600),
            image_concurrency=_whole(settings, "PIXIV_IMAGE_CONCURRENCY", least=1, most=32),
            image_concurrency_most=_image_concurrency_most(settings),
            image_delay=_seconds(settings, "PIXIV_IMAGE_DELAY", most=3600),
            image_retry_delay=_seconds(settings, "PIXIV_IMAGE_RETRY_DELAY", most=600),
            ugoira=_ugoira(settings),
            lang=_lang(settings),
            rate_limit_wait=_seconds(settings, "PIXIV_RATE_LIMIT_WAIT", most=1800),
            throttle_wait=_seconds(settings, "PIXIV_THROTTLE_WAIT", most=1800),
            gone_after=_seconds(settings, "PIXIV_GONE_AFTER", most=2_592_000),
            longest_wait=_seconds(settings, "LONGEST_WAIT", most=86400),
            file_size_limit=_whole(settings, "PIXIV_FILE_SIZE_LIMIT", least=1),
            memory_limit=_whole(settings, "DOWNLOAD_MAXSIZE", least=1),
            max_pixels=_whole(settings, "PIXIV_MAX_PIXELS", least=1),
            proof_workers=_whole(settings, "PROOF_WORKERS", least=0, most=64) or min(usable_cores(), PROOF_WORKERS),
            proof_memory=_whole(settings, "PROOF_MEMORY", least=1),
            answer_timeout=_seconds(settings, "DOWNLOAD_TIMEOUT", least=0.1),
            throughput_floor=_whole(settings, "PIXIV_THROUGHPUT_FLOOR", least=0),
            throughput_window=_seconds(settings, "PIXIV_THROUGHPUT_WINDOW", least=0.1),
            on_stored=_on_stored(settings),
            on_stored_timeout=_seconds(settings, "ON_STORED_TIMEOUT", least=0.1, most=3600),
            on_stored_waiting=_whole(settings, "ON_STORED_WAITING", least=1, most=100_000),
            ugoira_video=_ugoira_video(settings),
            notice_on=_notice_on(settings),
            notice_disk_low=_whole(settings, "NOTICE_DISK_LOW", least=0),
            notice_timeout=_seconds(settings, "NOTICE_TIMEOUT", least=0.1, most=600),
            metrics_address=_metrics_address(settings),
        )

    @property
    def archive(self) -> Archive:
        return Archive(self.archive_dir, self.bucket)

    @property
    def api(self) -> Origin:
        origin = read_origin(self.base_url)
        assert origin is not None
        return origin

    @property
    def proof_limits(self) -> Limits:
        return Limits(self.max_pixels, self.proof_memory)

    def riskier_than_default(self) -> list[str]:
        """The settings that ask more of pixiv than their defaults do, each as NAME=VALUE with the default."""
        riskier = {
            "PIXIV_API_DELAY": (self.api_delay, API_DELAY, self.api_delay < API_DELAY),
            "PIXIV_API_DELAY_LEAST": (
                self.api_delay_least,
                API_DELAY,
                self.api_delay_least < min(self.api_delay, API_DELAY),
            ),
            "PIXIV_API_CONCURRENCY": (self.api_concurrency, 1, self.api_concurrency > 1),
            "PIXIV_LANES_PER_ADDRESS": (self.lanes_per_address, 1, self.lanes_per_address > 1),
            "PIXIV_API_RETRIES": (self.api_retries, API_RETRIES, self.api_retries > API_RETRIES),
            "PIXIV_RATE_LIMIT_WAIT": (self.rate_limit_wait, RATE_LIMIT_WAIT, self.rate_limit_wait < RATE_LIMIT_WAIT),
            "PIXIV_IMAGE_CONCURRENCY": (
                self.image_concurrency,
                IMAGES_AT_ONCE,
                self.image_concurrency > IMAGES_AT_ONCE,
            ),
            "PIXIV_IMAGE_CONCURRENCY_MOST": (
                self.image_concurrency_most,
                MOST_IMAGES_AT_ONCE,
                self.image_concurrency_most > max(self.image_concurrency, MOST_IMAGES_AT_ONCE),
            ),
        }
        return [f"{name}={now:g} (default {usual:g})" for name, (now, usual, is_so) in riskier.items() if is_so]

    def is_api(self, url: str) -> bool:
        """Whether a URL belongs to the only origin that may get the session."""
        return read_origin(url) == self.api

    @property
    def pixiv_me(self) -> str:
        """The address at which account names are looked up; a sandbox has a folder for it."""
        return PIXIV_ME if self.base_url == PIXIV else f"{self.base_url}/pixiv.me"

    def is_pixiv_me(self, url: str) -> bool:
        """Whether a URL looks up an account name, which needs no session and gets none."""
        return url.startswith(f"{self.pixiv_me}/")

    def may_fetch_image(self, url: str) -> bool:
        """Whether an image may be fetched from a URL: https (http only on loopback), on a host of PIXIV_IMAGE_HOSTS."""
        origin = read_origin(url)
        return (
            origin is not None and origin.key in self.image_hosts and (origin.scheme == "https" or origin.is_loopback)
        )

    def why_not_fetched(self, url: str) -> str | None:
        """Why an image is not fetched from a URL, the same for all of one host; None if it may be."""
        if self.may_fetch_image(url):
            return None
        return f"{read_origin(url) or 'what its address names'} is not among PIXIV_IMAGE_HOSTS, so nothing is fetched from it"


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def filters_file(settings: BaseSettings) -> Path:
    """Where the saved filters are: beside the subscriptions."""
    return (path_named(settings, "SUBSCRIPTIONS") or _archive_dir(settings) / FILE_NAME).with_name(FILE_NAME)


def filter_named(settings: BaseSettings, name: str | None) -> Filters | None:
    """The saved filter of a name; None, and no file is read, where none is named. Raises ConfigurationError."""
    return read_filters(filters_file(settings)).named(name) if name is not None else None


def _archive_dir(settings: BaseSettings) -> Path:
    given = str(settings.get("ARCHIVE_DIR") or "")
    # In an SQLite URL a question mark begins the options.
    if not given or "?" in given or not given.isprintable():
        raise ConfigurationError(
            f"ARCHIVE_DIR {quoted(given)}: choose a path without question marks and control characters"
        )
    archive_dir = path_named(settings, "ARCHIVE_DIR")
    assert archive_dir is not None
    if len(os.fsencode(archive_dir)) > LONGEST_FOLDER:
        raise ConfigurationError(
            f"ARCHIVE_DIR {quoted(given)}: choose a path of at most {LONGEST_FOLDER} bytes, because SQLite opens no longer ones"
        )
    return archive_dir


def _bucket(settings: BaseSettings) -> Bucket | None:
    given = str(settings.get("ORIGINALS_STORE") or "")
    try:
        return read_bucket(given) if given else None
    except ValueError as error:
        raise ConfigurationError(f"ORIGINALS_STORE: {error}") from None


def _archive_readers(settings: BaseSettings) -> Readers:
    given = settings.get("ARCHIVE_READERS")
    if given not in UMASKS:
        raise ConfigurationError(f"ARCHIVE_READERS: {quoted(given)} is not one of {', '.join(UMASKS)}")
    return cast("Readers", given)


def _database_url(settings: BaseSettings, archive_dir: Path) -> str:
    beside = URL.create("sqlite", database=str(archive_dir / "archive.sqlite")).render_as_string()
    url = str(settings.get("DATABASE_URL") or beside)
    # The URL itself may hold a password and is never repeated.
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ConfigurationError("DATABASE_URL: begin it with sqlite:/// or postgresql+psycopg://, or leave it empty")
    return url


def _base_url(settings: BaseSettings) -> str:
    url = str(settings.get("PIXIV_BASE_URL"))
    origin = read_origin(url)
    has_more = re.fullmatch(r"[^/]+//[^/?#]+/?", url) is None
    if origin is None or has_more or not (str(origin) == PIXIV or origin.is_loopback):
        raise ConfigurationError(
            f"PIXIV_BASE_URL: use {PIXIV}, or http(s)://127.0.0.1:PORT for a sandbox on this machine, without a path; "
            "the session is sent nowhere else"
        )
    return str(origin)


def _image_hosts(settings: BaseSettings) -> frozenset[str]:
    given = settings.get("PIXIV_IMAGE_HOSTS") or ""
    entries = given.split(",") if isinstance(given, str) else [str(entry) for entry in given]
    return frozenset(_image_host(entry.strip().lower()) for entry in entries)


def _image_host(entry: str) -> str:
    origin = read_origin(f"https://{entry}")
    if origin is None or "/" in entry or "?" in entry or "#" in entry:
        raise ConfigurationError(
            f"PIXIV_IMAGE_HOSTS: {quoted(entry)} is not a host; "
            "write hosts like i.pximg.net or 127.0.0.1:8481, separated by commas"
        )
    return origin.key


def _metrics_address(settings: BaseSettings) -> tuple[str, int] | None:
    """The host and the port; None if there are to be no metrics."""
    given = str(settings.get("METRICS_ADDRESS") or "").strip()
    if not given:
        return None
    host, _, port = given.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536) or "/" in host:
        raise ConfigurationError(
            f"METRICS_ADDRESS: {quoted(given)} is not PORT or HOST:PORT, as in 9490 or 0.0.0.0:9490"
        )
    return host.strip("[]") or "127.0.0.1", int(port)


def _api_delay_least(settings: BaseSettings) -> float:
    usual = _seconds(settings, "PIXIV_API_DELAY", most=3600)
    if settings.get("PIXIV_API_DELAY_LEAST") in (None, ""):
        return usual
    least = _seconds(settings, "PIXIV_API_DELAY_LEAST", most=3600)
    if least > usual:
        raise ConfigurationError(
            f"PIXIV_API_DELAY_LEAST: {least:g} is more than PIXIV_API_DELAY ({usual:g}); lower it, or raise that"
        )
    return least


def _image_concurrency_most(settings: BaseSettings) -> int:
    usual = _whole(settings, "PIXIV_IMAGE_CONCURRENCY", least=1, most=32)
    if settings.get("PIXIV_IMAGE_CONCURRENCY_MOST") in (None, ""):
        return max(usual, MOST_IMAGES_AT_ONCE)
    most = _whole(settings, "PIXIV_IMAGE_CONCURRENCY_MOST", least=1, most=32)
    if most < usual:
        raise ConfigurationError(
            f"PIXIV_IMAGE_CONCURRENCY_MOST: {most} is less than PIXIV_IMAGE_CONCURRENCY ({usual}); raise it, or lower that"
        )
    return most


def _lang(settings: BaseSettings) -> str:
    given = str(settings.get("PIXIV_LANG") or "")
    if given and not re.fullmatch(r"[a-z]{2}(?:[_-][a-z]{2})?", given, re.ASCII):
        raise ConfigurationError(
            f"PIXIV_LANG: {quoted(given)} is not a language; write it as pixiv does: en, ja, ko, zh, zh_tw"
        )
    return given


def _ugoira(settings: BaseSettings) -> Ugoira:
    given = settings.get("PIXIV_UGOIRA")
    for known in UGOIRA:
        if given == known:
            return known
    raise ConfigurationError(f"PIXIV_UGOIRA: {quoted(given)} is not known; there is {' and '.join(UGOIRA)}")


def _ugoira_video(settings: BaseSettings) -> VideoForm | None:
    known: dict[str, VideoForm] = {form: form for form in get_args(VideoForm)}
    given = str(settings.get("UGOIRA_VIDEO") or "")
    if given and given not in known:
        raise ConfigurationError(f"UGOIRA_VIDEO: {quoted(given)} is not known; there is {', '.join(known)}, or nothing")
    return known.get(given)


def _on_stored(settings: BaseSettings) -> tuple[str, ...]:
    given = settings.get("ON_STORED") or ""
    try:
        words = tuple(shlex.split(given) if isinstance(given, str) else map(str, given))
        for word in words:
            word.format(**dict.fromkeys(FILLED_IN, ""))
    except (ValueError, LookupError, AttributeError):
        known = ", ".join(f"{{{name}}}" for name in FILLED_IN)
        raise ConfigurationError(f"ON_STORED: close every quote and brace; the placeholders are {known}") from None
    if words and shutil.which(words[0]) is None:
        raise ConfigurationError(f"ON_STORED: there is no program {quoted(words[0])}: give its whole path")
    return words


def _notice_on(settings: BaseSettings) -> frozenset[str]:
    given = settings.get("NOTICE_ON") or ""
    words = given.replace(",", " ").split() if isinstance(given, str) else [str(word) for word in given]
    if unknown := [word for word in words if word not in (*NOTICES, "none")]:
        raise ConfigurationError(
            f"NOTICE_ON: {quoted(unknown[0])} is not an event; there are {', '.join(NOTICES)}, or none"
        )
    return frozenset(words) - {"none"}


def _user_agent(settings: BaseSettings) -> str:
    given = settings.get("USER_AGENT")
    if not isinstance(given, str) or not given.strip() or not given.isascii() or not given.isprintable():
        raise ConfigurationError("USER_AGENT: give one line of plain characters, as a browser sends it")
    return given


def _seconds(settings: BaseSettings, name: str, *, least: float = 0, most: float = 86400) -> float:
    given = settings.get(name)
    number = _number(given)
    if number is None or not least <= number <= most:
        raise ConfigurationError(f"{name}: {quoted(given)} is not a number of seconds from {least:g} to {most:g}")
    return number


def _whole(settings: BaseSettings, name: str, *, least: int, most: int = 1 << 62) -> int:
    given = settings.get(name)
    number = _number(given)
    if number is None or not number.is_integer() or not least <= number <= most:
        limit = f"from {least} to {most}" if most < 1 << 62 else f"of {least} or more"
        raise ConfigurationError(f"{name}: {quoted(given)} is not a whole number {limit}")
    return int(number)


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, (int, float, str)):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
