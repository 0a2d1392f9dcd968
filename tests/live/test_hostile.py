"""What pixiv, or whoever speaks in its place, could say to harm: archived as text, or refused with a reason; other works are archived."""

from __future__ import annotations

import re
import socket
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import UGOIRA, Page, Work
from tests.archive.making import jpeg, zipped
from tests.live.inside import crawl
from tests.live.running import assert_holds, environment, rows, scrapy, show_no_rows
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World

SMALL = Page("jpg", 64, 48)
IMPATIENT = {"PIXIV_API_RETRIES": 0, "PIXIV_IMAGE_RETRY_DELAY": 0}

TEXTS = (
    "\x1b[2J\x1b[1;1Hcleared",
    "\x1b]0;a title\x07 \x1b]52;c;cm0gLXJmIC8=\x07",
    "\x9b31mC1 \x90dcs\x9c",
    "\u202egpj.exe\u202c \u2066isolated\u2069 \u200fmark",
    "two\nlines\r\nINFO: all is well\u2028three\u2029four\x85five",
    "nul\x00l \ud83d half",
    "../../../../etc/cron.d/x",
    "C:\\Windows\\system32",
    "'; DROP TABLE artworks; --",
    '" OR 1=1 --',
    "<script>alert(document.cookie)</script><img src=x onerror=alert(1)>",
    "%s %d %n {0} {__class__} ${HOME} $(id) `id`",
    "[red]rich[/] [link=https://evil.example]here[/link]",
    "\u0430\u0440\u0440l\u0435 p\u0456xiv",
    "Z\u0351\u0345" + "\u0300" * 500,
    "\U000e0041\U000e0042\ufeff\u00ad\u2062invisible",
    "é",
    "e\u0301",
    "É",
    "x" * 100_000,
)


def is_harmless(said: str) -> bool:
    """Nothing that a terminal acts on, no direction marks, no end of a line but the newline."""
    return said.replace("\n", "").replace("\t", "").isprintable()


def archived(world: World, without: set[int], artist: int = 11) -> Expected:
    whole = world.expected.user(artist, session=True)
    whole.files = {name: what for name, what in whole.files.items() if int(re.split("[/_]", name)[2]) not in without}
    return whole


@pytest.mark.long
def test_no_text_reaches_a_terminal_a_log_or_a_path_as_it_came(tmp_path: Path):
    """Each text as a title, a tag, a caption, a wrong value, what pixiv says when it refuses; in an artist's name; at LOG_LEVEL=DEBUG."""
    archive = tmp_path / "archive"
    world = World.of(works=0)
    for text in TEXTS:
        world.add_work(11, title=text, tags=(text, "tag"), caption=text, pages=(SMALL,))
    wrong, refused = ([world.add_work(11, pages=(SMALL,)) for _ in TEXTS] for _ in range(2))
    redirected, gone = (world.add_work(11, title=TEXTS[0], pages=(SMALL,)) for _ in range(2))
    world.rename(11, " ".join(TEXTS[:6]))
    with Sandbox(world) as sandbox:
        show_no_rows(sandbox)
        for first, second, text in zip(wrong, refused, TEXTS, strict=True):
            sandbox.faults.api(rf"/illust/{first.id}$", kind="replaced_field", field="illustType", value=text)
            sandbox.faults.api(rf"/illust/{second.id}$", kind="status:400", message=text)
        sandbox.faults.api(rf"/illust/{gone.id}$", kind="status:404", message=TEXTS[0])
        sandbox.faults.image(redirected.id, kind="redirect", location="https://evil.example/%1b[2J")
        env = environment(sandbox, archive)
        run = scrapy("crawl", "user", "-a", "id=11", "-L", "DEBUG", env=env)
        assert run.returncode == 1, run.stderr
        assert_holds(archive, archived(world, {work.id for work in (*wrong, *refused, redirected, gone)}))
        status = scrapy("status", "--all", env=env)
        narrow = scrapy("status", "--all", env=env | {"PYTHONIOENCODING": "ascii"})
        assert (status.returncode, narrow.returncode) == (0, 0), status.stderr + narrow.stderr
        assert sandbox.cookie not in run.stdout + run.stderr + status.stdout
    assert len(narrow.stdout.splitlines()) == len(status.stdout.splitlines())
    assert all(is_harmless(said) for said in (run.stdout, run.stderr, status.stdout, narrow.stdout))
    assert max(map(len, status.stdout.splitlines())) < 400
    assert "Traceback" not in run.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert all(re.fullmatch(r"[\w.~-]+", path.name, re.ASCII) for path in archive.rglob("*"))


