"""Each of Scrapy's settings is obeyed, hangs on another one, or is refused in one line."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Spider
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.exceptions import DropItem
from scrapy.settings import Settings, default_settings
from scrapy.statscollectors import MemoryStatsCollector, StatsT
from scrapy.utils.test import get_crawler

from pixivcrawl.downloadhandlers.proxies import environment_proxies
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.extensions.run_record import OneLine
from pixivcrawl.scrapy_settings import INERT, NOT_OBEYED, OBEYED, REFUSED, ScrapySettings, refuse
from tests.live.inside import crawl, signed_in
from tests.live.running import PROJECT, environment, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for, travel

ALL = {name for name in dir(default_settings) if name.isupper()}
IN_A_TABLE = {
    "obeyed": [name for names in OBEYED.values() for name in names],
    "inert": [name for names in INERT.values() for name in names],
    "refused": list(REFUSED),
}

READ_ELSEWHERE = {
    "scrapy.utils.log": (
        "LOG_DATEFORMAT", "LOG_ENABLED", "LOG_ENCODING", "LOG_FILE", "LOG_FILE_APPEND", "LOG_FORMAT", "LOG_SHORT_NAMES",
        "LOG_INSTALL_ROOT_HANDLER", "LOG_STDOUT", "LOG_VERSIONS", "LOG_COLOR", "BOT_NAME",
    ),
    "scrapy.crawler": ("REACTOR_THREADPOOL_MAXSIZE", "ASYNCIO_EVENT_LOOP"),
    "scrapy.cmdline": ("COMMANDS_MODULE", "EDITOR"),
    "scrapy.commands.genspider": ("NEWSPIDER_MODULE", "TEMPLATES_DIR"),
    "scrapy.commands.check": ("SPIDER_CONTRACTS", "SPIDER_CONTRACTS_BASE"),
    "scrapy.shell": ("DEFAULT_ITEM_CLASS",),
    "scrapy.core.downloader": ("RANDOMIZE_DOWNLOAD_DELAY",),
    "scrapy.logformatter": ("DEFAULT_DROPITEM_LOG_LEVEL",),
    "scrapy.extensions.feedexport": ("FEED_FORMAT",),
}  # fmt: skip
"""Obeyed by parts of Scrapy that are as Scrapy made them, outside a crawl or in a part of one that not every crawl comes to."""


class Watched(Settings):
    """Settings that note who reads them: by each name the modules that did, those of the settings themselves aside."""

    readers: dict[str, set[str]] = {}  # noqa: RUF012 (one for all copies)

    def __getitem__(self, name: Any) -> Any:
        frame = inspect.currentframe()
        while frame is not None and frame.f_globals["__name__"] in (__name__, "scrapy.settings", "collections.abc"):
            if frame.f_code.co_name in ("overridden_settings", "__iter__"):
                # Somebody goes through all of them.
                return super().__getitem__(name)
            frame = frame.f_back
        assert frame is not None
        self.readers.setdefault(name, set()).add(frame.f_globals["__name__"])
        return super().__getitem__(name)


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Who reads which settings in a crawl with a feed."""
    folder = tmp_path_factory.mktemp("read")
    settings = Watched()
    settings.setmodule("settings.base", priority="project")
    with Sandbox(World.of(works=1)) as sandbox:
        chosen = {"ARCHIVE_DIR": str(folder), "PIXIV_API_DELAY": 0, "TWISTED_REACTOR_ENABLED": False}
        settings.update(
            chosen | {"FEEDS": {str(folder / "feed.jsonl"): {"format": "jsonlines"}}} | sandbox.settings(),
            priority="cmdline",
        )

        async def run() -> None:
            runner = AsyncCrawlerRunner(settings)
            await runner.crawl(runner.create_crawler("user"), id="11")

        with signed_in(None):
            asyncio.run(run())
    return Watched.readers


def test_each_of_scrapys_settings_is_in_one_table() -> None:
    names = [name for table in IN_A_TABLE.values() for name in table]
    assert sorted(names) == sorted(ALL), (
        "a name is missing, there twice, or none of Scrapy's: decide what becomes of it"
    )


@pytest.mark.parametrize("name", IN_A_TABLE["obeyed"])
def test_what_is_obeyed_is_read_by_whoever_obeys_it(name: str, read: dict[str, set[str]]) -> None:
    elsewhere = [module for module, names in READ_ELSEWHERE.items() if name in names]
    if elsewhere:
        stem = name.removesuffix("_BASE")
        assert f'"{stem}"' in inspect.getsource(importlib.import_module(elsewhere[0]))
    else:
        assert read[name]


@pytest.mark.parametrize("name", IN_A_TABLE["inert"])
def test_what_is_inert_is_read_by_nobody(name: str, read: dict[str, set[str]]) -> None:
    assert not read.get(name)


@pytest.mark.parametrize("switch", INERT)
def test_what_is_inert_hangs_on_a_setting_that_is_obeyed(switch: str) -> None:
    assert switch.split()[0] in IN_A_TABLE["obeyed"]


