"""Tests of a script: `@test` collects them, `run` runs each and prints `ok NAME` or `not ok NAME ERROR`."""

import sys
import traceback

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def run():
    """Ends the script; its exit code is 1 where a test failed."""
    failed = 0
    for function in TESTS:
        try:
            function()
            print("ok", function.__name__)
        except Exception as error:
            failed += 1
            print("not ok", function.__name__, repr(error)[:400].replace("\n", " "))
            traceback.print_exc()
    sys.exit(1 if failed else 0)
