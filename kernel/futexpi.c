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

long futex_wait_requeue_pi(struct futex_word from, uint32_t expected, struct futex_word to,
                           uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    struct futex_sleeper s = {.bitset = FUTEX_BITSET_MATCH_ANY,
                              .heir_tid = thread_this()->tid,
                              .word = to,
                              .sleeper = &sleeper};
    int err = futexword_key(from, &s.key);
    err = err != 0 ? err : futexword_key(to, &s.target);
    err = err == 0 && futexword_same(&s.key, &s.target) ? -EINVAL : err;
    if (err != 0) {
        return err;
    }
    __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
    err = futexword_enqueue_if(&s, from, expected);
    bool asleep = err == 0;
    while (err == 0 && __atomic_load_n(&s.queued, __ATOMIC_ACQUIRE)) {
        err = sleeper_wait(&sleeper, deadline_ns);
    }
    if (asleep && !futexword_dequeue(&s)) {
        err = 0; /* woken: it is ours */
    }
    __atomic_fetch_sub(&waiting, 1, __ATOMIC_SEQ_CST);
    /* to sleep on from again would miss what has happened; the program looks for itself */
    return err == -EINTR && s.tid != 0 ? -EAGAIN : err;
}

/* A word's sleepers on their way to one with an owner. */
struct move {
    struct futex_bucket *from_bucket, *to_bucket; /* both locked */
    struct futex_key from, to;
    struct attempt attempt; /* to own the word, for one of them */
    uint32_t most; /* how many may go */
};

/* The next that sleeps on m's first word: 0 and *out, NULL: nobody; -EINVAL: it cannot go. */
static int next_to_move(const struct move *m, struct futex_sleeper **out)
{
    struct list *at;
    *out = NULL;
    list_for_each (at, &m->from_bucket->sleepers) {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        if (!futexword_same(&s->key, &m->from)) {
            continue;
        }
        *out = s;
        return s->heir_tid != 0 && futexword_same(&s->target, &m->to) ? 0 : -EINVAL;
    }
    return 0;
}

/* Make tid the word's owner, or see that it can wait for the one there is: *owner. 0, RETRY,
 * RETRY_LATER, -errno. */
static int own_or_wait(struct move *m, uint32_t tid, uint32_t *owner)
{
    uint32_t now;
    uint32_t seen;
    if (futexword_read(&now, m->attempt.word) != 0) {
        return -EFAULT;
    }
    *owner = now & FUTEX_TID_MASK;
    int err = *owner == tid ? -EDEADLK : *owner != 0 ? may_wait(&m->attempt, now) : 0;
    if (err != 0) {
        return err;
    }
    uint32_t value = *owner == 0 ? now | tid : now;
    value |= *owner != 0 || m->most > 1 ? FUTEX_WAITERS : 0;
    if (futexword_cas(m->attempt.word, now, value, &seen) != 0) {
        return -EFAULT;
    }
    return seen == now ? 0 : RETRY;
}

/* Returns how many went, as *moved; 0, RETRY, RETRY_LATER or a negative errno. */
static int move_locked(struct move *m, long *moved)
{
    struct futex_sleeper *s;
    uint32_t owner;
    int err = next_to_move(m, &s);
    *moved = 0;
    if (err != 0 || s == NULL) {
        return err;
    }
    m->attempt.sleeper = s; /* only to say that it would wait */
    err = own_or_wait(m, (uint32_t)s->heir_tid, &owner);
    if (err != 0) {
        return err;
    }
    if (owner == 0) {
        owner = (uint32_t)s->heir_tid;
        s->tid = s->heir_tid;
        futexword_wake_one_locked(s);
        (*moved)++;
    }
    while (*moved < m->most && (err = next_to_move(m, &s)) == 0 && s != NULL) {
        if ((uint32_t)s->heir_tid == owner) {
            return -EDEADLK;
        }
        s->tid = s->heir_tid;
        futexword_move_locked(s, m->to_bucket, &m->to);
        (*moved)++;
    }
    return err;
}

/* One try, with the owner looked up first, as in try_once. */
static int try_move(struct move *m, struct futex_word from, uint32_t expected, long *moved)
{
    struct attempt *a = &m->attempt;
    struct thread *owner = NULL;
    uint32_t now;
    if (uaccess_read32(&now, a->word.addr) != 0) {
        return -EFAULT;
    }
    a->owner_tid = now & FUTEX_TID_MASK;
    if (a->owner_tid != 0) {
        owner = thread_find((int)a->owner_tid);
    }
    a->owner = owner;
    futexword_lock_two(m->from_bucket, m->to_bucket);
    int result = futexword_read(&now, from);
    result = result != 0 ? -EFAULT : now != expected ? -EAGAIN : move_locked(m, moved);
    futexword_unlock_two(m->from_bucket, m->to_bucket);
    if (owner != NULL) {
        thread_put(owner);
    }
    return result;
}

long futex_cmp_requeue_pi(struct futex_word from, struct futex_word to, uint32_t nmove,
                          uint32_t expected)
{
    struct move m = {.attempt = {.word = to}, .most = nmove + 1};
    long moved = 0;
    int err = futexword_key(from, &m.from);
    err = err != 0 ? err : futexword_key(to, &m.to);
    err = err == 0 && futexword_same(&m.from, &m.to) ? -EINVAL : err;
    if (err != 0) {
        return err;
    }
    m.from_bucket = futexword_bucket(&m.from);
    m.to_bucket = futexword_bucket(&m.to);
    for (;;) {
        int result = try_move(&m, from, expected, &moved);
        if (result == -EFAULT) {
            bool there = futexword_fault_in(from, false) == 0 && futexword_fault_in(to, true) == 0;
            result = there ? RETRY : -EFAULT;
        }
        if (result <= 0) {
            return result == 0 ? moved : result;
        }
        if (result == RETRY_LATER) {
            sched_yield();
        }
    }
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
