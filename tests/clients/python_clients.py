"""fhirpy and fhirclient against a running server (reference section 4.4)."""

import os
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests
from fhirclient import client as smart
from fhirclient.models.bundle import Bundle
from fhirclient.models.consent import Consent
from fhirclient.models.relatedperson import RelatedPerson
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRUnauthorizedException
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

from checks import run, test

BASE = os.environ["ONBEHALF_BASE"]
NHS = "https://fhir.nhs.uk/Id/nhs-number"
ROLES = int(os.environ["ONBEHALF_ROLES"])
ROLE = "6b71ac92-baa3-4b76-b0f5-a601257e2722"
fhir = SyncFHIRClient(BASE)


def relationship(proxy, patient):
    person = lambda number: {"type": "Patient", "identifier": {"system": NHS, "value": number}}
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother"}
    return {
        "active": True,
        "identifier": [{"system": NHS, "value": proxy}],
        "patient": person(patient),
        "relationship": [{"coding": [role]}],
    }


def refused(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError("it was accepted")


@test
def fhirpy_reads_a_role():
    assert fhir.reference("Consent", ROLE).to_resource()["status"] == "active"


@test
def fhirpy_searches_with_an_include():
    found = fhir.resources("Consent").search(patient="9000000009").include("Consent", "performer").fetch_raw()
    kinds = [entry["resource"]["resourceType"] for entry in found["entry"]]
    assert (kinds.count("Consent"), kinds.count("Patient")) == (3, 3), kinds


@test
def fhirpy_reads_every_page():
    ids = {role["id"] for role in fhir.resources("Consent").limit(7).fetch_all()}
    assert len(ids) == ROLES, len(ids)


@test
def fhirpy_counts():
    assert fhir.resources("Consent").search(patient="9000000009").count() == 3


@test
def fhirpy_creates_and_updates_with_plain_json():
    made = fhir.resource("RelatedPerson", **relationship("9000000033", "9000000042"))
    made.save()
    assert made["meta"]["versionId"] == "1", made
    made["active"] = False
    made.save()
    assert made["meta"]["versionId"] == "2", made


@test
def fhirpy_counts_without_its_own_parameter_being_refused():
    answer = requests.get(f"{BASE}/Consent", params={"_count": 0, "_totalMethod": "count"}, timeout=20)
    assert answer.status_code == 200 and answer.json()["total"] == ROLES, answer.text
    assert "entry" not in answer.json(), answer.text


@test
def fhirpy_gets_or_creates_once():
    search = fhir.resources("RelatedPerson").search(identifier="9000000033", patient="9000000050")
    body = fhir.resource("RelatedPerson", **relationship("9000000033", "9000000050"))
    made, is_new = search.get_or_create(body)
    again, is_new_again = search.get_or_create(body)
    assert (is_new, is_new_again) == (True, False)
    assert made["id"] == again["id"] and search.count() == 1, again


@test
def fhirpy_s_condition_that_consents_do_not_have_makes_no_role():
    before = fhir.resources("Consent").count()
    role = fhir.reference("Consent", ROLE).to_resource()
    del role["id"]
    refused(OperationOutcome, fhir.resources("Consent").search(identifier="x").get_or_create, role)
    refused(MultipleResourcesFound, fhir.resources("Consent").search(status="active").get_or_create, role)
    assert fhir.resources("Consent").count() == before


@test
def fhirpy_updates_what_a_search_finds():
    search = fhir.resources("RelatedPerson").search(identifier="9000000033", patient="9000000051")
    made, is_new = search.update(fhir.resource("RelatedPerson", **relationship("9000000033", "9000000051")))
    assert is_new, made
    body = {**relationship("9000000033", "9000000051"), "active": False}
    changed, is_new = search.update(fhir.resource("RelatedPerson", **body))
    assert (is_new, changed["id"], changed["active"]) == (False, made["id"], False), changed


@test
def fhirpy_refreshes_by_the_version_that_it_has():
    made = fhir.resource("RelatedPerson", **relationship("9000000033", "9000000052"))
    made.save()
    assert made.refresh()["meta"]["versionId"] == "1"
    fhir.resource("RelatedPerson", **{**made, "active": False}).save()
    assert made.refresh()["meta"]["versionId"] == "2", made


@test
def fhirpy_s_patch_is_refused_with_an_outcome_that_says_what_to_send():
    error = refused(OperationOutcome, fhir.reference("Consent", ROLE).patch, status="inactive")
    assert error.resource["issue"][0]["diagnostics"], error
    role = fhir.reference("Consent", ROLE).to_resource()
    role["status"] = "inactive"
    refused(OperationOutcome, role.save, fields=["status"])
    assert fhir.reference("Consent", ROLE).to_resource()["status"] == "active"


@test
def fhirpy_reads_the_history():
    history = fhir.reference("Consent", ROLE).execute("_history", method="get")
    assert (history["type"], history["total"]) == ("history", 1), history
    version = fhir.execute(f"Consent/{ROLE}/_history/1", method="get")
    assert version["meta"]["versionId"] == "1", version


@test
def fhirpy_sends_a_transaction_and_a_batch():
    role = {"resourceType": "RelatedPerson", **relationship("9000000033", "9000000053")}
    entry = [
        {"resource": role, "request": {"method": "POST", "url": "RelatedPerson"}},
        {"request": {"method": "GET", "url": f"Consent/{ROLE}"}},
    ]
    done = fhir.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": entry})
    assert [one["response"]["status"][:3] for one in done["entry"]] == ["201", "200"], done
    bundle = fhir.resource("Bundle", type="batch", entry=[{"request": {"method": "GET", "url": "Consent/none"}}])
    answer = fhir.execute("", data=bundle.serialize())
    assert answer["entry"][0]["response"]["status"].startswith("404"), answer
    assert answer["entry"][0]["response"]["outcome"]["resourceType"] == "OperationOutcome", answer


@test
def fhirpy_validates():
    good = fhir.resource("RelatedPerson", **relationship("9000000033", "9000000054"))
    assert good.is_valid()
    assert not fhir.resource("RelatedPerson", active="yes").is_valid()


@test
def fhirpy_pages_sorts_and_narrows():
    found = list(fhir.resources("Consent").search(status="active").sort("-_lastUpdated").limit(5))
    assert len(found) == len({role["id"] for role in found}) > 5, len(found)
    assert {role["status"] for role in found} == {"active"}
    narrow = fhir.resources("Consent").elements("status").limit(1).fetch_raw()["entry"][0]["resource"]
    assert narrow["status"] and "provision" not in narrow, narrow
    assert fhir.resources("Patient").has("Consent", "patient", "status", "active").fetch()


@test
def fhirpy_learns_of_a_role_that_is_not_there():
    role = fhir.reference("Consent", "00000000-0000-7000-8000-000000000000")
    assert "OperationOutcome" in str(refused(ResourceNotFound, role.to_resource))


@test
def fhirpy_learns_what_is_wrong_with_a_resource():
    wrong = relationship("9000000033", "9000000050")
    del wrong["patient"]
    assert "patient" in str(refused(OperationOutcome, fhir.resource("RelatedPerson", **wrong).save))


@test
def fhirpy_learns_that_nothing_is_deleted():
    assert "cannot be deleted" in str(refused(OperationOutcome, fhir.reference("Consent", ROLE).delete))


@test
def a_partial_resource_as_patch_is_refused_with_an_outcome():
    answer = requests.patch(f"{BASE}/Consent/{ROLE}", json={"status": "inactive"}, timeout=20)
    assert answer.status_code in (400, 415), answer.status_code
    assert answer.json()["resourceType"] == "OperationOutcome"


def smart_server():
    settings = {"app_id": "test", "api_base": BASE + "/"}
    return smart.FHIRClient(settings=settings).server


@test
def fhirclient_reads_and_searches():
    server = smart_server()
    assert Consent.read(ROLE, server).status == "active"
    found = Consent.where({"patient": "9000000009"}).perform_resources(server)
    assert len(found) == 3, found


@test
def fhirclient_reads_the_capabilities_before_all_else():
    server = smart_server()
    server.get_capability()
    assert server.capabilityStatement.fhirVersion == "4.0.1"
    # It finds where to log in, and so calls itself ready with a token only.
    assert (server.auth.auth_type, server.ready) == ("oauth2", False)


@test
def fhirclient_reads_every_page():
    found = Consent.where({"_count": "7"}).perform_resources_iter(smart_server())
    assert len({role.id for role in found}) == ROLES


@test
def fhirclient_searches_with_an_include():
    search = Consent.where({"patient:identifier": "9000000009"}).include("patient")
    kinds = [found.resource_type for found in search.perform_resources_iter(smart_server())]
    assert sorted(kinds) == ["Consent"] * 3 + ["Patient"], kinds


@test
def fhirclient_creates_and_updates():
    server = smart_server()
    made = RelatedPerson(RelatedPerson(relationship("9000000033", "9000000025")).create(server))
    made.active = False
    changed = made.update(server)
    assert (changed["id"], changed["meta"]["versionId"], changed["active"]) == (made.id, "2", False), changed


@test
def fhirclient_reads_the_history():
    history = Bundle.read_from(f"Consent/{ROLE}/_history", smart_server())
    assert (history.type, history.entry[0].resource.id) == ("history", ROLE), history.as_json()


@test
def fhirclient_sends_a_transaction():
    role = {"resourceType": "RelatedPerson", **relationship("9000000033", "9000000055")}
    entry = [{"resource": role, "request": {"method": "POST", "url": "RelatedPerson"}}]
    done = Bundle({"type": "transaction", "entry": entry}).create(smart_server())
    assert Bundle(done).entry[0].response.status.startswith("201"), done


@test
def fhirclient_learns_what_went_wrong():
    server = smart_server()
    missing = refused(FHIRNotFoundException, Consent.read, "none", server)
    assert missing.response.json()["resourceType"] == "OperationOutcome"
    wrong = RelatedPerson(relationship("9000000033", "9000000033"))
    error = refused(requests.HTTPError, wrong.create, server)
    assert error.response.json()["issue"][0]["diagnostics"], error.response.text


CALLBACK = "http://127.0.0.1:9000/callback"


class Page(HTMLParser):
    """A page's forms: where each goes, and the fields that it has filled in; and the page's links."""

    def __init__(self, html):
        super().__init__()
        self.forms, self.links = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        said = dict(attributes)
        if tag == "form":
            self.forms.append((said.get("action"), {}))
        elif tag == "a":
            self.links.append(said.get("href", ""))
        elif tag == "input" and self.forms and said.get("type") == "hidden":
            self.forms[-1][1][said["name"]] = said.get("value", "")


class Browser:
    """Follows redirects as a browser does, and stops where one leads back to the app."""

    def __init__(self):
        self.session = requests.Session()

    def open(self, url, **sent):
        method = "POST" if "data" in sent else "GET"
        answer = self.session.request(method, url, allow_redirects=False, timeout=20, **sent)
        while answer.is_redirect:
            url = urljoin(answer.url, answer.headers["location"])
            if url.startswith(CALLBACK):
                return url
            answer = self.session.get(url, allow_redirects=False, timeout=20)
        assert answer.status_code == 200, (answer.status_code, answer.url, answer.text[-600:])
        return answer

    def submit(self, page, action, **chosen):
        forms = Page(page.text).forms
        url, fields = next(form for form in forms if urlsplit(form[0]).path.endswith(action))
        return self.open(urljoin(page.url, url), data={**fields, **chosen})


def launch(app, person, role):
    """From the library's authorize URL over the pages to the callback URL, which it is handed."""
    browser = Browser()
    page = browser.open(app.authorize_url)
    if urlsplit(page.url).path == "/oauth/log-in":
        link = next(link for link in Page(page.text).links if "nhs-login" in link)
        page = browser.open(urljoin(page.url, link))
    page = browser.submit(page, "/authorize", person=person, level="P9")
    page = browser.submit(page, "/oauth/patient", patient=role)
    app.handle_callback(browser.submit(page, "/oauth/approve", answer="allow"))


def smart_app():
    """It sends PKCE (S256) by itself, and finds the endpoints in the CapabilityStatement. Its `aud` is `api_base`
    as it is written here."""
    settings = {
        "app_id": "demo-portal",
        "api_base": BASE,
        "redirect_uri": CALLBACK,
        "scope": "openid fhirUser offline_access patient/Patient.r patient/Consent.rs",
    }
    app = smart.FHIRClient(settings=settings)
    assert not app.prepare()
    assert "code_challenge_method=S256" in app.authorize_url
    return app


@test
def fhirclient_launches_standalone_for_oneself():
    app = smart_app()
    launch(app, "9000000017", "self")
    assert app.ready and app.patient_id == "9000000017", app.launch_context
    assert app.patient.name[0].family == "Thompson", app.patient.as_json()
    assert Consent.where({"patient": app.patient_id}).perform(app.server).type == "searchset"


@test
def fhirclient_launches_standalone_for_a_child_and_reads_nobody_else():
    search = {"patient": "9000000009", "performer:identifier": "9000000017", "status": "active"}
    role = fhir.resources("Consent").search(**search).first()["id"]
    app = smart_app()
    launch(app, "9000000017", role)
    assert app.patient_id == "9000000009", app.launch_context
    assert app.patient.id == "9000000009", app.patient
    assert Consent.read(role, app.server).status == "active"
    refused(FHIRNotFoundException, Patient.read, "9000000033", app.server)


@test
def fhirclient_refreshes_and_learns_that_a_token_is_worth_nothing():
    app = smart_app()
    launch(app, "9000000017", "self")
    old = app.server.auth.access_token
    assert app.reauthorize() and app.server.auth.access_token != old
    assert Patient.read("9000000017", app.server).id == "9000000017"
    requests.post(
        BASE.replace("/FHIR/R4", "/oauth/revoke"),
        data={"token": app.server.auth.access_token, "client_id": "demo-portal"},
        timeout=20,
    ).raise_for_status()
    refused(FHIRUnauthorizedException, Patient.read, "9000000017", app.server)


@test
def fhirclient_s_comparison_is_refused():
    answer = requests.get(f"{BASE}/Consent", params={"date": ">=2026-01-01"}, timeout=20)
    assert answer.status_code == 400, answer.status_code
    assert answer.json()["resourceType"] == "OperationOutcome"


run()
