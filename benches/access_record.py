"""Compares ways to record accesses on SQLite, without the server: the CPU time and the time of a batch of 16.

    python3 benches/access_record.py FOLDER [ROWS]

`table`: a row with the eleven indexes that `audit_records` had, committed with its batch. `separate`: a row in a file of its own with
four indexes that hold all columns of a search. `journal`: a line in a file, flushed with its batch, and the row of `table` in bulk
afterwards, 256 to a transaction; the time is that of the line alone, which is what an answer waits for, the CPU time that of
both. `present`: the same with the indexes of today, of which two are of keys in no order, not three. `local`: the same without
those two, for comparison. ROWS stand in the table before. Python's own work is the same in all and is part of each.
"""

import hashlib
import json
import os
import random
import resource
import sqlite3
import sys
import time

COLUMNS = ["id", "chain", "sequence", "previous_hash", "hash", "recorded_at", "act", "outcome", "refusal", "caller_kind", "caller_id",
           "organisation", "app", "grant_id", "request_id", "subject", "subject_version", "query", "patient", "proxy"]
TABLE = f"CREATE TABLE audit_records ({', '.join(COLUMNS)}, PRIMARY KEY (id))"
ELEVEN = ["UNIQUE chain, sequence", "patient, id", "proxy, id", "caller_id, id", "outcome, id", "recorded_at, id", "app, id",
          "'urn:uuid:' || grant_id, id", "act, id", "subject, subject_version"]
LOCAL = ["UNIQUE chain, sequence", "caller_id, id", "recorded_at, id", "app, id", "'urn:uuid:' || grant_id, id", "act, id"]
PRESENT = [*LOCAL, "patient, id, subject", "proxy, id"]
FOUR = ["patient, id, recorded_at, act, outcome, caller_id", "proxy, id, recorded_at, act, outcome, caller_id",
        "caller_id, id, recorded_at, act, outcome", "recorded_at, id, act, outcome, caller_id"]
INSERT = f"INSERT INTO audit_records VALUES ({', '.join('?' * len(COLUMNS))})"
BATCH, BATCHES, PORTION = 16, 500, 256


def rows(start, count, people, draw):
    for number in range(start, start + count):
        patient, proxy = (str(9_000_000_000 + draw.randrange(people)) for _ in range(2))
        identifier = f"01a20000-{number >> 16:04x}-7000-8000-{number:012x}"
        digest = hashlib.sha256(identifier.encode()).hexdigest()
        yield [identifier, 0, number, digest, digest, 1_795_000_000_000 + number, "read", "0", None, "system", "bench", None, "bench",
               "01a20000-0000-7000-8000-000000000000", None, f"Consent/{digest[:36]}", None, None, patient, proxy]


def database(path, indexes, filled, people):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;"
                             "PRAGMA wal_autocheckpoint = 4096;" + TABLE)
    connection.execute("BEGIN")
    connection.executemany(INSERT, rows(0, filled, people, random.Random(1)))
    connection.execute("COMMIT")
    for number, index in enumerate(indexes):
        unique, on = ("UNIQUE", index.removeprefix("UNIQUE ")) if index.startswith("UNIQUE") else ("", index)
        connection.execute(f"CREATE {unique} INDEX index_{number} ON audit_records ({on})")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection


def insert(connection, batch):
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, batch)
    connection.execute("COMMIT")


def measure(name, folder, filled, people):
    indexes = {"separate": FOUR, "present": PRESENT, "local": LOCAL}.get(name, ELEVEN)
    connection = database(f"{folder}/{name}.sqlite", indexes, filled, people)
    draw = random.Random(2)
    batches = [list(rows(filled + at * BATCH, BATCH, people, draw)) for at in range(BATCHES)]
    journal = os.open(f"{folder}/{name}.journal", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(journal, bytes(4 << 20)), os.fsync(journal), os.lseek(journal, 0, 0)
    began = resource.getrusage(resource.RUSAGE_SELF)
    times, waiting, digest = [], [], "0" * 64
    for batch in batches:
        start = time.perf_counter()
        if name in ("journal", "present", "local"):
            line = json.dumps(batch)
            digest = hashlib.sha256((digest + line).encode()).hexdigest()
            os.write(journal, f"{digest} {line}\n".encode())
            os.fdatasync(journal)
            waiting.extend(batch)
        else:
            insert(connection, batch)
        times.append(time.perf_counter() - start)
        if len(waiting) >= PORTION:
            insert(connection, waiting)
            waiting.clear()
    if waiting:
        insert(connection, waiting)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime - began.ru_utime - began.ru_stime
    times.sort()
    print(f"| {name} | {filled:,} | {cpu * 1e6 / BATCH / BATCHES:.1f} | {times[len(times) // 2] * 1e3:.2f} | {times[-5] * 1e3:.2f} |", flush=True)


def main():
    folder, filled = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    print("| way | rows before | CPU µs of a record | p50 ms of a batch | p99 ms |\n|---|---|---|---|---|")
    for name in ["table", "separate", "journal", "present", "local"]:
        measure(name, folder, filled, people=max(10_000, filled))


if __name__ == "__main__":
    main()
