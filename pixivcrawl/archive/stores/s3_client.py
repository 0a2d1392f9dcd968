"""The client of an object store: botocore's, which boto3 stands on, with no more in memory than S3 needs."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

from pixivcrawl.archive.bucket import Bucket
from pixivcrawl.errors import ConfigurationError

CONNECT_WITHIN, ANSWER_WITHIN = 10, 30
"""Seconds."""

ENDPOINTS = "endpoints"


class _Descriptions(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """What botocore knows of Amazon's services, as plain dicts and without the addresses of others than S3: 7 MB less."""

    def load_file(self, file_path: str) -> Any:
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            with suppress(FileNotFoundError), opened(f"{file_path}{ending}", "rb") as file:
                described = json.load(file)
                if file_path.endswith(ENDPOINTS):
                    for partition in described["partitions"]:
                        partition["services"] = {name: of for name, of in partition["services"].items() if name == "s3"}
                return described
        return None


def client_of(bucket: Bucket, connections: int) -> Any:
    """A client that tries each request once. Raises ConfigurationError if the settings that botocore finds cannot be used."""
    how = Config(
        connect_timeout=CONNECT_WITHIN,
        read_timeout=ANSWER_WITHIN,
        max_pool_connections=connections,
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
        # Ours go with each file; those of the library would be sent beside them.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            # A file's SHA-256 is among the headers that are signed: to read the whole file for it once more took 1 MB a thread.
            "payload_signing_enabled": False,
            **({"addressing_style": "path"} if bucket.endpoint else {}),
        },
    )
    try:
        session = Session()
        session.register_component("data_loader", Loader(file_loader=_Descriptions()))
        region = session.get_config_variable("region") or "us-east-1"
        return session.create_client("s3", region, endpoint_url=bucket.endpoint, config=how)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"ORIGINALS_STORE: boto3 cannot use its settings: {error}") from None
