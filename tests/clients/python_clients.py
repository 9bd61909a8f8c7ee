"""fhirpy and fhirclient against a running server (reference section 4.4)."""

import os
import sys
import traceback

import requests
from fhirclient import client as smart
from fhirclient.models.consent import Consent
from fhirclient.models.relatedperson import RelatedPerson
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

BASE = os.environ["ONBEHALF_BASE"]
NHS = "https://fhir.nhs.uk/Id/nhs-number"
ROLE = "6b71ac92-baa3-4b76-b0f5-a601257e2722"
fhir = SyncFHIRClient(BASE)
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def relationship(proxy, patient):
    person = lambda number: {"type": "Patient", "identifier": {"system": NHS, "value": number}}
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH", "display": "mother"}
    return {
        "active": True,
        "identifier": [{"system": NHS, "value": proxy}],
        "patient": person(patient),
        "relationship": [{"coding": [role]}],
    }


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
    assert len(ids) == 32, len(ids)


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
def fhirpy_learns_of_a_role_that_is_not_there():
    try:
        fhir.reference("Consent", "00000000-0000-7000-8000-000000000000").to_resource()
    except ResourceNotFound:
        return
    raise AssertionError("it was found")


@test
def fhirpy_learns_what_is_wrong_with_a_resource():
    wrong = relationship("9000000033", "9000000050")
    del wrong["patient"]
    try:
        fhir.resource("RelatedPerson", **wrong).save()
    except OperationOutcome as refused:
        assert "patient" in str(refused), refused
        return
    raise AssertionError("it was accepted")


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
def fhirclient_creates():
    made = RelatedPerson(relationship("9000000033", "9000000025")).create(smart_server())
    assert made["resourceType"] == "RelatedPerson" and made["id"], made


@test
def fhirclient_s_comparison_is_refused():
    answer = requests.get(f"{BASE}/Consent", params={"date": ">=2026-01-01"}, timeout=20)
    assert answer.status_code == 400, answer.status_code
    assert answer.json()["resourceType"] == "OperationOutcome"


def main():
    failed = 0
    for function in TESTS:
        try:
            function()
            print("ok", function.__name__)
        except Exception as error:
            failed += 1
            print("not ok", function.__name__, repr(error)[:400].replace("\n", " "))
            traceback.print_exc()
    return 1 if failed else 0


sys.exit(main())
