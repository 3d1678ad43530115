/* SPDX-License-Identifier: MIT */
/* Where every exception, interrupt and raw syscall enters ring 0, and how it leaves.
 *
 * An exception of ring 3 is reflected: its frame is popped, word by word, into the CPU's trap page,
 * which leaves RSP at the ready-made frame that iretq takes to the library OS's upcall. An
 * interrupt sets its pending bit; in the library OS it returns at once (or moves RIP to the restart
 * label of an exit window), in the program it is reflected. Anything from ring 0 itself but an
 * interrupt in MON_WAIT is a bug and stops the machine. Every instruction costs about 1 us on a
 * paravirtual host: count them. The common cases of MON_MAP_RUN and its kin take no lock: that
 * every other CPU has acknowledged a shootdown says that none is in one.
 * Source: AMD64 APM vol. 2 ch. 8. */
#include "platform/monitor/layout.h"

#define CS_RING3(off) testb $3, (off)(%rsp)

/* reflect: 5 words of the frame are left at RSP (depth 40); vector and error are stored already. */
    .macro reflect
    popq TRAP_AT(TRAP_RIP, 32)(%rsp)
    popq TRAP_AT(TRAP_CS, 24)(%rsp)
    popq TRAP_AT(TRAP_RFLAGS, 16)(%rsp)
    popq TRAP_AT(TRAP_RSP, 8)(%rsp)
    popq TRAP_AT(TRAP_SS, 0)(%rsp)
    iretq
    .endm

    .section .text.stubs, "ax"
    .set vec, 0
    .rept 32
    .balign STUB_SIZE
    .if vec == 8 /* a double fault, wherever it was: the stack is the one of its own */
    pushq $vec
    jmp trap_in_monitor
    .elseif vec == 10 || vec == 11 || vec == 12 || vec == 13 || vec == 14 || vec == 17 || vec == 21
    CS_RING3(16)
    jz 1f
    .if vec == 14
    jmp page_fault
    .elseif vec == 13
    jmp general_protection
    .else
    movq $vec, TRAP_AT(TRAP_VECTOR, 48)(%rsp)
    popq TRAP_AT(TRAP_ERROR, 40)(%rsp)
    reflect
    .endif
1:  pushq $vec
    jmp trap_in_monitor
    .elseif vec == 2 || vec == 18
    pushq $0
    pushq $vec
    jmp trap_in_monitor
    .else
    CS_RING3(8)
    jz 1f
    movq $vec, TRAP_AT(TRAP_VECTOR, 40)(%rsp)
    movq $0, TRAP_AT(TRAP_ERROR, 40)(%rsp)
    reflect
1:  pushq $0
    pushq $vec
    jmp trap_in_monitor
    .endif
    .set vec, vec + 1
    .endr
    /* Interrupts: vector VECTOR_IRQ0 + n sets pending bit n. */
    .set bit, 0
    .rept NVECTORS - VECTOR_IRQ0
    .balign STUB_SIZE
    .if bit == SHOOTDOWN_BIT
    jmp shootdown
    .else
    CS_RING3(8)
    jz 1f
    lock btsq $bit, TRAP_AT(TRAP_PENDING, 40)(%rsp)
    pushq $VECTOR_IRQ0 + bit
    jmp interrupt_ring3
1:  push %rax /* a halt in the monitor, at whatever depth */
    mov %rsp, %rax
    and $-CPU_STRIDE, %rax
    lock btsq $bit, SLOT_CPU - STACK_PA + TRAP_PENDING(%rax)
    pop %rax
    movl $0, lapic_eoi(%rip)
    iretq
    .endif
    .set bit, bit + 1
    .endr
    .balign STUB_SIZE
    iretq /* spurious */

    .text
/* Another CPU has changed page tables: flush, from whichever ring, and say so; wake it if it
 * sleeps. */
shootdown:
    push %rax
    push %rcx
    mov %cr3, %rax
    mov %rax, %cr3
    mov %rsp, %rcx
    and $-CPU_STRIDE, %rcx
    xor %eax, %eax
    xchg %eax, CPU_DATA_OFFSET + DATA_FLUSH(%rcx)
    movl $0, lapic_eoi(%rip)
    sub $FLUSH_ASLEEP, %eax
    js 1f
    shl $24, %eax
    mov %eax, lapic_icr_high(%rip)
    movl $SHOOTDOWN_VECTOR, lapic_icr_low(%rip)
