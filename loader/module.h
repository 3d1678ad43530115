/* SPDX-License-Identifier: MIT */
/* Mapped ELF files: which function an address belongs to, by the file's own tables. */
#ifndef LOADER_MODULE_H
#define LOADER_MODULE_H

#include "kernel/base/base.h"

struct module;

/* module_find: the module whose executable mapping holds addr; it is read on first use.
 * Returns NULL for memory that is no ELF file's text, or out of memory. Context: may block. */
struct module *module_find(uint64_t addr);

/* module_function: the function that holds addr, by unwind information, else by symbols.
 * Returns 0 and [*start, *end), or -ENOENT (no table knows it). Context: may block. */
MUST_CHECK int module_function(struct module *m, uint64_t addr, uint64_t *start, uint64_t *end);

/* module_read: bytes of the file that belong at address addr, as the linker wrote them. Returns
 * how
 * many of len lie in the same segment and were read, 0 for none. Context: may block. */
size_t module_read(struct module *m, uint64_t addr, void *buf, size_t len);

/* module_take_page: addr's page lies in the module's text and is in memory and was not taken before;
 * it is from now on. */
bool module_take_page(struct module *m, uint64_t addr);

/* module_forget: mappings in [start, end) are gone. Does not block. */
void module_forget(uint64_t start, uint64_t end);

#endif
