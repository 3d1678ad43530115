/* SPDX-License-Identifier: MIT */
/* Address families that the system does not have. Source: socket(2), socketpair(2). */
#include <sys/socket.h>

#include "test/guest/show.h"

int main(void)
{
    int fds[2];
    SHOW(socket(AF_APPLETALK, SOCK_DGRAM, 0));
    SHOW(socket(-1, SOCK_STREAM, 0));
    SHOW(socket(1000, SOCK_STREAM, 0));
    SHOW(socketpair(AF_APPLETALK, SOCK_STREAM, 0, fds));
    return 0;
}
