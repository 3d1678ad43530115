/* SPDX-License-Identifier: MIT */
/* Carries bytes between the caller's streams and the machine until it ends. */
#ifndef TOOLS_ELFIN_RELAY_H
#define TOOLS_ELFIN_RELAY_H

#include <stdint.h>

#include "tools/elfin/qemu.h"

/* What happened when, CLOCK_MONOTONIC ns; 0: never. */
struct relay_times {
    uint64_t first_log, first_output, status, end;
};

/* relay_run: until the machine has ended and everything it wrote has been handed on. Signals that
 * the tool gets become the program's; the TCP ports published get their backlog. Returns the exit
 * status: what the guest said, 128+n for a signal that the machine no longer took or for output
 * that nobody reads, 125 after a message if the machine ended without a word. */
int relay_run(struct qemu *q, const struct ports *ports, struct relay_times *times);

#endif
