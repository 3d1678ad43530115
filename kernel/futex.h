/* SPDX-License-Identifier: MIT */
/* Futexes: threads that sleep until a word of the program's memory changes. */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include "kernel/base/base.h"

struct thread;

/* Which futex: a word's address, 4-byte aligned; shared words are known by what they map. */
struct futex_word {
    uint32_t USER *addr;
    bool shared;
};

/* futex_init: once, before the first use. */
void futex_init(void);

/* All return -EFAULT for a word that cannot be accessed, -EINVAL for one that is not aligned.
 * Deadlines: CLOCK_MONOTONIC, TIME_NEVER for none. Context: may block. Source: futex(2).
 *
 * futex_wait: sleep if the word is still expected, until a wake whose bitset has a bit in common. 0
 * woken;
 *   -EAGAIN the word differs; -ETIMEDOUT; -EINTR.
 * futex_wake: wake up to n sleepers, longest first. Returns how many. */
long futex_wait(struct futex_word w, uint32_t expected, uint32_t bitset, uint64_t deadline_ns);
long futex_wake(struct futex_word w, uint32_t n, uint32_t bitset);

/* futex_requeue: wake up to nwake sleepers of from, let up to nmove others sleep on to instead.
 * expected: unless NULL, what from must contain (-EAGAIN). Returns woken, plus moved with
 * expected. */
long futex_requeue(struct futex_word from, uint32_t nwake, struct futex_word to, uint32_t nmove,
                   const uint32_t *expected);

/* futex_wake_op: change to as encoded says, wake nwake of from, and nwake2 of to if its old value
 * compares as encoded says. Returns how many; -ENOSYS unknown operation. */
long futex_wake_op(struct futex_word from, uint32_t nwake, struct futex_word to, uint32_t nwake2,
                   uint32_t encoded);

/* One of several futexes to wait for. */
struct futex_wait_item {
    struct futex_word word;
    uint32_t expected;
};

/* futex_wait_any: sleep until one of n (at most FUTEX_WAITV_MAX) is woken. Returns its index, or as
 * futex_wait. */
long futex_wait_any(const struct futex_wait_item *items, size_t n, uint64_t deadline_ns);

/* Words that hold their owner's tid (FUTEX_TID_MASK, FUTEX_WAITERS, FUTEX_OWNER_DIED). Sleepers get
 * the lock in the order of their arrival; threads have no priorities here that could be lent.
 * futex_lock_pi: take w's lock. 0; -EDEADLK the caller has it; -ESRCH its owner does not exist;
 *   -ETIMEDOUT, -EINTR. futex_trylock_pi: the same or -EAGAIN. futex_unlock_pi: hand it on. 0;
 *   -EPERM somebody else has it. */
long futex_lock_pi(struct futex_word w, uint64_t deadline_ns);
long futex_trylock_pi(struct futex_word w);
long futex_unlock_pi(struct futex_word w);

/* futex_wait_requeue_pi: sleep on from, if it is still expected, until futex_cmp_requeue_pi lets
 * the caller sleep on to instead, and then until it owns that. 0; -EINVAL the same word; -EAGAIN
 *   from differs, or a signal came after it was requeued; -ETIMEDOUT; -EINTR before.
 * futex_cmp_requeue_pi: if from is still expected, let its first sleeper own to, or wait for it,
 * and up to nmove others wait for it. Returns how many; -EAGAIN; -EINVAL they wait for something
 *   else; -EDEADLK one of them owns it; -ESRCH its owner does not exist. */
long futex_wait_requeue_pi(struct futex_word from, uint32_t expected, struct futex_word to,
                           uint64_t deadline_ns);
long futex_cmp_requeue_pi(struct futex_word from, struct futex_word to, uint32_t nmove,
                          uint32_t expected);

/* futexpi_thread_exit: t ends: whoever waits to own a word that it still owns gets it, marked with
 * FUTEX_OWNER_DIED. */
void futexpi_thread_exit(struct thread *t);

/* futex_thread_exit: what the end of a thread does to words: robust futexes that it holds are
 * marked and given up, the word of set_tid_address(2) is cleared and woken.
 * Source: get_robust_list(2), set_tid_address(2). */
void futex_thread_exit(struct thread *t);

#endif
