/* SPDX-License-Identifier: MIT */
/* Options of UDP sockets, and what control messages tell: multicast groups, packet information,
 * queued errors, corks. Source: udp(7), ip(7), ipv6(7), cmsg(3). */
#define _GNU_SOURCE
#include <time.h>
/* clang-format off: errqueue.h needs the other */
#include <linux/errqueue.h>
/* clang-format on */
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "test/guest/inet.h"

#define NONBLOCK (SOCK_DGRAM | SOCK_NONBLOCK)
#define GROUP "239.1.2.3"
#define GROUP6 "ff15::1234"

static int opened(int family, const char *address)
{
    int fd = socket(family, NONBLOCK, 0);
    if (inet_bind_to(fd, address, 0) != 0)
        printf("not bound: %s\n", errno_name(errno));
    return fd;
}

static const char *home(int family)
{
    return family == AF_INET ? "127.0.0.1" : "::1";
}

/* What the host itself has as defaults is not asked for. */
struct option {
    const char *name;
    int level, option, values[6];
};
#define O(l, o, ...)    \
    {                   \
#o, l, o,       \
        {               \
            __VA_ARGS__ \
        }               \
    }

static const struct option options4[] = {
    O(IPPROTO_IP, IP_TTL, 1, 255, 256, 0, -1, -2),
    O(IPPROTO_IP, IP_TOS, 0x10, 255, 256, 0x28, -1, 0),
    O(IPPROTO_IP, IP_MTU_DISCOVER, 0, 1, 2, 3, 5, 6),
    O(IPPROTO_IP, IP_RECVERR, 1, 0, 5, -1, 0, 0),
    O(IPPROTO_IP, IP_PKTINFO, 1, 0, 7, 0, 0, 0),
    O(IPPROTO_IP, IP_RECVTTL, 1, 0, 7, 0, 0, 0),
    O(IPPROTO_IP, IP_RECVTOS, 1, 0, 7, 0, 0, 0),
    O(IPPROTO_IP, IP_RECVORIGDSTADDR, 1, 0, 7, 0, 0, 0),
    O(IPPROTO_IP, IP_RECVOPTS, 1, 0, 7, 0, 0, 0),
    O(IPPROTO_IP, IP_MULTICAST_TTL, 0, 255, 256, -1, -2, 1),
    O(IPPROTO_IP, IP_MULTICAST_LOOP, 0, 1, 2, -1, 0, 1),
    O(IPPROTO_IP, IP_MULTICAST_ALL, 0, 1, 2, -1, 0, 1),
    O(IPPROTO_IP, IP_FREEBIND, 1, 0, 2, 0, 0, 0),
    O(IPPROTO_IP, IP_MINTTL, 0, 255, 256, -1, 0, 0),
    O(IPPROTO_IP, IP_HDRINCL, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, 250, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_V6ONLY, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_TCP, 1, 1, 0, 0, 0, 0, 0),
    O(SOL_SOCKET, SO_BROADCAST, 1, 0, 2, -1, 0, 0),
    O(SOL_SOCKET, SO_REUSEPORT, 1, 0, 2, -1, 0, 0),
    O(SOL_SOCKET, SO_RCVLOWAT, 1, 0, 5, -1, 1, 1),
};

static const struct option options6[] = {
    O(IPPROTO_IPV6, IPV6_V6ONLY, 1, 0, 2, -1, 0, 0),
    O(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 0, 255, 256, -1, -2, 1),
    O(IPPROTO_IPV6, IPV6_TCLASS, 0, 255, 256, -1, -2, 8),
    O(IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0, 1, 2, 3, 5, 6),
    O(IPPROTO_IPV6, IPV6_RECVERR, 1, 0, 5, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, 0, 5, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, 0, 5, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_RECVTCLASS, 1, 0, 5, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 0, 255, 256, -1, -2, 1),
    O(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0, 1, 2, -1, 0, 1),
    O(IPPROTO_IPV6, IPV6_DONTFRAG, 1, 0, 2, 0, 0, 0),
    O(IPPROTO_IPV6, IPV6_MULTICAST_IF, 1, 0, 99, -1, 0, 0),
    O(IPPROTO_IPV6, 250, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, IP_TTL, 1, 255, 256, 0, -1, -2),
    O(IPPROTO_IP, IP_RECVTTL, 1, 0, 7, 0, 0, 0),
};

