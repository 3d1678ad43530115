# SPDX-License-Identifier: MIT
"""A network of the test's own: a namespace with a tap that leads to one guest."""
import atexit
import os
import socket
import subprocess
import sys
import time

TAP, HOST, GUEST = "tap0", "10.99.0.1", "10.99.0.2"
START = 30  # seconds that a server may need to answer


def command(*words):
    subprocess.run(words, check=True)


def enter():
    """This process, begun anew, and its children get the namespace, which ends with them."""
    if os.environ.get("TAPNET_INSIDE") != "1":
        os.environ["TAPNET_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    command("ip", "link", "set", "lo", "up")
    command("ip", "tuntap", "add", TAP, "mode", "tap")
    command("ip", "addr", "add", HOST + "/24", "dev", TAP)
    command("ip", "link", "set", TAP, "txqueuelen", "10000", "up")


def start(words, memory="256M", options=(), **how):
    """The guest with the program words, ended with this process at the latest."""
    vm = subprocess.Popen(
        [os.environ["ELFIN"], "run", "--accel", os.environ["ACCEL"], "--cpus", os.environ["CPUS"],
         "-m", memory, "--net", "tap=" + TAP, "--ip", GUEST + "/24", "--gw", HOST, *options,
         *words], stdin=subprocess.DEVNULL, **how)
    atexit.register(vm.kill)
    return vm


def wait_for(port, vm):
    """Until somebody listens."""
    end = time.monotonic() + START
    while time.monotonic() < end:
        if vm.poll() is not None:
            sys.exit(f"the machine ended with status {vm.returncode}")
        try:
            socket.create_connection((GUEST, port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


def stop(vm, number, status, limit=20):
    """End the guest by a signal to elfin; its status must be this, None: it must end."""
    vm.send_signal(number)
    try:
        got = vm.wait(limit)
    except subprocess.TimeoutExpired:
        sys.exit(f"still running {limit} s after signal {number}")
    if status is not None and got != status:
        sys.exit(f"status {got} after signal {number}, expected {status}")
