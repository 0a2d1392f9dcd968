"""A worker's crawl: `python -m pixivcrawl.fleet.child PARENT crawl user -a id=11`. It shuts down cleanly soon after its worker dies."""

from __future__ import annotations

import os
import runpy
import signal
import sys

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG, from Linux's prctl.h."""


def end_soon_after(parent: int) -> None:
    """End this process soon after its parent dies. On other systems than Linux it continues to its end and keeps its lane."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("pixivcrawl: the worker is gone")


if __name__ == "__main__":
    _, worker, *words = sys.argv
    end_soon_after(int(worker))
    # The program's name makes this a command.
    sys.argv = ["pixivcrawl", *words]
    runpy.run_module("pixivcrawl", run_name="__main__")