static void try_options(int family, const struct option *o, unsigned n)
{
    int fd = socket(family, NONBLOCK, 0);
    for (unsigned i = 0; i < n; i++) {
        printf("%s: first %d;", o[i].name, inet_get(fd, o[i].level, o[i].option));
        for (unsigned v = 0; v < 6; v++) {
            int err = inet_set(fd, o[i].level, o[i].option, o[i].values[v]) == 0 ? 0 : errno;
            printf(" %d:%s %d", o[i].values[v], err ? errno_name(err) : "",
                   inet_get(fd, o[i].level, o[i].option));
        }
        printf("\n");
    }
    close(fd);
}

static void test_options(void)
{
    try_options(AF_INET, options4, sizeof(options4) / sizeof(options4[0]));
    try_options(AF_INET6, options6, sizeof(options6) / sizeof(options6[0]));
    int fd = socket(AF_INET, NONBLOCK, 0);
    unsigned char byte = 9;
    socklen_t len = 1;
    SHOW(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 1));
    byte = 0;
    SHOW(getsockopt(fd, IPPROTO_IP, IP_TTL, &byte, &len));
    printf("octet %d length %u\n", byte, len);
    SHOW(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 0));
    SHOW(inet_get(fd, IPPROTO_IP, IP_MTU) == -ENOTCONN);
    inet_connect_to(fd, "127.0.0.1", 9);
    SHOW(inet_get(fd, IPPROTO_IP, IP_MTU));
    close(fd);
    fd = socket(AF_INET6, NONBLOCK, 0);
    SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &byte, 1));
    close(fd);
}

static void show_control(struct msghdr *m, int family)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        int number = 0;
        size_t n = c->cmsg_len - CMSG_LEN(0);
        memcpy(&number, CMSG_DATA(c), n < sizeof(number) ? n : sizeof(number));
        printf("  level %d type %d length %zu", c->cmsg_level, c->cmsg_type, n);
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            char to[INET_ADDRSTRLEN], spec[INET_ADDRSTRLEN];
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            printf(" interface %d to %s own %s\n", info.ipi_ifindex,
                   inet_ntop(AF_INET, &info.ipi_addr, to, sizeof(to)),
                   inet_ntop(AF_INET, &info.ipi_spec_dst, spec, sizeof(spec)));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            char to[INET6_ADDRSTRLEN];
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            printf(" interface %u to %s\n", info.ipi6_ifindex,
                   inet_ntop(AF_INET6, &info.ipi6_addr, to, sizeof(to)));
        } else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                   (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
            struct sock_extended_err e;
            struct inet_addr_of a;
            memcpy(&e, CMSG_DATA(c), sizeof(e));
            memcpy(&a.in6, CMSG_DATA(c) + sizeof(e),
                   family == AF_INET ? sizeof(a.in) : sizeof(a.in6));
            printf(" %s origin %u type %u code %u info %u offender family %d\n",
                   errno_name((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code, e.ee_info,
                   a.any.sa_family);
        } else if (c->cmsg_level == SOL_SOCKET) {
            printf("\n");
        } else {
            printf(" value %d\n", number);
        }
    }
}

static void receive(const char *what, int fd, int flags, size_t control)
{
    char buf[32] = "";
    long space[64];
    struct inet_addr_of a;
    struct iovec v = {buf, sizeof(buf) - 1};
    struct msghdr m = {.msg_name = &a.in6,
                       .msg_namelen = sizeof(a.in6),
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = space,
                       .msg_controllen = control};
    memset(&a, 0, sizeof(a));
    memset(space, 0, sizeof(space));
    long n = recvmsg(fd, &m, flags);
    if (n < 0) {
        printf("%s: %s\n", what, errno_name(errno));
        return;
    }
    printf("%s: %ld '%s' from %s flags %x\n", what, n, buf,
           m.msg_namelen ? inet_text(&a) : "nobody", m.msg_flags);
    show_control(&m, a.any.sa_family);
}

