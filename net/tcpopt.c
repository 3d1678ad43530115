/* SPDX-License-Identifier: MIT */
/* Options of TCP sockets. Source: tcp(7), ipv6(7). */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"
#include "net/inetroute.h"
#include "net/tcp.h"

#define MSEC_PER_SEC 1000U
#define USEC_PER_MSEC 1000U
#define KEEP_MAX 32767 /* s */
#define KEEP_COUNT_MAX 127
#define SYN_COUNT 6
#define SYN_COUNT_MAX 127
#define SEGMENT_MIN 88
#define SEGMENT_MAX 32767
#define CONGESTION_NAME_MAX 16 /* TCP_CA_NAME_MAX */
#define LINGER2_MAX 120 /* s */
#define CLAMP_MIN 1152 /* half of the least receive buffer */

/* An option that is a number in [least, most], in values. */
struct number_option {
    int option;
    size_t offset; /* in struct tcp_values */
    uint32_t initial; /* what is told of 0 */
    int least, most;
};

#define NUMBER(option, field, initial, least, most)                      \
    {                                                                    \
        option, offsetof(struct tcp_values, field), initial, least, most \
    }

static const struct number_option numbers[] = {
    NUMBER(TCP_KEEPIDLE, keep_idle, 7200, 1, KEEP_MAX),
    NUMBER(TCP_KEEPINTVL, keep_interval, 75, 1, KEEP_MAX),
    NUMBER(TCP_KEEPCNT, keep_count, 9, 1, KEEP_COUNT_MAX),
    NUMBER(TCP_USER_TIMEOUT, user_timeout, 0, 0, INT32_MAX),
    NUMBER(TCP_SYNCNT, syn_count, SYN_COUNT, 1, SYN_COUNT_MAX),
    NUMBER(TCP_LINGER2, linger2, 60, INT32_MIN, INT32_MAX),
    NUMBER(TCP_DEFER_ACCEPT, defer_accept, 0, INT32_MIN, INT32_MAX),
    NUMBER(TCP_WINDOW_CLAMP, window_clamp, 0, 0, INT32_MAX),
    NUMBER(TCP_NOTSENT_LOWAT, notsent_low, 0, INT32_MIN, INT32_MAX),
    NUMBER(TCP_THIN_LINEAR_TIMEOUTS, thin, 0, 0, 1),
};

static const struct number_option *find_number(int option)
{
    for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i].option == option) {
            return &numbers[i];
        }
    }
    return NULL;
}

static uint32_t *value_of(struct tcp_socket *t, const struct number_option *o)
{
    return (uint32_t *)(void *)((char *)&t->values + o->offset);
}

static uint32_t or_initial(uint32_t value, uint32_t initial)
{
    return value != 0 ? value : initial;
}

unsigned tcp_syn_count(const struct tcp_socket *t)
{
    return or_initial(t->values.syn_count, SYN_COUNT);
}

static void set_bit(struct tcp_pcb *pcb, unsigned bit, bool on)
{
    pcb->so_options = (u8_t)(on ? pcb->so_options | bit : pcb->so_options & ~bit);
}

void tcp_apply_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    if (pcb == NULL) {
        return;
    }
    set_bit(pcb, SOF_KEEPALIVE, socket_flag(&t->s, SO_KEEPALIVE));
    set_bit(pcb, SOF_REUSEADDR, socket_flag(&t->s, SO_REUSEADDR));
    set_bit(pcb, TCP_SOF_REUSEPORT, socket_flag(&t->s, SO_REUSEPORT));
    pcb->netif_idx = (u8_t)t->inet.device;
    bool v6 = IP_IS_V6_VAL(pcb->remote_ip);
    pcb->ttl = (u8_t)inetopt_ttl(&t->inet, v6, false);
    pcb->tos = (u8_t)inet_value(&t->inet, v6 ? INET6_TCLASS : INET_TOS);
    if (pcb->state == LISTEN) {
        return; /* it is shorter than what follows */
    }
    pcb->keep_idle = or_initial(t->values.keep_idle, 7200) * MSEC_PER_SEC;
    pcb->keep_intvl = or_initial(t->values.keep_interval, 75) * MSEC_PER_SEC;
    pcb->keep_cnt = or_initial(t->values.keep_count, 9);
}

void tcp_op_option_changed(struct socket *s, int option)
{
    struct tcp_socket *t = tcp_socket(s);
    net_lock();
    if (option == SO_RCVBUF || option == SO_RCVBUFFORCE) {
        t->values.receive_limit = s->options.receive_buffer / 2; /* the rest is for overhead */
    }
    tcp_apply_locked(t);
    tcp_update_locked(t, 0);
    net_unlock();
}

