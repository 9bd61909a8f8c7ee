"""The OpenAPI files of a running sandbox: valid by the OpenAPI Initiative's own schema, and true of real answers."""

import json
import os
import uuid
from pathlib import Path

import requests
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from checks import run, test

ROOT = os.environ["ONBEHALF_BASE"].removesuffix("/FHIR/R4")
FILES = ("/openapi/validated-relationships.json", "/openapi/oauth.json")
VRS = "/validated-relationships/FHIR/R4"
EXAMPLES = Path(os.environ["ONBEHALF_EXAMPLES"])


def read(path):
    answer = requests.get(ROOT + path, timeout=20)
    answer.raise_for_status()
    return answer.json()


def resolved(file, value):
    """What a reference to the same file stands for."""
    while "$ref" in value:
        found = file
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        value = found
    return value


def check(path, method, url, **named):
    """Sends a request, and holds the answer against what the file says of it."""
    file = read(FILES[0] if path.startswith(VRS) else FILES[1])
    operation = file["paths"][path][method.lower()]
    answer = requests.request(method, ROOT + url, timeout=20, allow_redirects=False, **named)
    response = resolved(file, operation["responses"][str(answer.status_code)])
    kind = answer.headers["Content-Type"].split(";")[0]
    schema = response["content"][kind]["schema"]
    validator = Draft202012Validator({**schema, "components": file["components"]})
    wrong = [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in validator.iter_errors(answer.json())]
    assert not wrong, f"{method} {url}: {wrong[:3]}"
    return answer


def headers(kind=None):
    return {"X-Request-ID": str(uuid.uuid4()), **({"Content-Type": kind} if kind else {})}


def body(name, **changes):
    resource = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    return json.dumps({**resource, **changes} if changes else resource)


@test
def both_files_are_valid_openapi_3_1():
    for path in FILES:
        file = read(path)
        assert file["openapi"] == "3.1.0", file["openapi"]
        wrong = [error.message[:300] for error in OpenAPIV31SpecValidator(file, base_uri=ROOT + path).iter_errors()]
        assert not wrong, f"{path}: {wrong[:3]}"
        # Nothing is described that no operation uses.
        text = json.dumps(file)
        unused = [
            f"{kind}/{name}"
            for kind, components in file["components"].items()
            if kind != "securitySchemes"
            for name in components
            if f'"#/components/{kind}/{name}"' not in text
        ]
        assert not unused, f"{path}: {unused}"


@test
def answers_of_the_validated_relationships_api_have_the_form_that_is_described():
    found = check(f"{VRS}/Consent", "GET", f"{VRS}/Consent?performer:identifier=9000000017&_include=Consent:patient"
                  "&_include=Consent:performer", headers=headers()).json()
    assert found["total"] > 0 and len(found["entry"]) > found["total"], found["total"]
    role = next(entry["resource"]["id"] for entry in found["entry"])
    check(f"{VRS}/Consent/{{id}}", "GET", f"{VRS}/Consent/{role}", headers=headers())
    check(f"{VRS}/RelatedPerson", "GET", f"{VRS}/RelatedPerson?identifier=9000000017&_include=RelatedPerson:patient", headers=headers())
    fhir = headers("application/fhir+json")
    created = check(f"{VRS}/QuestionnaireResponse", "POST", f"{VRS}/QuestionnaireResponse", headers=fhir, data=body("access-request.json"))
    check(f"{VRS}/QuestionnaireResponse/{{id}}", "GET", created.headers["Location"].removeprefix(ROOT), headers=headers())
    for wrong in ("", "?performer:identifier=x", "?performer:identifier=9000000041"):
        refused = check(f"{VRS}/Consent", "GET", f"{VRS}/Consent{wrong}", headers=headers())
        assert refused.status_code in (400, 404, 422), refused.status_code


@test
def the_bodies_of_the_examples_have_the_form_that_is_described():
    file = read(FILES[0])
    for path, method, name in (
        ("Consent", "post", "consent-create.json"),
        ("Consent/{id}", "patch", "consent-end.json"),
        ("Consent/{id}", "patch", "consent-reactivate.json"),
        ("QuestionnaireResponse", "post", "access-request.json"),
    ):
        content = file["paths"][f"{VRS}/{path}"][method]["requestBody"]["content"]
        for media in content.values():
            validator = Draft202012Validator({**media["schema"], "components": file["components"]})
            wrong = [error.message[:200] for error in validator.iter_errors(json.loads(body(name)))]
            assert not wrong, f"{name}: {wrong[:3]}"


@test
def answers_of_the_authorization_server_have_the_form_that_is_described():
    file = read(FILES[1])
    for path, item in file["paths"].items():
        if "get" in item and path.startswith(("/.well-known", "/FHIR", "/oauth/jwks", "/oauth/smart-style")):
            check(path, "GET", path)
    client = ("demo-epr", "demo-secret")
    form = {"grant_type": "client_credentials", "scope": "system/Consent.rs"}
    token = check("/oauth/token", "POST", "/oauth/token", auth=client, data=form).json()["access_token"]
    told = check("/oauth/introspect", "POST", "/oauth/introspect", auth=client, data={"token": token}).json()
    assert told["active"] is True, told
    check("/oauth/token", "POST", "/oauth/token", auth=client, data={"grant_type": "x"})
    check("/oauth/token", "POST", "/oauth/token", auth=("demo-epr", "x"), data=form)
    app = {"client_name": "New", "redirect_uris": ["http://localhost:3000/back"], "token_endpoint_auth_method": "none", "scope": "openid"}
    check("/oauth/register", "POST", "/oauth/register", headers={"Authorization": "Bearer sandbox"}, json=app)


run()
