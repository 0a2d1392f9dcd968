"""`pixivcrawl openapi`: writes the whole catalogue as an OpenAPI 3.1 document."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from scrapy.settings import Settings

from pixivcrawl.errors import StorageFailed
from pixivcrawl.runs.command import ArchiveCommand


class Command(ArchiveCommand):
    example = "openapi -o pixiv.json"

    def short_desc(self) -> str:
        return "Write an OpenAPI 3.1 document of every endpoint that pixivcrawl knows"

    def long_desc(self) -> str:
        return (
            "Writes an OpenAPI 3.1 document (JSON) of pixiv's web API to standard output, or to a file: "
            "pixivcrawl openapi -o pixiv.json. Sends nothing to pixiv."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="write to FILE instead")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        from pixivcrawl.api.openapi import openapi_document

        text = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
        if opts.output is None:
            print(text, end="")
            return 0
        try:
            opts.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StorageFailed(
                f"{opts.output} cannot be written ({error.strerror}): name another file with -o"
            ) from error
        return 0
