/* SPDX-License-Identifier: MIT */
// sources: platform/pci.c platform/device.c
// fakes: pci
/* PCI's configuration space by ports: what is found, where BARs go, what is refused. The machine is
 * looked at once, so all parts of the test share it. */
#include "platform/pci.h"

#include <asm/errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "platform/moncall.h"
#include "test/fake/log.h"
#include "test/fake/moncall.h"
#include "test/fake/pci.h"
#include "test/unit/check.h"

#define VENDOR 0x1af4
#define RAM_END 0xc0100000UL /* 1 MiB into the place where BARs go */
#define PLACED 0x08 /* with addresses from the firmware */
#define FRESH 0x10 /* without */
#define MANY 0x18 /* functions 0, 2 and 7 */
#define LOOP 0x20 /* capabilities in a circle */
#define HUGE_BAR 0x28

__attribute__((constructor(1000))) static void plug(void)
{
    fake_pci_reset(RAM_END);
    fake_pci_add(0, 0x8086, 0x29c0);
    fake_pci_add(PLACED, VENDOR, 0x1041);
    fake_pci_bar(PLACED, 0, 0xc8000000, 0x1000, false);
    fake_pci_bar(PLACED, 4, 0x8000004000, 0x4000, true);
    fake_pci_set(PLACED, PCI_BASE_ADDRESS_2, 0xc001); /* ports */
    fake_pci_add(FRESH, VENDOR, 0x1043);
    fake_pci_bar(FRESH, 1, 0, 0x1000, false);
    fake_pci_bar(FRESH, 4, 0, 0x8000, true);
    fake_pci_bar(FRESH, 2, 0, 16, false);
    fake_pci_add(MANY, VENDOR, 1)[PCI_HEADER_TYPE] = 0x80;
    fake_pci_add(MANY + 2, VENDOR, 2);
    fake_pci_add(MANY + 7, VENDOR, 3);
    fake_pci_add(PLACED + 1, VENDOR, 4); /* function 0 does not know of it */
    fake_pci_add(0x31, VENDOR, 5); /* nor is there one here */
    uint8_t *loop = fake_pci_add(LOOP, VENDOR, 6);
    fake_pci_bar(LOOP, 0, 0x1000, 0x1000, false); /* where RAM is */
    unsigned at = fake_pci_capability(LOOP, PCI_CAP_ID_VNDR, 16);
    loop[fake_pci_capability(LOOP, PCI_CAP_ID_MSIX, 12) + 1] = (uint8_t)at;
    fake_pci_add(HUGE_BAR, VENDOR, 7);
    fake_pci_bar(HUGE_BAR, 0, 0, 1UL << 40, true);
    fake_pci_bar(HUGE_BAR, 2, 0, 1UL << 29, false);
}

static void finding(void)
{
    static const uint8_t places[] = {0, PLACED, FRESH, MANY, MANY + 2, MANY + 7, LOOP, HUGE_BAR};
    struct pci_function f;
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        CHECK_EQ(pci_nth(i, &f), 0);
        CHECK_EQ(f.place, places[i]);
    }
    CHECK_EQ(pci_nth(ARRAY_LEN(places), &f), -ENOENT);
    CHECK_EQ(pci_nth(1, &f), 0);
    CHECK(f.vendor == VENDOR && f.device == 0x1041);
    unsigned long calls = fake_moncalls;
    CHECK_EQ(pci_nth(2, &f), 0);
    CHECK_EQ(fake_moncalls, calls);
}

static void capabilities(void)
{
    unsigned at = 0;
    CHECK_EQ(pci_capability(PLACED, PCI_CAP_ID_MSIX, &at), -ENOENT); /* has no list */
    at = 0;
    CHECK_EQ(pci_capability(LOOP, PCI_CAP_ID_MSIX, &at), 0);
    CHECK_EQ(at, 0x50);
    at = 0;
    CHECK_EQ(pci_capability(LOOP, PCI_CAP_ID_VNDR, &at), 0);
    CHECK_EQ(at, 0x40);
    CHECK_EQ(pci_capability(LOOP, PCI_CAP_ID_VNDR, &at), 0); /* once more round */
    at = 0;
    CHECK_EQ(pci_capability(LOOP, PCI_CAP_ID_PM, &at), -ENOENT);
}

static uint64_t mapped(volatile uint8_t *at)
{
    CHECK(at != NULL);
    struct fake_hw hw = fake_hw_get((uint64_t)(uintptr_t)at);
    CHECK_EQ(hw.flags & (MAP_R | MAP_W | MAP_X), MAP_R | MAP_W);
    return hw.pa + (uint64_t)(uintptr_t)at % PAGE_SIZE;
}

static void placed(void)
{
    fake_pci_set(PLACED, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | 0x20000000);
    CHECK_EQ(mapped(pci_map(PLACED, 0, 0x10, 0x20)), 0xc8000010);
    CHECK_EQ(mapped(pci_map(PLACED, 4, 0x3000, 0x1000)), 0x8000007000);
    CHECK_EQ(fake_pci_where(PLACED, 0), 0xc8000000);
    CHECK_EQ(fake_pci_where(PLACED, 4), 0x8000004000);
    CHECK_EQ(fake_pci_get(PLACED, PCI_COMMAND),
             PCI_COMMAND_MEMORY | PCI_COMMAND_IO | 0x20000000); /* as it was */
    CHECK(pci_map(PLACED, 0, 0, 0x1001) == NULL);
    CHECK(pci_map(PLACED, 0, 0x1000, 1) == NULL);
    CHECK(pci_map(PLACED, 0, UINT64_MAX, 2) == NULL);
    CHECK(pci_map(PLACED, 0, 0, 0) == NULL);
    CHECK(pci_map(PLACED, 1, 0, 1) == NULL); /* not there */
    CHECK(pci_map(PLACED, 2, 0, 1) == NULL); /* ports */
    CHECK(pci_map(PLACED, 5, 0, 1) == NULL); /* the upper half of another */
    CHECK(pci_map(PLACED, 6, 0, 1) == NULL && pci_map(PLACED, 7, 0, 1) == NULL);
    pci_enable(PLACED);
    CHECK_EQ(fake_pci_get(PLACED, PCI_COMMAND) & 0xffff,
             PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
}

/* Behind what the firmware has placed, aligned to its length, each on pages of its own. */
static void fresh(void)
{
    CHECK_EQ(mapped(pci_map(FRESH, 1, 0, 0x1000)), 0xc8001000);
    CHECK_EQ(mapped(pci_map(FRESH, 4, 0x4000, 8)), 0xc800c000);
    CHECK_EQ(fake_pci_where(FRESH, 4), 0xc8008000);
    CHECK_EQ(mapped(pci_map(FRESH, 2, 0, 16)), 0xc8010000);
    CHECK_EQ(mapped(pci_map(FRESH, 1, 0, 0x1000)), 0xc8001000);
}

static void refused(void)
{
    CHECK(pci_map(LOOP, 0, 0, 16) == NULL);
    fake_log_clear();
    CHECK(pci_map(HUGE_BAR, 0, 0, 16) == NULL);
    CHECK(strstr(fake_log, "no place") != NULL);
    CHECK_EQ(fake_pci_where(HUGE_BAR, 0), 0);
    fake_log_clear();
    CHECK(pci_map(HUGE_BAR, 2, 0, 16) == NULL);
    CHECK(strstr(fake_log, "no place") != NULL);
    CHECK(pci_map(PLACED, 4, 0, 0x4000) != NULL);
}

TESTS(finding, capabilities, placed, fresh, refused)
