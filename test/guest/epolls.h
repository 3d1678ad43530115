/* SPDX-License-Identifier: MIT */
/* What the guest tests of epoll share. */
#ifndef GUEST_EPOLLS_H
#define GUEST_EPOLLS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>

static inline int control(int ep, int op, int fd, unsigned events, uint64_t value)
{
    struct epoll_event ev = {.events = events, .data = {.u64 = value}};
    return epoll_ctl(ep, op, fd, &ev);
}

/* Print the events that hold now, in order of their data. */
static inline void look(const char *what, int ep)
{
    struct epoll_event ev[16];
    int n = epoll_wait(ep, ev, 16, 0);
    printf("%s: %d", what, n);
    for (uint64_t key = 0; key < 100; key++)
        for (int i = 0; i < n; i++)
            if (ev[i].data.u64 == key)
                printf(" [%d: %x]", (int)key, ev[i].events);
    printf("\n");
}

#endif
