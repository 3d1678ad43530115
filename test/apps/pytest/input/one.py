# SPDX-License-Identifier: MIT
"""one.py MODULE [SECONDS]: runs one module of Debian's libpython3.11-testsuite in this process and
prints a line of JSON: what ran, and for each test that did not pass the last line of its reason.
With the word `quiet` as a third argument only `MODULE: N tests, ok`. Tests of other processes are
skipped, as on systems that have no fork."""
import faulthandler
import importlib
import json
import os
import sys
import tempfile
import unittest


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.bad, self.now = {}, ""

    def startTest(self, test):
        super().startTest(test)
        self.now = test.id()

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


def main():
    name, limit = sys.argv[1], int((sys.argv[2:] or ["100"])[0])
    os.chdir(tempfile.mkdtemp(prefix="pytest-"))
    faulthandler.dump_traceback_later(limit, exit=True)
    del os.fork, os.forkpty, os.posix_spawn, os.posix_spawnp  # there is one process
    from test import support
    support.verbose, support.use_resources, support.has_subprocess_support = 0, (), False
    result, answer = Result(), {"module": name}
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        module = importlib.import_module("test." + name)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        setup = getattr(module, "test_main", None)
        if suite.countTestCases() == 0 and setup:
            setup()
        suite.run(result)
    except unittest.SkipTest as e:
        answer["skipped"] = str(e)[:160]
    except BaseException as e:  # pylint: disable=broad-except
        answer["broken"] = f"{type(e).__name__}: {e}"[:160]
    sys.stdout.flush()
    answer.update(run=result.testsRun, skips=len(result.skipped), bad=result.bad)
    if sys.argv[3:] == ["quiet"]:
        answer = f"{name}: {result.testsRun} tests, {'ok' if not result.bad else result.bad}"
    else:
        answer = json.dumps(answer)
    os.write(real, ("\n" + answer + "\n").encode())
    os._exit(0)


main()
