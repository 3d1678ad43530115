/* SPDX-License-Identifier: MIT */
/* What happens to a reflected trap, and what is done on every way back to the program. */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "kernel/base/base.h"
#include "platform/cpu.h"

/* Hooks of the loader, installed by kernel/main.c.
 *   stray    rip lies in the overwritten bytes of a rewritten site: where to go on instead
 *   resolve  rip lies in a stub: the site's own address that corresponds to it
 *   text     the program's fetch at addr brought in pages; it has not gone on yet */
struct trap_hooks {
    bool (*stray)(uint64_t rip, uint64_t *copy_rip);
    bool (*resolve)(uint64_t rip, uint64_t *site_rip);
    void (*text)(uint64_t addr);
};
void trap_set_hooks(const struct trap_hooks *hooks);

/* trap_site_rip: rip as the program may see it: never inside a stub. */
uint64_t trap_site_rip(uint64_t rip);

/* Called by platform/entry.S.
 * trap_dispatch: an exception or interrupt of ring 3; cr2 is valid for page faults.
 * trap_exit_work: interrupts and signals before f's program goes on.
 * trap_stack_overflow: the library OS ran over the end of a kernel stack. */
void trap_dispatch(struct frame *f, uint64_t cr2);
void trap_exit_work(struct frame *f);
NORETURN void trap_stack_overflow(void);

#endif
