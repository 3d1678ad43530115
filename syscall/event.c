/* SPDX-License-Identifier: MIT */
/* System calls of the event family: pipes, poll and select.
 *
 * Masks of ppoll and pselect6 hold from before the first look until the call ends; a call that ends
 * by a signal keeps its mask until the signal is taken. Timeouts are relative; what remains is
 * written back where Linux does so, and a timeout that cannot be written back is not an error.
 * Source: the man pages of the calls. */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/time_types.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/pipe.h"
#include "kernel/poll.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/await.h"
#include "syscall/calls.h"
#include "syscall/pair.h"
#include "syscall/restart.h"

#define NSEC_PER_USEC 1000UL
#define USEC_PER_SEC 1000000L
#define FEW 8 /* poll items kept on the stack */
#define FEW_WORDS 16 /* words of a descriptor set kept on the stack: FD_SETSIZE */
#define WORD_BITS 64
#define SETS 3 /* in, out, except */

/* events that each set of select(2) asks for and is set by */
static const unsigned select_events[SETS] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
    POLLPRI,
};

/* The descriptor sets of one select call. */
struct sets {
    void USER *user[SETS]; /* NULL: not given */
    uint64_t *bits[SETS]; /* array[words]: what was asked, then what was found */
    size_t words;
};

static long make_pipe(int USER *fds, unsigned flags)
{
    struct file *end[2];
    if ((flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) != 0) {
        return -EINVAL;
    }
    int err = pipe_create(flags, &end[0], &end[1]);
    return err != 0 ? err : pair_open(end, flags, fds);
}

long sys_pipe(int USER *fds)
{
    return make_pipe(fds, 0);
}

long sys_pipe2(int USER *fds, int flags)
{
    return make_pipe(fds, (unsigned)flags);
}

/* How a timeout that remains is written. */
enum remaining { REMAIN_TIMESPEC, REMAIN_TIMEVAL };

/* The end of a call with a timeout in memory: write what remains. When that is impossible a restart
 * would wait too long, so that the call is interrupted instead. */
static long finish(long result, void USER *timeout, uint64_t deadline, enum remaining how)
{
    uint64_t now = clock_ns();
    uint64_t left = deadline > now ? deadline - now : 0;
    uint64_t unit = how == REMAIN_TIMEVAL ? NSEC_PER_USEC : 1;
    long long value[2] = {(long long)(left / NSEC_PER_SEC),
                          (long long)(left % NSEC_PER_SEC / unit)};
    if (timeout == NULL || uaccess_write(timeout, value, sizeof(value)) == 0) {
        return result;
    }
    return result == -ERESTARTNOHAND ? -EINTR : result;
}

/* The files of fds; closed descriptors get POLLNVAL, negative ones nothing. */
static void open_items(struct poll_item *items, const struct pollfd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct file *f = fds[i].fd >= 0 ? fd_get(fds[i].fd) : NULL;
        items[i] = (struct poll_item){.file = f, .events = (uint16_t)fds[i].events};
        items[i].revents = f == NULL && fds[i].fd >= 0 ? POLLNVAL : 0;
    }
}

static void close_items(const struct poll_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i].file != NULL) {
            file_put(items[i].file);
        }
    }
}

static long poll_items(struct pollfd USER *ufds, struct pollfd *fds, struct poll_item *items,
                       size_t n, uint64_t deadline)
{
    if (uaccess_read(fds, ufds, n * sizeof(*fds)) != 0) {
        return -EFAULT;
    }
    open_items(items, fds, n);
    long ready = poll_wait(items, n, deadline);
    close_items(items, n);
    for (size_t i = 0; i < n; i++) {
        int16_t revents = (int16_t)items[i].revents;
        if (uaccess_write(&ufds[i].revents, &revents, sizeof(revents)) != 0) {
            return -EFAULT;
        }
    }
    return ready == -EINTR ? -ERESTARTNOHAND : ready;
}

