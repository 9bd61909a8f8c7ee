"""A cluster on one machine: a PostgreSQL primary and its replica, servers, HAProxy, and PgBouncer if asked for."""

import glob
import hashlib
import http.client
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = [f"cluster-token-{number}" for number in range(8)]
SECRET = "cluster-secret"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def fill(name, path, values):
    """Writes one of the files of this folder with its @PLACES@ filled in."""
    with open(f"{HERE}/{name}") as file:
        text = file.read()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    with open(path, "w") as file:
        file.write(text)
    return path


def ready(port, path="/ready"):
    """What a server answers; 0 where it does not."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status
    except OSError:
        return 0
    except http.client.HTTPException:
        return 0


def wait(what, condition, seconds=60):
    """Waits until something is so; how long that took, in seconds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)
    return time.monotonic() - start


class Part:
    """A process of the cluster, known by its id."""

    def __init__(self, name, command, log, prefix=()):
        self.name, self.command, self.log, self.prefix = name, command, log, list(prefix)
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, *self.command], stdout=log, stderr=log, cwd="/", start_new_session=True)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self, number=signal.SIGTERM):
        if self.is_running():
            self.process.send_signal(number)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


class Postgres(Part):
    """A PostgreSQL that listens on a socket in its folder; durable, as users run it."""

    def __init__(self, cluster, name):
        self.folder = f"{cluster.folder}/{name}"
        self.bin = cluster.bin
        os.makedirs(self.folder)
        if cluster.owner:
            shutil.chown(self.folder, cluster.owner)
        os.chmod(self.folder, 0o700)
        self.data = f"{self.folder}/data"
        super().__init__(name, [f"{self.bin}/postgres", "-D", self.data], f"{cluster.folder}/{name}.log", cluster.as_owner)

    def run(self, program, *arguments):
        subprocess.run([*self.prefix, f"{self.bin}/{program}", *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def make(self):
        self.run("initdb", "-D", self.data, "-U", "onbehalf", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.configure("wal_keep_size = 256MB\nmax_connections = 100\n")

    def copy(self, primary):
        self.run("pg_basebackup", "-h", primary.folder, "-U", "onbehalf", "-D", self.data, "-R", "-X", "stream", "-c", "fast")
        self.configure("hot_standby_feedback = on\nwal_retrieve_retry_interval = 200ms\n")

    def configure(self, text):
        with open(f"{self.data}/postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n{text}")

    def answers(self):
        command = [f"{self.bin}/pg_isready", "-q", "-h", self.folder]
        return subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0

    def start(self):
        super().start()
        def is_up():
            if not self.is_running():
                # One that was killed may leave processes that are still going: they are waited for.
                time.sleep(0.1)
                super(Postgres, self).start()
            return self.answers()
        wait(f"the {self.name}", is_up)

    def stop(self, number=signal.SIGINT):
        super().stop(number)

    def url(self, database="onbehalf"):
        return f"postgres://onbehalf@{urllib.parse.quote(self.folder, safe='')}/{database}"

    def query(self, statement, database="onbehalf"):
        command = [f"{self.bin}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url(database)]
        done = subprocess.run(command, input=statement, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return [line.split("|") for line in done.stdout.splitlines()]


class Server(Part):
    """`onbehalf serve`."""

    def __init__(self, cluster, number):
        self.port = free_port()
        self.settings = cluster.settings(self.port, f"{cluster.folder}/server{number}.toml")
        super().__init__(f"server {number}", [cluster.binary, "--config", self.settings, "serve"], f"{cluster.folder}/server{number}.log")

    def start(self):
        super().start()
        wait(self.name, lambda: ready(self.port) == 200)


class Cluster:
    """All of it. `with Cluster(…) as cluster:` starts it, and leaves nothing behind."""

    def __init__(self, binary, folder, servers=2, pgbouncer=False, replica=True, most_lag=500):
        self.binary, self.folder, self.count, self.most_lag = os.path.abspath(binary), folder, servers, most_lag
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.bin = found[-1] if found else os.path.dirname(shutil.which("initdb"))
        # PostgreSQL and PgBouncer refuse to run as root.
        self.owner = "postgres" if os.geteuid() == 0 else None
        self.as_owner = []
        if self.owner:
            user = pwd.getpwnam(self.owner)
            self.as_owner = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.port = free_port()
        self.has_pgbouncer, self.has_replica = pgbouncer, replica
        self.pgbouncer = self.replica = self.haproxy = None
        self.servers, self.started = [], []

    def begin(self, part):
        self.started.append(part)
        part.start()
        return part

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        os.chmod(self.folder, 0o755)
        self.primary = Postgres(self, "primary")
        self.primary.make()
        self.begin(self.primary)
        self.primary.query("CREATE DATABASE onbehalf", "postgres")
        # Migrations and seeds go to the database itself, past a pooler.
        self.onbehalf("migrate", "up")
        if self.has_replica:
            self.replica = Postgres(self, "replica")
            self.replica.copy(self.primary)
            self.begin(self.replica)
        if self.has_pgbouncer:
            self.pgbouncer = self.begin(self.make_pgbouncer())
            wait("PgBouncer", lambda: os.path.exists(f"{self.folder}/pgbouncer/.s.PGSQL.6432"))
        for number in range(1, self.count + 1):
            self.servers.append(self.begin(Server(self, number)))
        self.haproxy = self.begin(self.make_haproxy())
        wait("HAProxy", lambda: ready(self.port) == 200)
        return self

    def stop(self):
        for part in reversed(self.started):
            part.stop()

    def make_pgbouncer(self):
        folder = f"{self.folder}/pgbouncer"
        os.makedirs(folder)
        if self.owner:
            shutil.chown(folder, self.owner)
        ini = fill("pgbouncer.ini", f"{self.folder}/pgbouncer.ini", {"PRIMARY": self.primary.folder, "FOLDER": folder})
        return Part("PgBouncer", ["pgbouncer", ini], f"{self.folder}/pgbouncer.out", self.as_owner)

    def make_haproxy(self):
        settings = f"{self.folder}/haproxy.cfg"
        shutil.copy(f"{HERE}/busy.http", f"{self.folder}/busy.http")
        fill("haproxy.cfg", settings, {"PORT": self.port, "FOLDER": self.folder})
        with open(settings, "a") as file:
            for number, server in enumerate(self.servers, 1):
                file.write(f"    server server{number} 127.0.0.1:{server.port}\n")
        return Part("HAProxy", ["haproxy", "-db", "-f", settings], f"{self.folder}/haproxy.log")

    def settings(self, port, path, direct=False):
        url = self.primary.url()
        if self.has_pgbouncer and not direct:
            url = f"postgres://onbehalf@{urllib.parse.quote(self.folder + '/pgbouncer', safe='')}:6432/onbehalf"
        tokens = "".join(
            f'[[access.tokens]]\nname = "caller-{number}"\nmode = "system"\nsha256 = "{digest(token)}"\n'
            for number, token in enumerate(TOKENS)
        )
        return fill("onbehalf.toml", path, {
            "PORT": port, "PUBLIC_URL": f"http://127.0.0.1:{self.port}", "DATABASE": url, "FOLDER": self.folder,
            "POOLER": "transaction" if self.has_pgbouncer and not direct else "none",
            "REPLICA": self.replica.url() if self.replica and not direct else "", "MOST_LAG": self.most_lag,
            "SECRET": digest(SECRET), "TOKENS": tokens,
        })

    def onbehalf(self, *arguments):
        """Runs a verb of the program on the primary; what it prints."""
        settings = self.settings(0, f"{self.folder}/direct.toml", direct=True)
        done = subprocess.run([self.binary, "--config", settings, *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"onbehalf {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout
