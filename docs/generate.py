"""Writes the pages of docs/ that say what the code says: `python docs/generate.py`.

With `--check` nothing is written: it says, a line each, which pages are stale, and ends with exit code 1. Either way it
refuses, with exit code 2, where a spider, argument, endpoint, parameter, command, option, setting or table has no
description.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = ("spiders", "endpoints", "settings", "schema", "journal", "commands")
SIDECAR = "sidecar.schema.json"

# So that it runs in a checkout that is not installed.
sys.path[:0] = [str(DOCS), str(DOCS.parent)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the pages of docs/ that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; say which pages are stale")
    # Settings take their defaults from it.
    for variable in [name for name in os.environ if name.startswith("PIXIVCRAWL_")]:
        del os.environ[variable]
    os.environ["PIXIVCRAWL_CONFIG"] = os.devnull
    texts = {f"{name}.md": text_of(name) for name in PAGES} | {SIDECAR: schema_of_sidecars()}
    if incomplete := [line for page, text in texts.items() for line in undescribed(page, text)]:
        sys.stderr.writelines(f"{line}\n" for line in incomplete)
        return 2
    return check(texts) if parser.parse_args().check else write(texts)


def text_of(name: str) -> str:
    page: Callable[[], str] = import_module(f"pages.{name}").page
    return f"{page()}\n"


def schema_of_sidecars() -> str:
    from pixivcrawl.exchange.export.sidecar import schema

    return f"{json.dumps(schema(), indent=1)}\n"


def undescribed(page: str, text: str) -> list[str]:
    """The places of a page where a description is missing, each under the heading that it stands under."""
    from pages.markdown import UNDESCRIBED

    heading, found = "", []
    for line in text.splitlines():
        heading = line if line.startswith("#") else heading
        if UNDESCRIBED in line:
            found.append(f"{page}: {heading.strip('# ')}: {line}")
    return found


def check(texts: dict[str, str]) -> int:
    stale = [page for page, text in texts.items() if not holds(DOCS / page, text)]
    for page in stale:
        sys.stderr.write(f"docs/{page} is stale: python docs/generate.py\n")
    return 1 if stale else 0


def holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write(texts: dict[str, str]) -> int:
    for page, text in texts.items():
        (DOCS / page).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
