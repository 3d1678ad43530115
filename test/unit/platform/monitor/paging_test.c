/* SPDX-License-Identifier: MIT */
// sources: platform/monitor/paging.c platform/monitor/tables.c
// cflags: -fPIC
// libs: -no-pie -Wl,--defsym=pml4=0x7fffffc02000
// libs: -Wl,--defsym=pdpt_monitor=0x7fffffc03000
// libs: -Wl,--defsym=pd_direct=0x7fffffc04000 -Wl,--defsym=pd_monitor=0x7fffffc05000
// libs: -Wl,--defsym=pool_start=0x7fffffc20000 -Wl,--defsym=pool_end=0x7fffffc48000
/* The monitor's page tables, in host memory at their real addresses: random, hostile calls;
 * the tables are walked and must obey every rule of platform/monitor/abi.h whatever was asked.
 * INVLPG and moves of CR3 fault on the host; the handler notes what they would flush. */
#define _GNU_SOURCE
#include <asm/errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "platform/monitor/monitor.h"
#include "test/unit/check.h"

#undef PAGE_SIZE
#undef HUGE_SIZE
#define ENTRIES 512
#define IMAGE_VA 0x7f0012400000
#define IMAGE_END 0x500000UL
#define DIRECT_VA 0x7f8040000000
#define DONATED_VA 0x7fffc0000000
#define UNITS 3
#define PA_BITS 0x000ffffffffff000UL

extern uint64_t pml4[ENTRIES], pdpt_monitor[ENTRIES], pd_direct[ENTRIES];
extern uint64_t pd_monitor[ENTRIES];

static uint64_t donated[UNITS];
static unsigned ndonated;
static volatile unsigned flushes, flushes_all; /* by the handler */
static volatile uint64_t flushed[64];

static unsigned flushes_others;
static bool spared; /* the last of them: lazy CPUs */

/* There is one CPU here; what it asks of others is counted, and that it asks under the lock. */
static bool locked;

void smp_lock(void)
{
    CHECK(!locked);
    locked = true;
}

void smp_unlock(void)
{
    CHECK(locked);
    locked = false;
}

void smp_flush_others(bool spare_lazy)
{
    CHECK(locked);
    flushes_others++;
    spared = spare_lazy;
}

/* Length of INVLPG or a move to or from CR3 at p, 0: something else. */
static unsigned privileged_len(const uint8_t *p)
{
    unsigned n = (p[0] & 0xf0) == 0x40 ? 1 : 0;
    if (p[n] != 0x0f || (p[n + 1] != 0x01 && p[n + 1] != 0x20 && p[n + 1] != 0x22)) {
        return 0;
    }
    unsigned len = n + 3;
    if (p[n + 1] == 0x01) {
        len += (p[n + 2] & 7) == 4 ? 1 : 0;
        len += p[n + 2] >> 6 == 1 ? 1 : 0;
    }
    return len;
}

static void on_privileged(int sig, siginfo_t *si, void *context)
{
    static const uint8_t regs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                     REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15};
    ucontext_t *uc = context;
    greg_t *r = uc->uc_mcontext.gregs;
    const uint8_t *p = (const uint8_t *)r[REG_RIP];
    unsigned len = privileged_len(p);
    (void)sig, (void)si;
    if (len == 0) {
        signal(SIGSEGV, SIG_DFL);
        return;
    }
    unsigned prefix = (p[0] & 0xf0) == 0x40 ? 1 : 0;
    if (p[prefix + 1] == 0x01) {
        unsigned reg = (p[prefix + 2] & 7) | (prefix != 0 && (p[0] & 1) ? 8U : 0);
        flushed[flushes++ % ARRAY_LEN(flushed)] = (uint64_t)r[regs[reg]];
    } else if (p[prefix + 1] == 0x22) {
        flushes_all++;
    }
    r[REG_RIP] += len;
}

