# SPDX-License-Identifier: MIT
"""The ways to run one program that are compared: on the host, in Elfin, in a Linux guest.

A way has a name, and command(program, args, env), which gives the words to execute: the program's
standard output is theirs (the Linux guest mixes its own lines in).
"""
import hashlib
import os
import shlex
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
OUT = os.path.join(ROOT, "build/bench")
ELFIN = os.path.join(ROOT, "build/elfin")


class Host:
    def __init__(self, cpu=None):
        self.pin = [] if cpu is None else ["/usr/bin/taskset", "-c", str(cpu)]
        self.name = "host" + ("" if cpu is None else ", 1 CPU")

    def command(self, program, args=(), env=None):
        words = [f"{k}={v}" for k, v in (env or {}).items()]
        return self.pin + (["/usr/bin/env"] + words if words else []) + [program, *args]


class Elfin:
    def __init__(self, accel, rewrite=True, options=()):
        self.accel, self.options = accel, ["--accel", accel, *options]
        self.name = f"elfin {accel}" + ("" if rewrite else " no-rewrite")
        if not rewrite:
            self.options.append("--no-rewrite")

    def command(self, program, args=(), env=None):
        words = [x for k, v in (env or {}).items() for x in ("-e", f"{k}={v}")]
        return [ELFIN, "run", *self.options, *words, program, *args]


class Linux:
    """Debian's kernel under TCG with the program as the only process beside a small init."""
    name = "linux tcg"

    def __init__(self):
        self.dir = os.path.join(OUT, "linux")
        subprocess.run([os.path.join(ROOT, "bench/linux-guest"), self.dir], check=True)
        self.kernel = os.path.join(self.dir, "work", "vmlinux")
        self.env = dict(os.environ)

    def command(self, program, args=(), env=None, memory=256):
        words = [x for k, v in (env or {}).items() for x in ("-e", f"{k}={v}")]
        key = hashlib.sha256(repr((program, args, words)).encode()).hexdigest()[:16]
        image = os.path.join(self.dir, f"work/{key}.img")
        vm = os.path.join(self.dir, "linuxvm.sh")
        subprocess.run([vm, *words, "-P", image, program, *args], env=self.env, check=True,
                       stderr=subprocess.DEVNULL)
        line = subprocess.run([vm, "-I", image, "-m", str(memory), "-d"], env=self.env, check=True,
                              capture_output=True, text=True).stdout
        return shlex.split(line)


def build(source, kind):
    """Path of a program of bench/ (or an absolute path), built."""
    flags = {"musl-static": ["musl-gcc", "-static", "-no-pie", "-fno-pie"],
             "glibc-dynamic": ["gcc"], "host": ["gcc"]}[kind]
    source = os.path.join(ROOT, "bench", source)
    program = os.path.join(OUT, os.path.basename(source)[:-2] + "." + kind)
    os.makedirs(OUT, exist_ok=True)
    if not os.path.exists(program) or os.stat(program).st_mtime < os.stat(source).st_mtime:
        also = ["-idirafter", "/usr/include", "-idirafter", "/usr/include/x86_64-linux-gnu"]
        subprocess.run([*flags, "-O2", "-I", ROOT, source, "-o", program]
                       + (also if kind == "musl-static" else []), check=True)
    return program


def data_file(mib):
    """Path of a file of so many MiB without holes."""
    path = os.path.join(OUT, f"data-{mib}m")
    os.makedirs(OUT, exist_ok=True)
    if not os.path.exists(path) or os.path.getsize(path) != mib << 20:
        with open(path, "wb") as f:
            f.write(bytes(range(256)) * (mib << 12))
    return path


def numbers_file(mib):
    """Path of a file of about so many MiB of decimal numbers, a line each."""
    path = os.path.join(OUT, f"numbers-{mib}m")
    os.makedirs(OUT, exist_ok=True)
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{i * 2654435761 % 4294967296}\n" for i in range((mib << 20) // 11))
    return path


def stamped_environment():
    """Environment in which QEMU notes the time of its exec in the file that is given back too."""
    folder = os.path.join(OUT, "path")
    os.makedirs(folder, exist_ok=True)
    shutil.copy(build("stamp.c", "host"), os.path.join(folder, "qemu-system-x86_64"))
    stamp = os.path.join(OUT, "stamp")
    env = {**os.environ, "PATH": folder + ":" + os.environ["PATH"], "STAMP": stamp,
           "STAMP_EXEC": shutil.which("qemu-system-x86_64")}
    return env, stamp
