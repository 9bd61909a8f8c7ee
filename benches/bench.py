"""Measures the server and the floor beside it, on both databases, and writes docs/performance.md. See `benches/run`."""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import delivery
import report
import server
from machine import Process, cpu_seconds, forget_peak, free_port, memory, wait_for

NHS = "https://fhir.nhs.uk/Id/nhs-number"
HERE = os.path.dirname(os.path.abspath(__file__))
R4 = "/FHIR/R4"
FORM = "application/x-www-form-urlencoded"
JSON = "application/fhir+json"
INCLUDES = "_include=Consent:performer&_include=Consent:patient"


class Operation:
    """One kind of request, as wrk is told of it."""

    def __init__(self, name, method, path, rows, token="system", kind="-", body=None, group=0):
        self.name, self.method, self.path, self.rows = name, method, path, rows
        self.token, self.kind, self.body, self.group = token, kind, body, group


def operations():
    consent = json.load(open(f"{HERE}/../examples/consent-create.json"))
    # The R4 front holds the proxy by identifier alone.
    consent["provision"]["actor"][0]["reference"].pop("type")
    text = json.dumps(consent).replace("9000000017", "$1").replace("9000000025", "$2")
    entry = json.dumps({"resource": json.loads(text), "request": {"method": "POST", "url": "Consent"}})
    patch = [{"op": "replace", "path": "/provision/period/end", "value": "2036-$2-15"}]
    return [
        Operation("Consent read", "GET", f"{R4}/Consent/$1", "roles"),
        Operation("Consent search by proxy, both includes, 3 roles", "GET",
                  f"{R4}/Consent?performer:identifier={NHS}|$1&{INCLUDES}", "three"),
        Operation("Consent search by patient and status", "GET",
                  f"{R4}/Consent?patient:identifier={NHS}|$3&status=active", "roles"),
        Operation("RelatedPerson search by person", "GET", f"{R4}/RelatedPerson?identifier={NHS}|$2", "roles"),
        Operation("role history", "GET", f"{R4}/Consent/$1/_history", "roles"),
        Operation("role create", "POST", f"{R4}/Consent", "pairs", kind=JSON, body=text),
        Operation("role PATCH", "PATCH", f"{R4}/Consent/$1", "patches", kind="application/json-patch+json",
                  body=json.dumps(patch)),
        Operation("introspection", "POST", "/oauth/introspect", "tokens", token="basic", kind=FORM,
                  body="token=$1"),
        Operation("delegations at /userinfo", "GET", "/oauth/userinfo", "tokens", token="citizen"),
        Operation("/metadata", "GET", f"{R4}/metadata", "roles", token="none"),
        # Last, because it takes a while until its memory is given back.
        Operation("transaction of 100 creates", "POST", R4, "pairs", kind=JSON, body=entry, group=100),
    ]


