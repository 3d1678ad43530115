/* SPDX-License-Identifier: MIT */
// sources: platform/acpi.c
// fakes: log
/* The way from the root pointer to the MCFG table, with numbers that lie. */
#include "platform/acpi.h"

#include <asm/errno.h>
#include <string.h>

#include "platform/boot.h"
#include "platform/device.h"
#include "test/unit/check.h"

#define RSDP 0xf0000UL
#define RSDT 0xe0000UL
#define XSDT 0xe1000UL
#define OTHER 0xe2000UL
#define HIGH 0x7ff00000UL /* where MCFG lies, above the first MiB */
#define HEAD 36

static char *low, *high;
static struct boot_info info;
static uint64_t rsdp;

const struct boot_info *boot_info(void)
{
    return &info;
}

uint64_t boot_rsdp(void)
{
    return rsdp;
}

/* One page of memory up there. */
volatile uint8_t *device_map(struct pa pa, size_t len, uint32_t flags)
{
    CHECK_EQ(flags, MAP_R);
    if (pa.v < HIGH || pa.v + len > HIGH + PAGE_SIZE) {
        return NULL;
    }
    return (volatile uint8_t *)high + (pa.v - HIGH);
}

static void put(char *at, uint64_t value, size_t len)
{
    memcpy(at, &value, len);
}

static void table(char *at, const char *signature, uint32_t len)
{
    memcpy(at, signature, 4);
    put(at + 4, len, 4);
}

/* A machine whose two root tables both lead to MCFG; tests spoil parts of it. */
static void start(void)
{
    low = calloc(1, SHARED_LOWMEM_LEN);
    high = calloc(1, PAGE_SIZE);
    info.shared = (uint64_t)(uintptr_t)low - SHARED_LOWMEM;
    rsdp = RSDP;
    memcpy(low + RSDP, "RSD PTR ", 8);
    low[RSDP + 15] = 2;
    put(low + RSDP + 16, RSDT, 4);
    put(low + RSDP + 24, XSDT, 8);
    table(low + RSDT, "RSDT", HEAD + 8);
    put(low + RSDT + HEAD, OTHER, 4);
    put(low + RSDT + HEAD + 4, HIGH, 4);
    table(low + XSDT, "XSDT", HEAD + 16);
    put(low + XSDT + HEAD, OTHER, 8);
    put(low + XSDT + HEAD + 8, HIGH, 8);
    table(low + OTHER, "APIC", 60);
    table(high, "MCFG", HEAD + 8 + 32);
    put(high + 44, 0xb0000000, 8); /* of another segment */
    put(high + 52, 1, 2);
    put(high + 60, 0xe0000000, 8);
}

static void stop(void)
{
    free(low);
    free(high);
}

static void check(uint64_t want)
{
    struct pa pa = {0};
    CHECK_EQ(acpi_mcfg(&pa), want != 0 ? 0 : -ENOENT);
    CHECK_EQ(pa.v, want);
}

static void finding(void)
{
    start();
    check(0xe0000000);
    low[RSDP + 15] = 0; /* the old list */
    check(0xe0000000);
    put(low + RSDT + HEAD + 4, OTHER, 4);
    check(0);
    low[RSDP + 15] = 2;
    check(0xe0000000);
    put(low + RSDP + 24, 0, 8); /* no new list after all */
    check(0);
    stop();
}

static void nothing(void)
{
    start();
    rsdp = 0;
    check(0);
    rsdp = RSDP;
    low[RSDP] = 'X';
    check(0);
    low[RSDP] = 'R';
    put(high + 52 + 16, 3, 2); /* both are of other segments */
    check(0);
    put(high + 52 + 16, 0, 2);
    high[60 + 10] = 7; /* does not have bus 0 */
    check(0);
    high[60 + 10] = 0;
    check(0xe0000000);
    stop();
}

static void lies(void)
{
    static const uint32_t lengths[] = {0, 1, HEAD - 1, HEAD + 7, 0x10001, UINT32_MAX};
    static const uint64_t places[] = {0, SHARED_LOWMEM_LEN - 8, HIGH + PAGE_SIZE - 8,
                                      UINT64_MAX - 8};
    start();
    for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
        put(high + 4, lengths[i], 4);
        check(0);
    }
    put(high + 4, PAGE_SIZE + 1, 4); /* beyond what can be seen */
    check(0);
    put(high + 4, HEAD + 8 + 31, 4); /* half an entry */
    check(0);
    put(high + 4, HEAD + 8 + 32, 4);
    for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
        put(low + XSDT + 4, lengths[i], 4);
        check(0);
    }
    put(low + XSDT + 4, HEAD + 16, 4);
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        put(low + XSDT + HEAD, places[i], 8); /* an entry before the one that counts */
        check(0xe0000000);
        put(low + RSDP + 24, places[i], 8);
        check(places[i] == 0 ? 0xe0000000 : 0); /* 0: the old list */
        put(low + RSDP + 24, XSDT, 8);
        rsdp = places[i];
        check(0);
        rsdp = RSDP;
    }
    stop();
}

TESTS(finding, nothing, lies)