static long do_poll(void USER *ufds, unsigned n, uint64_t deadline)
{
    struct {
        struct pollfd fds[FEW];
        struct poll_item items[FEW];
    } few;
    if (n > process.limits[RLIMIT_NOFILE].rlim_cur) {
        return -EINVAL;
    }
    if (n <= FEW) {
        return poll_items(ufds, few.fds, few.items, n, deadline);
    }
    struct pollfd *fds = heap_alloc(n * sizeof(*fds));
    struct poll_item *items = heap_alloc(n * sizeof(*items));
    long result =
        fds != NULL && items != NULL ? poll_items(ufds, fds, items, n, deadline) : -ENOMEM;
    heap_free(fds);
    heap_free(items);
    return result;
}

/* poll(2) keeps its timeout in no memory of the program: what remains goes with the restart. */
static long poll_until(uint64_t fds, uint64_t n, uint64_t deadline)
{
    long result = do_poll(uptr(void, fds), (unsigned)n, deadline);
    return result == -ERESTARTNOHAND ? restart_later(poll_until, fds, n, deadline) : result;
}

long sys_poll(void USER *fds, unsigned n, int timeout_ms)
{
    return poll_until((uint64_t)(uintptr_t)fds, n, await_after_ms(timeout_ms));
}

long sys_ppoll(void USER *fds, unsigned n, const void USER *timeout, const uint64_t USER *mask,
               size_t size)
{
    uint64_t deadline;
    long err = await_timespec(timeout, &deadline);
    err = err != 0 ? err : await_mask(mask, size);
    if (err != 0) {
        return err;
    }
    long result = do_poll(fds, n, deadline);
    await_mask_end(mask, result == -ERESTARTNOHAND);
    return finish(result, uptr(void, timeout), deadline, REMAIN_TIMESPEC);
}

static int read_sets(struct sets *s, size_t n)
{
    for (unsigned k = 0; k < SETS; k++) {
        memset(s->bits[k], 0, s->words * sizeof(uint64_t));
        if (s->user[k] == NULL) {
            continue;
        }
        if (uaccess_read(s->bits[k], s->user[k], s->words * sizeof(uint64_t)) != 0) {
            return -EFAULT;
        }
        if (n % WORD_BITS != 0) { /* bits from n on are nobody's */
            s->bits[k][s->words - 1] &= (1UL << n % WORD_BITS) - 1;
        }
    }
    return 0;
}

static int write_sets(const struct sets *s)
{
    for (unsigned k = 0; k < SETS; k++) {
        if (s->user[k] != NULL &&
            uaccess_write(s->user[k], s->bits[k], s->words * sizeof(uint64_t)) != 0) {
            return -EFAULT;
        }
    }
    return 0;
}

/* The events that the sets ask of descriptor fd. */
static unsigned asked(const struct sets *s, size_t fd)
{
    unsigned events = 0;
    for (unsigned k = 0; k < SETS; k++) {
        bool set = (s->bits[k][fd / WORD_BITS] >> fd % WORD_BITS & 1) != 0;
        events |= set ? select_events[k] : 0;
    }
    return events;
}

static size_t count_asked(const struct sets *s)
{
    size_t n = 0;
    for (size_t w = 0; w < s->words; w++) {
        for (uint64_t left = s->bits[0][w] | s->bits[1][w] | s->bits[2][w]; left != 0; n++) {
            left &= left - 1;
        }
    }
    return n;
}

/* Turn what was asked into what was found. Returns the number of bits. */
static long set_found(struct sets *s, const struct poll_item *items)
{
    long bits = 0;
    for (size_t fd = 0; fd < s->words * WORD_BITS; fd++) {
        if (asked(s, fd) == 0) {
            continue;
        }
        uint64_t bit = 1UL << fd % WORD_BITS;
        for (unsigned k = 0; k < SETS; k++) {
            uint64_t *word = &s->bits[k][fd / WORD_BITS];
            bool found = (*word & bit) != 0 && (items->revents & select_events[k]) != 0;
            *word = found ? *word : *word & ~bit;
            bits += found;
        }
        items++;
    }
    return bits;
}

