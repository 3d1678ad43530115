/* SPDX-License-Identifier: MIT */
/* Futexes with an owner. The word changes hands under the bucket's lock: a sleeper that is woken
 * finds its own tid there. Nobody goes to sleep for a thread that has begun to end: either the
 * sleeper sees futex_exiting, or the owner sees the sleeper. Source: futex(2),
 * "Priority-inheritance futexes". */
#include "kernel/futexword.h"

#include <asm/errno.h>
#include <linux/futex.h>

#include "kernel/sched.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

/* Results of a try under the lock, beside errnos. */
#define RETRY 1 /* the word changed under our hands */
#define RETRY_LATER 2 /* its owner is about to hand it on */

/* An attempt to own a word. */
struct attempt {
    struct futex_word word;
    struct futex_sleeper *sleeper; /* goes to sleep when somebody else has it; NULL: only try */
    uint32_t owner_tid; /* whom the word named, */
    const struct thread *owner; /* and who that is; NULL: nobody */
    bool asleep;
};

static uint32_t waiting; /* [A] threads that sleep, or are about to, for a word's ownership */

/* Whether a may wait for the word, which has the value now. 0, RETRY, RETRY_LATER, -errno. */
static int may_wait(const struct attempt *a, uint32_t now)
{
    if (a->sleeper == NULL) {
        return -EAGAIN;
    }
    if ((now & FUTEX_TID_MASK) != a->owner_tid) {
        return RETRY;
    }
    if (a->owner == NULL) {
        return -ESRCH;
    }
    /* pairs with the store in futexpi_thread_exit, which then looks at waiting */
    return __atomic_load_n(&a->owner->futex_exiting, __ATOMIC_SEQ_CST) ? RETRY_LATER : 0;
}

/* Take the word for tid, or mark it as waited for and go to sleep on it. 0 taken or asleep, RETRY,
 * RETRY_LATER or a negative errno. */
static int take_locked(struct futex_bucket *b, struct attempt *a, uint32_t tid)
{
    uint32_t now;
    uint32_t seen;
    lock_assert_held(&b->lock);
    if (futexword_read(&now, a->word) != 0) {
        return -EFAULT;
    }
    uint32_t owner = now & FUTEX_TID_MASK;
    if (owner == tid) {
        return -EDEADLK;
    }
    int err = owner == 0 ? 0 : may_wait(a, now);
    if (err != 0) {
        return err;
    }
    if (futexword_cas(a->word, now, owner == 0 ? now | tid : now | FUTEX_WAITERS, &seen) != 0) {
        return -EFAULT;
    }
    if (seen != now) {
        return RETRY;
    }
    if (owner != 0) {
        futexword_enqueue_locked(b, a->sleeper);
        a->asleep = true;
    }
    return 0;
}

/* One try, with the owner looked up first: the table is not searched under a bucket's lock. */
static int try_once(struct attempt *a, const struct futex_key *key)
{
    struct futex_bucket *b = futexword_bucket(key);
    struct thread *owner = NULL;
    uint32_t now;
    if (uaccess_read32(&now, a->word.addr) != 0) {
        return -EFAULT;
    }
    a->owner_tid = now & FUTEX_TID_MASK;
    if (a->owner_tid != 0 && a->sleeper != NULL) {
        owner = thread_find((int)a->owner_tid);
    }
    a->owner = owner;
    spin_lock(&b->lock);
    int result = take_locked(b, a, (uint32_t)thread_this()->tid);
    spin_unlock(&b->lock);
    if (owner != NULL) {
        thread_put(owner);
    }
    return result;
}

static int take(struct attempt *a, const struct futex_key *key)
{
    for (;;) {
        int result = try_once(a, key);
        if (result == -EFAULT) {
            result = futexword_fault_in(a->word, true) != 0 ? -EFAULT : RETRY;
        }
        if (result <= 0) {
            return result;
        }
        if (result == RETRY_LATER) {
            sched_yield();
        }
    }
}

long futex_lock_pi(struct futex_word w, uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    struct futex_sleeper s = {.bitset = FUTEX_BITSET_MATCH_ANY,
                              .tid = thread_this()->tid,
                              .word = w,
                              .sleeper = &sleeper};
    struct attempt a = {.word = w, .sleeper = &s};
    int err = futexword_key(w, &s.key);
    if (err != 0) {
        return err;
    }
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    err = take(&a, &s.key);
    while (err == 0 && a.asleep && __atomic_load_n(&s.queued, __ATOMIC_ACQUIRE)) {
        err = sleeper_wait(&sleeper, deadline_ns);
    }
    if (a.asleep && !futexword_dequeue(&s)) {
        err = 0; /* woken: it is ours, whatever else happened */
    }
    __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
    return err;
}

