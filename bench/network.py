# SPDX-License-Identifier: MIT
"""Servers under load over a tap: Elfin, the Linux guest and the host's own, by the baseline
harness's clients, interleaved. The harness's namespaces (lbns, lbsrv) are made and removed here."""
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time

import measure
import report
import ways

FIGURES = ["redis_get_P1_rps", "redis_set_P1_rps", "redis_get_P16_rps", "nginx_rps",
           "memcached_get_P1_rps"]
SERVE = os.path.join(ways.ROOT, "bench/serve-elfin")
START = 30
IPERF_SECONDS = 4


@contextlib.contextmanager
def namespaces(folder):
    """The harness's, which must not be there already."""
    script = os.path.join(folder, "netns.sh")
    if os.path.exists("/run/netns/lbns"):
        raise measure.Trouble("there is a namespace lbns already")
    subprocess.run([script, "up"], check=True)
    try:
        yield
    finally:
        subprocess.run([script, "down"], check=True)


def by_tap(setup, part, what, measured):
    """What measured(), called within the namespaces, returns; None: it cannot be had, and why has
    been said."""
    if setup.linux is None or os.geteuid() != 0:
        print(f"note: no {what} by tap: that needs root and the baseline harness")
        return None
    try:
        with namespaces(setup.linux.dir):
            return measured()
    except (measure.Trouble, OSError, subprocess.SubprocessError) as e:
        report.failures.append(part)
        print(f"note: {what} by tap: {e}")
        return None


def targets(accels):
    names = {"linux tcg": "tap:serve-linux.sh", "host": "lo:serve-native.sh"}
    for accel in accels:
        names[f"elfin {accel}"] = f"tap:serve-elfin,ACCEL={accel}"
    return names


def requests(linux, runs, accels):
    """{(way, figure): requests a second}, medians."""
    folder = linux.dir
    shutil.copy(SERVE, os.path.join(folder, "serve-elfin"))
    out = os.path.join(folder, "out/apps.jsonl")
    os.makedirs(os.path.dirname(out), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(out)
    env = {**linux.env, "ELFIN": ways.ELFIN, "BASELINE": folder}
    words = [x for n, t in targets(accels).items() for x in ("--target", f"{n}={t}")]
    for app in ("redis", "nginx", "memcached"):  # so that no run pays for the making of an image
        subprocess.run([os.path.join(folder, "serve-linux.sh"), app, "tap", "pack"], env=env,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([os.path.join(folder, "bench-apps.py"), "--runs", str(runs), *words], env=env,
                   check=True, stdout=subprocess.DEVNULL)
    samples = {}
    with open(out, encoding="ascii") as lines:
        for line in lines:
            record = json.loads(line)
            if "error" in record:
                print(f"note: {record['target']} {record['app']}: {record['error']}")
            for name in (*FIGURES, "ready_s"):
                if name in record:
                    key = record["app"] + "_ready_s" if name == "ready_s" else name
                    samples.setdefault((record["target"], key), []).append(record[name])
    return {key: statistics.median(values) for key, values in samples.items()}


def iperf_command(linux, way):
    if way != "linux tcg":
        return [SERVE, "iperf", "tap", "0"], {"ACCEL": way.split()[1]}
    vm = os.path.join(linux.dir, "linuxvm.sh")
    image = os.path.join(linux.dir, "work/iperf.img")
    if not os.path.exists(image):
        subprocess.run([vm, "-n", "tap", "-P", image, "iperf3", "-s"], env=linux.env, check=True,
                       stderr=subprocess.DEVNULL)
    return [vm, "-n", "tap", "-N", "lbns", "-I", image], {"LB_EXEC": "1"}


def iperf_once(linux, way, options):
    """Gbit/s of one connection."""
    words, env = iperf_command(linux, way)
    env = {**linux.env, "ELFIN": ways.ELFIN, "BASELINE": linux.dir, **env}
    with subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + START
            while time.monotonic() < end:
                done = subprocess.run(
                    ["nsenter", "--net=/run/netns/lbns", "iperf3", "-c", "10.0.2.15", "-J", "-t",
                     str(IPERF_SECONDS), *options], stdout=subprocess.PIPE, check=False)
                told = json.loads(done.stdout)
                if done.returncode == 0 and "error" not in told:
                    return told["end"]["sum_received"]["bits_per_second"] / 1e9
                time.sleep(0.1)
            raise measure.Trouble(f"iperf3 to {way} does not connect")
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def throughput(linux, runs, accels):
    """{(way, "to guest" or "from guest"): Gbit/s}, medians."""
    found = {}
    for _ in range(runs):
        for way in ["linux tcg", *(f"elfin {a}" for a in accels)]:
            for name, options in (("to guest", []), ("from guest", ["-R"])):
                found.setdefault((way, name), []).append(iperf_once(linux, way, options))
    return {key: statistics.median(values) for key, values in found.items()}


def bench(setup):
    """Servers by tap: under TCG against the Linux guest, under KVM against the host's own servers
    over its loopback."""
    def measured():
        return {**requests(setup.linux, setup.runs, setup.accels),
                **throughput(setup.linux, setup.runs, setup.accels)}

    found = by_tap(setup, "net", "servers", measured)
    if found is None:
        return
    columns = ["linux tcg", "host"] + [f"elfin {a}" for a in setup.accels]
    names = list(dict.fromkeys(name for _, name in found))
    report.print_table(
        "Servers by tap: requests a second, Gbit/s of iperf3, seconds until they answer", columns,
        [(n, [report.show(found.get((c, n))) for c in columns]) for n in names])
    for name in [*FIGURES, "to guest", "from guest"]:
        least = 1.3 if "P16" in name else 2
        against = report.quotient(found, found, ("linux tcg", name), ("elfin tcg", name))
        report.judge(f"{name}, Linux guest / Elfin under TCG", against, round(1 / least, 2),
                     "times")
    if setup.kvm:  # the other loads are too short: roundtrip.py
        report.judge("nginx_rps, host's loopback / Elfin under KVM",
                     report.quotient(found, found, ("host", "nginx_rps"),
                                     ("elfin kvm", "nginx_rps")), 1.67, "times")
