/* SPDX-License-Identifier: MIT */
/* Calls of code that is no function of the compiler's. */
#ifndef GUEST_CODECALL_H
#define GUEST_CODECALL_H

/* code_call: the code at `code`, which ends with ret and changes what a system call does; its RAX.
 * The red zone is left alone. */
static inline long code_call(const void *code)
{
    long result;
    __asm__ volatile("sub $128, %%rsp; call *%[code]; add $128, %%rsp"
                     : "=a"(result)
                     : [code] "r"(code)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

#endif
