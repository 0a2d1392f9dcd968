from __future__ import annotations

import logging
import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings, default_settings
from scrapy.utils.misc import load_object

import settings
from pixivcrawl.configuration import Configuration
from settings.base import asked_of

PROJECT = Path(__file__).resolve().parents[1]
BASE = PROJECT / "settings" / "base.py"
KEPT_ON_PURPOSE = {"ROBOTSTXT_OBEY"}


def values(profile: str = "base") -> dict[str, Any]:
    """What a profile says in the environment of this moment."""
    spec = find_spec(f"settings.{profile}")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: value for name, value in vars(module).items() if name.isupper()}


def test_these_are_the_projects_own_settings() -> None:
    """An installed distribution could bring a package of the same name."""
    assert Path(settings.__file__).parent == PROJECT / "settings"


def test_only_what_differs_from_scrapy_is_said() -> None:
    for name, value in values().items():
        if name in default_settings.__all__ and name not in KEPT_ON_PURPOSE:
            assert value != getattr(default_settings, name), name


def test_every_value_has_its_reason() -> None:
    lines = BASE.read_text(encoding="utf-8").splitlines()
    for name in values():
        line = next(number for number, text in enumerate(lines) if text.startswith((f"{name} =", f"{name}:")))
        before = line - 1
        while re.match(r"[A-Z_]+ = ", lines[before]):
            before -= 1
        assert lines[before].startswith("#"), name


def test_each_of_our_own_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    own = [name for name in values() if name not in default_settings.__all__]
    assert {"ARCHIVE_DIR", "DATABASE_URL", "PIXIV_BASE_URL", "PIXIV_COOKIE_FILE"} <= set(own)
    for name in [*own, "USER_AGENT"]:
        monkeypatch.setenv(f"PIXIVCRAWL_{name}", f"given for {name}")
    given = values()
    for name in [*own, "USER_AGENT"]:
        assert given[name] == f"given for {name}"


def test_an_empty_variable_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXIVCRAWL_PIXIV_BASE_URL", "")
    assert values()["PIXIV_BASE_URL"] == "https://www.pixiv.net"


def test_every_class_that_is_named_exists() -> None:
    said = values()
    named = [
        said["LOG_FORMATTER"],
        said["DUPEFILTER_CLASS"],
        said["SCHEDULER_MEMORY_QUEUE"],
        said["SPIDER_LOADER_CLASS"],
    ]
    for name in ("DOWNLOAD_HANDLERS", "DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"):
        known = getattr(default_settings, f"{name}_BASE")
        for path, value in said[name].items():
            if name == "DOWNLOAD_HANDLERS":
                assert path in known
                named += [value] if value else []
            else:
                assert value is not None or path in known, f"{path} is none of Scrapy's"
                named.append(path)
    for path in [*named, *said["ITEM_PIPELINES"]]:
        load_object(path)


@pytest.mark.parametrize(
    ("words", "module"),
    [
        ("/venv/bin/scrapy crawl user -a id=11", "pixivcrawl.commands.crawl"),
        ("/venv/lib/scrapy/__main__.py status", "pixivcrawl.commands.status"),
        ("C:/venv/Scripts/scrapy.exe --nolog crawl user", "pixivcrawl.commands.crawl"),
        ("/venv/bin/scrapy", "pixivcrawl.commands"),
        ("/venv/bin/scrapy --help", "pixivcrawl.commands"),
        ("/venv/bin/scrapy list", "pixivcrawl.commands"),
        ("/venv/bin/scrapy ../commands/crawl", "pixivcrawl.commands"),
        ("/venv/bin/pytest crawl", "pixivcrawl.commands"),
    ],
)
def test_the_command_that_is_asked_for_is_the_one_that_is_imported(
    words: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", words.split())
    assert asked_of("pixivcrawl.commands") == module


def test_the_sandbox_profile_stays_on_this_machine() -> None:
    sandbox = Configuration.from_settings(Settings(values("sandbox")))
    assert sandbox.base_url == "http://127.0.0.1:8480"
    assert sandbox.image_hosts == {"127.0.0.1:8481"}
    assert sandbox.archive_dir != Configuration.from_settings(Settings(values())).archive_dir
    assert sandbox.api_delay == 0


def test_the_default_profile_is_the_base() -> None:
    assert values("default") == values()


def test_the_server_profile_asks_nothing_more_of_pixiv_than_the_base() -> None:
    server, base = (
        Configuration.from_settings(Settings(values("server"))),
        Configuration.from_settings(Settings(values())),
    )
    fewer = {"image_concurrency": base.image_concurrency, "image_concurrency_most": base.image_concurrency_most}
    assert replace(server, **fewer) == base
    assert server.image_concurrency_most < base.image_concurrency_most
    assert server.image_concurrency < base.image_concurrency
    assert values("server")["PROGRESS_ENABLED"] is False


@pytest.mark.parametrize("has_a_journal", [True, False])
def test_a_servers_log_has_each_time_once(monkeypatch: pytest.MonkeyPatch, has_a_journal: bool) -> None:
    if has_a_journal:
        monkeypatch.setenv("JOURNAL_STREAM", "9:1234")
    said = values("server")
    line = logging.Formatter(said["LOG_FORMAT"], said["LOG_DATEFORMAT"]).format(
        logging.LogRecord("pixivcrawl.session", logging.WARNING, "", 1, "so", None, None)
    )
    time, separator, rest = line.rpartition("WARNING pixivcrawl.session: so")
    assert (separator, rest) == ("WARNING pixivcrawl.session: so", "")
    assert bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", time)) is not has_a_journal
    assert bool(time) is not has_a_journal


@pytest.mark.parametrize("profile", ["server", "sandbox"])
def test_every_value_of_a_profile_has_its_reason(profile: str) -> None:
    lines = (PROJECT / "settings" / f"{profile}.py").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if re.match(r"[A-Z_]+ = ", line) and not re.match(r"[A-Z_]+ = ", lines[number - 1]):
            assert lines[number - 1].startswith("#"), line


@pytest.mark.parametrize(
    ("profile", "url"),
    [
        ("default", "https://www.pixiv.net"),
        ("server", "https://www.pixiv.net"),
        ("sandbox", "http://127.0.0.1:8480"),
    ],
)
def test_scrapy_finds_the_profile(profile: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRAPY_PROJECT", profile)
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from scrapy.utils.project import get_project_settings as s; print(s()['PIXIV_BASE_URL'])",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == url


def test_no_door_is_open() -> None:
    said = values()
    for name in (
        "COOKIES_ENABLED",
        "REDIRECT_ENABLED",
        "RETRY_ENABLED",
    ):
        assert said[name] is False
    assert said["DOWNLOAD_VERIFY_CERTIFICATES"] is True
    assert not [path for path in said["EXTENSIONS_BASE"] if "telnet" in path or "remote" in path]
    assert [scheme for scheme, handler in said["DOWNLOAD_HANDLERS"].items() if handler] == ["http", "https"]
    assert set(default_settings.DOWNLOAD_HANDLERS_BASE) <= set(said["DOWNLOAD_HANDLERS"])


def test_images_never_starve_the_api() -> None:
    """Twice as many originals may be on their way as travel, and each counts as a request of Scrapy's."""
    most = Configuration.from_settings(Settings(values() | {"PIXIV_IMAGE_CONCURRENCY": 32})).image_concurrency
    assert values()["CONCURRENT_REQUESTS"] > 2 * most
