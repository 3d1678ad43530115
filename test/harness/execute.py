# SPDX-License-Identifier: MIT
"""Runs one case on the host and in Elfin and judges the difference.

Each case has a folder build/test/work/NAME: `host` and `guest` are equal folders, the program's
current directory on each side (in Elfin it appears as /case); MODE.out and MODE.err are the output.
"""
import difflib
import filecmp
import os
import re
import shlex
import shutil
import signal
import subprocess

from build import ROOT, build_program
from stats import rewritten_share

WORK = os.path.join(ROOT, "build/test/work")
ELFIN = os.environ.get("ELFIN", os.path.join(ROOT, "build/elfin"))
GUEST_DIR = "/case"
OLD = 1000000000  # time stamp of every input file: 2001-09-09
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/",
       "LC_ALL": "C", "TZ": "UTC0", "TERM": "dumb"}


class Failure(Exception):
    """Why a case did not pass."""


def prepare(case):
    """Fresh host and guest folders with the case's input files. Returns the case's folder."""
    top = os.path.join(WORK, case.name)
    shutil.rmtree(top, ignore_errors=True)
    for side in ("host", "guest"):
        folder = os.path.join(top, side)
        if case.inputs:
            shutil.copytree(case.inputs, folder, symlinks=True)
        else:
            os.makedirs(folder)
        if case.get("setup"):
            env = {**os.environ, "SOURCE": os.path.join(ROOT, case.source), "ROOT": ROOT}
            done = subprocess.run(["bash", "-euc", case.get("setup")], cwd=folder, env=env,
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failure("setup failed: " + done.stderr[-500:])
        for base, folders, files in os.walk(folder, topdown=False):
            for name in files + folders + ["."]:
                os.utime(os.path.join(base, name), (OLD, OLD), follow_symlinks=False)
    return top


def program_words(case):
    """Program and arguments. `@file.c:kind` as first word stands for a built guest program."""
    if case.kind:
        return [build_program(case.source, case.kind)] + case.arguments()
    words = case.words("run") + case.arguments()
    if words and words[0].startswith("@"):
        source, kind = words[0][1:].split(":")
        words[0] = build_program("test/guest/" + source, kind)
    return words


def open_stdin(case, folder):
    """(file object, feeding process or None)."""
    if case.get("stdin_file"):
        return open(os.path.join(folder, case.get("stdin_file")), "rb"), None
    if case.get("stdin"):
        feeder = subprocess.Popen(["bash", "-c", case.get("stdin")], cwd=folder,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return feeder.stdout, feeder
    return open(os.devnull, "rb"), None


def run(case, command, folder, env, prefix, limit):
    """Run command; output to prefix.out and prefix.err. Returns the shell's idea of its status."""
    stdin, feeder = open_stdin(case, folder)
    with open(prefix + ".out", "wb") as out, open(prefix + ".err", "wb") as err, stdin:
        try:
            child = subprocess.Popen(command, cwd=folder, env=env, stdin=stdin, stdout=out,
                                     stderr=err, start_new_session=True)
        except OSError as e:
            raise Failure(f"{command[0]}: {e.strerror}") from e
        try:
            status = child.wait(limit)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"still running after {limit:.0f} s{tail(prefix)}") from e
        finally:
            end_session(child, feeder)
    return 128 - status if status < 0 else status


def end_session(child, feeder):
    """What the child started goes with it: a hypervisor left behind would starve later cases."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
    if feeder:
        feeder.kill()
        feeder.wait()


def tail(prefix):
    with open(prefix + ".err", "rb") as f:
        text = f.read()[-1200:].decode(errors="replace").strip()
    return "\n" + text if text else ""


def limits(case, mode):
    """TCG runs code some ten times slower than the machine."""
    return case.timeout * (4 if "tcg" in mode else 1)


def host_words(case):
    """The program as the oracle runs it: alone with a network and System V and POSIX queues of its
    own where others' would show, as it is in Elfin."""
    words = program_words(case)
    if case.get("host") == "alone":
        words = ["unshare", "--net", "--ipc", "sh", "-c", 'ip link set lo up && exec "$@"', "sh",
                 *words]
    return words


def run_host(case, top):
    env = {**ENV, **dict(x.split("=", 1) for x in case.words("env"))}
    status = run(case, host_words(case), top + "/host", env, top + "/host-run", case.timeout)
    for stream in (".out", ".err"):
        path = top + "/host-run" + stream
        if os.path.getsize(path) < 1 << 23:
            with open(path, "rb+") as f:
                text = f.read().replace((top + "/host").encode(), GUEST_DIR.encode())
                f.seek(0)
                f.truncate()
                f.write(text)
    return status


def elfin_command(case, top, mode):
    options = []
    accel, *rest = mode.split(",")
    if accel != "auto":
        options += ["--accel", accel]
    for word in rest:
        options.append("--" + word)
    if case.get("memory"):
        options += ["-m", case.get("memory")]
    if wants_share(case, mode):
        options.append("--stats")
    for x in [f"{k}={v}" for k, v in ENV.items()] + case.words("env"):
        options += ["-e", x]
    options += ["--add", f"{top}/guest:{GUEST_DIR}", "-w", GUEST_DIR] + case.words("elfin")
    return [ELFIN, "run"] + options + program_words(case)


def check(case, mode, top):
    """Run the case in one mode; raises Failure. The host has run already where it is the oracle."""
    prefix = f"{top}/{mode}"
    if case.get("script"):
        return run_script(case, mode, top)
    status = run(case, elfin_command(case, top, mode), top + "/guest", os.environ, prefix,
                 limits(case, mode))
    expected = int(case.get("status")) if case.get("status") else case.host_status
    if status != expected:
        raise Failure(f"status {status}, expected {expected}{tail(prefix)}")
    compare_output(case, top, prefix)
    if wants_share(case, mode):
        check_share(case, prefix)
    return compare_errors(case, top, prefix)


def wants_share(case, mode):
    return bool(case.get("rewritten")) and "no-rewrite" not in mode


def check_share(case, prefix):
    """The case's key says how many per cent of its calls come from rewritten sites, at least. The
    report is taken out of the program's standard error, where it may follow half a line."""
    with open(prefix + ".err", "rb+") as f:
        said = f.read()
        report = re.findall(rb"elfin: stats:.*\n", said)
        f.seek(0)
        f.truncate()
        f.write(re.sub(rb"elfin: stats:.*\n", b"", said))
    text = b"".join(report).decode(errors="replace")
    share = rewritten_share(text)
    if share is None:
        raise Failure("--stats printed no counts" + tail(prefix))
    if share < float(case.get("rewritten")):
        raise Failure(f"{share:.1f} % of the calls came from rewritten sites, less than "
                      f"{case.get('rewritten')} %\n{text}")


def run_script(case, mode, top):
    """A script judges by itself: status 0 passes, its output is the reason otherwise."""
    accel, *rest = mode.split(",")
    cpus = [word[len("cpus="):] for word in rest if word.startswith("cpus=")]
    env = {**os.environ, "ELFIN": ELFIN, "ACCEL": accel, "CPUS": (cpus or ["1"])[0], "ROOT": ROOT}
    command = [os.path.join(ROOT, case.source, case.get("script"))] + case.arguments()
    status = run(case, command, top + "/guest", env, f"{top}/{mode}", limits(case, mode))
    if status:
        raise Failure(f"{case.get('script')} says {status}{tail(top + '/' + mode)}")


def compare_output(case, top, prefix):
    want = case.get("stdout", "same" if case.get("host") != "no" else "empty")
    expected = top + "/host-run.out"
    if want == "ignore":
        return
    if want == "empty":
        if os.path.getsize(prefix + ".out"):
            raise Failure("stdout is not empty" + tail(prefix))
        return
    if want.startswith("file:"):
        folder = case.source if os.path.isdir(os.path.join(ROOT, case.source)) else "test/guest"
        expected = os.path.join(ROOT, folder, want[5:])
    elif want.startswith("/"):
        match_text(want, prefix + ".out", "stdout")
        return
    got = prefix + ".out"
    if want == "any-order":
        expected, got = sort_lines(expected), sort_lines(got)
    if not filecmp.cmp(expected, got, shallow=False):
        raise Failure("stdout differs\n" + excerpt(expected, got) + tail(prefix))


def compare_errors(case, top, prefix):
    want = case.get("stderr", "ignore")
    if want == "same" and not filecmp.cmp(top + "/host-run.err", prefix + ".err", shallow=False):
        raise Failure("stderr differs\n" + excerpt(top + "/host-run.err", prefix + ".err"))
    if want == "empty" and os.path.getsize(prefix + ".err"):
        raise Failure("stderr is not empty" + tail(prefix))
    if want.startswith("/"):
        match_text(want, prefix + ".err", "stderr")


def match_text(pattern, path, what):
    """Every line of pattern, a regular expression between slashes, must be found in the file."""
    with open(path, "rb") as f:
        text = f.read().decode(errors="replace")
    for line in pattern.splitlines():
        if not re.search(line.strip()[1:-1], text, re.M):
            raise Failure(f"{what} lacks {line.strip()}\n{text[-1500:].strip()}")


def sort_lines(path):
    with open(path, "rb") as f:
        lines = sorted(f.read().splitlines(True))
    sorted_path = path[:-4] + ".sorted" + path[-4:]
    with open(sorted_path, "wb") as f:
        f.writelines(lines)
    return sorted_path


def excerpt(expected, got):
    """The first difference with some context, at most a screen."""
    sizes = f"expected {os.path.getsize(expected)} bytes, got {os.path.getsize(got)}"
    with open(expected, "rb") as a, open(got, "rb") as b:
        left, right = (x.read(1 << 20).decode(errors="backslashreplace").splitlines()
                       for x in (a, b))
    diff = difflib.unified_diff(left[:4000], right[:4000], "expected", "got", lineterm="", n=1)
    lines = [line[:160] for _, line in zip(range(24), diff)]
    return "\n".join([sizes] + lines)


def run_host_test(case):
    """A unit test, or a short run of a fuzz target: always the same inputs at first."""
    tool = "tools/unit-test" if case.kind == "unit" else "tools/fuzz"
    command = [os.path.join(ROOT, tool), case.source]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", check=False, timeout=300)
    if done.returncode:
        raise Failure(f"status {done.returncode}\n" + (done.stdout + done.stderr)[-2500:])


def show_command(case, top, mode):
    return " ".join(shlex.quote(x) for x in elfin_command(case, top, mode))
