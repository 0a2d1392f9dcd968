"""What every format has in common: formats, sizes, limits, and what hostile bytes may not do."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixivcrawl.archive.layout import Format
from pixivcrawl.archive.proof import Damaged, Expected, Limits, Proof, prove
from pixivcrawl.errors import StorageFailed
from tests.archive import making

MAKERS: dict[Format, Callable[[], bytes]] = {
    "jpg": making.jpeg,
    "png": making.png,
    "gif": lambda: making.gif(3, 240, 160),
    "zip": making.ugoira,
}
FRAMES: dict[Format, int] = {"jpg": 1, "png": 1, "gif": 3, "zip": 2}
WHOLE: dict[Format, bytes] = {name: make() for name, make in MAKERS.items()}
EACH = pytest.mark.parametrize("format", list(MAKERS))


def proven(folder: Path, body: bytes, expected: Expected, max_pixels: int = 10**7) -> Proof:
    path = folder / "body.part"
    path.write_bytes(body)
    return prove(path, expected, Limits(max_pixels))


@EACH
def test_a_whole_picture_is_proven(tmp_path: Path, format: Format) -> None:
    assert proven(tmp_path, WHOLE[format], Expected(format, 240, 160)) == Proof(format, 240, 160, FRAMES[format])


@EACH
def test_where_the_api_is_silent_the_bytes_speak(tmp_path: Path, format: Format) -> None:
    assert proven(tmp_path, WHOLE[format], Expected(format)).width == 240
    with pytest.raises(Damaged, match="240 x 160 pixels where pixiv says 241 x") as damage:
        proven(tmp_path, WHOLE[format], Expected(format, 241, None if format != "zip" else 10))
    assert damage.value.kind == "wrong size"


@EACH
@pytest.mark.parametrize("size", [(239, 160), (160, 240), (1200, 800), (480, 320)])
def test_another_pixel_size_is_refused(tmp_path: Path, format: Format, size: tuple[int, int]) -> None:
    if format == "zip" and size == (239, 160):
        return  # scaled frames may be a pixel off
    with pytest.raises(Damaged) as damage:
        proven(tmp_path, WHOLE[format], Expected(format, *size))
    assert damage.value.kind == "wrong size"
    assert not damage.value.only_warned


@EACH
@pytest.mark.parametrize("expected", list(MAKERS))
def test_the_format_follows_the_bytes(tmp_path: Path, format: Format, expected: Format) -> None:
    if format == expected:
        return
    with pytest.raises(Damaged, match=f"is a {format} instead of a {expected}") as damage:
        proven(tmp_path, WHOLE[format], Expected(expected))
    assert damage.value.kind == "wrong format"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\xef\xbb\xbf\r\n<html>", "web page"),
        (bytes(1000), "zeros"),
        (making.encoded(making.drawing(), "WEBP"), "52 49 46 46"),
        (b"\xff\xd8", "ff d8"),
    ],
)
@EACH
def test_what_is_no_picture_is_said_to_be_none(tmp_path: Path, format: Format, body: bytes, says: str) -> None:
    with pytest.raises(Damaged, match=says) as damage:
        proven(tmp_path, body, Expected(format))
    assert damage.value.kind == "not an image"


@EACH
@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_no_cut_picture_is_whole(tmp_path_factory: pytest.TempPathFactory, format: Format, share: float) -> None:
    """Where it is cut behind the last pixel, that is a flaw."""
    body = WHOLE[format]
    try:
        flaw = proven(tmp_path_factory.getbasetemp(), body[: int(len(body) * share)], Expected(format)).flaw
    except Damaged as damage:
        flaw = None if damage.only_warned else damage.reason
    assert flaw is not None
    assert "\n" not in flaw


@EACH
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_changed_bytes_are_whole_or_damaged_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, format: Format, data: st.DataObject
) -> None:
    body = bytearray(WHOLE[format])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(4, 300) | st.integers(4, len(body) - 1))
        junk = data.draw(st.binary(min_size=1, max_size=20))
        body[place : place + len(junk)] = junk
    with contextlib.suppress(Damaged):
        assert proven(tmp_path_factory.getbasetemp(), bytes(body), Expected(format), 10**6).format == format


@EACH
@settings(max_examples=40, deadline=None)
@given(junk=st.binary(max_size=300))
def test_a_signature_before_junk_is_damaged(
    tmp_path_factory: pytest.TempPathFactory, format: Format, junk: bytes
) -> None:
    with pytest.raises(Damaged):
        proven(tmp_path_factory.getbasetemp(), WHOLE[format][:8] + junk, Expected(format), 10**6)


@EACH
def test_the_pixel_limit_counts_and_pillows_own_does_not(
    tmp_path: Path, format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert proven(tmp_path, WHOLE[format], Expected(format), 240 * 160).height == 160
    with pytest.raises(Damaged, match="where PIXIV_MAX_PIXELS allows 38,399: raise it to have the file") as damage:
        proven(tmp_path, WHOLE[format], Expected(format), 240 * 160 - 1)
    assert damage.value.kind == "too many pixels"
    assert damage.value.is_no_verdict


@EACH
def test_more_pixels_than_the_limit_are_damage_where_pixiv_says_that_there_are_fewer(
    tmp_path: Path, format: Format
) -> None:
    for size, kind in (((240, 160), "too many pixels"), ((240, None), "too many pixels"), ((239, 159), "wrong size")):
        with pytest.raises(Damaged) as damage:
            proven(tmp_path, WHOLE[format], Expected(format, *size), 239 * 159)
        assert damage.value.kind == kind
    assert damage.value.reason == "has more pixels than PIXIV_MAX_PIXELS allows, where pixiv says 239 x 159"


@pytest.mark.parametrize(
    ("api", "frames", "fits"),
    [
        ((240, 160), (240, 160), True),
        ((240, 160), (241, 161), True),
        ((240, 160), (239, 161), True),
        ((240, 160), (242, 160), False),
        ((160, 240), (160, 242), False),
        ((240, 160), (120, 80), False),
        ((3840, 2160), (1920, 1080), True),
        ((3840, 2160), (3840, 2160), True),
        ((3840, 2160), (600, 338), False),
        ((3840, 2160), (1919, 1079), True),
        ((3840, 2160), (1918, 1079), False),
        ((1000, 1500), (720, 1080), True),
        ((1000, 1500), (719, 1079), True),
        ((1000, 1500), (719, 1078), False),
        ((1000, 1500), (721, 1080), True),
        ((1000, 1500), (1000, 1500), True),
        ((1000, 1500), (1080, 720), False),
        ((1000, 1500), (720, 1040), False),
        ((3000, 1000), (1920, 640), True),
        ((3000, 1000), (1919, 640), True),
        ((3000, 1000), (1918, 640), False),
        ((1000, 3000), (360, 1079), True),
        ((1000, 3000), (360, 1078), False),
        ((5000, 5000), (1081, 1079), True),
        ((5000, 5000), (1082, 1079), False),
        ((1, 1), (1, 1), True),
        ((None, None), (33, 44), True),
        ((240, None), (33, 44), True),
        ((None, 160), (33, 44), True),
    ],
)
def test_an_ugoiras_frames_are_the_works_size_or_fit_the_box(
    tmp_path: Path, api: tuple[int | None, int | None], frames: tuple[int, int], fits: bool
) -> None:
    body = making.zipped({"000000.jpg": making.encoded(Image.new("L", frames), "JPEG")})
    expected = Expected("zip", *api)
    if fits:
        assert proven(tmp_path, body, expected) == Proof("zip", *frames, 1)
        return
    with pytest.raises(Damaged) as damage:
        proven(tmp_path, body, expected)
    assert damage.value.kind == "wrong size"


def test_a_missing_file_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        prove(tmp_path / "missing", Expected("jpg"), Limits())


def test_a_reason_is_one_short_line_whatever_a_decoder_says() -> None:
    damage = Damaged("Pillow cannot read it: \x1b[2J\u202e\n" + "x" * 10_000, "broken")
    assert damage.reason == str(damage)
    assert damage.reason.isprintable()
    assert len(damage.reason) == 300


def test_a_verdict_travels_between_processes() -> None:
    proof = Proof("jpg", 240, 160, 1, "its profile is short")
    damage = pickle.loads(pickle.dumps(Damaged("the decoder warns", "decoder warning", proof)))
    assert (damage.reason, damage.kind, damage.proof, str(damage)) == (
        "the decoder warns",
        "decoder warning",
        proof,
        "the decoder warns",
    )
    assert damage.only_warned


@pytest.mark.parametrize("format", ["jpg", "zip"])
def test_a_doubtful_picture_still_says_what_it_is(tmp_path: Path, format: Format) -> None:
    hole = making.zeroed(WHOLE["jpg"], 12_000, 4096)
    body = hole if format == "jpg" else making.zipped({frame.file: hole for frame in making.FRAMES})
    with pytest.raises(Damaged) as damage:
        proven(tmp_path, body, Expected(format, 240, 160))
    assert damage.value.only_warned
    assert damage.value.proof == Proof(format, 240, 160, FRAMES[format])
