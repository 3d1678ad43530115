# SPDX-License-Identifier: MIT
"""Builds guest test programs in every way that Linux programs come.

Owns build/test/bin. A program is named by its source below the repository and by its kind of link.
"""
import fcntl
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BIN = os.path.join(ROOT, "build/test/bin")
MUSL = "/usr/lib/x86_64-linux-musl"

# kind: compiler for C, flags, start files of musl's static PIE (its gcc wrapper knows none)
KINDS = {
    "musl-static": ("musl-gcc", ["-static", "-no-pie", "-fno-pie"]),
    "musl-static-pie": ("musl-gcc", ["-static", "-fPIE", "-nostartfiles",
                                     "-Wl,-pie,--no-dynamic-linker,-z,text"]),
    "musl-dynamic": ("musl-gcc", ["-fPIE", "-pie"]),
    "glibc-static": ("gcc", ["-static", "-no-pie", "-fno-pie"]),
    "glibc-static-pie": ("gcc", ["-static-pie", "-fPIE"]),
    "glibc-dynamic": ("gcc", ["-fPIE", "-pie"]),
    "glibc-dynamic-nopie": ("gcc", ["-no-pie", "-fno-pie"]),
}
FLAGS = ["-O2", "-g", "-Wall", "-Wextra"]


class BuildError(Exception):
    """A program that does not compile; the text says why."""


def read_options(source):
    """The `// key: value` lines at the head of a source file, as {key: [values]}."""
    options = {}
    with open(source, encoding="utf-8") as f:
        for _, line in zip(range(30), f):
            m = re.match(r"//\s*([a-z]+):\s*(.*)", line)
            if m:
                options.setdefault(m[1], []).append(m[2].strip())
    return options


def compile_command(source, kind, out, options):
    compiler, flags = KINDS[kind]
    folder = os.path.dirname(source)
    also = [os.path.join(folder, x) for v in options.get("also", []) for x in v.split()]
    extra = [x for v in options.get("cflags", []) for x in v.split()]
    files = [source] + also
    if source.endswith(".cc"):
        if compiler != "gcc":
            raise BuildError(f"no C++ compiler for {kind}")
        compiler = "g++"
    if kind == "musl-static-pie":
        files = [f"{MUSL}/rcrt1.o", f"{MUSL}/crti.o"] + files + [f"{MUSL}/crtn.o"]
    if compiler == "musl-gcc":
        extra += ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
    return [compiler] + FLAGS + flags + ["-I", ROOT] + files + extra + ["-o", out], also


def build_program(source, kind):
    """Path of the program made from source (relative to ROOT) as kind, built when out of date."""
    path = os.path.join(ROOT, source)
    stem = os.path.splitext(os.path.relpath(source, "test"))[0].replace("/", ".")
    out = os.path.join(BIN, f"{stem}.{kind}")
    if kind not in KINDS:
        raise BuildError(f"unknown kind {kind}")
    command, also = compile_command(path, kind, out + ".new", read_options(path))
    folder = os.path.dirname(path)
    inputs = [path, os.path.realpath(__file__)] + also
    inputs += [os.path.join(folder, x) for x in os.listdir(folder) if x.endswith(".h")]
    os.makedirs(BIN, exist_ok=True)
    with open(out + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(os.stat(x).st_mtime for x in inputs)
        if os.path.exists(out) and os.stat(out).st_mtime > newest:
            return out
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{source} as {kind}: " + done.stderr[-1500:])
        os.rename(out + ".new", out)
    return out
