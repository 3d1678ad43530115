/* SPDX-License-Identifier: MIT */
/* PVH entry, 32 to 64 bit, the page tables that every boot starts with, and the embedded image.
 *
 * On a paravirtual host every ring-0 instruction is emulated (about 1 us), so whatever can be laid
 * out by the assembler is: page tables, IDT and GDT are data, not code. Assembled with LIBOS_*_END
 * set to the page-aligned ends of the library OS image's parts. Source: PVH boot ABI (Xen
 * docs/misc/pvh.pandoc), AMD64 APM vol. 2 ch. 5 and 14. */
#include "platform/monitor/layout.h"

#define PA(sym) ((sym)-MONITOR_SLOT)
#define SHARED_PA (LIBOS_PA + LIBOS_BSS_END)
#define IMAGE_END_PAGE (LIBOS_BSS_END / 0x1000 + SHARED_PAGES)

    .section .note.Xen, "a", @note
    .align 4
    .long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long PA(pvh_start)

    .section .text.boot, "ax"
    .code32
    .globl pvh_start
pvh_start:
    rdtsc
    mov %eax, PA(boot_tsc)
    mov %edx, PA(boot_tsc) + 4
    mov %ebx, PA(boot_start_info)
    mov $CR4_BITS, %eax
    mov %eax, %cr4
    mov $PA(pml4), %eax
    mov %eax, %cr3
    mov $EFER_MSR, %ecx
    mov $EFER_BITS, %eax
    xor %edx, %edx
    wrmsr
    mov $CR0_BITS, %eax
    mov %eax, %cr0
    lgdt PA(boot_gdtr)
    ljmp $KERNEL_CS, $PA(boot_long)

    .code64
boot_long:
    movabs $boot_high, %rax
    jmp *%rax
boot_high:
    mov $KERNEL_DS, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    movabs $STACK_TOP(0), %rsp
    lgdt gdtr(%rip)
    lidt idtr(%rip)
    mov $TSS_SELECTOR, %eax
    ltr %ax
    jmp start_machine

/* The probe runs in ring 3, identity-mapped, before anything else does: it collects random numbers
 * (RDRAND is not emulated in ring 0 on every host) and finds out where a raw syscall arrives. It
 * ends in a hlt that boot_gate recognises. RDI = RDRAND is there. Out: R8 R9 R10 R12 random, RDX =
 * how many of them are, R15 = 1 if the syscall stayed in ring 3. */
    .section .text.probe, "ax"
    .align 16
    .globl probe_start, probe_landing, probe_gate
probe_start:
    xor %edx, %edx
    test %edi, %edi
    jz 2f
    .macro draw reg
    mov $16, %eax
1:  rdrand \reg
    jc 3f
    dec %eax
    jnz 1b
    jmp 4f
3:  inc %edx
4:
    .endm
    draw %r8
    draw %r9
    draw %r10
    draw %r12
2:  xor %r15d, %r15d
    syscall
probe_gate: /* RCX = here */
    mov $MON_BOOT, %eax
    hlt
probe_landing: /* RCX = probe_gate, R11 = flags */
    mov %cs, %eax
    test $3, %al
    jnz 1f
    sysretq
1:  inc %r15d
    jmp *%rcx

/* boot_continue: the probe's hlt leads here, with what it found in registers. */
    .text
    .globl boot_continue
boot_continue:
    movabs $STACK_TOP(0), %rsp
    push %r12
    push %r10
    push %r9
    push %r8
    mov %rsp, %rdi
    mov %rdx, %rsi
    mov %r15, %rdx
    jmp boot_finish

    .data
    .align 8
    .globl boot_tsc, boot_start_info
boot_tsc: .quad 0
boot_start_info: .long 0
    .align 8
boot_gdtr: .word gdt_end - gdt - 1
    .long PA(gdt)
    .align 8
    .globl gdtr, idtr
gdtr: .word gdt_end - gdt - 1
    .quad gdt
    .align 8
idtr: .word idt_end - idt - 1
    .quad idt

