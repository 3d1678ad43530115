/* SPDX-License-Identifier: MIT */
/* Of the C library's <stdlib.h>, what lwIP calls: atoi, for the number in an interface's name. */
#ifndef NET_LWIP_STDLIB_H
#define NET_LWIP_STDLIB_H

static inline int atoi(const char *s)
{
    int n = 0;
    for (; *s >= '0' && *s <= '9'; s++) {
        n = n * 10 + (*s - '0');
    }
    return n;
}

#endif
