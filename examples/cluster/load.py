"""Clients: they create roles, change them and read them through the load balancer, and keep what was acknowledged."""

import http.client
import json
import os
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
R4 = "/FHIR/R4"
JSON = "application/fhir+json"
CONSENT = json.load(open(f"{HERE}/../consent-create.json"))
# What the contract's front wants said there, the FHIR front does not hold.
del CONSENT["provision"]["actor"][0]["reference"]["type"]
CONSENT = json.dumps(CONSENT)


def nhs_numbers(count):
    """So many valid numbers of those that are set aside for tests (999…)."""
    numbers, stem = [], 999_000_000
    while len(numbers) < count:
        check = 11 - sum(int(digit) * weight for digit, weight in zip(str(stem), range(10, 1, -1))) % 11
        if check != 10:
            numbers.append(f"{stem}{check % 11}")
        stem += 1
    return numbers


def people(numbers):
    """A file for `onbehalf seed`."""
    name = {"use": "usual", "family": "Invented", "given": ["Test"]}
    rows = [{"nhs_number": number, "name": name, "birth_date": "1980-01-31", "gp_ods": "A20047"} for number in numbers]
    return json.dumps({"people": rows})


def body(proxy, patient):
    return CONSENT.replace("9000000017", proxy).replace("9000000025", patient)


class Caller:
    """Sends requests with one token, over a connection that is kept or over a new one for each."""

    def __init__(self, port, token, keep=True):
        self.port, self.token, self.keep, self.connection = port, token, keep, None

    def send(self, method, path, payload=None, headers=()):
        """Status, headers and body."""
        headers = {"Authorization": f"Bearer {self.token}", **dict(headers)}
        if not self.keep:
            headers["Connection"] = "close"
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self.connection.request(method, R4 + path, payload, headers)
            response = self.connection.getresponse()
            read = response.status, response.headers, response.read()
        except BaseException:
            self.close()
            raise
        if not self.keep:
            self.close()
        return read

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def create(self, proxy, patient):
        return self.send("POST", "/Consent", body(proxy, patient), {"Content-Type": JSON})

    def patch(self, role, version, day):
        change = [{"op": "add", "path": "/provision/period/end", "value": f"2036-01-{day:02}"}]
        headers = {"Content-Type": "application/json-patch+json", "If-Match": f'W/"{version}"'}
        return self.send("PATCH", f"/Consent/{role}", json.dumps(change), headers)

    def read(self, role):
        return self.send("GET", f"/Consent/{role}")


def version_of(payload):
    resource = json.loads(payload)
    return resource["id"], int(resource["meta"]["versionId"])


class Worker(threading.Thread):
    """A well-behaved client: what is answered 503 it tries again after the time that Retry-After says."""

    def __init__(self, load, number, token, pairs):
        super().__init__(daemon=True)
        self.load, self.number, self.pairs = load, number, pairs
        # A write on a kept connection whose server dies is answered by the end of the connection (HAProxy leaves
        # it to the client to try again); on a new connection it is answered 503.
        self.writer = Caller(load.port, token, keep=load.keeps)
        self.reader = Caller(load.port, token)
        self.roles = []

    def run(self):
        step = 0
        try:
            while not self.load.stopping.is_set():
                step += 1
                if not self.roles or step % 3 == 0 and self.pairs:
                    self.create(*self.pairs.pop())
                elif step % 3 == 1:
                    self.patch(self.roles[step % len(self.roles)], 1 + step % 28)
                else:
                    self.read(self.roles[step % len(self.roles)])
                time.sleep(self.load.pause)
        except Exception as error:  # A test must hear of whatever it is.
            self.load.failures.append(f"client {self.number}: {error!r}")

    def create(self, proxy, patient):
        status, payload, again = self.ask(lambda: self.writer.create(proxy, patient), (201, 409))
        if status == 201:
            role, version = version_of(payload)
            self.roles.append(role)
            self.load.acknowledge(role, version)
        elif status == 409 and not again:
            self.load.failures.append(f"client {self.number}: a new pair has a role already")

    def patch(self, role, day):
        expected = self.load.written[role]
        status, payload, again = self.ask(lambda: self.writer.patch(role, expected, day), (200, 412))
        if status == 200:
            self.load.acknowledge(*version_of(payload))
        elif status == 412:
            if not again:
                self.load.failures.append(f"client {self.number}: {role} is not at version {expected}")
            # An attempt that was answered 503 has happened after all.
            _status, payload, _again = self.ask(lambda: self.reader.read(role), (200,))
            self.load.acknowledge(*version_of(payload))

    def read(self, role):
        expected = self.load.written[role]
        _status, payload, _again = self.ask(lambda: self.reader.read(role), (200,))
        if payload and version_of(payload)[1] < expected:
            self.load.failures.append(f"client {self.number}: reads {role} older than its own version {expected}")

    def ask(self, send, expected):
        """Status, body, and whether it was tried more than once."""
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            try:
                status, headers, payload = send()
                refused = "" if status in expected else f"{status}"
                if status == 503 and not headers.get("Retry-After"):
                    refused = "503 without Retry-After"
            except ConnectionRefusedError:
                status, headers, payload, refused = 0, {}, b"", "connection refused"
            except (ConnectionError, http.client.RemoteDisconnected) as error:
                status, headers, payload, refused = 0, {}, b"", f"connection broken ({type(error).__name__})"
            now = time.monotonic()
            if not refused:
                self.load.tell(started, now, tries)
                return status, payload, tries > 1
            self.load.refuse(refused, now, status, payload)
            if self.load.is_over(started):
                return 0, b"", True
            time.sleep(min(float(headers.get("Retry-After", 0.1)), 0.25))


class Load:
    """Workers, and what they have seen."""

    def __init__(self, port, tokens, pairs, workers=8, keeps=False, pause=0.01):
        self.port, self.keeps, self.pause = port, keeps, pause
        self.stopping, self.lock = threading.Event(), threading.Lock()
        self.written, self.failures, self.refusals, self.answered = {}, [], [], []
        share = len(pairs) // workers
        self.workers = [
            Worker(self, at, tokens[at % len(tokens)], pairs[at * share:(at + 1) * share]) for at in range(workers)
        ]

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for worker in self.workers:
            worker.join(90)

    def acknowledge(self, role, version):
        with self.lock:
            self.written[role] = max(version, self.written.get(role, 0))

    def tell(self, started, now, tries):
        with self.lock:
            self.answered.append((started, now, tries))

    def refuse(self, what, now, status, payload):
        with self.lock:
            self.refusals.append((now, what))
            if status and status != 503:
                self.failures.append(f"{what}: {payload[:300]!r}")

    def is_over(self, started):
        return self.stopping.is_set() and time.monotonic() - started > 60

    def kinds(self, since=0.0):
        """How often each refusal was seen."""
        with self.lock:
            seen = [what for at, what in self.refusals if at >= since]
        return {what: seen.count(what) for what in sorted(set(seen))}

    def longest(self, since, until):
        """The longest that one request took, tries and waits included, of those that ended then."""
        with self.lock:
            return max((end - start for start, end, _tries in self.answered if since <= end <= until), default=0.0)

    def last_refusal(self, since):
        with self.lock:
            return max((at for at, _what in self.refusals if at >= since), default=None)

    def rate(self, since, until):
        with self.lock:
            return sum(since <= end <= until for _start, end, _tries in self.answered) / (until - since)
