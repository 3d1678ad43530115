// cpus: 1 2
/* SPDX-License-Identifier: MIT */
/* UDP sockets on the loopback interface: names, connections, messages, errors, readiness. Source:
 * udp(7), ip(7), ipv6(7). */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/time.h>

#include "test/guest/inet.h"

#define NONBLOCK (SOCK_DGRAM | SOCK_NONBLOCK)

static const char *home(int family)
{
    return family == AF_INET ? "127.0.0.1" : "::1";
}

static int opened(int family, const char *address)
{
    int fd = socket(family, NONBLOCK, 0);
    if (inet_bind_to(fd, address, 0) != 0)
        printf("not bound: %s\n", errno_name(errno));
    return fd;
}

static void receive(const char *what, int fd, size_t room, int flags)
{
    char buf[64] = "";
    struct inet_addr_of a = {.len = sizeof(a.in6)};
    long n = recvfrom(fd, buf, room, flags, &a.any, &a.len);
    if (n < 0)
        printf("%s: %s\n", what, errno_name(errno));
    else
        printf("%s: %ld '%s' from %s length %u\n", what, n, buf, inet_text(&a), a.len);
}

static void test_create(void)
{
    SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
    SHOW(socket(AF_INET, SOCK_RDM, 0));
    SHOW(socket(AF_INET, SOCK_RAW, 0));
    SHOW(socket(AF_INET6, SOCK_DGRAM, 250));
    int fds[2];
    SHOW(socketpair(AF_INET, SOCK_DGRAM, 0, fds));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    printf("protocol %d type %d domain %d\n", inet_get(fd, SOL_SOCKET, SO_PROTOCOL),
           inet_get(fd, SOL_SOCKET, SO_TYPE), inet_get(fd, SOL_SOCKET, SO_DOMAIN));
    SHOW(listen(fd, 1));
    SHOW(accept(fd, NULL, NULL));
    close(fd);
}

static void test_names(int family)
{
    struct inet_addr_of a;
    int fd = socket(family, NONBLOCK, 0);
    inet_show_self("new", fd);
    inet_show_peer("new", fd);
    inet_show_events("new", fd);
    SHOW(send(fd, "x", 1, 0));
    inet_show_self("after a send without an address", fd);
    SHOW(inet_send_to(fd, "x", home(family), 0));
    a = inet_make(home(family), 9);
    SHOW(sendto(fd, "x", 1, 0, &a.any, a.len - 5));
    SHOW(sendto(fd, "x", 1, 0, &a.any, 0));
    a.any.sa_family = AF_UNIX;
    SHOW(sendto(fd, "x", 1, 0, &a.any, a.len));
    SHOW(bind(fd, &a.any, a.len));
    SHOW(connect(fd, &a.any, a.len));
    a.any.sa_family = (sa_family_t)family;
    SHOW(bind(fd, &a.any, 3));
    SHOW(connect(fd, &a.any, 1));
    SHOW(connect(fd, &a.any, 3));
    close(fd);

    fd = socket(family, NONBLOCK, 0);
    SHOW(inet_bind_to(fd, family == AF_INET ? "198.51.100.7" : "2001:db8::7", 0));
    SHOW(inet_bind_to(fd, family == AF_INET ? "0.0.0.0" : "::", 0));
    inet_show_self("bound to any", fd);
    SHOW(inet_bind_to(fd, home(family), 0));
    close(fd);
    fd = opened(family, home(family));
    inet_show_self("bound", fd);
    close(fd);
}

static void test_messages(int family)
{
    int a = opened(family, home(family)), b = opened(family, home(family));
    unsigned port = inet_own_port(a);
    receive("nothing", a, 8, 0);
    SHOW(inet_send_to(b, "hello", home(family), port));
    SHOW(inet_send_to(b, "", home(family), port));
    SHOW(inet_send_to(b, "longer than its room", home(family), port));
    SHOW(inet_send_to(b, "longer than its room", home(family), port));
    SHOW(inet_send_to(b, "last", home(family), port));
    inet_show_events("filled", a);
    int n = -1;
    SHOW(ioctl(a, FIONREAD, &n));
    printf("first has %d\n", n);
    receive("peek", a, 3, MSG_PEEK);
    receive("peek", a, 3, MSG_PEEK | MSG_TRUNC);
    receive("whole", a, 20, MSG_WAITALL);
    SHOW(ioctl(a, FIONREAD, &n));
    printf("empty one has %d\n", n);
    receive("empty", a, 20, 0);
    receive("cut", a, 6, 0);
    receive("cut, but told", a, 6, MSG_TRUNC);
    SHOW(ioctl(a, TIOCOUTQ, &n));
    printf("to send %d\n", n);
    SHOW(read(a, &n, 4));
    inet_show_events("empty", a);
    SHOW(sendto(b, "x", 1, MSG_OOB, NULL, 0));
    SHOW(recv(a, &n, 1, MSG_OOB));
    close(a);
    close(b);
}

