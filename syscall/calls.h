/* SPDX-License-Identifier: MIT */
/* Prototypes of every sys_<name>, expanded from syscalls.def. Family files include this. */
#ifndef SYSCALL_CALLS_H
#define SYSCALL_CALLS_H

#include <linux/uio.h>

#include "kernel/base/base.h"

struct saved_registers;

#define SYSCALL_P0() void
#define SYSCALL_P1(t1, a1) t1 a1
#define SYSCALL_P2(t1, a1, ...) t1 a1, SYSCALL_P1(__VA_ARGS__)
#define SYSCALL_P3(t1, a1, ...) t1 a1, SYSCALL_P2(__VA_ARGS__)
#define SYSCALL_P4(t1, a1, ...) t1 a1, SYSCALL_P3(__VA_ARGS__)
#define SYSCALL_P5(t1, a1, ...) t1 a1, SYSCALL_P4(__VA_ARGS__)
#define SYSCALL_P6(t1, a1, ...) t1 a1, SYSCALL_P5(__VA_ARGS__)

#define SYSCALL(nr, name, status, test, n, ...) long sys_##name(SYSCALL_P##n(__VA_ARGS__));
#include "syscall/syscalls.def"
#undef SYSCALL

/* clone and clone3 enter through platform/switch.S, which passes the preserved registers on. */
long thread_call_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid, uint64_t tls,
                       const struct saved_registers *regs);
long thread_call_clone3(const void USER *args, size_t size, const struct saved_registers *regs);

#endif
