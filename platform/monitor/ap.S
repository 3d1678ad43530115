/* SPDX-License-Identifier: MIT */
/* How a CPU other than the first comes up: the trampoline, which smp.c copies to TRAMPOLINE_PA, is
 * entered in real mode; then 32 and 64 bit as in boot.S, with tables that also map the monitor's
 * text where it lies. ap_cpu says which CPU this is to be: it takes the number, or stops for ever
 * when nobody waits for it. Source: Intel SDM vol. 3, 8.4 (MP initialisation). */
#include "platform/monitor/layout.h"

#define PA(sym) ((sym)-MONITOR_SLOT)

    .section .text.boot, "ax"
    .code16
    .globl ap_start, ap_end
ap_start:
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl ap_gdtr - ap_start
    mov $0x11, %eax /* ET PE */
    mov %eax, %cr0
    ljmpl $0x08, $PA(ap_protected)
    .balign 4
ap_gdtr:
    .word GDT_LEN - 1
    .long PA(gdt)
ap_end:

    .code32
ap_protected:
    mov $KERNEL_DS, %eax
    mov %eax, %ds
    mov %eax, %ss
    mov $CR4_BITS, %eax
    mov %eax, %cr4
    mov $PA(pml4_ap), %eax
    mov %eax, %cr3
    mov $EFER_MSR, %ecx
    mov $EFER_BITS, %eax
    xor %edx, %edx
    wrmsr
    mov $CR0_BITS, %eax
    mov %eax, %cr0
    ljmp $KERNEL_CS, $PA(ap_long)

    .code64
ap_long:
    movabs $ap_high, %rax
    jmp *%rax
ap_high:
    mov $KERNEL_DS, %eax
    mov %eax, %es
    mov %eax, %ss
    lgdt gdtr(%rip)
    lidt idtr(%rip)
    movabs $PA(pml4), %rax
    mov %rax, %cr3
    xor %edi, %edi
    xchg %edi, ap_cpu(%rip)
    test %edi, %edi
    jz 1f
    mov %edi, %eax
    shl $4, %eax
    add $TSS_SELECTOR, %eax
    ltr %ax
    mov %edi, %eax
    imul $CPU_STRIDE, %rax, %rax
    movabs $STACK_TOP(0), %rsp
    add %rax, %rsp
    call ap_main
1:  cli
    hlt
    jmp 1b

    .data
    .align 4
    .globl ap_cpu
ap_cpu: .long 0
    .section .note.GNU-stack, "", @progbits
