"""A preprocessor of mdBook: a link to a file outside of docs/ becomes its text and the file's path.

mdBook sends `[context, book]` as JSON and reads the book again:
https://rust-lang.github.io/mdBook/for_developers/preprocessors.html
"""

import json
import re
import sys

LINK = re.compile(r"\[([^\]]*)\]\(\.\./([^)]+)\)")


def named(match):
    """The text of a link, and the path that it leads to where the text does not say it."""
    text, path = match[1], match[2]
    return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"


def rewrite(value):
    """Rewrites the content of every chapter below a value."""
    if isinstance(value, list):
        for item in value:
            rewrite(item)
    elif isinstance(value, dict):
        if isinstance(value.get("content"), str):
            value["content"] = LINK.sub(named, value["content"])
        for item in value.values():
            rewrite(item)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    _, book = json.load(sys.stdin)
    rewrite(book)
    json.dump(book, sys.stdout)


if __name__ == "__main__":
    main()
