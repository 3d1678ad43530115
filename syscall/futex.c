/* SPDX-License-Identifier: MIT */
/* futex(2) and futex_waitv: decode, one verb of kernel/futex.h, encode. Source: futex(2). */
#include <asm/errno.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/base/print.h"
#include "kernel/futex.h"
#include "kernel/heap.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/calls.h"
#include "syscall/restart.h"

/* Decoded arguments. */
struct request {
    struct futex_word word;
    uint32_t value;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    bool absolute; /* the timeout is a point in time */
};

/* t in ns, at most UINT64_MAX - 1. */
static uint64_t saturate(const struct __kernel_timespec *t)
{
    uint64_t ns;
    bool fits =
        mul_ok((uint64_t)t->tv_sec, NSEC_PER_SEC, &ns) && add_ok(ns, (uint64_t)t->tv_nsec, &ns);
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

static long unsupported(unsigned op)
{
    static uint32_t said;

    if ((said & 1U << (op & 31)) == 0) {
        said |= 1U << (op & 31);
        log(SYSCALL, WARN, "futex: operation %u is not supported", op);
    }
    return -ENOSYS;
}

static long wait(const struct request *r, uint32_t bitset);

/* packed: the expected value, and above it whether the word is shared. */
static long wait_again(uint64_t addr, uint64_t packed, uint64_t deadline_ns)
{
    struct request r = {.word = {uptr(uint32_t, addr), packed >> 32 != 0},
                        .value = (uint32_t)packed,
                        .deadline_ns = deadline_ns};
    return wait(&r, FUTEX_BITSET_MATCH_ANY);
}

/* An interrupted wait without a timeout is to be repeated if the handler's action says so, one with
 * a timeout only if no handler ran: signal(7). */
static long wait(const struct request *r, uint32_t bitset)
{
    long err = futex_wait(r->word, r->value, bitset, r->deadline_ns);
    if (err != -EINTR) {
        return err;
    }
    if (r->deadline_ns == TIME_NEVER) {
        return -ERESTARTSYS;
    }
    return r->absolute ? -ERESTARTNOHAND
                       : restart_later(wait_again, (uint64_t)(uintptr_t)r->word.addr,
                                       r->value | (uint64_t)r->word.shared << 32, r->deadline_ns);
}

/* A handler delays the lock and nothing else. */
static long lock_pi(const struct request *r)
{
    long err = futex_lock_pi(r->word, r->deadline_ns);
    return err == -EINTR ? -ERESTARTNOINTR : err;
}

/* Nobody has taken the caller off the first word yet: it may go on sleeping there. */
static long wait_requeue_pi(const struct request *r, struct futex_word to)
{
    long err = futex_wait_requeue_pi(r->word, r->value, to, r->deadline_ns);
    return err == -EINTR ? -ERESTARTNOINTR : err;
}

static long cmp_requeue_pi(const struct request *r, struct futex_word to, uint32_t nmove,
                           uint32_t expected)
{
    bool counts = r->value == 1 && nmove <= INT32_MAX;
    return counts ? futex_cmp_requeue_pi(r->word, to, nmove, expected) : -EINVAL;
}

static bool waits(unsigned command)
{
    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
           command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI;
}

/* Checks and timeout that do not depend on the word. */
static long prepare(struct request *r, unsigned command, bool realtime, const void USER *timeout,
                    uint32_t value3)
{
    bool by_bitset = command == FUTEX_WAIT_BITSET || command == FUTEX_WAKE_BITSET;
    if (realtime && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT &&
        command != FUTEX_LOCK_PI2 && command != FUTEX_WAIT_REQUEUE_PI) {
        return -ENOSYS;
    }
    if (by_bitset && value3 == 0) {
        return -EINVAL;
    }
    r->absolute = command != FUTEX_WAIT;
    /* FUTEX_LOCK_PI has always been on the wall clock */
    return waits(command) ? read_timeout(r, timeout, realtime || command == FUTEX_LOCK_PI) : 0;
}

long sys_futex(uint32_t USER *addr, int op, uint32_t value, const void USER *timeout,
               uint32_t USER *addr2, uint32_t value3)
{
    unsigned command = (unsigned)op & (unsigned)FUTEX_CMD_MASK;
    bool shared = (op & FUTEX_PRIVATE_FLAG) == 0;
    uint32_t value2 = (uint32_t)(uintptr_t)timeout; /* of operations without timeout */
    struct request r = {.word = {addr, shared}, .value = value};
    struct futex_word word2 = {addr2, shared};
    long err = prepare(&r, command, (op & FUTEX_CLOCK_REALTIME) != 0, timeout, value3);
    if (err != 0) {
        return err;
    }
    switch (command) {
    case FUTEX_WAIT: return wait(&r, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAIT_BITSET: return wait(&r, value3);
    case FUTEX_WAKE: return futex_wake(r.word, value, FUTEX_BITSET_MATCH_ANY);
    case FUTEX_WAKE_BITSET: return futex_wake(r.word, value, value3);
    case FUTEX_REQUEUE: return futex_requeue(r.word, value, word2, value2, NULL);
    case FUTEX_CMP_REQUEUE: return futex_requeue(r.word, value, word2, value2, &value3);
    case FUTEX_WAKE_OP: return futex_wake_op(r.word, value, word2, value2, value3);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: return lock_pi(&r);
    case FUTEX_TRYLOCK_PI: return futex_trylock_pi(r.word);
    case FUTEX_UNLOCK_PI: return futex_unlock_pi(r.word);
    case FUTEX_WAIT_REQUEUE_PI: return wait_requeue_pi(&r, word2);
    case FUTEX_CMP_REQUEUE_PI: return cmp_requeue_pi(&r, word2, value2, value3);
    default: return unsupported(command);
    }
}

/* futex_waitv: the entry as decoded. */
static long read_waiter(const struct futex_waitv USER *from, struct futex_wait_item *out)
{
    struct futex_waitv w;
    if (uaccess_read(&w, from, sizeof(w)) != 0) {
        return -EFAULT;
    }
    if ((w.flags & ~(uint32_t)(FUTEX_32 | FUTEX_PRIVATE_FLAG)) != 0 || w.__reserved != 0 ||
        (w.flags & FUTEX_32) == 0) {
        return -EINVAL;
    }
    out->word = (struct futex_word){uptr(uint32_t, w.uaddr), (w.flags & FUTEX_PRIVATE_FLAG) == 0};
    out->expected = (uint32_t)w.val;
    return 0;
}

long sys_futex_waitv(const void USER *waiters, unsigned n, unsigned flags, const void USER *timeout,
                     int clock)
{
    struct request r = {.absolute = true};
    if (waiters == NULL || flags != 0 || n == 0 || n > FUTEX_WAITV_MAX) {
        return -EINVAL;
    }
    if (timeout != NULL && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) {
        return -EINVAL;
    }
    long err = read_timeout(&r, timeout, clock == CLOCK_REALTIME);
    struct futex_wait_item *items = heap_alloc(n * sizeof(*items));
    err = err == 0 && items == NULL ? -ENOMEM : err;
    const struct futex_waitv USER *from = waiters;
    for (unsigned i = 0; err == 0 && i < n; i++) {
        err = read_waiter(from + i, &items[i]);
    }
    err = err != 0 ? err : futex_wait_any(items, n, r.deadline_ns);
    heap_free(items);
    return err == -EINTR ? -ERESTARTSYS : err;
}