1:  pop %rcx
    pop %rax
    iretq

page_fault: /* depth 48 */
    movq $14, TRAP_AT(TRAP_VECTOR, 48)(%rsp)
    popq TRAP_AT(TRAP_ERROR, 40)(%rsp)
    push %rax
    mov %cr2, %rax
    mov %rax, TRAP_AT(TRAP_CR2, 48)(%rsp)
    pop %rax
    reflect

/* The one hlt at gate_rip is a monitor call; any other is the program's. */
general_protection: /* depth 48 */
    push %rcx
    mov gate_rip(%rip), %rcx
    cmp %rcx, 16(%rsp)
    jne 1f
    add $16, %rsp
    incq (%rsp) /* behind it */
    cmp $MON_MAP_RUN, %eax
    je map_run
    cmp $MON_UNMAP_RUN, %eax
    je unmap_run
    cmp $MON_REPLACE_RUN, %eax
    je replace_run
any_call:
    cmp $MON_NCALLS, %rax
    jae 2f
    lea call_table(%rip), %rcx
    call *(%rcx,%rax,8)
    iretq
1:  pop %rcx
    movq $13, TRAP_AT(TRAP_VECTOR, 48)(%rsp)
    popq TRAP_AT(TRAP_ERROR, 40)(%rsp)
    reflect
2:  cmp $MON_BOOT, %rax
    jne 3f
    mov boot_gate(%rip), %rcx
    jmp *%rcx
3:  mov $-38, %rax /* ENOSYS */
    iretq

/* The common cases of MON_MAP_RUN and its kin, in registers, because a call as C costs several
 * times as much on a paravirtual host: plain pages in one table, which is the one used last or in
 * the cache of those that paging.c has walked to. Anything else goes to the C function.
 * RDI = va, RSI = pa | MAP_* flags, RDX = number of pages. */

    /* run_entry: R9 = address of the entry of RDI; all RDX entries lie in its table, RDX is below
     * 2^32. Uses RCX. */
    .macro run_entry
    mov %rdi, %rcx
    shr $21, %rcx
    cmp DATA_AT(DATA_RUN_UNIT, 40)(%rsp), %rcx
    jne 6f
5:  mov %rdi, %r9
    shr $12, %r9
    and $511, %r9d
    mov %edx, %edx
    lea -1(%rdx,%r9), %rcx
    cmp $511, %rcx
    ja any_call
    shl $3, %r9
    add DATA_AT(DATA_RUN_TABLE, 40)(%rsp), %r9
    .subsection 1
6:  mov %ecx, %r10d
    and $RUN_CACHE - 1, %r10d
    shl $4, %r10d
    lea DATA_AT(DATA_RUN_CACHE, 40)(%rsp), %r11
    add %r10, %r11
    cmp (%r11), %rcx
    jne any_call
    mov %rcx, DATA_AT(DATA_RUN_UNIT, 40)(%rsp)
    mov 8(%r11), %rcx
    mov %rcx, DATA_AT(DATA_RUN_TABLE, 40)(%rsp)
    jmp 5b
    .previous
    .endm

    /* run_frames: the frames lie between the library OS image and the first device or donated unit;
     * RSI becomes the first entry's value. Uses RCX, R8. */
    .macro run_frames
    cmp run_low(%rip), %rsi
    jb any_call
    mov %rdx, %rcx
    shl $12, %rcx
    add %rsi, %rcx
    cmp run_high(%rip), %rcx
    ja any_call
    mov %rsi, %r8
    mov %esi, %ecx
    and $0xfff, %ecx
    or $PTE_U | PTE_A | PTE_D, %rsi /* MAP_R and MAP_W are PTE_P and PTE_W, MAP_X is PTE_U */
    cmp $MAP_R | MAP_X, %ecx
    je 2f
    cmp $MAP_R | MAP_W, %ecx
    je 1f
    cmp $MAP_R, %ecx
    jne run_other
1:  bts $63, %rsi
2:
    .endm

    /* run_fill: RDX entries from R9 on. Eight at a time: two instructions an entry. */
    .macro run_fill
    cmp $8, %edx
    jae 3f
1:  mov %rsi, (%r9)
    dec %edx
    jle 2f
    add $0x1000, %rsi
    add $8, %r9
    jmp 1b
    .subsection 1
