/* SPDX-License-Identifier: MIT */
/* Isolation self-test: what ARCHITECTURE.md promises of the monitor, tried from inside the library
 * OS. A probe is one load or store with an exception-table entry, so that a refused one is
 * survived. */
#include "kernel/selftest.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "platform/boot.h"
#include "platform/cpu.h"
#include "platform/moncall.h"
#include "platform/pages.h"

#define FREE_VA 0x10000000 /* of the program's half, unused at this point */
#define LAPIC_FRAME 0xfee00000
#define IOAPIC_FRAME 0xfec00000
#define MONITOR_FRAME MONITOR_PA

static unsigned failures;

/* Is a load (or store) at va refused? */
static bool probe_faults(uint64_t va, bool store)
{
    uint64_t ok = 0;
    uint64_t scratch;
    if (store) {
        __asm__ volatile("1: movb $0, (%2)\n mov $1, %0\n2:\n"
                         ".pushsection .extable, \"a\"\n .long 1b - ., 2b - .\n .popsection"
                         : "+r"(ok), "=&r"(scratch)
                         : "r"(va)
                         : "memory");
    } else {
        __asm__ volatile("1: movzbl (%2), %k1\n mov $1, %0\n2:\n"
                         ".pushsection .extable, \"a\"\n .long 1b - ., 2b - .\n .popsection"
                         : "+r"(ok), "=&r"(scratch)
                         : "r"(va)
                         : "memory");
    }
    return ok == 0;
}

static void expect(bool refused, const char *what)
{
    log(BOOT, ERROR, "selftest: %s: %s", what, refused ? "refused" : "SUCCEEDED");
    failures += refused ? 0 : 1;
}

static long map_one(uint64_t va, uint64_t pa, uint32_t flags)
{
    struct mon_range r = {va, pa, 1, flags, 0};
    return moncall_map(&r, 1);
}

static void attack_addresses(const struct boot_info *info)
{
    expect(probe_faults(MONITOR_SLOT + MONITOR_PA, false), "read of the monitor's text");
    expect(probe_faults(MONITOR_SLOT + 0x120000, true), "write to the monitor's data");
    expect(probe_faults(MONITOR_SLOT + HUGE_SIZE - PAGE_SIZE, false), "read of a page table");
    expect(probe_faults(info->direct_map + MONITOR_PA, false), "monitor through the direct map");
    expect(probe_faults(info->direct_map + LIBOS_PA, true), "kernel text through the direct map");
    expect(probe_faults(info->libos_base, true), "write to kernel text");
    expect(probe_faults(info->shared + SHARED_BOOT, true), "write to the boot page");
    expect(probe_faults(MONITOR_PA, false), "identity mapping of the monitor");
}

static void attack_calls(const struct boot_info *info, uint64_t frame)
{
    uint32_t rw = MAP_R | MAP_W;
    expect(map_one(FREE_VA, MONITOR_FRAME, rw) != 0, "map of a monitor frame");
    expect(map_one(FREE_VA, HUGE_SIZE - PAGE_SIZE, rw) != 0, "map of a page-table frame");
    expect(map_one(FREE_VA, LIBOS_PA, rw) != 0, "map of a kernel text frame");
    expect(map_one(FREE_VA, LAPIC_FRAME, rw | MAP_DEVICE) != 0, "map of the local APIC");
    expect(map_one(FREE_VA, IOAPIC_FRAME, rw | MAP_DEVICE) != 0, "map of the IOAPIC");
    expect(map_one(MONITOR_SLOT, frame, rw) != 0, "map over the monitor");
    expect(map_one(info->libos_base, frame, MAP_R | MAP_X) != 0, "map over kernel text");
    expect(map_one(info->libos_base + DYNAMIC_OFFSET, frame, MAP_R | MAP_X) != 0,
           "executable page in the kernel area");
    expect(map_one(FREE_VA, frame, rw | MAP_X) != 0, "writable and executable page");
    expect(map_one(FREE_VA, 0 - PAGE_SIZE, rw) != 0, "frame number out of range");
    struct mon_range huge = {FREE_VA & ~(HUGE_SIZE - 1), 0, 1, rw | MAP_HUGE, 0};
    expect(moncall_map(&huge, 1) != 0, "2 MiB map over the monitor's frames");
    struct mon_range text = {info->libos_base, 0, 1, rw, 0};
    expect(moncall_protect(&text, 1) != 0, "making kernel text writable");
    expect(moncall_unmap(&text, 1) != 0, "unmapping kernel text");
    expect(moncall(MON_PORT, 0xf4, PORT_OUT, 0) < 0, "port that is not whitelisted");
    expect(moncall(MON_FSBASE, 1UL << 63, 0, 0) < 0, "non-canonical FS base");
    expect(moncall(MON_NCALLS, 0, 0, 0) == -ENOSYS, "monitor call that does not exist");
    expect(moncall(MON_MAP, CALL_MAX_RANGES + 1, 0, 0) < 0, "more ranges than the call page holds");
    expect(moncall(MON_MAP_RUN, FREE_VA, frame | rw, 0) < 0, "run of no pages");
    expect(moncall(MON_MAP_RUN, FREE_VA, frame | rw, UINT64_MAX - 1) < 0, "run that wraps around");
    expect(moncall(MON_DONATE, LIBOS_PA, 0, 0) < 0, "donation of the kernel's own unit");
}

/* After a legitimate map the fast path is primed: the same attacks must fail there too. */
static void attack_fast_path(uint64_t frame)
{
    uint32_t rw = MAP_R | MAP_W;
    expect(map_one(FREE_VA, frame, rw) == 0 && !probe_faults(FREE_VA, true),
           "fault on a page that was mapped (none)");
    expect(map_one(FREE_VA + PAGE_SIZE, MONITOR_FRAME, rw) != 0, "fast map of a monitor frame");
    expect(map_one(FREE_VA + PAGE_SIZE, frame, rw | MAP_X) != 0,
           "fast map, writable and executable");
    expect(map_one(FREE_VA + PAGE_SIZE, LAPIC_FRAME, rw) != 0, "fast map of the local APIC");
    expect(probe_faults(FREE_VA + PAGE_SIZE, false), "page whose map was refused");
    struct mon_range r = {FREE_VA, 0, 1, 0, 0};
    expect(moncall_unmap(&r, 1) == 0 && probe_faults(FREE_VA, false), "page after its unmap");
}

unsigned selftest_isolation(void)
{
    const struct boot_info *info = boot_info();
    struct page *page = pages_alloc(0, PAGES_ZERO);
    if (page == NULL) {
        log(BOOT, ERROR, "selftest: no memory");
        return 1;
    }
    failures = 0;
    attack_addresses(info);
    attack_calls(info, pages_pa(page).v);
    attack_fast_path(pages_pa(page).v);
    pages_put(page);
    log(BOOT, ERROR, "selftest: %u attempts succeeded", failures);
    return failures;
}
