"""The server as users run it: durable commits, access tokens, audit record and log on; and PostgreSQL beside it."""

import base64
import glob
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
import uuid

from data import Postgres, Sqlite, fill
from machine import Process, free_port, wait_for

SECRET = "bench"
METRICS = "bench-metrics"
SETTINGS = """
[server]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
[database]
url = "{url}"
[limits]
requests_per_minute = 0
log_in_requests_per_minute = 0
[health]
metrics_token_sha256 = "{metrics}"
[secrets]
key_file = "{folder}/onbehalf.key"
# At their first run they would mark every child who has passed a birthday: work of another kind.
[jobs]
enabled = false
# The consumers of events stand on this machine.
[subscriptions]
loopback = true
concurrency_per_host = 64
[oauth]
enabled = true
keys = "{folder}/keys"
access_token_seconds = 3600
[[oauth.apps]]
client_id = "bench"
name = "The load"
mode = "system"
authentication = "secret"
secret_sha256 = "{secret}"
grants = ["client_credentials"]
scopes = "system/*.cruds"
introspection = true
"""


class Cluster:
    """A PostgreSQL of our own on the disk, with fsync on; reached through a socket."""

    def __init__(self, folder):
        self.folder = f"{folder}/postgres"
        is_there = os.path.exists(f"{self.folder}/data/PG_VERSION")
        os.makedirs(self.folder, exist_ok=True)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.bin = found[-1] if found else os.path.dirname(shutil.which("initdb"))
        self.prefix = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.prefix = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        if not is_there:
            self.run("initdb", "-D", f"{self.folder}/data", "-U", "onbehalf", "-A", "trust", "-E", "UTF8", "--locale=C")
            with open(f"{self.folder}/data/postgresql.conf", "a") as conf:
                conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nshared_buffers = 1GB\n")
                conf.write("max_wal_size = 4GB\nmaintenance_work_mem = 512MB\n")
                conf.write("track_commit_timestamp = on\n")
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w", "start")
        self.pid = int(open(f"{self.folder}/data/postmaster.pid").readline())

    def run(self, program, *arguments):
        command = [*self.prefix, f"{self.bin}/{program}", *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def url(self, name):
        return f"postgres://onbehalf@{urllib.parse.quote(self.folder, safe='')}/{name}"

    def make(self, name):
        """The URL of a database, which is made unless it is there."""
        known = Postgres(self.url("postgres"), f"{self.bin}/psql").run("SELECT datname FROM pg_database")
        if (name,) not in known:
            self.run("createdb", "-h", self.folder, "-U", "onbehalf", name)
        return self.url(name)

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "fast", "-w", "stop")


def fill_database(binary, url, roles, cluster, mark):
    """Migrates a database and fills it, unless the file `mark` says that it was; how long the filling took, in seconds."""
    if os.path.exists(mark):
        return float(open(mark).read())
    subprocess.run([binary, "--database", url, "migrate", "up"], check=True, stdout=subprocess.DEVNULL)
    start = time.monotonic()
    fill(connect(url, cluster), roles)
    took = time.monotonic() - start
    with open(mark, "w") as file:
        file.write(str(took))
    return took


def connect(url, cluster):
    return Postgres(url, f"{cluster.bin}/psql") if url.startswith("postgres") else Sqlite(url.removeprefix("sqlite:"))


def lines(url, cluster, query):
    """The rows of a query, as lines of comma-separated words."""
    if url.startswith("postgres"):
        rows = Postgres(url, f"{cluster.bin}/psql").run(query)
    else:
        import sqlite3

        with sqlite3.connect(url.removeprefix("sqlite:")) as connection:
            rows = connection.execute(query).fetchall()
    return [",".join(map(str, row)) for row in rows]


class Server:
    """`onbehalf serve` on a free port, and tokens for it."""

    def __init__(self, binary, folder, url):
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.folder, self.url = folder, url
        settings = f"{folder}/onbehalf.toml"
        digest = lambda text: hashlib.sha256(text.encode()).hexdigest()
        with open(settings, "w") as file:
            file.write(SETTINGS.format(port=self.port, url=url, folder=folder, secret=digest(SECRET), metrics=digest(METRICS)))
        self.process = Process([binary, "--config", settings, "serve"], f"{folder}/server.log")
        self.pid = self.process.pid
        self.started_in = wait_for(f"{self.base}/ready", self.process)
        self.system = self.token()

    def post(self, path, form):
        basic = base64.b64encode(f"bench:{SECRET}".encode()).decode()
        request = urllib.request.Request(self.base + path, urllib.parse.urlencode(form).encode())
        request.add_header("Authorization", f"Basic {basic}")
        return json.load(urllib.request.urlopen(request))

    def token(self):
        return self.post("/oauth/token", {"grant_type": "client_credentials", "scope": "system/*.cruds"})["access_token"]

    def citizen(self, nhs_number, insert):
        """A token as the server gives one to a citizen at a log-in: signed with its key, on a grant of its database."""
        head, body, _signature = (part + "=" * (-len(part) % 4) for part in self.system.split("."))
        head, claims = (json.loads(base64.urlsafe_b64decode(part)) for part in (head, body))
        grant, scope = str(uuid.uuid4()), "openid delegation patient/*.rs"
        now = int(time.time() * 1000)
        insert(
            "INSERT INTO grants (id, app, mode, patient, scope, vot, created_at, expires_at) VALUES "
            f"('{grant}', 'bench', 'citizen', '{nhs_number}', '{scope}', 'P9.Cp.Cd', {now}, {now + 3_600_000})"
        )
        claims.update({
            "sub": nhs_number, "scope": scope, "jti": str(uuid.uuid4()), "patient": nhs_number,
            "identity_proofing_level": "P9", "vot": "P9.Cp.Cd",
            "https://fhir.onbehalf.org.uk/claims/grant": grant, "https://fhir.onbehalf.org.uk/claims/mode": "citizen",
        })
        encode = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        signed = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        key = glob.glob(f"{self.folder}/keys/*{head['kid']}.pem")[0]
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed.encode(), capture_output=True, check=True)
        return f"{signed}.{encode(raw_signature(der.stdout))}"

    def statements(self):
        """How many statements the server has sent to its database."""
        request = urllib.request.Request(f"{self.base}/metrics", headers={"Authorization": f"Bearer {METRICS}"})
        text = urllib.request.urlopen(request).read().decode()
        return int(re.search(r"^onbehalf_sql_statements_total (\d+)", text, re.MULTILINE).group(1))

    def stop(self):
        self.process.stop()


def raw_signature(der):
    """An ECDSA signature as JWTs have it (RFC 7518 section 3.4), of the one that openssl writes: two numbers in DER."""
    at = 2
    numbers = []
    for _ in range(2):
        length = der[at + 1]
        numbers.append(der[at + 2:at + 2 + length].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + length
    return b"".join(numbers)
