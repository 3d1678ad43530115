/* SPDX-License-Identifier: MIT */
// host: alone
/* Raw sockets: ICMP echoes on the loopback interface, filters, headers of the program's own; and
 * what /proc/net says of sockets. Source: raw(7), icmp(7), proc(5). */
#define _GNU_SOURCE
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include "test/guest/inet.h"

static unsigned short sum_up(const void *data, size_t len)
{
    const unsigned char *p = data;
    unsigned sum = 0;
    for (size_t i = 0; i < len; i += 2)
        sum += (unsigned)(p[i] << 8) + (i + 1 < len ? p[i + 1] : 0);
    sum = (sum & 0xffff) + (sum >> 16);
    return htons((unsigned short)~((sum & 0xffff) + (sum >> 16)));
}

static void receive4(const char *what, int fd)
{
    unsigned char buf[256];
    struct inet_addr_of a = {.len = sizeof(a.in6)};
    long n = recvfrom(fd, buf, sizeof(buf), 0, &a.any, &a.len);
    if (n < 28) {
        printf("%s: %ld %s\n", what, n, n < 0 ? errno_name(errno) : "");
        return;
    }
    printf(
        "%s: %ld from %s port %u: version %d header %d ttl %d protocol %d; type %d id %x sum %s\n",
        what, n, inet_text(&a), inet_port(&a), buf[0] >> 4, (buf[0] & 15) * 4, buf[8], buf[9],
        buf[20], buf[24] << 8 | buf[25], sum_up(buf + 20, (size_t)n - 20) == 0 ? "good" : "BAD");
}

static void test_echo4(void)
{
    int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
    int other = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
    struct icmphdr h = {.type = ICMP_ECHO, .un.echo.id = htons(0x1234), .un.echo.sequence = 1};
    struct inet_addr_of to = inet_make("127.0.0.1", 0);
    unsigned filter = ~(1U << ICMP_ECHOREPLY);
    h.checksum = sum_up(&h, sizeof(h));
    inet_show_self("new", fd);
    inet_show_peer("new", fd);
    inet_show_events("new", fd);
    SHOW(setsockopt(other, 255, 1, &filter, sizeof(filter))); /* ICMP_FILTER */
    inet_set(fd, IPPROTO_IP, IP_TTL, 33);
    SHOW(sendto(fd, &h, sizeof(h), 0, &to.any, to.len));
    inet_await(fd, POLLIN);
    receive4("request", fd);
    receive4("reply", fd);
    receive4("no more", fd);
    receive4("filtered", other);
    receive4("no more", other);
    SHOW(send(fd, &h, sizeof(h), 0));
    SHOW(inet_connect_to(fd, "127.0.0.1", 0));
    SHOW(send(fd, &h, sizeof(h), 0));
    receive4("connected", fd);
    SHOW(inet_get(fd, IPPROTO_IP, IP_HDRINCL));
    SHOW(inet_bind_to(other, "198.51.100.7", 0));
    SHOW(inet_bind_to(other, "127.0.0.2", 0));
    inet_show_self("bound", other);
    receive4("before", other);
    SHOW(send(fd, &h, sizeof(h), 0));
    receive4("to another address", other);
    close(fd);
    close(other);
}

static void test_echo6(void)
{
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    struct icmp6_hdr h = {.icmp6_type = ICMP6_ECHO_REQUEST};
    struct inet_addr_of to = inet_make("::1", 0), from = {.len = sizeof(from.in6)};
    struct icmp6_filter filter;
    unsigned char buf[64] = {0};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    SHOW(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)));
    SHOW(inet_set(fd, IPPROTO_IPV6, 7 /* IPV6_CHECKSUM */, 2));
    h.icmp6_id = htons(0x4321);
    SHOW(sendto(fd, &h, sizeof(h), 0, &to.any, to.len));
    inet_await(fd, POLLIN);
    SHOW(recvfrom(fd, buf, sizeof(buf), 0, &from.any, &from.len));
    printf("type %d id %x from %s\n", buf[0], buf[4] << 8 | buf[5], inet_text(&from));
    SHOW(recvfrom(fd, buf, sizeof(buf), 0, &from.any, &from.len));
    close(fd);
}

