# SPDX-License-Identifier: MIT
"""Runs commands and takes their figures. Every function gives one sample; bench/run repeats them
interleaved, so that a busy moment of the machine meets all ways alike."""
import os
import re
import subprocess
import time

import ways

LIMIT_S = 180


class Trouble(Exception):
    """A run that gave no figure; the text says why."""


def run(command, env=None, limit=LIMIT_S):
    """(status, stdout, stderr, seconds)."""
    start = time.monotonic()
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", env=env, timeout=limit, check=False)
    except subprocess.TimeoutExpired as e:
        raise Trouble(f"still running after {limit} s: {' '.join(command)[:120]}") from e
    return done.returncode, done.stdout, done.stderr, time.monotonic() - start


def named_numbers(way, program, args=(), env=None):
    """The `name number` lines that the program prints, as a dict."""
    _, out, err, _ = run(way.command(program, args, env))
    lines = re.finditer(r"^([a-z]\w+)[ :=]+(\d+(?:\.\d+)?)\s*$", out, re.M)
    found = {m[1]: float(m[2]) for m in lines}
    if not found:
        raise Trouble(f"{way.name}: no figures in the output: {(out + err)[-300:]}")
    return found


def zstd_speed(way, threads, data):
    """MB/s of zstd's own benchmark, which times only the compression."""
    args = ["-b6", "-i1", f"-T{threads}", data]
    _, out, err, _ = run(way.command("/usr/bin/zstd", args))
    found = re.findall(r"\), *(\d+(?:\.\d+)?) MB/s", out + err)
    if not found:
        raise Trouble(f"{way.name}: zstd says no speed: {(out + err)[-300:]}")
    return float(found[-1])


def first_line_ms(command, marker):
    """Milliseconds from QEMU's exec to the marker on standard output."""
    env, stamp = ways.stamped_environment()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env=env)
    got, seen = b"", None
    while seen is None:
        part = os.read(child.stdout.fileno(), 65536)
        got += part
        if marker.encode() in got:
            seen = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        elif not part:
            break
    errors = child.communicate(timeout=LIMIT_S)[1].decode(errors="replace")
    if seen is None:
        raise Trouble(f"no {marker}: {(got.decode(errors='replace') + errors)[-300:]}")
    with open(stamp, encoding="ascii") as f:
        return (seen - int(f.read())) / 1e6


def boot_ms(way, program):
    """Milliseconds from the kernel's first instruction to the program's entry, by its own clock."""
    words = way.command(program)
    words.insert(2, "-v")
    _, out, err, _ = run(words)
    m = re.search(r"boot took (\d+) us", out + err)
    if not m:
        raise Trouble(f"{way.name}: no `boot took` line: {err[-300:]}")
    return int(m[1]) / 1000


def smallest_memory(command_of, low, high):
    """The smallest memory (MiB) of (low, high] with which hello runs three times out of three;
    command_of(mib) is the command."""
    def works(mib):
        try:
            return all("hello" in run(command_of(mib), limit=20)[1] for _ in range(3))
        except Trouble:
            return False
    if not works(high):
        raise Trouble(f"hello does not run in {high} MiB")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(middle) else (middle, high)
    return high
