/* SPDX-License-Identifier: MIT */
/* Pending signals: standard ones at most once each, real-time ones as often as they are sent.
 * The caller's lock guards everything here. Source: signal(7), sigqueue(3). */
#include "kernel/sigqueue.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/signal.h"

#define FIRST_REALTIME 32

struct pending_signal {
    struct list link;
    siginfo_t info;
};

static unsigned queued; /* in all queues */

void sigqueue_init(struct sigqueue *q)
{
    *q = (struct sigqueue){.pending = 0};
    list_init(&q->signals);
}

static void set_pending(struct sigqueue *q, uint64_t pending)
{
    __atomic_store_n(&q->pending, pending, __ATOMIC_SEQ_CST);
}

int sigqueue_put(struct sigqueue *q, int sig, const siginfo_t *info)
{
    if (sig < FIRST_REALTIME && (q->pending & SIG_BIT(sig)) != 0) {
        return 0;
    }
    if (queued >= process.limits[RLIMIT_SIGPENDING].rlim_cur && sig >= FIRST_REALTIME) {
        return -EAGAIN;
    }
    struct pending_signal *p = heap_alloc(sizeof(*p));
    if (p == NULL) {
        return -EAGAIN;
    }
    p->info = *info;
    p->info.si_signo = sig;
    list_append(&q->signals, &p->link);
    queued++;
    set_pending(q, q->pending | SIG_BIT(sig));
    return 0;
}

static int next_of(const struct sigqueue *q, uint64_t set)
{
    /* Synchronous signals first, as Linux: a fault's handler must see the faulting context. */
    uint64_t sync = SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |
                    SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS);
    uint64_t ready = q->pending & set;
    uint64_t from = (ready & sync) != 0 ? ready & sync : ready;
    return from == 0 ? 0 : __builtin_ctzl(from) + 1;
}

static void remove(struct pending_signal *p)
{
    list_remove(&p->link);
    heap_free(p);
    queued--;
}

int sigqueue_take(struct sigqueue *q, uint64_t set, siginfo_t *info)
{
    int sig = next_of(q, set);
    struct pending_signal *first = NULL;
    struct list *at;
    if (sig == 0) {
        return 0;
    }
    list_for_each (at, &q->signals) {
        struct pending_signal *p = list_entry(at, struct pending_signal, link);
        if (p->info.si_signo != sig) {
            continue;
        }
        if (first != NULL) { /* one more: it stays pending */
            *info = first->info;
            remove(first);
            return sig;
        }
        first = p;
    }
    assert(first != NULL); /* each pending bit has its entry */
    *info = first->info;
    remove(first);
    set_pending(q, q->pending & ~SIG_BIT(sig));
    return sig;
}

unsigned sigqueue_count(void)
{
    return queued;
}

void sigqueue_drop(struct sigqueue *q, uint64_t set)
{
    struct list *at;
    struct list *tmp;
    list_for_each_safe(at, tmp, &q->signals)
    {
        struct pending_signal *p = list_entry(at, struct pending_signal, link);
        if ((SIG_BIT(p->info.si_signo) & set) != 0) {
            remove(p);
        }
    }
    set_pending(q, q->pending & ~set);
}
