/* SPDX-License-Identifier: MIT */
/* The verbs of futex(2) but for those with owners (futexpi.c), and what the end of a thread does.
 * Locks: a bucket's, see futexword.c. Source: futex(2), futex_waitv in Linux 5.16,
 * get_robust_list(2). */
#include "kernel/futex.h"

#include <asm/errno.h>
#include <linux/futex.h>

#include "kernel/futexword.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"

long futex_wait(struct futex_word w, uint32_t expected, uint32_t bitset, uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    struct futex_sleeper s = {.bitset = bitset, .sleeper = &sleeper};
    int err = futexword_enqueue_if(&s, w, expected);
    if (err != 0) {
        return err;
    }
    while (err == 0 && __atomic_load_n(&s.queued, __ATOMIC_ACQUIRE)) {
        err = sleeper_wait(&sleeper, deadline_ns);
    }
    return futexword_dequeue(&s) ? err : 0; /* woken at the last moment: a wake must not be lost */
}

/* s waits for a word's ownership, or will: it wakes as owner only. */
static bool is_to_own(const struct futex_sleeper *s)
{
    return s->tid != 0 || s->heir_tid != 0;
}

/* Wake up to n sleepers of key on b. Returns how many; -EINVAL: there was one of another kind. */
static long wake_locked(struct futex_bucket *b, const struct futex_key *key, uint32_t n,
                        uint32_t bitset)
{
    lock_assert_held(&b->lock);
    uint32_t woken = 0;
    struct list *at;
    struct list *tmp;
    list_for_each_safe(at, tmp, &b->sleepers)
    {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        if (woken == n) {
            break;
        }
        if (!futexword_same(&s->key, key)) {
            continue;
        }
        if (is_to_own(s)) {
            return -EINVAL;
        }
        if ((s->bitset & bitset) != 0) {
            futexword_wake_one_locked(s);
            woken++;
        }
    }
    return woken;
}

long futex_wake(struct futex_word w, uint32_t n, uint32_t bitset)
{
    struct futex_key key;
    int err = futexword_key(w, &key);
    if (err != 0) {
        return err;
    }
    struct futex_bucket *b = futexword_bucket(&key);
    spin_lock(&b->lock);
    long woken = wake_locked(b, &key, n, bitset);
    spin_unlock(&b->lock);
    return woken;
}

/* Let up to n sleepers of from sleep on to instead. Returns as wake_locked. */
static long move_locked(struct futex_bucket *b, const struct futex_key *from,
                        struct futex_bucket *to_bucket, const struct futex_key *to, uint32_t n)
{
    uint32_t moved = 0;
    struct list *at;
    struct list *tmp;
    list_for_each_safe(at, tmp, &b->sleepers)
    {
        struct futex_sleeper *s = list_entry(at, struct futex_sleeper, link);
        if (moved == n) {
            break;
        }
        if (!futexword_same(&s->key, from)) {
            continue;
        }
        if (is_to_own(s)) {
            return -EINVAL;
        }
        moved++;
        futexword_move_locked(s, to_bucket, to);
    }
    return moved;
}

long futex_requeue(struct futex_word from, uint32_t nwake, struct futex_word to, uint32_t nmove,
                   const uint32_t *expected)
{
    struct futex_key key;
    struct futex_key target;
    int err = futexword_key(from, &key);
    err = err != 0 ? err : futexword_key(to, &target);
    while (err == 0) {
        struct futex_bucket *b = futexword_bucket(&key);
        struct futex_bucket *t = futexword_bucket(&target);
        uint32_t now = 0;
        long done = -EAGAIN;
        futexword_lock_two(b, t);
        int fault = expected != NULL ? futexword_read(&now, from) : 0;
        if (fault == 0 && (expected == NULL || now == *expected)) {
            done = wake_locked(b, &key, nwake, FUTEX_BITSET_MATCH_ANY);
            long moved = done >= 0 ? move_locked(b, &key, t, &target, nmove) : 0;
            done = moved >= 0 ? done + moved : moved;
        }
        futexword_unlock_two(b, t);
        if (fault == 0) {
            return done;
        }
        err = futexword_fault_in(from, false);
    }
    return err;
}

