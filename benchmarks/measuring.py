"""A process run to its end: what it cost. Contenders take turns, so that what disturbs the machine disturbs them all."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and those that it waited for took.

    `peak` is the largest resident set of any of them, `together` what all held at once at most, each page counted once,
    `resident` the same with a page that several share counted for each; in bytes.
    """

    seconds: float
    processor: float
    peak: int
    together: int
    resident: int
    exit_code: int
    output: str


def run(command: Sequence[str], *, env: Mapping[str, str] | None = None, output: Path) -> Cost:
    """Run `command` to its end in the project's folder; what it prints goes to the file `output` and is kept."""
    launcher = [sys.executable, "-I", "-S", str(PROJECT / "benchmarks" / "launcher.py"), str(output)]
    launched = subprocess.run([*launcher, *command], cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
    taken, processor, peak, together, resident, exit_code = launched.stdout.split()
    unit = 1 if sys.platform == "darwin" else 1024
    said = output.read_text(encoding="utf-8", errors="replace")
    return Cost(float(taken), float(processor), int(peak) * unit, int(together), int(resident), int(exit_code), said)


def own_environment(**more: str) -> dict[str, str]:
    """The environment without the measurer's own settings, session and trust, and with compiled modules kept as for anybody else."""
    others = ("PIXIV", "SCRAPY", "SSL_CERT", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return kept | more


def processor_seconds(pid: int) -> float:
    """What a running process has taken so far; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_turns(rounds: int, contenders: Sequence[Callable[[int], None]]) -> None:
    """Call each contender once a round, in the other order every second round."""
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            contender(number)


Row = dict[str, Any]


def medians(rows: Iterable[Row], key: Sequence[str]) -> list[Row]:
    """One row for those that are alike in the columns `key`: the median of every number, `runs` of them, texts as the first has them."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in key), []).append(row)
    return [{name: _median(name, group, key) for name in group[0]} | {"runs": len(group)} for group in groups.values()]


def _median(name: str, group: Sequence[Row], key: Sequence[str]) -> Any:
    values = [row[name] for row in group if row[name] is not None]
    if name in key or not values or not isinstance(values[0], (int, float)):
        return group[0][name]
    middle = statistics.median(values)
    return round(middle) if all(isinstance(value, int) for value in values) else middle


def paired(rows: Sequence[Row], contender: str, ours: str, number: str, theirs: str | None = None) -> float | None:
    """The median of `ratios_of`; None where no round has both."""
    ratios = ratios_of(rows, contender, ours, number, theirs)
    return statistics.median(ratios) if ratios else None


def ratios_of(rows: Sequence[Row], contender: str, ours: str, number: str, theirs: str | None = None) -> list[float]:
    """What `ours` took in a column in each round, divided by what the contender took in the same.

    `theirs` is the contender's column where it is another one.
    """
    taken = {row["round"]: row[number] for row in rows if row["contender"] == ours}
    return [
        taken[row["round"]] / value
        for row in rows
        if row["contender"] == contender and (value := row[theirs or number]) and taken.get(row["round"])
    ]


def interval(values: Sequence[float], confidence: float = 0.9) -> tuple[float, float]:
    """Between which two of the values their median lies with at least this confidence, whatever their distribution."""
    ordered, count = sorted(values), len(values)
    outside, beyond = 0, 0.0
    while (beyond := beyond + math.comb(count, outside) / 2**count) <= (1 - confidence) / 2:
        outside += 1
    place = max(0, outside - 1)
    return ordered[place], ordered[count - 1 - place]


def table(rows: Sequence[Row], columns: Mapping[str, Callable[[Any], str]]) -> str:
    """The rows as a Markdown table; `columns` says how a value is written. An empty cell stands for None and for what a row lacks."""
    cells = [[*columns]]
    cells += [["" if row.get(name) is None else write(row[name]) for name, write in columns.items()] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def milliseconds(value: float) -> str:
    return f"{value:.2f} ms"


def megabytes(value: float) -> str:
    return f"{value / 1e6:,.0f} MB"


def ratio(value: float) -> str:
    return f"{value:.2f}"


def whole(value: float) -> str:
    return f"{value:,.0f}"


def write_json(path: Path | None, benchmark: str, rows: Sequence[Row]) -> None:
    """Everything that was measured, with what it was measured on."""
    if path is None:
        return
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    document = {"benchmark": benchmark, "machine": machine, "rows": list(rows)}
    path.write_text(json.dumps(document, indent=1, default=str) + "\n", encoding="utf-8")
