/* SPDX-License-Identifier: MIT */
/* Capability sets of the process.
 * Source: capget(2), capabilities(7) "Programmatically adjusting capability sets". */
#include <asm/errno.h>
#include <linux/capability.h>

#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

/* Read and check the header. *words = 32-bit words per set. An unknown version is answered with the
 * one we prefer. Returns 0, -EFAULT, -EINVAL. */
static long read_header(void USER *header, struct __user_cap_header_struct *h, unsigned *words)
{
    if (uaccess_read(h, header, sizeof(*h)) != 0) {
        return -EFAULT;
    }
    switch (h->version) {
    case _LINUX_CAPABILITY_VERSION_1: *words = _LINUX_CAPABILITY_U32S_1; return 0;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3: *words = _LINUX_CAPABILITY_U32S_3; return 0;
    default:
        h->version = _LINUX_CAPABILITY_VERSION_3;
        return uaccess_write(header, &h->version, sizeof(h->version)) != 0 ? -EFAULT : -EINVAL;
    }
}

long sys_capget(void USER *header, void USER *data)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];
    const struct process_caps *caps = &process.caps;
    unsigned words;
    long err = read_header(header, &h, &words);

    if (data == NULL && err == -EINVAL) {
        return 0; /* a probe for the version */
    }
    if (err != 0 || data == NULL) {
        return err;
    }
    if (h.pid < 0) {
        return -EINVAL;
    }
    if (h.pid != 0 && h.pid != PROCESS_PID) {
        return -ESRCH;
    }
    for (unsigned i = 0; i < words; i++) {
        d[i].effective = (uint32_t)(caps->effective >> 32 * i);
        d[i].permitted = (uint32_t)(caps->permitted >> 32 * i);
        d[i].inheritable = (uint32_t)(caps->inheritable >> 32 * i);
    }
    return uaccess_write(data, d, words * sizeof(d[0]));
}

static bool is_subset(uint64_t set, uint64_t of)
{
    return (set & ~of) == 0;
}

static long commit(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct process_caps *caps = &process.caps;
    uint64_t may_inherit = caps->inheritable;

    may_inherit |= process_capable(CAP_SETPCAP) ? caps->bounding : caps->permitted & caps->bounding;
    if (!is_subset(inheritable, may_inherit) || !is_subset(permitted, caps->permitted) ||
        !is_subset(effective, permitted)) {
        return -EPERM;
    }
    spin_lock(&process.lock);
    caps->effective = effective;
    caps->permitted = permitted;
    caps->inheritable = inheritable;
    caps->ambient &= permitted & inheritable;
    spin_unlock(&process.lock);
    return 0;
}

long sys_capset(void USER *header, const void USER *data)
{
    struct __user_cap_header_struct h;
    struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
    uint64_t all = (1UL << (CAP_LAST_CAP + 1)) - 1;
    unsigned words;
    long err = read_header(header, &h, &words);

    if (err != 0) {
        return err;
    }
    if (h.pid != 0 && h.pid != PROCESS_PID) {
        return -EPERM;
    }
    if (uaccess_read(d, data, words * sizeof(d[0])) != 0) {
        return -EFAULT;
    }
    return commit((d[0].effective | (uint64_t)d[1].effective << 32) & all,
                  (d[0].permitted | (uint64_t)d[1].permitted << 32) & all,
                  (d[0].inheritable | (uint64_t)d[1].inheritable << 32) & all);
}
