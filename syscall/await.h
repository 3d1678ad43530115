/* SPDX-License-Identifier: MIT */
/* What calls that wait have in common: timeouts, and masks that hold while they wait. */
#ifndef SYSCALL_AWAIT_H
#define SYSCALL_AWAIT_H

#include "kernel/base/base.h"

/* await_after: the deadline ns from now; TIME_NEVER when that is out of range. */
uint64_t await_after(uint64_t ns);

/* await_after_ms: the same of a timeout in ms, negative: TIME_NEVER. */
uint64_t await_after_ms(int timeout_ms);

/* await_deadline: of a relative time. Returns 0 or -EINVAL. */
MUST_CHECK int await_deadline(long long sec, long long nsec, uint64_t *out);

/* await_timespec: the same, read from a struct __kernel_timespec; NULL: TIME_NEVER. Returns 0,
 * -EFAULT or -EINVAL. */
MUST_CHECK int await_timespec(const void USER *timeout, uint64_t *deadline_ns);

/* await_mask: block only *mask (size bytes) until the call ends; NULL: nothing to do. Returns 0,
 * -EINVAL or -EFAULT. await_mask_end: the call is over; interrupted: a signal ended it, before
 * whose delivery the mask must not change. */
MUST_CHECK int await_mask(const uint64_t USER *mask, size_t size);
void await_mask_end(const uint64_t USER *mask, bool interrupted);

#endif
