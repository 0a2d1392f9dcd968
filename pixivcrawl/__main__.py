"""`pixivcrawl` and `python -m pixivcrawl`."""

from __future__ import annotations

import sys

# isort: off
# First: what interrupts the imports is then said in one line.
import pixivcrawl.commands  # noqa: F401

# isort: on
from pixivcrawl.command_line.run import run


def main() -> None:
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
