/* SPDX-License-Identifier: MIT */
/* From one thread to another, the first steps of a new one, and the calls that need the registers
 * which C functions preserve. Everything here is ring 3. Source: System V ABI AMD64 supplement,
 * 3.2. */
#include "platform/offsets.h"

    .text
/* context_switch(uint64_t *save_rsp, uint64_t load_rsp) */
    .globl context_switch
context_switch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret

/* A new thread's context_switch returns here, with RSP at its struct frame. */
    .globl context_begin
context_begin:
    call sched_begin
    jmp trap_exit

/* The same for a thread that never leaves the library OS: RSP at the function to call. */
    .globl context_begin_kernel
context_begin_kernel:
    call sched_begin
    pop %rax
    sub $8, %rsp
    call *%rax
    ud2

/* System calls whose C function also gets a struct saved_registers, in the argument register
 * given. */
    .macro call_with_registers name, function, argument
    .globl \name
\name:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %\argument
    sub $8, %rsp
    call \function
    add $56, %rsp
    ret
    .endm
    call_with_registers sys_clone, thread_call_clone, r9
    call_with_registers sys_clone3, thread_call_clone3, rdx
    .section .note.GNU-stack, "", @progbits
