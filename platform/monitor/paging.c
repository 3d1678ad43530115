/* SPDX-License-Identifier: MIT */
/* The page tables of ring 3: map, unmap, protect in runs of contiguous frames.
 *
 * Invariants: no frame of the monitor, of a page table or of the library OS image is reachable
 * through an entry made here; nothing is writable and executable at once but what a call marked as
 * the program's own (MAP_JIT), and never in the kernel area; the image's mapping only loses rights.
 * Where tables come from: tables.c.
 * Source: AMD64 APM vol. 2 ch. 5. */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define ENTRIES 512
#define FLAGS_KNOWN \
    (MAP_R | MAP_W | MAP_X | MAP_HUGE | MAP_DEVICE | MAP_JIT | MAP_GIGA | MAP_REPLACE)
#define FLUSH_ALL_OVER 4 /* pages: beyond that reload CR3 */
#define USER_FIRST 0x10000
#define RAM_HOLE 0xc0000000 /* devices are somewhere above */

static uint64_t image_va;
static uint64_t image_end;
static uint64_t direct_va;
static bool giga_allowed;

/* Other CPUs may hold translations that this call has changed; of the kernel area. */
static bool stale, stale_kernel;

/* What map_run and its kin in trap.S go by, with the CPU's own cache of tables: the frames that
 * need no further check. run_alone: no other CPU has a TLB to flush. */
uint64_t run_low = UINT64_MAX;
uint64_t run_high;
uint8_t run_alone = 1;

/* Kept here so that the boot code and the calls agree: set by start.c. */
void paging_init(uint64_t libos_base, uint64_t direct_base, uint64_t image_end_pa, bool giga)
{
    image_va = libos_base;
    direct_va = direct_base;
    image_end = image_end_pa;
    giga_allowed = giga;
    run_low = image_end_pa;
    run_high = RAM_HOLE;
}

static unsigned range_level(uint32_t flags)
{
    if (flags & MAP_GIGA) {
        return 2;
    }
    return flags & MAP_HUGE ? 1 : 0;
}

/* Addresses that calls may change: the program's half, the dynamic area behind the image, and the
 * direct map (where frame and address must agree). */
static bool va_allowed(uint64_t va, uint64_t len)
{
    if (va + len < va) {
        return false;
    }
    if (va + len <= KERNEL_AREA) {
        return va >= USER_FIRST;
    }
    uint64_t dynamic_end = (image_va | (GIGA - 1)) + 1;
    if (va >= image_va + DEVICE_OFFSET && va + len <= dynamic_end) {
        return true;
    }
    return va >= direct_va && va + len <= direct_va + MAX_RAM_GIB * GIGA;
}

bool paging_frames_allowed(uint64_t pa, uint64_t len)
{
    if (pa < image_end || pa + len < pa || pa + len > 1UL << 46) {
        return false;
    }
    if (pa < LAPIC_PA + 0x100000 && pa + len > IOAPIC_PA) { /* neither APIC */
        return false;
    }
    return !tables_own(pa, len);
}

static long range_check(const struct mon_range *r, unsigned level)
{
    uint64_t size_mask = (PAGE << (9 * level)) - 1;
    if ((r->va & size_mask) != 0 || r->npages == 0 || (r->flags & ~(uint32_t)FLAGS_KNOWN) != 0) {
        return -EINVAL;
    }
    return va_allowed(r->va, (uint64_t)r->npages << (12 + 9 * level)) ? 0 : -EPERM;
}

static bool rights_allowed(const struct mon_range *r)
{
    if ((r->flags & MAP_X) == 0) {
        return true;
    }
    bool wx = (r->flags & MAP_W) != 0;
    return r->va < KERNEL_AREA && !(r->flags & MAP_DEVICE) && (!wx || (r->flags & MAP_JIT) != 0);
}

