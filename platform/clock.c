/* SPDX-License-Identifier: MIT */
/* Monotonic and wall time from the TSC.
 *
 * The scale comes from kvmclock, the host tool (tsc_khz=), CPUID, or a calibration of the TSC
 * against the local APIC's 1 GHz counter. It is fixed after clock_init but for the wall offset, so
 * the clock cannot jump back. Source: KVM Documentation/virt/kvm/x86/msr.rst (kvmclock); Intel SDM
 * vol. 2 CPUID 15H, 16H; Motorola MC146818 data sheet (CMOS clock). */
#include "platform/clock.h"

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/boot.h"
#include "platform/cpu.h"
#include "platform/moncall.h"

/* of the fixed-point multiplier: ns per cycle is below 2^31 / 2^32 for 0.5 GHz up */
#define SHIFT 32
#define CALIBRATION_NS 2000000L
#define DEFAULT_KHZ 2000000UL
#define KVMCLOCK_MUL_SHIFT 32
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define CMOS_CENTURY 0x32
#define CMOS_STATUS_A 0x0a
#define CMOS_STATUS_B 0x0b
#define CMOS_UPDATING 0x80
#define CMOS_BINARY 0x04
#define CMOS_24_HOURS 0x02
#define OPTION_MAX 32

static struct clock_scale scale;

const struct clock_scale *clock_scale(void)
{
    return &scale;
}

uint64_t clock_ns(void)
{
    uint64_t cycles = cpu_cycles() - scale.base_tsc;
    return scale.base_ns + (uint64_t)((unsigned __int128)cycles * scale.mult >> scale.shift);
}

uint64_t clock_wall_ns(void)
{
    return clock_ns() + scale.wall_offset_ns;
}

void clock_set_wall(uint64_t wall_ns)
{
    scale.wall_offset_ns = wall_ns - clock_ns();
}

uint64_t clock_tsc_at(uint64_t deadline_ns)
{
    if (deadline_ns == TIME_NEVER) {
        return 0;
    }
    if (deadline_ns <= scale.base_ns) {
        return scale.base_tsc + 1;
    }
    unsigned __int128 wide = (unsigned __int128)(deadline_ns - scale.base_ns) << scale.shift;
    /* 128 by 64 bits without a library: the quotient of the halves, long division by hand */
    uint64_t high = (uint64_t)(wide >> 64);
    uint64_t low = (uint64_t)wide;
    if (high >= scale.mult) {
        return UINT64_MAX;
    }
    uint64_t quotient;
    uint64_t rest;
    __asm__("divq %4" : "=a"(quotient), "=d"(rest) : "0"(low), "1"(high), "rm"(scale.mult));
    uint64_t at;
    return add_ok(scale.base_tsc, quotient, &at) ? at : UINT64_MAX;
}

static void set_khz(uint64_t khz)
{
    scale.mult = (1000000UL << SHIFT) / khz;
    scale.shift = SHIFT;
}

/* kvmclock gives ns = (tsc << or >> shift) * mul / 2^32: fold its shift into ours. */
static bool scale_from_kvmclock(void)
{
    if (!(boot_info()->features & FEATURE_KVMCLOCK)) {
        return false;
    }
    const volatile struct kvmclock *k = &boot_info()->kvmclock;
    uint32_t version;
    uint64_t mul;
    int shift;
    do {
        version = k->version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* pairs with the host's version updates */
        mul = k->tsc_to_system_mul;
        shift = (int)k->tsc_shift; /* signed */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) != 0 || version != k->version);
    if (mul == 0 || shift < -31 || shift > 31) {
        return false;
    }
    scale.mult = mul;
    scale.shift = (uint32_t)(KVMCLOCK_MUL_SHIFT - shift);
    return true;
}

static uint64_t khz_from_option(void)
{
    char text[OPTION_MAX];
    uint64_t khz;
    if (boot_option("tsc_khz", text, sizeof(text)) > 0 && string_to_u64(text, &khz) == 0 &&
        khz >= 100000 && khz <= 100000000) {
        return khz;
    }
    return 0;
}

static uint64_t khz_from_cpuid(void)
{
    uint32_t a = 0;
    uint32_t b;
    uint32_t c = 0;
    uint32_t d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 0x15) {
        return 0;
    }
    a = 0x15;
    c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return a != 0 && b != 0 && c != 0 ? (uint64_t)c * b / a / 1000 : 0;
}