/* Wait for what the sets ask; items has room for all of it. */
static long select_items(struct sets *s, struct poll_item *items, uint64_t deadline)
{
    size_t n = 0;
    long result = 0;
    for (size_t fd = 0; fd < s->words * WORD_BITS && result == 0; fd++) {
        unsigned events = asked(s, fd);
        if (events == 0) {
            continue;
        }
        items[n] = (struct poll_item){.file = fd_get((int)fd), .events = events};
        result = items[n].file != NULL ? 0 : -EBADF;
        n += result == 0;
    }
    result = result != 0 ? result : poll_wait(items, n, deadline);
    close_items(items, n);
    if (result < 0) {
        return result == -EINTR ? -ERESTARTNOHAND : result;
    }
    result = set_found(s, items);
    int err = write_sets(s);
    return err != 0 ? err : result;
}

static long select_sets(struct sets *s, size_t n, uint64_t deadline)
{
    struct poll_item few[FEW];
    int err = read_sets(s, n);
    if (err != 0) {
        return err;
    }
    size_t count = count_asked(s);
    if (count <= FEW) {
        return select_items(s, few, deadline);
    }
    struct poll_item *items = heap_alloc(count * sizeof(*items));
    long result = items != NULL ? select_items(s, items, deadline) : -ENOMEM;
    heap_free(items);
    return result;
}

static long do_select(struct sets *s, int n, uint64_t deadline)
{
    uint64_t few[SETS * FEW_WORDS];
    if (n < 0) {
        return -EINVAL;
    }
    size_t count = min((size_t)n, (size_t)FD_MAX);
    s->words = (count + WORD_BITS - 1) / WORD_BITS;
    uint64_t *bits = s->words <= FEW_WORDS ? few : heap_alloc(SETS * s->words * sizeof(*bits));
    if (bits == NULL) {
        return -ENOMEM;
    }
    for (unsigned k = 0; k < SETS; k++) {
        s->bits[k] = bits + k * s->words;
    }
    long result = select_sets(s, count, deadline);
    memset(s->bits, 0, sizeof(s->bits));
    if (bits != few) {
        heap_free(bits);
    }
    return result;
}

long sys_select(int n, void USER *in, void USER *out, void USER *except, void USER *timeout)
{
    struct sets s = {.user = {in, out, except}};
    struct __kernel_old_timeval tv;
    uint64_t deadline = TIME_NEVER;
    if (timeout != NULL) {
        if (uaccess_read(&tv, timeout, sizeof(tv)) != 0) {
            return -EFAULT;
        }
        int err = tv.tv_sec < 0 || tv.tv_usec < 0
                      ? -EINVAL
                      : await_deadline((long)((unsigned long)tv.tv_sec +
                                              (unsigned long)(tv.tv_usec / USEC_PER_SEC)),
                                       tv.tv_usec % USEC_PER_SEC * (long)NSEC_PER_USEC, &deadline);
        if (err != 0) {
            return err;
        }
    }
    return finish(do_select(&s, n, deadline), timeout, deadline, REMAIN_TIMEVAL);
}

long sys_pselect6(int n, void USER *in, void USER *out, void USER *except, const void USER *timeout,
                  const void USER *mask)
{
    struct sets s = {.user = {in, out, except}};
    uint64_t mask_arg[2] = {0, 0}; /* address and size of the set */
    uint64_t deadline;
    if (mask != NULL && uaccess_read(mask_arg, mask, sizeof(mask_arg)) != 0) {
        return -EFAULT;
    }
    const uint64_t USER *set = uptr(const uint64_t, mask_arg[0]);
    long err = await_timespec(timeout, &deadline);
    err = err != 0 ? err : await_mask(set, mask_arg[1]);
    if (err != 0) {
        return err;
    }
    long result = do_select(&s, n, deadline);
    await_mask_end(set, result == -ERESTARTNOHAND);
    return finish(result, uptr(void, timeout), deadline, REMAIN_TIMESPEC);
}
