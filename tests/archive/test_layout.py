from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.archive.layout import Archive, Name, format_of, parse_name, parse_staged_name
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import FileKind
from tests.archive.making import FRAMES, an_original, an_ugoira

ARCHIVE = Archive(Path("/somewhere/archive"))
IDS = st.integers(1, 2**63 - 1)
REVISIONS = st.text("0123456789", min_size=14, max_size=14)


@given(IDS, IDS, st.integers(0, 2**63 - 1), REVISIONS, st.sampled_from(["jpg", "jpeg", "JPG", "png", "gif"]))
def test_an_images_path_can_be_read_back(work_id: int, user_id: int, page: int, revision: str, extension: str) -> None:
    original = an_original(work_id=work_id, user_id=user_id, page=page, revision=revision)
    path = ARCHIVE.relative_path(original, extension)
    assert path.startswith(f"originals/{user_id}/")
    assert parse_name(path) == Name(work_id, page, revision, format_of(extension), "image")
    assert ARCHIVE.resolve(path) == ARCHIVE.root / path


@given(IDS, IDS, REVISIONS)
def test_an_ugoiras_paths_can_be_read_back(work_id: int, user_id: int, revision: str) -> None:
    original = an_ugoira(work_id=work_id, user_id=user_id, revision=revision)
    assert parse_name(ARCHIVE.relative_path(original, "zip")) == (work_id, 0, revision, "zip", "ugoira")
    assert parse_name(ARCHIVE.frames_path(original)) == (work_id, 0, revision, "json", "frames")


@given(IDS, IDS, st.integers(0, 2**63 - 1), REVISIONS, st.sampled_from(["jpg", "jpeg", "PNG", "gif"]))
def test_a_frames_path_can_be_read_back(work_id: int, user_id: int, page: int, revision: str, extension: str) -> None:
    original = an_original(work_id=work_id, user_id=user_id, page=page, revision=revision, kind="frame")
    name = parse_name(ARCHIVE.relative_path(original, extension))
    assert name == (work_id, page, revision, format_of(extension), "frame")
    assert parse_staged_name(ARCHIVE.staging_path(original).name) == (work_id, page, revision, "frame")


@given(IDS, REVISIONS, st.sampled_from(["jpg", "jpeg", "PNG", "gif"]), st.sampled_from(["avatar", "background"]))
def test_the_path_of_a_users_picture_can_be_read_back(
    user_id: int, revision: str, extension: str, kind: FileKind
) -> None:
    picture = an_original(work_id=user_id, user_id=user_id, page=0, revision=revision, kind=kind)
    path = ARCHIVE.relative_path(picture, extension)
    assert path == f"users/{user_id}/{kind}_{revision}.{format_of(extension)}"
    assert parse_name(path) == (user_id, 0, revision, format_of(extension), kind)
    assert parse_staged_name(ARCHIVE.staging_path(picture).name) == (user_id, 0, revision, kind)


def test_what_is_staged_tells_a_page_a_zip_and_a_frame_apart() -> None:
    originals = (an_original(page=0), an_ugoira(), an_original(page=0, kind="frame"))
    staged = [parse_staged_name(ARCHIVE.staging_path(original).name) for original in originals]
    staged.append(parse_staged_name(ARCHIVE.frames_staging_path(an_ugoira()).name))
    assert [place.kind for place in staged if place is not None] == ["image", "ugoira", "frame", "ugoira"]


def test_the_public_names() -> None:
    assert ARCHIVE.relative_path(an_original(kind="frame"), "png") == "originals/7/101_frame2_20210304140607.png"
    assert ARCHIVE.relative_path(an_original(), "jpg") == "originals/7/101_p2_20210304140607.jpg"
    assert ARCHIVE.relative_path(an_ugoira(), "zip") == "originals/7/101_ugoira_20210304140607.zip"
    assert ARCHIVE.frames_path(an_ugoira()) == "originals/7/101_ugoira_20210304140607.json"
    assert ARCHIVE.staging_path(an_original()) == ARCHIVE.staging / "101_p2_20210304140607.jpg.body"
    assert ARCHIVE.staging_path(an_ugoira()) == ARCHIVE.staging / "101_ugoira_20210304140607.zip.body"
    assert ARCHIVE.frames_staging_path(an_ugoira()) == ARCHIVE.staging / "101_ugoira_20210304140607.json"
    names = [ARCHIVE.database, ARCHIVE.lock_file, ARCHIVE.journal, ARCHIVE.quarantine, ARCHIVE.originals]
    assert [path.name for path in names] == ["archive.sqlite", ".lock", "journal", "quarantine", "originals"]