static void test_connect(int family)
{
    const char *any = family == AF_INET ? "0.0.0.0" : "::";
    int a = opened(family, any), b = socket(family, NONBLOCK, 0), c = opened(family, any);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    SHOW(inet_connect_to(b, any, inet_own_port(a)));
    inet_show_self("connected", b);
    inet_show_peer("connected", b);
    SHOW(send(b, "one", 3, 0));
    SHOW(inet_send_to(b, "other", home(family), inet_own_port(c)));
    receive("a", a, 10, 0);
    receive("c", c, 10, 0);
    SHOW(inet_send_to(c, "stranger", home(family), inet_own_port(b)));
    receive("b hears its peer only", b, 10, 0);
    receive("c is refused, but not connected", c, 10, 0);
    SHOW(inet_send_to(a, "peer", home(family), inet_own_port(b)));
    receive("b", b, 10, 0);
    SHOW(connect(b, &none, sizeof(none)));
    inet_show_self("dissolved", b);
    inet_show_peer("dissolved", b);
    SHOW(send(b, "x", 1, 0));
    SHOW(inet_bind_to(b, home(family), 0));
    SHOW(inet_connect_to(b, home(family), 0));
    inet_show_peer("port 0", b);
    SHOW(send(b, "x", 1, 0));
    SHOW(inet_connect_to(b, home(family), inet_own_port(c)));
    SHOW(connect(b, &none, sizeof(none)));
    inet_show_self("bound and dissolved", b);
    close(a);
    close(b);
    close(c);
}

static void test_refused(int family)
{
    int a = opened(family, home(family)), b = opened(family, home(family));
    unsigned port = inet_own_port(a);
    SHOW(inet_connect_to(b, home(family), port));
    close(a);
    SHOW(send(b, "x", 1, 0));
    inet_show_events("refused", b);
    inet_show_error("error", b);
    inet_show_error("again", b);
    SHOW(send(b, "x", 1, 0));
    SHOW(send(b, "y", 1, 0));
    SHOW(send(b, "x", 1, 0));
    receive("refused", b, 4, 0);
    receive("refused", b, 4, 0);
    fcntl(b, F_SETFL, 0);
    SHOW(send(b, "x", 1, 0));
    SHOW(recv(b, &port, 1, 0));
    close(b);
    b = opened(family, home(family));
    SHOW(inet_send_to(b, "x", home(family), port));
    SHOW(inet_send_to(b, "x", home(family), port));
    inet_show_error("not connected", b);
    close(b);
}

static void test_shutdown(int family)
{
    char byte;
    int a = opened(family, home(family)), b = socket(family, SOCK_DGRAM, 0);
    SHOW(shutdown(b, SHUT_RD));
    inet_show_events("reading has ended", b);
    SHOW(recv(b, &byte, 1, 0));
    SHOW(recv(b, &byte, 1, MSG_DONTWAIT));
    SHOW(inet_connect_to(b, home(family), inet_own_port(a)));
    SHOW(shutdown(b, SHUT_WR));
    inet_show_events("both have", b);
    SHOW(send(b, "x", 1, MSG_NOSIGNAL));
    SHOW(send(b, "x", 1, 0));
    SHOW(shutdown(b, 5));
    SHOW(inet_send_to(a, "late", home(family), inet_own_port(b)));
    SHOW(recv(b, &byte, 1, 0));
    SHOW(recv(b, &byte, 1, 0));
    close(a);
    close(b);
}

