"""Checks the links of the documents: each leads to a file that is there, and each anchor to a heading of it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?: \"[^\"]*\")?\)|<img [^>]*src=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(r"`[^`\n]*`")


def anchor(heading):
    """The anchor of a heading, as GitHub and mdBook make it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path):
    """The anchors of a page; of equal headings the second has -1, and so on."""
    found = {}
    for line in FENCE.sub("", path.read_text(encoding="utf-8")).splitlines():
        heading = re.match(r"#{1,6} (.*)", line)
        if heading:
            name = anchor(heading[1])
            found[name] = found.get(name, -1) + 1
    return {name if count == 0 else f"{name}-{count}" for name, most in found.items() for count in range(most + 1)}


def faults(path):
    """The links of a page that lead nowhere, and how many links it has."""
    text = CODE.sub("", FENCE.sub("", path.read_text(encoding="utf-8")))
    targets = [one or other for one, other in LINK.findall(text) if not re.match(r"[a-z]+:", one or other)]
    wrong = []
    for target in targets:
        name, _, fragment = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            wrong.append(f"{path.relative_to(ROOT)}: {target}: no such file")
        elif fragment and (file.suffix != ".md" or fragment not in anchors(file)):
            wrong.append(f"{path.relative_to(ROOT)}: {target}: no such heading")
    return wrong, len(targets)


def listed(pages):
    """The pages of docs/ that the book's table of contents leaves out. Parts of a page begin with a second-level heading."""
    summary = (ROOT / "docs/SUMMARY.md").read_text(encoding="utf-8")
    return [
        f"docs/SUMMARY.md does not list {page.name}"
        for page in pages
        if page.parent == ROOT / "docs" and page.name != "SUMMARY.md" and f"({page.name})" not in summary
        and not page.read_text(encoding="utf-8").startswith("## ")
    ]


def main():
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    pages = [ROOT / name for name in names.stdout.split() if (ROOT / name).exists()]
    wrong, count = listed(pages), 0
    for page in pages:
        found, links = faults(page)
        wrong += found
        count += links
    print(*wrong, f"{count} links of {len(pages)} pages, {len(wrong)} faults", sep="\n")
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    main()
