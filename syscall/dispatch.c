/* SPDX-License-Identifier: MIT */
/* The table of system calls, expanded from syscalls.def, and the calls that are not in it.
 *
 * Functions take their own argument types; the table casts them to six longs, which the x86-64
 * calling convention allows: narrower arguments are read from the low part of their registers.
 * Source: System V ABI AMD64 supplement, 3.2.3. */
#include "syscall/dispatch.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "syscall/calls.h"

#define SYSCALL(nr, name, status, test, n, ...) [nr] = (syscall_fn)(void *)sys_##name,
const syscall_fn syscall_table[SYSCALL_MAX] = {
#include "syscall/syscalls.def"
};
#undef SYSCALL

#define SYSCALL(nr, name, status, test, n, ...) [nr] = #name,
static const char *const names[SYSCALL_MAX] = {
#include "syscall/syscalls.def"
};
#undef SYSCALL

#define SYSCALL_LEN 2 /* bytes of the instruction */

static uint64_t reported[SYSCALL_MAX / 64]; /* bit per number: its line is out */
static bool reported_beyond;
static uint64_t (*trap_hook)(uint64_t addr, uint64_t nr);

/* What the gate calls through: syscall_table, or counted once time is counted: the same numbers,
 * each by way of call_counted of platform/entry.S. */
const syscall_fn *syscall_entries = syscall_table;
static syscall_fn counted[SYSCALL_MAX];
long call_counted(long, long, long, long, long, long);

void syscall_count_time(void)
{
    if (__atomic_load_n(&syscall_entries, __ATOMIC_RELAXED) == counted) {
        return;
    }
    for (unsigned nr = 0; nr < SYSCALL_MAX; nr++) { /* others may be here, too: the same values */
        syscall_fn entry = syscall_table[nr] != NULL ? call_counted : NULL;
        __atomic_store_n(&counted[nr], entry, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&syscall_entries, counted, __ATOMIC_RELEASE);
}

const char *syscall_name(uint64_t nr)
{
    return nr < SYSCALL_MAX ? names[nr] : NULL;
}

long syscall_unknown(uint64_t nr)
{
    bool first;
    if (nr < SYSCALL_MAX) {
        first = !(reported[nr / 64] >> nr % 64 & 1);
        reported[nr / 64] |= 1UL << nr % 64;
    } else {
        first = !reported_beyond;
        reported_beyond = true;
    }
    if (first) {
        log(SYSCALL, WARN, "system call %lu is not supported (ENOSYS)", nr);
    }
    return -ENOSYS;
}

void syscall_set_trap_hook(uint64_t (*hook)(uint64_t addr, uint64_t nr))
{
    trap_hook = hook;
}

uint64_t syscall_trapped(uint64_t addr, uint64_t nr)
{
    return trap_hook != NULL ? trap_hook(addr, nr) : addr + SYSCALL_LEN;
}
