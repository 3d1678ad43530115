/* SPDX-License-Identifier: MIT */
/* Sockets: there is no network yet. The answer is that of a Linux without the address family, which
 * libraries take in their stride (glibc asks for nscd's socket whenever a user is looked up).
 * Source: socket(2). */
#include <asm/errno.h>

#include "kernel/base/print.h"
#include "syscall/calls.h"

static long refuse(int family)
{
    log(SYSCALL, INFO, "sockets are not supported: address family %d refused (EAFNOSUPPORT)",
        family);
    return -EAFNOSUPPORT;
}

long sys_socket(int family, int type, int protocol)
{
    (void)type, (void)protocol;
    return refuse(family);
}

long sys_socketpair(int family, int type, int protocol, int USER *fds)
{
    (void)type, (void)protocol, (void)fds;
    return refuse(family);
}
