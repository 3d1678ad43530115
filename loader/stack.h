/* SPDX-License-Identifier: MIT */
/* The first stack of the program: argc, argv, envp, auxiliary vector and the strings they point
 * to. */
#ifndef LOADER_STACK_H
#define LOADER_STACK_H

#include "kernel/base/base.h"

#define STACK_MAX_AUX 24 /* pairs that a caller may pass */

struct stack_input {
    char *const *args, *const *env; /* array[nargs], array[nenv] of strings */
    unsigned nargs, nenv;
    const char *exec; /* AT_EXECFN */
    const char *platform; /* AT_PLATFORM */
    uint8_t random[16]; /* AT_RANDOM points to a copy */
    uint64_t aux[STACK_MAX_AUX][2]; /* type, value: array[naux]; no AT_NULL */
    unsigned naux;
    uint64_t top; /* end of the stack mapping, page-aligned */
    uint64_t room; /* greatest size in bytes (a quarter of RLIMIT_STACK) */
    uint64_t shift; /* random distance of the first string from the top, a multiple of 16 */
};

struct stack_output {
    uint64_t rsp; /* at argc, 16-byte aligned */
    uint64_t auxv[STACK_MAX_AUX + 4][2]; /* as the program sees it, ends with AT_NULL */
    unsigned naux; /* pairs with AT_NULL */
};

/* stack_build: write the stack below in->top. From low to high: argc, argv, NULL, envp, NULL, auxv
 * (the pairs given, then AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_NULL), 16 random bytes, platform,
 * the strings of argv, of envp (these two without gaps: programs that set their title rely on it),
 * exec.
 * Returns 0, -E2BIG when it needs more than in->room, -EFAULT, -ENOMEM.
 * Context: may block. Source: x86-64 psABI 3.4.1; getauxval(3); execve(2) for the limit. */
MUST_CHECK int stack_build(const struct stack_input *in, struct stack_output *out);

#endif
