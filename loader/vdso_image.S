/* SPDX-License-Identifier: MIT */
/* The vDSO as linked by loader/vdso.mk, embedded. */
    .section .rodata.vdso_image, "a"
    .balign 16
    .globl vdso_image
    .hidden vdso_image
vdso_image:
    .incbin "build/vdso.so"
    .globl vdso_image_end
    .hidden vdso_image_end
vdso_image_end:
    .section .note.GNU-stack, "", @progbits
