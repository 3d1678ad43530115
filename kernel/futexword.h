/* SPDX-License-Identifier: MIT */
/* What futex.c and futexpi.c share: buckets of sleepers, and words read under their locks. */
#ifndef KERNEL_FUTEXWORD_H
#define KERNEL_FUTEXWORD_H

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/futex.h"
#include "kernel/wait.h"

struct futex_key {
    const void *object; /* what is mapped; NULL: private, at is the address */
    uint64_t at;
};

struct futex_bucket {
    struct spinlock lock;
    struct list sleepers; /* [lock] struct futex_sleeper, longest first */
};

struct futex_sleeper {
    struct list link; /* [lock of bucket] */
    struct futex_bucket *bucket; /* [A] changes under both locks when requeued */
    bool queued; /* [A] set and cleared under the bucket's lock */
    struct futex_key key; /* [lock of bucket] */
    uint32_t bitset; /* [I] */
    /* [lock of bucket] of one that is to own the word, at this address of its own; 0: an ordinary
     * sleeper. heir_tid: [I] what tid becomes when it is requeued to the word of target. */
    int tid, heir_tid;
    struct futex_word word; /* [I] if tid or heir_tid is set */
    struct futex_key target; /* [I] if heir_tid is set: of word */
    struct sleeper *sleeper; /* [I] */
};

/* futexword_key: of w. 0, -EINVAL, -EFAULT. Context: may block. */
MUST_CHECK int futexword_key(struct futex_word w, struct futex_key *out);

struct futex_bucket *futexword_bucket(const struct futex_key *key);

/* futexword_bucket_at: the i-th of all, NULL beyond the last. */
struct futex_bucket *futexword_bucket_at(unsigned i);

/* Two buckets locked in order of address; they may be the same. */
void futexword_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futexword_unlock_two(struct futex_bucket *a, struct futex_bucket *b);

bool futexword_same(const struct futex_key *a, const struct futex_key *b);

/* Access to the word under a bucket's lock: -EFAULT when that needs a page first: give up the lock,
 * call futexword_fault_in, and try again. */
MUST_CHECK int futexword_read(uint32_t *out, struct futex_word w);
MUST_CHECK int futexword_cas(struct futex_word w, uint32_t expected, uint32_t desired,
                             uint32_t *seen);
MUST_CHECK int futexword_fault_in(struct futex_word w, bool write);

/* futexword_enqueue_if: s, whose key is set here, sleeps on w if the word is still expected. 0,
 * -EAGAIN, -EFAULT, -EINVAL. Context: may block. futexword_move: s sleeps on key, whose bucket is
 * to, instead; both buckets are locked. */
MUST_CHECK int futexword_enqueue_if(struct futex_sleeper *s, struct futex_word w,
                                    uint32_t expected);
void futexword_move_locked(struct futex_sleeper *s, struct futex_bucket *to,
                           const struct futex_key *key);

/* futexword_enqueue: s sleeps on key's bucket b. futexword_dequeue: the end of each sleep: take s
 * off if it is still queued (true); after it nobody looks at s any more. futexword_wake_one: wake
 * s, which is on a locked bucket. */
void futexword_enqueue_locked(struct futex_bucket *b, struct futex_sleeper *s);
bool futexword_dequeue(struct futex_sleeper *s);
void futexword_wake_one_locked(struct futex_sleeper *s);

#endif
