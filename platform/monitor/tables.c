/* SPDX-License-Identifier: MIT */
/* Where the frames of page tables come from, and the walk to a table.
 *
 * They come from the rest of the monitor's 2 MiB and from donated units, which are scanned for
 * first: a unit that ring 3 still maps is refused. A table is freed only when a 2 MiB page takes
 * the place of an empty one, and used again only after every CPU has forgotten it: a stale entry in
 * what has become a directory would be a table of ring 3's making.
 * Under smp_lock. Source: AMD64 APM vol. 2 ch. 5. */
#include <asm/errno.h>

#include "platform/monitor/monitor.h"

#define ENTRIES 512
#define PA_MASK 0x000ffffffffff000
#define OWNED_UNITS 32768 /* donated units lie below 64 GiB */
#define MAX_DONATIONS 254
#define DONATED_VA 0x7fffc0000000 /* supervisor window: unit n at + n * 2 MiB */

extern uint64_t pml4[ENTRIES], pd_direct[ENTRIES], pd_monitor[ENTRIES];
extern uint64_t run_high;
extern uint8_t run_alone;
extern char pool_start[], pool_end[];

static char *pool_next = pool_start;
static char *pool_limit = pool_end;
static uint64_t *free_tables; /* linked through their first word; else zero */
static long free_count;
static uint8_t unit_owner[OWNED_UNITS]; /* 0: not ours, else 1 + window index of a donated unit */
static unsigned donations;

bool tables_own(uint64_t pa, uint64_t len)
{
    uint64_t last = (pa + len - 1) >> 21;
    for (uint64_t unit = pa >> 21; unit <= last && unit < OWNED_UNITS; unit++) {
        if (unit_owner[unit] != 0) {
            return true;
        }
    }
    return false;
}

static uint64_t table_pa(const uint64_t *table)
{
    uint64_t va = (uint64_t)table;
    if (va >= MONITOR_SLOT) {
        return va - MONITOR_SLOT;
    }
    uint64_t unit = (va - DONATED_VA) >> 21;
    return (pd_monitor[unit] & PA_MASK) + (va & (HUGE - 1));
}

static uint64_t *table_va(uint64_t entry)
{
    uint64_t pa = entry & PA_MASK;
    if (pa < HUGE) {
        return slot_va(pa);
    }
    return (uint64_t *)(DONATED_VA + ((uint64_t)(unit_owner[pa >> 21] - 1) << 21) +
                        (pa & (HUGE - 1)));
}

static uint64_t *table_alloc(void)
{
    if (free_tables != NULL) {
        uint64_t *old = free_tables;
        free_tables = (uint64_t *)*old;
        free_count--;
        *old = 0;
        return old;
    }
    if (pool_next == pool_limit) {
        return NULL;
    }
    uint64_t *table = (uint64_t *)(void *)pool_next;
    pool_next += PAGE;
    return table;
}

uint64_t *tables_find(uint64_t va, unsigned level, bool alloc, long *err)
{
    uint64_t *table = pml4;
    for (unsigned at = 3; at > level; at--) {
        uint64_t *entry = &table[va >> (12 + 9 * at) & (ENTRIES - 1)];
        if (*entry & PTE_P) {
            if (*entry & PTE_PS) {
                *err = -EEXIST;
                return NULL;
            }
            table = table_va(*entry);
            continue;
        }
        *err = 0;
        if (!alloc) {
            return NULL;
        }
        uint64_t *fresh = table_alloc();
        if (fresh == NULL) {
            *err = -ENOMEM;
            return NULL;
        }
        *entry = table_pa(fresh) | PTE_P | PTE_W | PTE_U | PTE_A;
        table = fresh;
    }
    return table;
}

/* No CPU goes by the cached table of the 2 MiB at va. Two rounds: one may have been taking it over
 * from its cache during the first. */
static void table_uncache(uint64_t va)
{
    unsigned rounds = run_alone ? 1 : 2;
    unsigned ncpus = run_alone ? 1 : MAX_CPUS;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned cpu = 0; cpu < ncpus; cpu++) {
            struct cpu_data *d = cpu_data(cpu);
            struct run_slot *slot = &d->run_cache[(va >> 21) % RUN_CACHE];
            slot->unit = slot->unit == va >> 21 ? UINT64_MAX : slot->unit;
            d->run_unit = d->run_unit == va >> 21 ? UINT64_MAX : d->run_unit;
        }
        smp_flush_others(false);
    }
    flush_all();
}

bool tables_drop(uint64_t *entry, uint64_t va)
{
    uint64_t *table = table_va(*entry);
    uint64_t *at = table;
    uint64_t n = ENTRIES;
    bool empty;
    __asm__ volatile("repe scasq" : "+D"(at), "+c"(n), "=@ccz"(empty) : "a"(0UL) : "memory");
    if (!empty) {
        return false;
    }
    *entry = 0;
    table_uncache(va);
    at = table; /* again: ring 3 might have mapped something meanwhile */
    n = ENTRIES;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(n) : "a"(0UL) : "memory");
    *table = (uint64_t)free_tables;
    free_tables = table;
    free_count++;
    return true;
}

/* Does any entry that ring 3 could use, in table and below, lead into the unit at pa? */
static bool table_maps(const uint64_t *table, unsigned level, uint64_t pa)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t e = table[i];
        if ((e & (PTE_P | PTE_U)) != (PTE_P | PTE_U)) {
            continue;
        }
        if (level == 0 || (e & PTE_PS)) {
            uint64_t start = e & PA_MASK & ~(PTE_NX);
            uint64_t len = PAGE << (9 * level);
            if (start < pa + HUGE && start + len > pa) {
                return true;
            }
        } else if (table_maps(table_va(e), level - 1, pa)) {
            return true;
        }
    }
    return false;
}

static long donate(uint64_t pa)
{
    if ((pa & (HUGE - 1)) != 0 || pa < 2 * HUGE || pa >= GIGA || !paging_frames_allowed(pa, HUGE)) {
        return -EINVAL;
    }
    if (donations == MAX_DONATIONS || pool_next != pool_limit) {
        return -EBUSY;
    }
    uint64_t *direct = &pd_direct[pa >> 21];
    uint64_t saved = *direct;
    uint64_t saved_high = run_high;
    *direct = 0;
    run_high = pa < run_high ? pa : run_high;
    smp_flush_others(false); /* and so nobody is mapping the unit by MON_MAP_RUN now */
    if (table_maps(pml4, 3, pa)) {
        *direct = saved;
        run_high = saved_high;
        return -EBUSY;
    }
    pd_monitor[donations] = pa | PTE_P | PTE_W | PTE_PS | PTE_NX | PTE_A | PTE_D;
    unit_owner[pa >> 21] = (uint8_t)(donations + 1);
    flush_all();
    pool_next = (char *)(DONATED_VA + ((uint64_t)donations << 21));
    pool_limit = pool_next + HUGE;
    donations++;
    char *at = pool_next;
    uint64_t n = HUGE / 8;
    __asm__ volatile("rep stosq" : "+D"(at), "+c"(n) : "a"(0UL) : "memory");
    return 0;
}

long tables_donate(uint64_t pa)
{
    smp_lock();
    long err = donate(pa);
    smp_unlock();
    return err;
}

long tables_pool(void)
{
    return (pool_limit - pool_next) / (long)PAGE + free_count;
}
