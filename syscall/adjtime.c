/* SPDX-License-Identifier: MIT */
/* adjtimex and clock_adjtime. Jumps set the clock; what only describes it (status, errors, time
 * constant) is kept and can be read back. The clock's rate is the hypervisor's: to change it is
 * refused. Source: adjtimex(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/timex.h>

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/calls.h"
#include "syscall/clock.h"

#define KEPT \
    (ADJ_MAXERROR | ADJ_ESTERROR | ADJ_STATUS | ADJ_TIMECONST | ADJ_TAI | ADJ_MICRO | ADJ_NANO)
#define TICK_US 10000L
#define ERROR_MAX_US 16000000L
#define TOLERANCE 32768000L
#define NSEC_PER_USEC 1000UL

static struct {
    struct spinlock lock;
    long maxerror, esterror, constant; /* [lock] */
    int status, tai; /* [lock] */
} state = {.maxerror = ERROR_MAX_US, .esterror = ERROR_MAX_US, .constant = 2, .status = STA_UNSYNC};

static void keep(const struct __kernel_timex *tx)
{
    spin_lock(&state.lock);
    state.maxerror = (tx->modes & ADJ_MAXERROR) != 0 ? (long)tx->maxerror : state.maxerror;
    state.esterror = (tx->modes & ADJ_ESTERROR) != 0 ? (long)tx->esterror : state.esterror;
    state.constant = (tx->modes & ADJ_TIMECONST) != 0 ? (long)tx->constant : state.constant;
    state.tai = (tx->modes & ADJ_TAI) != 0 ? (int)tx->constant : state.tai;
    if ((tx->modes & ADJ_STATUS) != 0) {
        state.status = (state.status & STA_RONLY) | (tx->status & ~STA_RONLY);
    }
    if ((tx->modes & (ADJ_NANO | ADJ_MICRO)) != 0) {
        state.status &= ~STA_NANO;
        state.status |= (tx->modes & ADJ_NANO) != 0 ? STA_NANO : 0;
    }
    spin_unlock(&state.lock);
}

/* Returns the clock's state: TIME_*. */
static int describe(struct __kernel_timex *tx)
{
    uint64_t now = clock_wall_ns();
    spin_lock(&state.lock);
    unsigned modes = tx->modes;
    *tx = (struct __kernel_timex){.modes = modes,
                                  .maxerror = state.maxerror,
                                  .esterror = state.esterror,
                                  .status = state.status,
                                  .constant = state.constant,
                                  .precision = 1,
                                  .tolerance = TOLERANCE,
                                  .tick = TICK_US,
                                  .tai = state.tai};
    spin_unlock(&state.lock);
    uint64_t unit = (tx->status & STA_NANO) != 0 ? 1 : NSEC_PER_USEC;
    tx->time.tv_sec = (long long)(now / NSEC_PER_SEC);
    tx->time.tv_usec = (long long)(now % NSEC_PER_SEC / unit);
    return (tx->status & (STA_UNSYNC | STA_CLOCKERR)) != 0 ? TIME_ERROR : TIME_OK;
}

/* ADJ_SETOFFSET: now, and once. */
static int jump(const struct __kernel_timex *tx)
{
    int64_t unit = (tx->modes & ADJ_NANO) != 0 ? 1 : (int64_t)NSEC_PER_USEC;
    int64_t offset;
    int64_t to;
    if (tx->time.tv_usec < 0 || tx->time.tv_usec >= (int64_t)NSEC_PER_SEC / unit) {
        return -EINVAL;
    }
    if (__builtin_mul_overflow((int64_t)tx->time.tv_sec, (int64_t)NSEC_PER_SEC, &offset) ||
        __builtin_add_overflow(offset, (int64_t)tx->time.tv_usec * unit, &offset) ||
        __builtin_add_overflow(offset, (int64_t)clock_wall_ns(), &to) || to < 0) {
        return -EINVAL;
    }
    return clock_set((uint64_t)to);
}

/* A daemon would ask all the time: one line. */
static void refuse_rate(void)
{
    static bool said; /* [A] */
    if (!__atomic_exchange_n(&said, true, __ATOMIC_RELAXED)) {
        log(SYSCALL, WARN, "adjtimex: the clock's rate is the host's, not changed (EOPNOTSUPP)");
    }
}

static int adjust(struct __kernel_timex *tx)
{
    unsigned modes = tx->modes;
    if (modes == 0 || modes == ADJ_OFFSET_SS_READ) {
        return describe(tx);
    }
    if (!process_capable(CAP_SYS_TIME)) {
        return -EPERM;
    }
    if ((modes & ADJ_TICK) != 0 && (tx->tick < TICK_US * 9 / 10 || tx->tick > TICK_US * 11 / 10)) {
        return -EINVAL;
    }
    bool rate = ((modes & ADJ_FREQUENCY) != 0 && tx->freq != 0) ||
                ((modes & ADJ_TICK) != 0 && tx->tick != TICK_US) ||
                ((modes & ADJ_OFFSET) != 0 && tx->offset != 0);
    if (rate) {
        refuse_rate();
        return -EOPNOTSUPP;
    }
    int err = (modes & ADJ_SETOFFSET) != 0 ? jump(tx) : 0;
    if (err != 0) {
        return err;
    }
    if ((modes & KEPT) != 0 && (modes & ADJ_OFFSET_SINGLESHOT) != ADJ_OFFSET_SINGLESHOT) {
        keep(tx);
    }
    return describe(tx);
}

long sys_adjtimex(void USER *utx)
{
    struct __kernel_timex tx;
    if (uaccess_read(&tx, utx, sizeof(tx)) != 0) {
        return -EFAULT;
    }
    int result = adjust(&tx);
    if (result >= 0 && uaccess_write(utx, &tx, sizeof(tx)) != 0) {
        return -EFAULT;
    }
    return result;
}

/* No other clock can be adjusted. */
long sys_clock_adjtime(int clock, void USER *utx)
{
    struct __kernel_timex tx;
    struct clock_info info;
    if (uaccess_read(&tx, utx, sizeof(tx)) != 0) {
        return -EFAULT;
    }
    int err = clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    clock_drop(&info);
    return clock == CLOCK_REALTIME ? sys_adjtimex(utx) : -EOPNOTSUPP;
}
