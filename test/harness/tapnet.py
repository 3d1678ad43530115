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


def namespace():
    """(pid, words that run a program there) of a new namespace, which ends with this process."""
    child = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    atexit.register(child.kill)
    end = time.monotonic() + START
    while os.readlink(f"/proc/{child.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        if time.monotonic() > end:
            sys.exit("no second namespace")
        time.sleep(0.01)
    return child.pid, inside(child.pid)


def inside(pid):
    return ["nsenter", "--net", "--target", str(pid)]


def ip(where, text):
    """Each line is an ip command; where: words that run a program in its namespace, [] is here."""
    for line in text.strip().splitlines():
        command(*where, "ip", *line.split())


def link(where, name, pid, peer, net, mtu="1500"):
    """A link from where to the namespace of pid: name and peer, .1 and .2 of net."""
    ip(where, f"link add {name} type veth peer name {peer} netns {pid}")
    for side, dev, last in ((where, name, 1), (inside(pid), peer, 2)):
        ip(side, f"""addr add 10.{net}.0.{last}/24 dev {dev}
                     addr add fd00:{net}::{last}/64 dev {dev} nodad
                     link set {dev} mtu {mtu} up""")


def default_route(where, net):
    """By way of the .1 of net."""
    ip(where, f"""route add default via 10.{net}.0.1
                  -6 route add default via fd00:{net}::1""")


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
