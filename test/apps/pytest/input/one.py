# SPDX-License-Identifier: MIT
"""one.py MODULE [SECONDS]: runs one module of Debian's libpython3.11-testsuite in this process and
prints a line of JSON: what ran, and for each test that did not pass the last line of its reason.
With the word `quiet` as a third argument only `MODULE: N tests, ok`. Tests of other processes are
skipped, as on systems that have no fork. SECONDS are a single test's limit: then all ends, and the
last line `now TEST` of the standard error names it. Tests named in LEAVE_OUT (identifiers with
commas between) are not run."""
import faulthandler
import importlib
import json
import os
import sys
import tempfile
import unittest

ON_LOOPBACK = ("test_socketserver", "test_timeout")  # these ask for a network: 127.0.0.1 will do
WORLD = ("test.test_timeout.TCPTimeoutTestCase",)    # but these for hosts of the world


class Result(unittest.TestResult):
    def __init__(self, limit, loud):
        super().__init__()
        self.bad, self.limit, self.loud = {}, limit, loud

    def startTest(self, test):
        super().startTest(test)
        if self.loud:
            os.write(2, f"now {test.id()}\n".encode())
            faulthandler.dump_traceback_later(self.limit, exit=True)

    def note(self, kind, test, err):
        text = f"{err[0].__name__}: {err[1]}".strip().splitlines()
        self.bad[test.id()] = [kind, " ".join(text)[:160]]

    def addError(self, test, err):
        self.note("error", test, err)

    def addFailure(self, test, err):
        self.note("failure", test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note("failure", test, err)


def without(suite, names):
    """The suite without the tests of these names."""
    kept = unittest.TestSuite()
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            kept.addTest(without(test, names))
        elif test.id() not in names and not test.id().startswith(WORLD):
            kept.addTest(test)
    return kept


def main():
    name, limit = sys.argv[1], int((sys.argv[2:] or ["100"])[0])
    os.chdir(tempfile.mkdtemp(prefix="pytest-"))
    faulthandler.dump_traceback_later(limit, exit=True)
    del os.fork, os.forkpty, os.posix_spawn, os.posix_spawnp  # there is one process
    from test import support
    support.verbose, support.has_subprocess_support = 0, False
    support.use_resources = ("network",) if name in ON_LOOPBACK else ()
    quiet = sys.argv[3:] == ["quiet"]
    result, answer = Result(limit, not quiet), {"module": name}
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        module = importlib.import_module("test." + name)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        setup = getattr(module, "test_main", None)
        if suite.countTestCases() == 0 and setup:
            setup()
        without(suite, os.environ.get("LEAVE_OUT", "").split(",")).run(result)
    except unittest.SkipTest as e:
        answer["skipped"] = str(e)[:160]
    except BaseException as e:  # pylint: disable=broad-except
        answer["broken"] = f"{type(e).__name__}: {e}"[:160]
    sys.stdout.flush()
    answer.update(run=result.testsRun, bad=result.bad,
                  skips={test.id(): why for test, why in result.skipped})
    if quiet:
        answer = f"{name}: {result.testsRun} tests, {'ok' if not result.bad else result.bad}"
    else:
        answer = json.dumps(answer)
    os.write(real, ("\n" + answer + "\n").encode())
    os._exit(0)


main()