/* The operation on the second word that FUTEX_WAKE_OP encodes. */
struct wake_op {
    unsigned op, compare;
    uint32_t arg, compare_arg;
};

static int decode_op(uint32_t encoded, struct wake_op *out)
{
    unsigned op = encoded >> 28 & 0xf;
    uint32_t arg = (uint32_t)((int32_t)(encoded << 8) >> 20); /* 12 bits, signed */
    *out = (struct wake_op){.op = op & ~(unsigned)FUTEX_OP_OPARG_SHIFT,
                            .compare = encoded >> 24 & 0xf,
                            .arg = (op & FUTEX_OP_OPARG_SHIFT) != 0 ? 1U << (arg & 31) : arg,
                            .compare_arg = (uint32_t)((int32_t)(encoded << 20) >> 20)};
    return out->op > FUTEX_OP_XOR || out->compare > FUTEX_OP_CMP_GE ? -ENOSYS : 0;
}

static uint32_t apply_op(const struct wake_op *o, uint32_t old)
{
    switch (o->op) {
    case FUTEX_OP_SET: return o->arg;
    case FUTEX_OP_ADD: return old + o->arg;
    case FUTEX_OP_OR: return old | o->arg;
    case FUTEX_OP_ANDN: return old & ~o->arg;
    default: return old ^ o->arg;
    }
}

static bool compare_op(const struct wake_op *o, uint32_t old)
{
    int32_t a = (int32_t)old;
    int32_t b = (int32_t)o->compare_arg;
    switch (o->compare) {
    case FUTEX_OP_CMP_EQ: return a == b;
    case FUTEX_OP_CMP_NE: return a != b;
    case FUTEX_OP_CMP_LT: return a < b;
    case FUTEX_OP_CMP_LE: return a <= b;
    case FUTEX_OP_CMP_GT: return a > b;
    default: return a >= b;
    }
}

/* Change the word as o says; *old is its value before. */
static int change_word(struct futex_word w, const struct wake_op *o, uint32_t *old)
{
    uint32_t seen = 0;
    int err = futexword_read(&seen, w);
    do {
        *old = seen;
        err = err != 0 ? err : futexword_cas(w, *old, apply_op(o, *old), &seen);
    } while (err == 0 && seen != *old);
    return err;
}

long futex_wake_op(struct futex_word from, uint32_t nwake, struct futex_word to, uint32_t nwake2,
                   uint32_t encoded)
{
    struct futex_key key;
    struct futex_key target;
    struct wake_op op;
    int err = decode_op(encoded, &op);
    err = err != 0 ? err : futexword_key(from, &key);
    err = err != 0 ? err : futexword_key(to, &target);
    while (err == 0) {
        struct futex_bucket *b = futexword_bucket(&key);
        struct futex_bucket *t = futexword_bucket(&target);
        uint32_t old = 0;
        long woken = 0;
        futexword_lock_two(b, t);
        int fault = change_word(to, &op, &old);
        if (fault == 0) {
            bool both = compare_op(&op, old);
            woken = wake_locked(b, &key, nwake, FUTEX_BITSET_MATCH_ANY);
            long more = both ? wake_locked(t, &target, nwake2, FUTEX_BITSET_MATCH_ANY) : 0;
            woken = woken < 0 ? woken : more < 0 ? more : woken + more;
        }
        futexword_unlock_two(b, t);
        if (fault == 0) {
            return woken;
        }
        err = futexword_fault_in(to, true);
    }
    return err;
}

/* Take all but those woken off their buckets. Returns the index of the first that was woken, -1:
 * none. */
static long dequeue_all(struct futex_sleeper *s, size_t n)
{
    long woken = -1;
    for (size_t i = 0; i < n; i++) {
        if (!futexword_dequeue(&s[i]) && woken < 0) {
            woken = (long)i;
        }
    }
    return woken;
}

