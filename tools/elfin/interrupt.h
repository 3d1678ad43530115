/* SPDX-License-Identifier: MIT */
/* Puts off the signals that end the tool while it has something to tidy up. */
#ifndef TOOLS_ELFIN_INTERRUPT_H
#define TOOLS_ELFIN_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct interrupt {
    sigset_t before; /* the mask to go back to */
    sigset_t held; /* what is put off, and SIGCHLD */
};

/* interrupt_hold: from here to interrupt_release, signals wait. Those that came in between take
 * effect in interrupt_release, which then does not return. */
void interrupt_hold(struct interrupt *h);
void interrupt_release(const struct interrupt *h);

/* interrupt_came: one of them is waiting: stop the work. */
bool interrupt_came(const struct interrupt *h);

/* interrupt_wait: until the child ends, which an interrupt makes it do. Returns its wait status. */
int interrupt_wait(const struct interrupt *h, pid_t child);

#endif
