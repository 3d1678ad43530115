/* SPDX-License-Identifier: MIT */
/* A queue of pending signals: the process has one, and so has each thread. */
#ifndef KERNEL_SIGQUEUE_H
#define KERNEL_SIGQUEUE_H

#include <asm/signal.h>

#include <asm/siginfo.h>

#include "kernel/base/base.h"
#include "kernel/base/list.h"

/* The signal code's lock guards it; pending may be read without. */
struct sigqueue {
    struct list signals; /* in order of arrival */
    uint64_t pending; /* [A] bit n-1: a signal n is in the queue */
};

#define SIGQUEUE_INIT(q)                \
    {                                   \
        {&(q).signals, &(q).signals}, 0 \
    }

/* sigqueue_init: empty. */
void sigqueue_init(struct sigqueue *q);

/* What a synchronous signal's frame tells of its trap; all zero for other signals. */
struct sigframe_fault {
    uint64_t trapno, err, cr2;
};

/* sigqueue_put: add sig; a standard signal that is pending already is not added again. Returns 0,
 * -EAGAIN: no memory, or more than RLIMIT_SIGPENDING are queued. */
MUST_CHECK int sigqueue_put(struct sigqueue *q, int sig, const siginfo_t *info);

/* sigqueue_take: remove the first signal of set, synchronous ones first, then by number. Returns it
 * with *info, 0 when there is none. */
int sigqueue_take(struct sigqueue *q, uint64_t set, siginfo_t *info);

/* sigqueue_count: signals in all queues. */
unsigned sigqueue_count(void);

/* sigqueue_drop: forget all pending signals of set. */
void sigqueue_drop(struct sigqueue *q, uint64_t set);

#endif
