/* SPDX-License-Identifier: MIT */
/* Reading whole files, as those of /proc. */
#ifndef GUEST_SLURP_H
#define GUEST_SLURP_H

#include <fcntl.h>
#include <unistd.h>

static char text[1 << 16]; /* of the last file read, with a NUL behind it */

/* slurp: all of a file to text. Returns its length, -1 when it cannot be read. */
static inline long slurp(const char *name)
{
    long len = 0, n;
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        return -1;
    while ((n = read(fd, text + len, sizeof text - 1 - (size_t)len)) > 0)
        len += n;
    close(fd);
    text[len] = 0;
    return n < 0 ? -1 : len;
}

#endif