static void test_large(int family)
{
    static char out[70000], in[70000];
    int a = opened(family, home(family)), b = opened(family, home(family));
    struct inet_addr_of to = inet_self(a);
    static const size_t sizes[] = {1400,  1500,  9000,  65487, 65507,
                                   65508, 65527, 65528, 65535, 65536};
    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + i / 251);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        long n = sendto(b, out, sizes[i], 0, &to.any, to.len);
        long got = recv(a, in, sizeof(in), 0);
        printf("%zu: %ld %s, got %ld %s\n", sizes[i], n, n < 0 ? errno_name(errno) : "", got,
               got < 0 || memcmp(in, out, (size_t)got) == 0 ? "" : "DAMAGED");
    }
    close(a);
    close(b);
}

static void test_full(int family)
{
    static char data[4096];
    int a = opened(family, home(family)), b = opened(family, home(family));
    struct inet_addr_of to = inet_self(a);
    inet_set(a, SOL_SOCKET, SO_RCVBUF, 20000);
    int sent = 0, got = 0;
    for (int i = 0; i < 100; i++)
        sent += sendto(b, data, sizeof(data), 0, &to.any, to.len) == sizeof(data);
    while (recv(a, data, sizeof(data), 0) == sizeof(data))
        got++;
    printf("sent %d, got some %d but not all %d\n", sent, got > 2, got < 30);
    SHOW(sendto(b, data, 1, 0, &to.any, to.len));
    SHOW(recv(a, data, sizeof(data), 0));
    close(a);
    close(b);
}

static void test_timeouts(int family)
{
    char byte;
    struct timeval tv = {.tv_usec = 20000};
    int a = socket(family, SOCK_DGRAM, 0);
    inet_bind_to(a, home(family), 0);
    setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    SHOW(recv(a, &byte, 1, 0));
    SHOW(recv(a, &byte, 1, MSG_DONTWAIT));
    SHOW(recv(a, &byte, 1, MSG_PEEK));
    close(a);
}

