/* SPDX-License-Identifier: MIT */
// sources: kernel/pipering.c kernel/file.c kernel/fileattr.c kernel/wait.c kernel/mutex.c
// sources: kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process pages
/* The bytes in a pipe against a flat queue, packets, atomic writes, faults and missing memory.
 * Source: pipe(7). */
#include "kernel/pipering.h"

#include <asm/errno.h>
#include <linux/limits.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/pages.h"
#include "test/fake/uaccess.h"
#include "test/unit/check.h"

static uint8_t queue[1 << 20]; /* the model: all bytes that ever went in */
static size_t given, taken;

static long give(struct pipe_ring *r, const void *data, size_t len, bool packet, bool first)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, (void *)(uintptr_t)data, len, false);
    return pipe_ring_give(r, &it, packet, first);
}

static long take(struct pipe_ring *r, void *data, size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, data, len, false);
    return pipe_ring_take(r, &it);
}

static void give_random(struct pipe_ring *r)
{
    static const size_t sizes[] = {1, 7, 100, 4095, 4096, 4097, 10000, 70000};
    size_t len = 1 + check_below(sizes[check_below(ARRAY_LEN(sizes))]);
    bool had_room = !pipe_ring_full(r);
    for (size_t i = 0; i < len; i++) {
        queue[given + i] = (uint8_t)check_random();
    }
    long n = give(r, queue + given, len, false, true);
    CHECK(n >= 0 && (size_t)n <= len);
    if (len <= PIPE_BUF) { /* whole or not at all, and whole when there is a slot */
        CHECK(n == 0 || (size_t)n == len);
        CHECK(!had_room || (size_t)n == len);
    }
    CHECK((size_t)n == len || pipe_ring_full(r));
    given += (size_t)n;
}

static void take_random(struct pipe_ring *r)
{
    static uint8_t out[100000];
    size_t len = 1 + check_below(sizeof(out));
    len = check_below(2) == 0 ? 1 + len % 5000 : len;
    long n = take(r, out, len);
    CHECK_EQ(n, min(len, given - taken));
    CHECK(memcmp(out, queue + taken, (size_t)n) == 0);
    taken += (size_t)n;
}

static void resize_random(struct pipe_ring *r)
{
    uint32_t nslots = 1U << check_below(6);
    int err = pipe_ring_resize(r, nslots);
    CHECK_EQ(err, r->used > nslots ? -EBUSY : 0);
    CHECK(err != 0 || r->nslots == nslots);
}

static void bytes(void)
{
    struct pipe_ring r;
    CHECK_EQ(pipe_ring_init(&r, 16), 0);
    given = taken = 0;
    while (given < sizeof(queue) - 70001) {
        switch (check_below(8)) {
        case 0: resize_random(&r); break;
        case 1:
        case 2:
        case 3: take_random(&r); break;
        default: give_random(&r); break;
        }
        CHECK_EQ(pipe_ring_bytes(&r), given - taken);
        CHECK_EQ(pipe_ring_empty(&r), given == taken);
    }
    pipe_ring_clear(&r);
    CHECK(pipe_ring_empty(&r));
    CHECK_EQ(pipe_ring_bytes(&r), 0);
    pipe_ring_fini(&r);
}

/* Small writes share slots: a pipe of 64 KiB takes 65536 single bytes. */
static void single_bytes(void)
{
    struct pipe_ring r;
    CHECK_EQ(pipe_ring_init(&r, 16), 0);
    size_t n = 0;
    while (give(&r, "x", 1, false, true) == 1) {
        n++;
    }
    CHECK_EQ(n, 65536);
    pipe_ring_fini(&r);
}

static void packets(void)
{
    char out[5000];
    struct pipe_ring r;
    CHECK_EQ(pipe_ring_init(&r, 4), 0);
    CHECK_EQ(give(&r, "first", 5, true, true), 5);
    CHECK_EQ(give(&r, "second", 6, true, true), 6);
    CHECK_EQ(give(&r, "plain", 5, false, true), 5); /* does not join a packet */
    CHECK_EQ(take(&r, out, 3), 3); /* the rest of a packet is lost */
    CHECK_EQ(take(&r, out, sizeof(out)), 6); /* one packet a read */
    CHECK(memcmp(out, "second", 6) == 0);
    CHECK_EQ(take(&r, out, sizeof(out)), 5);
    CHECK_EQ(take(&r, out, sizeof(out)), 0);
    memset(out, 'p', sizeof(out)); /* longer than PIPE_BUF: several packets */
    CHECK_EQ(give(&r, out, 5000, true, true), 5000);
    CHECK_EQ(take(&r, out, 5000), 4096);
    CHECK_EQ(take(&r, out, 5000), 904);
    pipe_ring_fini(&r);
}

static void faults(void)
{
    struct pipe_ring r;
    struct iov v;
    char *user = malloc(8192);
    char out[8192];
    memset(user, 'u', 8192);
    CHECK_EQ(pipe_ring_init(&r, 4), 0);
    fake_fault_at = (uint64_t)(uintptr_t)user;
    fake_fault_end = fake_fault_at + 8192;
    struct iov_iter it = iov_iter_one(&v, user, 100, true);
    CHECK_EQ(pipe_ring_give(&r, &it, false, true), -EFAULT);
    CHECK(pipe_ring_empty(&r));
    fake_fault_at += 5000; /* the second page of the write is away in part */
    it = iov_iter_one(&v, user, 8192, true);
    CHECK_EQ(pipe_ring_give(&r, &it, false, true), 5000);
    CHECK_EQ(pipe_ring_bytes(&r), 5000);
    it = iov_iter_one(&v, user + 5000, 100, true);
    CHECK_EQ(pipe_ring_take(&r, &it), -EFAULT); /* and nothing is lost */
    CHECK_EQ(pipe_ring_bytes(&r), 5000);
    it = iov_iter_one(&v, user + 4990, 100, true);
    CHECK_EQ(pipe_ring_take(&r, &it), 10);
    fake_fault_at = fake_fault_end = 0;
    CHECK_EQ(take(&r, out, sizeof(out)), 4990);
    free(user);
    pipe_ring_fini(&r);
}

static void out_of_memory(void)
{
    struct pipe_ring r;
    static char data[3 * PAGE_SIZE];
    static char out[3 * PAGE_SIZE];
    heap_fail_after(1);
    CHECK_EQ(pipe_ring_init(&r, 4), -ENOMEM);
    heap_fail_after(0);
    CHECK_EQ(pipe_ring_init(&r, 4), 0);
    heap_fail_after(1);
    CHECK_EQ(pipe_ring_resize(&r, 8), -ENOMEM);
    heap_fail_after(0);
    for (unsigned long n = 1; n <= 4; n++) {
        fake_pages_fail_after(n);
        long want = n == 1 ? -ENOMEM : (long)(min(n - 1, 3UL) * PAGE_SIZE);
        CHECK_EQ(give(&r, data, sizeof(data), false, true), want);
        fake_pages_fail_after(0);
        CHECK_EQ(take(&r, out, sizeof(out)), max(want, 0L));
        if (r.spare != NULL) { /* an emptied page is kept: the next write would not ask for one */
            pages_put(r.spare);
            r.spare = NULL;
        }
    }
    pipe_ring_fini(&r);
}

TESTS(bytes, single_bytes, packets, faults, out_of_memory)
