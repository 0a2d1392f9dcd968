"""Ugoira made into mp4, webm, WebP and APNG: every frame at its millisecond, whatever its artist uploaded."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from pixivcrawl.animations import conversion
from pixivcrawl.animations.conversion import make, making_workers
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.items import VideoForm
from tests.animations.drawing import COLOURS, film, is_like, packed, plain, uploaded, zipped

FORMS: tuple[VideoForm, ...] = get_args(VideoForm)
FILMS: tuple[VideoForm, ...] = ("mp4", "webm")
"""Those that end with the last picture once more, for 1 ms."""

DELAYS = (33, 41, 1, 120, 16, 1000, 83, 2500)
SIZE = (64, 48)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with making_workers(1, Limits()) as running:
        yield running


@pytest.mark.parametrize("form", FORMS)
def test_every_frame_is_shown_at_its_millisecond_and_the_last_one_stays(
    form: VideoForm, tmp_path: Path, workers: Workers
) -> None:
    made = tmp_path / f"made.{form}"
    make(zipped(tmp_path, [plain(number) for number in range(8)], DELAYS), form, made, workers, Limits())
    shown = film(made)
    closing = 1 if form in FILMS else 0
    begins = [0, *accumulate(DELAYS)]
    assert shown.begins == pytest.approx(begins if closing else begins[:-1], abs=0.01)
    assert shown.ends == pytest.approx(sum(DELAYS) + closing, abs=0.01)
    for number, frame in enumerate(shown.frames):
        expected = COLOURS[min(number, 7) % len(COLOURS)]
        assert is_like(frame.convert("RGB").getpixel((20, 20)), expected), number
    assert [path.name for path in tmp_path.glob("made*")] == [made.name], "no part is left"


@pytest.mark.parametrize("form", FORMS)
def test_equal_frames_are_frames(form: VideoForm, tmp_path: Path, workers: Workers) -> None:
    make(zipped(tmp_path, [plain(0)] * 4, (40, 50, 60, 70)), form, tmp_path / f"made.{form}", workers, Limits())
    assert film(tmp_path / f"made.{form}").begins[:4] == pytest.approx([0, 40, 90, 150], abs=0.01)


@pytest.mark.parametrize("form", ["webp", "apng"])
def test_the_same_ugoira_makes_the_same_bytes(form: VideoForm, tmp_path: Path, workers: Workers) -> None:
    ugoira = zipped(tmp_path, [plain(number) for number in range(3)], (40, 50, 60))
    for name in ("one", "two"):
        make(ugoira, form, tmp_path / name, workers, Limits())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    ("form", "begins", "ends"),
    [
        ("mp4", [0, 1, 2, 90_000_002, 90_000_052], 90_000_053),
        ("webm", [0, 1, 2, 90_000_002, 90_000_052], 90_000_053),
        ("webp", [0, 1, 2, 90_000_002], 90_000_052),
    ],
)
def test_stays_of_nothing_and_of_a_day(
    form: VideoForm, begins: list[int], ends: int, tmp_path: Path, workers: Workers
) -> None:
    """A stay of nothing is 1 ms; one that the form cannot tell is cut in pieces, so that the frames after it are still on time."""
    made = tmp_path / f"made.{form}"
    make(
        zipped(tmp_path, [plain(number) for number in range(4)], (0, -5, 90_000_000, 50)),
        form,
        made,
        workers,
        Limits(),
    )
    shown = film(made)
    assert {float(begin) for begin in begins} <= {round(begin, 2) for begin in shown.begins}
    assert shown.ends == pytest.approx(ends, abs=0.01)


def test_apng_cuts_what_sixteen_bits_cannot_tell(tmp_path: Path, workers: Workers) -> None:
    made = tmp_path / "made.apng"
    make(zipped(tmp_path, [plain(0), plain(1)], (65_537, 40)), "apng", made, workers, Limits())
    assert film(made).begins == [0, 65_535, 65_537]


@pytest.mark.parametrize("form", FORMS)
def test_a_single_frame(form: VideoForm, tmp_path: Path, workers: Workers) -> None:
    made = tmp_path / f"made.{form}"
    make(zipped(tmp_path, [plain(0)], (700,)), form, made, workers, Limits())
    assert is_like(film(made).frames[0].convert("RGB").getpixel((9, 9)), COLOURS[0])


@pytest.mark.parametrize("form", FORMS)
def test_frames_of_every_kind_and_size(form: VideoForm, tmp_path: Path, workers: Workers) -> None:
    """The first frame's size is that of all, odd sides too; a frame of another size is made to fit."""
    size = (65, 47)
    clear = Image.new("RGBA", size, (0, 0, 0, 0))
    clear.paste((200, 10, 10, 255), (0, 0, 30, 47))
    turned = Image.Exif()
    turned[0x112] = 6
    deep = Image.new("I;16", size, 0x8000)
    kinds = {
        "transparent": (packed(clear, "PNG"), (200, 10, 10)),
        "CMYK": (packed(Image.new("CMYK", size, (0, 255, 255, 0)), "JPEG", quality=95), (254, 0, 0)),
        "grey": (packed(Image.new("L", size, 90), "JPEG"), (90, 90, 90)),
        "sixteen bits": (packed(deep, "PNG"), (127, 127, 127)),
        "palette": (packed(Image.new("RGB", size, (10, 20, 200)).quantize(8), "PNG"), (10, 20, 200)),
        "GIF": (packed(Image.new("RGB", size, (10, 200, 20)).quantize(8), "GIF"), (10, 200, 20)),
        "turned": (packed(Image.new("RGB", size[::-1], (80, 40, 90)), "JPEG", exif=turned), (80, 40, 90)),
        "half as large": (packed(Image.new("RGB", (33, 24), (250, 250, 10)), "PNG"), (250, 250, 10)),
    }
    made = tmp_path / f"made.{form}"
    ugoira = uploaded(tmp_path, [frame for frame, _ in kinds.values()], [50] * len(kinds), size)
    make(ugoira, form, made, workers, Limits())
    shown = film(made).frames
    assert {frame.size for frame in shown} == {(66, 48) if form == "mp4" else size}
    for (kind, (_, colour)), frame in zip(kinds.items(), shown, strict=False):
        assert is_like(frame.convert("RGB").getpixel((20, 20)), colour, 12), kind
    # What is transparent stays so where a form can tell, and is white where none can.
    corner = shown[0].getpixel((64, 40))
    assert is_like(corner, (255, 255, 255)) if form in FILMS else corner[3] == 0


