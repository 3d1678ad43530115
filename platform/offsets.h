/* SPDX-License-Identifier: MIT */
/* Offsets into struct cpu and struct frame for assembly; cpu.c asserts them. */
#ifndef PLATFORM_OFFSETS_H
#define PLATFORM_OFFSETS_H

#define CPU_USER_RSP 0x88
#define CPU_KERNEL_RSP 0x90
#define CPU_CANARY 0xa0
#define CPU_EXIT_FRAME 0xa8
#define CPU_SCRATCH0 0xb0
#define CPU_SCRATCH1 0xb8
#define CPU_CALLS 0xc0
#define CPU_RAW_CALLS 0xc8
#define CPU_MONCALLS 0xe8

#define FRAME_RIP 136
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_SIZE 176

/* The short frame of a system call, at the top of the kernel stack. */
#define CALL_RESULT 0
#define CALL_NR 8
#define CALL_FLAGS 16 /* RFLAGS at the call */
#define CALL_R9 24
#define CALL_R8 32
#define CALL_R10 40
#define CALL_RDX 48
#define CALL_RSI 56
#define CALL_RDI 64
#define CALL_RIP 72
#define CALL_SIZE 80

#define RFLAGS_FIXED 0x202 /* always set in ring 3 */
#define RFLAGS_DF 0x400
#define RFLAGS_OF 0x800
/* what a program may change of them: CF PF AF ZF SF DF OF AC ID */
#define RFLAGS_PROGRAM 0x240cd5

#define KERNEL_STACK_LEN 0x10000 /* = KERNEL_STACK_SIZE of kernel/thread.h */

#define SYSCALL_MAX 512

#endif
