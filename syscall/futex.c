/* SPDX-License-Identifier: MIT */
/* futex(2) for a single thread.
 *
 * With one thread nobody else can change the word or wake the sleeper: a wait whose value matches
 * ends by its timeout or by a signal, a wake finds nobody. So there is one queue and no buckets.
 * The operations with priority inheritance are -ENOSYS with one line.
 *
 * Source: futex(2). */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time_types.h>

#include "kernel/base/print.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "platform/clock.h"
#include "syscall/calls.h"

/* Decoded arguments. */
struct request {
    uint32_t USER *addr;
    uint32_t value;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    bool absolute; /* the timeout was a point in time */
};

/* t in ns, at most UINT64_MAX - 1. */
static uint64_t saturate(const struct __kernel_timespec *t)
{
    uint64_t ns;
    bool fits = mul_ok((uint64_t)t->tv_sec, NSEC_PER_SEC, &ns) &&
                add_ok(ns, (uint64_t)t->tv_nsec, &ns);
    return fits ? ns : TIME_NEVER - 1;
}

/* Read the timeout into r. realtime: on CLOCK_REALTIME. */
static long read_timeout(struct request *r, const void USER *timeout, bool realtime)
{
    struct __kernel_timespec t;

    r->deadline_ns = TIME_NEVER;
    if (timeout == NULL) {
        return 0;
    }
    if (uaccess_read(&t, timeout, sizeof(t)) != 0) {
        return -EFAULT;
    }
    if (t.tv_sec < 0 || t.tv_nsec < 0 || (uint64_t)t.tv_nsec >= NSEC_PER_SEC) {
        return -EINVAL;
    }
    uint64_t ns = saturate(&t);
    if (!r->absolute) {
        r->deadline_ns = add_ok(clock_ns(), ns, &ns) ? ns : TIME_NEVER - 1;
        return 0;
    }
    if (realtime) { /* the same point on the other clock; one before boot is over */
        uint64_t offset = clock_wall_ns() - clock_ns();
        ns = ns > offset ? ns - offset : 0;
    }
    r->deadline_ns = ns;
    return 0;
}

static long check_word(uint32_t USER *addr)
{
    if (((uint64_t)(uintptr_t)addr & (sizeof(*addr) - 1)) != 0) {
        return -EINVAL;
    }
    return uaccess_ok(addr, sizeof(*addr)) ? 0 : -EFAULT;
}

/* Whether the word still has the expected value: 0, -EAGAIN, or why it cannot be told. */
static long compare_word(uint32_t USER *addr, uint32_t expected)
{
    uint32_t now;
    long err = check_word(addr);

    if (err != 0) {
        return err;
    }
    if (uaccess_read32(&now, addr) != 0) {
        return -EFAULT;
    }
    return now == expected ? 0 : -EAGAIN;
}

static long wait(const struct request *r)
{
    static struct wait_queue sleepers;
    static bool ready;

    if (!ready) {
        wait_queue_init(&sleepers);
        ready = true;
    }
    long err = compare_word(r->addr, r->value);
    if (err != 0) {
        return err;
    }
    int woken = wait_on(&sleepers, r->deadline_ns);
    if (woken == -EINTR && (r->absolute || r->deadline_ns == TIME_NEVER)) {
        return -ERESTARTSYS; /* to be repeated as it is; a relative timeout would start anew */
    }
    return woken;
}

/* The operation on the second word that FUTEX_WAKE_OP encodes. */
static bool apply_op(unsigned op, uint32_t arg, uint32_t old, uint32_t *out)
{
    switch (op) {
    case FUTEX_OP_SET:
        *out = arg;
        return true;
    case FUTEX_OP_ADD:
        *out = old + arg;
        return true;
    case FUTEX_OP_OR:
        *out = old | arg;
        return true;
    case FUTEX_OP_ANDN:
        *out = old & ~arg;
        return true;
    case FUTEX_OP_XOR:
        *out = old ^ arg;
        return true;
    default:
        return false;
    }
}

/* FUTEX_WAKE_OP: the change of *addr2 is all that is left of it when nobody waits. */
static long change_word(uint32_t USER *addr2, uint32_t encoded)
{
    unsigned op = encoded >> 28 & 0xf;
    unsigned compare = encoded >> 24 & 0xf;
    uint32_t arg = (uint32_t)((int32_t)(encoded << 8) >> 20); /* 12 bits, signed */
    uint32_t seen;
    uint32_t expected;

    if ((op & FUTEX_OP_OPARG_SHIFT) != 0) {
        arg = 1U << (arg & 31);
        op &= ~(unsigned)FUTEX_OP_OPARG_SHIFT;
    }
    if (op > FUTEX_OP_XOR || compare > FUTEX_OP_CMP_GE) {
        return -ENOSYS;
    }
    long err = check_word(addr2);
    if (err != 0) {
        return err;
    }
    if (uaccess_read32(&seen, addr2) != 0) {
        return -EFAULT;
    }
    do {
        uint32_t value;
        expected = seen;
        if (!apply_op(op, arg, expected, &value)) {
            return -ENOSYS;
        }
        if (uaccess_cas32(addr2, expected, value, &seen) != 0) {
            return -EFAULT;
        }
    } while (seen != expected);
    return 0;
}

static long unsupported(unsigned op)
{
    static uint32_t said;

    if ((said & 1U << (op & 31)) == 0) {
        said |= 1U << (op & 31);
        log(SYSCALL, WARN, "futex: operation %u is not supported", op);
    }
    return -ENOSYS;
}

long sys_futex(uint32_t USER *addr, int op, uint32_t value, const void USER *timeout,
               uint32_t USER *addr2, uint32_t value3)
{
    unsigned command = (unsigned)op & (unsigned)FUTEX_CMD_MASK;
    bool realtime = (op & FUTEX_CLOCK_REALTIME) != 0;
    bool waits = command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    bool by_bitset = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    struct request r = {.addr = addr, .value = value, .absolute = command == FUTEX_WAIT_BITSET};

    if (realtime && !waits) {
        return -ENOSYS;
    }
    long err = waits ? read_timeout(&r, timeout, realtime) : 0;
    if (err == 0 && by_bitset && value3 == 0) {
        err = -EINVAL;
    }
    if (err != 0) {
        return err;
    }
    switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return wait(&r);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return check_word(addr);
    case FUTEX_REQUEUE:
        err = check_word(addr);
        return err != 0 ? err : check_word(addr2);
    case FUTEX_CMP_REQUEUE:
        err = check_word(addr2);
        return err != 0 ? err : compare_word(addr, value3);
    case FUTEX_WAKE_OP:
        err = check_word(addr);
        return err != 0 ? err : change_word(addr2, value3);
    default:
        return unsupported(command);
    }
}