static void test_families(void)
{
    int six = opened(AF_INET6, "::"), four = opened(AF_INET, "127.0.0.1");
    int only = socket(AF_INET6, NONBLOCK, 0);
    SHOW(inet_send_to(four, "mapped", "127.0.0.1", inet_own_port(six)));
    receive("mapped", six, 10, 0);
    SHOW(inet_send_to(six, "back", "::ffff:127.0.0.1", inet_own_port(four)));
    receive("plain", four, 10, 0);
    SHOW(inet_send_to(six, "back", "127.0.0.1", inet_own_port(four))); /* an AF_INET address */
    receive("plain", four, 10, 0);
    SHOW(inet_send_to(four, "x", "::1", inet_own_port(six)));
    SHOW(inet_connect_to(six, "::ffff:127.0.0.1", inet_own_port(four)));
    inet_show_self("connected to a mapped address", six);
    inet_show_peer("connected to a mapped address", six);
    printf("v6only %d\n", inet_get(only, IPPROTO_IPV6, IPV6_V6ONLY));
    SHOW(inet_set(only, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    SHOW(inet_bind_to(only, "::ffff:127.0.0.1", 0));
    SHOW(inet_bind_to(only, "::", 0));
    SHOW(inet_set(only, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    SHOW(inet_send_to(only, "x", "::ffff:127.0.0.1", inet_own_port(four)));
    SHOW(inet_connect_to(only, "::ffff:127.0.0.1", inet_own_port(four)));
    SHOW(inet_send_to(four, "x", "127.0.0.1", inet_own_port(only)));
    receive("nothing", only, 4, 0);
    SHOW(inet_bind_to(socket(AF_INET6, NONBLOCK, 0), "fe80::1", 0));
    close(six);
    close(four);
    close(only);
}

static int try_bind(int family, const char *address, unsigned port, int option, int only)
{
    int fd = socket(family, NONBLOCK, 0);
    if (option)
        inet_set(fd, SOL_SOCKET, option, 1);
    if (only)
        inet_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    int err = inet_bind_to(fd, address, port) == 0 ? 0 : errno;
    printf("bind %s option %d only %d: %s\n", address, option, only, err ? errno_name(err) : "ok");
    return fd;
}

static void test_conflicts(void)
{
    int fds[16], n = 0;
    fds[n++] = opened(AF_INET, "127.0.0.1");
    unsigned port = inet_own_port(fds[0]);
    fds[n++] = try_bind(AF_INET, "127.0.0.1", port, 0, 0);
    fds[n++] = try_bind(AF_INET, "127.0.0.1", port, SO_REUSEADDR, 0);
    fds[n++] = try_bind(AF_INET, "0.0.0.0", port, 0, 0);
    fds[n++] = try_bind(AF_INET, "127.0.0.2", port, 0, 0);
    fds[n++] = try_bind(AF_INET6, "::", port, 0, 0);
    fds[n++] = try_bind(AF_INET6, "::ffff:127.0.0.1", port, 0, 0);
    fds[n++] = try_bind(AF_INET6, "::", port, 0, 1);
    fds[n++] = try_bind(AF_INET6, "::1", port, 0, 0);
    while (n > 0)
        close(fds[--n]);
    static const int options[] = {SO_REUSEADDR, SO_REUSEPORT};
    for (int i = 0; i < 2; i++) {
        fds[n++] = try_bind(AF_INET, "127.0.0.1", 0, options[i], 0);
        port = inet_own_port(fds[0]);
        fds[n++] = try_bind(AF_INET, "127.0.0.1", port, options[i], 0);
        fds[n++] = try_bind(AF_INET, "127.0.0.1", port, options[!i], 0);
        fds[n++] = try_bind(AF_INET, "0.0.0.0", port, options[i], 0);
        while (n > 0)
            close(fds[--n]);
    }
}

/* Of sockets that share a port the last one gets what is sent to it, and the more exact one. */
static void test_preference(void)
{
    int a = try_bind(AF_INET, "127.0.0.1", 0, SO_REUSEADDR, 0);
    unsigned port = inet_own_port(a);
    int b = try_bind(AF_INET, "127.0.0.1", port, SO_REUSEADDR, 0);
    int any = try_bind(AF_INET, "0.0.0.0", port, SO_REUSEADDR, 0);
    int from = opened(AF_INET, "127.0.0.1");
    inet_send_to(from, "1", "127.0.0.1", port);
    inet_send_to(from, "2", "127.0.0.5", port);
    receive("a", a, 4, 0);
    receive("b", b, 4, 0);
    receive("any", any, 4, 0);
    inet_connect_to(a, "127.0.0.1", inet_own_port(from));
    inet_send_to(from, "3", "127.0.0.1", port);
    receive("a, connected", a, 4, 0);
    receive("b", b, 4, 0);
    close(a);
    close(b);
    close(any);
    close(from);
}

/* The same peer always reaches the same socket of a group, and all of them get some. */
static void test_reuseport(int family)
{
    int fds[4], sender, total = 0, hit = 0, mixed = 0;
    unsigned port = 0;
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(family, NONBLOCK, 0);
        inet_set(fds[i], SOL_SOCKET, SO_REUSEPORT, 1);
        if (inet_bind_to(fds[i], home(family), port) != 0)
            printf("not shared: %s\n", errno_name(errno));
        port = inet_own_port(fds[i]);
    }
    for (int i = 0; i < 200; i++) {
        sender = opened(family, home(family));
        inet_send_to(sender, "x", home(family), port);
        inet_send_to(sender, "x", home(family), port);
        close(sender);
    }
    for (int i = 0; i < 4; i++) {
        int n = 0;
        char byte;
        while (recv(fds[i], &byte, 1, 0) == 1)
            n++;
        total += n;
        hit += n > 0;
        mixed += n & 1;
        close(fds[i]);
    }
    printf("total %d, sockets %d, odd counts %d\n", total, hit, mixed);
}

static void test_broadcast(void)
{
    int a = opened(AF_INET, "0.0.0.0"), b = opened(AF_INET, "0.0.0.0");
    unsigned port = inet_own_port(a);
    SHOW(inet_send_to(b, "x", "127.255.255.255", port));
    SHOW(inet_connect_to(b, "127.255.255.255", port));
    SHOW(inet_set(b, SOL_SOCKET, SO_BROADCAST, 1));
    SHOW(inet_send_to(b, "all", "127.255.255.255", port));
    receive("broadcast", a, 8, 0);
    close(a);
    close(b);
}

int main(void)
{
    static const int families[] = {AF_INET, AF_INET6};
    test_create();
    for (int i = 0; i < 2; i++) {
        printf("-- %s\n", i ? "IPv6" : "IPv4");
        test_names(families[i]);
        test_messages(families[i]);
        test_connect(families[i]);
        test_refused(families[i]);
        test_shutdown(families[i]);
        test_large(families[i]);
        test_full(families[i]);
        test_timeouts(families[i]);
        test_reuseport(families[i]);
    }
    printf("-- both\n");
    test_families();
    test_conflicts();
    test_preference();
    test_broadcast();
    return 0;
}
