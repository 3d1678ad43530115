/* SPDX-License-Identifier: MIT */
/* Buckets of futex sleepers.
 *
 * A word is known by its address or, when shared, by the object that is mapped there and the
 * offset. Bucket locks are leaves but for the scheduler's; two are taken in order of address. The
 * word is read under the lock with page faults off: the lock may not be held over a sleep.
 * Source: futex(2); Franke, Russell, Kirkwood: Fuss, Futexes and Furwocks (2002). */
#include "kernel/futexword.h"

#include <asm/errno.h>

#include "kernel/mmap.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

#define BUCKETS 256 /* power of two */

static struct futex_bucket buckets[BUCKETS];

void futex_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        list_init(&buckets[i].sleepers);
    }
}

int futexword_key(struct futex_word w, struct futex_key *out)
{
    uint64_t addr = (uint64_t)(uintptr_t)w.addr;
    if (!is_aligned(addr, sizeof(uint32_t))) {
        return -EINVAL;
    }
    if (!uaccess_ok(w.addr, sizeof(uint32_t))) {
        return -EFAULT;
    }
    *out = (struct futex_key){NULL, addr};
    return w.shared ? mmap_object(addr, &out->object, &out->at) : 0;
}

struct futex_bucket *futexword_bucket(const struct futex_key *key)
{
    uint64_t h = (key->at >> 2) ^ (uint64_t)(uintptr_t)key->object;
    h *= 0x9e3779b97f4a7c15; /* Fibonacci hashing */
    struct futex_bucket *b = &buckets[h >> 56];
    static_assert(BUCKETS == 256, "the top eight bits choose");
    return b;
}

struct futex_bucket *futexword_bucket_at(unsigned i)
{
    return i < BUCKETS ? &buckets[i] : NULL;
}

LOCK_ITSELF void futexword_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    spin_lock(a < b ? &a->lock : &b->lock);
    if (a != b) {
        spin_lock(a < b ? &b->lock : &a->lock);
    }
}

LOCK_ITSELF void futexword_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
    spin_unlock(&a->lock);
    if (a != b) {
        spin_unlock(&b->lock);
    }
}

bool futexword_same(const struct futex_key *a, const struct futex_key *b)
{
    return a->object == b->object && a->at == b->at;
}

int futexword_read(uint32_t *out, struct futex_word w)
{
    struct thread *t = thread_this();
    t->faults_off = true;
    int err = uaccess_read32(out, w.addr);
    t->faults_off = false;
    return err;
}

int futexword_cas(struct futex_word w, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    struct thread *t = thread_this();
    t->faults_off = true;
    int err = uaccess_cas32(w.addr, expected, desired, seen);
    t->faults_off = false;
    return err;
}

int futexword_fault_in(struct futex_word w, bool write)
{
    uint32_t value;
    int err = uaccess_read32(&value, w.addr);
    if (err == 0 && write) { /* a store that changes nothing */
        err = uaccess_cas32(w.addr, value, value, &value);
    }
    return err;
}

void futexword_enqueue_locked(struct futex_bucket *b, struct futex_sleeper *s)
{
    lock_assert_held(&b->lock);
    __atomic_store_n(&s->bucket, b, __ATOMIC_RELAXED);
    __atomic_store_n(&s->queued, true, __ATOMIC_RELAXED);
    list_append(&b->sleepers, &s->link);
}

int futexword_enqueue_if(struct futex_sleeper *s, struct futex_word w, uint32_t expected)
{
    int err = futexword_key(w, &s->key);
    while (err == 0) {
        struct futex_bucket *b = futexword_bucket(&s->key);
        uint32_t now = 0;
        spin_lock(&b->lock);
        int fault = futexword_read(&now, w);
        if (fault == 0 && now == expected) {
            futexword_enqueue_locked(b, s);
        }
        spin_unlock(&b->lock);
        if (fault == 0) {
            return now == expected ? 0 : -EAGAIN;
        }
        err = futexword_fault_in(w, false);
    }
    return err;
}

void futexword_move_locked(struct futex_sleeper *s, struct futex_bucket *to,
                           const struct futex_key *key)
{
    s->key = *key;
    if (s->bucket != to) {
        list_remove(&s->link);
        futexword_enqueue_locked(to, s);
    }
}

bool futexword_dequeue(struct futex_sleeper *s)
{
    for (;;) {
        struct futex_bucket *b = __atomic_load_n(&s->bucket, __ATOMIC_ACQUIRE);
        spin_lock(&b->lock); /* also when woken: the waker lets go of s before it lets go of this */
        bool here = s->bucket == b;
        bool queued = s->queued;
        if (here && queued) {
            list_remove(&s->link);
            s->queued = false;
        }
        spin_unlock(&b->lock);
        if (here) {
            return queued;
        }
    }
}

void futexword_wake_one_locked(struct futex_sleeper *s)
{
    list_remove(&s->link);
    __atomic_store_n(&s->queued, false, __ATOMIC_RELEASE);
    sleeper_wake(s->sleeper);
}