@pytest.mark.parametrize("name", [name for name, refused in REFUSED.items() if refused.always is NOT_OBEYED])
def test_what_is_refused_whatever_it_says_is_read_by_nobody(name: str, read: dict[str, set[str]]) -> None:
    # Scrapy itself looks for a folder in which requests could be kept, and says how it looks up names.
    assert read.get(name, set()) <= {"scrapy.utils.job", "scrapy.core.scheduler"}


@pytest.mark.parametrize("priority", ["project", "spider", "cmdline"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_somebody_set_is_refused_in_one_line(name: str, priority: str) -> None:
    settings = Settings()
    settings.set(name, {} if isinstance(getattr(default_settings, name), dict) else "something else", priority=priority)
    with pytest.raises(ConfigurationError) as refused:
        refuse(settings)
    assert str(refused.value).startswith(f"{name} is refused: ")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("CONCURRENT_REQUESTS", "many", "'many' is not a whole number"),
        ("CONCURRENT_REQUESTS", "1.5", "'1.5' is not a whole number"),
        ("DOWNLOAD_DELAY", "1,5", "'1,5' is not a number"),
        ("STATS_DUMP", "perhaps", "'perhaps' is not true or false"),
        ("LOG_LEVEL", "LOUD", "'LOUD' is none of CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, DEBUG, NOTSET"),
        ("LOG_FILE", "/no such folder/log", "'/no such folder/log' cannot be written: name another file"),
        ("LOG_FILE", "/", "'/' cannot be written: name another file"),
        ("STATS_CLASS", "Stats", "'Stats' cannot be imported (Error loading object 'Stats': not a full path): "),
        ("SCHEDULER", "scrapy.core.scheduler.Nothing", "'scrapy.core.scheduler.Nothing' cannot be imported ("),
        (
            "ASYNCIO_EVENT_LOOP",
            "not_here.Loop",
            "'not_here.Loop' cannot be imported (No module named 'not_here'): install it",
        ),
        ("EXTENSIONS", '{"not_here.Extension": 1}', "'not_here.Extension' cannot be imported ("),
        ("DOWNLOAD_HANDLERS", '{"https": "not_here.Handler", "s3": null}', "'not_here.Handler' cannot be imported ("),
        ("SPIDER_MODULES", "pixivcrawl.spiders,not_here", "'not_here' cannot be imported ("),
    ],
)
def test_what_cannot_be_read_is_one_line(name: str, given: str, why: str) -> None:
    settings = Settings()
    settings.set(name, given, priority="cmdline")
    with pytest.raises(ConfigurationError) as refused:
        refuse(settings)
    assert str(refused.value).startswith(f"{name}: {why}")
    assert str(refused.value).isprintable()


def test_a_name_that_is_misspelled_on_the_command_line_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", "settings.base")
    importlib.import_module("settings.base")
    for name, meant in (("PIXIV_API_DELY", "PIXIV_API_DELAY"), ("LOG_LEVLE", "LOG_LEVEL")):
        with pytest.raises(ConfigurationError) as refused:
            refuse(_typed(name))
        assert str(refused.value) == f"-s {name}: nothing reads it: did you mean {meant}?"
    refuse(_typed("A_SETTING_OF_AN_EXTENSION"))


def _typed(name: str) -> Settings:
    settings = Settings()
    settings.set(name, "1", priority="cmdline")
    return settings


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("CONCURRENT_REQUESTS", "8"),
        ("DOWNLOAD_DELAY", "0.5"),
        ("STATS_DUMP", "True"),
        ("LOG_LEVEL", "DEBUG"),
        ("LOG_LEVEL", 10),
        ("LOG_FILE", "run.log"),
        ("ASYNCIO_EVENT_LOOP", "asyncio.SelectorEventLoop"),
        ("EXTENSIONS", '{"scrapy.extensions.closespider.CloseSpider": 500, "not_here.Extension": null}'),
        ("DOWNLOAD_HANDLERS", '{"s3": null}'),
        ("DEFAULT_REQUEST_HEADERS", '{"Accept": "not.a.module"}'),
        ("SPIDER_MODULES", "pixivcrawl.spiders"),
    ],
)
def test_what_can_be_read_is_taken(name: str, given: str | int) -> None:
    settings = Settings()
    settings.set(name, given, priority="cmdline")
    refuse(settings)


