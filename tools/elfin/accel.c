/* SPDX-License-Identifier: MIT */
/* Decides whether KVM works here. A device node alone says little: in a container it may be
 * forbidden, on a machine without virtualisation it may refuse to make machines.
 * Source: Linux Documentation/virt/kvm/api.rst, KVM_GET_API_VERSION and KVM_CREATE_VM. */
#include "tools/elfin/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/elfin/report.h"

#define DEVICE "/dev/kvm"

static const char *const names[] = {
    [ACCEL_AUTO] = "auto", [ACCEL_KVM] = "kvm", [ACCEL_TCG] = "tcg"};

int accel_parse(const char *text, enum accel *out)
{
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum accel)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *accel_name(enum accel accel)
{
    return names[accel];
}

/* Why KVM cannot be used, or NULL. */
static const char *kvm_problem(void)
{
    static char text[128];
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        snprintf(text, sizeof(text), DEVICE ": %s", strerror(errno));
        return text;
    }
    const char *problem = NULL;
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);
    int vm = version == KVM_API_VERSION ? ioctl(fd, KVM_CREATE_VM, 0) : -1;
    if (version != KVM_API_VERSION) {
        snprintf(text, sizeof(text), DEVICE " has API version %d, not %d", version,
                 KVM_API_VERSION);
        problem = text;
    } else if (vm < 0) {
        snprintf(text, sizeof(text), DEVICE " makes no virtual machine: %s", strerror(errno));
        problem = text;
    } else {
        close(vm);
    }
    close(fd);
    return problem;
}

int accel_choose(enum accel *accel, const char **why)
{
    if (*accel == ACCEL_TCG) {
        *why = "as asked for";
        return 0;
    }
    const char *problem = kvm_problem();
    if (problem != NULL && *accel == ACCEL_KVM) {
        return report_error(STATUS_OWN_ERROR, "KVM does not work here: %s", problem);
    }
    *accel = problem != NULL ? ACCEL_TCG : ACCEL_KVM;
    *why = problem != NULL ? problem : DEVICE " works";
    return 0;
}
