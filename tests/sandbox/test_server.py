"""The log, the settings, the command line."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import Page
from tests.sandbox.serving import Sandbox, World

HOUSE = Path(__file__).parents[2]


def test_the_log_tells_every_request(browse: Any, tmp_path: Path):
    file = tmp_path / "requests.jsonl"
    with Sandbox(World.demo(), log_file=file) as sandbox:
        browser = browse(sandbox)
        url = browser.body("/ajax/illust/5000111?lang=en", sandbox.cookie)["urls"]["original"]
        body = browser.get(url).body
        browser.get("/ajax/search/artworks/%E7%8C%AB%2Fb?word=x&word=y")
        first, image, last = sandbox.log
        assert (first.kind, first.method, first.path, first.query, first.status) == (
            "api",
            "GET",
            "/ajax/illust/5000111",
            "lang=en",
            200,
        )
        assert f"http://{first.host}" == sandbox.base_url
        assert first.headers["cookie"] == f"PHPSESSID={sandbox.cookie}"
        assert (image.kind, image.host, image.bytes_sent) == ("image", sandbox.image_host, len(body))
        assert (last.path, last.parameters) == ("/ajax/search/artworks/猫/b", {"word": ["x", "y"]})
        assert first.time <= image.time <= last.time
        assert [entry.kind for entry in sandbox.requests("image")] == ["image"]
        assert len(sandbox.requests("api")) == 2
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["path"] for line in lines] == [first.path, image.path, last.path]
    assert file.stat().st_mode & 0o077 == 0, "it holds cookies"


def test_settings_and_environment(shared: Any):
    sandbox = shared.sandbox
    assert sandbox.settings() == {"PIXIV_BASE_URL": sandbox.base_url, "PIXIV_IMAGE_HOSTS": [sandbox.image_host]}
    assert sandbox.environment() == {
        "PIXIVCRAWL_PIXIV_BASE_URL": sandbox.base_url,
        "PIXIVCRAWL_PIXIV_IMAGE_HOSTS": sandbox.image_host,
    }
    assert sandbox.ca_file is None


def test_answers_come_late_when_asked_to(browse: Any):
    with Sandbox(World.demo(), delay=0.2) as sandbox:
        browser = browse(sandbox)
        started = time.monotonic()
        browser.get("/ajax/user/11")
        assert time.monotonic() - started >= 0.2


def test_a_taken_port_is_an_error(shared: Any):
    port = int(shared.sandbox.base_url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"), Sandbox(World.demo(), port=port):
        pass


def test_the_world_may_change_while_it_is_served(own: Any):
    def keep_revising() -> None:
        for _ in range(200):
            own.sandbox.world.revise(5000111)
            own.sandbox.world.add_work(11)

    changing = threading.Thread(target=keep_revising)
    changing.start()
    while changing.is_alive():
        assert own.get("/ajax/user/11/profile/all").status == 200
        assert own.get("/ajax/illust/5000111").status == 200
    changing.join()
    assert len(own.sandbox.world.works_of(11, None)) == 220


def test_worlds_of_any_size(browse: Any):
    world = World.of(artists=2, works=300, pages=(Page("png", 30, 20), Page("jpg", 20, 30)))
    with Sandbox(world) as sandbox:
        browser = browse(sandbox)
        assert len(browser.body("/ajax/user/12/profile/all")["illusts"]) == 300
        assert len(browser.body(f"/ajax/illust/{world.work_id(12, 300)}/pages")) == 2
        assert (
            browser.body("/ajax/user/901/illusts/bookmarks?tag=&offset=0&limit=1&rest=show", sandbox.cookie)["total"]
            == 600
        )
    assert len(world.expected.user(12).files) == 600
    assert len(world.expected.bookmarks(901).files) == 1200


def test_expectations_agree_with_the_lists(shared: Any):
    expected = shared.sandbox.world.expected
    assert expected.user(11).unavailable == {5000711: "withheld", 5000811: "gone", 5001811: "withheld"}
    assert expected.user(11, session=True).unavailable == {5000811: "gone"}
    assert expected.user(12).files == expected.user(16).files == {}
    assert expected.artwork([1, 5000111]).unavailable == {1: "gone"}
    ranked = expected.ranking("daily", "20230110")
    assert ranked.unavailable == {5000811: "gone"}
    assert expected.ranking("daily", "20230113").unavailable == {5000811: "gone", 5002018: "gone"}
    assert expected.ranking("daily", "20230110", "ugoira").files.keys() == {
        name for name in ranked.files if "_ugoira_" in name
    }
    assert len(expected.series(502).files) == sum(1 + number % 3 for number in range(1, 31) if number != 20)
    assert expected.series(502).unavailable == {5002018: "gone"}
    assert expected.following(901).files.keys() > expected.user(11, session=True).files.keys()
    assert (
        expected.feed("r18").files.keys()
        < expected.user(11, session=True).files.keys() | expected.user(13, session=True).files.keys()
    )
    assert len(expected.mypixiv().files) == 3
    assert set(expected.tagged(15, "rain").files) < set(expected.user(15).files)
    assert expected.requests("ugoira").files
    assert expected.new("manga").files


def announced(process: subprocess.Popen[str]) -> dict[str, str]:
    """The variables that the command tells to export."""
    assert process.stdout is not None
    variables = {}
    for line in process.stdout:
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").strip().partition("=")
            variables[name] = value
        if "premium" in line:
            break
    return variables


@pytest.mark.parametrize(
    "arguments", [["--world", "demo"], ["--works", "3", "--size", "40x30", "--tls", "ca", "--log", "log.jsonl"]]
)
def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, arguments: list[str]):
    command = [sys.executable, "-m", "pixivcrawl.sandbox", *arguments]
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        variables = announced(process)
        context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"]) if "--tls" in arguments else None
        url = f"{variables['PIXIVCRAWL_PIXIV_BASE_URL']}/ajax/user/11/profile/all"
        request = urllib.request.Request(url, headers={"User-Agent": "Mozilla/5.0"})
        with urllib.request.urlopen(request, context=context) as response:
            works = json.load(response)["body"]
        assert len(works["illusts"]) + len(works["manga"]) == (12 if "demo" in arguments else 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.communicate()
    if "--log" in arguments:
        assert json.loads((tmp_path / "log.jsonl").read_text())["path"] == "/ajax/user/11/profile/all"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--size", "big", "--works", "1"], "write it as 1200x800"),
        (["--pictures", "nowhere"], "name a folder that holds some"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path: Path, arguments: list[str], hint: str):
    command = [sys.executable, "-m", "pixivcrawl.sandbox", *arguments]
    environment = os.environ | {"PYTHONPATH": str(HOUSE)}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode == 2
    assert hint in ran.stderr
    assert "Traceback" not in ran.stderr
