/* SPDX-License-Identifier: MIT */
/* System-call sites of every shape, and site_probe and site_spin, which call them: see sites.h.
 * `known` functions have type, size and unwind information, `bare` ones are labels and nothing
 * else,
 * as in much hand-written assembly. Number 39 is getpid, 0 is read. */
#define GPR 0
#define FLAGS 128
#define MXCSR 136
#define RED 144
#define MASKS 320
#define VECTORS 384

    .macro known name
    .balign 16
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .endm

    .macro end name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro bare name
    .balign 16
    .globl \name
\name:
    .endm

    .macro label name
    .globl \name
\name:
    .endm

    .text
    .globl sites_start
sites_start:

known mov_imm
    mov $39, %eax
label mov_imm_call
    syscall
label mov_imm_after
    ret
end mov_imm

bare mov_imm_bare
    mov $39, %eax
label mov_imm_bare_call
    syscall
    ret

known mov_rax /* as Go does */
    .byte 0x48, 0xc7, 0xc0, 39, 0, 0, 0 /* mov $39, %rax */
label mov_rax_call
    syscall
    cmp $0xfffffffffffff001, %rax
    ja 1f
    ret
1:  mov $-1, %rax
    ret
end mov_rax

known from_register
    mov %rbx, %rax
    syscall
    ret
end from_register

bare from_register_bare
    mov %rbx, %rax
    syscall
    ret

known from_memory /* as syscall() without an immediate: what follows is the only place */
    mov 8(%rsp), %r11
    mov %rbx, %rax
    syscall
    cmp $-4095, %rax
    jae 1f
    ret
1:  ret
end from_memory

known read_glibc
    mov 8(%rsp), %eax
    test %eax, %eax
    jne 2f
    xor %eax, %eax
label read_glibc_call
    syscall
    cmp $-4096, %rax
    ja 1f
    ret
    .balign 8
1:  nop
    ret
2:  mov $-1, %rax
    ret
end read_glibc

known cancel_musl /* as __syscall_cp_asm: 8(%rsp) is the caller's */
    mov 8(%rsp), %eax
    test %eax, %eax
    jne 1f
    mov %rbx, %rax
    mov %rdx, %rdx
    mov %r11, 8(%rsp)
label cancel_musl_call
    syscall
    ret
1:  ret
end cancel_musl

bare cancel_musl_bare
    mov 8(%rsp), %eax
    mov %rbx, %rax
    mov %r11, 8(%rsp)
    syscall
    ret

known twins /* two sites seven bytes apart */
    mov $39, %eax
    syscall
label twins_second
    mov $39, %eax
label twins_second_call
    syscall
    ret
end twins

known doubled /* the second call has the first one's result as its number */
    xor %eax, %eax
    syscall
label doubled_second
    syscall
    ret
end doubled

known window
    mov $39, %eax
label window_lea
    lea (%rdi), %rdi
label window_nop
    nop
label window_call
    syscall
label window_behind1
    nop
label window_behind2
    nop
label window_behind3
    mov %rbp, %rbp
    ret
end window

bare wide /* nothing in front: the patch lies over what follows */
    mov %rbx, %rax
    syscall
label wide_behind
    lea 1(%rax), %rax
    lea -1(%rax), %rax
    ret

known stack_pointer /* what moves uses the stack pointer and the return address */
    sub $8, %rsp
    mov %rbx, %rax
    movq $5, 8-8(%rsp)
    syscall
    mov %rcx, (%rsp)
    add $8, %rsp
    ret
end stack_pointer

known loop_mov
    movq $3, 8(%rsp)
1:  mov $39, %eax
    syscall
    decq 8(%rsp)
    jnz 1b
    ret
end loop_mov

known loop_call /* the loop enters at the call itself */
    movq $3, 8(%rsp)
    mov $39, %eax
    jmp 2f
1:  mov $39, %eax
    nop
    jmp 2f
    mov $9999, %eax
2:  syscall
    decq 8(%rsp)
    jnz 1b
    ret
end loop_call

known skip_over /* jumps over the call to what follows it */
    test $1, %bl
    jz 1f
    mov $39, %eax
    syscall
1:  mov %rax, 8(%rsp)
    ret
end skip_over

known flag_user /* flags set in front of the call are used behind it */
    cmp %rbx, %rbx
    mov $39, %eax
    syscall
    jne 1f
    stc
    mov $39, %eax
    syscall
    jnc 1f
    ret
1:  xor %eax, %eax
    ret
end flag_user

known call_before
    call mov_imm
    mov %rbx, %rax
    syscall
    ret
end call_before

known call_behind
    mov %rbx, %rax
    syscall
    call mov_imm
    ret
end call_behind

known behind_ret /* one byte behind the call, then another function's code */
    mov %rbx, %rax
    syscall
    ret
    .byte 0x0f, 0x0b
end behind_ret

known at_target /* a jump target follows the call at once */
    mov %rbx, %rax
    jmp 2f
1:  mov %ebx, %eax
2:  syscall
3:  test %rax, %rax
    js 1b
    ret