static long map_check(const struct mon_range *r, unsigned level)
{
    long err = range_check(r, level);
    if (err != 0) {
        return err;
    }
    uint64_t size = PAGE << (9 * level);
    if ((r->pa & (size - 1)) != 0 || (level == 2 && !giga_allowed)) {
        return -EINVAL;
    }
    if (r->va >= direct_va && (level == 0 || r->va - direct_va != r->pa)) {
        return -EPERM;
    }
    if (!rights_allowed(r) || !paging_frames_allowed(r->pa, size * r->npages)) {
        return -EPERM;
    }
    return 0;
}

static uint64_t entry_flags(uint32_t flags, unsigned level)
{
    uint64_t e = PTE_P | PTE_U | PTE_A | PTE_D;
    e |= flags & MAP_W ? PTE_W : 0;
    e |= flags & MAP_X ? 0 : PTE_NX;
    e |= flags & MAP_DEVICE ? PTE_PCD : 0;
    e |= level != 0 ? PTE_PS : 0;
    return e;
}

static void flush_page(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static void flush_range(uint64_t va, uint64_t npages, unsigned level)
{
    stale = true;
    stale_kernel |= va >= KERNEL_AREA;
    if (npages > FLUSH_ALL_OVER) {
        flush_all();
        return;
    }
    for (; npages != 0; npages--, va += PAGE << (9 * level)) {
        flush_page(va);
    }
}

/* Entries of one table; eight at a time, because every instruction may cost a microsecond. */
static void entries_fill(uint64_t *entry, uint64_t value, uint64_t step, uint64_t n)
{
    for (; n >= 8; n -= 8, entry += 8) {
        for (unsigned i = 0; i < 8; i++, value += step) {
            entry[i] = value;
        }
    }
    for (; n != 0; n--, value += step) {
        *entry++ = value;
    }
}

static long range_map(const struct mon_range *r)
{
    unsigned level = range_level(r->flags);
    long err = map_check(r, level);
    if (err != 0) {
        return err;
    }
    uint64_t size = PAGE << (9 * level);
    uint64_t value = r->pa | entry_flags(r->flags, level);
    uint64_t va = r->va;
    for (uint64_t left = r->npages; left != 0;) {
        uint64_t *table = tables_find(va, level, true, &err);
        if (table == NULL) {
            return err;
        }
        if (level == 0 && va < KERNEL_AREA && va >= HUGE) { /* not page 0's table */
            struct cpu_data *me = cpu_data(cpu_index());
            me->run_unit = va >> 21;
            me->run_table = table;
            me->run_cache[me->run_unit % RUN_CACHE] = (struct run_slot){me->run_unit, table};
        }
        uint64_t index = va / size % ENTRIES;
        uint64_t run = ENTRIES - index < left ? ENTRIES - index : left;
        uint64_t old = table[index];
        if (level != 0 && (old & PTE_P) && !(old & PTE_PS)) {
            if (level != 1 || !tables_drop(&table[index], va)) {
                return -EEXIST; /* smaller pages would be lost */
            }
            run = 1;
        }
        entries_fill(&table[index], value, size, run);
        if ((old & PTE_P) || (r->flags & MAP_REPLACE)) {
            flush_range(va, run, level);
        }
        left -= run;
        va += run * size;
        value += run * size;
    }
    return 0;
}

static long range_unmap(const struct mon_range *r)
{
    unsigned level = range_level(r->flags);
    long err = range_check(r, level);
    if (err != 0) {
        return err;
    }
    uint64_t size = PAGE << (9 * level);
    uint64_t va = r->va;
    for (uint64_t left = r->npages; left != 0;) {
        uint64_t index = va / size % ENTRIES;
        uint64_t run = ENTRIES - index < left ? ENTRIES - index : left;
        uint64_t *table = tables_find(va, level, false, &err);
        if (err != 0) {
            return err;
        }
        if (table != NULL) {
            uint64_t *at = &table[index];
            uint64_t n = run;
            __asm__ volatile("rep stosq" : "+D"(at), "+c"(n) : "a"(0UL) : "memory");
        }
        left -= run;
        va += run * size;
    }
    flush_range(r->va, r->npages, level);
    return 0;
}

static void entries_protect(uint64_t *entry, uint64_t n, uint64_t rights)
{
    for (; n != 0; n--, entry++) {
        uint64_t old = *entry;
        if (old & PTE_P) {
            *entry = (old & ~(PTE_W | PTE_NX)) | rights;
        }
    }
}

/* The image's own pages: data that is constant once relocated becomes read-only. */
static bool is_relro(const struct mon_range *r)
{
    return r->flags == MAP_R && r->va >= image_va &&
           r->va + (uint64_t)r->npages * PAGE <= image_va + SHARED_OFFSET && r->npages < ENTRIES;
}

static long range_protect(const struct mon_range *r)
{
    unsigned level = range_level(r->flags);
    if (!is_relro(r)) {
        long err = range_check(r, level);
        if (err != 0) {
            return err;
        }
    }
    if (!rights_allowed(r) || r->va >= direct_va) {
        return -EPERM;
    }
    uint64_t size = PAGE << (9 * level);
    uint64_t rights = (r->flags & MAP_W ? PTE_W : 0) | (r->flags & MAP_X ? 0 : PTE_NX);
    uint64_t va = r->va;
    for (uint64_t left = r->npages; left != 0;) {
        uint64_t index = va / size % ENTRIES;
        uint64_t run = ENTRIES - index < left ? ENTRIES - index : left;
        long err = 0;
        uint64_t *table = tables_find(va, level, false, &err);
        if (err != 0) {
            return err;
        }
        if (table != NULL) {
            entries_protect(&table[index], run, rights);
        }
        left -= run;
        va += run * size;
    }
    flush_range(r->va, r->npages, level);
    return 0;
}

/* At the end of a call, which began with smp_lock: no CPU goes by what it has changed any more. */
static long settle(long err)
{
    if (stale) {
        smp_flush_others(!stale_kernel);
        stale = false;
        stale_kernel = false;
    }
    smp_unlock();
    return err;
}

static long each_range(uint64_t n, long (*act)(const struct mon_range *r))
{
    if (n > CALL_MAX_RANGES) {
        return -EINVAL;
    }
    long err = 0;
    smp_lock();
    const volatile struct call_page *page = slot_va(SLOT_CPU + cpu_index() * CPU_STRIDE + PAGE);
    for (uint64_t i = 0; i < n && err == 0; i++) {
        /* Copied once: ring 3 may change the page while we look. */
        struct mon_range r = {.va = page->range[i].va,
                              .pa = page->range[i].pa,
                              .npages = page->range[i].npages,
                              .flags = page->range[i].flags};
        err = act(&r);
    }
    return settle(err);
}

long paging_map(uint64_t n)
{
    return each_range(n, range_map);
}

long paging_map_run(uint64_t va, uint64_t pa_flags, uint64_t npages)
{
    struct mon_range r = {.va = va, .pa = pa_flags & ~(PAGE - 1), .flags = pa_flags & (PAGE - 1)};
    r.npages = (uint32_t)npages;
    smp_lock();
    return settle(npages <= UINT32_MAX ? range_map(&r) : -EINVAL);
}

long paging_replace_run(uint64_t va, uint64_t pa_flags, uint64_t npages)
{
    return paging_map_run(va, pa_flags | MAP_REPLACE, npages);
}

long paging_unmap_run(uint64_t va, uint64_t b, uint64_t npages)
{
    struct mon_range r = {.va = va, .npages = (uint32_t)npages};
    (void)b;
    smp_lock();
    return settle(npages <= UINT32_MAX ? range_unmap(&r) : -EINVAL);
}

long paging_unmap(uint64_t n)
{
    return each_range(n, range_unmap);
}

long paging_protect(uint64_t n)
{
    return each_range(n, range_protect);
}
