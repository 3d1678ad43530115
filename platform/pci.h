/* SPDX-License-Identifier: MIT */
/* PCI configuration space of bus 0. A function is named by device << 3 | function. Everything is
 * for boot, where one CPU runs. */
#ifndef PLATFORM_PCI_H
#define PLATFORM_PCI_H

#include "kernel/base/base.h"

struct pci_function {
    uint8_t place; /* device << 3 | function */
    uint16_t vendor, device;
};

/* pci_nth: function n of the machine, in the order of their places. Returns -ENOENT past the last,
 * also on a machine without PCI. */
MUST_CHECK int pci_nth(unsigned n, struct pci_function *out);

/* pci_read, pci_write: a 32-bit register; reg is a multiple of 4. */
uint32_t pci_read(uint8_t place, unsigned reg);
void pci_write(uint8_t place, unsigned reg, uint32_t value);

/* pci_capability: the first capability id behind *at (0: from the start), whose place becomes *at.
 * Returns 0 or -ENOENT. */
MUST_CHECK int pci_capability(uint8_t place, uint8_t id, unsigned *at);

/* pci_map: address of len bytes at offset of memory BAR bar, which gets a place if it has none.
 * NULL: the BAR is no memory or shorter than that, or cannot be mapped. */
volatile uint8_t *pci_map(uint8_t place, unsigned bar, uint64_t offset, size_t len);

/* pci_enable: the function answers at its BARs and may read and write memory; it uses no interrupt
 * line. */
void pci_enable(uint8_t place);

#endif
