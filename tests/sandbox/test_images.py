"""The image host: whole pictures, ranges, revisions."""

import hashlib
import io
import subprocess
import sys
import zipfile
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import simplejpeg
from PIL import Image, ImageOps

from pixivcrawl.sandbox.works import Page, Work
from tests.sandbox.serving import Sandbox, World


def fetch_all(browser: Any, artist_id: int) -> dict[str, bytes]:
    """Every original of an artist by its name in an archive."""
    cookie = browser.sandbox.cookie
    everything = browser.body(f"/ajax/user/{artist_id}/profile/all", cookie)
    found = {}
    for work_id in [*everything["illusts"], *everything["manga"]]:
        reply = browser.get(f"/ajax/illust/{work_id}", cookie)
        if reply.status == 404:
            continue
        if reply.json["body"]["illustType"] == 2:
            addresses = [browser.body(f"/ajax/illust/{work_id}/ugoira_meta", cookie)["originalSrc"]]
        else:
            addresses = [page["urls"]["original"] for page in browser.body(f"/ajax/illust/{work_id}/pages", cookie)]
        for address in addresses:
            *_, year, month, day, hour, minute, second, name = address.split("/")
            stem, _, extension = name.replace("ugoira1920x1080", "ugoira").partition(".")
            found[f"originals/{artist_id}/{stem}_{year}{month}{day}{hour}{minute}{second}.{extension}"] = browser.get(
                address
            ).body
    return found


@pytest.mark.parametrize("artist_id", [11, 13, 14, 17])
def test_originals_are_what_a_right_archive_holds(shared: Any, artist_id: int):
    expected = shared.sandbox.world.expected.user(artist_id, session=True)
    served = {name: hashlib.sha256(body).hexdigest() for name, body in fetch_all(shared, artist_id).items()}
    assert served == {name: digest for name, digest in expected.files.items() if not name.endswith(".json")}


def pages_of(world: World) -> list[tuple[Work, int]]:
    return [
        (work, number)
        for artist_id in (11, 13)
        for work in world.works_of(artist_id, world.readers[0])
        if not work.is_ugoira
        for number in range(len(work.pages))
    ]


def test_originals_are_whole_and_of_the_size_that_the_api_tells(shared: Any):
    formats = {"jpg": "JPEG", "png": "PNG", "gif": "GIF"}
    seen = set()
    for work, number in pages_of(shared.sandbox.world):
        page = work.pages[number]
        body = shared.sandbox.world.pictures.original(work, number).whole
        with Image.open(io.BytesIO(body)) as picture:
            assert picture.format == formats[page.extension]
            assert ImageOps.exif_transpose(picture).size == (page.width, page.height)
            picture.load()
        if page.extension == "jpg":
            simplejpeg.decode_jpeg(body, strict=True, min_height=1, min_width=1, colorspace="GRAY")
        seen.add(page.form)
    assert len(seen) == 11, "every form there is"


def test_forms_are_what_they_are_called(shared: Any):
    def opened(number: int) -> Image.Image:
        work = shared.sandbox.world.work(shared.sandbox.world.work_id(11, number))
        return Image.open(io.BytesIO(shared.sandbox.world.pictures.original(work, 0).whole))

    assert opened(5).mode == "P"
    assert opened(6).n_frames == 3
    assert opened(9).info["progressive"]
    assert (opened(10).mode, opened(11).mode, opened(15).mode) == ("L", "CMYK", "RGBA")
    turned = opened(14)
    assert turned.getexif()[0x0112] == 6
    assert turned.size == (330, 240), "lies on its side in the file"


