/* SPDX-License-Identifier: MIT */
/* The clock ticks of lwIP's protocols. */
#ifndef NET_TICK_H
#define NET_TICK_H

#include "net/core.h"

/* tick_start: once, before lwIP starts. */
void tick_start(void);

/* tick_soon_locked: something is on its way for which TCP may have a deadline. */
void tick_soon_locked(void) NEEDS(net_core);

#endif
