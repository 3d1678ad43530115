# SPDX-License-Identifier: MIT
"""What this machine can do."""
import fcntl
import os

KVM_GET_API_VERSION, KVM_CREATE_VM = 0xAE00, 0xAE01


def kvm_problem():
    """Why this machine has no usable KVM, or None."""
    try:
        fd = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as e:
        return f"/dev/kvm: {e.strerror}"
    try:
        version = fcntl.ioctl(fd, KVM_GET_API_VERSION, 0)
        os.close(fcntl.ioctl(fd, KVM_CREATE_VM, 0))
    except OSError as e:
        return f"/dev/kvm refuses: {e.strerror}"
    finally:
        os.close(fd)
    return None if version == 12 else f"/dev/kvm has API version {version}"
