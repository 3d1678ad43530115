/* SPDX-License-Identifier: MIT */
/* /proc/net: TCP, UDP and raw sockets, one a line; sums of them. Addresses in the kernel are not
 * told, nor is what nobody counts. All under net_core. Source: proc(5). */
#include "net/inetproc.h"

#include <lwip/priv/tcp_priv.h>

#include "net/rawtable.h"
#include "net/tcp.h"
#include "net/udptable.h"

#define TCP_WIDTH 149
#define DGRAM_WIDTH 127
#define ESTABLISHED_NUMBER 1 /* Linux's numbers of TCP's states */
#define CLOSE_NUMBER 7

/* A table that is being written. */
struct table {
    struct text *t;
    bool v6;
    unsigned line;
};

static void put_address(struct table *b, const ip_addr_t *ip, unsigned port)
{
    if (!b->v6) {
        text_print(b->t, "%08X:%04X", ip4_addr_get_u32(ip_2_ip4(ip)), port);
        return;
    }
    uint32_t mapped[4] = {0, 0, 0xffff0000, ip4_addr_get_u32(ip_2_ip4(ip))};
    const uint32_t *w = IP_IS_V4_VAL(*ip) ? mapped : ip_2_ip6(ip)->addr;
    text_print(b->t, "%08X%08X%08X%08X:%04X", w[0], w[1], w[2], w[3], port);
}

/* The line that began at start is as wide as Linux's. */
static void end_line(struct table *b, size_t start, size_t width)
{
    size_t len = b->t->len - start;
    if (!b->t->failed && len < width) {
        text_print(b->t, "%*s", (int)(width - len), "");
    }
    text_print(b->t, "\n");
}

static unsigned owner(const struct socket *s)
{
    return s != NULL ? s->attr.uid : 0;
}

static void put_tcp(struct table *b, const struct tcp_pcb *p) NEEDS(net_core)
{
    const struct tcp_socket *t = p->state != TIME_WAIT ? p->callback_arg : NULL;
    bool v6 = t != NULL ? t->s.family == AF_INET6 : !IP_IS_V4_VAL(p->local_ip);
    bool listens = p->state == LISTEN;
    static const ip_addr_t none = {.type = IPADDR_TYPE_ANY};
    size_t start = b->t->len;
    if (v6 != b->v6) {
        return;
    }
    text_print(b->t, "%4u: ", b->line++);
    put_address(b, &p->local_ip, p->local_port);
    text_print(b->t, " ");
    put_address(b, listens ? &none : &p->remote_ip, listens ? 0 : p->remote_port);
    unsigned queued = t == NULL ? 0 : listens ? t->naccepted : (unsigned)t->received_bytes;
    unsigned long ino = t != NULL && socket_file(&t->s) != NULL ? t->s.ino : 0;
    text_print(b->t, " %02X %08X:%08X %02X:%08X %08X %5u %8d %lu %d %016d", tcp_state_number(p),
               t != NULL && !listens ? (unsigned)t->sent_bytes : 0, queued, 0U, 0U, 0U,
               owner(t != NULL ? &t->s : NULL), 0, ino, 1, 0);
    if (!listens && p->state != TIME_WAIT) {
        text_print(b->t, " %u %u %u %u %d", 20U, 4U, 0U, p->cwnd / max((unsigned)p->mss, 1U), -1);
    } else if (listens) {
        text_print(b->t, " %u %u %u %u %d", 100U, 0U, 0U, 10U, 0);
    }
    end_line(b, start, TCP_WIDTH);
}

static void show_tcp(struct text *text, bool v6)
{
    struct table b = {.t = text, .v6 = v6};
    text_print(text, v6 ? "  sl  local_address                         remote_address              "
                          "          st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
                          "inode\n"
                        : "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
                          "retrnsmt   uid  timeout inode                                          "
                          "           \n");
    net_lock();
    for (const struct tcp_pcb *p = tcp_listen_pcbs.pcbs; p != NULL; p = p->next) {
        put_tcp(&b, p);
    }
    for (const struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next) {
        put_tcp(&b, p);
    }
    for (const struct tcp_pcb *p = tcp_tw_pcbs; p != NULL; p = p->next) {
        put_tcp(&b, p);
    }
    net_unlock();
}

