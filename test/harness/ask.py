# SPDX-License-Identifier: MIT
"""Questions of test scripts to programs of the host, with the answers that they must give."""
import subprocess
import sys

LIMIT = 60  # seconds of one program


def run(*words, status=0, **how):
    """Standard output of words, which must end with status."""
    done = subprocess.run([str(w) for w in words], stdout=subprocess.PIPE, timeout=LIMIT,
                          check=False, **how)
    if done.returncode != status:
        sys.exit(f"{' '.join(map(str, words))}: status {done.returncode}: {done.stdout!r}")
    return done.stdout


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r}, expected {expected!r}")
