/* SPDX-License-Identifier: MIT */
// sources: platform/clock.c
// fakes: log
/* Scales from the host's frequency, kvmclock and calibration; deadlines; the CMOS clock's
 * formats. */
#define _DEFAULT_SOURCE
#include "platform/clock.h"

#include <asm/errno.h>
#include <string.h>
#include <time.h>

#include "platform/boot.h"
#include "platform/cpu.h"
#include "platform/moncall.h"
#include "test/unit/check.h"

#define YEAR_NS (365UL * 86400 * NSEC_PER_SEC)

static struct boot_info info;
static const char *tsc_khz, *now_hint;
static uint8_t cmos[128];
static unsigned cmos_index, updates;
static long apic_ns; /* negative: no counter */

const struct boot_info *boot_info(void)
{
    return &info;
}

long boot_option(const char *name, char *out, size_t cap)
{
    const char *value = strcmp(name, "tsc_khz") == 0 ? tsc_khz : now_hint;
    if (value == NULL) {
        return -ENOENT;
    }
    return snprintf(out, cap, "%s", value);
}

bool cpu_random(uint64_t *out)
{
    (void)out;
    return false;
}

long moncall(unsigned nr, uint64_t a, uint64_t b, uint64_t c)
{
    if (nr == MON_LAPIC_COUNT) {
        apic_ns += apic_ns >= 0 ? 500000 : 0;
        return apic_ns;
    }
    if (nr == MON_PORT && b == PORT_OUT && a == 0x70) {
        cmos_index = (unsigned)c;
        return 0;
    }
    if (cmos_index == 0x0a && updates != 0) {
        updates--;
        return 0x80;
    }
    return cmos[cmos_index & 127];
}

static void start(const char *khz, const char *hint)
{
    memset(&info, 0, sizeof(info));
    tsc_khz = khz;
    now_hint = hint;
    info.tsc_start = cpu_cycles();
}

static uint64_t ns_at(uint64_t tsc)
{
    const struct clock_scale *s = clock_scale();
    return s->base_ns + (uint64_t)((unsigned __int128)(tsc - s->base_tsc) * s->mult >> s->shift);
}

static void check_deadline(uint64_t deadline)
{
    uint64_t tsc = clock_tsc_at(deadline);
    CHECK(tsc != 0);
    uint64_t ns = ns_at(tsc);
    uint64_t cycle_ns = (clock_scale()->mult >> clock_scale()->shift) + 1;
    CHECK(tsc == UINT64_MAX || ns <= deadline + cycle_ns); /* not late */
    CHECK(tsc == UINT64_MAX || ns + cycle_ns + 1 >= deadline);
}

static void deadlines(void)
{
    static const char *const rates[] = {"100000",  "999999",  "2000000",
                                        "2495999", "5000000", "100000000"};
    for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
        start(rates[i], "1");
        clock_init();
        for (unsigned j = 0; j < 2000; j++) {
            check_deadline(CLOCK_FIRST_NS + (check_random() % YEAR_NS >> check_below(50)));
        }
        CHECK_EQ(clock_tsc_at(TIME_NEVER), 0);
        CHECK(clock_tsc_at(0) != 0 && clock_tsc_at(CLOCK_FIRST_NS) != 0);
        CHECK(clock_tsc_at(TIME_NEVER - 1) > clock_tsc_at(YEAR_NS));
    }
}

/* A century of cycles: the product needs 128 bits. */
static void no_overflow(void)
{
    start("3000000", "1");
    info.tsc_start = cpu_cycles() - 3000000000UL * 86400 * 36500;
    clock_init();
    uint64_t ns = clock_ns();
    CHECK(ns > 99 * YEAR_NS && ns < 101 * YEAR_NS);
    CHECK(clock_ns() >= ns);
}