def test_an_odd_side_is_padded_by_its_last_row(tmp_path: Path, workers: Workers) -> None:
    made = tmp_path / "made.mp4"
    make(
        uploaded(tmp_path, [packed(Image.new("RGB", (65, 47), (200, 180, 40)), "PNG")], [50], (65, 47)),
        "mp4",
        made,
        workers,
        Limits(),
    )
    assert is_like(film(made).frames[0].getpixel((65, 47)), (200, 180, 40))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.long
def test_what_cannot_be_made_is_said_and_leaves_nothing(form: VideoForm, tmp_path: Path, workers: Workers) -> None:
    good = [plain(number) for number in range(3)]
    whole = zipped(tmp_path, good, (40, 40, 40))
    made = tmp_path / f"made.{form}"

    def refusal(ugoira: object, limits: Limits = Limits()) -> str:  # noqa: B008 (nothing changes it)
        with pytest.raises(Damaged) as refused:
            make(ugoira, form, made, workers, limits)  # type: ignore[arg-type]
        assert not list(tmp_path.glob("made*"))
        return str(refused.value)

    (file,) = whole.files
    assert "is not what the ledger has: run pixivcrawl verify" in refusal(
        replace(whole, files=(replace(file, sha256="0" * 64),))
    )
    assert "PIXIV_MAX_PIXELS" in refusal(whole, Limits(max_pixels=3000))
    assert "24 days" in refusal(zipped(tmp_path, good, (1 << 31, 40, 40)))
    assert "lacks '000003.jpg'" in refusal(zipped(tmp_path, good, (40, 40, 40, 40)))
    cut = [good[0], good[1][: len(good[1]) // 3], good[2]]
    assert "frame 2" in refusal(zipped(tmp_path, cut, (40, 40, 40)))
    assert "frame 1 is not a picture" in refusal(zipped(tmp_path, [b"<html>", *good], (40, 40, 40)))
    file.path.write_bytes(b"PK")
    assert "is not what the ledger has" in refusal(whole)
    file.path.unlink()
    assert "cannot be read" in refusal(whole)


def test_one_that_needs_too_much_memory_ends_alone(tmp_path: Path) -> None:
    frame = packed(Image.new("RGB", (4000, 4000), "red"), "JPEG")
    large = zipped(tmp_path, [frame, frame], (40, 40), (4000, 4000))
    with making_workers(1, Limits(memory=64 << 20)) as workers, pytest.raises(Damaged) as refused:
        make(large, "mp4", tmp_path / "made.mp4", workers, Limits(memory=64 << 20))
    assert "PROOF_MEMORY" in str(refused.value)


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, workers: Workers) -> None:
    (tmp_path / "file").touch()
    ugoira = zipped(tmp_path, [plain(0)], (40,))
    with pytest.raises(StorageFailed, match="something else is in the way"):
        make(ugoira, "mp4", tmp_path / "file" / "made.mp4", workers, Limits())


def test_without_the_extra_all_but_webp_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "find_spec", lambda _name: None)
    conversion.require_encoder("webp")
    for form in ("mp4", "webm", "apng"):
        with pytest.raises(ConfigurationError, match=r"pip install 'pixivcrawl\[video\]'"):
            conversion.require_encoder(form)


