/* SPDX-License-Identifier: MIT */
/* Mapped ELF files: where their instructions are. */
#ifndef LOADER_MODULE_H
#define LOADER_MODULE_H

#include "kernel/base/base.h"

struct flow;
struct module;

/* module_find: the module whose executable mapping holds addr; it is read on first use.
 * Returns NULL for memory that is no ELF file's text, or out of memory. Context: may block. */
struct module *module_find(uint64_t addr);

/* module_prove: proof_find for a mapped address; the flow's addresses are mapped ones, its bytes
 * those of the file. */
struct flow *module_prove(struct module *m, uint64_t addr);

/* module_take_page: addr's page lies in the module's text and is in memory and was not taken
 * before; it is from now on. */
bool module_take_page(struct module *m, uint64_t addr);

/* module_forget: mappings in [start, end) are gone. Does not block. */
void module_forget(uint64_t start, uint64_t end);

#endif
