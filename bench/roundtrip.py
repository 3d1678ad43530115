# SPDX-License-Identifier: MIT
"""Single questions over a tap: how long one takes, how soon after QEMU's exec redis answers; and
load that lasts, with the same number of requests for the host's own servers and for Elfin.

Everything runs in the baseline harness's namespaces (network.namespaces)."""
import contextlib
import os
import re
import subprocess
import time

import measure
import network
import report
import ways

PORTS = {"redis": "6390", "memcached": "11311", "rtt": "7007"}
GUEST = "10.0.2.15"
INSIDE = ["nsenter", "--net=/run/netns/lbns"]
QUESTIONS = 20000
PATIENCE = 60
# The harness's own loads end within 60 ms, in which the host's scheduler has not yet given the
# virtual processor and QEMU's thread a processor each.
LASTING = {
    "redis_get_P1": ("redis", "redis-benchmark -h {host} -p {port} -t get -n 200000 -c 20 --csv"),
    "redis_set_P1": ("redis", "redis-benchmark -h {host} -p {port} -t set -n 200000 -c 20 --csv"),
    "redis_get_P16": ("redis", "redis-benchmark -h {host} -p {port} -t get -n 1500000 -c 20 -P 16 "
                               "--csv"),
    "memcached_get_P1": ("memcached", "{harness}/bin/mcbench {host} {port} 300000 20 1 get"),
}


@contextlib.contextmanager
def serving(linux, way, app, env=None):
    """The server of the way (host, elfin kvm, elfin tcg, linux tcg), stopped at the end."""
    env = {**linux.env, "ELFIN": ways.ELFIN, "BASELINE": linux.dir, **(env or {})}
    if way == "host" and app == "rtt":
        words = [*INSIDE, ways.build("rtt.c", "host"), "serve", PORTS[app]]
    elif way == "host":
        words = [os.path.join(linux.dir, "serve-native.sh"), app, "lo", PORTS[app]]
    elif way == "linux tcg":
        vm, image = os.path.join(linux.dir, "linuxvm.sh"), os.path.join(linux.dir, "work/rtt.img")
        if not os.path.exists(image):
            subprocess.run([vm, "-n", "tap", "-P", image, ways.build("rtt.c", "musl-static"),
                            "serve", PORTS[app]], env=env, check=True, stderr=subprocess.DEVNULL)
        words = [vm, "-n", "tap", "-N", "lbns", "-I", image]
        env["LB_EXEC"] = "1"
    else:
        words = [network.SERVE, app, "tap", "0"]
        env["ACCEL"], env["RTT"] = way.split()[1], ways.build("rtt.c", "musl-static")
    with subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as server:
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


def client(way, words):
    """What the client prints, which is tried until the server answers."""
    inside = [] if way == "host" and "rtt" not in words[0] else INSIDE
    end = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run([*inside, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, timeout=PATIENCE, check=False)
        if done.returncode == 0:
            return done.stdout
        if time.monotonic() > end:
            raise measure.Trouble(f"{way}: {words[0]} gets no answer")
        time.sleep(0.05)


def latency(linux, way):
    """(p50, p99) in microseconds of a question and an answer of one byte each."""
    with serving(linux, way, "rtt"):
        host = "127.0.0.1" if way == "host" else GUEST
        out = client(way, [ways.build("rtt.c", "host"), "ask", host, PORTS["rtt"], str(QUESTIONS)])
        found = dict(re.findall(r"(\w+)=([\d.]+)", out))
        return float(found["p50_us"]), float(found["p99_us"])


def first_pong_ms(linux, way, memory=None):
    """Milliseconds from QEMU's exec to redis's first PONG."""
    env, stamp = ways.stamped_environment()
    env = {k: env[k] for k in ("PATH", "STAMP", "STAMP_EXEC")}
    if memory:
        env["MEMORY"] = memory
    with serving(linux, way, "redis", env) as server:
        done = subprocess.run([*INSIDE, ways.build("rtt.c", "host"), "pong", GUEST, PORTS["redis"]],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False, timeout=PATIENCE)
        if done.returncode != 0:
            server.terminate()
            why = server.stderr.read().decode(errors="replace").strip()
            raise measure.Trouble(f"{way}: no PONG{': ' + why if why else ''}")
        with open(stamp, encoding="ascii") as f:
            return (int(done.stdout) - int(f.read())) / 1e6


def lasting_load(linux, way, name):
    """Requests a second."""
    app, command = LASTING[name]
    host = "127.0.0.1" if way == "host" else GUEST
    words = command.format(host=host, port=PORTS[app], harness=linux.dir).split()
    pace = ["env", f"LD_PRELOAD={linux.dir}/bin/slowconnect.so"]
    with serving(linux, way, app):
        out = client(way, [*pace, *words])
    if app == "redis":
        return float(re.search(r'^"[GS]ET","([\d.]+)"', out, re.M)[1])
    return float(out.split()[1])


def sample_all(setup, elfins):
    """Samples of (latency, first PONG, lasting load), by way."""
    linux, runs = setup.linux, setup.runs
    asked = ["host", "linux tcg", *elfins]
    times = report.collect(runs, {w: lambda w=w: latency(linux, w) for w in asked})
    starts = {w: lambda w=w: first_pong_ms(linux, w) for w in elfins}
    starts[elfins[0] + " -m 24M"] = lambda: first_pong_ms(linux, elfins[0], "24M")
    pong = report.collect(runs, starts)
    load = report.collect(runs if setup.kvm else 0, {
        (name, way): lambda name=name, way=way: lasting_load(linux, way, name)
        for name in LASTING for way in ("host", "elfin kvm")})
    return times, pong, {key: report.median(v) for key, v in load.items()}


def judge_times(times, elfins):
    half = {w: [report.median(part) for part in zip(*v)] for w, v in times.items() if v}
    report.print_table("One byte there and back over TCP by tap, the host over its loopback: us",
                       list(half), [(name, [report.show(v[i]) for v in half.values()])
                                    for i, name in enumerate(("p50", "p99"))])
    for way in elfins:
        p50, p99 = half.get(way, (None, None))
        report.judge(f"p99 / p50 of a round trip, {way}", p99 / p50 if p50 else None, 3, "times")


def judge_pong(pong):
    report.print_table("redis: milliseconds from QEMU's exec to the first PONG", list(pong),
                       [("first PONG", [report.show(report.median(v)) for v in pong.values()])])
    for way, found in pong.items():
        report.judge(f"redis's first PONG, {way}", report.median(found),
                     250 if "kvm" in way else 500, "ms")


def judge_load(load):
    report.print_table("Load that lasts, the host over its loopback: requests a second",
                       ["host", "elfin kvm"],
                       [(n, [report.show(load[n, w]) for w in ("host", "elfin kvm")])
                        for n in LASTING])
    for name in LASTING:
        host, own = load[name, "host"], load[name, "elfin kvm"]
        report.judge(f"{name} that lasts, host's loopback / Elfin under KVM",
                     host / own if host and own else None, 1.67, "times")


def bench(setup):
    """One question at a time, the first answer after a start, load that lasts."""
    elfins = [f"elfin {accel}" for accel in setup.accels]
    found = network.by_tap(setup, "roundtrip", "round trips", lambda: sample_all(setup, elfins))
    if found is None:
        return
    times, pong, load = found
    judge_times(times, elfins)
    judge_pong(pong)
    if load:
        judge_load(load)
