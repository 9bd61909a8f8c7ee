"""Starts the cluster and shows that it holds: rolling restarts, kills under load, late reads, a pooler, partitions. See `run`."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

from cluster import SECRET, TOKENS, Cluster, ready, wait
from load import Caller, Load, nhs_numbers, people, version_of

HERE = os.path.dirname(os.path.abspath(__file__))
SCALE = f"{HERE}/../../docs/scale.md"
BEGIN, END = "<!-- kills: written by examples/cluster/run check --write -->", "<!-- end of kills -->"


PARTS = ["late", "roll", "kill", "partition"]


class Failed(Exception):
    """The cluster does not hold."""


def must(holds, what):
    if not holds:
        raise Failed(what)


def pairs(numbers):
    """Pairs of different people, each once."""
    half = len(numbers) // 2
    return [(proxy, patient) for patient in numbers[half:] for proxy in numbers[:half]]


def seed(cluster, count=160):
    numbers = nhs_numbers(count)
    path = f"{cluster.folder}/people.json"
    with open(path, "w") as file:
        file.write(people(numbers))
    cluster.onbehalf("seed", path)
    return pairs(numbers)


def roll(cluster, all_pairs, settle):
    """Restarts each server under load, on connections that are kept: no request may fail."""
    load = Load(cluster.port, TOKENS, all_pairs, keeps=True)
    started = time.monotonic()
    with load:
        time.sleep(settle)
        for server in cluster.servers:
            server.stop()
            server.start()
            time.sleep(settle)
    spent = time.monotonic() - started
    must(not load.failures, load.failures[:5])
    must(not load.refusals, f"refused while rolling: {load.kinds()}")
    must(len(load.answered) > 50, "there was no load")
    print(f"rolling restart: {len(load.answered)} requests in {spent:.0f} s, none failed")
    return load


def kill_each(cluster, all_pairs, settle):
    """Kills each part with SIGKILL under load and starts it again; a row for each."""
    rows = []
    parts = [*cluster.servers, cluster.replica, cluster.haproxy, cluster.pgbouncer, cluster.primary]
    with Load(cluster.port, TOKENS, all_pairs) as load:
        wait("the first roles", lambda: load.failures or len(load.written) >= 8)
        for part in filter(None, parts):
            must(not load.failures, load.failures[:5])
            time.sleep(settle)
            began = time.monotonic()
            part.kill()
            # The one that watches processes on a machine starts it again a little later.
            time.sleep(1)
            part.start()
            wait(f"all after {part.name}", lambda: ready(cluster.port) == 200)
            up = time.monotonic() - began
            wait(f"an answer after {part.name}", lambda: load.rate(time.monotonic() - 0.5, time.monotonic()) > 0)
            time.sleep(max(settle, 2))
            kinds, last = load.kinds(began), load.last_refusal(began)
            rows.append({
                "part": part.name, "refusals": kinds, "up": up, "last": last - began if last else 0.0,
                "longest": load.longest(began, time.monotonic()),
            })
            allowed = {"503", "connection refused", "connection broken"} if part is cluster.haproxy else {"503"}
            strange = [kind for kind in kinds if kind.split(" (")[0] not in allowed]
            must(not strange, f"after the kill of {part.name}: {kinds}")
    must(not load.failures, load.failures[:5])
    must(len(load.written) > 20, "there was no load")
    return rows, load


def check_rows(cluster, load):
    """Nothing acknowledged is lost, nothing is there twice, the audit record holds."""
    reader = Caller(cluster.port, TOKENS[0])
    for role, version in load.written.items():
        status, _headers, payload = reader.read(role)
        must(status == 200, f"role {role} is answered {status}")
        must(version_of(payload)[1] >= version, f"role {role} has lost version {version}")
    query = cluster.primary.query
    must(not query("SELECT proxy, patient FROM roles GROUP BY 1, 2 HAVING count(*) > 1"), "a pair has two roles")
    gaps = query(
        "SELECT r.id FROM roles r LEFT JOIN role_versions v ON v.id = r.id GROUP BY r.id, r.version "
        "HAVING count(v.version) <> r.version OR max(v.version) <> r.version"
    )
    must(not gaps, f"histories with gaps: {gaps[:3]}")
    events = query(
        "SELECT count(*) FROM role_versions v WHERE NOT EXISTS "
        "(SELECT 1 FROM outbox o WHERE o.subject IN (v.id, 'Consent/' || v.id) AND o.subject_version = v.version)"
    )
    must(events == [["0"]], f"versions without an event: {events}")
    records = query(
        "SELECT count(*) FROM role_versions v WHERE NOT EXISTS "
        "(SELECT 1 FROM audit_records a WHERE a.subject = 'Consent/' || v.id AND a.subject_version = v.version)"
    )
    must(records == [["0"]], f"versions without an audit record: {records}")
    cluster.onbehalf("audit", "verify")
    return len(load.written), sum(load.written.values())


def late_reads(cluster, pair):
    """With the replica standing still: writers read their own, others read late within the bound, then the primary."""
    bound = cluster.most_lag / 1000
    # Two callers; which of the servers they are sent to does not matter.
    writer, other = Caller(cluster.port, TOKENS[1]), Caller(cluster.port, TOKENS[2])
    role, version = version_of(writer.create(*pair)[2])
    time.sleep(2 * bound)
    must(version_of(other.read(role)[2])[1] == 1, "the role is not there")
    cluster.replica.query("SELECT pg_wal_replay_pause()")
    wait("the pause", lambda: cluster.replica.query("SELECT pg_get_wal_replay_pause_state()") == [["paused"]])
    time.sleep(bound / 2)
    status, _headers, payload = writer.patch(role, version, 15)
    written = time.monotonic()
    must(status == 200, payload)
    must(version_of(writer.read(role)[2])[1] == 2, "the writer does not read what it wrote")
    seen = []
    while time.monotonic() < written + 3 * bound:
        asked = time.monotonic()
        late = version_of(other.read(role)[2])[1] == 1
        seen.append((asked - written, late))
        must(version_of(writer.read(role)[2])[1] == 2, "the writer does not read what it wrote")
        must(not late or asked <= written + bound, f"an answer is late by more than {bound} s")
    cluster.replica.query("SELECT pg_wal_replay_resume()")
    last = max((at for at, late in seen if late), default=None)
    print(f"late reads: bound {bound} s; the last old answer to another caller {'%.2f s' % last if last else 'never came'}"
          " after the write, to the writer none")
    return last


def partition(cluster, all_pairs):
    """Divides roles by patient and goes on: create, read, search, change, history, the pair that is taken."""
    caller = Caller(cluster.port, TOKENS[3])
    earlier = [version_of(caller.create(*pair)[2])[0] for pair in all_pairs[-80 * 20::81]]
    for server in cluster.servers:
        server.stop()
    with open(f"{HERE}/partition.sql") as file:
        cluster.primary.query(file.read())
    for server in cluster.servers:
        server.start()
    wait("HAProxy", lambda: ready(cluster.port) == 200)
    must(cluster.primary.query("SELECT count(*) > 1 FROM (SELECT tableoid FROM roles GROUP BY 1) AS p") == [["t"]], "undivided")
    pair = all_pairs.pop()
    status, _headers, payload = caller.create(*pair)
    must(status == 201, payload)
    role, version = version_of(payload)
    must(caller.create(*pair)[0] == 409, "a pair has got two roles")
    must(caller.patch(role, version, 9)[0] == 200, "a role cannot be changed")
    must(caller.patch(role, version, 10)[0] == 412, "a version that is over was changed")
    must(version_of(caller.read(role)[2])[1] == 2, "a role is not read at its last version")
    must(json.loads(caller.send("GET", f"/Consent/{role}/_history")[2])["total"] == 2, "a history is not whole")
    system = "https://fhir.nhs.uk/Id/nhs-number"
    for who, number in (("performer", pair[0]), ("patient", pair[1])):
        status, _headers, payload = caller.send("GET", f"/Consent?{who}:identifier={system}|{number}&_count=200")
        found = [entry["resource"]["id"] for entry in json.loads(payload).get("entry", [])]
        must(status == 200 and role in found, f"the search by {who} does not find the role: {payload[:300]}")
    for role in earlier:
        must(caller.read(role)[0] == 200, "a role of before is not there")
        must(caller.patch(role, 1, 11)[0] == 200, "a role of before cannot be changed")
    for job in ("expire-roles", "remind", "milestones", "purge"):
        cluster.onbehalf("jobs", "run", job)
    cluster.onbehalf("audit", "verify")
    print("partitions: roles and their versions by the hash of the patient; create, read, search, change, history, jobs")


def shared_keys(cluster):
    """A token that one server issued is good at the other."""
    import base64
    import urllib.parse
    from cluster import http
    connection = http.client.HTTPConnection("127.0.0.1", cluster.servers[0].port, timeout=30)
    basic = base64.b64encode(f"cluster:{SECRET}".encode()).decode()
    form = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": "system/*.cruds"})
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/token", form, headers)
    token = json.load(connection.getresponse())["access_token"]
    for server in cluster.servers:
        status, _headers, payload = Caller(server.port, token).send("GET", "/Consent?_count=1&status=active")
        must(status == 200, f"{server.name} answers {status} to a token of server 1: {payload[:200]}")
    print("tokens: issued by one server, good at each")


def table(rows, roles, versions, seconds):
    lines = [
        "| killed (SIGKILL, started again 1 s later) | refused meanwhile, then tried again | last refusal after | "
        "longest that one request took | all parts up after |", "|---|---|---|---|---|",
    ]
    for row in rows:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in row["refusals"].items()) or "none"
        lines.append(f"| {row['part']} | {kinds} | {row['last']:.1f} s | {row['longest']:.1f} s | {row['up']:.1f} s |")
    lines += ["", f"{roles} roles in {versions} acknowledged versions within {seconds:.0f} s: all there, none twice, each "
              "with its event and its audit record, and `onbehalf audit verify` holds."]
    return "\n".join(lines)


def write(text):
    with open(SCALE) as file:
        before, rest = file.read().split(BEGIN)
        _old, after = rest.split(END)
    with open(SCALE, "w") as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")


def run(options, folder):
    settle = 1 if options.short else 5
    # Long enough to be seen on a busy machine.
    most_lag = 1500 if "late" in options.only else 500
    with Cluster(options.binary, folder, options.servers, options.pgbouncer, most_lag=most_lag) as cluster:
        all_pairs = seed(cluster)
        at = len(all_pairs) // 3
        shared_keys(cluster)
        if "late" in options.only:
            must(late_reads(cluster, all_pairs.pop()) is not None, "the replica answered nothing")
        if "roll" in options.only:
            roll(cluster, all_pairs[:at], settle)
        if "kill" in options.only:
            began = time.monotonic()
            rows, load = kill_each(cluster, all_pairs[at:2 * at], settle)
            roles, versions = check_rows(cluster, load)
            text = table(rows, roles, versions, time.monotonic() - began)
            print(text)
            if options.write:
                write(text)
        if "partition" in options.only:
            partition(cluster, all_pairs[2 * at:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--pgbouncer", action="store_true", help="servers reach the primary through PgBouncer")
    parser.add_argument("--short", action="store_true", help="as continuous integration runs it, within a minute")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--write", action="store_true", help="write the table of the kills into docs/scale.md")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="onbehalf-cluster-")
    try:
        run(options, folder)
    except Failed as failed:
        print(f"failed: {failed}", file=sys.stderr)
        return 1
    finally:
        if options.keep:
            print(f"logs: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
