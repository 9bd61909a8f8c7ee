#!/usr/bin/env python3
"""A consumer of OnBehalf's events, with Python's standard library alone. It takes a delivery only if its signature is right and new, writes down what it has before it answers, and
fetches with $events whatever it has missed. Started again, it continues where it stopped.

    SECRET=whsec_… python3 subscriber.py PORT STATE_FILE SUBSCRIPTION_URL [BEARER_TOKEN]

SUBSCRIPTION_URL is where the subscription is read: https://…/FHIR/R4/Subscription/ID. SECRET may hold several
secrets with a space between them, while one replaces another.
"""
import base64, hashlib, hmac, json, os, sys, time, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, STATE, SUBSCRIPTION = int(sys.argv[1]), sys.argv[2], sys.argv[3].rstrip("/")
TOKEN = sys.argv[4] if len(sys.argv) > 4 else None
SECRETS = [base64.b64decode(word.removeprefix("whsec_")) for word in os.environ["SECRET"].split()]
TOLERANCE = 300  # seconds; an older message may be a replay


def load():
    if not os.path.exists(STATE):
        return {"last": 0, "events": []}
    with open(STATE) as file:
        return json.load(file)


def save(state):  # It is on disk, whole, before anybody is told so.
    with open(STATE + ".new", "w") as file:
        file.write(json.dumps(state))
        file.flush()
        os.fsync(file.fileno())
    os.replace(STATE + ".new", STATE)


def is_signed(headers, body):
    message, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent.isdigit() or abs(time.time() - int(sent)) > TOLERANCE:
        return False
    signed = f"{message}.{sent}.".encode() + body
    good = ["v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in SECRETS]
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(one, other) for one in good for other in given)


def read(bundle):  # How many events there were, and those of this bundle.
    status = bundle["entry"][0]["resource"]["parameter"]
    since = next(int(p["valueString"]) for p in status if p["name"] == "events-since-subscription-start")
    events = []
    for parameter in (p for p in status if p["name"] == "notification-event"):
        part = {p["name"]: p for p in parameter["part"]}
        focus = part.get("focus", {}).get("valueReference", {}).get("reference")
        events.append({"number": int(part["event-number"]["valueString"]), "focus": focus})
    return since, sorted(events, key=lambda event: event["number"])


def fetch(first, last):  # An answer may be shorter than what was asked for: take() asks on.
    query = f"{SUBSCRIPTION}/$events?eventsSinceNumber={first}&eventsUntilNumber={last}"
    request = urllib.request.Request(query, headers={"Authorization": f"Bearer {TOKEN}"} if TOKEN else {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return read(json.load(answer))[1]


def take(state, events, since):
    while True:
        for event in events:  # One that is known already is a duplicate.
            if event["number"] == state["last"] + 1:
                state["events"].append(event)
                state["last"] = event["number"]
        newest = max([since] + [event["number"] for event in events])
        if state["last"] >= newest:
            return
        missed = fetch(state["last"] + 1, newest)
        if not missed or missed[0]["number"] != state["last"] + 1:
            raise LookupError(f"event {state['last'] + 1} is not kept any more")
        events = missed + events


class Consumer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        code = 401
        if is_signed(self.headers, body):
            try:
                state, (since, events) = load(), read(json.loads(body))
                take(state, events, since if events else state["last"])
                save(state)
                code = 204
            except Exception as error:  # It is sent again.
                print(f"not taken: {error}", file=sys.stderr)
                code = 503
        self.send_response(code)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", PORT), Consumer).serve_forever()
