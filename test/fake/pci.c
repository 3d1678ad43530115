/* SPDX-License-Identifier: MIT */
// fakes: moncall log
/* See pci.h. A function that is told to answer at its BARs while one of them is being sized is an
 * error of the driver's: it would sit on somebody else's addresses. */
#include "test/fake/pci.h"

#include <asm/errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "kernel/base/print.h"
#include "platform/acpi.h"
#include "platform/boot.h"
#include "test/fake/moncall.h"

#define PLACES 256
#define SPACE 256
#define FIRST_CAPABILITY 0x40
#define BARS 6

static struct function {
    bool there;
    uint8_t space[SPACE];
    uint64_t len[BARS]; /* of memory BARs */
    bool wide[BARS];
    unsigned end, last; /* of the capabilities, and the last one */
} functions[PLACES];
static uint32_t address;
static uint64_t ram_end;
static char window[FAKE_PCI_WINDOW_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct boot_info info;

const struct boot_info *boot_info(void)
{
    info.libos_base = (uint64_t)(uintptr_t)window - DEVICE_OFFSET;
    return &info;
}

uint64_t boot_rsdp(void)
{
    return 0;
}

int acpi_mcfg(struct pa *out)
{
    (void)out;
    return -ENOENT;
}

long boot_option(const char *name, char *out, size_t cap)
{
    (void)name, (void)out, (void)cap;
    return -ENOENT;
}

int boot_ram(unsigned n, struct pa *first, struct pa *end)
{
    *first = (struct pa){0};
    *end = (struct pa){ram_end};
    return n == 0 ? 0 : -ENOENT;
}

uint32_t fake_pci_get(uint8_t place, unsigned reg)
{
    uint32_t value;
    assert(reg + sizeof(value) <= SPACE);
    memcpy(&value, functions[place].space + reg, sizeof(value));
    return value;
}

void fake_pci_set(uint8_t place, unsigned reg, uint32_t value)
{
    assert(reg + sizeof(value) <= SPACE);
    memcpy(functions[place].space + reg, &value, sizeof(value));
}

static uint32_t read_port(void)
{
    uint8_t place = (uint8_t)(address >> 8);
    bool ours = address >> 16 == 0x8000 && functions[place].there;
    return ours ? fake_pci_get(place, address & 0xfc) : UINT32_MAX;
}

/* The bits of a BAR below its length stay. Half n (0, 1) of a wide one. */
static uint32_t bar_value(const struct function *f, unsigned bar, unsigned half, uint32_t value)
{
    uint64_t mask = ~(f->len[bar] - 1);
    uint32_t fixed = half == 0 && f->wide[bar] ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0;
    return (value & (uint32_t)(mask >> (32 * half))) | fixed;
}

static void write_port(uint32_t value)
{
    uint8_t place = (uint8_t)(address >> 8);
    unsigned reg = address & 0xfc;
    struct function *f = &functions[place];
    assert(address >> 16 == 0x8000 && f->there);
    if (reg == PCI_COMMAND) { /* the upper half is cleared by ones */
        value = (value & 0xffff) | (fake_pci_get(place, reg) & 0xffff0000 & ~value);
    }
    unsigned bar = (reg - PCI_BASE_ADDRESS_0) / 4;
    if (reg >= PCI_BASE_ADDRESS_0 && bar < BARS) {
        if (value == UINT32_MAX) {
            assert((fake_pci_get(place, PCI_COMMAND) & PCI_COMMAND_MEMORY) == 0);
        }
        bool upper = bar != 0 && f->wide[bar - 1];
        bool memory = upper || f->len[bar] != 0;
        value = !memory ? fake_pci_get(place, reg) : bar_value(f, bar - upper, upper, value);
    }
    fake_pci_set(place, reg, value);
}

static long monitor(unsigned nr, uint64_t port, uint64_t op, uint64_t value)
{
    assert(nr != MON_PORT || ((port == 0xcf8 || port == 0xcfc) && op >= PORT_IN32));
    if (nr != MON_PORT) {
        return 0;
    }
    if (port == 0xcf8) {
        assert(op == PORT_OUT32);
        address = (uint32_t)value;
        return 0;
    }
    if (op == PORT_IN32) {
        return read_port();
    }
    write_port((uint32_t)value);
    return 0;
}

void fake_pci_reset(uint64_t end)
{
    memset(functions, 0, sizeof(functions));
    ram_end = end;
    fake_on_moncall = monitor;
}

char *fake_pci_window(void)
{
    return window;
}

uint8_t *fake_pci_add(uint8_t place, uint16_t vendor, uint16_t device)
{
    struct function *f = &functions[place];
    f->there = true;
    f->end = FIRST_CAPABILITY;
    fake_pci_set(place, PCI_VENDOR_ID, vendor | (uint32_t)device << 16);
    return f->space;
}

void fake_pci_bar(uint8_t place, unsigned bar, uint64_t pa, uint64_t len, bool wide)
{
    functions[place].len[bar] = len;
    functions[place].wide[bar] = wide;
    fake_pci_set(place, PCI_BASE_ADDRESS_0 + 4 * bar,
                 (uint32_t)pa | (wide ? PCI_BASE_ADDRESS_MEM_TYPE_64 : 0));
    if (wide) {
        fake_pci_set(place, PCI_BASE_ADDRESS_0 + 4 * bar + 4, (uint32_t)(pa >> 32));
    }
}

uint64_t fake_pci_where(uint8_t place, unsigned bar)
{
    uint64_t pa = fake_pci_get(place, PCI_BASE_ADDRESS_0 + 4 * bar) & 0xfffffff0;
    if (functions[place].wide[bar]) {
        pa |= (uint64_t)fake_pci_get(place, PCI_BASE_ADDRESS_0 + 4 * bar + 4) << 32;
    }
    return pa;
}

unsigned fake_pci_capability(uint8_t place, uint8_t id, unsigned len)
{
    struct function *f = &functions[place];
    unsigned at = f->end;
    assert(at + len <= SPACE);
    f->space[f->last != 0 ? f->last + 1 : PCI_CAPABILITY_LIST] = (uint8_t)at;
    f->space[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    f->space[at] = id;
    f->last = at;
    f->end = (unsigned)align_up(at + len, 4);
    return at;
}
