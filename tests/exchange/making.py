"""Folders as PixivUtil2 and Powerful Pixiv Downloader leave them, made of a world's works by those tools' rules."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import zipfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from pixivcrawl.exchange.source import Found, Source, contents_of
from pixivcrawl.sandbox import standard
from pixivcrawl.sandbox.addresses import Addresses
from pixivcrawl.sandbox.bodies import artworks
from pixivcrawl.sandbox.http import ApiRequest
from pixivcrawl.sandbox.making import make_work
from pixivcrawl.sandbox.works import ILLUST, MANGA, UGOIRA, Artist, Page, Work
from tests.sandbox.serving import World

ORIGIN = "https://i.pximg.net"
LATER = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)
"""When everything was fetched: after each work of the sandbox, with all that was revised."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a file really is; `page` is a page's number, or 0 of an ugoira's zip."""

    work_id: int
    page: int
    revision: str
    is_ugoira: bool


@dataclass(slots=True)
class Folder:
    """A folder in the making, and what its files truly are, by their paths."""

    root: Path
    world: World
    files: dict[Path, Truth] = field(default_factory=dict)

    def put(self, name: str, content: bytes, truth: Truth | None, moment: datetime) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (moment.timestamp(),) * 2)
        if truth is not None:
            self.files[path] = truth
        return path

    def moved(self, to: Path) -> None:
        """Move the whole folder elsewhere, as people do."""
        to.parent.mkdir(parents=True, exist_ok=True)
        self.root.rename(to)
        self.files = {to / path.relative_to(self.root): truth for path, truth in self.files.items()}
        self.root = to


def found_in(source: Source, folder: Path) -> list[Found]:
    """What a tool's reader finds in a folder of which nothing is here yet."""
    contents = contents_of(folder)
    return [*contents.passed, *source.read(contents, contents.pictures)]


TITLES = (
    "harbour",
    "猫 2",
    "5000999_p3",
    "7",
    "a/b: c?",
    "p1",
    "x_p0 - y",
    " . ",
    "_ugoira1920x1080 - z",
    "夏 [3] (4) 5 - 6",
)
"""Some hold what looks like a page of another work."""


def small_world(works: int = 20) -> World:
    """An artist's tiny works: each third has three pages, each seventh is an ugoira, each fifth was revised before it was fetched."""
    numbering = standard.NUMBERING
    made = []
    for number in range(1, works + 1):
        pages = (Page("png" if number % 4 else "jpg", 16, 12),) * (3 if number % 3 == 0 else 1)
        facts: dict[str, Any] = {"pages": pages, "kind": MANGA if len(pages) > 1 else ILLUST}
        if number % 7 == 0:
            facts = {"pages": pages[:1], "kind": UGOIRA, "delays": (40, 80, 120 + number)}
        if number % 5 == 0:
            facts["revised_after"] = timedelta(days=2, hours=number)
        facts |= {"title": TITLES[number % len(TITLES)], "x_restrict": number % 2}
        made.append(make_work(numbering, 11, number, **facts))
    return World((Artist(11, "mika of the harbour", "mika"), *standard.READERS_AS_ARTISTS), made)


def original(world: World, work: Work, page: int) -> bytes:
    return world.pictures.zip(work).whole if work.is_ugoira else world.pictures.original(work, page).whole


def answer(ask: Callable[[ApiRequest], Any], world: World, work: Work) -> dict[str, Any]:
    """What pixiv answers about a work to one who may see it."""
    question = ApiRequest(world, Addresses(ORIGIN), world.readers[0], (str(work.id),), {})
    body: dict[str, Any] = ask(question).content["body"]
    return body


def file_name(work: Work, page: int) -> str:
    """pixiv's own name of an original, without its ending."""
    return f"{work.id}_ugoira1920x1080" if work.is_ugoira else f"{work.id}_p{page}"


# PixivUtil2

DEFAULT = "%artist% (%member_id%)/%urlFilename% - %title%"
_FOR_FILES = re.compile(r'[<>:"|?*\\\n\r\0\x01-\x1f]')

