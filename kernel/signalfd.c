/* SPDX-License-Identifier: MIT */
/* signalfd. Who reads or polls sees his own thread's signals and the process's.
 * Source: signalfd(2), Linux's layout of siginfo by si_code. */
#include "kernel/signalfd.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/signalfd.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/signal.h"

struct signalfd {
    uint64_t set; /* [A] */
};

static const struct file_ops signalfd_ops;

static uint64_t set_of(const struct file *f)
{
    const struct signalfd *s = f->object;
    return __atomic_load_n(&s->set, __ATOMIC_RELAXED);
}

static bool is_fault(int sig)
{
    return (SIG_BIT(sig) & (SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) |
                            SIG_BIT(SIGTRAP) | SIG_BIT(SIGFPE))) != 0;
}

static void encode(struct signalfd_siginfo *out, const siginfo_t *info)
{
    memset(out, 0, sizeof(*out));
    out->ssi_signo = (uint32_t)info->si_signo;
    out->ssi_errno = info->si_errno;
    out->ssi_code = info->si_code;
    if (info->si_code == SI_TIMER) {
        out->ssi_tid = (uint32_t)info->si_tid;
        out->ssi_overrun = (uint32_t)info->si_overrun;
    } else if (info->si_code > SI_USER && info->si_code < SI_KERNEL && is_fault(info->si_signo)) {
        out->ssi_addr = (uint64_t)(uintptr_t)info->si_addr;
        return;
    } else {
        out->ssi_pid = (uint32_t)info->si_pid;
        out->ssi_uid = info->si_uid;
    }
    if (info->si_code < 0) { /* of sigqueue and timers */
        out->ssi_ptr = (uint64_t)(uintptr_t)info->si_ptr;
        out->ssi_int = info->si_int;
    }
}

static long signalfd_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct signalfd_siginfo record;
    siginfo_t info;
    long done = 0;
    (void)pos;
    if (iov_left(it) < sizeof(record)) {
        return -EINVAL;
    }
    while (iov_left(it) >= sizeof(record)) {
        if (signal_take(set_of(f), &info) != 0) {
            encode(&record, &info);
            if (iov_copy_to(it, &record, sizeof(record)) != sizeof(record)) {
                return done != 0 ? done : -EFAULT;
            }
            done += (long)sizeof(record);
        } else if (done != 0) {
            break;
        } else if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        } else if (wait_until(&signal_arrived, (signal_waiting() & set_of(f)) != 0, TIME_NEVER) !=
                   0) {
            return -ERESTARTSYS;
        }
    }
    return done;
}

static unsigned signalfd_poll(struct file *f, struct wait_queue **q)
{
    *q = &signal_arrived;
    return (signal_waiting() & set_of(f)) != 0 ? POLLIN : 0;
}

static void signalfd_release(struct file *f)
{
    heap_free(f->object);
}

static const struct file_ops signalfd_ops = {
    .name = "signalfd",
    .read = signalfd_read,
    .poll = signalfd_poll,
    .release = signalfd_release,
};

int signalfd_create(uint64_t set, unsigned flags, struct file **out)
{
    struct signalfd *s = heap_zalloc(sizeof(*s));
    *out = s != NULL ? file_create(&signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK)) : NULL;
    if (*out == NULL) {
        heap_free(s);
        return -ENOMEM;
    }
    return signalfd_set(*out, set);
}

int signalfd_set(struct file *f, uint64_t set)
{
    struct signalfd *s = f->object;
    if (f->ops != &signalfd_ops) {
        return -EINVAL;
    }
    __atomic_store_n(&s->set, set & ~SIGNAL_UNMASKABLE, __ATOMIC_RELAXED);
    wait_wake(&signal_arrived, WAIT_ALL); /* what is pending may be in it now */
    return 0;
}
