/* SPDX-License-Identifier: MIT */
/* Pages for stubs in the program's half: read and execute only, written through the direct map.
 * */
#ifndef LOADER_STUB_H
#define LOADER_STUB_H

#include "kernel/base/base.h"
#include "loader/plan.h"

/* A piece of a stub page. */
struct stub_place {
    uint64_t addr; /* where the program executes it */
    uint8_t *bytes; /* the same memory, writable */
    uint64_t gate_slot; /* address of the page's pointer to the gate */
};

/* stub_init: gate = the address that every page's slot holds. */
void stub_init(uint64_t gate);

/* stub_alloc: a place of PLAN_STUB_MAX bytes or less, len, that satisfies plan_fits; a new page
 * is mapped when no page has one. Returns 0, -ENOSPC (no address within reach fits) or -ENOMEM.
 * Context: takes space.lock; one caller at a time. */
MUST_CHECK int stub_alloc(const struct plan *p, size_t len, struct stub_place *out);

/* stub_write: fill the place, unless its page has gone since. Context: space.lock is held. */
bool stub_write(const struct stub_place *p, const uint8_t *code, size_t len);

/* stub_free: give back what nothing can be executing or return to. */
void stub_free(uint64_t addr, size_t len);

/* stub_contains: rip lies in a stub page. */
bool stub_contains(uint64_t rip);

/* stub_forget: [start, end) is no longer mapped: its pages serve no more. */
void stub_forget(uint64_t start, uint64_t end);

/* stub_pages: how many there are. */
unsigned stub_pages(void);

#endif
