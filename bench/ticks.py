# SPDX-License-Identifier: MIT
"""Compares another machine's clocks with this one's: it prints its times, they are read here.

A line comes some time after it was printed, which is hardly ever less than usual: of the lines of a
second, the one that was fastest tells how far the clocks are apart.
"""
import re
import subprocess
import time

import measure

WINDOW = 20  # ticks
NAMES = ("monotonic", "realtime")


def here():
    return (time.clock_gettime_ns(time.CLOCK_MONOTONIC), time.clock_gettime_ns(time.CLOCK_REALTIME))


def sample(way, program, seconds):
    """Figures of bench/clock.c under a way: how late sleeps end, in ns; drift of both clocks in the
    time and the difference of the wall clocks at its start, in ms."""
    child = subprocess.Popen(way.command(program, [str(seconds)]), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    figures, apart = {}, []
    for line in child.stdout:
        now = here()
        late = re.match(r"(late_\w+) (-?\d+)", line)
        tick = re.match(r"tick (\d+) (\d+)", line)
        if late:
            figures[late[1]] = float(late[2])
        if tick:
            apart.append([now[i] - int(tick[i + 1]) for i in range(2)])
    if child.wait() != 0 or len(apart) < seconds * WINDOW:
        raise measure.Trouble(f"{way.name}: {len(apart)} ticks, status {child.returncode}")
    for i, name in enumerate(NAMES):
        first = min(a[i] for a in apart[:WINDOW])
        last = min(a[i] for a in apart[-WINDOW:])
        figures[f"{name}_drift_ms"] = abs(last - first) / 1e6
        if name == "realtime":
            figures["wall_apart_ms"] = abs(first) / 1e6
    return figures