def test_an_ugoira_is_a_sound_zip_of_its_frames(shared: Any):
    for number, size in ((4, (400, 300)), (13, (1620, 1080))):
        work_id = shared.sandbox.world.work_id(11, number)
        meta = shared.body(f"/ajax/illust/{work_id}/ugoira_meta")
        with zipfile.ZipFile(io.BytesIO(shared.get(meta["originalSrc"]).body)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == [frame["file"] for frame in meta["frames"]]
            for name in archive.namelist():
                with Image.open(archive.open(name)) as frame:
                    frame.load()
                    assert frame.size == size
        assert shared.get(meta["src"]).status == 200
        frames = shared.sandbox.world.expected.artwork([work_id]).files
        assert meta["frames"] in frames.values()


def test_frames_as_uploaded_are_not_those_of_the_zip(shared: Any):
    work = shared.sandbox.world.work(5001311)
    first = shared.body(f"/ajax/illust/{work.id}")["urls"]["original"]
    zipped = shared.get(shared.body(f"/ajax/illust/{work.id}/ugoira_meta")["originalSrc"]).body
    with zipfile.ZipFile(io.BytesIO(zipped)) as frames, Image.open(frames.open(frames.namelist()[0])) as reduced:
        assert (reduced.format, reduced.size) == ("JPEG", (1620, 1080))
    bodies = [shared.get(first.replace("_ugoira0", f"_ugoira{number}")).body for number in range(3)]
    assert len(set(bodies)) == 3
    for body in bodies:
        with Image.open(io.BytesIO(body)) as uploaded:
            assert (uploaded.format, uploaded.size) == ("PNG", (2400, 1600))
    assert shared.get(first.replace("_ugoira0", "_ugoira3")).status == 404
    assert shared.get(first.replace(".png", ".jpg")).status == 404


def test_no_two_originals_are_alike(shared: Any):
    world = shared.sandbox.world
    digests = [world.pictures.sha256(work, number) for work, number in pages_of(world)]
    assert len(set(digests)) == len(digests)


def test_reduced_pictures_and_portraits(shared: Any):
    detail = shared.body("/ajax/illust/5001311")
    for name, box in (("mini", 48), ("thumb", 250), ("small", 540), ("regular", 1200)):
        reply = shared.get(detail["urls"][name])
        with Image.open(io.BytesIO(reply.body)) as picture:
            assert (picture.format, max(picture.size)) == ("JPEG", box)
    assert shared.get(detail["urls"]["original"]).headers["Content-Type"] == "image/png"
    for user_id, form in ((11, "JPEG"), (12, "PNG")):
        user = shared.body(f"/ajax/user/{user_id}")
        with Image.open(io.BytesIO(shared.get(user["imageBig"]).body)) as picture:
            assert picture.format == form


def original(browser: Any, work_id: int) -> str:
    return str(browser.body(f"/ajax/illust/{work_id}")["urls"]["original"])


def test_ranges(shared: Any):
    url = original(shared, 5000111)
    whole = shared.get(url)
    assert whole.headers["Content-Length"] == str(len(whole.body))
    assert whole.headers["Accept-Ranges"] == "bytes"
    work = shared.sandbox.world.work(5000111)
    assert parsedate_to_datetime(whole.headers["Last-Modified"]) == work.uploaded

    def part(**headers: str) -> Any:
        return shared.get(url, **headers)

    middle = part(range="bytes=100-199")
    assert (middle.status, middle.body) == (206, whole.body[100:200])
    assert middle.headers["Content-Range"] == f"bytes 100-199/{len(whole.body)}"
    assert part(range="bytes=100-").body == whole.body[100:]
    assert part(range="bytes=-100").body == whole.body[-100:]
    assert part(range=f"bytes={len(whole.body)}-").status == 416
    assert part(range="bytes=9-", if_range=whole.headers["ETag"]).status == 206
    assert part(range="bytes=9-", if_range=whole.headers["Last-Modified"]).status == 206
    assert part(range="bytes=9-", if_range='"another"').body == whole.body
    assert part(range="bytes=9-", if_range="Mon, 01 Aug 2022 00:00:00 GMT").status == 200
    head = shared.get(url, method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(whole.body)))


def test_large_pictures_stream_in_parts(browse: Any):
    world = World.of(works=1, size=(1800, 1400))
    with Sandbox(world) as sandbox:
        browser = browse(sandbox)
        url = original(browser, world.work_id(11, 1))
        body = browser.get(url).body
        assert len(body) > 1_000_000
        assert hashlib.sha256(body).hexdigest() in world.expected.user(11).files.values()
        assert browser.get(url, range="bytes=300000-1000000").body == body[300000:1000001]
        assert sandbox.requests("image")[0].bytes_sent == len(body)


