/* SPDX-License-Identifier: MIT */
// fakes: log clock cpu
/* See moncall.h. Two open hash tables: 4 KiB entries by page number and 2 MiB entries by unit
 * number. As in the real monitor a table of small pages stays until a 2 MiB page takes its place,
 * which it can while the table is empty. */
#include "test/fake/moncall.h"

#include <asm/errno.h>
#include <string.h>

#include "kernel/base/print.h"
#include "platform/cpu.h"
#include "test/fake/clock.h"

#define SLOTS (1UL << 18)
#define USER_FIRST 0x10000
#define RIGHTS (MAP_R | MAP_W | MAP_X | MAP_JIT)

struct slot {
    uint64_t key; /* va >> shift, 0: free */
    uint64_t pa;
    uint32_t flags; /* 0: not present */
};

static struct slot small[SLOTS], huge[SLOTS], tables[SLOTS]; /* a table's pa counts its entries */
static unsigned long present, fail_in;
unsigned long fake_moncalls;
void (*fake_on_wait)(void);
uint64_t fake_timer_ns = TIME_NEVER;
long (*fake_on_moncall)(unsigned nr, uint64_t a, uint64_t b, uint64_t c);

static struct slot *find(struct slot *table, uint64_t key, bool make)
{
    uint64_t at = key * 0x9e3779b97f4a7c15UL >> 46;
    for (unsigned tries = 0; tries < SLOTS; tries++, at = (at + 1) % SLOTS) {
        if (table[at].key == key) {
            return &table[at];
        }
        if (table[at].key == 0) {
            if (!make) {
                return NULL;
            }
            table[at].key = key;
            return &table[at];
        }
    }
    panic("fake monitor: table is full");
}

struct fake_hw fake_hw_get(uint64_t va)
{
    const struct slot *s = find(huge, va >> HUGE_SHIFT, false);
    if (s != NULL && s->flags != 0) {
        return (struct fake_hw){s->pa + (va & (HUGE_SIZE - 1) & PAGE_MASK), s->flags};
    }
    s = find(small, va >> PAGE_SHIFT, false);
    return s != NULL ? (struct fake_hw){s->pa, s->flags} : (struct fake_hw){0, 0};
}

unsigned long fake_hw_present(void)
{
    return present;
}

static uint64_t size_of(const struct mon_range *r)
{
    return r->flags & MAP_HUGE ? HUGE_SIZE : PAGE_SIZE;
}

static void check_range(const struct mon_range *r)
{
    uint64_t size = size_of(r);
    assert(is_aligned(r->va, size) && r->npages != 0 && r->reserved == 0);
    assert(r->va >= USER_FIRST && r->va + r->npages * size <= KERNEL_AREA_END);
}

static void set_present(struct slot *s, uint64_t pa, uint32_t flags, unsigned long npages)
{
    present += flags != 0 && s->flags == 0 ? npages : 0;
    present -= flags == 0 && s->flags != 0 ? npages : 0;
    s->pa = pa;
    s->flags = flags;
}

static bool unit_is_huge(uint64_t va)
{
    const struct slot *s = find(huge, va >> HUGE_SHIFT, false);
    return s != NULL && s->flags != 0;
}

/* The table of small pages around va, NULL when there is none. */
static struct slot *table_at(uint64_t va)
{
    struct slot *t = find(tables, va >> HUGE_SHIFT, false);
    return t != NULL && t->flags != 0 ? t : NULL;
}

static void table_use(uint64_t va, bool was, bool is)
{
    struct slot *t = find(tables, va >> HUGE_SHIFT, true);
    t->flags = 1;
    t->pa += is;
    t->pa -= was;
}

/* A 2 MiB page takes the place of an empty table; false when it is not empty. */
static bool table_gives_way(uint64_t va)
{
    struct slot *t = table_at(va);
    if (t != NULL && t->pa == 0) {
        t->flags = 0;
    }
    return table_at(va) == NULL;
}