static bool any_woken(const struct futex_sleeper *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!__atomic_load_n(&s[i].queued, __ATOMIC_ACQUIRE)) {
            return true;
        }
    }
    return false;
}

long futex_wait_any(const struct futex_wait_item *items, size_t n, uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    struct futex_sleeper s[FUTEX_WAITV_MAX];
    int err = 0;
    size_t queued = 0;
    for (; queued < n; queued++) {
        s[queued] = (struct futex_sleeper){.bitset = FUTEX_BITSET_MATCH_ANY, .sleeper = &sleeper};
        err = futexword_enqueue_if(&s[queued], items[queued].word, items[queued].expected);
        if (err != 0) {
            break;
        }
    }
    while (err == 0 && !any_woken(s, n)) {
        err = sleeper_wait(&sleeper, deadline_ns);
    }
    long woken = dequeue_all(s, queued);
    return woken >= 0 ? woken : err;
}

/* Wake one sleeper of w, whether it takes the word for a shared one or not. */
static void wake_either(struct futex_word w)
{
    w.shared = true;
    (void)futex_wake(w, 1, FUTEX_BITSET_MATCH_ANY);
    w.shared = false;
    (void)futex_wake(w, 1, FUTEX_BITSET_MATCH_ANY);
}

/* A robust futex whose owner tid ends: mark it and let one sleeper have it; a word with ownership
 * is handed over later, by futexpi_thread_exit. pending: the owner may have died between giving
 * the word up and waking a sleeper. */
static void give_up(uint64_t entry, long offset, int tid, bool pending)
{
    bool pi = (entry & 1) != 0;
    uint64_t addr = (entry & ~1UL) + (uint64_t)offset;
    struct futex_word w = {uptr(uint32_t, addr), true};
    uint32_t seen;
    if (!is_aligned(addr, sizeof(uint32_t)) || uaccess_read32(&seen, w.addr) != 0) {
        return;
    }
    uint32_t old;
    do {
        old = seen;
        if (pending && !pi && (old & FUTEX_TID_MASK) == 0) {
            wake_either(w);
            return;
        }
        if ((old & FUTEX_TID_MASK) != (uint32_t)tid) {
            return;
        }
        if (uaccess_cas32(w.addr, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen) != 0) {
            return;
        }
    } while (seen != old);
    if (!pi && (old & FUTEX_WAITERS) != 0) {
        wake_either(w);
    }
}

static bool read_pointer(uint64_t *out, uint64_t from)
{
    return uaccess_read(out, uptr(void, from), sizeof(*out)) == 0;
}

static void walk_robust_list(const struct thread *t)
{
    struct robust_list_head head;
    uint64_t list = t->robust_list;
    if (list == 0 || uaccess_read(&head, uptr(void, list), sizeof(head)) != 0) {
        return;
    }
    uint64_t pending = (uint64_t)(uintptr_t)head.list_op_pending;
    uint64_t entry = (uint64_t)(uintptr_t)head.list.next;
    for (unsigned i = 0; i < ROBUST_LIST_LIMIT && (entry & ~1UL) != list; i++) {
        uint64_t next;
        if (!read_pointer(&next, entry & ~1UL)) { /* bit 0: a PI futex */
            return;
        }
        if (entry != pending) {
            give_up(entry, head.futex_offset, t->tid, false);
        }
        entry = next;
    }
    if (pending != 0) {
        give_up(pending, head.futex_offset, t->tid, true);
    }
}

void futex_thread_exit(struct thread *t)
{
    walk_robust_list(t);
    futexpi_thread_exit(t);
    if (t->clear_child_tid == 0) {
        return;
    }
    struct futex_word w = {uptr(uint32_t, t->clear_child_tid), true};
    if (uaccess_write32(w.addr, 0) == 0) {
        wake_either(w);
    }
}