@pytest.mark.parametrize("priority", ["default", "command"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_scrapy_itself_sets_is_nobodys_wish(name: str, priority: str) -> None:
    settings = Settings()
    settings.set(name, {} if isinstance(getattr(default_settings, name), dict) else "something else", priority=priority)
    refuse(settings)


@pytest.mark.parametrize("name", [name for name, refused in REFUSED.items() if refused.always is not NOT_OBEYED])
def test_what_is_so_anyway_may_be_said(name: str) -> None:
    settings = Settings()
    for said in (REFUSED[name].always, str(REFUSED[name].always)):
        settings.set(name, said, priority="cmdline")
        refuse(settings)


@pytest.mark.parametrize("profile", ["default", "server", "sandbox"])
def test_the_profiles_say_nothing_that_is_refused(profile: str) -> None:
    settings = Settings()
    settings.setmodule(f"settings.{profile}", priority="project")
    refuse(settings)


class Cached(Spider):
    name = "cached"
    custom_settings = {"HTTPCACHE_ENABLED": True}  # noqa: RUF012 (Scrapy's own name)


def test_what_a_spider_sets_is_refused_too(tmp_path: Path) -> None:
    async def run() -> None:
        await AsyncCrawlerRunner(settings_for(tmp_path)).crawl(Cached)

    with pytest.raises(ConfigurationError, match="HTTPCACHE_ENABLED is refused"):
        asyncio.run(run())


@pytest.mark.long
@pytest.mark.parametrize(
    "command", [("crawl", "user", "-a", "id=11"), ("fetch", "https://www.pixiv.net/ajax/user/11"), ("check",)]
)
def test_a_command_ends_with_that_line_and_exit_code_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = scrapy(*command, "-s", "RETRY_TIMES=3", env=environment(None, tmp_path / "archive"), cwd=PROJECT)
    assert ended.returncode == 2
    assert ended.stderr == (
        "pixivcrawl: RETRY_TIMES is refused: use PIXIV_API_RETRIES, PIXIV_API_RETRY_DELAY and PIXIV_IMAGE_RETRY_DELAY\n"
    )
    assert not list(tmp_path.iterdir())


# Obeyed by parts of ours


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=1)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("name", "value", "extension"),
    [
        ("TELNETCONSOLE_ENABLED", "1", "scrapy.extensions.telnet.TelnetConsole"),
        ("REMOTE_CONTROL_ENABLED", "True", "scrapy.extensions.remote_control.RemoteControl"),
    ],
)
def test_an_extension_that_is_switched_on_is_there(tmp_path: Path, name: str, value: str, extension: str) -> None:
    for said, is_there in ((value, True), ("0", False)):
        settings = settings_for(tmp_path, **{name: said})
        ScrapySettings().update_settings(settings)
        named = settings.get_component_priority_dict_with_base("EXTENSIONS")
        assert (
            any(f"{each.__module__}.{each.__qualname__}" == extension for each in named if isinstance(each, type))
            is is_there
        )


def test_requests_leave_from_the_address_that_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every address of 127.0.0.0/8 is this machine's; elsewhere than on Linux they have to be made first."""
    if sys.platform != "linux":
        pytest.skip("needs a second loopback address")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        settings = settings_for(
            tmp_path,
            PIXIV_BASE_URL=f"http://{host}",
            DOWNLOAD_BIND_ADDRESS="127.0.0.9",
            DOWNLOAD_TIMEOUT=0.3,
            PIXIV_API_RETRIES=0,
        )
        travel(settings, user(f"http://{host}"))
        assert listening.accept()[1][0] == "127.0.0.9"


def user(base_url: str) -> Any:
    from pixivcrawl.api.catalogue import USER_SHORT

    return USER_SHORT.request(base_url, id=11)


def test_a_large_body_is_warned_of(sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    travel(settings_for(tmp_path, sandbox, DOWNLOAD_WARNSIZE=10), user(sandbox.base_url))
    assert "more than DOWNLOAD_WARNSIZE" in caplog.text


def test_a_proxys_password_is_written_in_the_encoding_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://me:p%C3%A4ss@127.0.0.1:3128")
    said = {encoding: environment_proxies(encoding).proxies["http"][0] for encoding in ("utf-8", "latin-1")}
    assert said["utf-8"] != said["latin-1"]


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_a_dropped_file_is_said_at_the_level_that_is_named(level: str) -> None:
    crawler = get_crawler(settings_dict={"DEFAULT_DROPITEM_LOG_LEVEL": level})
    spider: Any = SimpleNamespace(crawler=crawler)
    said = OneLine().dropped({}, DropItem("gone"), None, spider)
    assert (said["level"], said["msg"] % said["args"]) == (getattr(logging, level), "gone")


class KeptStats(MemoryStatsCollector):
    last: StatsT = {}  # noqa: RUF012 (of the last crawl)

    def close_spider(self, spider: Any = None, reason: str | None = None) -> None:
        super().close_spider(reason=reason)
        KeptStats.last = self._stats


@pytest.mark.parametrize("counted", [True, False])
def test_scrapys_stats_count_every_request(sandbox: Sandbox, tmp_path: Path, counted: bool) -> None:
    crawl("user", sandbox, tmp_path, settings={"DOWNLOADER_STATS": counted, "STATS_CLASS": KeptStats}, id=11)
    found = KeptStats.last
    sent = len(sandbox.log)
    assert found["response_received_count"] == sent
    if not counted:
        assert not [name for name in found if name.startswith("downloader/")]
        return
    assert found["downloader/request_count"] == found["downloader/response_count"] == sent
    assert found["downloader/response_status_count/200"] == sent
    assert found["downloader/response_bytes"] > sum(logged.bytes_sent for logged in sandbox.requests("image"))
