/* SPDX-License-Identifier: MIT */
/* A CPU without a thread to run. */
#ifndef KERNEL_IDLE_H
#define KERNEL_IDLE_H

#include "kernel/base/base.h"

/* idle_wait: until this CPU may have a thread to run, or an interrupt's handlers have run. Context:
 * its idle thread. */
void idle_wait(void);

/* What an idle CPU does before it halts, installed once. look: called again and again,
 * cycles after it had nothing to do any more; returns true while it shall go on. rest: last call
 * before the halt; false: do not. Context: the idle thread, no lock held. */
struct idle_hook {
    bool (*look)(uint64_t cycles);
    bool (*rest)(void);
};
void idle_set_hook(const struct idle_hook *hook);

#endif