3:  .set at, 0
    .rept 8
    mov %rsi, at(%r9)
    add $0x1000, %rsi
    .set at, at + 8
    .endr
    add $64, %r9
    sub $8, %edx
    cmp $8, %edx
    jae 3b
    test %edx, %edx
    jnz 1b
    jmp 2f
    .previous
2:
    .endm

map_run: /* absent so far: nothing to flush */
    run_entry
    test %edx, %edx
    jz any_call
    testb $PTE_P, (%r9)
    jnz any_call
    run_frames
    run_fill
    xor %eax, %eax
    iretq

replace_run: /* also present ones */
    run_entry
    test %edx, %edx
    jz any_call
    run_frames
    mov %edx, %r8d
    run_fill
    mov %r8d, %edx
    jmp run_flush

unmap_run:
    run_entry
    mov %rdi, %r8
    mov %r9, %rdi
    mov %edx, %ecx
    xor %eax, %eax
    rep stosq
    mov %r8, %rdi
run_flush: /* the pages from RDI on, EDX of them, here and on other CPUs */
    cmp $1, %edx
    jne 1f
    invlpg (%rdi)
    jmp 2f
1:  mov %cr3, %rcx
    mov %rcx, %cr3
2:  xor %eax, %eax
    cmpb $0, run_alone(%rip)
    je 3f
    iretq
3:  call smp_serialize /* RDI: where */
    iretq
run_other:
    mov %r8, %rsi
    jmp any_call

/* An interrupt while ring 3 ran: depth 48, vector pushed. The trap page may be written only when
 * the program was interrupted: the library OS may be about to take an exception's frame out of
 * it. */
interrupt_ring3:
    movl $0, lapic_eoi(%rip)
    push %rax
    mov 16(%rsp), %rax
    sub libos_text(%rip), %rax
    cmp libos_text_len(%rip), %rax
    jae 5f
    cmp window_start(%rip), %rax
    jb 4f
    cmp window_end(%rip), %rax
    jae 2f
    mov window_restart(%rip), %rax
    mov %rax, 16(%rsp)
    jmp 4f
2:  cmp window_start+24(%rip), %rax
    jb 4f
    cmp window_end+24(%rip), %rax
    jae 4f
    mov window_restart+24(%rip), %rax
    mov %rax, 16(%rsp)
4:  pop %rax
    add $8, %rsp
    iretq
5:  pop %rax
    popq TRAP_AT(TRAP_VECTOR, 40)(%rsp)
    movq $0, TRAP_AT(TRAP_ERROR, 40)(%rsp)
    reflect

/* LSTAR on machines where a raw syscall enters ring 0: on to the library OS with RCX and R11 as the
 * processor left them. Interrupts are off (FMASK). */
    .globl syscall_landing
syscall_landing:
    swapgs
    mov %rsp, %gs:8
    mov %gs:0, %rsp
    pushq $USER_SS
    pushq %gs:8
    push %r11
    pushq $USER_CS
    pushq syscall_rip(%rip)
    swapgs
    iretq

/* ring3_enter: RDI = rip, RSI = rsp, RDX = argument (RDI in ring 3). Leaves ring 0 for good. */
    .globl ring3_enter
ring3_enter:
    pushq $USER_SS
    push %rsi
    pushq ring3_flags(%rip)
    pushq $USER_CS
    push %rdi
    mov %rdx, %rdi
    xor %eax, %eax
    xor %ebx, %ebx
    xor %ecx, %ecx
    xor %edx, %edx
    xor %esi, %esi
    xor %ebp, %ebp
    iretq

/* A trap of ring 0, or one that nobody survives: vector and error code are on the stack. */
trap_in_monitor:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    and $-16, %rsp
    call trap_report

    .data
    .align 8
    .globl gate_rip, boot_gate, libos_text, libos_text_len, windows, syscall_rip, ring3_flags
    .globl cpu_entry_rip
gate_rip: .quad 0
boot_gate: .quad 0
libos_text: .quad 0
libos_text_len: .quad 0
windows: /* two of: start, end (offsets from libos_text), restart label (address) */
window_start: .quad 0
window_end: .quad 0
window_restart: .quad 0
    .quad 0, 0, 0
syscall_rip: .quad 0
cpu_entry_rip: .quad 0
ring3_flags: .quad 0x2 /* interrupts off until the machine is set up */
    .section .note.GNU-stack, "", @progbits