static void kvmclock(void)
{
    static const int8_t shifts[] = {-31, -1, 0, 1, 2, 31};
    for (unsigned i = 0; i < ARRAY_LEN(shifts); i++) {
        start(NULL, "1");
        info.features = FEATURE_KVMCLOCK;
        info.kvmclock.tsc_to_system_mul = 0xc0000000;
        info.kvmclock.tsc_shift = shifts[i];
        clock_init();
        uint64_t cycles = check_random() >> 34;
        uint64_t shifted = shifts[i] < 0 ? cycles >> -shifts[i] : cycles << shifts[i];
        uint64_t want = (uint64_t)((unsigned __int128)shifted * 0xc0000000 >> 32);
        uint64_t got = ns_at(clock_scale()->base_tsc + cycles) - CLOCK_FIRST_NS;
        CHECK(got >= want && got - want <= 1);
    }
    info.wall.sec = 1700000000;
    info.wall.nsec = 5;
    info.kvmclock.tsc_shift = 0;
    info.kvmclock.tsc_timestamp = cpu_cycles();
    info.kvmclock.system_time_ns = 7 * NSEC_PER_SEC;
    clock_init();
    CHECK_EQ(clock_wall_ns() / NSEC_PER_SEC, 1700000007);
    info.kvmclock.tsc_to_system_mul = 0; /* not filled in: another source */
    tsc_khz = "2000000";
    clock_init();
    CHECK_EQ(clock_scale()->mult, (1000000UL << 32) / 2000000);
}

/* The option counts only with a sane value. */
static void sources(void)
{
    static const char *const bad[] = {"99999", "100000001", "2e6", "", "0"};
    start("2000000", "1");
    clock_init();
    uint64_t mult = clock_scale()->mult;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        start(bad[i], "1");
        apic_ns = 0;
        clock_init();
        CHECK(clock_scale()->mult != 0);
    }
    start(NULL, "1");
    apic_ns = -1; /* no counter: 2 GHz, unless CPUID tells */
    clock_init();
    CHECK(clock_scale()->mult == mult || clock_scale()->mult != 0);
}

static void wall(void)
{
    start("2000000", "1234567890123456789");
    clock_init();
    CHECK_EQ(clock_wall_ns() / NSEC_PER_SEC, 1234567890);
    clock_set_wall(42 * NSEC_PER_SEC);
    CHECK_EQ(clock_wall_ns() / NSEC_PER_SEC, 42);
    uint64_t before = clock_ns();
    clock_set_wall(0); /* before the boot: the offset wraps and works */
    CHECK(clock_ns() >= before);
    CHECK(clock_wall_ns() < NSEC_PER_SEC);
}

static uint8_t coded(unsigned v, bool binary)
{
    return (uint8_t)(binary ? v : v / 10 << 4 | v % 10);
}

static void set_cmos(const struct tm *t, bool binary, bool full_day)
{
    unsigned hour = (unsigned)t->tm_hour;
    unsigned year = (unsigned)t->tm_year + 1900;
    bool pm = !full_day && hour >= 12;
    hour = full_day ? hour : (hour + 11) % 12 + 1;
    cmos[0] = coded((unsigned)t->tm_sec, binary);
    cmos[2] = coded((unsigned)t->tm_min, binary);
    cmos[4] = (uint8_t)(coded(hour, binary) | (pm ? 0x80 : 0));
    cmos[7] = coded((unsigned)t->tm_mday, binary);
    cmos[8] = coded((unsigned)t->tm_mon + 1, binary);
    cmos[9] = coded(year % 100, binary);
    cmos[0x32] = coded(year / 100, binary);
    cmos[0x0b] = (uint8_t)((binary ? 4 : 0) | (full_day ? 2 : 0));
}

static void cmos_formats(void)
{
    for (unsigned i = 0; i < 4000; i++) {
        time_t want = (time_t)(check_random() % 16000000000UL); /* up to the year 2477 */
        struct tm t;
        gmtime_r(&want, &t);
        set_cmos(&t, i & 1, i & 2);
        updates = i % 3;
        start("2000000", i % 2 == 0 ? NULL : "0");
        clock_init();
        CHECK_EQ(clock_wall_ns() / NSEC_PER_SEC, want);
    }
    memset(cmos, 0xff, sizeof(cmos)); /* no such device */
    start("2000000", NULL);
    clock_init();
    CHECK(clock_wall_ns() < NSEC_PER_SEC * 3600);
    memset(cmos, 0, sizeof(cmos)); /* nonsense: month 0 */
    start("2000000", NULL);
    clock_init();
    CHECK(clock_wall_ns() < NSEC_PER_SEC * 3600);
}

TESTS(deadlines, no_overflow, kvmclock, sources, wall, cmos_formats)