@pytest.mark.parametrize(
    "change",
    [("_p0", "_p1"), (".jpg", ".png"), ("/2022/", "/2021/"), ("img-original", "img-unknown"), ("5000111", "5000112")],
)
def test_wrong_addresses_answer_404_in_html(shared: Any, change: tuple[str, str]):
    reply = shared.get(original(shared, 5000111).replace(*change))
    assert (reply.status, reply.headers["Content-Type"]) == (404, "text/html")


def test_a_revision_moves_the_images(own: Any):
    world = own.sandbox.world
    old = original(own, 5000111)
    before = own.get(old).body
    row_path = "/ajax/user/11/profile/illusts?ids[]=5000111&work_category=illust&is_first_page=0"
    row = own.body(row_path)["works"]["5000111"]
    world.revise(5000111)
    new = original(own, 5000111)
    assert new != old
    assert own.get(old).status == 404
    assert own.get(new).body != before
    after = own.body(row_path)["works"]["5000111"]
    assert after["updateDate"] > row["updateDate"]
    assert after["createDate"] == row["createDate"]
    (name,) = world.expected.artwork([5000111]).files
    assert world.work(5000111).revision in name

    world.revise(5000111, pages=(Page("png", 100, 90), Page("jpg", 80, 70)))
    pages = own.body("/ajax/illust/5000111/pages")
    assert [(page["width"], page["height"], page["urls"]["original"][-3:]) for page in pages] == [
        (100, 90, "png"),
        (80, 70, "jpg"),
    ]
    assert all(own.get(page["urls"]["original"]).status == 200 for page in pages)


def test_works_come_and_go_and_change_their_names(own: Any):
    world = own.sandbox.world
    url = original(own, 5000111)
    world.remove(5000111)
    assert own.get("/ajax/illust/5000111").status == own.get(url).status == 404
    assert "5000111" not in own.body("/ajax/user/11/profile/all")["illusts"]
    assert world.expected.artwork([5000111]).unavailable == {5000111: "gone"}
    world.restore(5000111)
    assert own.get(url).status == 200
    world.remove(5000111, listed=True)
    assert "5000111" in own.body("/ajax/user/11/profile/all")["illusts"]
    assert world.expected.user(11).unavailable[5000111] == "gone"

    added = world.add_work(11, title="the newest")
    assert next(iter(own.body("/ajax/user/11/profile/all")["illusts"])) == str(added.id)
    assert own.get(original(own, added.id)).status == 200
    world.retitle(added.id, "renamed")
    world.rename(11, "another name")
    body = own.body(f"/ajax/illust/{added.id}")
    assert (body["title"], body["userName"]) == ("renamed", "another name")


def test_the_same_bytes_in_another_process(shared: Any):
    script = (
        "from tests.sandbox.serving import World\n"
        "for name, digest in World.standard().expected.user(11, session=True).files.items(): print(name, digest, sep='\\t')"
    )
    environment = {"PYTHONHASHSEED": "4711", "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    told = dict(line.split("\t") for line in ran.stdout.splitlines())
    expected = shared.sandbox.world.expected.user(11, session=True).files
    assert told == {name: str(digest) for name, digest in expected.items()}
    assert World.of(seed=2).expected.user(11).files != World.of().expected.user(11).files


def test_real_pictures_stand_in(tmp_path: Path, browse: Any):
    made = {"a.jpg": (301, 200), "deep/b.png": (40, 50), "deep/c.gif": (30, 20)}
    for name, size in made.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.effect_noise(size, 50).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in made}
    with Sandbox(World.standard(pictures=tmp_path)) as sandbox:
        browser = browse(sandbox)
        pages = browser.body("/ajax/illust/5000211/pages")
        assert {(page["width"], page["height"]) for page in pages} == set(made.values())
        assert {hashlib.sha256(browser.get(page["urls"]["original"]).body).hexdigest() for page in pages} == digests
        before = sandbox.world.pictures.sha256(sandbox.world.work(5000111), 0)
        sandbox.world.revise(5000111)
        assert sandbox.world.pictures.sha256(sandbox.world.work(5000111), 0) != before
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="no JPEG, PNG or GIF"):
        World.standard(pictures=empty)