@given(
    st.text() | st.from_regex(r"originals/[0-9]+/[0-9]+_(p[0-9]+|frame[0-9]+|ugoira)_[0-9]+\.[a-z]+", fullmatch=True)
)
def test_whatever_is_read_is_what_would_be_written(text: str) -> None:
    name = parse_name(text)
    if name is None:
        return
    original = an_original(
        work_id=name.work_id,
        user_id=int(text.split("/")[1]),
        page=name.page,
        revision=name.revision,
        frames=FRAMES if name.kind in ("ugoira", "frames") else None,
        kind="ugoira" if name.kind == "frames" else name.kind,
    )
    written = (
        ARCHIVE.frames_path(original) if name.kind == "frames" else ARCHIVE.relative_path(original, name.extension)
    )
    assert written == text


@pytest.mark.parametrize(
    "path",
    [
        "",
        "originals/7/101_p0_20210304140607.zip",
        "originals/7/101_ugoira_20210304140607.jpg",
        "originals/7/101_frame0_20210304140607.zip",
        "originals/7/avatar_20210304140607.jpg",
        "users/7/101_p0_20210304140607.jpg",
        "users/7/avatar_20210304140607.zip",
        "users/07/avatar_20210304140607.jpg",
        "users/9999999999999999999/avatar_20210304140607.jpg",
        "originals/7/101_frame_20210304140607.png",
        "originals/7/101_frame00_20210304140607.png",
        "originals/7/101_p00_20210304140607.jpg",
        "originals/07/101_p0_20210304140607.jpg",
        "originals/7/101_p0_2021030414060.jpg",
        "originals/7/101_p0_20210304140607.jpg\n",
        "originals/7/101_p0_2021030414060٧.jpg",
        "originals/7/../7/101_p0_20210304140607.jpg",
        "/originals/7/101_p0_20210304140607.jpg",
    ],
)
def test_no_other_name_is_read(path: str) -> None:
    assert parse_name(path) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"work_id": 0},
        {"work_id": -1},
        {"user_id": 0},
        {"user_id": 2**63},
        {"page": -1},
        {"work_id": "../../etc"},
        {"revision": "../../../../etc"},
        {"revision": "2021030414060٧"},
        {"revision": "20210304140607\n"},
        {"revision": "20210304140607/"},
        {"frames": FRAMES},
    ],
)
def test_nothing_but_numbers_becomes_a_path(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ARCHIVE.relative_path(an_original(**changes), "zip" if "frames" in changes else "jpg")


@pytest.mark.parametrize("extension", ["", "exe", "json", "jpg/../x", ".jpg", "zip", "webp"])
def test_an_image_has_one_of_three_extensions(extension: str) -> None:
    with pytest.raises(ValueError):
        ARCHIVE.relative_path(an_original(), extension)


def test_an_ugoira_is_a_zip_and_an_image_has_no_frames() -> None:
    with pytest.raises(ValueError):
        ARCHIVE.relative_path(an_ugoira(), "jpg")
    with pytest.raises(ValueError):
        ARCHIVE.frames_path(an_original())


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "originals/../../x", "", ".", "originals//x", "a\\b", "C:/x", "a\0b", "originals/"]
)
def test_a_row_cannot_point_out_of_the_archive(path: str) -> None:
    with pytest.raises(ValueError):
        ARCHIVE.resolve(path)


@given(st.text())
def test_whatever_resolves_lies_inside(text: str) -> None:
    try:
        path = ARCHIVE.resolve(text)
    except ValueError:
        return
    assert Path(os.path.normpath(path)).is_relative_to(ARCHIVE.root)


