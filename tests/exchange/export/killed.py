"""Forks exports for whoever kills them: reads a form, a target and options a line as JSON, says the process's id, then how it ended."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path

from pixivcrawl.archive.layout import Archive
from pixivcrawl.exchange.export.choice import select
from pixivcrawl.exchange.export.forms import FORMS
from pixivcrawl.ledger.queries.exported import Choice
from pixivcrawl.ledger.service import Ledger


def export(root: Path, form: str, target: Path, options: dict[str, object]) -> None:
    ledger = Ledger.open(f"sqlite:///{root / 'archive.sqlite'}", read_only=True)
    FORMS[form].run(select(Archive(root), ledger, Choice(), None), target, Namespace(**options))
    ledger.close()


def main() -> None:
    for line in sys.stdin:
        root, form, target, options = json.loads(line)
        child = os.fork()
        if not child:
            export(Path(root), form, Path(target), options)
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