static void map_fixed(uint64_t at, size_t len, char **argv)
{
    void *p = mmap((void *)at, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
    if (p != (void *)at) { /* the host's stack is in the way: it is elsewhere next time */
        execv("/proc/self/exe", argv);
        _exit(1);
    }
}

/* As the boot code leaves it: the direct map of the first GiB without the monitor and the image. */
static void start(void)
{
    pml4[DIRECT_VA >> 39 & 511] = (uint64_t)pdpt_monitor - MONITOR_SLOT + (PTE_P | PTE_W | PTE_U);
    pdpt_monitor[DIRECT_VA >> 30 & 511] =
        (uint64_t)pd_direct - MONITOR_SLOT + (PTE_P | PTE_W | PTE_U);
    for (uint64_t i = (IMAGE_END >> 21) + 1; i < ENTRIES; i++) {
        pd_direct[i] = i << 21 | PTE_P | PTE_W | PTE_U | PTE_A | PTE_PS | PTE_NX;
    }
    paging_init(IMAGE_VA, DIRECT_VA, IMAGE_END, true);
}

/* Calls find what is their CPU's by the stack they run on: that of CPU 0. */
static long on_monitor_stack(long (*call)(uint64_t n), uint64_t n)
{
    long result;
    __asm__ volatile("mov %%rsp, %%rbx\n mov %3, %%rsp\n call *%2\n mov %%rbx, %%rsp"
                     : "=a"(result), "+D"(n)
                     : "r"(call), "r"(STACK_TOP(0))
                     : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}

static long map_run(uint64_t va, uint64_t pa_flags, uint64_t npages)
{
    long result;
    __asm__ volatile("mov %%rsp, %%rbx\n mov %5, %%rsp\n call *%4\n mov %%rbx, %%rsp"
                     : "=a"(result), "+D"(va), "+S"(pa_flags), "+d"(npages)
                     : "r"(paging_map_run), "r"(STACK_TOP(0))
                     : "rbx", "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
    return result;
}

static struct mon_range *batch(void)
{
    return ((struct call_page *)(MONITOR_SLOT + SLOT_CPU + PAGE))->range;
}

static long call_one(long (*call)(uint64_t n), struct mon_range r)
{
    batch()[0] = r;
    return on_monitor_stack(call, 1);
}

static uint64_t *table_at(uint64_t entry)
{
    uint64_t pa = entry & PA_BITS;
    if (pa < HUGE) {
        return (uint64_t *)(MONITOR_SLOT + pa);
    }
    for (unsigned i = 0; i < ndonated; i++) {
        if (pa >> 21 == donated[i] >> 21) {
            return (uint64_t *)(DONATED_VA + i * HUGE + (pa & (HUGE - 1)));
        }
    }
    CHECK(!"a table outside of the pool");
    return NULL;
}

/* The leaf entry of va, and the level it was found at; 0: not present. */
static uint64_t walk(uint64_t va, unsigned *level)
{
    const uint64_t *table = pml4;
    for (*level = 3;; (*level)--) {
        uint64_t e = table[va >> (12 + 9 * *level) & 511];
        if ((e & PTE_P) == 0) {
            return 0;
        }
        if (*level == 0 || (*level < 3 && (e & PTE_PS))) {
            return e;
        }
        table = table_at(e);
    }
}

static bool forbidden(uint64_t pa, uint64_t len)
{
    bool bad = pa < IMAGE_END || (pa < IOAPIC_PA + PAGE && pa + len > IOAPIC_PA) ||
               (pa < LAPIC_PA + PAGE && pa + len > LAPIC_PA);
    for (unsigned i = 0; i < ndonated; i++) {
        bad |= pa < donated[i] + HUGE && pa + len > donated[i];
    }
    return bad;
}

static unsigned long jit_pages; /* leaves that are writable and executable */

static void check_leaf(uint64_t va, uint64_t e, unsigned level)
{
    uint64_t len = PAGE << (9 * level);
    CHECK((e & PTE_U) != 0 && (e & PTE_A) != 0);
    CHECK(!forbidden(e & PA_BITS, len));
    CHECK(((e & PA_BITS) & (len - 1)) == 0);
    bool writable_text = (e & PTE_W) != 0 && (e & PTE_NX) == 0;
    jit_pages += writable_text;
    CHECK(va < KERNEL_AREA || (e & PTE_NX) != 0);
    CHECK(va >= 0x10000);
    if (va >= KERNEL_AREA && va < DIRECT_VA) {
        CHECK(va >= IMAGE_VA + DEVICE_OFFSET && va < (IMAGE_VA | (GIGA - 1)));
    }
    CHECK(va < DIRECT_VA || va - DIRECT_VA == (e & PA_BITS));
}

static void check_table(const uint64_t *table, uint64_t va, unsigned level)
{
    for (uint64_t i = 0; i < ENTRIES; i++) {
        uint64_t at = va + (i << (12 + 9 * level));
        if ((table[i] & PTE_P) == 0) {
            continue;
        }
        if (level == 0 || (level < 3 && (table[i] & PTE_PS))) {
            check_leaf(at, table[i], level);
        } else {
            check_table(table_at(table[i]), at, level - 1);
        }
    }
}

static void check_all(void)
{
    jit_pages = 0;
    check_table(pml4, 0, 3);
}

static struct mon_range range(uint64_t va, uint64_t pa, uint32_t npages, uint32_t flags)
{
    return (struct mon_range){va, pa, npages, flags, 0};
}

static void rules(void)
{
    const uint64_t va = 0x400000000000;
    const uint64_t pa = 0x8000000;
    static const struct {
        uint64_t va, pa;
        uint32_t npages, flags;
        long result;
    } cases[] = {
        {va, pa, 1, MAP_R | MAP_W, 0},
        {va + 1, pa, 1, MAP_R, -EINVAL},
        {va, pa + 1, 1, MAP_R, -EINVAL},
        {va, pa, 0, MAP_R, -EINVAL},
        {va, pa, 1, 0x8000, -EINVAL},
        {va, pa, 1, MAP_R | MAP_W | MAP_X, -EPERM},
        {va, pa, 1, MAP_R | MAP_W | MAP_X | MAP_JIT, 0},
        {va, pa, 1, MAP_R | MAP_X | MAP_DEVICE, -EPERM},
        {0, pa, 1, MAP_R, -EPERM},
        {0xf000, pa, 1, MAP_R, -EPERM},
        {0x10000, pa, 1, MAP_R, 0},
        {KERNEL_AREA - PAGE, pa, 2, MAP_R, -EPERM},
        {IMAGE_VA, pa, 1, MAP_R, -EPERM},
        {IMAGE_VA + SHARED_OFFSET, pa, 1, MAP_R, -EPERM},
        {IMAGE_VA + DEVICE_OFFSET, pa, 1, MAP_R | MAP_W, 0},
        {IMAGE_VA + DYNAMIC_OFFSET, pa, 1, MAP_R | MAP_X, -EPERM},
        {IMAGE_VA + DYNAMIC_OFFSET, pa, 1, MAP_R | MAP_W | MAP_X | MAP_JIT, -EPERM},
        {(IMAGE_VA | (GIGA - 1)) + 1 - PAGE, pa, 2, MAP_R, -EPERM},
        {MONITOR_SLOT, pa, 1, MAP_R, -EPERM},
        {DONATED_VA, pa, 1, MAP_R, -EPERM},
        {0xffff800000000000, pa, 1, MAP_R, -EPERM},
        {UINT64_MAX - PAGE + 1, pa, 1, MAP_R, -EPERM},
        {va, 0, 1, MAP_R, -EPERM},
        {va, HUGE, 1, MAP_R, -EPERM},
        {va, IMAGE_END - PAGE, 1, MAP_R, -EPERM},
        {va, IMAGE_END - PAGE, 2, MAP_R, -EPERM},
        {va, LAPIC_PA, 1, MAP_R | MAP_DEVICE, -EPERM},
        {va, IOAPIC_PA, 1, MAP_R | MAP_DEVICE, -EPERM},
        {va, IOAPIC_PA - PAGE, 2, MAP_R | MAP_DEVICE, -EPERM},
        {va, LAPIC_PA - 5 * PAGE, 6, MAP_R | MAP_DEVICE, -EPERM},
        {va, 0xfeb00000, 1, MAP_R | MAP_W | MAP_DEVICE, 0}, /* virtio devices lie here */
        {va, 1UL << 46, 1, MAP_R, -EPERM},
        {va, 0xfffffffffffff000, 1, MAP_R, -EPERM},
        {DIRECT_VA + pa, pa, 1, MAP_R | MAP_W, -EPERM}, /* small pages are not for the direct map */
        {DIRECT_VA + pa + HUGE, pa, 1, MAP_R | MAP_W | MAP_HUGE, -EPERM},
        {va + HUGE, pa + PAGE, 1, MAP_R | MAP_HUGE, -EINVAL},
        {va + HUGE + PAGE, pa, 1, MAP_R | MAP_HUGE, -EINVAL},
        {va + HUGE, pa, 1, MAP_R | MAP_HUGE, 0},
        {va, pa, 1, MAP_R | MAP_HUGE, -EEXIST}, /* small pages are there */
        {va + HUGE, pa, 1, MAP_R, -EEXIST},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        long got = map_run(cases[i].va, cases[i].pa | cases[i].flags, cases[i].npages);
        bool odd_pa = (cases[i].pa & (PAGE - 1)) != 0 || (cases[i].flags & ~0xfffU) != 0;
        got = odd_pa ? cases[i].result : got; /* a run cannot say that */
        long batched =
            call_one(paging_map, range(cases[i].va, cases[i].pa, cases[i].npages, cases[i].flags));
        CHECK_EQ(got, cases[i].result);
        CHECK_EQ(batched, cases[i].result);
        check_all();
    }
}

static void lengths(void)
{
    CHECK_EQ(map_run(0x400000000000, 0x8000000 | MAP_R, 1UL << 32), -EINVAL);
    CHECK_EQ(on_monitor_stack(paging_map, CALL_MAX_RANGES + 1), -EINVAL);
    CHECK_EQ(on_monitor_stack(paging_unmap, UINT64_MAX), -EINVAL);
}

/* A batch stops at the first bad range; what came before it stays. */
static void batches(void)
{
    unsigned level;
    const uint64_t va = 0x400000800000;
    for (unsigned i = 0; i < 10; i++) {
        batch()[i] = range(va + 2 * i * PAGE, 0x9000000 + i * PAGE, 1, MAP_R | MAP_W);
    }
    batch()[7].pa = 0;
    CHECK_EQ(on_monitor_stack(paging_map, 10), -EPERM);
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(walk(va + 2 * i * PAGE, &level) != 0, i < 7);
    }
    CHECK_EQ(on_monitor_stack(paging_unmap, 10), 0);
    CHECK_EQ(walk(va, &level), 0);
    check_all();
}

static void flushing(void)
{
    const uint64_t va = 0x400000a00000;
    flushes = flushes_all = 0;
    CHECK_EQ(map_run(va, 0x9000000 | MAP_R | MAP_W, 8), 0);
    CHECK(flushes == 0 && flushes_all == 0); /* nothing was there */
    CHECK_EQ(map_run(va, 0xa000000 | MAP_R, 1), 0);
    CHECK(flushes == 1 && flushed[0] == va);
    CHECK_EQ(map_run(va - 2 * PAGE, 0xb000000 | MAP_R | MAP_REPLACE, 4), 0);
    CHECK(flushes == 5 && flushed[4] == va + PAGE);
    CHECK_EQ(call_one(paging_protect, range(va, 0, 2, MAP_R)), 0);
    CHECK(flushes == 7 && flushes_all == 0);
    CHECK_EQ(call_one(paging_unmap, range(va, 0, 5, 0)), 0);
    CHECK(flushes == 7 && flushes_all == 1); /* many: all */
    CHECK(spared);
    const uint64_t ours = IMAGE_VA + DYNAMIC_OFFSET; /* idle CPUs touch that, too */
    CHECK_EQ(map_run(ours, 0x9000000 | MAP_R | MAP_W, 1), 0);
    CHECK_EQ(call_one(paging_unmap, range(ours, 0, 1, 0)), 0);
    CHECK(flushes == 8 && !spared);
    CHECK_EQ(call_one(paging_unmap, range(va, 0, 1, 0)), 0);
    CHECK(spared); /* that was the last call's */
}

static void protection(void)
{
    unsigned level;
    const uint64_t va = 0x400000c00000;
    CHECK_EQ(map_run(va, 0x9000000 | MAP_R | MAP_W, 3), 0);
    CHECK_EQ(call_one(paging_protect, range(va, 0, 4, MAP_R | MAP_X)), 0);
    CHECK((walk(va, &level) & (PTE_W | PTE_NX)) == 0);
    CHECK_EQ(walk(va + 3 * PAGE, &level), 0); /* absent: stays so */
    CHECK_EQ(call_one(paging_protect, range(va, 0, 1, MAP_R | MAP_W | MAP_X)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(va, 0, 1, MAP_R | MAP_W | MAP_X | MAP_JIT)), 0);
    CHECK_EQ(call_one(paging_protect, range(DIRECT_VA + 0x9000000, 0, 1, MAP_R | MAP_HUGE)),
             -EPERM);
    CHECK_EQ(call_one(paging_protect, range(IMAGE_VA, 0, 1, MAP_R | MAP_W)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(IMAGE_VA, 0, 1, MAP_R | MAP_X)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(IMAGE_VA, 0, 600, MAP_R)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(IMAGE_VA + 0x1ff000, 0, 2, MAP_R)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(MONITOR_SLOT, 0, 1, MAP_R)), -EPERM);
    CHECK_EQ(call_one(paging_protect, range(va + 5, 0, 1, MAP_R)), -EINVAL);
    check_all();
}

static uint64_t random_va(void)
{
    static const uint64_t places[] = {0x10000,
                                      0x400000000000,
                                      KERNEL_AREA - 4 * PAGE,
                                      IMAGE_VA,
                                      IMAGE_VA + DEVICE_OFFSET,
                                      IMAGE_VA + DYNAMIC_OFFSET,
                                      DIRECT_VA,
                                      DIRECT_VA + 0x9000000,
                                      MONITOR_SLOT,
                                      DONATED_VA,
                                      0};
    uint64_t va = places[check_below(ARRAY_LEN(places))] + check_below(16) * PAGE;
    va += check_below(4) == 0 ? check_below(8) * HUGE : 0;
    return check_below(3) == 0 ? va & ~(HUGE - 1) : va;
}

static uint64_t random_pa(void)
{
    static const uint64_t places[] = {0,         0x100000,  IMAGE_END,
                                      0x9000000, 0x4000000, IOAPIC_PA,
                                      LAPIC_PA,  1UL << 40, (1UL << 46) - 2 * PAGE};
    uint64_t pa = places[check_below(ARRAY_LEN(places))] + (check_below(20) - 10) * PAGE;
    return check_below(3) == 0 ? pa & ~(HUGE - 1) : pa;
}

/* Whatever a hostile library OS asks, in any order: the rules hold afterwards. */
static void hostile_calls(void)
{
    unsigned done = 0;
    for (unsigned i = 0; i < 40000; i++) {
        struct mon_range r = range(random_va(), random_pa(), (uint32_t)check_below(40),
                                   (uint32_t)check_below(0x100) | MAP_R);
        r.flags &= check_below(2) == 0 ? MAP_R | MAP_W | MAP_X : 0xffffffff;
        r.npages = check_below(50) == 0 ? (uint32_t)check_random() : r.npages;
        r.flags &= check_below(4) == 0 ? ~0U : ~(uint32_t)MAP_GIGA;
        switch (check_below(4)) {
        case 0: done += call_one(paging_map, r) == 0; break;
        case 1:
            done += map_run(r.va, (r.pa & ~(PAGE - 1)) | (r.flags & 0xfff), r.npages) == 0;
            break;
        case 2: done += call_one(paging_protect, r) == 0; break;
        default: done += call_one(paging_unmap, r) == 0; break;
        }
        if (i % 50 == 0) {
            check_all();
        }
    }
    CHECK(done > 1000);
}

/* The pool runs dry, is fed, and a unit that ring 3 can still reach is not taken. */
static void donation(void)
{
    uint64_t va = 0x200000000000;
    long err = 0;
    CHECK_EQ(tables_donate(0x20000000), -EBUSY); /* not needed yet */
    for (unsigned i = 0; err == 0 && i < 1000; i++, va += GIGA) {
        err = map_run(va, 0x9000000 | MAP_R, 1);
    }
    CHECK_EQ(err, -ENOMEM);
    CHECK_EQ(tables_pool(), 0);
    check_all();
    static const uint64_t bad[] = {
        0, HUGE, 0x20000000 + PAGE, 1UL << 30, IMAGE_END & ~(HUGE - 1), UINT64_MAX & ~(HUGE - 1)};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_EQ(tables_donate(bad[i]), -EINVAL);
    }
    CHECK_EQ(tables_donate(0x9000000 & ~(HUGE - 1)), -EBUSY); /* mapped above */
    CHECK(pd_direct[0x9000000 >> 21] != 0);
    donated[ndonated++] = 0x20000000;
    memset((void *)DONATED_VA, 0xff, HUGE);
    CHECK_EQ(tables_donate(0x20000000), 0);
    CHECK_EQ(tables_pool(), HUGE / PAGE);
    CHECK_EQ(pd_direct[0x20000000 >> 21], 0); /* gone from the direct map */
    CHECK_EQ(tables_donate(0x20200000), -EBUSY);
    CHECK_EQ(map_run(va - GIGA, 0x9000000 | MAP_R, 1), 0); /* what failed, goes on */
    CHECK_EQ(map_run(va, 0x20000000 | MAP_R, 1), -EPERM);
    CHECK_EQ(map_run(va, (0x20000000 - PAGE) | MAP_R, 2), -EPERM);
    CHECK_EQ(map_run(DIRECT_VA + 0x20000000, 0x20000000 | MAP_R | MAP_HUGE, 1), -EPERM);
    CHECK_EQ(map_run(va, 0x20200000 | MAP_R, 1), 0);
    check_all();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {{"rules", rules},
                                              {"lengths", lengths},
                                              {"batches", batches},
                                              {"flushing", flushing},
                                              {"protection", protection},
                                              {"donation", donation},
                                              {"hostile_calls", hostile_calls}};
    struct sigaction act = {.sa_sigaction = on_privileged, .sa_flags = SA_SIGINFO | SA_NODEFER};
    (void)argc;
    map_fixed(MONITOR_SLOT, HUGE, argv);
    map_fixed(DONATED_VA, UNITS * HUGE, argv);
    sigaction(SIGSEGV, &act, NULL);
    start();
    return check_main(tests, ARRAY_LEN(tests));
}
