/* SPDX-License-Identifier: MIT */
/* Spinlock with an owner check.
 *
 * Global lock order, outermost first; a holder may take only locks further down:
 *   rewrite.judging > etc_lock > vnode.write_lock > cpulimit.lock > process.lock > mm.lock
 *   > file_table.lock > pty table > tmpfs.lock
 *   > vnode.lock > epoll locks (see epoll.c) > file.lock > inotify table > inotify.lock
 *   > network device > net_core > socket.lock > mqueue names > mqueue.lock > wall timers
 *   > timerfd.lock > POSIX timers > clocktimer.lock
 *   > wait_queue.lock > epoll.ready_lock
 *   > futex buckets (two by address) > signal.lock > thread table > run_queue.lock
 *   > timer_queue.lock > site.lock > stub.lock > pmap.lock > heap.lock > console.lock
 *   > eroimage fetching > pages.lock > log.
 * No sleep and no user access under a spinlock. "Interrupts off" is not needed: the library OS is
 * never interrupted by its own handlers (see ARCHITECTURE, Interrupts). */
#ifndef KERNEL_BASE_LOCK_H
#define KERNEL_BASE_LOCK_H

#include "kernel/base/base.h"

struct CAPABILITY("spinlock") spinlock {
    uint32_t state; /* [A] 0 free, else 1 + id of the owning CPU */
};

/* clang-format off: it takes the braces for a block */
#define SPINLOCK_INIT \
    {                 \
        0             \
    }
/* clang-format on */

void spin_lock(struct spinlock *l) TAKES(l);
void spin_unlock(struct spinlock *l) DROPS(l);

/* lock_assert_held: panics unless this CPU holds l. Opens every _locked function. */
void lock_assert_held(const struct spinlock *l) ASSERTS(l);

/* lock_is_mine: this CPU holds l: for whoever must report although it may be the cause. */
bool lock_is_mine(const struct spinlock *l);

/* lock_set_cpu_hook: how the lock learns the id of the running CPU (platform installs it). Before
 * that every CPU is 0, as it is in host tests. */
void lock_set_cpu_hook(uint32_t (*cpu_id)(void));

#endif