/* Linux's layout: programs see the selectors, and paravirtual hosts run ring 3 on their own
 * table. */
    .align 16
    .globl gdt
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff /* 0x08 kernel code, 32 bit */
    .quad 0x00af9b000000ffff /* 0x10 kernel code */
    .quad 0x00cf93000000ffff /* 0x18 kernel data */
    .quad 0x00cffb000000ffff /* 0x20 user code, 32 bit */
    .quad 0x00cff3000000ffff /* 0x28 user data */
    .quad 0x00affb000000ffff /* 0x30 user code */
    .quad 0
    .set tss, TSS_PLACE /* 0x40, 0x50 ...: task state segment of each CPU */
    .rept MAX_CPUS
    .word TSS_LEN - 1, tss & 0xffff
    .byte (tss >> 16) & 0xff, 0x89, 0, (tss >> 24) & 0xff
    .long tss >> 32, 0
    .set tss, tss + TSS_STRIDE
    .endr
gdt_end:
    .if gdt_end - gdt - GDT_LEN
    .error "GDT_LEN"
    .endif

/* Interrupt gates, all to ring 0. Stubs lie at the start of the text, STUB_SIZE apart; the address
 * of each is thus known to the assembler. */
#define STUB(n) (MONITOR_SLOT + MONITOR_PA + (n)*STUB_SIZE)
    .macro idt_gate n, ist, type=0x8e
    .word STUB(\n) & 0xffff, KERNEL_CS
    .byte \ist, \type
    .word (STUB(\n) >> 16) & 0xffff
    .long STUB(\n) >> 32, 0
    .endm
    .align 16
    .globl idt
idt:
    .set vec, 0
    .rept NVECTORS
    .if vec == 2 || vec == 8 || vec == 18
    idt_gate vec, 1
    .elseif vec == 3 || vec == 4
    idt_gate vec, 0, 0xee /* int3 and into are the program's to use */
    .else
    idt_gate vec, 0
    .endif
    .set vec, vec + 1
    .endr
    .rept 256 - NVECTORS
    idt_gate NVECTORS, 0 /* spurious: return */
    .endr
idt_end:

/* Task state segments, at TSS_PLACE: stack for ring 0, and one for faults that must not trust
 * it. */
    .section .tss, "aw"
    .set cpu, 0
    .rept MAX_CPUS
    .long 0
    .quad STACK_TOP(cpu), 0, 0, 0
    .quad MONITOR_SLOT + STACK_PA + cpu * CPU_STRIDE + 0x1000
    .fill 7, 8, 0
    .long TSS_LEN << 16
    .fill (TSS_STRIDE - TSS_LEN) / 4, 4, 0
    .set cpu, cpu + 1
    .endr

/* Page tables. */
#define TABLE (PTE_P | PTE_W | PTE_U | PTE_A)
#define RX (PTE_P | PTE_A)
#define RO (PTE_P | PTE_A | PTE_NX)
#define RW (PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX)
#define DEV (RW | PTE_PCD)
    .section .tables, "aw"
    .align 4096
    .globl pml4, pml4_ap, pd_libos, pdpt_libos, pdpt_monitor, pd_monitor, pd_direct
    .globl pt_libos, pt_shared
pml4:
    .quad PA(pdpt_identity) + TABLE /* while booting */
    .fill 253, 8, 0
    .quad PA(pdpt_libos) + TABLE
    .quad PA(pdpt_monitor) + TABLE
    .fill 256, 8, 0
pml4_ap: /* for the first instructions of every other CPU */
    .quad PA(pdpt_identity) + TABLE
    .fill 254, 8, 0
    .quad PA(pdpt_monitor) + TABLE
    .fill 256, 8, 0
pdpt_identity:
    .quad PA(pd_identity) + TABLE
    .fill 511, 8, 0
pd_identity: /* for the first instructions, the probe in ring 3, and the image's header */
    .quad PTE_PS + PTE_P + PTE_U + PTE_A
    .quad LIBOS_PA + PTE_PS + PTE_P + PTE_A
    .fill 510, 8, 0