long futex_trylock_pi(struct futex_word w)
{
    struct attempt a = {.word = w};
    struct futex_key key;
    int err = futexword_key(w, &key);
    return err != 0 ? err : take(&a, &key);
}

/* The first sleeper that wants to own key's word; *more: there are others. */
static struct futex_sleeper *first_sleeper(struct futex_bucket *b, const struct futex_key *key,
                                           bool *more)
{
    struct futex_sleeper *first = NULL;
    struct list *at;
    *more = false;
    list_for_each (at, &b->sleepers) {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        if (s->tid == 0 || !futexword_same(&s->key, key)) {
            continue;
        }
        if (first != NULL) {
            *more = true;
            break;
        }
        first = s;
    }
    return first;
}

static int release_locked(struct futex_bucket *b, const struct futex_key *key, struct futex_word w,
                          uint32_t tid)
{
    uint32_t now;
    uint32_t seen;
    bool more;
    if (futexword_read(&now, w) != 0) {
        return -EFAULT;
    }
    if ((now & FUTEX_TID_MASK) != tid) {
        return -EPERM;
    }
    struct futex_sleeper *next = first_sleeper(b, key, &more);
    uint32_t value = next != NULL ? (uint32_t)next->tid | (more ? FUTEX_WAITERS : 0) : 0;
    if (futexword_cas(w, now, value, &seen) != 0) {
        return -EFAULT;
    }
    if (seen != now) {
        return RETRY;
    }
    if (next != NULL) {
        futexword_wake_one_locked(next);
    }
    return 0;
}

long futex_unlock_pi(struct futex_word w)
{
    struct futex_key key;
    int err = futexword_key(w, &key);
    while (err == 0) {
        struct futex_bucket *b = futexword_bucket(&key);
        spin_lock(&b->lock);
        int result = release_locked(b, &key, w, (uint32_t)thread_this()->tid);
        spin_unlock(&b->lock);
        if (result <= 0 && result != -EFAULT) {
            return result;
        }
        err = result == -EFAULT ? futexword_fault_in(w, true) : 0;
    }
    return err;
}

/* Give what tid owned, or gave up as it died, to the first who waits for it on b. RETRY when
 * something was given; 0 when there is nothing more; -EFAULT with *blocked: a page is needed. */
static int inherit_locked(struct futex_bucket *b, uint32_t tid, struct futex_word *blocked)
{
    struct list *at;
    lock_assert_held(&b->lock);
    list_for_each (at, &b->sleepers) {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        uint32_t now = 0;
        uint32_t seen;
        bool more;
        *blocked = s->word;
        if (s->tid != 0 && futexword_read(&now, s->word) != 0) {
            return -EFAULT;
        }
        bool ownerless = (now & FUTEX_TID_MASK) == 0 && (now & FUTEX_OWNER_DIED) != 0;
        if (s->tid == 0 || !(ownerless || (now & FUTEX_TID_MASK) == tid)) {
            continue;
        }
        struct futex_sleeper *heir = first_sleeper(b, &s->key, &more);
        uint32_t value = (uint32_t)heir->tid | FUTEX_OWNER_DIED | (more ? FUTEX_WAITERS : 0);
        if (futexword_cas(s->word, now, value, &seen) != 0) {
            return -EFAULT;
        }
        if (seen == now) {
            futexword_wake_one_locked(heir);
        }
        return RETRY;
    }
    return 0;
}

void futexpi_thread_exit(struct thread *t)
{
    __atomic_store_n(&t->futex_exiting, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == 0) {
        return;
    }
    struct futex_bucket *b;
    for (unsigned i = 0; (b = futexword_bucket_at(i)) != NULL; i++) {
        int result = RETRY;
        while (result == RETRY) {
            struct futex_word blocked;
            spin_lock(&b->lock);
            result = inherit_locked(b, (uint32_t)t->tid, &blocked);
            spin_unlock(&b->lock);
            if (result == -EFAULT && futexword_fault_in(blocked, true) == 0) {
                result = RETRY;
            }
        }
    }
}
