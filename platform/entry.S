/* SPDX-License-Identifier: MIT */
/* Ring 3's entries: first instruction, reflected traps, system calls by trap and by jump; and the
 * ways back to the program.
 *
 * The program's stack is never touched. A system call keeps every register but RAX, RCX and R11,
 * and the flags, so that a rewritten site cannot be told from the instruction. Both ways
 * back end in an exit window: from right behind the check of the pending word, before what came of
 * it is looked at, to the last instruction. When the monitor takes an interrupt there it moves RIP
 * to the window's restart label, which checks again; so the windows only read memory above the
 * frame's base and can start over.
 * Symbols used from above: syscall_table, syscall_entries, syscall_unknown, syscall_trapped
 * (syscall/dispatch.c), cputime_enter, cputime_leave (kernel/cputime.c), trap_dispatch,
 * trap_exit_work, trap_stack_overflow (kernel/trap.c), main (kernel/main.c). */
#include "platform/monitor/layout.h"
#include "platform/offsets.h"

    .section .header, "ax"
    .globl image_header
image_header:
header:
    .long 0x4e464c45, ABI_VERSION
    .long image_text_end - header
    .long image_rodata_end - header
    .long image_data_end - header
    .long image_bss_end - header
    .long libos_entry - header
    .long cpu_entry - header
    .long upcall_entry - header
    .long syscall_entry - header
    .long monitor_gate - header
    .long image_relro_end - header
    .long call_window - header, call_window_end - header, call_restart - header
    .long trap_window - header, trap_window_end - header, trap_restart - header

    .section .text.entry, "ax"
    .balign 64
/* First instruction in ring 3: RDI = boot_info. Relocate, then main on the boot stack. */
    .globl libos_entry
libos_entry:
    lea image_header(%rip), %rbx
    lea image_rela_start(%rip), %rsi
    lea image_rela_end(%rip), %rdx
1:  cmp %rdx, %rsi
    jae 2f
    mov (%rsi), %rax
    mov 16(%rsi), %rcx
    add %rbx, %rcx
    mov %rcx, (%rbx,%rax)
    add $24, %rsi
    jmp 1b
2:  mov 48(%rdi), %rax /* boot_info.entropy[0] */
    xor %al, %al /* a string overflow stops at the canary's zero byte */
    mov %rax, %gs:CPU_CANARY
    lea boot_stack_top(%rip), %rsp
    mov %rsp, %gs:CPU_KERNEL_RSP
    xor %ebp, %ebp
    call main
    ud2

/* First instruction of every other CPU; cpu_start has filled its block. */
cpu_entry:
    mov %gs:CPU_KERNEL_RSP, %rsp
    xor %ebp, %ebp
    call cpu_begin
    ud2

/* moncall(nr, a, b, c) */
    .globl moncall
moncall:
    incq %gs:CPU_MONCALLS(,%rdi,8)
    mov %edi, %eax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
monitor_gate:
    hlt
    ret

    .macro call_enter flags:vararg
    mov %rsp, %gs:CPU_USER_RSP
    mov %gs:CPU_KERNEL_RSP, %rsp
    push %rcx
    push %rdi
    push %rsi
    push %rdx
    push %r10
    push %r8
    push %r9
    \flags
    push %rax
    sub $8, %rsp
    cld
    .endm

/* A raw syscall: RAX = number, RCX = return address, R11 = flags. */
    .balign 64
syscall_entry:
    call_enter push %r11
    incq %gs:CPU_RAW_CALLS
    lea -2(%rcx), %rdi
    mov %rax, %rsi
    call syscall_trapped
    mov %rax, CALL_RIP(%rsp)
    mov CALL_NR(%rsp), %r11
    mov CALL_RDI(%rsp), %rdi
    mov CALL_RSI(%rsp), %rsi
    mov CALL_RDX(%rsp), %rdx
    mov CALL_R10(%rsp), %r10
    mov CALL_R8(%rsp), %r8
    mov CALL_R9(%rsp), %r9
    jmp call_dispatch

/* A rewritten site jumps here: the same registers as after a syscall. */
    .globl syscall_gate
    .balign 64
syscall_gate:
    call_enter pushfq
    mov %rax, %r11
call_dispatch:
    incq %gs:CPU_CALLS
    mov %r10, %rcx
    mov syscall_entries(%rip), %rax
    cmp $SYSCALL_MAX, %r11
    jae 1f
    mov (%rax,%r11,8), %rax
    test %rax, %rax
    jz 1f
    call *%rax
call_exit:
    mov %rax, CALL_RESULT(%rsp)
call_check:
    cmpq $0, %gs:TRAP_PENDING
call_window:
    jne call_slow
    testb $RFLAGS_DF >> 8, CALL_FLAGS + 1(%rsp)
    jnz call_slow
    mov CALL_FLAGS(%rsp), %ah
    mov CALL_FLAGS + 1(%rsp), %al
    and $RFLAGS_OF >> 8, %al
    mov CALL_R9(%rsp), %r9
    mov CALL_R8(%rsp), %r8
    mov CALL_R10(%rsp), %r10
    mov CALL_RDX(%rsp), %rdx
    mov CALL_RSI(%rsp), %rsi
    mov CALL_RDI(%rsp), %rdi
    mov CALL_RIP(%rsp), %rcx
    add $0x80 - (RFLAGS_OF >> 8), %al /* overflows if OF was set */
    sahf
    mov CALL_RESULT(%rsp), %rax
    mov %gs:CPU_USER_RSP, %rsp
    jmp *%rcx
