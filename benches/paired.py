"""Compares the CPU time per request of two binaries: both serve databases that were filled alike, and are driven in turn, so that
what the machine does besides weighs on both. Prints the median, the least and the greatest of the paired ratios.

    python3 benches/paired.py --before OLD/onbehalf --after target/release/onbehalf
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile

import server
from bench import Load, operations, rows_of

# Creates and patches are measured at the load at which they share commits.
CONNECTIONS = {"role create": 64, "role PATCH": 64}


class Side:
    """One binary, its database, and the load that drives it."""

    def __init__(self, binary, folder, url, cluster, roles):
        os.makedirs(folder, exist_ok=True)
        server.fill_database(binary, url, roles, cluster, f"{folder}/filled")
        self.server = server.Server(binary, folder, url)
        database = server.connect(url, cluster)
        tokens = {"none": "-", "system": f"Bearer {self.server.system}", "basic": "Basic YmVuY2g6YmVuY2g="}

        def subject(nhs_number):
            citizen = self.server.citizen(nhs_number, database.run)
            tokens["citizen"] = f"Bearer {citizen}"
            with open(f"{folder}/tokens.csv", "w") as file:
                file.write(f"{citizen}\n" * 2)

        rows_of(folder, url, cluster, subject)
        pids = [self.server.pid] + ([cluster.pid] if url.startswith("postgres") else [])
        self.load = Load(folder, self.server.base, pids, self.server.statements, tokens.get)

    def run(self, operation, seconds):
        figures = self.load.run(operation, CONNECTIONS.get(operation.name, 16), seconds)
        if figures["failed"]:
            print(f"  {operation.name}: {figures['failed']} requests failed", file=sys.stderr)
        return figures


def compare(before, after, options):
    """Each operation: the paired ratios of CPU time, and the statements of each binary."""
    for operation in operations():
        if operation.group or (options.only and options.only not in operation.name):
            continue
        before.run(operation, 1), after.run(operation, 1)
        pairs = []
        for pair in range(options.pairs):
            sides = (before, after) if pair % 2 == 0 else (after, before)
            figures = {side: side.run(operation, options.seconds) for side in sides}
            pairs.append((figures[before], figures[after]))
        ratios = sorted(new["cpu"] / old["cpu"] for old, new in pairs)
        old, new = (statistics.median(pair[side]["cpu"] for pair in pairs) for side in (0, 1))
        print(
            f"| {operation.name} | {old:.0f} | {new:.0f} | {statistics.median(ratios):.3f} | {ratios[0]:.3f} to {ratios[-1]:.3f} |"
            f" {pairs[-1][0]['statements']:.2f} | {pairs[-1][1]['statements']:.2f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="a binary")
    parser.add_argument("--after", required=True, help="the binary that is compared with it")
    parser.add_argument("--roles", type=int, default=10_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgres"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--only", help="operations whose name has this in it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="onbehalf-paired-")
    os.chmod(folder, 0o755)
    cluster = None
    try:
        cluster = server.Cluster(folder) if "postgres" in options.databases else None
        for database in options.databases:
            sides = []
            for name, binary in (("before", options.before), ("after", options.after)):
                place = f"{folder}/{database}-{name}"
                url = f"sqlite:{place}/bench.sqlite" if database == "sqlite" else cluster.make(f"bench_{name}")
                sides.append(Side(os.path.abspath(binary), place, url, cluster, options.roles))
            print(f"\n{database}, {options.roles} roles, {options.pairs} pairs of {options.seconds} s\n")
            print("| operation | CPU µs before | after | median ratio | spread | statements before | after |")
            print("|---|---|---|---|---|---|---|")
            compare(*sides, options)
            for side in sides:
                side.server.stop()
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
