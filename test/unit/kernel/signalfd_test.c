/* SPDX-License-Identifier: MIT */
// sources: kernel/signalfd.c kernel/wait.c kernel/mutex.c kernel/timer.c kernel/base/rbtree.c
// sources: kernel/file.c kernel/fileattr.c kernel/poll.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process
/* signalfd: which signals reads take, how each kind is written down, and when they wait.
 * Source: signalfd(2). */
#include "kernel/signalfd.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/signalfd.h>
#include <string.h>

#include "kernel/heap.h"
#include "kernel/signal.h"
#include "test/fake/heap.h"
#include "test/fake/process.h"
#include "test/fake/uaccess.h"
#include "test/unit/check.h"

#define QUEUE 8

struct wait_queue signal_arrived = {.waiters = LIST_INIT(signal_arrived.waiters)};
static siginfo_t pending[QUEUE];
static unsigned npending;
static struct file *file;
static struct signalfd_siginfo *buf; /* below the end of the program's addresses */

int signal_take(uint64_t set, siginfo_t *info)
{
    for (unsigned i = 0; i < npending; i++) {
        if ((set & SIG_BIT(pending[i].si_signo)) == 0) {
            continue;
        }
        *info = pending[i];
        npending--;
        memmove(&pending[i], &pending[i + 1], (npending - i) * sizeof(*pending));
        return info->si_signo;
    }
    return 0;
}

uint64_t signal_waiting(void)
{
    uint64_t set = 0;
    for (unsigned i = 0; i < npending; i++) {
        set |= SIG_BIT(pending[i].si_signo);
    }
    return set;
}

static siginfo_t *queue(int sig, int code)
{
    siginfo_t *info = &pending[npending++];
    memset(info, 0, sizeof(*info));
    info->si_signo = sig;
    info->si_code = code;
    return info;
}

static void begin(uint64_t set)
{
    npending = 0;
    fake_signal_pending = false;
    CHECK_EQ(signalfd_create(set, O_NONBLOCK, &file), 0);
    buf = calloc(4, sizeof(*buf));
}

static void end(void)
{
    file_put(file);
    free(buf);
}

static long take(size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, len, true);
    return file->ops->read(file, &it, NULL);
}

static unsigned events(void)
{
    struct wait_queue *q;
    unsigned found = file->ops->poll(file, &q);
    CHECK(q == &signal_arrived);
    return found;
}

static void which(void)
{
    const long one = sizeof(*buf);
    begin(SIG_BIT(SIGUSR1) | SIG_BIT(SIGTERM) | SIG_BIT(SIGKILL));
    CHECK_EQ(take((size_t)one - 1), -EINVAL);
    CHECK_EQ(take((size_t)one), -EAGAIN);
    queue(SIGUSR2, SI_USER);
    queue(SIGKILL, SI_USER); /* cannot be asked for */
    CHECK_EQ(events(), 0);
    CHECK_EQ(take((size_t)one), -EAGAIN);
    queue(SIGTERM, SI_USER);
    queue(SIGUSR1, SI_USER);
    queue(SIGTERM, SI_TKILL);
    CHECK_EQ(events(), POLLIN);
    CHECK_EQ(take(2 * (size_t)one + 7), 2 * one); /* as many as fit */
    CHECK_EQ(buf[0].ssi_signo, SIGTERM);
    CHECK_EQ(buf[1].ssi_signo, SIGUSR1);
    CHECK_EQ(take(4 * (size_t)one), one); /* and no waiting for more */
    CHECK_EQ(buf[0].ssi_code, SI_TKILL);
    CHECK_EQ(signalfd_set(file, SIG_BIT(SIGUSR2)), 0);
    CHECK_EQ(take((size_t)one), one);
    CHECK_EQ(buf[0].ssi_signo, SIGUSR2);
    CHECK_EQ(npending, 1);
    end();
}

static void forms(void)
{
    begin(~0UL);
    siginfo_t *user = queue(SIGUSR1, SI_USER);
    user->si_pid = 12;
    user->si_uid = 34;
    siginfo_t *timer = queue(SIGALRM, SI_TIMER);
    timer->si_tid = 5;
    timer->si_overrun = 6;
    timer->si_int = -7;
    siginfo_t *fault = queue(SIGSEGV, SEGV_MAPERR);
    fault->si_addr = (void *)0x1234;
    siginfo_t *sent = queue(SIGRTMIN, SI_QUEUE);
    sent->si_pid = 2;
    sent->si_ptr = (void *)0x123456789;
    CHECK_EQ(take(4 * sizeof(*buf)), 4 * sizeof(*buf));
    CHECK_EQ(buf[0].ssi_pid, 12);
    CHECK_EQ(buf[0].ssi_uid, 34);
    CHECK_EQ(buf[0].ssi_ptr, 0);
    CHECK_EQ(buf[1].ssi_tid, 5);
    CHECK_EQ(buf[1].ssi_overrun, 6);
    CHECK_EQ(buf[1].ssi_int, -7);
    CHECK_EQ(buf[1].ssi_pid, 0);
    CHECK_EQ(buf[2].ssi_addr, 0x1234);
    CHECK_EQ(buf[2].ssi_pid, 0);
    CHECK_EQ(buf[3].ssi_ptr, 0x123456789);
    CHECK_EQ(buf[3].ssi_pid, 2);
    queue(SIGUSR1, SI_USER);
    fake_fault_at = (uint64_t)(uintptr_t)buf;
    fake_fault_end = fake_fault_at + 1;
    CHECK_EQ(take(sizeof(*buf)), -EFAULT);
    fake_fault_at = fake_fault_end = 0;
    end();
}

static void others(void)
{
    begin(SIG_BIT(SIGUSR1));
    file->flags &= ~(unsigned)O_NONBLOCK;
    fake_signal_pending = true; /* one that it does not take */
    CHECK_EQ(take(sizeof(*buf)), -ERESTARTSYS);
    fake_signal_pending = false;
    queue(SIGUSR1, SI_USER);
    CHECK_EQ(take(sizeof(*buf)), sizeof(*buf));
    const struct file_ops none = {.name = "none"};
    struct file *f = file_create(&none, NULL, O_RDWR);
    CHECK_EQ(signalfd_set(f, 1), -EINVAL);
    file_put(f);
    for (unsigned n = 1; n <= 2; n++) {
        heap_fail_after(n);
        CHECK_EQ(signalfd_create(1, 0, &f), -ENOMEM);
        CHECK(fake_heap_failed());
    }
    end();
}

TESTS(which, forms, others)