def test_every_text_is_in_its_row_and_nowhere_else(tmp_path: Path):
    world = World.of(works=0)
    made = [world.add_work(11, title=text, tags=(text, "tag"), caption=text, pages=(SMALL,)) for text in TEXTS]
    world.rename(11, TEXTS[8])
    with Sandbox(world) as sandbox:
        assert crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11).exit_code == 0
        assert_holds(tmp_path, world.expected.user(11, session=True))
    kept = {text: text.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd") for text in TEXTS}
    titles = {
        work_id: (title, caption)
        for work_id, title, caption in rows(tmp_path, "SELECT id, title, caption FROM artworks")
    }
    assert titles == {work.id: (kept[work.title],) * 2 for work in made}
    query = "SELECT artwork_id, name FROM artwork_tags JOIN tags ON tags.id = tag_id ORDER BY artwork_id, position"
    names = [(work_id, name) for work_id, name in rows(tmp_path, query)]
    # A tag of half a thousand characters is cut there.
    assert names == [(work.id, name[:500]) for work in made for name in (kept[work.title], "tag")]
    assert rows(tmp_path, "SELECT id, name FROM users WHERE id = 11") == [(11, TEXTS[8])]
    assert [name for (name,) in rows(tmp_path, "PRAGMA integrity_check")] == ["ok"]


FITTING = (0, 1, 2**31, 2**63 - 1, str(2**63 - 1))
UNFIT = (
    2**63,
    2**64,
    str(2**63),
    -1,
    "٣",
    "１２",
    "1e3",
    "0x10",
    " 7",
    "7\n",
    "07",
    "+7",
    "1_000",
    1.5,
    True,
    "9" * 5000,
)


def test_numbers_at_and_past_the_limits(tmp_path: Path):
    """A number that 64 bits hold is kept as it is; with any other, and with any foreign id, the work is parked."""
    world = World.of(works=len(FITTING) + 2 * len(UNFIT) + 1, size=(64, 48))
    works = sorted(world.works(), key=lambda work: work.id)
    fitting = {number: works.pop() for number in FITTING}
    unfit, foreign = ([(number, works.pop()) for number in UNFIT] for _ in range(2))
    with Sandbox(world) as sandbox:
        show_no_rows(sandbox)
        for number, work in (*fitting.items(), *unfit):
            sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="likeCount", value=number)
        for number, work in foreign:
            sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="id", value=number)
        run = crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11)
    assert (run.exit_code, "errors" in run.counts) == (1, False)
    parked = {work.id for _, work in (*unfit, *foreign)}
    assert_holds(tmp_path, archived(world, parked))
    assert {work_id for (work_id,) in rows(tmp_path, "SELECT id FROM artworks")} == {work.id for work in world.works()}
    failed = dict(rows(tmp_path, "SELECT id, failed_reason FROM artworks WHERE failed_reason IS NOT NULL"))
    assert set(failed) == parked
    assert all(reason.startswith("illust.detail: ") and reason.isprintable() for reason in failed.values())
    likes = dict(rows(tmp_path, "SELECT id, like_count FROM artworks"))
    assert {work.id: likes[work.id] for work in fitting.values()} == {
        work.id: int(number) for number, work in fitting.items()
    }