pdpt_libos:
    .fill 512, 8, 0 /* one entry is set at random: pd_libos */
pd_libos:
    .fill 512, 8, 0 /* two entries at random: pt_libos, pt_shared */
pdpt_monitor:
    .fill 511, 8, 0 /* direct map at random */
    .quad PA(pd_monitor) + PTE_P + PTE_W + PTE_A
pd_monitor:
    .fill 510, 8, 0
    .quad PA(pt_monitor) + PTE_P + PTE_W + PTE_A
    .quad 0
pd_direct: /* first GiB; the monitor's 2 MiB are missing */
    .quad 0
    .quad PA(pt_direct) + TABLE
    .set pa, 0x400000
    .rept 510
    .quad pa + RW + PTE_U + PTE_PS
    .set pa, pa + 0x200000
    .endr
pt_direct: /* 2..4 MiB: what lies behind the image and the shared pages */
    .fill IMAGE_END_PAGE, 8, 0
    .set pa, LIBOS_PA + IMAGE_END_PAGE * 0x1000
    .rept 512 - IMAGE_END_PAGE
    .quad pa + RW + PTE_U
    .set pa, pa + 0x1000
    .endr
pt_libos:
    .set pa, LIBOS_PA
    .rept LIBOS_TEXT_END / 0x1000
    .quad pa + RX + PTE_U
    .set pa, pa + 0x1000
    .endr
    .rept (LIBOS_RODATA_END - LIBOS_TEXT_END) / 0x1000
    .quad pa + RO + PTE_U
    .set pa, pa + 0x1000
    .endr
    .rept (LIBOS_BSS_END - LIBOS_RODATA_END) / 0x1000
    .quad pa + RW + PTE_U
    .set pa, pa + 0x1000
    .endr
    .fill 512 - LIBOS_BSS_END / 0x1000, 8, 0
pt_shared:
    .set pa, 0
    .rept SHARED_LOWMEM_LEN / 0x1000
    .quad pa + RO + PTE_U
    .set pa, pa + 0x1000
    .endr
    .fill (SHARED_BOOT - SHARED_LOWMEM_LEN) / 0x1000, 8, 0
    .quad SHARED_PA + RO + PTE_U
    .set pa, SHARED_PA + 0x1000
    .rept SHARED_PAGES - 1
    .quad pa + RW + PTE_U
    .set pa, pa + 0x1000
    .endr
    .fill 512 - SHARED_BOOT / 0x1000 - SHARED_PAGES, 8, 0
pt_monitor:
    .set pa, 0
    .rept SLOT_LAPIC / 0x1000
    .quad pa + RW /* conventional memory: the trampoline of other CPUs */
    .set pa, pa + 0x1000
    .endr
    .quad LAPIC_PA + DEV, IOAPIC_PA + DEV, SHARED_PA + RW
    .fill (SLOT_CPU - SLOT_BOOT) / 0x1000 - 1, 8, 0
    .set pa, SHARED_PA + 0x1000
    .rept SHARED_PAGES - 1
    .quad pa + RW
    .set pa, pa + 0x1000
    .endr
    .fill (MONITOR_PA - SLOT_CPU) / 0x1000 - SHARED_PAGES + 1, 8, 0
    .set pa, MONITOR_PA
    .rept MONITOR_TEXT_PAGES
    .quad pa + RX
    .set pa, pa + 0x1000
    .endr
    .rept MONITOR_RODATA_PAGES
    .quad pa + RO
    .set pa, pa + 0x1000
    .endr
    .rept 256 - MONITOR_TEXT_PAGES - MONITOR_RODATA_PAGES
    .quad pa + RW
    .set pa, pa + 0x1000
    .endr

    .section .libos, "a"
    .incbin LIBOS_BIN
    .section .libos_bss, "aw", @nobits
    .skip LIBOS_BSS_END - LIBOS_DATA_END + SHARED_PAGES * 0x1000
