"""Logs in at Keycloak through a running server. Arguments: a temporary folder with Keycloak and the certificates, the
binary, and the file of people. Prints a line for each test."""

import base64
import hashlib
import html
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from realms import realms

FOLDER, BINARY, PEOPLE = Path(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
CALLBACK = "http://127.0.0.1:9000/callback"
CA = str(FOLDER / "ca.pem")
SETTINGS = """
[server]
listen = "127.0.0.1:{port}"
public_url = "{root}"
[database]
url = "sqlite:onbehalf.sqlite"
[contract]
nhs_number_check = "length"
[oauth]
enabled = true
"""
APP = """
[[oauth.apps]]
client_id = "{id}"
name = "{id}"
mode = "{mode}"
authentication = "none"
redirect_uris = ["{callback}"]
grants = ["authorization_code"]
scopes = "{scopes}"
"""
PROVIDER = """
[[oauth.providers]]
id = "{id}"
name = "{id}"
kind = "{kind}"
issuer = "{issuer}"
client_id = "onbehalf-{id}"
scopes = "openid profile"
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait(what, seconds, ready):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise AssertionError(f"{what} is not ready after {seconds} s")


class Keycloak:
    def __init__(self, root):
        self.port, self.management, self.process = free_port(), free_port(), None
        self.url = f"https://localhost:{self.port}"
        folder = FOLDER / "keycloak" / "data" / "import"
        folder.mkdir(parents=True)
        for realm in realms(root):
            (folder / f"{realm['realm']}-realm.json").write_text(json.dumps(realm))

    def start(self, *more):
        environment = {
            **os.environ,
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx700m",
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": "an admin",
        }
        options = [
            f"--https-port={self.port}",
            f"--http-management-port={self.management}",
            f"--http-port={free_port()}",
            "--http-host=127.0.0.1",
            f"--hostname={self.url}",
            f"--https-certificate-file={FOLDER}/provider.pem",
            f"--https-certificate-key-file={FOLDER}/provider.key",
            "--cache=local",
            "--db=dev-file",
        ]
        log = open(FOLDER / "keycloak.log", "ab")
        command = [FOLDER / "keycloak/bin/kc.sh", "start-dev", *options, *more]
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        (FOLDER / "keycloak.pid").write_text(str(self.process.pid))
        documents = f"{self.url}/realms/nhs/.well-known/openid-configuration"
        wait("Keycloak", 240, lambda: requests.get(documents, verify=CA, timeout=5).status_code == 200)

    def stop(self):
        # The script and its JVM are a process group of their own.
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def admin(self, method, path, **sent):
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "an admin"}
        token = requests.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form, verify=CA, timeout=20)
        token.raise_for_status()
        headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        answer = requests.request(method, f"{self.url}/admin/realms/{path}", headers=headers, verify=CA, timeout=20, **sent)
        answer.raise_for_status()
        return answer

    def keys(self, realm):
        answer = requests.get(f"{self.url}/realms/{realm}/protocol/openid-connect/certs", verify=CA, timeout=20)
        return {key["kid"] for key in answer.json()["keys"]}


class Server:
    def __init__(self, port, root, provider):
        self.root, self.process = root, None
        settings = SETTINGS.format(port=port, root=root)
        settings += APP.format(id="portal", mode="citizen", callback=CALLBACK, scopes="openid fhirUser launch/patient patient/*.rs")
        settings += APP.format(id="desk", mode="staff", callback=CALLBACK, scopes="openid fhirUser user/*.rs")
        for name, kind, realm in [("nhs", "nhs-login", "nhs"), ("others", "nhs-login", "nhs"), ("staff", "generic", "staff")]:
            settings += PROVIDER.format(id=name, kind=kind, issuer=f"{provider.url}/realms/{realm}")
            if kind == "generic":
                settings += 'mode = "staff"\n'
        (FOLDER / "onbehalf.toml").write_text(settings)

    def start(self):
        environment = {**os.environ, "SSL_CERT_FILE": CA}
        command = [BINARY, "--config", "onbehalf.toml"]
        for verb in (["migrate", "up"], ["seed", PEOPLE]):
            subprocess.run([*command, *verb], cwd=FOLDER, env=environment, check=True, capture_output=True)
        log = open(FOLDER / "server.log", "ab")
        self.process = subprocess.Popen([*command, "serve"], cwd=FOLDER, env=environment, stdout=log, stderr=log)
        (FOLDER / "server.pid").write_text(str(self.process.pid))
        wait("the server", 30, lambda: requests.get(f"{self.root}/ready", timeout=5).status_code == 200)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def form(page, action):
    """The address and the hidden fields of the form whose action has this in it."""
    for head, body in re.findall(r"(<form[^>]*>)(.*?)</form>", page.text, re.S):
        target = re.search(r'action="([^"]*)"', head)
        if target and action in target.group(1):
            inputs = re.findall(r"<input[^>]*>", body)
            fields = {}
            for one in inputs:
                name, value = re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)
                if 'type="hidden"' in one and name:
                    fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
            return urljoin(page.url, html.unescape(target.group(1))), fields
    raise AssertionError(f"no form for {action} at {page.url.split('?')[0]}: {page.status_code} {text(page)}")


def text(page):
    words = re.sub(r"(?s)<style.*?</style>|<script.*?</script>|<[^>]*>", " ", page.text)
    return re.sub(r"\s+", " ", html.unescape(words)).strip()[:500]


class Browser:
    """Follows redirects as a browser does, and stops where one leads back to the app."""

    def __init__(self):
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = CA, False
        self.visited = []

    def open(self, url, method="GET", **sent):
        answer = self.session.request(method, url, allow_redirects=False, timeout=30, **sent)
        while answer.is_redirect:
            url = urljoin(answer.url, answer.headers["location"])
            self.visited.append(url)
            if url.startswith(CALLBACK):
                return url
            answer = self.session.get(url, allow_redirects=False, timeout=30)
        return answer

    def submit(self, page, action, **chosen):
        url, fields = form(page, action)
        return self.open(url, "POST", data={**fields, **chosen})


class LogIn:
    """A way from the app to the provider and back."""

    def __init__(self, server, app, scope):
        self.server, self.app, self.browser = server, app, Browser()
        self.verifier, self.state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.params = {
            "response_type": "code",
            "client_id": app,
            "redirect_uri": CALLBACK,
            "scope": scope,
            "state": self.state,
            "aud": f"{server.root}/FHIR/R4",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }

    def choose(self, provider):
        page = self.browser.open(f"{self.server.root}/oauth/authorize", params=self.params)
        # With one provider the server goes there at once; of several the person chooses.
        chosen = re.search(rf'href="([^"]*)">Continue to {provider}<', page.text)
        return self.browser.open(urljoin(page.url, html.unescape(chosen.group(1)))) if chosen else page

    def identify(self, page, name):
        """Fills in the provider's own page."""
        return self.browser.submit(page, "login-actions/authenticate", username=name, password="a password", credentialId="")

    def token(self, location):
        answered = {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}
        assert answered.get("state") == self.state and "code" in answered, answered
        form = {
            "grant_type": "authorization_code",
            "client_id": self.app,
            "code": answered["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
        }
        answer = requests.post(f"{self.server.root}/oauth/token", data=form, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()


def citizen(server, provider="nhs", person="lisa"):
    """Logs a citizen in and approves; the token."""
    way = LogIn(server, "portal", "openid fhirUser launch/patient patient/Consent.rs patient/Patient.r")
    page = way.identify(way.choose(provider), person)
    assert page.status_code == 200, (page.status_code, text(page))
    page = way.browser.submit(page, "/oauth/patient", patient="self")
    return way, way.token(way.browser.submit(page, "/oauth/approve", answer="allow"))


def refused(server, provider, person, app="portal", scope="openid launch/patient patient/Consent.rs"):
    """The page, or the place, where a log-in ends that is not taken."""
    way = LogIn(server, app, scope)
    page = way.identify(way.choose(provider), person)
    if isinstance(page, str):
        answered = parse_qs(urlsplit(page).query)
        assert "code" not in answered and answered["error"], page
        return answered["error"][0]
    assert page.url.startswith(server.root), page.url
    assert "/oauth/patient" not in page.text and "/oauth/approve" not in page.text, text(page)
    return f"{page.status_code} {text(page)}"


def read(server, token, path):
    answer = requests.get(f"{server.root}/FHIR/R4/{path}", headers={"Authorization": f"Bearer {token['access_token']}"}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()


def jwt(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def a_citizen_logs_in_by_discovery_with_pkce_and_private_key_jwt(server, keycloak):
    way, token = citizen(server)
    assert token["patient"] == "9000000017", token
    asked = next(url for url in way.browser.visited if url.startswith(f"{keycloak.url}/realms/nhs"))
    sent = parse_qs(urlsplit(asked).query)
    assert sent["code_challenge_method"] == ["S256"] and sent["nonce"] and sent["state"] and "vtr" in sent, sorted(sent)
    back = next(url for url in way.browser.visited if "/oauth/callback/nhs" in url)
    assert parse_qs(urlsplit(back).query)["iss"] == [f"{keycloak.url}/realms/nhs"], back
    assert read(server, token, "Patient/9000000017")["id"] == "9000000017"
    assert read(server, token, "Consent")["resourceType"] == "Bundle"


def staff_log_in_with_their_organisation(server, keycloak):
    way = LogIn(server, "desk", "openid fhirUser user/Consent.rs")
    page = way.identify(way.choose("staff"), "receptionist")
    token = way.token(way.browser.submit(page, "/oauth/approve", answer="allow") if not isinstance(page, str) else page)
    assert read(server, token, "Consent?_count=1")["resourceType"] == "Bundle"


def what_the_provider_did_not_prove_is_refused(server, keycloak):
    assert "403 You need to prove who you are" in refused(server, "nhs", "low")
    assert "400 nhs is not available" in refused(server, "nhs", "liar")
    assert "403 You need to prove who you are" in refused(server, "staff", "nowhere", "desk", "openid user/Consent.rs")


def an_id_token_for_another_audience_too_is_refused(server, keycloak):
    assert "400 others is not available" in refused(server, "others", "lisa")


def a_wrong_password_stays_at_the_provider(server, keycloak):
    way = LogIn(server, "portal", "openid launch/patient patient/Consent.rs")
    page = way.choose("nhs")
    page = way.browser.submit(page, "login-actions/authenticate", username="lisa", password="wrong", credentialId="")
    assert page.url.startswith(keycloak.url), page.url


def a_key_that_the_provider_adds_while_running_is_taken(server, keycloak):
    before = keycloak.keys("nhs")
    realm = keycloak.admin("GET", "nhs").json()
    new = {
        "name": "second",
        "providerId": "rsa-generated",
        "providerType": "org.keycloak.keys.KeyProvider",
        "parentId": realm["id"],
        "config": {"priority": ["200"], "algorithm": ["RS512"]},
    }
    keycloak.admin("POST", "nhs/components", json=new)
    assert keycloak.keys("nhs") - before, "there is a new key"
    citizen(server)
    # The old one goes.
    old = keycloak.admin("GET", "nhs/components", params={"name": "first"}).json()[0]
    keycloak.admin("DELETE", f"nhs/components/{old['id']}")
    citizen(server)


def our_key_for_assertions_can_be_rotated(server, keycloak):
    subprocess.run([BINARY, "--config", "onbehalf.toml", "keys", "rotate"], cwd=FOLDER, check=True, capture_output=True)
    citizen(server)


def a_provider_that_is_down_is_told_and_taken_again_when_it_is_back(server, keycloak):
    way = LogIn(server, "portal", "openid launch/patient patient/Consent.rs")
    page = way.choose("nhs")
    url, fields = form(page, "login-actions/authenticate")
    answer = way.browser.session.post(
        url, data={**fields, "username": "lisa", "password": "a password", "credentialId": ""}, allow_redirects=False, timeout=30
    )
    answer_url = answer.headers["location"]
    assert "/oauth/callback/nhs" in answer_url, answer_url
    keycloak.stop()
    page = way.browser.open(answer_url)
    assert not isinstance(page, str) and page.status_code == 503, page if isinstance(page, str) else (page.status_code, text(page))
    keycloak.start()
    # The server leaves a provider alone for ten seconds after a failure.
    deadline = time.monotonic() + 30
    while True:
        try:
            assert citizen(server)[1]["patient"] == "9000000017"
            return
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


TESTS = [
    a_citizen_logs_in_by_discovery_with_pkce_and_private_key_jwt,
    staff_log_in_with_their_organisation,
    what_the_provider_did_not_prove_is_refused,
    an_id_token_for_another_audience_too_is_refused,
    a_wrong_password_stays_at_the_provider,
    a_key_that_the_provider_adds_while_running_is_taken,
    our_key_for_assertions_can_be_rotated,
    a_provider_that_is_down_is_told_and_taken_again_when_it_is_back,
]


def main():
    started = time.monotonic()
    port = free_port()
    root = f"http://127.0.0.1:{port}"
    keycloak = Keycloak(root)
    server = Server(port, root, keycloak)
    failed = 0
    try:
        keycloak.start("--import-realm")
        server.start()
        print(f"# Keycloak and the server are ready after {time.monotonic() - started:.0f} s", flush=True)
        for test in TESTS:
            try:
                test(server, keycloak)
                print("ok", test.__name__, flush=True)
            except Exception as error:
                failed += 1
                print("not ok", f"{test.__name__}:", repr(error)[:700].replace("\n", " "), flush=True)
    finally:
        for one in (server, keycloak):
            if one.process and one.process.poll() is None:
                one.stop()
        if failed:
            sys.stderr.write((FOLDER / "server.log").read_text()[-6000:])
    print(f"# {time.monotonic() - started:.0f} s in all", flush=True)
    return 1 if failed else 0


sys.exit(main())
