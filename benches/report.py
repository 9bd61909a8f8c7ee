"""Writes the figures of a run into docs/performance.md, between its marks."""

import itertools
import os
import re
import subprocess

import charts
from charts import NAMES
from machine import describe, version

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs")
PAGE = os.path.join(DOCS, "performance.md")
READ = "Consent read"
INCLUDES = "Consent search by proxy, both includes, 3 roles"
CREATE = "role create"
BUNDLES = "transaction of 100 creates"
# Of the CPU time at 16 connections to the floor: the same bytes from actix-web alone and a role by its id.
TIMES_OF_FLOOR = {
    "sqlite": {READ: 4, "introspection": 2, INCLUDES: 10, "RelatedPerson search by person": 5},
    "postgres": {READ: 5},
}


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
        judge_speed(judge, result, where)
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
    for group in registers(results):
        first, last = group[0], group[-1]
        for name in first["operations"]:
            if name in last["operations"]:
                small, large = (result["operations"][name]["16"]["p50"] for result in (first, last))
                where = f"{NAMES[first['database']]}, {first['roles']:,} to {last['roles']:,}, commit {first['commit']}"
                judge(f"growth of {name}, p50, {where}", f"≤ {charts.TARGET} ×", large / small, limit=charts.TARGET)
    judge("release binary", "≤ 60 MiB", binary_mib, "MiB", limit=60)
    return table(["what", "target", "measured", ""], rows)


def judge_speed(judge, result, where):
    """The targets that compare operations with the floor of the same run."""
    done, floor, is_sqlite = result["operations"], result["floor"], result["database"] == "sqlite"
    if "http" in floor:
        least = floor["http"]["16"]["cpu"] + floor["read"]["cpu"]
        for name, times in TIMES_OF_FLOOR[result["database"]].items():
            if name in done:
                judge(f"{name}, CPU, {where}", f"≤ {times} × the floor ({least:.0f} µs)", done[name]["16"]["cpu"] / least, limit=times)
    commit = floor["commit"]["rate"]
    if READ in done and is_sqlite:
        flush = 1000 / commit
        judge(f"{READ}, one connection, p50, {where}", f"≤ one flush ({flush:.2f} ms) + 0.15 ms", done[READ]["1"]["p50"], "ms",
              limit=flush + 0.15)
    if READ in done and INCLUDES in done and not is_sqlite:
        judge(f"search with both includes, CPU, {where}", "≤ 3 × our read", done[INCLUDES]["16"]["cpu"] / done[READ]["16"]["cpu"], limit=3)
    if CREATE in done:
        if is_sqlite:
            judge(f"create, CPU, 64 connections, {where}", "≤ 200 µs", done[CREATE]["64"]["cpu"], "µs", limit=200)
        judge(f"create, 64 connections, {where}", f"≥ 3 × durable commits in a loop ({commit:,.0f}/s)", done[CREATE]["64"]["rate"] / commit, least=3)


def compared(before, after):
    """Each operation of two programs in the same register: CPU time, p50 and statements, with their ratios."""
    rows = []
    for name, figures in after["operations"].items():
        if name in before["operations"]:
            row = [name]
            for key, form in (("cpu", number), ("p50", "{:.2f}".format), ("statements", "{:.1f}".format)):
                old, new = (found["16"][key] for found in (before["operations"][name], figures))
                row += [form(old), form(new), f"{new / old:.2f}" if old else "–"]
            rows.append(row)
    head = ["operation", "CPU µs before", "after", "ratio", "p50 ms before", "after", "ratio", "statements before", "after", "ratio"]
    return table(head, rows)


def comparisons(before, after):
    """The parts of the page that compare two programs, for each register that both were measured with."""
    earlier = {(result["database"], result["roles"]): result for result in latest(before)}
    parts = []
    for result in latest(after):
        old = earlier.get((result["database"], result["roles"]))
        if old:
            parts += [f"{NAMES[result['database']]}, {result['roles']:,} roles, 16 connections, commit {old['commit']} against commit "
                      f"{result['commit']}:", compared(old, result)]
    return ["### Before and after", *parts] if parts else []


def drawn(results):
    """Draws the charts; the parts of the page that show them."""
    files = {"throughput": charts.throughput(latest(results))}
    parts = ["### Charts", "![Requests a second of each operation at 1, 16 and 64 connections, for each database and size of the register; "
             "the tables below have the figures](performance/throughput.svg)"]
    # Of each database the commit that stands first.
    groups = [next(among) for _database, among in itertools.groupby(registers(results), lambda group: group[0]["database"])]
    if groups:
        files["growth"] = charts.growth(groups)
        parts.append("![How the p50 of each operation at 16 connections grows with the size of the register; the table of targets has the "
                     "figures](performance/growth.svg)")
    os.makedirs(os.path.join(DOCS, "performance"), exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(DOCS, "performance", f"{name}.svg"), "w") as file:
            file.write(text)
    return parts


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


def registers(results):
    """The results of each database and commit, by the size of the register, where there are several sizes. Of a database, the
    commit that stands first comes first."""
    groups = {}
    for result in results:
        groups.setdefault((result["database"], result["commit"]), {}).setdefault(result["roles"], result)
    groups = [[group[roles] for roles in sorted(group)] for group in groups.values() if len(group) > 1]
    return sorted(groups, key=lambda group: list(NAMES).index(group[0]["database"]))


def write(told, before=()):
    """Replaces what stands between the marks; with the results of another program, compares both."""
    versions = [version([program, flag]) for program, flag in (("rustc", "-V"), ("wrk", "-v"))]
    if told["cluster"]:
        versions.append(version([f"{told['cluster']}/postgres", "--version"]))
    parts = [f"{describe()}; {', '.join(versions)}.", "### Targets", verdicts(told["results"], told["binary_mib"]),
             *drawn(told["results"]), *comparisons(before, told["results"])]
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