/* Send with one control message that has an int. */
static long send_with(int fd, const struct inet_addr_of *to, int level, int type, const void *data,
                      size_t len)
{
    long space[16];
    struct iovec v = {(char *)"with", 4};
    struct msghdr m = {.msg_name = (void *)&to->any,
                       .msg_namelen = to->len,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = space,
                       .msg_controllen = CMSG_SPACE(len)};
    memset(space, 0, sizeof(space));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(c), data, len);
    return sendmsg(fd, &m, 0);
}

static void test_control4(void)
{
    int a = opened(AF_INET, "0.0.0.0"), b = opened(AF_INET, "127.0.0.1");
    struct inet_addr_of to = inet_make("127.0.0.1", inet_own_port(a));
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = inet_addr("127.0.0.9")};
    int number = 33, zero = 0, large = 300;
    unsigned char octet = 0x20;
    inet_set(a, IPPROTO_IP, IP_PKTINFO, 1);
    inet_set(a, IPPROTO_IP, IP_RECVTTL, 1);
    inet_set(a, IPPROTO_IP, IP_RECVTOS, 1);
    inet_set(a, SOL_SOCKET, SO_TIMESTAMP, 1);
    inet_set(b, IPPROTO_IP, IP_TTL, 77);
    inet_set(b, IPPROTO_IP, IP_TOS, 0x10);
    inet_send_to(b, "plain", "127.0.0.1", inet_own_port(a));
    receive("all", a, 0, 512);
    inet_send_to(b, "plain", "127.0.0.7", inet_own_port(a));
    receive("no room", a, 0, 0);
    inet_send_to(b, "plain", "127.0.0.7", inet_own_port(a));
    receive("little room", a, 0, CMSG_SPACE(16) + CMSG_LEN(6));
    inet_set(a, SOL_SOCKET, SO_TIMESTAMP, 0);
    SHOW(send_with(b, &to, IPPROTO_IP, IP_TTL, &number, sizeof(number)));
    receive("ttl", a, 0, 512);
    SHOW(send_with(b, &to, IPPROTO_IP, IP_TTL, &zero, sizeof(zero)));
    SHOW(send_with(b, &to, IPPROTO_IP, IP_TTL, &large, sizeof(large)));
    SHOW(send_with(b, &to, IPPROTO_IP, IP_TTL, &octet, sizeof(octet)));
    SHOW(send_with(b, &to, IPPROTO_IP, IP_TOS, &octet, sizeof(octet)));
    receive("tos", a, 0, 512);
    SHOW(send_with(b, &to, IPPROTO_IP, IP_RECVTOS, &octet, sizeof(octet)));
    SHOW(send_with(b, &to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)));
    receive("from elsewhere", a, 0, 512);
    info.ipi_ifindex = 257; /* of no interface, nor is it the first's */
    SHOW(send_with(b, &to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)));
    info.ipi_ifindex = 0;
    info.ipi_spec_dst.s_addr = inet_addr("198.51.100.7");
    SHOW(send_with(b, &to, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info)));
    SHOW(send_with(b, &to, IPPROTO_IP, IP_PKTINFO, &info, 4));
    SHOW(send_with(b, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &number, sizeof(number)));
    SHOW(send_with(b, &to, SOL_SOCKET, 250, &number, sizeof(number)));
    close(a);
    close(b);
}

