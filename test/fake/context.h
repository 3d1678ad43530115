/* SPDX-License-Identifier: MIT */
/* Contexts on the host, as platform/switch.S has them, that ThreadSanitizer can follow. */
#ifndef TEST_FAKE_CONTEXT_H
#define TEST_FAKE_CONTEXT_H

#include <stddef.h>
#include <stdint.h>

struct fake_context {
    uint64_t rsp; /* to switch to */
    void *stack; /* NULL: the host's own */
    void *fiber; /* ThreadSanitizer's */
};

/* fake_context_adopt: the running one. fake_context_create: one that starts in function.
 * fake_context_destroy: not the running one. */
void fake_context_adopt(struct fake_context *c);
void fake_context_create(struct fake_context *c, void (*function)(void));
void fake_context_destroy(struct fake_context *c);

/* fake_context_switch: to the one whose RSP is load and whose fiber is fiber. */
void fake_context_switch(uint64_t *save, uint64_t load, void *fiber);

#endif
