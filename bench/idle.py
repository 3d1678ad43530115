# SPDX-License-Identifier: MIT
"""What a machine costs that has nothing to do: a server by tap that waits for a client, one whose
client says nothing, and redis, whose own clock wakes it ten times a second. Of the tool, of QEMU
and its threads, in per cent of a host's processor."""
import glob
import subprocess
import time

import measure
import network
import report
import roundtrip
import ways

SECONDS = 2
SETTLED = 0.5


def processes(pid):
    """pid and its descendants."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="ascii") as f:
            for child in f.read().split():
                found += processes(int(child))
    return found


def cpu_seconds(pid):
    """That the processes have had so far."""
    total = 0
    for process in processes(pid):
        for path in glob.glob(f"/proc/{process}/task/*/schedstat"):
            with open(path, encoding="ascii") as f:
                total += int(f.read().split()[0])
    return total / 1e9


def share(pid):
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - start)


def silent_client(app, say):
    """A client that has got its answer and stays."""
    client = subprocess.Popen([*roundtrip.INSIDE, "nc", roundtrip.GUEST, roundtrip.PORTS[app]],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    client.stdin.write(say)
    client.stdin.flush()
    if not client.stdout.read(1):
        client.kill()
        raise measure.Trouble(f"{app}: no answer")
    return client


def sample(linux, way):
    """(a server without a client, with a silent one, redis): per cent."""
    found = []
    with roundtrip.serving(linux, way, "rtt") as server:
        roundtrip.client(way, [ways.build("rtt.c", "host"), "ask", roundtrip.GUEST,
                               roundtrip.PORTS["rtt"], "1"])
        time.sleep(SETTLED)
        found.append(share(server.pid))
        with silent_client("rtt", b"x") as client:
            time.sleep(SETTLED)
            found.append(share(server.pid))
            client.kill()
    with roundtrip.serving(linux, way, "redis") as server:
        roundtrip.client(way, ["redis-cli", "-h", roundtrip.GUEST, "-p", roundtrip.PORTS["redis"],
                               "PING"])
        time.sleep(SETTLED)
        found.append(share(server.pid))
    return tuple(found)


def bench(setup):
    """Servers with nothing to do."""
    elfins = [f"elfin {accel}" for accel in setup.accels]
    samplers = {w: lambda w=w: sample(setup.linux, w) for w in elfins}
    found = network.by_tap(setup, "idle", "idle servers",
                           lambda: report.collect(setup.runs, samplers))
    if found is None:
        return
    half = {w: [report.median(part) for part in zip(*v)] for w, v in found.items() if v}
    if not half:
        report.failures.append("idle")
        return
    names = ("server without a client", "server with a silent client", "redis")
    report.print_table("Nothing to do: per cent of a host's processor", list(half),
                       [(n, [report.show(v[i]) for v in half.values()])
                        for i, n in enumerate(names)])
    for way in elfins:
        for i, name in enumerate(names[:2]):
            report.judge(f"idle {name}, {way}", half[way][i] if way in half else None, 1,
                         "per cent")
