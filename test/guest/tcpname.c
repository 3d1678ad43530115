// cpus: 1 2
/* SPDX-License-Identifier: MIT */
/* Names of TCP sockets: who may share a port, also after the end of connections; IPv6 sockets for
 * IPv4. Source: tcp(7), ip(7), ipv6(7), SO_REUSEADDR and SO_REUSEPORT in socket(7). */
#define _GNU_SOURCE
#include "test/guest/inet.h"

static int listening(int family, int backlog)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (inet_bind_to(fd, inet_home(family), 0) != 0 || listen(fd, backlog) != 0)
        printf("not listening: %s\n", errno_name(errno));
    return fd;
}

static int fds[16], n;

enum { LISTENS = 1, ONLY = 2 };

static void try_bind(const char *what, int family, const char *ip, unsigned port, int option,
                     int flags)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (option)
        inet_set(fd, SOL_SOCKET, option, 1);
    if (flags & ONLY)
        inet_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    int err = inet_bind_to(fd, ip, port) == 0 ? 0 : errno;
    printf("%s: bind %s %s", what, ip, err ? errno_name(err) : "ok");
    if ((flags & LISTENS) && err == 0)
        printf(", listen %s", listen(fd, 5) == 0 ? "ok" : errno_name(errno));
    printf("\n");
    fds[n++] = fd;
}

static void test_conflicts(void)
{
    fds[n++] = listening(AF_INET, 5);
    unsigned port = inet_own_port(fds[0]);
    try_bind("same", AF_INET, "127.0.0.1", port, 0, 0);
    try_bind("same, reuse", AF_INET, "127.0.0.1", port, SO_REUSEADDR, 0);
    try_bind("any", AF_INET, "0.0.0.0", port, 0, 0);
    try_bind("any, reuse", AF_INET, "0.0.0.0", port, SO_REUSEADDR, 0);
    try_bind("other", AF_INET, "127.0.0.2", port, 0, LISTENS);
    try_bind("both", AF_INET6, "::", port, 0, 0);
    try_bind("mapped", AF_INET6, "::ffff:127.0.0.1", port, 0, 0);
    try_bind("six", AF_INET6, "::", port, 0, ONLY | LISTENS);
    while (n > 0)
        close(fds[--n]);
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    for (int i = 0; i < 2; i++) {
        try_bind("first", AF_INET, "127.0.0.1", 0, options[i], 0);
        port = inet_own_port(fds[0]);
        try_bind("second", AF_INET, "127.0.0.1", port, options[i], 0);
        try_bind("differently", AF_INET, "127.0.0.1", port, options[!i], 0);
        try_bind("third", AF_INET, "0.0.0.0", port, options[i], 0);
        SHOW(listen(fds[0], 5));
        SHOW(listen(fds[1], 5));
        while (n > 0)
            close(fds[--n]);
    }
}

/* A server that ended first leaves its port busy, but not for one that says SO_REUSEADDR. */
static void test_time_wait(int family)
{
    int l = socket(family, SOCK_STREAM, 0);
    inet_set(l, SOL_SOCKET, SO_REUSEADDR, 1);
    inet_bind_to(l, inet_home(family), 0);
    listen(l, 5);
    unsigned port = inet_own_port(l);
    int c = socket(family, SOCK_STREAM, 0);
    char byte;
    inet_connect_to(c, inet_home(family), port);
    int s = accept(l, NULL, NULL);
    close(l);
    try_bind("connected", family, inet_home(family), port, 0, LISTENS);
    try_bind("connected, reuse", family, inet_home(family), port, SO_REUSEADDR, LISTENS);
    while (n > 0)
        close(fds[--n]);
    close(s);
    SHOW(recv(c, &byte, 1, 0));
    close(c);
    try_bind("waiting", family, inet_home(family), port, 0, LISTENS);
    try_bind("waiting, reuse", family, inet_home(family), port, SO_REUSEADDR, LISTENS);
    while (n > 0)
        close(fds[--n]);
}

static void test_families(void)
{
    int l = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(inet_bind_to(l, "::", 0));
    SHOW(listen(l, 5));
    SHOW(inet_set(l, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    int c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(inet_connect_to(c, "127.0.0.1", inet_own_port(l)));
    struct inet_addr_of a = {.len = sizeof(a.in6)};
    int s = accept(l, &a.any, &a.len);
    printf("from %s length %u\n", inet_text(&a), a.len);
    inet_show_self("accepted", s);
    inet_show_peer("accepted", s);
    close(s);
    close(c);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(inet_connect_to(c, "::ffff:127.0.0.1", inet_own_port(l)));
    inet_show_self("by a mapped address", c);
    close(accept(l, NULL, NULL));
    close(c);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(inet_set(c, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    SHOW(inet_connect_to(c, "::ffff:127.0.0.1", inet_own_port(l)));
    close(c);
    c = socket(AF_INET6, SOCK_STREAM, 0);
    SHOW(inet_connect_to(c, "::", inet_own_port(l)));
    inet_show_peer("any", c);
    close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(inet_connect_to(c, "127.255.255.255", inet_own_port(l)));
    SHOW(inet_connect_to(c, "224.0.0.1", inet_own_port(l)));
    close(c);
    c = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(inet_bind_to(c, "127.0.0.3", 0));
    SHOW(inet_connect_to(c, "127.0.0.9", inet_own_port(l)));
    s = accept(l, &a.any, &a.len);
    printf("from %s\n", inet_text(&a));
    inet_show_self("accepted", s);
    close(s);
    close(c);
    close(l);
}

/* Listeners that share a port: all get some connections. */
static void test_sharing(int family)
{
    unsigned port = 0;
    int l[4], got = 0, hit = 0;
    for (int i = 0; i < 4; i++) {
        l[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        inet_set(l[i], SOL_SOCKET, SO_REUSEPORT, 1);
        if (inet_bind_to(l[i], inet_home(family), port) != 0 || listen(l[i], 200) != 0)
            printf("not listening: %s\n", errno_name(errno));
        port = inet_own_port(l[i]);
    }
    for (int i = 0; i < 100; i++) {
        int c = socket(family, SOCK_STREAM, 0);
        if (inet_connect_to(c, inet_home(family), port) != 0)
            printf("not connected: %s\n", errno_name(errno));
        close(c);
    }
    for (int i = 0; i < 4; i++) {
        int mine = 0, s;
        while ((s = accept(l[i], NULL, NULL)) >= 0) {
            close(s);
            mine++;
        }
        got += mine;
        hit += mine > 0;
        close(l[i]);
    }
    printf("connections %d, listeners %d\n", got, hit);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_families();
    test_conflicts();
    test_time_wait(AF_INET);
    test_time_wait(AF_INET6);
    test_sharing(AF_INET);
    test_sharing(AF_INET6);
    return 0;
}
