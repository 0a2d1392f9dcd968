"""An archive whose originals are in an object store, and copies of it for tests that damage it."""

from __future__ import annotations

import hashlib
import shutil
import signal
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.commands.verify import FOUND, WHOLE_ARCHIVE
from tests.commands.typing_in import Typed, type_in
from tests.live.inside import Run, crawl
from tests.live.running import environment, rows, scrapy
from tests.sandbox.serving import Sandbox
from tests.seaweed import SeaweedFS

ORIGINALS = ("originals/", "users/")


@dataclass(frozen=True)
class Stored:
    """An archive in `folder`, its originals at `address`."""

    s3: SeaweedFS
    folder: Path
    address: str

    def run(self, *words: str, sandbox: Sandbox | None = None) -> Typed:
        return type_in(*words, archive=self.folder, sandbox=sandbox, ORIGINALS_STORE=self.address)

    def crawl(self, sandbox: Sandbox) -> Run:
        return crawl("user", sandbox, self.folder, id=11, settings={"ORIGINALS_STORE": self.address})

    def files(self) -> dict[str, bytes]:
        return {path: body for path, body in self.s3.held(self.address).items() if path.startswith(ORIGINALS)}

    def put(self, path: str, body: bytes, *, told: bool = False) -> None:
        """As somebody else would, or `told` what it is, as we do."""
        sha256 = b64encode(hashlib.sha256(body).digest()).decode()
        more = {"ChecksumSHA256": sha256} if told else {}
        self.s3.client().put_object(Bucket="archive", Key=self._key(path), Body=body, **more)

    def remove(self, path: str) -> None:
        self.s3.client().delete_object(Bucket="archive", Key=self._key(path))

    def kept(self) -> set[bytes]:
        """What lies in quarantine."""
        return {path.read_bytes() for path in (self.folder / "quarantine").iterdir() if path.suffix != ".txt"}

    def states(self) -> dict[str, str]:
        return dict(rows(self.folder, "SELECT path, state FROM files WHERE path IS NOT NULL"))

    def staged(self) -> dict[str, bytes]:
        """What lies in the staging folder; of the folder of a copy the name alone."""
        places = (self.folder / "staging").iterdir()
        return {place.name: place.read_bytes() if place.is_file() else b"" for place in places}

    def killed(self, sandbox: Sandbox, place: str, *words: str) -> None:
        """Run a command that is killed at a place (see `tests.live.chaos.injections`)."""
        env = environment(sandbox, self.folder, PIXIVCRAWL_ORIGINALS_STORE=self.address, CHAOS_KILL=place)
        run = scrapy(*words, env=env)
        assert run.returncode == -signal.SIGKILL, run

    def is_whole(self) -> bool:
        verified = self.run("verify", "--deep")
        assert verified.code in (WHOLE_ARCHIVE, FOUND), verified
        return verified.code == WHOLE_ARCHIVE

    def copy(self, folder: Path, address: str) -> Stored:
        copied = Stored(self.s3, shutil.copytree(self.folder, folder), address)
        for path, body in self.s3.held(self.address).items():
            copied.put(path, body, told=True)
        return copied

    def _key(self, path: str) -> str:
        return f"{self.address.removeprefix('s3://archive/').partition('?')[0]}/{path}"