/* Count TSC cycles over a stretch of the APIC's counter. */
static uint64_t khz_from_apic(void)
{
    long start = moncall(MON_LAPIC_COUNT, 0, 0, 0);
    uint64_t tsc = cpu_cycles();
    if (start < 0) {
        return 0;
    }
    long now = start;
    uint64_t end = tsc;
    while (now - start < CALIBRATION_NS) {
        while (cpu_cycles() - end < 100000) {
            __builtin_ia32_pause();
        }
        now = moncall(MON_LAPIC_COUNT, 0, 0, 0);
        end = cpu_cycles();
        if (now < start) {
            return 0;
        }
    }
    return (end - tsc) * 1000000 / (uint64_t)(now - start);
}

static unsigned cmos_read(unsigned reg)
{
    moncall(MON_PORT, CMOS_INDEX, PORT_OUT, reg);
    return (unsigned)moncall(MON_PORT, CMOS_DATA, PORT_IN, 0);
}

static unsigned from_bcd(unsigned v)
{
    return (v >> 4) * 10 + (v & 15);
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned m = month <= 2 ? month + 9 : month - 3; /* March is 0 */
    uint64_t days = 365UL * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    return days - 719468;
}

/* Seconds since 1970 of the CMOS clock, 0 when there is none. */
static uint64_t cmos_seconds(void)
{
    static const uint8_t regs[] = {0, 2, 4, 7, 8, 9}; /* s min h day month year */
    unsigned v[ARRAY_LEN(regs)];
    unsigned status = cmos_read(CMOS_STATUS_B);
    if (status == 0xff) {
        return 0;
    }
    for (unsigned i = 0; i < 1000 && (cmos_read(CMOS_STATUS_A) & CMOS_UPDATING) != 0; i++) {
    }
    for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
        v[i] = cmos_read(regs[i]);
    }
    unsigned century = cmos_read(CMOS_CENTURY);
    bool half_days = (status & CMOS_24_HOURS) == 0; /* 12, 1 .. 11, with the top bit after noon */
    bool pm = half_days && (v[2] & 0x80) != 0;
    v[2] &= 0x7f;
    if ((status & CMOS_BINARY) == 0) {
        for (unsigned i = 0; i < ARRAY_LEN(regs); i++) {
            v[i] = from_bcd(v[i]);
        }
        century = from_bcd(century);
    }
    v[2] = half_days ? v[2] % 12 + (pm ? 12 : 0) : v[2];
    unsigned year = (century >= 19 && century <= 29 ? century : 20) * 100 + v[5];
    if (v[4] < 1 || v[4] > 12 || v[3] < 1 || v[3] > 31 || year < 1970) {
        return 0;
    }
    return days_since_epoch(year, v[4], v[3]) * 86400 + v[2] * 3600UL + v[1] * 60UL + v[0];
}

/* The host's hint is from before the machine was started; the CMOS clock only counts seconds. */
static uint64_t wall_from_hint(void)
{
    char text[OPTION_MAX];
    uint64_t hint = 0;
    if (boot_option("now", text, sizeof(text)) > 0 && string_to_u64(text, &hint) != 0) {
        hint = 0;
    }
    if (hint != 0) {
        return hint;
    }
    return cmos_seconds() * NSEC_PER_SEC;
}

bool clock_wall_is_rough(void)
{
    return !(boot_info()->features & FEATURE_KVMCLOCK) || boot_info()->wall.sec == 0;
}

static uint64_t wall_now(void)
{
    const struct boot_info *info = boot_info();
    if (!clock_wall_is_rough()) {
        uint64_t booted = info->wall.sec * NSEC_PER_SEC + info->wall.nsec;
        const volatile struct kvmclock *k = &info->kvmclock;
        uint64_t since = cpu_cycles() - k->tsc_timestamp;
        return booted + k->system_time_ns +
               (uint64_t)((unsigned __int128)since * scale.mult >> scale.shift);
    }
    return wall_from_hint();
}

void clock_init(void)
{
    scale.base_tsc = boot_info()->tsc_start;
    scale.base_ns = CLOCK_FIRST_NS;
    if (!scale_from_kvmclock()) {
        uint64_t khz = khz_from_option();
        khz = khz != 0 ? khz : khz_from_cpuid();
        khz = khz != 0 ? khz : khz_from_apic();
        if (khz == 0) {
            log(DEV, WARN, "no way to learn the TSC frequency: assuming 2 GHz");
            khz = DEFAULT_KHZ;
        }
        set_khz(khz);
    }
    clock_set_wall(wall_now());
}
