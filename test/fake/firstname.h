/* SPDX-License-Identifier: MIT */
/* A callback of readdir, for whoever empties directories. */
#ifndef TEST_FAKE_FIRSTNAME_H
#define TEST_FAKE_FIRSTNAME_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* first_name: copies the first name that is neither "." nor ".." to ctx, a buffer of 256, and stops
 * there. */
static inline int first_name(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                             uint64_t next)
{
    char *to = ctx;
    if (next <= 2) {
        return 0;
    }
    memcpy(to, name, len);
    to[len] = 0;
    return 1;
}

#endif
