/* SPDX-License-Identifier: MIT */
/* PCI: configuration space by memory where somebody says where it lies, else by a PC's two ports;
 * addresses for BARs that no firmware has placed. What a function says of itself is checked: a
 * wrong length must not map somebody else's memory.
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 and 6; PCI Express Base Specification 4.0,
 * 7.2.2. */
#include "platform/pci.h"

#include <asm/errno.h>
#include <linux/pci_regs.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/acpi.h"
#include "platform/boot.h"
#include "platform/device.h"
#include "platform/moncall.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE 0x80000000
#define PLACES 256
#define PLACE_SPACE 4096 /* bytes of configuration space by memory */
#define MULTIPLE 0x80 /* of the header's type: there are functions 1 to 7 */
#define FUNCTIONS_MAX 64
#define NOBODY 0xffffffff
#define CAPABILITIES_MAX 48 /* that fit: a list of more goes in circles */
#define BARS 6

/* Where BARs go that have no address: every PC has its hole for devices here, below it end the
 * memory and, on some, the configuration space. */
#define HOLE_FIRST 0xc0000000UL
#define HOLE_END 0xe0000000UL

enum access { UNKNOWN, NONE, MEMORY, PORTS };
static enum access access;
static struct pci_function functions[FUNCTIONS_MAX];
static unsigned nfunctions;
static volatile uint8_t *space; /* of bus 0 */
static uint64_t hole_next; /* free from here on; 0: not looked yet */

static uint32_t port_read(uint8_t place, unsigned reg)
{
    uint32_t address = ADDRESS_ENABLE | (uint32_t)place << 8 | reg;
    if (moncall(MON_PORT, PORT_ADDRESS, PORT_OUT32, address) != 0) {
        return NOBODY;
    }
    return (uint32_t)moncall(MON_PORT, PORT_DATA, PORT_IN32, 0);
}

static void port_write(uint8_t place, unsigned reg, uint32_t value)
{
    (void)moncall(MON_PORT, PORT_ADDRESS, PORT_OUT32, ADDRESS_ENABLE | (uint32_t)place << 8 | reg);
    (void)moncall(MON_PORT, PORT_DATA, PORT_OUT32, value);
}

/* A machine that names its devices on the command line and has no tables has no PCI either: to look
 * would cost more than the rest of the search. */
static bool may_have_ports(void)
{
    char text[1];
    return boot_option("virtio_mmio.device", text, sizeof(text)) == -ENOENT;
}

/* The command line knows best (QEMU's microvm has no such table), then the table. */
static int find_space(struct pa *out)
{
    char text[32];
    if (boot_option("pci_space", text, sizeof(text)) > 0) {
        int err = string_to_u64(text, &out->v);
        if (err == 0) {
            return 0;
        }
        log(DEV, WARN, "pci_space=%s is not an address", text);
    }
    return boot_rsdp() != 0 ? acpi_mcfg(out) : -ENOENT;
}

static enum access find_access(void)
{
    struct pa pa;
    if (find_space(&pa) == 0) {
        space = device_map(pa, (size_t)PLACES * PLACE_SPACE, MAP_R | MAP_W | MAP_DEVICE);
        if (space != NULL) {
            return MEMORY;
        }
        log(DEV, WARN, "PCI: the configuration space at %lx cannot be mapped", pa.v);
    }
    return may_have_ports() && port_read(0, PCI_VENDOR_ID) != NOBODY ? PORTS : NONE;
}

static volatile uint32_t *space_at(uint8_t place, unsigned reg)
{
    return (volatile uint32_t *)(volatile void *)(space + place * PLACE_SPACE + reg);
}

uint32_t pci_read(uint8_t place, unsigned reg)
{
    return access == MEMORY ? *space_at(place, reg) : port_read(place, reg);
}

void pci_write(uint8_t place, unsigned reg, uint32_t value)
{
    if (access == MEMORY) {
        *space_at(place, reg) = value;
    } else {
        port_write(place, reg, value);
    }
}

/* Only what answers at function 0 has others, and only if it says so. */
static void scan(void)
{
    for (unsigned place = 0; place < PLACES && nfunctions < FUNCTIONS_MAX;) {
        uint32_t id = pci_read((uint8_t)place, PCI_VENDOR_ID);
        bool single = id == NOBODY;
        if (id != NOBODY) {
            functions[nfunctions++] =
                (struct pci_function){(uint8_t)place, (uint16_t)id, (uint16_t)(id >> 16)};
            single = (pci_read((uint8_t)place, PCI_CACHE_LINE_SIZE) >> 16 & MULTIPLE) == 0;
        }
        place += place % 8 == 0 && single ? 8 : 1;
    }
}

int pci_nth(unsigned n, struct pci_function *out)
{
    if (access == UNKNOWN) {
        access = find_access();
        if (access != NONE) {
            scan();
        }
    }
    if (n >= nfunctions) {
        return -ENOENT;
    }
    *out = functions[n];
    return 0;
}

