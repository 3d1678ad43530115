/* SPDX-License-Identifier: MIT */
// sources: kernel/mmap.c kernel/fault.c kernel/maps.c kernel/madvise.c kernel/mlock.c
// sources: kernel/mremap.c kernel/pmap.c kernel/pmapwalk.c kernel/pmapmove.c kernel/vma.c
// sources: kernel/base/rbtree.c kernel/file.c kernel/ahead.c kernel/brk.c kernel/stackcache.c
// sources: kernel/rwlock.c kernel/mutex.c kernel/wait.c kernel/text.c
// sources: kernel/timer.c kernel/random.c platform/irq.c
// fakes: sched heap pages moncall process uaccess log
/* Stacks of ended threads: which are kept, that the next one of the same kind takes them without
 * the monitor and finds zeros, and that they give way to everything else. */
#include "kernel/stackcache.h"

#include <asm/errno.h>
#include <asm/mman.h>
#include <asm/signal.h>
#include <linux/mman.h>

#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "kernel/uaccess.h"
#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define GUARD (2 * PAGE_SIZE)
#define LEN (36 * PAGE_SIZE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static uint64_t map(uint64_t at, uint64_t len, int prot, int flags)
{
    long got = mmap_map(at, len, prot, PRIVATE | flags, NULL, 0);
    CHECK(got > 0);
    return (uint64_t)got;
}

static void open_stack(uint64_t at)
{
    CHECK_EQ(mmap_protect(at + GUARD, LEN - GUARD, RW), 0);
}

static uint64_t *word_at(uint64_t va)
{
    return (uint64_t *)pages_map(pmap_get(va).pa);
}

/* The life of a thread's stack, but for its end; its top page holds a value. */
static uint64_t live(void)
{
    uint64_t at = map(0, LEN, PROT_NONE, 0);
    open_stack(at);
    stackcache_started(at + LEN);
    CHECK(pmap_get(at + LEN - PAGE_SIZE).flags != 0);
    *word_at(at + LEN - PAGE_SIZE) = 42;
    return at;
}

static bool is_kept(uint64_t at)
{
    return fake_hw_get(at + LEN - PAGE_SIZE).flags != 0;
}

static uint64_t dead(void)
{
    uint64_t at = live();
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK(is_kept(at));
    return at;
}

/* No slot is left for the next test, and nothing is lost. */
static void forget(void)
{
    rwlock_lock(&space.lock);
    stackcache_settle();
    stackcache_evict(0, USER_MAX);
    rwlock_unlock(&space.lock);
    CHECK_EQ(fake_hw_present(), 0);
}

static void the_next_takes_it(void)
{
    uint64_t at = dead();
    unsigned long calls = fake_moncalls;
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(map(0, LEN, PROT_NONE, 0), at);
        open_stack(at);
        CHECK_EQ(*word_at(at + LEN - PAGE_SIZE), 0);
        CHECK_EQ(fake_hw_get(at + LEN - PAGE_SIZE).flags, MAP_R | MAP_W);
        *word_at(at + LEN - PAGE_SIZE) = 42;
        stackcache_started(at + LEN);
        CHECK_EQ(mmap_unmap(at, LEN), 0);
    }
    CHECK_EQ(fake_moncalls, calls);
    forget();
}

static void it_does_not_exist(void)
{
    int code = 0;
    uint64_t at = dead();
    CHECK_EQ(mmap_fault(at + LEN - PAGE_SIZE, FAULT_WRITE, 0, &code), SIGSEGV);
    CHECK_EQ(mmap_protect(at + GUARD, LEN - GUARD, PROT_READ), -ENOMEM);
    CHECK_EQ(mmap_map(at, LEN, RW, PRIVATE | MAP_FIXED_NOREPLACE, NULL, 0), (long)at);
    CHECK(!is_kept(at)); /* whoever comes there finds nothing */
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    forget();
}

