"""Writes what the release binary is made of, as CycloneDX 1.5 JSON (https://cyclonedx.org/docs/1.5/json/).

The crates are those of `cargo metadata --locked` that the binary needs on Linux, without what only builds or tests
need; the hashes are those that Cargo.lock pins. The same lock file gives the same bill.
"""

import json
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"


def needed(node):
    """What a crate needs to run: its ordinary dependencies, and not those of builds and tests."""
    return [dep["pkg"] for dep in node["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]


def reachable(root, nodes):
    found, waiting = {root}, [root]
    while waiting:
        for dependency in needed(nodes[waiting.pop()]):
            if dependency not in found:
                found.add(dependency)
                waiting.append(dependency)
    return found


def component(package, hashes):
    key = (package["name"], package["version"])
    part = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "scope": "required",
        "licenses": [{"expression": package["license"].replace(" / ", " OR ").replace("/", " OR ")}],
        "purl": purl(package),
    }
    if package["description"]:
        part["description"] = package["description"].strip()
    if key in hashes:
        part["hashes"] = [{"alg": "SHA-256", "content": hashes[key]}]
    if (package["repository"] or "").startswith("https://"):
        part["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return part


def bill():
    found = metadata()
    lock = (ROOT / "Cargo.lock").read_text(encoding="utf-8")
    locked = tomllib.loads(lock)["package"]
    hashes = {(one["name"], one["version"]): one["checksum"] for one in locked if "checksum" in one}
    packages = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    root = next(id for id, package in packages.items() if package["name"] == "onbehalf")
    used = sorted(reachable(root, nodes), key=lambda id: purl(packages[id]))
    own = component(packages[root], hashes) | {"type": "application"}
    own.pop("scope")
    parts = [component(packages[id], hashes) for id in used if id != root]
    edges = [
        {
            "ref": purl(packages[id]),
            "dependsOn": sorted({purl(packages[other]) for other in needed(nodes[id])}),
        }
        for id in used
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, lock)}",
        "version": 1,
        "metadata": {"component": own},
        "components": parts,
        "dependencies": edges,
    }


def main():
    file = Path(sys.argv[1])
    made = bill()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"sbom: {len(made['components'])} components in {file}")


if __name__ == "__main__":
    main()