SCHEMA = """
CREATE TABLE pixiv_master_member (member_id INTEGER PRIMARY KEY ON CONFLICT IGNORE, name TEXT, save_folder TEXT, created_date DATE,
    last_update_date DATE, last_image INTEGER, is_deleted INTEGER DEFAULT 0, member_token TEXT);
CREATE TABLE pixiv_master_image (image_id INTEGER PRIMARY KEY, member_id INTEGER, title TEXT, save_name TEXT, created_date DATE,
    last_update_date DATE, is_manga TEXT, caption TEXT);
CREATE TABLE pixiv_manga_image (image_id INTEGER, page INTEGER, save_name TEXT, created_date DATE, last_update_date DATE,
    PRIMARY KEY (image_id, page));
CREATE TABLE pixiv_ai_info (image_id INTEGER PRIMARY KEY, ai_type INTEGER, created_date DATE, last_update_date DATE);
"""


@dataclass(slots=True)
class PixivUtil2(Folder):
    """`notes` are raw, json, txt, xmp; `ugoira` is what is kept of one: zip, ugoira, and what is made of it: gif, png, webm.

    `said_root` is the folder as the database names it, such as `D:\\pixiv`.
    """

    single: str = DEFAULT
    manga: str = DEFAULT
    notes: Collection[str] = ("raw",)
    ugoira: Collection[str] = ("zip",)
    manga_folders: bool = False
    writes_timing: bool = True
    said_root: str = ""
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    pages: list[tuple[Any, ...]] = field(default_factory=list)

    def fetch(self, works: Iterable[Work], at: datetime = LATER) -> None:
        """As a run does, at a time."""
        for work in works:
            self._fetch(work, at)

    def finish(self, *, settings: bool = True, database: bool = True) -> None:
        if settings:
            text = f"[Filename]\nfilenameFormat = {self.single}\nfilenameMangaFormat = {self.manga}\n\n[Settings]\nrootDirectory = .\n"
            self.put("config.ini", text.encode(), None, LATER)
        if database:
            path = self.root / "db.sqlite"
            with sqlite3.connect(path) as connection:
                connection.executescript(SCHEMA)
                connection.executemany(
                    "INSERT OR REPLACE INTO pixiv_master_image VALUES (?, ?, ?, ?, ?, ?, ?, '')", self.rows
                )
                connection.executemany("INSERT OR IGNORE INTO pixiv_manga_image VALUES (?, ?, ?, ?, ?)", self.pages)
            connection.close()

    def _fetch(self, work: Work, at: datetime) -> None:
        said = f"{at:%Y-%m-%d %H:%M:%S}"
        mode = "ugoira_view" if work.is_ugoira else "manga" if len(work.pages) > 1 else "big"
        name = ""
        for page in range(len(work.pages)):
            name = self._name(work, page)
            truth = Truth(work.id, page, work.revision, work.is_ugoira)
            if work.is_ugoira:
                self._put_ugoira(work, name, truth)
            else:
                self.put(name, original(self.world, work, page), truth, work.created)
            self.pages.append((work.id, page, self._said(name), said, said))
        self.rows.append((work.id, work.artist_id, work.title, self._said(name), said, said, mode))
        for kind in self.notes:
            stem = self._stem(work, len(work.pages) - 1)
            note = re.sub(r"_p?\d+$", "", stem) if mode == "manga" else stem
            self.put(f"{note}.{'json' if kind == 'raw' else kind}", self._note(work, kind, mode), None, at)

    def _put_ugoira(self, work: Work, name: str, truth: Truth) -> None:
        content = original(self.world, work, 0)
        timing = json.dumps(self._timing(work), separators=(",", ":"))
        stem = name.removesuffix(".zip")
        if "zip" in self.ugoira:
            self.put(name, content, truth, work.created)
        if self.writes_timing:
            self.put(f"{name}.js", timing.encode(), None, work.created)
        if "ugoira" in self.ugoira:
            path = self.put(f"{stem}.ugoira", content, truth, work.created)
            with zipfile.ZipFile(path, "a") as archive:
                archive.writestr("animation.json", f'{timing[:-1]},"zipSize":{len(content)}}}')
            os.utime(path, (work.created.timestamp(),) * 2)
        for kind in {"gif", "png", "webm"} & set(self.ugoira):
            self.put(f"{stem}.{kind}", b"\x89PNG acTL" if kind == "png" else b"GIF89a NETSCAPE2.0", None, work.created)

    def _timing(self, work: Work) -> dict[str, Any]:
        body = answer(artworks.ugoira_meta, self.world, work)
        return body | {"src": body["src"].replace("600x600", "1920x1080")}

    def _name(self, work: Work, page: int) -> str:
        extension = "zip" if work.is_ugoira else work.pages[page].extension
        name = f"{self._stem(work, page)}.{extension}"
        if self.manga_folders and len(work.pages) > 1 and (found := re.search(r"\d+_p\d+", name)):
            work_id, _, number = found[0].partition("_p")
            name = f"{name[: found.start()]}{work_id}/_p{number}{name[found.end() :]}"
        return name

    def _stem(self, work: Work, page: int) -> str:
        artist = self.world._artists[work.artist_id]
        is_manga = len(work.pages) > 1
        values = {
            "%artist%": artist.name.replace("/", "_"),
            "%member_id%": str(artist.id),
            "%urlFilename%": file_name(work, page),
            "%title%": work.title.replace("/", "_"),
            "%image_id%": str(work.id),
            "%page_index%": str(page) if is_manga else "",
            "%page_number%": str(page + 1).zfill(len(str(len(work.pages)))) if is_manga else "",
            "%tags%": ", ".join(work.tags).replace("/", "_"),
            "%works_date_only%": f"{work.created:%Y-%m-%d}",
            "%R-18%": "R-18" if work.x_restrict else "",
        }
        text = self.manga if is_manga else self.single
        for token, value in values.items():
            text = text.replace(token, value)
        text = re.sub("/{2,}", "/", re.sub(" {2,}", " ", text))
        return "/".join(_FOR_FILES.sub("_", part).strip(" .") for part in text.split("/"))

    def _said(self, name: str) -> str:
        """The path as the database has it: absolute, and perhaps of another system."""
        root = self.said_root or str(self.root)
        return f"{root}\\{name}".replace("/", "\\") if ":" in root else f"{root}/{name}"

    def _note(self, work: Work, kind: str, mode: str) -> bytes:
        timing = json.dumps(self._timing(work), separators=(",", ":")) if work.is_ugoira else None
        if kind == "raw":
            body = answer(artworks.detail, self.world, work)
            body |= {"Ugoira Data": timing} if timing else {}
            return json.dumps(body, ensure_ascii=False, indent=4).encode()
        size = f"{work.first.width}x{work.first.height}"
        resolution = f"Multiple images: {len(work.pages)}P" if mode == "manga" else size
        if kind == "json":
            told = {
                "Artist ID": work.artist_id,
                "Image ID": work.id,
                "Title": work.title,
                "Image Mode": mode,
                "Pages": len(work.pages),
            }
            told |= {"Date": work.created.isoformat(timespec="seconds"), "Resolution": resolution}
            return json.dumps(told | ({"Ugoira Data": timing} if timing else {}), indent=4).encode()
        if kind == "txt":
            lines = [f"ArtistID      = {work.artist_id}", f"ImageID       = {work.id}", f"Title         = {work.title}"]
            lines += [
                f"Image Mode    = {mode}",
                f"Pages         = {len(work.pages)}",
                f"Date          = {work.created}",
            ]
            lines += [f"Resolution    = {resolution}", *([f"Ugoira Data   = {timing}"] if timing else [])]
            return "".join(f"{line}\r\n" for line in lines).encode()
        said = {"artist_id": work.artist_id, "pages": len(work.pages), "resolution": resolution}
        said |= {"ugoira_data": timing} if timing else {}
        attributes = " ".join(f'pixiv:{key}="{escape(str(value), {chr(34): "&quot;"})}"' for key, value in said.items())
        return (
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {attributes}><dc:identifier>{work.id}</dc:identifier>'
            "</rdf:Description></rdf:RDF></x:xmpmeta>"
        ).encode()