int pci_capability(uint8_t place, uint8_t id, unsigned *at)
{
    if (*at == 0 && (pci_read(place, PCI_COMMAND) >> 16 & PCI_STATUS_CAP_LIST) == 0) {
        return -ENOENT;
    }
    unsigned next = *at == 0 ? pci_read(place, PCI_CAPABILITY_LIST) : pci_read(place, *at) >> 8;
    for (unsigned i = 0; i < CAPABILITIES_MAX; i++) {
        *at = next & 0xfc;
        if (*at < PCI_STD_HEADER_SIZEOF) {
            break;
        }
        uint32_t head = pci_read(place, *at);
        if ((uint8_t)head == id) {
            return 0;
        }
        next = head >> 8;
    }
    return -ENOENT;
}

static unsigned bar_register(unsigned bar)
{
    return PCI_BASE_ADDRESS_0 + 4 * bar;
}

struct bar {
    uint64_t pa, len; /* len 0: no memory BAR */
    bool wide; /* takes the next one, too */
};

/* The length is what stays 0 of an address of all ones. The function must not answer meanwhile. */
static struct bar bar_look(uint8_t place, unsigned bar)
{
    uint32_t command = pci_read(place, PCI_COMMAND) & 0xffff;
    uint32_t low = pci_read(place, bar_register(bar));
    if ((low & PCI_BASE_ADDRESS_SPACE) != PCI_BASE_ADDRESS_SPACE_MEMORY) {
        return (struct bar){0};
    }
    struct bar b = {.pa = low & PCI_BASE_ADDRESS_MEM_MASK};
    b.wide =
        (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 && bar + 1 < BARS;
    uint32_t high = b.wide ? pci_read(place, bar_register(bar + 1)) : 0;
    pci_write(place, PCI_COMMAND, command & ~(uint32_t)PCI_COMMAND_MEMORY);
    pci_write(place, bar_register(bar), UINT32_MAX);
    uint64_t mask = pci_read(place, bar_register(bar)) & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
    pci_write(place, bar_register(bar), low);
    mask |= b.wide ? 0 : mask != 0 ? 0xffffffffUL << 32 : 0;
    if (b.wide) {
        pci_write(place, bar_register(bar + 1), UINT32_MAX);
        mask |= (uint64_t)pci_read(place, bar_register(bar + 1)) << 32;
        pci_write(place, bar_register(bar + 1), high);
    }
    pci_write(place, PCI_COMMAND, command);
    b.pa |= (uint64_t)high << 32;
    b.len = ~mask + 1;
    return b;
}

/* Behind all that has a place in the hole. */
static void find_hole(void)
{
    hole_next = HOLE_FIRST;
    for (unsigned i = 0; i < nfunctions; i++) {
        uint8_t place = functions[i].place;
        bool plain = (pci_read(place, PCI_CACHE_LINE_SIZE) >> 16 & 0x7f) == PCI_HEADER_TYPE_NORMAL;
        for (unsigned bar = 0; plain && bar < BARS; bar++) {
            struct bar b = bar_look(place, bar);
            if (b.pa >= HOLE_FIRST && b.pa < HOLE_END && b.len <= HOLE_END - b.pa) {
                hole_next = max(hole_next, b.pa + b.len);
            }
            bar += b.wide;
        }
    }
}

static bool is_memory(uint64_t first, uint64_t end)
{
    struct pa from;
    struct pa to;
    for (unsigned i = 0; boot_ram(i, &from, &to) == 0; i++) {
        if (first < to.v && from.v < end) {
            return true;
        }
    }
    return false;
}

static bool bar_place(uint8_t place, unsigned bar, struct bar *b)
{
    if (hole_next == 0) {
        find_hole();
    }
    uint64_t pa = align_up(hole_next, max(b->len, PAGE_SIZE));
    if (b->len > HOLE_END - HOLE_FIRST || pa > HOLE_END - b->len || is_memory(pa, pa + b->len)) {
        log(DEV, WARN, "PCI: no place for %lu bytes of device %u", b->len, place >> 3U);
        return false;
    }
    pci_write(place, bar_register(bar), (uint32_t)pa);
    if (b->wide) {
        pci_write(place, bar_register(bar + 1), 0);
    }
    b->pa = pa;
    hole_next = align_up(pa + b->len, PAGE_SIZE);
    return true;
}

/* A memory BAR with an address; len 0: it is none. */
static struct bar bar_open(uint8_t place, unsigned bar)
{
    struct bar b = bar < BARS ? bar_look(place, bar) : (struct bar){0};
    if (b.len == 0 || (b.pa == 0 && !bar_place(place, bar, &b)) || is_memory(b.pa, b.pa + b.len)) {
        return (struct bar){0};
    }
    return b;
}

volatile uint8_t *pci_map(uint8_t place, unsigned bar, uint64_t offset, size_t len)
{
    static struct {
        bool known;
        uint8_t place;
        unsigned bar;
        struct bar b;
    } last; /* one BAR holds most registers, and every look at it leaves the machine ten times */
    if (!last.known || last.place != place || last.bar != bar) {
        last.b = bar_open(place, bar);
        last.known = true;
        last.place = place;
        last.bar = bar;
    }
    if (offset > last.b.len || len > last.b.len - offset || len == 0) {
        return NULL;
    }
    return device_map((struct pa){last.b.pa + offset}, len, MAP_R | MAP_W | MAP_DEVICE);
}

void pci_enable(uint8_t place)
{
    uint32_t command = pci_read(place, PCI_COMMAND) & 0xffff;
    pci_write(place, PCI_COMMAND,
              command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
}
