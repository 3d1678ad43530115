/* SPDX-License-Identifier: MIT */
/* PCI functions behind the two ports of a PC, for platform/pci.c, whose port accesses come here
 * through the fake monitor. Registers are plain memory but for BARs, whose low bits are wired. */
#ifndef TEST_FAKE_PCI_H
#define TEST_FAKE_PCI_H

#include "kernel/base/base.h"

#define FAKE_PCI_WINDOW_PAGES 512

/* fake_pci_reset: a machine without functions, whose command line has no devices and whose RAM ends
 * at ram_end. fake_pci_window: where the device window lies. */
void fake_pci_reset(uint64_t ram_end);
char *fake_pci_window(void);

/* fake_pci_add: a function; its configuration space of 256 bytes. */
uint8_t *fake_pci_add(uint8_t place, uint16_t vendor, uint16_t device);

/* fake_pci_bar: BAR bar is memory of len bytes (a power of two) at pa; wide: 64 bits. */
void fake_pci_bar(uint8_t place, unsigned bar, uint64_t pa, uint64_t len, bool wide);

/* fake_pci_where: the address that a BAR has now. */
uint64_t fake_pci_where(uint8_t place, unsigned bar);

/* fake_pci_capability: a capability of len bytes is appended to the list. Returns its place. */
unsigned fake_pci_capability(uint8_t place, uint8_t id, unsigned len);

/* Numbers in the configuration space. */
uint32_t fake_pci_get(uint8_t place, unsigned reg);
void fake_pci_set(uint8_t place, unsigned reg, uint32_t value);

#endif
