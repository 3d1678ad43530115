/* SPDX-License-Identifier: MIT */
/* The one table of ACPI that is of use here: where PCI's configuration space lies. */
#ifndef PLATFORM_ACPI_H
#define PLATFORM_ACPI_H

#include "kernel/base/base.h"

/* acpi_mcfg: physical address of the configuration space of PCI's bus 0 (1 MiB). Returns 0, -ENOENT
 * without such a table, or when it is not one. Context: boot. */
MUST_CHECK int acpi_mcfg(struct pa *out);

#endif
