"""Writes reliability.md: the attacks on a running server, and the measurements.

`tests/hard` runs the tests and calls this with their output. A test prints its figures as lines
`measured | WHAT | FIGURE`; the first line of the documentation of its module says what is tried.
"""

import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST = re.compile(r"^test (hard::\S+) \.\.\. ?(.*)$")
MEASURED = re.compile(r"^measured \| (.+?) \| (.+)$")

ROOMS = [
    ("network::slow", "Slow clients", "network/slow.rs"),
    ("network::idle", "Idle connections", "network/idle.rs"),
    ("network::bodies", "Bodies", "network/bodies.rs"),
    ("network::heads", "Heads, pipelines and half-closed connections", "network/heads.rs"),
    ("budgets::one", "One expensive request", "budgets/one.rs"),
    ("budgets::attacks", "Expensive requests, many at a time", "budgets/attacks.rs"),
    ("disk", "A full disk", "disk.rs"),
    ("away", "A database that stops and comes back", "away.rs"),
    ("clock", "A clock that jumps", "clock.rs"),
    ("fuzz", "Malformed input", "fuzz/mod.rs"),
]


def about(file):
    """The documentation at the head of a module."""
    lines = (ROOT / "tests/it/hard" / file).read_text(encoding="utf-8").splitlines()
    head = []
    for line in lines:
        if not line.startswith("//!"):
            break
        head.append(line[3:].strip())
    return "\n".join(head)


def read(log):
    """Each test: its figures, and how it ended."""
    tests, current = {}, None
    for line in log.splitlines():
        test, figure = TEST.match(line), MEASURED.match(line)
        if test:
            current = test[1]
            tests[current] = {"figures": [], "ended": test[2].strip() or "–"}
        elif figure and current:
            tests[current]["figures"].append((figure[1], figure[2]))
        elif current and line.strip() in ("ok", "FAILED"):
            tests[current]["ended"] = line.strip()
    return tests


def seen(test):
    """The figures of a test in one cell, or nothing where each has a row of its own."""
    if any(" | " in figure for _, figure in test["figures"]):
        return "below"
    return "<br>".join(f"{what}: {figure}" for what, figure in test["figures"]) or "–"


def rows(tests):
    """The figures that are rows of a table: one expensive request each."""
    found = [(what, figure) for test in tests for what, figure in test["figures"] if " | " in figure]
    if not found:
        return []
    head = "| API and body | answered after | `/health` waited | a read waited | memory | answers |"
    return ["", head, "|---|---|---|---|---|---|", *(f"| {what} | {figure} |" for what, figure in found)]


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def machine():
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.+)$", info, re.M)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(encoding="utf-8"), re.M)
    name = model[1] if model else platform.machine()
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    return f"{os.cpu_count()} cores ({name}), {int(memory[1]) >> 20} GB, {platform.system()}; load {load}"


def main():
    tests = read(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace"))
    how = os.environ.get("ONBEHALF_HARD", "full")
    lines = [
        "# Reliability",
        "",
        f"Written by `ONBEHALF_HARD={how} tests/hard` on {datetime.now(timezone.utc):%Y-%m-%d}, commit"
        f" {output('git', 'rev-parse', '--short', 'HEAD')}, on {machine()}.",
        "",
        f"A **{'release' if 'ONBEHALF_BINARY' in os.environ else 'debug'} build** of the server, and where the load is not about 1,"
        " a machine that others used as well.",
        "`.ci/run` runs all of it with fewer clients and less time. Memory is what the",
        "process had resident (`VmRSS`, `VmHWM`). An honest client asked for a role throughout, on a new connection each",
        "time; each read is recorded before it is answered.",
    ]
    for room, title, file in ROOMS:
        lines += ["", f"## {title}", "", about(file), "", "| test | ended | seen |", "|---|---|---|"]
        of_room = {name: test for name, test in sorted(tests.items()) if name.startswith(f"hard::{room}::")}
        for name, test in of_room.items():
            short = name.removeprefix(f"hard::{room}::")
            lines.append(f"| `{short}` | {test['ended']} | {seen(test)} |")
        lines += rows(of_room.values())
    lines += ["", (ROOT / "docs/reliability-promises.md").read_text(encoding="utf-8").strip()]
    (ROOT / "docs/reliability.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
