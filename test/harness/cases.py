# SPDX-License-Identifier: MIT
"""Finds the cases: test/guest/*.c and *.cc, test/pthread/*.c, test/stress/mixed.c (with an optional
.ini of the same name), *.ini of test/apps/* and test/bad, test/unit/*/*_test.c and test/fuzz/*.c.
The keys of a case are explained in test/README.md.
"""
import configparser
import glob
import os
import shlex

from build import KINDS, ROOT, read_options

DEFAULT_KINDS = "musl-static glibc-dynamic"
KEYS = {"args", "run", "kinds", "stdin", "stdin_file", "elfin", "env", "timeout", "modes", "status",
        "stdout", "stderr", "host", "more_args", "setup", "script", "memory",
        "rewritten", "cpus"}


class Case:
    """One thing to run; keys holds the strings of its section."""

    def __init__(self, name, keys, source=None, kind=None, inputs=None):
        unknown = set(keys) - KEYS
        if unknown:
            raise SystemExit(f"test/run: {name}: unknown keys {sorted(unknown)}")
        self.name, self.keys, self.source, self.kind, self.inputs = name, keys, source, kind, inputs

    def get(self, key, default=""):
        return self.keys.get(key, default)

    def words(self, key):
        return shlex.split(self.get(key))

    def arguments(self):
        extra = [f"argument-{i}" for i in range(int(self.get("more_args", "0")))]
        return self.words("args") + extra

    @property
    def timeout(self):
        return float(self.get("timeout", "60"))

    def modes(self, available):
        """Of the available modes, those that this case wants."""
        wanted = self.get("modes").split()
        if wanted == ["any"]:
            return ["auto"]
        return [m for m in available if not wanted or m in wanted]


def read_ini(path):
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",),
                                       comment_prefixes=("#",))
    with open(path, encoding="utf-8") as f:
        parser.read_file(f)
    return {section: dict(parser[section]) for section in parser.sections()}


def guest_cases(source):
    """One case for each kind of link and each section of the .ini beside the source."""
    options = read_options(os.path.join(ROOT, source))
    base = {k: " ".join(v) for k, v in options.items() if k in KEYS}
    stem = os.path.splitext(source)[0]
    sections = {"": {}}
    if os.path.exists(os.path.join(ROOT, stem + ".ini")):
        sections = read_ini(os.path.join(ROOT, stem + ".ini"))
    name = stem[len("test/"):]
    for section, keys in sections.items():
        keys = {**base, **keys}
        for kind in keys.get("kinds", DEFAULT_KINDS).split():
            if kind not in KINDS:
                raise SystemExit(f"test/run: {source}: unknown kind {kind}, "
                                 f"known: {' '.join(KINDS)}")
            yield Case("/".join(filter(None, [name, kind, section])), keys, source, kind)


def ini_cases(path):
    folder = os.path.dirname(path)
    name = os.path.splitext(path)[0][len("test/"):]
    if os.path.basename(path) == "cases.ini":
        name = os.path.dirname(name)
    inputs = os.path.join(ROOT, folder, "input")
    inputs = inputs if os.path.isdir(inputs) else None
    for section, keys in read_ini(os.path.join(ROOT, path)).items():
        yield Case(f"{name}/{section}", keys, folder, None, inputs)


def find_cases():
    """All cases, in a fixed order, cheap ones first."""
    cases = []
    for path in sorted(glob.glob("test/unit/**/*_test.c", root_dir=ROOT, recursive=True)):
        cases.append(Case(path[len("test/"):-len("_test.c")], {"modes": "unit"}, path, "unit"))
    for path in sorted(glob.glob("test/fuzz/*.c", root_dir=ROOT)):
        cases.append(Case(path[len("test/"):-len(".c")], {"modes": "fuzz"}, path, "fuzz"))
    for pattern in ("test/guest/*.c", "test/guest/*.cc", "test/pthread/*.c",
                    "test/stress/mixed.c"):
        for path in sorted(glob.glob(pattern, root_dir=ROOT)):
            cases += guest_cases(path)
    for pattern in ("test/apps/*/*.ini", "test/bad/*.ini"):
        for path in sorted(glob.glob(pattern, root_dir=ROOT)):
            cases += ini_cases(path)
    return cases


def select_cases(cases, names):
    """Cases whose name starts with one of names, at a boundary of the name; all without names."""
    def matches(case, name):
        return case.name == name or case.name.startswith((name + "/", name + "."))
    cleaned = [os.path.splitext(n[len("test/"):])[0] if n.startswith("test/") else n.rstrip("/")
               for n in names]
    unknown = [n for n in cleaned if not any(matches(c, n) for c in cases)]
    return [c for c in cases if not names or any(matches(c, n) for n in cleaned)], unknown
