/* SPDX-License-Identifier: MIT */
/* See context.h. What the host's thread has in thread-local memory does not move along.
 * Source: System V ABI AMD64 supplement, 3.2; sanitizer/tsan_interface.h. */
#include "test/fake/context.h"

#include <sanitizer/tsan_interface.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (256 * 1024)
#define SAVED_REGISTERS 6

void context_swap(uint64_t *save, uint64_t load);

__asm__(".text\n"
        "context_swap:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n");

void fake_context_adopt(struct fake_context *c)
{
    *c = (struct fake_context){.fiber = __tsan_get_current_fiber()};
}

void fake_context_create(struct fake_context *c, void (*function)(void))
{
    c->stack = aligned_alloc(16, STACK_BYTES);
    if (c->stack == NULL) {
        abort();
    }
    uint64_t *at = (uint64_t *)((char *)c->stack + STACK_BYTES);
    *--at = 0; /* as a call would have left it: RSP is 8 below a multiple of 16 */
    *--at = (uint64_t)(uintptr_t)function;
    at -= SAVED_REGISTERS;
    memset(at, 0, SAVED_REGISTERS * sizeof(*at));
    c->rsp = (uint64_t)(uintptr_t)at;
    c->fiber = __tsan_create_fiber(0);
}

void fake_context_destroy(struct fake_context *c)
{
    __tsan_destroy_fiber(c->fiber);
    free(c->stack);
}

__attribute__((no_sanitize("thread"), noinline)) void fake_context_switch(uint64_t *save,
                                                                          uint64_t load,
                                                                          void *fiber)
{
    __tsan_switch_to_fiber(fiber, 0);
    context_swap(save, load);
}
