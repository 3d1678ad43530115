/* SPDX-License-Identifier: MIT */
/* Timeouts and masks of calls that wait. Source: poll(2), select(2), epoll_wait(2). */
#include "syscall/await.h"

#include <asm/errno.h>
#include <linux/time_types.h>

#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"

#define SIGSET_SIZE 8
#define NSEC_PER_MSEC 1000000UL

uint64_t await_after(uint64_t ns)
{
    uint64_t deadline;
    return add_ok(clock_ns(), ns, &deadline) ? deadline : TIME_NEVER;
}

uint64_t await_after_ms(int timeout_ms)
{
    return timeout_ms < 0 ? TIME_NEVER : await_after((uint64_t)timeout_ms * NSEC_PER_MSEC);
}

int await_deadline(long long sec, long long nsec, uint64_t *out)
{
    uint64_t ns;
    if (sec < 0 || nsec < 0 || nsec >= (long long)NSEC_PER_SEC) {
        return -EINVAL;
    }
    *out = mul_ok((uint64_t)sec, NSEC_PER_SEC, &ns) && add_ok(ns, (uint64_t)nsec, &ns)
               ? await_after(ns)
               : TIME_NEVER;
    return 0;
}

int await_timespec(const void USER *timeout, uint64_t *deadline_ns)
{
    struct __kernel_timespec ts;
    *deadline_ns = TIME_NEVER;
    if (timeout == NULL) {
        return 0;
    }
    if (uaccess_read(&ts, timeout, sizeof(ts)) != 0) {
        return -EFAULT;
    }
    return await_deadline(ts.tv_sec, ts.tv_nsec, deadline_ns);
}

int await_mask(const uint64_t USER *mask, size_t size)
{
    uint64_t set;
    if (mask == NULL) {
        return 0;
    }
    if (size != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (uaccess_read(&set, mask, sizeof(set)) != 0) {
        return -EFAULT;
    }
    signal_suspend(set);
    return 0;
}

void await_mask_end(const uint64_t USER *mask, bool interrupted)
{
    if (mask != NULL && !interrupted) {
        signal_suspend_end();
    }
}