end at_target

known number_pushed
    pushq $39
    pop %rax
    syscall
    ret
end number_pushed

known branch_behind
    mov %rbx, %rax
    syscall
label branch_behind_jump
    jmp 1f
    ud2
1:  ret
end branch_behind

known relative
    mov %rbx, %rax
    lea relative_value(%rip), %r11
    syscall
label relative_behind
    mov relative_value(%rip), %rax
    ret
end relative

    .macro registers op
    \op GPR + 8, %rbx
    \op GPR + 16, %rcx
    \op GPR + 24, %rdx
    \op GPR + 32, %rsi
    \op GPR + 40, %rdi
    \op GPR + 48, %rbp
    \op GPR + 64, %r8
    \op GPR + 72, %r9
    \op GPR + 80, %r10
    \op GPR + 88, %r11
    \op GPR + 96, %r12
    \op GPR + 104, %r13
    \op GPR + 112, %r14
    \op GPR + 120, %r15
    .endm
    .macro load at, reg
    mov site_in + \at(%rip), \reg
    .endm
    .macro store at, reg
    mov \reg, site_out + \at(%rip)
    .endm
    .macro load_vector insn, kind, i
    \insn site_in + VECTORS + 64 * \i(%rip), %\kind\i
    .endm
    .macro store_vector insn, kind, i
    \insn %\kind\i, site_out + VECTORS + 64 * \i(%rip)
    .endm
    .macro vectors op, insn, kind
    .irp i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \op \insn, \kind, \i
    .endr
    .endm
    .macro high_vectors op, insn, kind
    .irp i, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    \op \insn, \kind, \i
    .endr
    .endm

known site_probe
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $88, %rsp /* what the site's function finds at 8(%rsp) */
    mov %rdi, site_fn(%rip)
    movq $0, (%rsp)
    stmxcsr 64(%rsp)
    cmpl $1, site_level(%rip)
    jb 1f
    je 2f
    vectors load_vector, vmovdqu64, zmm
    high_vectors load_vector, vmovdqu64, zmm
    .irp i, 1, 2, 3, 4, 5, 6, 7
    kmovq site_in + MASKS + 8 * \i(%rip), %k\i
    .endr
    jmp 3f
1:  vectors load_vector, movdqu, xmm
    jmp 3f
2:  vectors load_vector, vmovdqu, ymm
3:  lea site_in + RED(%rip), %rsi
    lea -136(%rsp), %rdi
    mov $16, %ecx
    rep movsq
    ldmxcsr site_in + MXCSR(%rip)
    mov %rsp, site_in + GPR + 56(%rip)
    registers load
    load GPR, %rax
    pushq site_in + FLAGS(%rip)
    popfq
    call *site_fn(%rip)
    store GPR, %rax
    registers store
    pushfq
    popq site_out + FLAGS(%rip)
    cld
    mov %rsp, site_out + GPR + 56(%rip)
    stmxcsr site_out + MXCSR(%rip)
    ldmxcsr 64(%rsp)
    lea -136(%rsp), %rsi
    lea site_out + RED(%rip), %rdi
    mov $16, %ecx
    rep movsq
    cmpl $1, site_level(%rip)
    jb 1f
    je 2f
    vectors store_vector, vmovdqu64, zmm
    high_vectors store_vector, vmovdqu64, zmm
    .irp i, 1, 2, 3, 4, 5, 6, 7
    kmovq %k\i, site_out + MASKS + 8 * \i(%rip)
    .endr
    jmp 3f
1:  vectors store_vector, movdqu, xmm
    jmp 4f
2:  vectors store_vector, vmovdqu, ymm
3:  vzeroupper
4:  add $88, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
end site_probe

known site_spin
    push %rbx
    push %rbp
    sub $72, %rsp
    mov %rdi, site_fn(%rip)
    movl $1, site_spinning(%rip)
1:  movq $0, (%rsp)
    load GPR, %rax
    load GPR + 8, %rbx
    load GPR + 24, %rdx
    load GPR + 32, %rsi
    load GPR + 40, %rdi
    call *site_fn(%rip)
    store GPR, %rax
    incq site_rounds(%rip)
    cmpl $0, site_stop(%rip)
    je 1b
    movl $0, site_spinning(%rip)
    add $72, %rsp
    pop %rbp
    pop %rbx
    ret
end site_spin

    .globl sites_end
sites_end:

    .section .rodata
    .balign 8
    .globl relative_value
relative_value:
    .quad 0x1122334455667788

    .bss
    .balign 64
    .globl site_in, site_out, site_level, site_stop, site_spinning, site_rounds
    .hidden site_in, site_out, site_level, site_stop, site_spinning, site_rounds
site_in:
    .skip 2432
site_out:
    .skip 2432
site_fn:
    .skip 8
site_rounds:
    .skip 8
site_level:
    .skip 4
site_stop:
    .skip 4
site_spinning:
    .skip 4
    .section .note.GNU-stack, "", @progbits