static void test_control6(void)
{
    int a = opened(AF_INET6, "::"), b = opened(AF_INET6, "::"), four = opened(AF_INET, "127.0.0.1");
    struct inet_addr_of to = inet_make("::1", inet_own_port(a));
    int number = 33;
    inet_set(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    inet_set(a, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    inet_set(a, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    inet_set(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
    inet_set(b, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
    inet_send_to(b, "plain", "::1", inet_own_port(a));
    receive("all", a, 0, 512);
    SHOW(send_with(b, &to, IPPROTO_IPV6, IPV6_HOPLIMIT, &number, sizeof(number)));
    receive("hops", a, 0, 512);
    SHOW(send_with(b, &to, IPPROTO_IPV6, IPV6_TCLASS, &number, sizeof(number)));
    receive("class", a, 0, 512);
    inet_send_to(four, "four", "127.0.0.1", inet_own_port(a));
    receive("mapped", a, 0, 512);
    close(a);
    close(b);
    close(four);
}

static void test_errors(int family)
{
    int a = opened(family, home(family)), b = opened(family, home(family));
    unsigned port = inet_own_port(a);
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
    close(a);
    receive("none", b, MSG_ERRQUEUE, 512);
    SHOW(inet_set(b, level, option, 1));
    SHOW(inet_send_to(b, "first", home(family), port));
    inet_show_events("an error", b);
    SHOW(inet_send_to(b, "second", home(family), port));
    SHOW(inet_send_to(b, "third", home(family), port));
    receive("error", b, MSG_ERRQUEUE, 512);
    inet_show_events("another", b);
    receive("error", b, MSG_ERRQUEUE, 0);
    inet_show_events("no more", b);
    inet_show_error("error", b);
    receive("none", b, MSG_ERRQUEUE, 512);
    SHOW(inet_set(b, SOL_SOCKET, SO_SELECT_ERR_QUEUE, 1));
    SHOW(inet_send_to(b, "fourth", home(family), port));
    inet_show_events("urgent", b);
    receive("told", b, 0, 512);
    SHOW(inet_set(b, level, option, 0));
    receive("thrown away", b, MSG_ERRQUEUE, 512);
    close(b);
    b = opened(family, home(family));
    inet_set(b, level, option, 1);
    char large[3000] = {0};
    SHOW(inet_connect_to(b, home(family), port));
    SHOW(send(b, large, sizeof(large), 0));
    SHOW(recv(b, large, sizeof(large), MSG_ERRQUEUE)); /* as much as an ICMP message quotes */
    close(b);
}

static void test_groups4(void)
{
    int a = opened(AF_INET, "0.0.0.0"), b = opened(AF_INET, "127.0.0.1");
    unsigned port = inet_own_port(a);
    struct ip_mreq m = {{inet_addr(GROUP)}, {inet_addr("127.0.0.1")}};
    struct ip_mreqn n = {{inet_addr(GROUP)}, {0}, 1};
    struct in_addr lo = {inet_addr("127.0.0.1")}, none = {inet_addr("198.51.100.7")}, got = {1};
    socklen_t len = sizeof(got);
    SHOW(setsockopt(b, IPPROTO_IP, IP_MULTICAST_IF, &none, sizeof(none)));
    SHOW(setsockopt(b, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof(lo)));
    SHOW(getsockopt(b, IPPROTO_IP, IP_MULTICAST_IF, &got, &len));
    printf("by %s\n", inet_ntoa(got));
    SHOW(setsockopt(b, IPPROTO_IP, IP_MULTICAST_IF, &lo, 2));
    SHOW(inet_send_to(b, "nobody", GROUP, port));
    receive("not joined", a, 0, 0);
    SHOW(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
    SHOW(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &n, sizeof(n)));
    SHOW(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, 4));
    inet_set(a, IPPROTO_IP, IP_PKTINFO, 1);
    inet_set(a, IPPROTO_IP, IP_RECVTTL, 1);
    SHOW(inet_send_to(b, "group", GROUP, port));
    receive("joined", a, 0, 512);
    inet_set(b, IPPROTO_IP, IP_MULTICAST_TTL, 5);
    SHOW(inet_send_to(b, "group", GROUP, port));
    receive("joined", a, 0, 512);
    SHOW(inet_send_to(b, "other", "239.1.2.4", port));
    receive("another group", a, 0, 0);
    int c = socket(AF_INET, NONBLOCK, 0);
    inet_set(a, SOL_SOCKET, SO_REUSEADDR, 1);
    inet_set(c, SOL_SOCKET, SO_REUSEADDR, 1);
    SHOW(inet_bind_to(c, GROUP, port));
    inet_show_self("bound to the group", c);
    SHOW(inet_send_to(b, "both", GROUP, port));
    receive("a", a, 0, 0);
    receive("c", c, 0, 0);
    inet_set(c, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    SHOW(inet_send_to(b, "members", GROUP, port));
    receive("a", a, 0, 0);
    receive("c", c, 0, 0);
    SHOW(inet_send_to(c, "from a group", "127.0.0.1", inet_own_port(b)));
    receive("b", b, 0, 0);
    SHOW(setsockopt(c, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)));
    SHOW(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &n, sizeof(n)));
    SHOW(setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &n, sizeof(n)));
    SHOW(inet_send_to(b, "nobody", GROUP, port));
    receive("left", a, 0, 0);
    m.imr_multiaddr.s_addr = inet_addr("10.0.0.1");
    SHOW(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
    n.imr_ifindex = 99;
    SHOW(setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &n, sizeof(n)));
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    m.imr_multiaddr.s_addr = inet_addr(GROUP);
    printf("TCP: %d\n", setsockopt(tcp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
    close(tcp);
    close(a);
    close(b);
    close(c);
}

static void test_groups6(void)
{
    int a = opened(AF_INET6, "::"), b = opened(AF_INET6, "::1");
    unsigned port = inet_own_port(a);
    struct ipv6_mreq m = {.ipv6mr_interface = 1};
    inet_pton(AF_INET6, GROUP6, &m.ipv6mr_multiaddr);
    SHOW(inet_set(b, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1));
    SHOW(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)));
    SHOW(setsockopt(a, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)));
    SHOW(inet_send_to(b, "group", GROUP6, port));
    inet_set(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    receive("joined", a, 0, 512);
    SHOW(setsockopt(a, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)));
    SHOW(setsockopt(a, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof(m)));
    SHOW(inet_send_to(b, "nobody", GROUP6, port));
    receive("left", a, 0, 0);
    struct group_req g = {.gr_interface = 1};
    struct inet_addr_of to = inet_make(GROUP6, 0);
    memcpy(&g.gr_group, &to.in6, sizeof(to.in6));
    SHOW(setsockopt(a, IPPROTO_IPV6, MCAST_JOIN_GROUP, &g, sizeof(g)));
    SHOW(inet_send_to(b, "again", GROUP6, port));
    receive("joined", a, 0, 0);
    close(a);
    close(b);
}

static void test_cork(void)
{
    int a = opened(AF_INET, "127.0.0.1"), b = opened(AF_INET, "127.0.0.1");
    struct inet_addr_of to = inet_self(a);
    SHOW(sendto(b, "one ", 4, MSG_MORE, &to.any, to.len));
    receive("nothing yet", a, 0, 0);
    SHOW(send(b, "two", 3, 0));
    receive("together", a, 0, 0);
    SHOW(inet_set(b, IPPROTO_UDP, UDP_CORK, 1));
    SHOW(inet_get(b, IPPROTO_UDP, UDP_CORK));
    SHOW(sendto(b, "three ", 6, 0, &to.any, to.len));
    SHOW(sendto(b, "four", 4, 0, &to.any, to.len));
    receive("nothing yet", a, 0, 0);
    SHOW(inet_set(b, IPPROTO_UDP, UDP_CORK, 0));
    receive("together", a, 0, 0);
    receive("nothing", a, 0, 0);
    SHOW(sendto(b, "lost", 4, MSG_MORE, &to.any, to.len));
    close(b);
    receive("closed", a, 0, 0);
    close(a);
}

static void test_stamp(void)
{
    int a = opened(AF_INET, "127.0.0.1");
    struct timeval tv;
    SHOW(ioctl(a, 0x8906, &tv)); /* SIOCGSTAMP */
    char name[IF_NAMESIZE] = "?";
    socklen_t len = sizeof(name);
    SHOW(getsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("length %u\n", len);
    SHOW(setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "nothere", 7));
    SHOW(setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
    len = sizeof(name);
    SHOW(getsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
    printf("%s length %u\n", name, len);
    SHOW(inet_send_to(a, "self", "127.0.0.1", inet_own_port(a)));
    receive("self", a, 0, 0);
    SHOW(setsockopt(a, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
    close(a);
}

int main(void)
{
    test_options();
    test_control4();
    test_control6();
    test_errors(AF_INET);
    test_errors(AF_INET6);
    test_groups4();
    test_groups6();
    test_cork();
    test_stamp();
    return 0;
}
