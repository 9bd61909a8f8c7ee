"""Invented people and roles, made inside the database by SQL: the same for the same number of roles.

Shaped like a register of parents: 2 roles per child, 1 to 6 per proxy (as many as a household has children), 3 %
inactive, every fifth role changed once since it was made; a verified relationship for every other role. NHS numbers
are scattered over their range and pass the check digit; ids grow with time, as the server makes them. Nobody's events
are waiting, and the audit record is empty: the rows that a run adds to both are its own.
"""

import math
import sqlite3
import subprocess

# Children of twenty households: seven with one, eight with two, three with three, one with four, one with six.
SIZES = [1] * 7 + [2] * 8 + [3] * 3 + [4, 6]
CHILDREN = sum(SIZES)
FAMILIES = """Achebe Adeyemi Ahmed Allen Baker Begum Bell Brown Campbell Carter Chen Clarke Cohen Davies Edwards Evans
Fraser Garcia Green Hall Harris Hughes Hussain Jackson Jones Kaur Khan Kowalski Lewis MacLeod Mitchell Morgan Murphy
Nowak O'Brien Okafor Patel Roberts Shah Singh Smith Taylor Thomas Walker Williams Wilson Wood Wright Young Zhang""".split()
GIVEN = """Aaliyah Adam Aisha Alice Amir Anna Arthur Ben Chloe Daniel Ella Emma Ethan Eva Fatima Freya George Grace Harry
Ibrahim Isla Ivy Jack Jacob James Jaya Leo Lily Lucas Maria Maya Mia Mohammed Noah Nora Oliver Omar Poppy Priya Rosa
Ruby Samuel Sara Sofia Theo Thomas Uma Victor William Zara""".split()
BASE_TIME = 1_600_000_000_000

LAST_CHANGES = "FROM audit_records WHERE subject_version IS NOT NULL ORDER BY id DESC LIMIT"


