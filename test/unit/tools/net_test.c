/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/net.c tools/elfin/ports.c tools/elfin/tap.c tools/elfin/address.c
// sources: tools/elfin/words.c tools/elfin/report.c
// sources: loader/config.c kernel/base/string.c
// fakes: heap log
/* What the options of the network become: the guest's configuration, as its own parser reads it,
 * and ports of this machine. What is refused, and how, is in test/bad/network.ini. */
#include "tools/elfin/net.h"

#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include "loader/config.h"
#include "test/unit/check.h"

static const char *describe(const struct net_options *o)
{
    static char text[1024];
    struct text t = {0};
    net_describe(o, &t);
    snprintf(text, sizeof(text), "%s", t.data);
    text_fini(&t);
    return text;
}

static void described(void)
{
    struct net_options o = {0};
    CHECK_STR(describe(&o), "net=static\nip=10.0.2.15/24\ngw=10.0.2.2\ndns=10.0.2.3\n");
    CHECK_EQ(net_parse_dns(&o, "1.2.3.4"), 0);
    CHECK_EQ(net_parse_hostname(&o, "box"), 0);
    CHECK_EQ(net_check(&o), 0);
    CHECK_STR(describe(&o),
              "hostname=box\nnet=static\nip=10.0.2.15/24\ngw=10.0.2.2\ndns=1.2.3.4\n");
    net_options_fini(&o);
    o = (struct net_options){0};
    CHECK_EQ(net_parse_kind(&o, "none"), 0);
    CHECK_EQ(net_check(&o), 0);
    CHECK_STR(describe(&o), "net=none\n");
    CHECK_EQ(net_parse_kind(&o, "tap=t0"), 0);
    CHECK_STR(o.name, "t0");
    CHECK_STR(describe(&o), "net=dhcp\n");
    net_options_fini(&o);
}

static struct net_options everything(void)
{
    struct net_options o = {0};
    CHECK_EQ(net_parse_kind(&o, "bridge=b0"), 0);
    CHECK_EQ(net_parse_ip(&o, "192.0.2.5/24"), 0);
    CHECK_EQ(net_parse_ip(&o, "fd00::5/64"), 0);
    CHECK_EQ(net_parse_gw(&o, "192.0.2.1"), 0);
    CHECK_EQ(net_parse_gw(&o, "fd00::1"), 0);
    CHECK_EQ(net_parse_dns(&o, "192.0.2.2"), 0);
    CHECK_EQ(net_parse_dns(&o, "fd00::2"), 0);
    CHECK_EQ(net_parse_search(&o, "a.example"), 0);
    CHECK_EQ(net_parse_search(&o, "b.example"), 0);
    CHECK_EQ(net_check(&o), 0);
    return o;
}

static void check_config(const struct config *c)
{
    CHECK_EQ(c->net.mode, CONFIG_NET_STATIC);
    CHECK_EQ(c->net.ip.n, 2);
    CHECK_STR(c->net.ip.item[0], "192.0.2.5/24");
    CHECK_STR(c->net.ip.item[1], "fd00::5/64");
    CHECK_EQ(c->net.gw.n, 2);
    CHECK_STR(c->net.gw.item[1], "fd00::1");
    CHECK_EQ(c->net.dns.n, 2);
    CHECK_STR(c->net.dns.item[0], "192.0.2.2");
    CHECK_STR(c->net.search, "a.example b.example");
}

static void read_by_the_guest(void)
{
    struct net_options o = everything();
    struct text t = {0};
    struct config c;
    unsigned line;
    text_add_string(&t, "exec=/x\n");
    net_describe(&o, &t);
    CHECK_EQ(config_parse(t.data, t.len, &c, &line), 0);
    check_config(&c);
    config_destroy(&c);
    text_fini(&t);
    net_options_fini(&o);
}

/* The kernel's options decide over whatever the image says, also where they say nothing. */
static void overrides(void)
{
    static const char image[] =
        "exec=/x\nhostname=h\nnet=dhcp\nip=1.1.1.1/8\nip=2.2.2.2/8\nip=3.3.3.3/8\ndns=1.1.1.1\n"
        "search=x\n";
    struct net_options o = everything();
    struct text t = {0};
    struct words w = {0};
    struct config c;
    unsigned line;
    net_override(&o, &t);
    words_split(&w, t.data, " ");
    CHECK_EQ(config_parse(image, sizeof(image) - 1, &c, &line), 0);
    for (size_t i = 0; i < w.count; i++) {
        char *equals = strchr(w.items[i], '=');
        *equals = '\0';
        CHECK_EQ(config_override(&c, w.items[i], equals + 1), 0);
    }
    check_config(&c);
    CHECK_STR(c.hostname, "h");
    text_fini(&t);
    words_fini(&w);
    net_options_fini(&o);
    o = (struct net_options){.kind = NET_NONE};
    net_override(&o, &t);
    CHECK_STR(t.data, " net=none ip= gw= dns= search=");
    text_fini(&t);
    config_destroy(&c);
}

static void ports(void)
{
    struct ports p = {0};
    CHECK_EQ(ports_parse(&p, "8080:80"), 0);
    CHECK_EQ(ports_parse(&p, "127.0.0.1:0:53/udp"), 0);
    CHECK_EQ(ports_parse(&p, "65534-65535:1-2/tcp"), 0);
    CHECK_EQ(p.count, 4);
    CHECK_STR(p.items[0].address, "0.0.0.0");
    CHECK(p.items[0].host == 8080 && p.items[0].guest == 80 && !p.items[0].udp);
    CHECK_STR(p.items[1].address, "127.0.0.1");
    CHECK(p.items[1].host == 0 && p.items[1].guest == 53 && p.items[1].udp);
    CHECK(p.items[3].host == 65535 && p.items[3].guest == 2 && !p.items[3].udp);
    ports_fini(&p);
}

static int open_port(int type, unsigned port, bool reuse)
{
    int on = reuse;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, type, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        (type == SOCK_STREAM && listen(fd, 1) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A held port is the hypervisor's, and nobody's else. */
static void held(void)
{
    struct ports p = {0};
    struct ports again = {0};
    CHECK_EQ(ports_parse(&p, "127.0.0.1:0:80"), 0);
    CHECK_EQ(ports_parse(&p, "127.0.0.1:0:53/udp"), 0);
    CHECK_EQ(ports_hold(&p), 0);
    CHECK(p.items[0].host != 0 && p.items[1].host != 0);
    CHECK_EQ(open_port(SOCK_STREAM, p.items[0].host, false), -1);
    CHECK_EQ(open_port(SOCK_DGRAM, p.items[1].host, true), -1);
    ports_yield(&p);
    int tcp = open_port(SOCK_STREAM, p.items[0].host, true);
    int udp = open_port(SOCK_DGRAM, p.items[1].host, false);
    CHECK(tcp >= 0 && udp >= 0);
    char text[64];
    snprintf(text, sizeof(text), "%u:80", p.items[0].host);
    CHECK_EQ(ports_parse(&again, text), 0);
    CHECK_EQ(ports_hold(&again), 125); /* somebody listens, at one of all addresses */
    ports_fini(&again);
    snprintf(text, sizeof(text), "%u:80/udp", p.items[1].host);
    CHECK_EQ(ports_parse(&again, text), 0);
    CHECK_EQ(ports_hold(&again), 125);
    ports_fini(&again);
    close(tcp);
    close(udp);
    ports_fini(&p);
}

TESTS(described, read_by_the_guest, overrides, ports, held)