/* include/net/tcp_states.h is not of Linux's uapi. */
uint8_t tcp_state_number(const struct tcp_pcb *pcb)
{
    static const uint8_t states[] = {
        [CLOSED] = 7,      [LISTEN] = 10,    [SYN_SENT] = 2,   [SYN_RCVD] = 3,
        [ESTABLISHED] = 1, [FIN_WAIT_1] = 4, [FIN_WAIT_2] = 5, [CLOSE_WAIT] = 8,
        [CLOSING] = 11,    [LAST_ACK] = 9,   [TIME_WAIT] = 6,
    };
    return pcb == NULL ? states[CLOSED] : states[pcb->state];
}

static void fill_info(const struct tcp_socket *t, struct tcp_info *info) NEEDS(net_core)
{
    const struct tcp_pcb *pcb = t->pcb;
    memset(info, 0, sizeof(*info));
    info->tcpi_state = tcp_state_number(t->pcb);
    if (pcb == NULL || pcb->state == LISTEN) {
        info->tcpi_unacked = t->naccepted;
        info->tcpi_sacked = t->backlog;
        return;
    }
    uint32_t mss = max((uint32_t)t->wire_mss, 1U);
    info->tcpi_retransmits = pcb->nrtx;
    info->tcpi_options = (pcb->flags & TF_WND_SCALE) != 0 ? TCPI_OPT_WSCALE : 0;
    info->tcpi_options |= (pcb->flags & TF_SACK) != 0 ? TCPI_OPT_SACK : 0;
    info->tcpi_snd_wscale = pcb->snd_scale & 15U;
    info->tcpi_rcv_wscale = pcb->rcv_scale & 15U;
    info->tcpi_rto = (uint32_t)pcb->rto * TCP_SLOW_INTERVAL * USEC_PER_MSEC;
    info->tcpi_snd_mss = info->tcpi_rcv_mss = info->tcpi_advmss = mss;
    info->tcpi_unacked = (pcb->snd_nxt - pcb->lastack + mss - 1) / mss;
    info->tcpi_snd_cwnd = pcb->cwnd / mss;
    info->tcpi_snd_ssthresh = pcb->ssthresh / mss;
    info->tcpi_rtt = (uint32_t)(pcb->sa >> 3) * TCP_SLOW_INTERVAL * USEC_PER_MSEC;
    info->tcpi_rttvar = (uint32_t)(pcb->sv >> 2) * TCP_SLOW_INTERVAL * USEC_PER_MSEC;
    info->tcpi_rcv_space = pcb->rcv_wnd;
    info->tcpi_pmtu =
        (uint32_t)max(0, inetroute_mtu_locked(&pcb->remote_ip, &pcb->local_ip, t->inet.device));
    info->tcpi_snd_wnd = pcb->snd_wnd;
    info->tcpi_notsent_bytes = (uint32_t)t->unhanded;
}

static int get_tcp(struct tcp_socket *t, int option, void *value, size_t *len) NEEDS(net_core)
{
    const struct number_option *o = find_number(option);
    struct tcp_info info;
    char name[CONGESTION_NAME_MAX] = "reno";
    uint32_t mss;
    if (o != NULL) {
        return socket_put_int(value, len, (int)or_initial(*value_of(t, o), o->initial));
    }
    switch (option) {
    case TCP_NODELAY: return socket_put_int(value, len, t->nodelay);
    case TCP_CORK: return socket_put_int(value, len, t->cork);
    case TCP_QUICKACK: return socket_put_int(value, len, t->quickack);
    case TCP_MAXSEG:
        mss = t->phase == TCP_OPEN && t->pcb != NULL
                  ? t->wire_mss
                  : or_initial(t->values.max_segment, TCP_MSS_DEFAULT);
        return socket_put_int(value, len, (int)mss);
    case TCP_CONGESTION: return socket_put_value(value, len, name, sizeof(name));
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_CONNECT:
    case TCP_THIN_DUPACK: return socket_put_int(value, len, 0);
    case TCP_INFO: fill_info(t, &info); return socket_put_value(value, len, &info, sizeof(info));
    default: return -ENOPROTOOPT;
    }
}

