/* SPDX-License-Identifier: MIT */
/* Futexes with an owner. The word changes hands under the bucket's lock: a sleeper that is woken
 * finds its own tid there. Source: futex(2), "Priority-inheritance futexes". */
#include "kernel/futexword.h"

#include <asm/errno.h>
#include <linux/futex.h>

#include "kernel/thread.h"

#define RETRY 1 /* the word changed under our hands, or its page was absent: look again */

/* Take the lock for t, or mark it as waited for. s: goes to sleep on it then; NULL: only try.
 * 0 taken or asleep (*asleep), RETRY, or a negative errno. */
static int take_locked(struct futex_bucket *b, struct futex_word w, uint32_t tid,
                       struct futex_sleeper *s, bool *asleep)
{
    uint32_t now;
    uint32_t seen;
    if (futexword_read(&now, w) != 0) {
        return -EFAULT;
    }
    uint32_t owner = now & FUTEX_TID_MASK;
    if (owner == tid) {
        return -EDEADLK;
    }
    bool is_free = owner == 0;
    if (!is_free && s == NULL) {
        return -EAGAIN;
    }
    uint32_t flags = now & (FUTEX_WAITERS | FUTEX_OWNER_DIED);
    uint32_t value = is_free ? tid | flags : now | FUTEX_WAITERS;
    if (futexword_cas(w, now, value, &seen) != 0) {
        return -EFAULT;
    }
    if (seen != now) {
        return RETRY;
    }
    if (!is_free) {
        futexword_enqueue_locked(b, s);
        *asleep = true;
    }
    return 0;
}

static bool owner_exists(struct futex_word w)
{
    uint32_t now = 0;
    if (futexword_read(&now, w) != 0 || (now & FUTEX_TID_MASK) == 0) {
        return true;
    }
    struct thread *t = thread_find((int)(now & FUTEX_TID_MASK));
    if (t != NULL) {
        thread_put(t);
    }
    return t != NULL;
}

static int take(struct futex_word w, struct futex_sleeper *s, bool *asleep)
{
    struct futex_key key;
    int err = futexword_key(w, &key);
    while (err == 0) {
        struct futex_bucket *b = futexword_bucket(&key);
        if (s != NULL) {
            s->key = key;
            if (!owner_exists(w)) {
                return -ESRCH;
            }
        }
        spin_lock(&b->lock);
        int result = take_locked(b, w, (uint32_t)thread_this()->tid, s, asleep);
        spin_unlock(&b->lock);
        if (result <= 0 && result != -EFAULT) {
            return result;
        }
        err = result == -EFAULT ? futexword_fault_in(w, true) : 0;
    }
    return err;
}

long futex_lock_pi(struct futex_word w, uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    struct futex_sleeper s = {.bitset = FUTEX_BITSET_MATCH_ANY, .sleeper = &sleeper};
    bool asleep = false;
    s.tid = thread_this()->tid;
    int err = take(w, &s, &asleep);
    if (err != 0 || !asleep) {
        return err;
    }
    while (err == 0 && __atomic_load_n(&s.queued, __ATOMIC_ACQUIRE)) {
        err = sleeper_wait(&sleeper, deadline_ns);
    }
    return futexword_dequeue(&s) ? err : 0;
}

long futex_trylock_pi(struct futex_word w)
{
    bool asleep = false;
    return take(w, NULL, &asleep);
}

/* The first sleeper on key; *more: there are others. */
static struct futex_sleeper *first_sleeper(struct futex_bucket *b, const struct futex_key *key,
                                           bool *more)
{
    struct futex_sleeper *first = NULL;
    struct list *at;
    *more = false;
    if (b->sleepers.next == NULL) {
        return NULL;
    }
    list_for_each (at, &b->sleepers) {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        if (!futexword_same(&s->key, key)) {
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
