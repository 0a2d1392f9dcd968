"""Originals in an object store that speaks S3. It must keep conditions (If-None-Match) and SHA-256 checksums: see `try_out`."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from pixivcrawl.archive.bucket import Bucket
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import PIECE, FileMissing, Held, Measured, NewFile, sha256_of_pieces
from pixivcrawl.archive.stores.copies import folder_of_copy
from pixivcrawl.archive.stores.placing import NameTaken, discard, holds, place, quarantine, sha256_of, sync_folders
from pixivcrawl.archive.stores.s3_client import client_of
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import ConfigurationError, StorageFailed

PATIENCE = 60.0
"""Seconds that a store which has answered before may be unreachable, as during a restart; counted from the first request that failed."""

AT_ONCE = 4
"""Files that are sent at once: eight brought no more of them to SeaweedFS in the same time, and each took twice as long."""

ASKED_AT_ONCE = 16
"""Files that the store is asked about at once."""

MARKER = ".name"
"""The object that says which archive a store belongs to."""

_TRIAL, _TRIAL_BODY = ".trial", b"pixivcrawl tries whether this store keeps conditions and checksums\n"
_WRONG_ETAG = '"00000000000000000000000000000000"'
_WRONG_SHA256 = hashlib.sha256(b"something else").hexdigest()

_WRONG, _NOT_FOUND, _TAKEN, _UNKNOWN = 400, 404, 412, 501
"""The statuses for a wrong checksum, for a file that is missing, for one that exists already (or is another one), and for a condition that
the store does not know."""

_SLOW_DOWN = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "Throttling",
        "TooManyRequests",
        "IncompleteBody",
        "ConditionalRequestConflict",
        "OperationAborted",
    }
)
_OF_KEYS: Mapping[str, str] = {
    "InvalidAccessKeyId": "does not know the access key",
    "SignatureDoesNotMatch": "refuses the secret key",
    "ExpiredToken": "says that the credentials have expired",
    "ExpiredTokenException": "says that the credentials have expired",
    "InvalidToken": "refuses the session token",
    "AccessDenied": "does not allow this",
    "403": "refuses the credentials or does not allow this",
    "400": "refuses the request, as it does with credentials that have expired",
}
"""What the store says about the credentials, by its error code, or by the status if an answer has no body (HEAD)."""

_WRONG_CLOCK = "RequestTimeTooSkewed"
_MISSING = "the object store has no such file"
_logger = logging.getLogger(__name__)


class S3Store:
    """The files of an archive as objects. A file is sent in one request, with its SHA-256, and never over another one."""

    is_shared = True
    keeps_sha256 = True
    at_once = ASKED_AT_ONCE

    def __init__(self, archive: Archive, bucket: Bucket) -> None:
        self._archive = archive
        self._bucket = bucket
        self._patience = 0.0
        self.keeps_versions = False
        self._keeps_conditions_of_removals = False
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3")
        self._client = client_of(bucket, connections=ASKED_AT_ONCE)

    def put_new(self, groups: Sequence[Sequence[NewFile]]) -> list[Exception | None]:
        return list(self._threads.map(self._put_group, groups))

    def put_copy(self, file: Path, path: str) -> None:
        """Store a file that stays where it is on this machine. Raises NameTaken or StorageFailed."""
        with storage_errors(file):
            sha256, modified = sha256_of(file), datetime.fromtimestamp(file.stat().st_mtime, UTC)
        self._put(NewFile(file, path, sha256, modified))

    def holds(self, path: str, sha256: str | None) -> bool:
        held = self.head(path)
        if held is None:
            return False
        return (held.sha256 or sha256_of_pieces(self.read(path))) == sha256

    def head(self, path: str) -> Held | None:
        try:
            answer = self._ask("head_object", Key=self._bucket.key(path), ChecksumMode="ENABLED")
        except ClientError:
            return self._absent(path)
        checksum = answer.get("ChecksumSHA256", "")
        # That of an object in several parts is one of their checksums, with their number.
        is_of_bytes = checksum and "-" not in checksum
        told = answer.get("Metadata", {}).get("uploaded")
        uploaded = datetime.fromisoformat(told) if told else answer["LastModified"]
        return Held(answer["ContentLength"], uploaded, b64decode(checksum).hex() if is_of_bytes else None)

    def require(self, *folders: str) -> None:
        """A folder is there with its first file."""

    @contextmanager
    def measured(self, path: str, *, read: bool) -> Iterator[Measured]:
        """Bytes are fetched if they are to be read, or if the store does not say their SHA-256."""
        if (held := self.head(path)) is None:
            raise FileMissing(_MISSING)
        if held.sha256 is not None and not read:
            yield Measured(held.bytes, held.sha256)
            return
        with ExitStack() as kept:
            try:
                copy = kept.enter_context(self.local(path))
            except FileNotFoundError:
                raise FileMissing(_MISSING) from None
            yield Measured(copy.stat().st_size, sha256_of(copy), here=copy)

    def is_taken(self, path: str) -> bool:
        return self.head(path) is not None

    def in_the_way(self, path: str) -> None:
        """The store refuses the file itself on upload, and there a name can be taken only by other bytes."""

    def set_time(self, path: str, modified: datetime) -> None:
        """An object's time is always that of its upload."""

    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        return self._pieces(path, self._answer(path, start, end), start)

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        with self._copied(path) as (copy, _):
            yield copy

    def set_aside(self, path: str, reason: str) -> Path:
        with self._moved_here(path) as copy:
            return quarantine(self._archive, copy, copy.name, reason)

    def take(self, path: str, staged: Path, modified: datetime) -> None:
        with self._moved_here(path) as copy:
            sha256, held = sha256_of(copy), self.head(path)
            if held is not None and held.sha256 not in (None, sha256):
                raise StorageFailed(
                    f"{path} came from {self._bucket} with other bytes than it has: run the same command again"
                )
            # A kill may have left it there with its object.
            if not holds(staged, sha256):
                place(copy, staged, modified)
            sync_folders([staged.parent])

    def is_same(self, path: str, staged: Path) -> bool:
        return self.holds(path, sha256_of(staged))

    def delete(self, paths: Iterable[str]) -> tuple[int, int]:
        deleted = [size for size in self._threads.map(self._delete, paths) if size is not None]
        return len(deleted), sum(deleted)

    def _absent(self, path: str) -> Held | None:
        """None once it is certain: the answer to a HEAD has no body, so that only that to a GET tells a bucket that is gone."""
        try:
            self._answer(path)["Body"].close()
        except FileNotFoundError:
            return None
        return self.head(path)

    def _answer(self, path: str, start: int = 0, end: int | None = None, etag: str | None = None) -> dict[str, Any]:
        """The store's answer, whose `Body` is still to be read; only of the object with this `etag`, if one is named.

        Raises FileNotFoundError, and StorageFailed if another one is there.
        """
        some = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        some |= {"IfMatch": etag} if etag is not None else {}
        try:
            answer: dict[str, Any] = self._ask("get_object", Key=self._bucket.key(path), **some)
        except ClientError as error:
            if _status(error) == _TAKEN:
                raise StorageFailed(
                    f"{path} was replaced in {self._bucket} while it was read: run the same command again"
                ) from None
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        return answer

    def _pieces(self, path: str, answer: dict[str, Any], start: int = 0) -> Iterator[bytes]:
        """The bytes of an answer that begins at `start`; what breaks off is asked for from there."""
        end = start + answer["ContentLength"]
        until: float | None = None
        while start < end:
            body = answer["Body"]
            try:
                with body:
                    for piece in body.iter_chunks(PIECE):
                        yield piece
                        start, until = start + len(piece), None
            except BotoCoreError as error:
                until = until or time.monotonic() + self._patience
                if time.monotonic() >= until:
                    raise self._failed(error) from error
                time.sleep(1)
                answer = self._answer(path, start, end, answer.get("ETag"))

    @contextmanager
    def _copied(self, path: str) -> Iterator[tuple[Path, str]]:
        """A copy of a file in the staging folder, and what tells its object from a later one under its name (ETag)."""
        with folder_of_copy(self._archive.staging) as folder:
            answer = self._answer(path)
            copy = Path(folder, Path(path).name)
            with storage_errors(copy), copy.open("wb") as file:
                file.writelines(self._pieces(path, answer))
            yield copy, answer["ETag"]

    @contextmanager
    def _moved_here(self, path: str) -> Iterator[Path]:
        """A synced copy of a file, which the block keeps on this machine; then the object is removed, if it is still that one.

        Raises ConfigurationError and StorageFailed as `try_removal`, before anything is moved.
        """
        self.try_removal()
        with storage_errors(self._archive.staging), ExitStack() as kept:
            try:
                copy, etag = kept.enter_context(self._copied(path))
            except FileNotFoundError:
                raise StorageFailed(f"{path} is gone from {self._bucket}: run the same command again") from None
            sync(copy)
            yield copy
        # If another process has removed it, or put the right one there, the store says so.
        with suppress(ClientError):
            self._ask("delete_object", Key=self._bucket.key(path), IfMatch=etag)

    def _delete(self, path: str) -> int | None:
        """How many bytes it had; None if it was not there."""
        if (held := self.head(path)) is None:
            return None
        with suppress(ClientError):
            answer = self._ask("delete_object", Key=self._bucket.key(path))
            self.keeps_versions |= answer.get("DeleteMarker", False)
        return held.bytes

    def listed(self, folder: str) -> tuple[list[str], list[str]]:
        within = self._bucket.key(f"{folder}/")
        names, folders = [], []
        after: dict[str, str] = {}
        while True:
            page = self._ask("list_objects_v2", Prefix=within, Delimiter="/", **after)
            names += [each["Key"].removeprefix(within) for each in page.get("Contents", ())]
            folders += [each["Prefix"].removeprefix(within).rstrip("/") for each in page.get("CommonPrefixes", ())]
            if not page.get("IsTruncated"):
                # An object that stands for the folder itself has no name in it.
                return sorted(filter(None, names)), sorted(folders)
            after = {"ContinuationToken": page["NextContinuationToken"]}

    def name(self) -> str | None:
        """The name in the store's marker; None if it has none."""
        try:
            return b"".join(self.read(MARKER)).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None

    def give_name(self, name: str) -> None:
        """Mark the store as that of an archive, unless it is marked already."""
        body = f"{name}\n".encode()
        try:
            self._send(MARKER, body, hashlib.sha256(body).hexdigest())
        except ClientError as error:
            if _status(error) != _TAKEN:
                raise self._failed(error) from error

    def try_out(self) -> None:
        """Raises ConfigurationError if the store loses conditions or checksums. It gets an object `.trial`, once."""
        sha256 = hashlib.sha256(_TRIAL_BODY).hexdigest()
        for _ in range(2):
            try:
                self._send(_TRIAL, _TRIAL_BODY, sha256)
            except ClientError as error:
                if _status(error) == _TAKEN:
                    break
                raise self._unfit("refuses a file with a condition (If-None-Match) and a SHA-256") from error
        else:
            raise self._unfit("overwrites a file although it was told not to (If-None-Match)")
        held = self.head(_TRIAL)
        if held is None or held.sha256 != sha256:
            raise self._unfit("does not keep the SHA-256 of a file (x-amz-checksum-sha256)")
        try:
            self._send(f"{_TRIAL}-wrong", _TRIAL_BODY, _WRONG_SHA256)
        except ClientError as error:
            if _status(error) == _TAKEN:
                raise self._unfit("has kept a file with a wrong SHA-256") from None
        else:
            raise self._unfit("keeps a file with a wrong SHA-256")

    def try_removal(self) -> None:
        """Raises ConfigurationError if the store removes a file whose condition does not hold: the `.trial`. Tries it once.

        Raises StorageFailed if the credentials do not allow removals.
        """
        if self._keeps_conditions_of_removals:
            return
        with suppress(ClientError):
            self._send(_TRIAL, _TRIAL_BODY, hashlib.sha256(_TRIAL_BODY).hexdigest())
        with suppress(ClientError):
            self._ask("delete_object", Key=self._bucket.key(_TRIAL), IfMatch=_WRONG_ETAG)
        if self.head(_TRIAL) is None:
            raise self._unfit("removes a file although it is not the one that was named (If-Match)")
        self._keeps_conditions_of_removals = True

    def _put_group(self, group: Sequence[NewFile]) -> Exception | None:
        try:
            for file in group:
                self._put(file)
            for file in group:
                discard(file.staged)
        except (NameTaken, StorageFailed) as failure:
            return failure
        return None

    def _put(self, file: NewFile) -> None:
        uploaded = file.uploaded.isoformat(timespec="seconds")
        try:
            self._send(file.path, file.staged, file.sha256, Metadata={"sha256": file.sha256, "uploaded": uploaded})
        except ClientError as error:
            # The store refuses bytes other than those proven, and also a request that it cannot read.
            if _status(error) == _WRONG and not holds(file.staged, file.sha256):
                raise StorageFailed(f"{file.staged} is no more what was proven: check the disk") from error
            if _status(error) != _TAKEN:
                raise self._failed(error) from error
            # The same bytes have the name: an earlier run, or an earlier try whose answer was lost, stored them.
            if not self.holds(file.path, file.sha256):
                raise NameTaken(self._archive.root / file.path, f"{file.path} in {self._bucket}") from None

    def _send(self, path: str, body: Path | bytes, sha256: str, **more: Any) -> None:
        """Raises ClientError if the store refuses the bytes or has something there already."""
        checksum = b64encode(bytes.fromhex(sha256)).decode("ascii")
        self._ask("put_object", Key=self._bucket.key(path), Body=body, IfNoneMatch="*", ChecksumSHA256=checksum, **more)

    def _ask(self, operation: str, **arguments: Any) -> Any:
        """The answer, once there is one. Raises ClientError if it says that a file is missing, exists already or is refused."""
        call, body = getattr(self._client, operation), arguments.get("Body")
        until: float | None = None
        while True:
            try:
                if isinstance(body, Path):
                    with storage_errors(body), body.open("rb") as arguments["Body"]:
                        answer = call(Bucket=self._bucket.name, **arguments)
                else:
                    answer = call(Bucket=self._bucket.name, **arguments)
            except (BotoCoreError, ClientError) as error:
                if isinstance(error, ClientError) and _is_about_the_file(operation, error):
                    self._patience = PATIENCE
                    raise
                is_first = until is None
                until = until or time.monotonic() + self._patience
                if not _may_pass(error) or time.monotonic() >= until:
                    # After one vain wait there is no other until the store has answered.
                    self._patience = 0.0
                    raise self._failed(error) from error
                if is_first:
                    _logger.warning("%s does not answer: trying again for %d s", self._bucket, self._patience)
                time.sleep(1)
            else:
                self._patience = PATIENCE
                return answer

    def _unfit(self, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"ORIGINALS_STORE: {self._bucket} {what}: use a store that keeps conditions and checksums"
        )

    def _failed(self, error: BotoCoreError | ClientError) -> StorageFailed:
        again = "then run the same command again"
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            why = (
                f"{self._bucket} needs credentials, and there are none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        elif isinstance(error, BotoCoreError):
            why = f"{self._bucket} does not answer ({type(error).__name__}): see to the store, or to the address in ORIGINALS_STORE"
        elif (code := str(error.response.get("Error", {}).get("Code", ""))) in _OF_KEYS:
            why = f"{self._bucket} {_OF_KEYS[code]} ({error.operation_name}): see to the credentials and their rights"
        elif code == _WRONG_CLOCK:
            why = f"{self._bucket} says that this machine's clock is wrong: set it"
        elif code == "NoSuchBucket":
            why = f"{self._bucket} is not there: make the bucket"
        else:
            why = f"{self._bucket} failed (HTTP {_status(error)}{f', {code}' if code != str(_status(error)) else ''}): see to the store"
        return StorageFailed(f"{why}, {again}")


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _is_about_the_file(operation: str, error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code")
    if operation == "put_object":
        return _status(error) in (_TAKEN, _WRONG, _UNKNOWN) and code not in _SLOW_DOWN and code not in _OF_KEYS
    # A proxy may answer with a 404 of its own while the store restarts. The answer to a HEAD has no code: only a GET makes it certain.
    is_absent = code == "NoSuchKey" or (operation == "head_object" and _status(error) == _NOT_FOUND)
    return is_absent or (operation in ("delete_object", "get_object") and _status(error) == _TAKEN)


def _may_pass(error: BotoCoreError | ClientError) -> bool:
    """Whether the same request may be answered a moment later."""
    if isinstance(error, ClientError):
        status, code = _status(error), error.response.get("Error", {}).get("Code")
        return status >= 500 or status == 429 or code in _SLOW_DOWN or (status == _NOT_FOUND and code != "NoSuchBucket")
    return not isinstance(error, NoCredentialsError | PartialCredentialsError)
