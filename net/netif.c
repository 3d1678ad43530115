/* SPDX-License-Identifier: MIT */
#include "net/netif.h"

#include "kernel/heap.h"

bool netif_flush_locked(void)
{
    return false;
}

void netif_notify(void)
{
}

void netif_free_later_locked(struct netif_garbage *g)
{
    heap_free(g->memory);
}