class Load:
    """Drives one server with wrk, and counts what that costs."""

    def __init__(self, folder, base, pids, statements=None, token=lambda kind: "-"):
        self.folder, self.base, self.pids = folder, base, pids
        self.statements, self.token = statements or (lambda: 0), token
        self.used = {}

    def run(self, operation, connections, seconds):
        threads = min(2, connections)
        start = self.used.get(operation.rows, 0)
        extra = []
        if operation.body:
            path = f"{self.folder}/body"
            with open(path, "w") as file:
                file.write(operation.body)
            extra = [path, str(operation.group)]
        command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--timeout", "30s", "-s", f"{HERE}/wrk.lua",
                   self.base, "--", operation.method, f"{self.folder}/{operation.rows}.csv", operation.path, str(start),
                   str(threads), self.token(operation.token), operation.kind, *extra]
        statements, cpu = self.statements(), cpu_seconds(self.pids)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.strip().splitlines()[-1])
        requests = max(1, told["requests"])
        # What the requests leave to be done afterwards is part of their cost: accesses that are indexed, events.
        self.settle()
        cpu = cpu_seconds(self.pids) - cpu
        if operation.rows == "pairs":
            # Every pair makes one role only.
            self.used["pairs"] = start + told["used"]
        return {
            "rate": requests / told["microseconds"] * 1e6,
            "p50": told["p50"] / 1000,
            "p99": told["p99"] / 1000,
            "cpu": cpu * 1e6 / requests,
            "statements": (self.statements() - statements) / requests,
            "failed": told["not_2xx"] + told["broken"],
        }

    def settle(self):
        """Waits until the server has done with what wrk has left behind."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            before = cpu_seconds(self.pids)
            # Longer than accesses gather before they are indexed.
            time.sleep(0.5)
            if cpu_seconds(self.pids) - before < 0.03:
                return


def rows_of(folder, url, cluster, subject):
    """The lines that requests are made of."""
    def write(name, lines):
        with open(f"{folder}/{name}.csv", "w") as file:
            file.write("\n".join(lines) + "\n")

    roles = server.lines(url, cluster, "SELECT id, proxy, patient FROM bench_sample")
    write("roles", roles)
    write("three", server.lines(url, cluster, "SELECT proxy FROM bench_three"))
    write("pairs", server.lines(url, cluster, "SELECT proxy, patient FROM bench_pairs"))
    active = server.lines(url, cluster, "SELECT s.id FROM bench_sample s JOIN roles r ON r.id = s.id WHERE r.status = 'active'")
    write("patches", [f"{id},{month:02}" for month in range(1, 13) for id in active])
    return subject(server.lines(url, cluster, "SELECT proxy FROM bench_three")[0])


def measure(options, folder, url, cluster):
    """All operations against one database."""
    pids = [] if cluster is None or url.startswith("sqlite") else [cluster.pid]
    filled = server.fill_database(options.binary, url, options.roles, cluster, f"{folder}/filled")
    result = {"filled_in": filled, "roles": options.roles, "operations": {}}
    result["floor"] = floor_of_database(folder, url, pids, cluster, options)
    run = server.Server(options.binary, folder, url)
    result["started_in"] = run.started_in
    database = server.connect(url, cluster)
    tokens = {"none": "-", "system": f"Bearer {run.system}", "basic": "Basic YmVuY2g6YmVuY2g="}

    def subject(nhs_number):
        citizen = run.citizen(nhs_number, database.run)
        tokens["citizen"] = f"Bearer {citizen}"
        with open(f"{folder}/tokens.csv", "w") as file:
            file.write(f"{citizen}\n" * 2)

    rows_of(folder, url, cluster, subject)
    load = Load(folder, run.base, [run.pid, *pids], run.statements, tokens.get)
    for operation in operations():
        if options.only and options.only not in operation.name:
            continue
        forget_peak(run.pid)
        load.run(operation, 16, 1)
        figures = {str(connections): load.run(operation, connections, options.seconds) for connections in (1, 16, 64)}
        figures["memory"] = memory(run.pid)[1]
        result["operations"][operation.name] = figures
        print(operation.name, json.dumps(figures["16"]), flush=True)
        if operation.name == "Consent read":
            result["floor"]["http"] = floor_of_http(folder, run, tokens["system"], options)
    result["memory"] = memory(run.pid)
    if options.delivery:
        roles = [line.split(",")[0] for line in open(f"{folder}/patches.csv")][:1000]
        database.rest()
        result["delivery"] = delivery.measure(run, roles, lambda count: insert_events(database, url, count), database.commits)
        print("delivery", json.dumps(result["delivery"]), flush=True)
    if options.requests:
        result["flat"] = flat_memory(load, run, options)
    run.stop()
    return result


def insert_events(database, url, count):
    """Writes events that wait to be told, as the server does with a change."""
    place = "nextval('outbox_position')"
    if url.startswith("sqlite"):
        place = "(SELECT COALESCE(MAX(position), 0) FROM outbox WHERE position IS NOT NULL) + row_number() OVER (ORDER BY id)"
    mark, now = int(time.time()) % 100_000_000, int(time.time() * 1000)
    number = database.padded("row_number() OVER (ORDER BY id)", 12)
    database.run(
        "INSERT INTO outbox (id, occurred_at, topic, subject, subject_version, patient, proxy, position) "
        f"SELECT '{mark:08d}-0000-7000-8000-' || {number}, {now}, 'proxy-role-changed', 'Consent/' || id, 1, patient, proxy, {place} "
        f"FROM (SELECT id, patient, proxy FROM bench_sample ORDER BY id LIMIT {count}) AS chosen"
    )


def flat_memory(load, run, options):
    """Resident memory while very many requests are answered."""
    reads, points, done = operations()[0], [(0, memory(run.pid)[0])], 0
    while done < options.requests:
        figures = load.run(reads, 64, 20)
        done += int(figures["rate"] * 20)
        points.append((done, memory(run.pid)[0]))
    return points


def floor_of_http(folder, run, token, options):
    """The same bytes from actix-web alone."""
    import urllib.request

    role = open(f"{folder}/roles.csv").readline().split(",")[0]
    request = urllib.request.Request(f"{run.base}{R4}/Consent/{role}", headers={"Authorization": token})
    with open(f"{folder}/answer", "wb") as file:
        file.write(urllib.request.urlopen(request).read())
    port = free_port()
    bare = Process([options.floor, "http", str(port), f"{folder}/answer", str(os.cpu_count())], f"{folder}/floor.log")
    wait_for(f"http://127.0.0.1:{port}/", bare)
    load = Load(folder, f"http://127.0.0.1:{port}", [bare.pid])
    figures = {str(connections): load.run(operations()[0], connections, options.seconds) for connections in (1, 16, 64)}
    bare.stop()
    return figures


def floor_of_database(folder, url, pids, cluster, options):
    """A read by key and a durable commit of one row, each in a loop."""
    with open(f"{folder}/ids.csv", "w") as file:
        file.write("\n".join(server.lines(url, cluster, "SELECT id FROM bench_sample")) + "\n")
    result = {}
    for name, extra in (("read", [f"{folder}/ids.csv"]), ("commit", [])):
        before = cpu_seconds([os.getpid(), *pids])
        done = subprocess.run([options.floor, name, url, str(options.seconds), *extra], capture_output=True, text=True, check=True)
        cpu = cpu_seconds([os.getpid(), *pids]) - before
        rounds, rate = done.stdout.split()
        result[name] = {"rate": float(rate), "cpu": cpu * 1e6 / int(rounds)}
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--roles", type=int, nargs="+", default=[10_000], help="sizes of the register, one run each")
    parser.add_argument("--databases", nargs="*", default=["sqlite", "postgres"], help="none: nothing is measured")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--requests", type=int, default=0, help="requests over which memory is watched")
    parser.add_argument("--delivery", action="store_true", help="also measure how fast events reach subscribers")
    parser.add_argument("--only", help="operations whose name has this in it")
    parser.add_argument("--folder", help="where the databases go: a real disk")
    parser.add_argument("--keep", action="store_true", help="leave the databases in --folder, and use those that are there")
    parser.add_argument("--earlier", nargs="+", default=[], help="figures of earlier runs (--output), to be written with these")
    parser.add_argument("--before", help="figures of another program in the same run (--output), to be compared with these")
    parser.add_argument("--commit", default=report.commit(), help="what the program was built from")
    parser.add_argument("--output", help="where the figures go as JSON")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args()
    # What was started is stopped, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = options.folder if options.keep else tempfile.mkdtemp(prefix="onbehalf-bench-", dir=options.folder)
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    cluster, results = None, []
    of_run = {"date": datetime.date.today().isoformat(), "commit": options.commit, "seconds": options.seconds}
    try:
        if "postgres" in options.databases:
            cluster = server.Cluster(folder)
        for roles in options.roles:
            options_of_run = argparse.Namespace(**{**vars(options), "roles": roles})
            for database in options.databases:
                place = f"{folder}/{database}-{roles}"
                os.makedirs(place, exist_ok=True)
                url = f"sqlite:{place}/bench.sqlite" if database == "sqlite" else cluster.make(f"bench{roles}")
                print(f"{database}, {roles} roles", flush=True)
                result = measure(options_of_run, place, url, cluster)
                results.append({**of_run, "database": database, **result})
    finally:
        if cluster:
            cluster.stop()
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    told = {"binary_mib": os.path.getsize(options.binary) / 2**20, "cluster": cluster and cluster.bin, "results": results}
    for path in options.earlier:
        with open(path) as file:
            report.add(told, json.load(file))
    if options.output:
        with open(options.output, "w") as file:
            json.dump(told, file, indent=1)
    if options.write:
        before = json.load(open(options.before))["results"] if options.before else []
        report.write(told, before)


if __name__ == "__main__":
    sys.exit(main())
