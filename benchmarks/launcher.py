"""Starts a command from a process that is small itself: on Linux what a parent held counts in its child's peak memory.

Run as a script with -I -S: `launcher.py OUTPUT COMMAND ...`; prints seconds, processor seconds, the peak as the system gives it, and the
exit code.
"""

import os
import sys
import time


def main() -> None:
    output = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    streams = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
    began = time.monotonic()
    child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=streams)
    _, status, usage = os.wait4(child, 0)
    taken = time.monotonic() - began
    print(taken, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
