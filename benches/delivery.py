"""How fast events reach those who subscribed, from outside: changes over HTTP, consumers on sockets of their own."""

import asyncio
import http.client
import json
import re
import statistics
import threading
import time
import urllib.request

R4 = "/FHIR/R4"
NUMBERS = re.compile(rb'"event-number","valueString":"(\d+)"')


class Consumers:
    """Web servers that take every notification, and know when its first byte came. All in one thread."""

    def __init__(self, count):
        self.first, self.told, self.ports = {}, [0] * count, []
        self.loop = asyncio.new_event_loop()
        is_ready = threading.Event()
        threading.Thread(target=self.run, args=(count, is_ready), daemon=True).start()
        is_ready.wait()

    def run(self, count, is_ready):
        asyncio.set_event_loop(self.loop)
        for at in range(count):
            server = self.loop.run_until_complete(asyncio.start_server(self.handler(at), "127.0.0.1", 0))
            self.ports.append(server.sockets[0].getsockname()[1])
        is_ready.set()
        self.loop.run_forever()

    def handler(self, at):
        async def handle(reader, writer):
            try:
                while True:
                    first = await reader.read(1)
                    came = time.perf_counter()
                    if not first:
                        return
                    head = first + await reader.readuntil(b"\r\n\r\n")
                    length = int(re.search(rb"content-length: *(\d+)", head, re.IGNORECASE).group(1))
                    body = await reader.readexactly(length)
                    numbers = [int(number) for number in NUMBERS.findall(body)]
                    for number in numbers:
                        self.first.setdefault((at, number), came)
                    self.told[at] += len(numbers)
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()
        return handle

    def wait(self, condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit("events are left")
            time.sleep(0.002)


def subscribe(run, port):
    """A Backport subscription to every change of a role."""
    subscription = {
        "resourceType": "Subscription", "status": "requested", "reason": "To measure",
        "meta": {"profile": ["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription"]},
        "criteria": "https://fhir.onbehalf.org.uk/R4/SubscriptionTopic/proxy-role",
        "channel": {
            "type": "rest-hook", "endpoint": f"http://127.0.0.1:{port}/", "payload": "application/fhir+json",
            "_payload": {"extension": [{
                "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content",
                "valueCode": "id-only"}]},
        },
    }
    request = urllib.request.Request(f"{run.base}{R4}/Subscription", json.dumps(subscription).encode())
    request.add_header("Authorization", f"Bearer {run.system}")
    request.add_header("Content-Type", "application/fhir+json")
    return json.load(urllib.request.urlopen(request))["id"]


def is_active(run, id):
    request = urllib.request.Request(f"{run.base}{R4}/Subscription/{id}")
    request.add_header("Authorization", f"Bearer {run.system}")
    return json.load(urllib.request.urlopen(request))["status"] == "active"


def changes(run, roles, first, count, pause):
    """Changes roles one after another; when each request was sent and when it was answered. `first` numbers the changes of a
    run on: what is so already is no change."""
    connection = http.client.HTTPConnection("127.0.0.1", run.port)
    headers = {"Authorization": f"Bearer {run.system}", "Content-Type": "application/json-patch+json"}
    begun, times = time.perf_counter(), []
    for at in range(first, first + count):
        time.sleep(max(0, begun + (at - first) * pause - time.perf_counter()))
        patch = [{"op": "replace", "path": "/provision/period/end", "value": f"2036-{at % 12 + 1:02}-{at % 28 + 1:02}"}]
        sent = time.perf_counter()
        connection.request("PATCH", f"{R4}/Consent/{roles[at % len(roles)]}", json.dumps(patch), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"a change was answered {answer.status}")
        times.append((sent, time.perf_counter()))
    connection.close()
    return times


def measure(run, roles, insert_events, commits):
    """All figures; `insert_events` writes so many events at once, behind the back of the server; `commits` tells when the
    last so many changes were committed, in seconds since 1970."""
    since_1970 = time.time() - time.perf_counter()
    consumers = Consumers(1)
    id = subscribe(run, consumers.ports[0])
    consumers.wait(lambda: is_active(run, id))
    result = {"latency": {}, "rate": {}}
    for name, count, pause in (("idle", 400, 0.05), ("200 changes/s", 4000, 0.005)):
        before = max((number for _at, number in consumers.first), default=0)
        times = changes(run, roles, before, count, pause)
        consumers.wait(lambda: (0, before + count) in consumers.first)
        came = [consumers.first[0, before + at + 1] for at in range(count)]
        since = {
            "sent": [c - sent for c, (sent, _) in zip(came, times)],
            "committed": [c + since_1970 - done for c, done in zip(came, commits(count))],
            "answered": [c - done for c, (_, done) in zip(came, times)],
        }
        result["latency"][name] = {
            key: [1000 * at for at in statistics.quantiles(values, n=100)[49::49]] for key, values in since.items()
        }
        took = times[-1][1] - times[0][0]
        result["latency"][name]["changes_per_second"] = count / took
    end(run, id)
    for subscribers in (1, 10, 100):
        consumers = Consumers(subscribers)
        ids = [subscribe(run, port) for port in consumers.ports]
        for id in ids:
            consumers.wait(lambda: is_active(run, id))
        events = 20_000 // max(2, subscribers)
        begun = time.perf_counter()
        insert_events(events)
        consumers.wait(lambda: all(told >= events for told in consumers.told))
        result["rate"][str(subscribers)] = events * subscribers / (time.perf_counter() - begun)
        for id in ids:
            end(run, id)
    return result


def end(run, id):
    request = urllib.request.Request(f"{run.base}{R4}/Subscription/{id}", method="DELETE")
    request.add_header("Authorization", f"Bearer {run.system}")
    urllib.request.urlopen(request)
