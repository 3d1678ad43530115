/* SPDX-License-Identifier: MIT */
/* The address families that there are. Owns nothing, no locks. Source: socket(2),
 * address_families(7). */
#include <asm/errno.h>

#include "net/inet.h"
#include "net/netlink.h"
#include "net/socket.h"
#include "net/unix.h"

static const struct socket_family *const families[] = {
    &unix_family,
    &inet_family,
    &inet6_family,
    &netlink_family,
};

const struct socket_family *socket_family_find(int family)
{
    for (unsigned i = 0; i < ARRAY_LEN(families); i++) {
        if (families[i]->family == family) {
            return families[i];
        }
    }
    return NULL;
}

int socket_create(int family, int type, int protocol, struct socket **out)
{
    const struct socket_family *f = socket_family_find(family);
    return f != NULL ? f->create(type, protocol, out) : -EAFNOSUPPORT;
}

int socket_create_pair(int family, int type, int protocol, struct socket *out[2])
{
    const struct socket_family *f = socket_family_find(family);
    if (f == NULL) {
        return -EAFNOSUPPORT;
    }
    return f->pair != NULL ? f->pair(type, protocol, out) : -EOPNOTSUPP;
}