@pytest.mark.long
def test_a_hundred_frames_take_less_than_six_seconds_of_one_core(tmp_path: Path) -> None:
    base = Image.effect_noise((150, 112), 60).resize((1200, 900)).convert("RGB")
    frames = []
    for number in range(100):
        picture = base.copy()
        picture.paste((number * 2, 90, 200), (number * 7, number * 5, number * 7 + 200, number * 5 + 200))
        frames.append(packed(picture, "JPEG", quality=90))
    ugoira = zipped(tmp_path, frames, [33, 41, 50, 83] * 25, (1200, 900))
    program = "import pickle,sys,time; from pathlib import Path; from pixivcrawl.animations.encoding import encode; "
    program += "from pixivcrawl.archive.verdict import Limits; import av; began = time.process_time(); "
    program += "encode(Path(sys.argv[1]), pickle.loads(bytes.fromhex(sys.argv[2])), 'mp4', Limits(), False); "
    program += "print(time.process_time() - began)"
    command = [sys.executable, "-c", program, str(tmp_path / "made.mp4"), pickle.dumps(ugoira).hex()]
    took = min(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(2))
    assert took < 6
    assert len(film(tmp_path / "made.mp4").begins) == 101


@pytest.mark.long
def test_a_worker_that_is_killed_is_followed_by_another(tmp_path: Path) -> None:
    """The killed one's part is not taken up."""
    ugoira = zipped(tmp_path, [plain(number, (640, 480)) for number in range(60)], [40] * 60, (640, 480))
    made = tmp_path / "made.mp4"
    with making_workers(1, Limits()) as workers:

        def kill_soon() -> None:
            until = time.monotonic() + 20
            while time.monotonic() < until and not made.with_name("made.mp4.part").exists():
                time.sleep(0.01)
            for worker in list(workers._living):
                worker.process.end()

        killer = threading.Thread(target=kill_soon)
        killer.start()
        make(ugoira, "mp4", made, workers, Limits())
        killer.join()
    assert len(film(made).begins) == 61
