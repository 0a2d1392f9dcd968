"""The commands that are run side by side."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import PROJECT, own_environment
from benchmarks.served import ARTIST, Served

IMAGES_AT_ONCE, API_AT_ONCE = 16, 8
REFERER = "https://www.pixiv.net/"


@dataclass(frozen=True, slots=True)
class Contender:
    """A command and its environment; it leaves its files somewhere under `folder`."""

    name: str
    command: Sequence[str]
    env: dict[str, str]


def ours(served: Served, folder: Path, watch: Path, *arguments: str) -> Contender:
    """`scrapy crawl user`, 16 images and 8 API requests at once, without a delay, with a watch on its event loop."""
    return Contender("pixivcrawl", _our_words(arguments), our_environment(served, folder, watch))


def ours_by_default(served: Served, folder: Path, *arguments: str) -> Contender:
    """`scrapy crawl user` as a user gets it: at pixiv's pace."""
    env = own_environment(PIXIV_PHPSESSID=served.cookie, PIXIVCRAWL_ARCHIVE_DIR=str(folder), **served.environment)
    return Contender(" ".join(("pixivcrawl", *arguments)), _our_words(arguments), env)


def _our_words(arguments: Sequence[str]) -> list[str]:
    words = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", f"id={ARTIST}"]
    return words + [word for argument in arguments for word in ("-a", argument)]


def our_environment(served: Served, folder: Path, watch: Path | None = None) -> dict[str, str]:
    """What a shell would hold for a run of ours against the sandbox into the archive `folder`, as fast as it goes."""
    env = own_environment(
        PIXIV_PHPSESSID=served.cookie,
        PIXIVCRAWL_ARCHIVE_DIR=str(folder),
        PIXIVCRAWL_PIXIV_API_DELAY="0",
        PIXIVCRAWL_PIXIV_API_CONCURRENCY=str(API_AT_ONCE),
        PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY=str(IMAGES_AT_ONCE),
        **served.environment,
    )
    if watch is not None:
        env |= {"SCRAPY_SETTINGS_MODULE": "benchmarks.watched", "PIXIVCRAWL_BENCHMARK_WATCH": str(watch)}
    return env


def curl(served: Served, folder: Path, addresses: Sequence[str]) -> Contender:
    """Files alone, over 16 connections."""
    folder.mkdir(parents=True)
    lines = [f'url = "{url}"\noutput = "{folder}/{Path(url).name}"' for url in addresses]
    settings = folder.with_suffix(".curl")
    settings.write_text("\n".join(lines), encoding="utf-8")
    trust = ("--cacert", served.environment["SSL_CERT_FILE"])
    words = ["curl", "--silent", "--show-error", "--fail", "--http1.1", "--referer", REFERER, *trust]
    words += ["--parallel", "--parallel-max", str(IMAGES_AT_ONCE), "--config", str(settings)]
    return Contender("curl --parallel", words, own_environment())


def gallery_dl(program: Path, served: Served, folder: Path, addresses: Sequence[str]) -> Contender:
    """Files alone, one after another, as gallery-dl does."""
    folder.mkdir(parents=True)
    listed, settings = folder.with_suffix(".txt"), folder.with_suffix(".json")
    listed.write_text("\n".join(addresses) + "\n", encoding="utf-8")
    options = {
        "extractor": {"base-directory": str(folder), "skip": False},
        "downloader": {"http": {"headers": {"Referer": REFERER}}},
        "output": {"mode": "null"},
    }
    settings.write_text(json.dumps(options), encoding="utf-8")
    words = [str(program), "--config-ignore", "--config", str(settings), "--input-file", str(listed)]
    return Contender("gallery-dl", words, own_environment(REQUESTS_CA_BUNDLE=served.environment["SSL_CERT_FILE"]))


def gallery_dl_by_default(program: Path, served: Served, folder: Path) -> Contender:
    """gallery-dl as a user gets it: an artist's works by the app's API, which is led to the sandbox, and their files."""
    folder.mkdir(parents=True)
    settings = folder.with_suffix(".json")
    options = {
        "extractor": {"base-directory": str(folder), "skip": False, "pixiv": {"refresh-token": "one of the sandbox's"}},
        "cache": {"file": ":memory:"},
        "output": {"mode": "null"},
    }
    settings.write_text(json.dumps(options), encoding="utf-8")
    led = [str(program.with_name("python")), str(PROJECT / "benchmarks" / "led_gallery_dl.py"), served.base_url]
    words = [*led, "--config-ignore", "--config", str(settings), f"{REFERER}users/{ARTIST}/artworks"]
    return Contender(
        "gallery-dl by its API", words, own_environment(REQUESTS_CA_BUNDLE=served.environment["SSL_CERT_FILE"])
    )


def stock_scrapy(served: Served, folder: Path) -> Contender:
    """FilesPipeline with the same API requests as ours; nothing is proven or recorded."""
    words = [sys.executable, "-m", "scrapy", "runspider", str(PROJECT / "benchmarks" / "stock.py")]
    words += ["-a", f"origin={served.base_url}", "-a", f"cookie={served.cookie}", "-s", f"FILES_STORE={folder}"]
    # A folder without a project, so that none of our settings takes part.
    return Contender("stock Scrapy", words, own_environment(SCRAPY_SETTINGS_MODULE="scrapy.settings.default_settings"))


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of works that a contender left.

    Of an ugoira ours keeps the list of frames beside the zip; the artist's avatar, which no other contender fetches, is not counted.
    """
    found = (path for path in folder.rglob("*") if path.suffix in (".jpg", ".zip"))
    return [path for path in found if path.parent.parent.name != "users"]


def times_of_pictures(folder: Path, began: float) -> list[float]:
    """When each picture was there, in seconds after `began`: its file was last changed then, as it was placed or its time was set."""
    return [path.stat().st_ctime - began for path in pictures_in(folder)]


def installed_gallery_dl(folder: Path) -> Path | None:
    """gallery-dl in an environment of its own under `folder`, installed when it is not there; None when it cannot be."""
    program = folder / "gallery-dl" / "bin" / "gallery-dl"
    if not program.exists():
        venv.create(folder / "gallery-dl", with_pip=True)
        pip = [str(program.with_name("pip")), "install", "--quiet", "gallery-dl"]
        if subprocess.run(pip, check=False).returncode:
            print("gallery-dl cannot be installed and is left out", file=sys.stderr)
            return None
    return program
