/* SPDX-License-Identifier: MIT */
/* Room for bursts of connections to the ports that the hypervisor's user network listens at. */
#ifndef TOOLS_ELFIN_BACKLOG_H
#define TOOLS_ELFIN_BACKLOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/elfin/ports.h"

/* backlog_widen: give those sockets of the process pid that listen at the TCP ports of p a backlog
 * as servers have it. Returns true when there is nothing left to do: all are found, or this system
 * does not let us. False: some do not listen yet. */
bool backlog_widen(pid_t pid, const struct ports *p);

#endif
