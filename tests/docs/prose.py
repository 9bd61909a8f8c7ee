"""Checks the prose of the documents: no word that stands for a role that has a name, no long lines, no long cells.

docs/glossary.md has the names of the roles: "somebody" leaves open whether a client, a proxy or an operator
is meant. Code, test names and quotations in backticks are left out.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
WORDS = re.compile(r"\b(somebody|nobody|whoever|anybody|everybody|anew|oftener|told)\b", re.I)
# Blocks of code, and what a program writes into a page.
FENCE = re.compile(r"^```.*?^```|^<!-- (?:measured|kills).*?^<!-- (?:/measured|end of kills) -->", re.M | re.S)
CODE = re.compile(r"`[^`\n]*`")
CELL = re.compile(r"\||<br>")
WORDS_OF_CELL = 40
LINE = 150


def faults(page):
    """The lines of a page that have such a word or cell."""
    text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), (ROOT / page).read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        prose = CODE.sub(" ", line)
        for word in WORDS.findall(prose):
            yield f"{page}:{number}: {word}"
        if not line.startswith("|"):
            if len(prose) > LINE:
                yield f"{page}:{number}: a line of more than {LINE} characters"
            continue
        for cell in CELL.split(prose):
            if len(re.findall(r"\w+", cell)) > WORDS_OF_CELL:
                yield f"{page}:{number}: a cell of more than {WORDS_OF_CELL} words: {cell.strip()[:60]}"


def main():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    pages = [name for name in listed.stdout.split() if (ROOT / name).exists()]
    wrong = [fault for page in pages for fault in faults(page)]
    print(*wrong, f"prose of {len(pages)} pages, {len(wrong)} faults", sep="\n")
    sys.exit(1 if wrong or not pages else 0)


if __name__ == "__main__":
    main()
