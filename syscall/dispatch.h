/* SPDX-License-Identifier: MIT */
/* The call table and what the gate calls besides it. */
#ifndef SYSCALL_DISPATCH_H
#define SYSCALL_DISPATCH_H

#include "kernel/base/base.h"
#include "platform/offsets.h"

typedef long (*syscall_fn)(long, long, long, long, long, long);

/* Indexed by number; NULL where a call does not exist. syscall_entries: what platform/entry.S calls
 * through. */
extern const syscall_fn syscall_table[SYSCALL_MAX];
extern const syscall_fn *syscall_entries;

/* syscall_count_time: from now on the time in calls is told from the program's own
 * (kernel/cputime.h). It makes every call slower, and stays so. */
void syscall_count_time(void);

/* syscall_unknown: a number without an entry: -ENOSYS, and one line the first time. */
long syscall_unknown(uint64_t nr);

/* syscall_trapped: a raw syscall instruction at addr arrived with number nr. Returns where
 * the call goes back to. */
uint64_t syscall_trapped(uint64_t addr, uint64_t nr);

/* syscall_set_trap_hook: who wants to know of raw syscalls (the rewriter). */
void syscall_set_trap_hook(uint64_t (*hook)(uint64_t addr, uint64_t nr));

/* syscall_name: name of a call, NULL when there is none. */
const char *syscall_name(uint64_t nr);

#endif