call_window_end:

1:  mov %r11, %rdi
    call syscall_unknown
    jmp call_exit

/* What syscall_entries has for each call once time is counted. */
    .globl call_counted
call_counted:
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %r8
    push %r9
    push %r11
    call cputime_enter
    pop %r11
    pop %r9
    pop %r8
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    lea syscall_table(%rip), %rax
    sub $8, %rsp
    call *(%rax,%r11,8)
    mov %rax, (%rsp)
    call cputime_leave
    pop %rax
    ret

call_restart:
    mov %gs:CPU_KERNEL_RSP, %rsp
    sub $CALL_SIZE, %rsp
    jmp call_check

/* Something waits to be done before the program goes on, or its direction flag is to be set again:
 * make a full frame and leave by iretq. */
call_slow:
    mov CALL_FLAGS(%rsp), %ecx
    and $RFLAGS_PROGRAM, %ecx
    or $RFLAGS_FIXED, %ecx
    mov %rsp, %rax
    pushq $USER_SS
    pushq %gs:CPU_USER_RSP
    push %rcx
    pushq $USER_CS
    pushq CALL_RIP(%rax)
    pushq CALL_NR(%rax)
    pushq $256 /* FRAME_SYSCALL */
    pushq CALL_RDI(%rax)
    pushq CALL_RSI(%rax)
    pushq CALL_RDX(%rax)
    pushq CALL_RIP(%rax)
    pushq CALL_RESULT(%rax)
    pushq CALL_R8(%rax)
    pushq CALL_R9(%rax)
    pushq CALL_R10(%rax)
    push %rcx
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    jmp trap_slow

/* A reflected trap: the frame is in the trap page, the registers are those of the trapped code. */
    .balign 64
upcall_entry:
    mov %rax, %gs:CPU_SCRATCH0
    mov %rbx, %gs:CPU_SCRATCH1
    mov %gs:TRAP_RSP, %rbx
    mov %rbx, %rax
    shr $40, %rax
    cmp $KERNEL_AREA >> 40, %rax
    jae 1f
2:  mov %gs:CPU_KERNEL_RSP, %rbx
    jmp 3f
1:  mov %gs:TRAP_RIP, %rax
    shr $40, %rax
    cmp $KERNEL_AREA >> 40, %rax
    jb 2b /* a program with a wild stack pointer */
    and $-16, %rbx
    mov %gs:CPU_KERNEL_RSP, %rax
    sub %rbx, %rax
    cmp $KERNEL_STACK_LEN - 1024, %rax
    ja trap_stack_overflow
3:  mov %rbx, %rsp
    pushq %gs:TRAP_SS
    pushq %gs:TRAP_RSP
    pushq %gs:TRAP_RFLAGS
    pushq %gs:TRAP_CS
    pushq %gs:TRAP_RIP
    pushq %gs:TRAP_ERROR
    pushq %gs:TRAP_VECTOR
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    pushq %gs:CPU_SCRATCH0
    push %r8
    push %r9
    push %r10
    push %r11
    pushq %gs:CPU_SCRATCH1
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %gs:TRAP_CR2, %rsi
    mov %rsp, %rdi
    cld
    call trap_dispatch
    .globl trap_exit
trap_exit: /* RSP = struct frame */
    mov FRAME_RIP(%rsp), %rax
    shr $40, %rax
    cmp $KERNEL_AREA >> 40, %rax
    jae trap_pop /* back into the library OS */
    mov %rsp, %gs:CPU_EXIT_FRAME
trap_check:
    cmpq $0, %gs:TRAP_PENDING
trap_window:
    jne trap_slow
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
    iretq
trap_window_end:
trap_restart:
    mov %gs:CPU_EXIT_FRAME, %rsp
    jmp trap_exit
trap_pop:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
    iretq

trap_slow:
    mov %rsp, %rdi
    call trap_exit_work
    jmp trap_exit

/* cpu_resume(frame): leave for the program with these registers; never returns. The frame is copied
 * to the top of the kernel stack first. */
    .globl cpu_resume
cpu_resume:
    mov %rdi, %rsi
    mov %gs:CPU_KERNEL_RSP, %rax
    sub $FRAME_SIZE, %rax
    mov %rax, %rdi
    mov $FRAME_SIZE / 8, %ecx
    cmp %rsi, %rdi
    jbe 1f
    lea FRAME_SIZE - 8(%rsi), %rsi /* may overlap: copy from the end */
    lea FRAME_SIZE - 8(%rdi), %rdi
    std
1:  rep movsq
    cld
    mov %rax, %rsp
    jmp trap_exit

    .bss
    .balign 64
    .skip KERNEL_STACK_LEN
    .globl boot_stack_top
boot_stack_top:
    .section .note.GNU-stack, "", @progbits

/* Nothing lies between a check, one instruction of at most 10 bytes, and its window. */
    .if call_window - call_check > 10 || trap_window - trap_check > 10
    .error "an interrupt between check and window would be lost"
    .endif