Destination = tuple[str, int]
_watched: list[set[Destination]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and event == "socket.connect" and isinstance(arguments[1], tuple):
        _watched[-1].add(arguments[1][:2])
    elif _watched and event == "socket.getaddrinfo":
        _watched[-1].add((str(arguments[0]), int(arguments[1] or 0)))


sys.addaudithook(_watch)


@contextmanager
def destinations() -> Iterator[set[Destination]]:
    """Where this process connects to, or looks a name up for, as Python itself reports it."""
    _watched.append(set())
    try:
        yield _watched[-1]
    finally:
        _watched.pop()


@contextmanager
def listener() -> Iterator[socket.socket]:
    """Someone on this machine whom nobody should call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def asked_only(sandbox: Sandbox, called: set[Destination]) -> bool:
    return called <= {("127.0.0.1", port_of(sandbox.base_url)), ("127.0.0.1", port_of(sandbox.image_host))}


FOREIGN = (
    "https://evil.example{path}",
    "https://i.pximg.net.evil.example{path}",
    "http://i.pximg.net{path}",
    "https://i.pximg.net.{path}",
    "//i.pximg.net{path}",
    "file://{path}",
    "file://127.0.0.1{path}",
    "data:image/jpeg;base64,{path}",
    "ftp://{host}{path}",
    "gopher://{host}{path}",
    "http://localhost:{port}{path}",
    "http://127.1:{port}{path}",
    "http://2130706433:{port}{path}",
    "http://0x7f000001:{port}{path}",
    "http://0177.0.0.1:{port}{path}",
    "http://[::1]:{port}{path}",
    "http://[::ffff:127.0.0.1]:{port}{path}",
    "http://127.0.0.1:{elsewhere}{path}",
    "http://{host}@127.0.0.1:{elsewhere}{path}",
    "http://user:pass@{host}{path}",
    "http://{host}\\@127.0.0.1:{elsewhere}{path}",
    "http://127.0.0.1:{elsewhere}#@{host}{path}",
    "http://127.0.0.1:{elsewhere}?{host}{path}",
    "http://10.0.0.1{path}",
    "http://169.254.169.254{path}",
    "http://{host}.{path}",
    "http://０.0.0.0:{port}{path}",
    "https://і.pximg.net{path}",
    "https://xn--pximg-bva.net{path}",
    "http://{host}0{path}",
    "http://127.0.0.1:99999{path}",
    "http://127.0.0.1:0{path}",
    "http://{host}/../..{path}",
    "http://{host}/%2e%2e{path}",
    "http://{host}{path}\r\nX-Evil: 1",
    "http://{host}{path} HTTP/1.1",
    "http://{host}{path}\x00.png",
    "http://{api}{path}",
    "javascript:alert(1)",
    "",
)


def path_of(
    work: Work, *, work_id: int | None = None, page: int = 0, revision: str = "", extension: str = "jpg"
) -> str:
    time = revision or work.revision
    dated = "/".join((time[:4], *(time[at : at + 2] for at in range(4, 14, 2))))
    return f"/img-original/img/{dated}/{work_id or work.id}_p{page}.{extension}"


@pytest.mark.long
def test_an_image_is_fetched_from_the_image_hosts_alone(tmp_path: Path):
    world = World.of(works=len(FOREIGN) + 1, size=(64, 48))
    works = sorted(world.works(), key=lambda work: work.id)
    with Sandbox(world) as sandbox, listener() as elsewhere:
        show_no_rows(sandbox)
        api = sandbox.base_url.partition("//")[2]
        places = {
            "host": sandbox.image_host,
            "port": port_of(sandbox.image_host),
            "elsewhere": elsewhere.getsockname()[1],
            "api": api,
        }
        for work, shape in zip(works, FOREIGN, strict=False):
            url = shape.format(path=path_of(work), **places)
            sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="urls.original", value=url)
        with destinations() as called:
            run = crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11)
        assert asked_only(sandbox, called), called
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
        assert not [logged for logged in sandbox.requests("api") if "img-original" in logged.path]
        assert_holds(tmp_path, archived(world, {work.id for work in works[: len(FOREIGN)]}))
        fetched = {logged.path for logged in sandbox.requests("image")}
    assert fetched == {path_of(works[-1])}
    assert run.exit_code == 1
    assert "errors" not in run.counts
    reasons = dict(rows(tmp_path, "SELECT id, failed_reason FROM artworks"))
    reasons |= dict(rows(tmp_path, "SELECT artwork_id, failed_reason FROM files WHERE failed_reason IS NOT NULL"))
    for work, shape in zip(works, FOREIGN, strict=False):
        assert reasons[work.id], shape
        assert reasons[work.id].isprintable()
        assert len(reasons[work.id]) < 500


FORGED = (
    {"work_id": "other"},
    {"page": 1},
    {"extension": "exe"},
    {"extension": "zip"},
    {"revision": "00010101000000"},
    {"revision": "20229999999999"},
    {"work_id": 2**63},
)


@pytest.mark.long
def test_a_work_has_no_file_but_its_own(tmp_path: Path):
    """An address that names another work's file or page, or none that can be an original: the work is parked with the reason."""
    world = World.of(works=2 * len(FORGED) + 3, pages=2, size=(64, 48))
    other, answering, *works = sorted(world.works(), key=lambda work: work.id)
    with Sandbox(world) as sandbox:
        show_no_rows(sandbox)
        for work, number in zip(works, range(2 * len(FORGED)), strict=False):
            given: dict[str, Any] = FORGED[number // 2] | ({"work_id": other.id} if number < 2 else {})
            url = f"http://{sandbox.image_host}{path_of(work, **given)}"
            path = rf"/illust/{work.id}{('', '/pages')[number % 2]}$"
            sandbox.faults.api(path, kind="replaced_field", field="urls.original", value=url)
        sandbox.faults.api(rf"/illust/{answering.id}$", kind="replaced_field", field="id", value=str(other.id))
        run = crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11)
        assert (run.exit_code, "errors" in run.counts) == (1, False)
        parked = {answering.id, *(work.id for work in works[: 2 * len(FORGED)])}
        assert_holds(tmp_path, archived(world, parked))
        failed = dict(rows(tmp_path, "SELECT id, failed_reason FROM artworks WHERE failed_reason IS NOT NULL"))
        assert set(failed) == parked
        assert failed.pop(answering.id).startswith("illust.detail: ")
        assert all(reason.startswith("illust.") and "urls" in reason for reason in failed.values())
        sandbox.faults.clear()
        assert crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11).exit_code == 0
        assert_holds(tmp_path, world.expected.user(11, session=True))


