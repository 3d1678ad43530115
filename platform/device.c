/* SPDX-License-Identifier: MIT */
/* The device window: runs of pages, in the order in which they were asked for. Written at boot by
 * one CPU, no lock. Source: platform/monitor/abi.h. */
#include "platform/device.h"

#include "platform/boot.h"
#include "platform/moncall.h"

#define WINDOW_PAGES 512
#define RUNS 64

static struct run {
    uint64_t pa;
    unsigned first, npages; /* in the window */
    uint32_t flags;
} runs[RUNS];
static unsigned nruns, used;

static bool holds(const struct run *r, uint64_t first, uint64_t npages, uint32_t flags)
{
    return first >= r->pa && (first - r->pa) / PAGE_SIZE + npages <= r->npages && flags == r->flags;
}

static uint64_t window_va(unsigned page)
{
    return boot_info()->libos_base + DEVICE_OFFSET + page * PAGE_SIZE;
}

volatile uint8_t *device_map(struct pa pa, size_t len, uint32_t flags)
{
    uint64_t end;
    if (len == 0 || !add_ok(pa.v, len + PAGE_SIZE - 1, &end)) {
        return NULL;
    }
    uint64_t first = align_down(pa.v, PAGE_SIZE);
    uint64_t npages = (align_down(end, PAGE_SIZE) - first) / PAGE_SIZE;
    unsigned i = 0;
    while (i < nruns && !holds(&runs[i], first, npages, flags)) {
        i++;
    }
    if (i == nruns) {
        if (i == RUNS || npages > WINDOW_PAGES - used) {
            return NULL;
        }
        struct mon_range r = {window_va(used), first, (uint32_t)npages, flags, 0};
        if (moncall_map(&r, 1) != 0) {
            return NULL;
        }
        runs[nruns++] = (struct run){first, used, (unsigned)npages, flags};
        used += (unsigned)npages;
    }
    uint64_t offset = pa.v - runs[i].pa;
    return (volatile uint8_t *)(uintptr_t)(window_va(runs[i].first) + offset);
}
