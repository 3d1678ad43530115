/* SPDX-License-Identifier: MIT */
/* Calls on sockets with bad arguments: which error comes first. Source: bind(2), listen(2),
 * accept(2), connect(2), unix(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/guest/show.h"

int main(void)
{
    int file = open("/dev/null", O_RDWR);
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/tmp/never"};
    socklen_t len = sizeof(a);
    SHOW(bind(-1, (void *)&a, len));
    SHOW(bind(file, (void *)&a, len));
    SHOW(connect(-1, (void *)&a, len));
    SHOW(connect(file, (void *)&a, len));
    SHOW(listen(-1, 1));
    SHOW(listen(file, 1));
    SHOW(accept(-1, NULL, NULL));
    SHOW(accept(file, NULL, NULL));
    SHOW(accept4(file, NULL, NULL, 1));
    return 0;
}