static int get_mtu(struct tcp_socket *t, void *value, size_t *len)
{
    net_lock();
    bool has = t->phase == TCP_OPEN || t->phase == TCP_CONNECTING;
    int mtu = has ? inetroute_mtu_locked(&t->peer.ip, &t->local.ip, t->inet.device) : -ENOTCONN;
    net_unlock();
    return mtu < 0 ? mtu : socket_put_int(value, len, mtu);
}

int tcp_op_get_option(struct socket *s, int level, int option, void *value, size_t *len)
{
    struct tcp_socket *t = tcp_socket(s);
    if (level == IPPROTO_TCP) {
        net_lock();
        int err = get_tcp(t, option, value, len);
        net_unlock();
        return err;
    }
    if ((level == IPPROTO_IP && option == IP_MTU) ||
        (level == IPPROTO_IPV6 && s->family == AF_INET6 && option == IPV6_MTU)) {
        return get_mtu(t, value, len);
    }
    return inetopt_get(s, &t->inet, level, option, value, len);
}

static int set_congestion(const char *name, size_t len)
{
    len = strnlen(name, len);
    bool known = (len == 4 && memcmp(name, "reno", len) == 0) ||
                 (len == 5 && memcmp(name, "cubic", len) == 0);
    return known ? 0 : -ENOENT;
}

/* Switching either off sends what was held back. */
static int set_held(struct tcp_socket *t, bool *flag, bool on) NEEDS(net_core)
{
    *flag = on;
    tcp_push_locked(t);
    return 0;
}

/* What waits to be acknowledged is, now. */
static int set_quickack(struct tcp_socket *t, bool on) NEEDS(net_core)
{
    t->quickack = on;
    if (on && t->phase == TCP_OPEN && (t->pcb->flags & TF_ACK_DELAY) != 0) {
        tcp_ack_now(t->pcb);
        (void)tcp_output(t->pcb);
    }
    return 0;
}

/* Linux counts in retransmissions of the peer's, and tells the time that these take. */
static uint32_t deferring(int seconds)
{
    uint32_t sum = 0;
    for (uint32_t step = 1; (int64_t)sum < seconds && sum < INT32_MAX / 4; step *= 2) {
        sum += min(step, 120U);
    }
    return sum;
}

static uint32_t normal_value(int option, int number)
{
    switch (option) {
    case TCP_LINGER2: return (uint32_t)max(min(number, LINGER2_MAX), -1);
    case TCP_DEFER_ACCEPT: return deferring(number);
    case TCP_WINDOW_CLAMP: return number == 0 ? 0 : (uint32_t)max(number, CLAMP_MIN);
    default: return (uint32_t)number;
    }
}

static int set_tcp(struct tcp_socket *t, int option, int number) NEEDS(net_core)
{
    const struct number_option *o = find_number(option);
    if (o != NULL) {
        if (number < o->least || number > o->most) {
            return -EINVAL;
        }
        *value_of(t, o) = normal_value(option, number);
        tcp_apply_locked(t);
        return 0;
    }
    switch (option) {
    case TCP_NODELAY: return set_held(t, &t->nodelay, number != 0);
    case TCP_CORK: return set_held(t, &t->cork, number != 0);
    case TCP_QUICKACK: return set_quickack(t, number != 0);
    case TCP_MAXSEG:
        if (number != 0 && (number < SEGMENT_MIN || number > SEGMENT_MAX)) {
            return -EINVAL;
        }
        t->values.max_segment = (uint32_t)number;
        return 0;
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_CONNECT: return number == 0 ? 0 : -EOPNOTSUPP;
    case TCP_THIN_DUPACK: return number == 0 || number == 1 ? 0 : -EINVAL;
    default: return -ENOPROTOOPT;
    }
}

static int set_inet(struct tcp_socket *t, int level, int option, const void *value, size_t len)
{
    int err = inetopt_set(&t->s, &t->inet, level, option, value, len);
    if (err == 0) {
        net_lock();
        tcp_apply_locked(t);
        net_unlock();
    }
    return err;
}

int tcp_op_set_option(struct socket *s, int level, int option, const void *value, size_t len)
{
    struct tcp_socket *t = tcp_socket(s);
    int number;
    if (level != IPPROTO_TCP) {
        return set_inet(t, level, option, value, len);
    }
    if (option == TCP_CONGESTION) {
        return len == 0 ? -EINVAL : set_congestion(value, len);
    }
    if (option == TCP_ULP) {
        return -ENOENT; /* Linux looks for a module and finds none */
    }
    if (len < sizeof(number)) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof(number));
    net_lock();
    int err = set_tcp(t, option, number);
    net_unlock();
    return err;
}