def test_an_artists_folder_may_be_linked_and_nothing_below_it(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.create()
    outside = tmp_path / "outside"
    (outside / "deeper").mkdir(parents=True)
    (outside / "deep").symlink_to(outside / "deeper")
    (outside / "y.jpg").write_text("a file")
    (outside / "x.jpg").symlink_to(outside / "y.jpg")
    (archive.originals / "7").symlink_to(outside)
    assert archive.resolve("originals/7/y.jpg") == archive.originals / "7" / "y.jpg"
    for path in ("originals/7/x.jpg", "originals/7/deep/z.jpg"):
        with pytest.raises(ValueError, match=r"is a link|by a link"):
            archive.resolve(path)


@pytest.mark.parametrize(
    "where", ["nowhere", "originals/8", "originals/9", "originals", "staging", ".", "..", "a file"]
)
def test_a_link_that_leads_astray_is_not_followed(tmp_path: Path, where: str) -> None:
    """Nowhere, to itself, to a folder of the archive's own or one around it, to a file."""
    archive = Archive(tmp_path / "archive")
    archive.create()
    (archive.originals / "9").mkdir()
    (archive.root / "a file").write_text("")
    (archive.originals / "8").symlink_to(archive.root / where)
    with pytest.raises(ValueError, match=r"originals/8 is a link .*: "):
        archive.resolve("originals/8/x.jpg")
    archive.create()
    with pytest.raises(StorageFailed, match="originals/8 is a link"):
        archive.require_artists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root may give a link to another user")
def test_a_link_that_another_user_planted_is_not_followed(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.create()
    (tmp_path / "outside").mkdir()
    (archive.originals / "7").symlink_to(tmp_path / "outside")
    os.chown(archive.originals / "7", 12345, 12345, follow_symlinks=False)
    with pytest.raises(ValueError, match="another user"):
        archive.resolve("originals/7/x.jpg")
    # On a share that shows everything as one user's, that user is the owner.
    os.chown(archive.root, 12345, 12345)
    archive.resolve("originals/7/x.jpg")


@pytest.mark.parametrize("folder", ["originals", "journal", "staging", "quarantine"])
def test_a_folder_of_the_archive_may_be_linked(tmp_path: Path, folder: str) -> None:
    archive = Archive(tmp_path / "archive")
    archive.root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (archive.root / folder).symlink_to(tmp_path / "elsewhere")
    archive.create()
    (archive.root / folder).unlink()
    (archive.root / folder).symlink_to(tmp_path / "gone")
    with pytest.raises(StorageFailed, match="leads nowhere: mount the disk") as failure:
        archive.create()
    assert "\n" not in str(failure.value)
    assert not (tmp_path / "gone").exists()


def test_two_artists_cannot_share_a_folder(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.create()
    (tmp_path / "elsewhere").mkdir()
    for artist in ("7", "8"):
        (archive.originals / artist).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageFailed, match=r"originals/7 and .*originals/8 are links to one folder"):
        archive.create()


def test_an_archive_reached_by_a_symlink_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    archive = Archive(tmp_path / "link")
    archive.create()
    assert archive.resolve("originals/7/x.jpg") == tmp_path / "link/originals/7/x.jpg"


def test_create_makes_the_folders_and_may_be_called_again(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "deep" / "archive")
    archive.create()
    archive.create()
    assert sorted(path.name for path in archive.root.iterdir()) == [
        "journal",
        "originals",
        "quarantine",
        "staging",
        "users",
    ]
    for private in (archive.staging, archive.quarantine):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert list(private.iterdir()) == []


@pytest.mark.parametrize("place", ["archive", "archive/originals", "archive/staging"])
def test_a_file_in_the_way_is_one_line(tmp_path: Path, place: str) -> None:
    in_the_way = tmp_path / place
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_text("a file")
    with pytest.raises(StorageFailed, match="in the way") as failure:
        Archive(tmp_path / "archive").create()
    assert "\n" not in str(failure.value)
    assert in_the_way.read_text() == "a file"
