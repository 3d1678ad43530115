/* SPDX-License-Identifier: MIT */
/* POSIX timers. At most one signal of a timer is queued; further expirations until it is taken are
 * its overrun. One that is ignored waits with the timer until there is a handler. The queued one
 * carries the number of the setting it belongs to, so that a later setting makes it void.
 * table.lock comes before the timers' own.
 * Source: timer_create(2), timer_getoverrun(2), signal(7). */
#include "kernel/posixtimer.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/signal.h"
#include "kernel/thread.h"

#define FIRST_SLOTS 8
#define TIMERS_MAX 65536

struct posixtimer {
    struct clocktimer timer;
    struct posixtimer_request request; /* [I] threads are referenced */
    int id; /* [I] */
    int setting; /* [table.lock] never 0 */
    int overrun; /* [table.lock] of the last signal */
    bool ignored; /* [A] its signal was ignored: to be sent once it is not any more */
};

static struct {
    struct spinlock lock;
    struct posixtimer **timer; /* [lock] array[size] by id, NULL: free */
    int size; /* [lock] */
} table;

static struct posixtimer *find_locked(int id) NEEDS(table.lock)
{
    lock_assert_held(&table.lock);
    return id >= 0 && id < table.size ? table.timer[id] : NULL;
}

static void expire(struct clocktimer *timer)
{
    struct posixtimer *t = container_of(timer, struct posixtimer, timer);
    const struct posixtimer_request *r = &t->request;
    siginfo_t info;
    if (r->sig == 0) {
        return;
    }
    /* in this order: a handler that is installed meanwhile is either seen here or sees it */
    __atomic_store_n(&t->ignored, true, __ATOMIC_SEQ_CST);
    if (signal_is_ignored(r->target, r->sig)) {
        return;
    }
    __atomic_store_n(&t->ignored, false, __ATOMIC_SEQ_CST);
    memset(&info, 0, sizeof(info));
    info.si_signo = r->sig;
    info.si_code = SI_TIMER;
    info.si_tid = t->id;
    info.si_value = r->value;
    info.si_sys_private = __atomic_load_n(&t->setting, __ATOMIC_RELAXED);
    /* no memory: as if the signal were still on its way */
    (void)(r->target != NULL ? signal_send_thread(r->target, r->sig, &info)
                             : signal_send(r->sig, &info));
}

bool posixtimer_deliver(siginfo_t *info)
{
    spin_lock(&table.lock);
    struct posixtimer *t = find_locked(info->si_tid);
    bool ours = t != NULL && t->setting == info->si_sys_private;
    if (ours) {
        uint64_t n = clocktimer_take(&t->timer);
        t->overrun = n != 0 ? (int)min(n - 1, (uint64_t)INT32_MAX) : 0;
        info->si_overrun = t->overrun;
    }
    spin_unlock(&table.lock);
    info->si_sys_private = 0;
    return ours;
}

/* It was due and is to be due again: a timer that was due once is forgotten with its signal. */
static bool goes_on(struct clocktimer *t)
{
    spin_lock(&t->lock);
    bool on = t->expired && t->interval_ns != 0;
    spin_unlock(&t->lock);
    return on;
}

void posixtimer_action(int sig, bool ignored)
{
    spin_lock(&table.lock);
    for (int id = 0; id < table.size; id++) {
        struct posixtimer *t = table.timer[id];
        if (t == NULL || t->request.sig != sig || !goes_on(&t->timer)) {
            continue;
        }
        if (ignored) {
            __atomic_store_n(&t->ignored, true, __ATOMIC_SEQ_CST);
        } else if (__atomic_exchange_n(&t->ignored, false, __ATOMIC_SEQ_CST)) {
            expire(&t->timer);
        }
    }
    spin_unlock(&table.lock);
}

static int grow_locked(void) NEEDS(table.lock)
{
    int size = table.size != 0 ? table.size * 2 : FIRST_SLOTS;
    struct posixtimer **fresh =
        size <= TIMERS_MAX ? heap_zalloc((size_t)size * sizeof(*fresh)) : NULL;
    if (fresh == NULL) {
        return -EAGAIN;
    }
    if (table.size != 0) {
        memcpy(fresh, table.timer, (size_t)table.size * sizeof(*fresh));
    }
    heap_free(table.timer);
    table.timer = fresh;
    table.size = size;
    return 0;
}

static int enter_table(struct posixtimer *t)
{
    int id = 0;
    spin_lock(&table.lock);
    while (id < table.size && table.timer[id] != NULL) {
        id++;
    }
    int err = id < table.size ? 0 : grow_locked();
    if (err == 0) {
        t->id = id;
        table.timer[id] = t;
    }
    spin_unlock(&table.lock);
    return err != 0 ? err : id;
}

static void hold(struct thread *t)
{
    if (t != NULL) {
        thread_get(t);
    }
}

static void let_go(struct thread *t)
{
    if (t != NULL) {
        thread_put(t);
    }
}

int posixtimer_create(const struct posixtimer_request *r)
{
    struct posixtimer *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return -EAGAIN;
    }
    t->request = *r;
    t->setting = 1;
    t->timer.kind = r->kind;
    t->timer.thread = r->clock_thread;
    t->timer.expire = expire;
    clocktimer_init(&t->timer);
    hold(r->target);
    hold(r->clock_thread);
    int id = enter_table(t);
    if (id < 0) {
        clocktimer_fini(&t->timer);
        let_go(r->target);
        let_go(r->clock_thread);
        heap_free(t);
        return id;
    }
    if (r->value_is_id) {
        t->request.value.sival_int = id;
    }
    return id;
}

int posixtimer_get(int id, struct clocktimer_value *out)
{
    spin_lock(&table.lock);
    struct posixtimer *t = find_locked(id);
    if (t != NULL) {
        clocktimer_get(&t->timer, out);
    }
    spin_unlock(&table.lock);
    return t != NULL ? 0 : -EINVAL;
}

int posixtimer_set(int id, const struct clocktimer_value *value, bool absolute,
                   struct clocktimer_value *old)
{
    int err = posixtimer_get(id, old);
    spin_lock(&table.lock);
    struct posixtimer *t = find_locked(id);
    if (err == 0 && t != NULL) {
        t->setting = t->setting % INT32_MAX + 1;
        t->overrun = 0;
        __atomic_store_n(&t->ignored, false, __ATOMIC_SEQ_CST);
        clocktimer_set(&t->timer, value->left_ns, value->interval_ns, absolute);
    }
    spin_unlock(&table.lock);
    return t != NULL ? err : -EINVAL;
}

int posixtimer_overrun(int id)
{
    spin_lock(&table.lock);
    const struct posixtimer *t = find_locked(id);
    int overrun = t != NULL ? t->overrun : -EINVAL;
    spin_unlock(&table.lock);
    return overrun;
}

int posixtimer_delete(int id)
{
    spin_lock(&table.lock);
    struct posixtimer *t = find_locked(id);
    if (t != NULL) {
        table.timer[id] = NULL;
    }
    spin_unlock(&table.lock);
    if (t == NULL) {
        return -EINVAL;
    }
    clocktimer_fini(&t->timer);
    let_go(t->request.target);
    let_go(t->request.clock_thread);
    heap_free(t);
    return 0;
}