class Sqlite:
    """A database file."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=30)

    def prepare(self):
        """What is written from now on is written without care for a power cut."""
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000", "foreign_keys = OFF"):
            self.run(f"PRAGMA {pragma}")

    def run(self, statement):
        return self.connection.execute(statement).fetchall()

    def indexes(self):
        rows = self.run("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return [(name, sql) for name, sql in rows]

    def series(self, end):
        return f"(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < {end}) SELECT i FROM s)"

    def hexadecimal(self, number, width):
        return f"printf('%0{width}x', {number})"

    def padded(self, number, width):
        return f"printf('%0{width}d', {number})"

    def finish(self):
        self.run("ANALYZE")
        self.run("PRAGMA journal_mode = WAL")
        self.connection.close()

    def rest(self):
        """Does now what the database has put off while it was busy."""
        self.run("PRAGMA wal_checkpoint")

    def commits(self, count):
        """When each of the last so many changes was made, in seconds since 1970: when it was committed SQLite does not tell."""
        rows = self.run(f"SELECT recorded_at / 1000.0 {LAST_CHANGES} {count}")
        return [made for (made,) in reversed(rows)]


class Postgres:
    """A database by its URL, through psql."""

    def __init__(self, url, psql):
        self.command = [psql, "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", url]

    def prepare(self):
        pass

    def run(self, statement):
        statement = f"SET synchronous_commit = off; SET session_replication_role = replica; {statement}"
        done = subprocess.run(self.command, input=statement, capture_output=True, text=True, check=True)
        return [tuple(line.split("\x1f")) for line in done.stdout.splitlines()]

    def indexes(self):
        return self.run(
            # One line each, as every row is. The audit record, which has partitions, is not filled.
            "SELECT i.indexname, replace(i.indexdef, chr(10), ' ') FROM pg_indexes i WHERE i.schemaname = 'public' "
            "AND i.tablename NOT LIKE 'audit_records%' AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
        )

    def series(self, end):
        return f"(SELECT i::bigint FROM generate_series(0::bigint, {end}::bigint - 1) AS i)"

    def hexadecimal(self, number, width):
        return f"lpad(to_hex(({number})::bigint), {width}, '0')"

    def padded(self, number, width):
        return f"lpad(({number})::text, {width}, '0')"

    def finish(self):
        subprocess.run([*self.command, "-c", "VACUUM ANALYZE"], check=True)

    def rest(self):
        """Does now what the database has put off while it was busy."""
        self.finish()
        subprocess.run([*self.command, "-c", "CHECKPOINT"], check=True)

    def commits(self, count):
        """When each of the last so many changes was committed, in seconds since 1970."""
        rows = self.run(f"SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) {LAST_CHANGES} {count}")
        return [float(committed) for (committed,) in reversed(rows)]


def fill(database, roles):
    """Fills a migrated, empty database; the indexes are made when the rows are there."""
    database.prepare()
    indexes = database.indexes()
    for name, _sql in indexes:
        database.run(f"DROP INDEX {name}")
    for statement in statements(database, roles):
        database.run(statement)
    for _name, sql in indexes:
        database.run(sql)
    database.finish()


def households(roles):
    """How many households, parents and children there are for so many roles."""
    blocks = -(-roles // (2 * CHILDREN))
    return blocks * len(SIZES), blocks * len(SIZES) * 2, blocks * CHILDREN


def statements(database, roles):
    count, parents, children = households(roles)
    people = parents + children
    # The check digit (modulus 11) leaves out one number in eleven.
    modulus = int(people * 1.2) + 101
    digits = " + ".join(f"({11 - at}) * ((n / {10 ** (9 - at)}) % 10)" for at in range(1, 10))
    pad, hexadecimal, series = database.padded, database.hexadecimal, database.series

    def uuid(number, kind):
        time = hexadecimal(f"{BASE_TIME} + ({number}) * 16", 12)
        tail = hexadecimal(f"(({number}) * 2654435761) % 281474976710656", 12)
        return (f"substr({time}, 1, 8) || '-' || substr({time}, 9, 4) || '-7{kind:03x}-8000-' || {tail}")

    yield "CREATE TABLE bench_numbers (k INTEGER PRIMARY KEY, nhs TEXT NOT NULL)"
    yield f"""INSERT INTO bench_numbers SELECT row_number() OVER (ORDER BY (n * 48271) % {modulus}) - 1,
        {pad('n', 9)} || CASE WHEN c = 11 THEN '0' ELSE CAST(c AS TEXT) END
        FROM (SELECT n, 11 - ({digits}) % 11 AS c FROM (SELECT 400000000 + i AS n FROM {series(modulus)} AS numbers)
        AS candidates) AS checked WHERE c <> 10"""
    yield "CREATE TABLE bench_children (i INTEGER PRIMARY KEY, household INTEGER NOT NULL)"
    rows = ", ".join(f"({at}, {household})" for at, household in enumerate(child_households()))
    yield f"INSERT INTO bench_children VALUES {rows}"
    yield "CREATE TABLE bench_names (i INTEGER PRIMARY KEY, family TEXT NOT NULL, given TEXT NOT NULL)"
    quoted = [(family.replace("'", "''"), given) for family, given in zip(FAMILIES, GIVEN)]
    yield "INSERT INTO bench_names VALUES " + ", ".join(f"({i}, '{f}', '{g}')" for i, (f, g) in enumerate(quoted))

    family = f"(k / 2 * 7 + k / 11) % {len(FAMILIES)}"
    given = f"(k * 31 + k / 13) % {len(GIVEN)}"
    born = f"CASE WHEN k < {parents} THEN 1965 + k % 35 ELSE 2009 + k % 17 END"
    month = "1 + k % 12"
    # The first millisecond of the year: what the server would work out of the full date is not asked for here.
    year_ms = f"(CAST({born} AS BIGINT) - 1970) * 31556952000 + (k % 12) * 2629746000"
    source = f"bench_numbers JOIN bench_names AS f ON f.i = {family} JOIN bench_names AS g ON g.i = {given} WHERE k < {people}"
    yield f"""INSERT INTO people (nhs_number, standing, birth_date, birth_from, birth_to, practice, updated_at)
        SELECT nhs, 'current', CAST({born} AS TEXT) || '-' || {pad(month, 2)} || '-15', {year_ms}, {year_ms} + 86399999,
        'A' || {pad('81000 + k % 7000', 5)}, {BASE_TIME} + k FROM bench_numbers WHERE k < {people} ORDER BY nhs"""
    yield f"""INSERT INTO person_names (nhs_number, position, name_use, family, given, prefix, suffix)
        SELECT nhs, 0, 'usual', f.family, '["' || g.given || '"]', '[]', '[]' FROM {source} ORDER BY nhs"""
    for position, part, value in ((0, "family", "f.family"), (1, "given", "g.given")):
        yield f"""INSERT INTO person_name_parts (nhs_number, position, part, value, folded)
            SELECT nhs, {position}, '{part}', {value}, lower({value}) FROM {source} ORDER BY nhs"""

    yield f"""CREATE TABLE bench_roles AS SELECT r.i AS r, x.nhs AS proxy, y.nhs AS patient, {uuid('r.i', 0)} AS id,
        1 + CASE WHEN r.i % 5 = 0 THEN 1 ELSE 0 END + CASE WHEN r.i % 33 = 0 THEN 1 ELSE 0 END AS version
        FROM {series(roles)} AS r
        JOIN bench_children c ON c.i = (r.i / 2) % {CHILDREN}
        JOIN bench_numbers x ON x.k = ((r.i / 2) / {CHILDREN} * {len(SIZES)} + c.household) * 2 + r.i % 2
        JOIN bench_numbers y ON y.k = {parents} + r.i / 2"""
    columns = """id, version, proxy, patient, status, reason_code, reason_text, legal_basis, grantor, start_text, end_text,
        start_at, end_at, created_text, created_from, created_to, updated_at, needs_review"""

    def role(version):
        """The columns of a role at its last version, or at an earlier one."""
        is_last = "TRUE" if version == "version" else f"version = {version}"
        is_ended = f"r % 33 = 0 AND {is_last}"
        is_moved = f"r % 5 = 0 AND {version} > 1"
        return f"""id, {version}, proxy, patient,
            CASE WHEN {is_ended} THEN 'inactive' ELSE 'active' END,
            CASE WHEN {is_ended} THEN 'ROLE_DEACTIVATED_END_DATE_REACHED' ELSE 'ROLE_CREATED' END, NULL,
            'parental-responsibility', 'A' || {pad('81000 + r % 7000', 5)}, '2024-02-01',
            CASE WHEN {is_ended} THEN '2025-01-31' WHEN {is_moved} THEN '2039-12-31' ELSE '2037-12-31' END,
            1706745600000,
            CASE WHEN {is_ended} THEN 1738367999999 WHEN {is_moved} THEN 2208988799999 ELSE 2145916799999 END,
            '2024-02-01T09:00:00Z', 1706778000000, 1706778000999, {BASE_TIME} + r * 16 + {version},
            FALSE"""

    yield f"INSERT INTO roles ({columns}) SELECT {role('version')} FROM bench_roles ORDER BY id"
    for version in (1, 2, 3):
        yield f"""INSERT INTO role_versions ({columns}) SELECT {role(version)} FROM bench_roles
            WHERE version >= {version} ORDER BY id"""
    relation = f"{uuid('r', 1)}, 1, proxy, patient, TRUE, TRUE, {BASE_TIME} + r"
    for table in ("relationships", "relationship_versions"):
        yield f"""INSERT INTO {table} (id, version, proxy, patient, verified, active, updated_at)
            SELECT {relation} FROM bench_roles WHERE r % 2 = 0 ORDER BY r"""
    yield f"""INSERT INTO relationship_codes (relationship_id, version, position, system, code, display)
        SELECT {uuid('r', 1)}, 1, 0, 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', 'MTH', 'mother'
        FROM bench_roles WHERE r % 2 = 0 ORDER BY r"""
    yield from samples(roles)


def samples(roles):
    """Whom a run asks for: drawn over the whole range, the same each time."""
    _count, parents, children = households(roles)
    # A step that shares no factor with what roles are shaped by, so that the sample has the shape of the whole.
    step = next(n for n in range(max(1, roles // 20_000), roles + 2311) if math.gcd(n, 2310) == 1)
    yield f"CREATE TABLE bench_sample AS SELECT id, proxy, patient FROM bench_roles WHERE r % {step} = 0 ORDER BY r * 48271 % 65537"
    # Households with three children: a third of the proxies of 9 in 42.
    block = f"(r / 2) % {CHILDREN}"
    of_three = [at for at, household in enumerate(child_households()) if SIZES[household] == 3]
    yield f"""CREATE TABLE bench_three AS SELECT DISTINCT proxy FROM bench_roles
        WHERE {block} IN ({', '.join(map(str, of_three))}) AND r % {max(1, roles // 100_000) * 2} < 2"""
    # Pairs who have no role: a parent, and a child of the household that stands far behind theirs. None of those with three
    # roles, who would have more with every run.
    yield f"""CREATE TABLE bench_pairs AS SELECT x.nhs AS proxy, y.nhs AS patient FROM (SELECT k, nhs FROM bench_numbers
        WHERE k < {min(parents, 4000)}) AS x JOIN (SELECT k, nhs FROM bench_numbers WHERE k >= {parents + children // 2}
        AND k < {min(parents + children, parents + children // 2 + 100)}) AS y ON TRUE
        WHERE x.k < {parents // 3} AND x.nhs NOT IN (SELECT proxy FROM bench_three) ORDER BY y.k, x.k"""
    yield "DROP TABLE bench_roles"


def child_households():
    """In which of twenty households each of their children lives."""
    return [household for household, size in enumerate(SIZES) for _ in range(size)]