FRAMES = (
    "../../../x.jpg",
    "/etc/passwd",
    "a\\b.jpg",
    "C:x.jpg",
    "\u202egpj.0",
    "0\x00.jpg",
    "..",
    "0.jpg\n",
    "٠.jpg",
    "",
)


def test_an_ugoira_has_no_zip_but_its_own_and_plain_names_in_it(tmp_path: Path):
    world = World.of(works=1, size=(64, 48))
    ugoira = [world.add_work(11, kind=UGOIRA, delays=(80, 80), pages=(SMALL,)) for _ in range(len(FRAMES) + 4)]
    other, *forged = ugoira
    zips = (f"{other.id}_ugoira1920x1080.zip", "{id}_ugoira1920x1080.jpg", "{id}_ugoira1920x1080.exe")
    with Sandbox(world) as sandbox:
        show_no_rows(sandbox)
        for work, number in zip(forged, range(len(FRAMES) + len(zips)), strict=True):
            path = rf"/illust/{work.id}/ugoira_meta$"
            if number < len(FRAMES):
                sandbox.faults.api(path, kind="replaced_field", field="frames.file", value=FRAMES[number])
                continue
            dated = path_of(work).removeprefix("/img-original").rpartition("/")[0]
            name = zips[number - len(FRAMES)].format(id=work.id)
            url = f"http://{sandbox.image_host}/img-zip-ugoira{dated}/{name}"
            sandbox.faults.api(path, kind="replaced_field", field="originalSrc", value=url)
        run = crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11)
    assert (run.exit_code, "errors" in run.counts) == (1, False)
    assert_holds(tmp_path, archived(world, {work.id for work in forged}))
    failed = dict(rows(tmp_path, "SELECT id, failed_reason FROM artworks WHERE failed_reason IS NOT NULL"))
    assert set(failed) == {work.id for work in forged}
    assert all(reason.startswith("illust.ugoira_meta: ") and reason.isprintable() for reason in failed.values())