static void test_own_header(void)
{
    int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_RAW);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct {
        struct iphdr ip;
        unsigned short ports[2], len, sum;
        char data[5];
    } __attribute__((packed)) p;
    struct inet_addr_of to = inet_make("127.0.0.1", 0), from = {.len = sizeof(from.in6)};
    char buf[16] = "";
    memset(&p, 0, sizeof(p));
    inet_bind_to(udp, "127.0.0.1", 0);
    p.ip.version = 4;
    p.ip.ihl = 5;
    p.ip.ttl = 9;
    p.ip.protocol = IPPROTO_UDP;
    p.ip.saddr = inet_addr("127.0.0.7");
    p.ip.daddr = inet_addr("127.0.0.1");
    p.ports[0] = htons(7777);
    p.ports[1] = htons((unsigned short)inet_own_port(udp));
    p.len = htons(13);
    memcpy(p.data, "hello", 5);
    SHOW(sendto(fd, &p, sizeof(p), 0, &to.any, to.len));
    inet_await(udp, POLLIN);
    SHOW(recvfrom(udp, buf, sizeof(buf), 0, &from.any, &from.len));
    printf("%s from %s %u\n", buf, inet_text(&from), inet_port(&from));
    SHOW(sendto(fd, &p, 10, 0, &to.any, to.len));
    SHOW(recv(fd, buf, 1, 0));
    SHOW(socket(AF_INET, SOCK_RAW, 0));
    SHOW(socket(AF_INET, SOCK_RAW, 5000));
    close(fd);
    close(udp);
}

/* The line of a table that has this port as its own, but for what differs each time. An inode
 * number has as many digits as it needs: they count in the width of a padded line only. */
static void show_table(const char *path, unsigned port, bool padded)
{
    char line[512], local[64], remote[64], inode[32];
    unsigned own, state;
    FILE *f = fopen(path, "r");
    for (int i = 0; f != NULL && fgets(line, sizeof(line), f) != NULL; i++) {
        if (i == 0)
            printf("%s: %.60s length %zu\n", path, line, strlen(line));
        int n =
            sscanf(line, " %*[0-9]: %63[0-9A-F]:%x %63[0-9A-F]:%*x %x %*s %*s %*s %*u %*u %31[0-9]",
                   local, &own, remote, &state, inode);
        if (n == 5 && own == port)
            printf("local %s remote %s state %x inode %d width %zu\n", local, remote, state,
                   strcmp(inode, "0") != 0, strlen(line) - (padded ? 0 : strlen(inode)));
    }
    if (f != NULL)
        fclose(f);
}

static void test_tables(void)
{
    int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    int u = socket(AF_INET, SOCK_DGRAM, 0), u6 = socket(AF_INET6, SOCK_DGRAM, 0);
    inet_bind_to(l, "127.0.0.1", 0);
    listen(l, 5);
    inet_connect_to(c, "127.0.0.1", inet_own_port(l));
    inet_bind_to(u, "127.0.0.1", 0);
    inet_bind_to(u6, "::1", 0);
    inet_connect_to(u6, "::1", inet_own_port(u6));
    show_table("/proc/net/tcp", inet_own_port(l), true);
    show_table("/proc/net/tcp", inet_own_port(c), true);
    show_table("/proc/net/udp", inet_own_port(u), true);
    show_table("/proc/net/udp6", inet_own_port(u6), false);
    close(accept(l, NULL, NULL));
    close(l);
    close(c);
    close(u);
    close(u6);
    char line[256], name[32];
    FILE *f = fopen("/proc/net/if_inet6", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strstr(line, " lo\n") != NULL)
            printf("%s", line);
    if (f != NULL)
        fclose(f);
    f = fopen("/proc/net/dev", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strchr(line, '|') != NULL)
            printf("%s", line);
        if (sscanf(line, " %31[a-z]:", name) == 1 && strcmp(name, "lo") == 0)
            printf("lo is there\n");
    }
    if (f != NULL)
        fclose(f);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_echo4();
    test_echo6();
    test_own_header();
    test_tables();
    return 0;
}
