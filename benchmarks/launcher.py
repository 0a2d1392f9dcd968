"""Starts a command from a process that is small itself: on Linux what a parent held counts in its child's peak memory.

Run as a script with -I -S: `launcher.py OUTPUT COMMAND ...`; prints seconds, processor seconds, the peak as the system gives it, the most
bytes that all processes of the command held together (their proportional shares, then their resident sets; looked at every tenth of a
second, 0 where the system does not tell), and the exit code.
"""

import os
import sys
import threading
import time
from pathlib import Path

EVERY = 0.1


def main() -> None:
    output = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    streams = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    began = time.monotonic()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=streams)
    together, resident = [0], [0]
    threading.Thread(target=watch, args=(child, together, resident), daemon=True).start()
    _, status, usage = os.wait4(child, 0)
    taken = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    print(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, max(together), max(resident), code)


def watch(pid: int, together: list[int], resident: list[int]) -> None:
    """Note again and again what the process and all below it hold.

    A page that several share counts for each of them: in `together` by its part, in `resident` as a whole.
    """
    while True:
        held = [held_by(each) for each in family(pid)]
        together.append(sum(share for share, _ in held))
        resident.append(sum(whole for _, whole in held))
        time.sleep(EVERY)


def family(pid: int) -> list[int]:
    members = [pid]
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                members += family(int(child))
    except OSError:
        pass
    return members


def held_by(pid: int) -> tuple[int, int]:
    """A process's proportional share and its resident set, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    held = {words[0]: 1024 * int(words[1]) for line in lines[1:] if len(words := line.split()) > 1}
    return held.get("Pss:", 0), held.get("Rss:", 0)


if __name__ == "__main__":
    main()
