/* SPDX-License-Identifier: MIT */
/* Prototypes of every sys_<name>, expanded from syscalls.def. Family files include this. */
#ifndef SYSCALL_CALLS_H
#define SYSCALL_CALLS_H

#include <linux/uio.h>

#include "kernel/base/base.h"

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

#endif
