/* SPDX-License-Identifier: MIT */
/* Addresses of the kernel's dynamic area: stacks with guard pages. */
#ifndef KERNEL_KVA_H
#define KERNEL_KVA_H

#include "kernel/base/base.h"

/* kva_alloc_stack: npages of fresh memory with an unmapped page on either side. Returns the address
 * of the end (the stack's top), 0 when out of memory. Context: may allocate. */
uint64_t kva_alloc_stack(unsigned npages);

/* kva_free_stack: give a stack of npages back, by its top; it stays mapped for the next one. */
void kva_free_stack(uint64_t top, unsigned npages);

/* kva_pages: those of all stacks, in use or not. */
uint64_t kva_pages(void);

#endif
