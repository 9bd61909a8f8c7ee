"""Judges licences, bans and sources of every dependency by .cargo/deny.toml, where cargo-deny is not installed."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def metadata():
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met with the allowed licences; `/` is an old way to write OR."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def one():
        token = tokens.pop(0)
        if token == "(":
            met = any_of()
            tokens.pop(0)
            return met
        if tokens[:1] == ["WITH"]:
            token = f"{token} WITH {tokens[1]}"
            del tokens[:2]
        return token in allowed

    def all_of():
        met = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            met = one() and met
        return met

    def any_of():
        met = all_of()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            met = all_of() or met
        return met

    return any_of()


def faults(packages, members, rules):
    allowed = set(rules["licenses"]["allow"])
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    registries = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["license"] is None or not is_allowed(package["license"], allowed):
            yield f"{name}: the licence {package['license']} is not allowed"
        if package["name"] in banned:
            yield f"{name}: banned: {banned[package['name']]}"
        if package["id"] in members:
            for needed in package["dependencies"]:
                if needed["req"] == "*" and needed.get("path") is None:
                    yield f"{name}: any version of {needed['name']} would do (*)"
        elif package["source"] not in registries:
            yield f"{name}: comes from {package['source']}"


def main():
    rules = tomllib.loads((ROOT / ".cargo/deny.toml").read_text(encoding="utf-8"))
    found = metadata()
    wrong = sorted(faults(found["packages"], set(found["workspace_members"]), rules))
    for fault in wrong:
        print(f"audit: {fault}", file=sys.stderr)
    print(f"audit: {len(found['packages'])} crates judged, {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