def test_redirects_are_not_followed(tmp_path: Path):
    world = World.of(works=9, size=(64, 48))
    works = sorted(world.works(), key=lambda work: work.id)
    with Sandbox(world) as sandbox, listener() as elsewhere:
        show_no_rows(sandbox)
        port = elsewhere.getsockname()[1]
        leading = (
            f"http://127.0.0.1:{port}/",
            f"//127.0.0.1:{port}/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest/meta-data/",
        )
        for work, location in zip(works, leading * 2, strict=False):
            if work in works[:4]:
                sandbox.faults.image(work.id, kind="redirect", location=location)
            else:
                sandbox.faults.api(rf"/illust/{work.id}$", kind="redirect", location=location)
        with destinations() as called:
            run = crawl("user", sandbox, tmp_path, settings=IMPATIENT, id=11)
        assert asked_only(sandbox, called), called
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert (run.exit_code, "errors" in run.counts) == (1, False)
    assert_holds(tmp_path, archived(world, {work.id for work in works[:8]}))
    reasons = dict(rows(tmp_path, "SELECT id, failed_reason FROM artworks"))
    assert all("redirected" in reasons[work.id] for work in works[4:8])


def test_hostile_zips_go_to_quarantine_and_nothing_leaves_them(tmp_path: Path):
    frame = jpeg(64, 48)
    whole = zipped({"000000.jpg": frame, "000001.jpg": frame})
    bodies = (
        zipped({"../../../escaped.jpg": frame, "000001.jpg": frame}),
        zipped({"/tmp/escaped.jpg": frame, "000001.jpg": frame}),
        zipped({"000000.jpg": frame, "000001.jpg": frame + bytes(30 << 20)}, zipfile.ZIP_DEFLATED),
        zipped({"000000.jpg": frame, "000001.jpg": whole}),
        whole + whole,
        whole[:-1],
        zipped({"\x1b[2J.jpg": frame, "000001.jpg": frame}),
        zlib.compress(bytes(1 << 20)),
    )
    archive = tmp_path / "archive"
    world = World.of(works=1, size=(64, 48))
    ugoira = [world.add_work(11, kind=UGOIRA, delays=(80, 80), pages=(SMALL,)) for _ in bodies]
    sound = world.add_work(11, kind=UGOIRA, delays=(80, 80), pages=(SMALL,))
    with Sandbox(world) as sandbox:
        for work, body in zip(ugoira, bodies, strict=True):
            sandbox.faults.image(work.id, kind="replaced", body=body)
        run = crawl("user", sandbox, archive, settings=IMPATIENT, id=11)
        assert (run.exit_code, "errors" in run.counts) == (1, False)
        assert_holds(archive, archived(world, {work.id for work in ugoira}))
        assert sound.id not in {work.id for work in ugoira}
        reasons = dict(rows(archive, "SELECT artwork_id, failed_reason FROM files WHERE state = 'parked'"))
        assert set(reasons) == {work.id for work in ugoira}
        assert all(reason.isprintable() for reason in reasons.values())
        sandbox.faults.clear()
        assert crawl("user", sandbox, archive, settings=IMPATIENT, id=11).exit_code == 0
    kept = {path.name.split("_")[1] for path in (archive / "quarantine").iterdir()}
    assert kept == {str(work.id) for work in ugoira}
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert not list(tmp_path.rglob("*escaped*"))