static void others_do_not_get_it(void)
{
    uint64_t at = dead();
    CHECK_EQ(map(0, LEN, PROT_NONE, 0), at);
    CHECK(is_kept(at));
    CHECK_EQ(mmap_protect(at, LEN, RW), 0); /* no guard: no stack */
    CHECK(!is_kept(at));
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK_EQ(fake_hw_present(), 0);

    at = dead();
    CHECK_EQ(map(0, LEN, PROT_NONE, 0), at);
    uint64_t other = map(0, PAGE_SIZE, PROT_READ, 0); /* any call between ends the waiting */
    CHECK(!is_kept(at));
    open_stack(at);
    CHECK_EQ(*word_at(at + LEN - PAGE_SIZE), 0);
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK_EQ(mmap_unmap(other, PAGE_SIZE), 0);

    at = dead();
    CHECK_EQ(map(0, LEN, PROT_NONE, 0), at);
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK(!is_kept(at));

    at = dead();
    CHECK_EQ(map(0, LEN, RW, 0), at); /* the same place by chance */
    CHECK(!is_kept(at) || *word_at(at + LEN - PAGE_SIZE) == 0);
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    forget();
}

static void it_gives_way(void)
{
    uint64_t at = dead();
    CHECK_EQ(map(at + LEN - PAGE_SIZE, PAGE_SIZE, PROT_NONE, MAP_FIXED), at + LEN - PAGE_SIZE);
    CHECK_EQ(fake_hw_present(), 0);
    CHECK_EQ(mmap_unmap(at + LEN - PAGE_SIZE, PAGE_SIZE), 0);

    at = dead(); /* a region that grows over it */
    CHECK_EQ(map(at - PAGE_SIZE, PAGE_SIZE, RW, MAP_FIXED), at - PAGE_SIZE);
    CHECK_EQ(mmap_remap(at - PAGE_SIZE, PAGE_SIZE, PAGE_SIZE + LEN, 0, 0), (long)(at - PAGE_SIZE));
    CHECK(!is_kept(at));
    CHECK_EQ(mmap_unmap(at - PAGE_SIZE, PAGE_SIZE + LEN), 0);
    forget();
}

static void only_stacks_of_threads(void)
{
    uint64_t at = map(0, LEN, PROT_NONE, 0);
    open_stack(at); /* the shape, but no thread */
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK(!is_kept(at));

    at = map(0, LEN, RW, 0); /* a thread, but no guard */
    stackcache_started(at + LEN);
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK(!is_kept(at));

    at = live(); /* only a part goes */
    CHECK_EQ(mmap_unmap(at + GUARD, LEN - GUARD), 0);
    CHECK(!is_kept(at));
    CHECK_EQ(mmap_unmap(at, GUARD), 0);

    at = live(); /* changed since */
    CHECK_EQ(mmap_protect(at + LEN - PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
    CHECK_EQ(mmap_unmap(at, LEN), 0);
    CHECK(!is_kept(at));
    forget();
}

static void not_too_many(void)
{
    enum { MANY = 100 };
    static uint64_t at[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        at[i] = live();
    }
    for (unsigned i = 0; i < MANY; i++) {
        CHECK_EQ(mmap_unmap(at[i], LEN), 0);
    }
    unsigned kept = 0;
    for (unsigned i = 0; i < MANY; i++) {
        kept += is_kept(at[i]);
    }
    CHECK(kept != 0 && kept <= 16);
    CHECK(is_kept(at[MANY - 1]) && !is_kept(at[0]));
    forget();
}

static void memory_comes_first(void)
{
    int code = 0;
    uint64_t at = dead();
    uint64_t page = map(0, PAGE_SIZE, RW, MAP_NORESERVE);
    fake_pages_limit((unsigned long)fake_pages_in_use());
    CHECK_EQ(mmap_fault(page, FAULT_WRITE, 0, &code), 0);
    fake_pages_limit(FAKE_RAM_FRAMES);
    CHECK(!is_kept(at));
    CHECK_EQ(mmap_unmap(page, PAGE_SIZE), 0);
    forget();
}

int main(void)
{
    static const struct check_test tests[] = {{"the_next_takes_it", the_next_takes_it},
                                              {"it_does_not_exist", it_does_not_exist},
                                              {"others_do_not_get_it", others_do_not_get_it},
                                              {"it_gives_way", it_gives_way},
                                              {"only_stacks_of_threads", only_stacks_of_threads},
                                              {"not_too_many", not_too_many},
                                              {"memory_comes_first", memory_comes_first}};
    uint64_t entropy[4] = {0};
    mmap_init(entropy);
    not_too_many(); /* the page tables stay, by design: not counted */
    return check_main(tests, ARRAY_LEN(tests));
}