void inetproc_tcp(struct text *t, uint64_t key)
{
    (void)key;
    show_tcp(t, false);
}

void inetproc_tcp6(struct text *t, uint64_t key)
{
    (void)key;
    show_tcp(t, true);
}

static void put_dgram(const struct dgram_socket *t, void *arg)
{
    struct table *b = arg;
    size_t start = b->t->len;
    if ((t->s.family == AF_INET6) != b->v6) {
        return;
    }
    text_print(b->t, "%5u: ", t->local.port % 0x10000U);
    put_address(b, &t->local.ip, t->local.port);
    text_print(b->t, " ");
    put_address(b, &t->peer.ip, t->peer.port);
    text_print(b->t, " %02X %08X:%08X %02X:%08X %08X %5u %8d %lu %d %016d %u",
               t->connected ? ESTABLISHED_NUMBER : CLOSE_NUMBER, (unsigned)t->sent,
               (unsigned)t->queued, 0U, 0U, 0U, owner(&t->s), 0, t->s.ino, 2, 0, t->drops);
    end_line(b, start, DGRAM_WIDTH);
}

static void begin_dgram(struct text *t, bool v6)
{
    static const char title[] =
        "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when "
        "retrnsmt   uid  timeout inode ref pointer drops";
    if (!v6) {
        text_print(t, "%-127s\n", title);
        return;
    }
    text_print(t, "  sl  local_address                         remote_address                "
                  "        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref "
                  "pointer drops\n");
}

static void show_udp(struct text *t, bool v6)
{
    struct table b = {.t = t, .v6 = v6};
    begin_dgram(t, v6);
    net_lock();
    udptable_each_locked(put_dgram, &b);
    net_unlock();
}

void inetproc_udp(struct text *t, uint64_t key)
{
    (void)key;
    show_udp(t, false);
}

void inetproc_udp6(struct text *t, uint64_t key)
{
    (void)key;
    show_udp(t, true);
}

static void show_raw(struct text *t, bool v6)
{
    struct table b = {.t = t, .v6 = v6};
    begin_dgram(t, v6);
    net_lock();
    rawtable_each_locked(put_dgram, &b);
    net_unlock();
}

void inetproc_raw(struct text *t, uint64_t key)
{
    (void)key;
    show_raw(t, false);
}

void inetproc_raw6(struct text *t, uint64_t key)
{
    (void)key;
    show_raw(t, true);
}

static void count(const struct dgram_socket *t, void *arg)
{
    (void)t;
    ++*(unsigned *)arg;
}

static unsigned length(const struct tcp_pcb *list)
{
    unsigned n = 0;
    for (; list != NULL; list = list->next) {
        n++;
    }
    return n;
}

struct sums {
    unsigned tcp, time_wait, udp, raw;
};

static struct sums sum_up(void)
{
    struct sums s = {.udp = 0};
    net_lock();
    s.tcp = length(tcp_listen_pcbs.pcbs) + length(tcp_active_pcbs);
    s.time_wait = length(tcp_tw_pcbs);
    udptable_each_locked(count, &s.udp);
    rawtable_each_locked(count, &s.raw);
    net_unlock();
    return s;
}

void inetproc_sockstat(struct text *t, uint64_t key)
{
    struct sums s = sum_up();
    (void)key;
    text_print(t, "sockets: used %u\n", s.tcp + s.udp + s.raw);
    text_print(t, "TCP: inuse %u orphan 0 tw %u alloc %u mem 0\n", s.tcp, s.time_wait, s.tcp);
    text_print(t, "UDP: inuse %u mem 0\nUDPLITE: inuse 0\n", s.udp);
    text_print(t, "RAW: inuse %u\nFRAG: inuse 0 memory 0\n", s.raw);
}
