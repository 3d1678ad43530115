/* SPDX-License-Identifier: MIT */
/* Monitor calls with bulk arguments: ranges are copied to the CPU's call page and sent in batches.
 * moncall itself is in entry.S, because its hlt is the gate. */
#include "platform/moncall.h"

#include <asm/errno.h>

#include "platform/clock.h"
#include "platform/cpu.h"

static bool (*donate)(void);

void moncall_set_donate(bool (*hook)(void))
{
    donate = hook;
}

static int send(unsigned nr, const struct mon_range *ranges, size_t n)
{
    struct call_page *page = cpu_this()->call_page;
    while (n != 0) {
        size_t batch = min(n, (size_t)CALL_MAX_RANGES);
        for (size_t i = 0; i < batch; i++) {
            page->range[i] = ranges[i];
        }
        long err = moncall(nr, batch, 0, 0);
        if (err == -ENOMEM && donate != NULL && donate()) {
            continue; /* ranges already applied are applied again: same entries */
        }
        if (err != 0) {
            return (int)err;
        }
        ranges += batch;
        n -= batch;
    }
    return 0;
}

/* One range needs no call page. */
static int send_run(unsigned nr, const struct mon_range *r)
{
    for (;;) {
        long err = moncall(nr, r->va, r->pa | r->flags, r->npages);
        if (err != -ENOMEM || donate == NULL || !donate()) {
            return (int)err;
        }
    }
}

int moncall_map(const struct mon_range *ranges, size_t n)
{
    if (n != 1 || !is_aligned(ranges->pa, PAGE_SIZE)) {
        return send(MON_MAP, ranges, n);
    }
    struct mon_range r = *ranges;
    unsigned nr = r.flags & MAP_REPLACE ? MON_REPLACE_RUN : MON_MAP_RUN;
    r.flags &= ~(uint32_t)MAP_REPLACE;
    return send_run(nr, &r);
}

int moncall_unmap(const struct mon_range *ranges, size_t n)
{
    bool run = n == 1 && (ranges->flags & MAP_HUGE) == 0;
    return run ? (int)moncall(MON_UNMAP_RUN, ranges->va, 0, ranges->npages)
               : send(MON_UNMAP, ranges, n);
}

int moncall_protect(const struct mon_range *ranges, size_t n)
{
    return send(MON_PROTECT, ranges, n);
}

void moncall_timer(uint64_t deadline_ns)
{
    if (deadline_ns == TIME_NEVER) {
        moncall(MON_TIMER, 0, 0, 0);
        return;
    }
    uint64_t now = clock_ns();
    moncall(MON_TIMER, clock_tsc_at(deadline_ns), deadline_ns > now ? deadline_ns - now : 0, 0);
}

void moncall_wait(void)
{
    moncall(MON_WAIT, 0, 0, 0);
}

void moncall_poweroff(int status)
{
    for (;;) {
        moncall(MON_POWEROFF, (uint64_t)status, 0, 0);
    }
}
