"""Writes the figures of a run into docs/performance.md, between its marks."""

import os
import re
import subprocess

from machine import describe, version

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "performance.md")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
READ = "Consent read"
INCLUDES = "Consent search by proxy, both includes, 3 roles"
CREATE = "role create"
BUNDLES = "transaction of 100 creates"


def number(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def operations(result):
    """All figures of one run."""
    rows = []
    for name, figures in result["operations"].items():
        rates = [number(figures[str(connections)]["rate"]) for connections in (1, 16, 64)]
        p = [f"{figures[str(connections)]['p50']:.2f} / {figures[str(connections)]['p99']:.2f}" for connections in (1, 16, 64)]
        at = figures["16"]
        failed = sum(figures[str(connections)]["failed"] for connections in (1, 16, 64))
        rows.append([name, *rates, *p, number(at["cpu"]), f"{at['statements']:.1f}", f"{figures['memory']:.0f}", str(failed)])
    head = ["operation", "requests/s: 1", "16", "64 connections", "p50 / p99 ms: 1", "16", "64 connections",
            "CPU µs", "statements", "peak MiB", "failed"]
    return table(head, rows)


def floor(result):
    """What the least costs that could answer."""
    http, read, commit = (result["floor"].get(name) for name in ("http", "read", "commit"))
    rows = []
    if http:
        rates = ", ".join(number(http[str(connections)]["rate"]) for connections in (1, 16, 64))
        rows.append(["the same bytes from actix-web alone (1, 16, 64 connections)", rates, number(http["16"]["cpu"])])
    rows.append(["a role by its id, in a loop", number(read["rate"]), number(read["cpu"])])
    rows.append(["one row and its durable commit, in a loop", number(commit["rate"]), number(commit["cpu"])])
    return table(["floor", "a second", "CPU µs"], rows)


def delivered(told):
    """How fast events reach subscribers."""
    rows = []
    for name, figures in told["latency"].items():
        since = ["p50 {:.1f} ms, p99 {:.1f} ms".format(*figures[key]) for key in ("sent", "committed", "answered")]
        rows.append([f"{name} ({figures['changes_per_second']:.0f} changes/s)", *since])
    rates = table(["subscribers", "events delivered a second"], [[count, number(rate)] for count, rate in told["rate"].items()])
    return table(["", "from the request", "from its commit", "from its answer"], rows) + "\n\n" + rates


def verdicts(results, binary_mib):
    """The targets, each with its figure. Growth is told of registers that one commit was measured with."""
    rows = []

    def judge(what, target, figure, unit="×", limit=None, least=None):
        is_met = figure <= limit if least is None else figure >= least
        rows.append([what, target, f"{figure:.2f} {unit}", "met" if is_met else "**not met**"])

    for result in latest(results):
        name, done = NAMES[result["database"]], result["operations"]
        where = f"{name}, {result['roles']:,} roles"
        times = 3 if result["database"] == "sqlite" else 5
        if READ in done and "http" in result["floor"]:
            least = result["floor"]["http"]["16"]["cpu"] + result["floor"]["read"]["cpu"]
            judge(f"read, CPU, {where}", f"≤ {times} × the floor ({least:.0f} µs)", done[READ]["16"]["cpu"] / least, limit=times)
        if READ in done and INCLUDES in done:
            judge(f"search with both includes, CPU, {where}", "≤ 3 × our read", done[INCLUDES]["16"]["cpu"] / done[READ]["16"]["cpu"], limit=3)
        if CREATE in done:
            commit = result["floor"]["commit"]["rate"]
            judge(f"create, 64 connections, {where}", f"≥ 3 × durable commits in a loop ({commit:,.0f}/s)", done[CREATE]["64"]["rate"] / commit, least=3)
        judge(f"start to ready, {where}", "≤ 1 s", result["started_in"], "s", limit=1)
        peaks = {operation: figures["memory"] for operation, figures in done.items()}
        for what, some in (("memory at 64 connections", [peak for name, peak in peaks.items() if name != BUNDLES]),
                           ("memory at 64 connections, transactions of 100", [peaks[BUNDLES]] if BUNDLES in peaks else [])):
            if some:
                judge(f"{what}, {where}", "≤ 100 MiB", max(some), "MiB", limit=100)
        if "delivery" in result:
            idle = result["delivery"]["latency"]["idle"]["committed"][1]
            judge(f"commit to notification, idle, p99, {where}", "≤ 20 ms", idle, "ms", limit=20)
        if "flat" in result:
            after = [mib for _done, mib in result["flat"][1:]]
            rows.append([f"memory over {result['flat'][-1][0]:,} reads, {where}", "flat", f"{min(after):.1f} to {max(after):.1f} MiB",
                         "met" if max(after) <= 1.1 * min(after) else "**not met**"])
    for database, commit in sorted({(result["database"], result["commit"]) for result in results}, reverse=True):
        of = [result for result in results if (result["database"], result["commit"]) == (database, commit)]
        of.sort(key=lambda result: result["roles"])
        if len(of) > 1:
            first, last = of[0], of[-1]
            for name in first["operations"]:
                if name in last["operations"]:
                    small, large = (result["operations"][name]["16"]["p50"] for result in (first, last))
                    where = f"{NAMES[database]}, {first['roles']:,} to {last['roles']:,}, commit {commit}"
                    judge(f"growth of {name}, p50, {where}", "≤ 1.3 ×", large / small, limit=1.3)
    judge("release binary", "≤ 40 MiB", binary_mib, "MiB", limit=40)
    return table(["what", "target", "measured", ""], rows)


def commit():
    """What is measured."""
    return subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def add(told, run):
    """Puts the figures of a run behind those that are there."""
    told["results"] += run["results"]
    told["cluster"] = told["cluster"] or run["cluster"]


def latest(results):
    """Of each register the figures that stand first, in the order of the page."""
    first = {}
    for result in results:
        first.setdefault((list(NAMES).index(result["database"]), result["roles"]), result)
    return [result for _place, result in sorted(first.items())]


def write(told):
    """Replaces what stands between the marks."""
    versions = [version([program, flag]) for program, flag in (("rustc", "-V"), ("wrk", "-v"))]
    if told["cluster"]:
        versions.append(version([f"{told['cluster']}/postgres", "--version"]))
    parts = [f"{describe()}; {', '.join(versions)}.", "### Targets", verdicts(told["results"], told["binary_mib"])]
    for result in latest(told["results"]):
        parts += [f"### {NAMES[result['database']]}, {result['roles']:,} roles",
                  f"{result['date']}, commit {result['commit']}; each figure is of {result['seconds']} seconds, after a second to warm up.",
                  operations(result), floor(result)]
        if "delivery" in result:
            parts += ["Delivery of events, each PATCH to a consumer of its own process; how long after the request's first byte, its "
                      "commit and its answer the notification's first byte came. PostgreSQL reports when it has committed "
                      "(`pg_xact_commit_timestamp`); for SQLite it is when the change was made, in its transaction, which is "
                      "sooner:", delivered(result["delivery"])]
        if "flat" in result:
            points = ", ".join(f"{done:,}: {mib:.0f}" for done, mib in result["flat"])
            parts.append(f"Resident memory in MiB after so many reads at 64 connections: {points}.")
    with open(PAGE) as file:
        page = file.read()
    text = "\n\n".join(parts)
    page = re.sub(r"(<!-- measured -->\n).*?(<!-- /measured -->)", lambda marks: f"{marks[1]}{text}\n{marks[2]}", page, flags=re.DOTALL)
    with open(PAGE, "w") as file:
        file.write(page)