static int map_one(const struct mon_range *r, uint64_t va, uint64_t pa, bool first)
{
    bool is_huge = (r->flags & MAP_HUGE) != 0;
    uint32_t flags = r->flags & (RIGHTS | MAP_HUGE);
    if (is_huge ? !table_gives_way(va) : unit_is_huge(va)) {
        return -EEXIST;
    }
    struct slot *s =
        is_huge ? find(huge, va >> HUGE_SHIFT, true) : find(small, va >> PAGE_SHIFT, true);
    if (!is_huge) {
        table_use(va, s->flags != 0, true);
    }
    assert(s->flags == 0 || first || (r->flags & MAP_REPLACE) != 0); /* would not be flushed */
    set_present(s, pa, flags, is_huge ? HUGE_SIZE / PAGE_SIZE : 1);
    return 0;
}

int moncall_map(const struct mon_range *ranges, size_t n)
{
    fake_moncalls++;
    if (fail_in != 0 && --fail_in == 0) {
        return -ENOMEM;
    }
    for (const struct mon_range *r = ranges; r < ranges + n; r++) {
        uint64_t size = size_of(r);
        check_range(r);
        assert(is_aligned(r->pa, size) && (r->flags & MAP_R) != 0);
        assert((r->flags & (MAP_W | MAP_X)) != (MAP_W | MAP_X) || (r->flags & MAP_JIT) != 0);
        assert((r->flags & MAP_X) == 0 || r->va < KERNEL_AREA);
        for (uint64_t i = 0; i < r->npages; i++) {
            int err = map_one(r, r->va + i * size, r->pa + i * size, i == 0);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

int moncall_unmap(const struct mon_range *ranges, size_t n)
{
    fake_moncalls++;
    for (const struct mon_range *r = ranges; r < ranges + n; r++) {
        bool is_huge = (r->flags & MAP_HUGE) != 0;
        check_range(r);
        for (uint64_t i = 0; i < r->npages; i++) {
            uint64_t va = r->va + i * size_of(r);
            if (is_huge ? table_at(va) != NULL : unit_is_huge(va)) {
                return -EEXIST;
            }
            struct slot *s = is_huge ? find(huge, va >> HUGE_SHIFT, false)
                                     : find(small, va >> PAGE_SHIFT, false);
            if (s != NULL && !is_huge) {
                table_use(va, s->flags != 0, false);
            }
            if (s != NULL) {
                set_present(s, 0, 0, is_huge ? HUGE_SIZE / PAGE_SIZE : 1);
            }
        }
    }
    return 0;
}

int moncall_protect(const struct mon_range *ranges, size_t n)
{
    fake_moncalls++;
    for (const struct mon_range *r = ranges; r < ranges + n; r++) {
        check_range(r);
        for (uint64_t i = 0; i < r->npages; i++) {
            uint64_t va = r->va + i * size_of(r);
            struct slot *s = r->flags & MAP_HUGE ? find(huge, va >> HUGE_SHIFT, false)
                                                 : find(small, va >> PAGE_SHIFT, false);
            if (s != NULL && s->flags != 0) {
                s->flags = (s->flags & ~(uint32_t)RIGHTS) | (r->flags & RIGHTS);
            }
        }
    }
    return 0;
}

void moncall_set_donate(bool (*hook)(void))
{
    (void)hook;
}

long moncall(unsigned nr, uint64_t a, uint64_t b, uint64_t c)
{
    fake_moncalls++;
    return fake_on_moncall != NULL ? fake_on_moncall(nr, a, b, c) : 0;
}

void moncall_timer(uint64_t deadline_ns)
{
    fake_moncalls++;
    fake_timer_ns = deadline_ns;
}

void moncall_wait(void)
{
    fake_moncalls++;
    if (fake_on_wait != NULL) {
        fake_on_wait();
        return;
    }
    if (fake_timer_ns == TIME_NEVER) {
        panic("fake monitor: the machine would sleep for ever");
    }
    fake_now_ns = max(fake_now_ns, fake_timer_ns);
    fake_timer_ns = TIME_NEVER;
    cpu_this()->trap.pending |= 1UL << PENDING_TIMER;
}

void moncall_poweroff(int status)
{
    panic("fake monitor: powered off with status %d", status);
}

void fake_map_fail_after(unsigned long n)
{
    fail_in = n;
}

bool fake_map_failed(void)
{
    return fail_in == 0;
}