# Powerful Pixiv Downloader

DEFAULT_OF_PBD = "pixiv/{user}-{user_id}/{id}-{title}"
_FULL_WIDTH = str.maketrans('\\/:?"<>*|~', "＼／：？＂＜＞＊｜～")


@dataclass(slots=True)
class PBD(Folder):
    """`first` is the number of first pages, `digits` how many each has at least; `unnumbered`: whether first pages bear none."""

    rule: str = DEFAULT_OF_PBD
    notes: Collection[str] = ("json",)
    ugoira: str = "zip"
    first: int = 0
    digits: int = 1
    unnumbered: bool = False
    record: list[dict[str, str]] = field(default_factory=list)

    def fetch(self, works: Iterable[Work], at: datetime = LATER) -> None:
        for work in works:
            for page in range(len(work.pages)):
                name = self._name(work, page)
                truth = Truth(work.id, page, work.revision, work.is_ugoira)
                is_kept = not work.is_ugoira or self.ugoira == "zip"
                content = original(self.world, work, page) if is_kept else b"any"
                self.put(name, content, truth if is_kept else None, at)
                address = self._address(work, page)
                told = f"{work.id}" if work.is_ugoira else f"{work.id}_p{page}"
                time = re.search(r"img/(.*)/", address)
                assert time is not None
                self.record = [each for each in self.record if each["id"] != told]
                self.record.append({"id": told, "n": name, "d": time[1]})
            for kind in self.notes:
                stem = self._name(work, 0).rpartition(".")[0]
                if self.digits == 1:
                    stem = stem.replace(f"{work.id}_p0", str(work.id))
                self.put(f"{stem}-meta.{kind}", self._note(work, kind), None, at)

    def finish(self, *, settings: bool = False, record: bool = True) -> None:
        if record:
            self.put("record-total.json", json.dumps(self.record, separators=(",", ":")).encode(), None, LATER)
        if settings:
            told = {
                "downloadThread": 3,
                "userSetName": self.rule,
                "namingRuleList": [self.rule],
                "serialNoStart": self.first,
            }
            self.put("Powerful Pixiv Downloader Settings.json", json.dumps(told, indent=2).encode(), None, LATER)

    def _address(self, work: Work, page: int) -> str:
        if work.is_ugoira:
            address: str = answer(artworks.ugoira_meta, self.world, work)["originalSrc"]
            return address
        return Addresses(ORIGIN).original(work, page)

    def _name(self, work: Work, page: int) -> str:
        number = "" if page == 0 and (self.unnumbered or work.is_ugoira) else str(page + self.first).zfill(self.digits)
        artist = self.world._artists[work.artist_id]
        values = {
            "{id}": f"{work.id}_p{number}" if number else str(work.id),
            "{pid}": str(work.id),
            "{p}": number,
            "{title}": work.title.translate(_FULL_WIDTH),
            "{user}": artist.name.translate(_FULL_WIDTH),
            "{user_id}": str(artist.id),
        }
        text = self.rule
        for token, value in values.items():
            # A token that is empty takes the sign before it away.
            text = re.sub(f"[-_ ,&#]?{re.escape(token)}", "", text) if value == "" else text.replace(token, value)
        extension = self.ugoira if work.is_ugoira else work.pages[page].extension
        return "/".join(re.sub(r"^\.|\.$", "．", part.strip()) for part in text.split("/")) + f".{extension}"

    def _note(self, work: Work, kind: str) -> bytes:
        told = {
            "idNum": work.id,
            "id": str(work.id) if work.is_ugoira else f"{work.id}_p0",
            "original": self._address(work, 0),
            "pageCount": len(work.pages),
            "title": work.title,
            "userId": str(work.artist_id),
            "fullWidth": work.first.width,
            "fullHeight": work.first.height,
            "date": work.created.isoformat(timespec="seconds"),
            "type": work.kind,
            "ugoiraInfo": None,
        }
        if work.is_ugoira:
            told["ugoiraInfo"] = {
                "frames": answer(artworks.ugoira_meta, self.world, work)["frames"],
                "mime_type": "image/jpeg",
            }
        if kind == "json":
            return json.dumps(told, ensure_ascii=False, indent=2).encode()
        fields = [("ID", work.id), ("URL", f"https://www.pixiv.net/i/{work.id}"), ("Original", told["original"])]
        fields += [
            ("UserID", work.artist_id),
            ("Title", work.title),
            ("Description", "ID\n5\n\nDate\nnever\n\nof mine"),
        ]
        fields += [("Size", f"{work.first.width} x {work.first.height}"), ("Bookmark", 4), ("Date", told["date"])]
        return "".join(f"{name}\n{value}\n\n" for name, value in fields).encode()
