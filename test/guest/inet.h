/* SPDX-License-Identifier: MIT */
/* What tests of AF_INET and AF_INET6 sockets share: addresses on the loopback interface. */
#ifndef GUEST_INET_H
#define GUEST_INET_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/guest/show.h"

struct inet_addr_of {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
    socklen_t len;
};

/* An address from text, of its own family. */
static inline struct inet_addr_of inet_make(const char *text, unsigned port)
{
    struct inet_addr_of a;
    memset(&a, 0, sizeof(a));
    if (strchr(text, ':') != NULL) {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, text, &a.in6.sin6_addr);
        a.len = sizeof(a.in6);
    } else {
        a.in.sin_family = AF_INET;
        a.in.sin_port = htons((uint16_t)port);
        inet_pton(AF_INET, text, &a.in.sin_addr);
        a.len = sizeof(a.in);
    }
    return a;
}

static inline const char *inet_home(int family)
{
    return family == AF_INET ? "127.0.0.1" : "::1";
}

static inline unsigned inet_port(const struct inet_addr_of *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

static inline int inet_bind_to(int fd, const char *text, unsigned port)
{
    struct inet_addr_of a = inet_make(text, port);
    return bind(fd, &a.any, a.len);
}

static inline int inet_connect_to(int fd, const char *text, unsigned port)
{
    struct inet_addr_of a = inet_make(text, port);
    return connect(fd, &a.any, a.len);
}

static inline long inet_send_to(int fd, const char *data, const char *text, unsigned port)
{
    struct inet_addr_of a = inet_make(text, port);
    return sendto(fd, data, strlen(data), 0, &a.any, a.len);
}

static inline struct inet_addr_of inet_self(int fd)
{
    struct inet_addr_of a = {.len = sizeof(a.in6)};
    memset(&a.in6, 0, sizeof(a.in6));
    getsockname(fd, &a.any, &a.len);
    return a;
}

static inline unsigned inet_own_port(int fd)
{
    struct inet_addr_of a = inet_self(fd);
    return inet_port(&a);
}

static inline const char *inet_text(const struct inet_addr_of *a)
{
    static char text[INET6_ADDRSTRLEN];
    const void *ip = a->any.sa_family == AF_INET6 ? (const void *)&a->in6.sin6_addr
                                                  : (const void *)&a->in.sin_addr;
    return inet_ntop(a->any.sa_family, ip, text, sizeof(text));
}

/* Show the address of a socket, and of its port whether there is one. */
static inline void inet_show_self(const char *what, int fd)
{
    struct inet_addr_of a = inet_self(fd);
    printf("%s: %s port %s length %u\n", what, inet_text(&a), inet_port(&a) ? "set" : "0", a.len);
}

static inline void inet_show_peer(const char *what, int fd)
{
    struct inet_addr_of a = {.len = sizeof(a.in6)};
    if (getpeername(fd, &a.any, &a.len) != 0) {
        printf("%s: %s\n", what, errno_name(errno));
        return;
    }
    printf("%s: %s port %s length %u\n", what, inet_text(&a), inet_port(&a) ? "set" : "0", a.len);
}

static inline int inet_get(int fd, int level, int option)
{
    int value = -12345;
    socklen_t len = sizeof(value);
    return getsockopt(fd, level, option, &value, &len) == 0 ? value : -errno;
}

static inline int inet_set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value));
}

/* What poll says at once. */
static inline void inet_show_events(const char *what, int fd)
{
    static const struct {
        short bit;
        const char *name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},
                 {POLLERR, "ERR"},       {POLLHUP, "HUP"},       {POLLRDNORM, "RDNORM"},
                 {POLLWRNORM, "WRNORM"}, {POLLWRBAND, "WRBAND"}, {0x2000, "RDHUP"}};
    struct pollfd p = {.fd = fd, .events = 0x23ff};
    poll(&p, 1, 0);
    printf("%s:", what);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (p.revents & names[i].bit)
            printf(" %s", names[i].name);
    printf("\n");
}

/* Until one of events holds. */
static inline void inet_await(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    if (poll(&p, 1, 5000) != 1)
        printf("nothing in 5 seconds\n");
}

static inline void inet_show_error(const char *what, int fd)
{
    int value = inet_get(fd, SOL_SOCKET, SO_ERROR);
    printf("%s: %s\n", what, value == 0 ? "none" : errno_name(value));
}

#endif
