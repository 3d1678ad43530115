/* SPDX-License-Identifier: MIT */
/* Options of IPPROTO_IP and IPPROTO_IPV6 as a table: where the value is kept, what may be set.
 * Source: ip(7), ipv6(7), RFC 3493, RFC 3542. */
#include "net/inetopt.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "net/iface.h"
#include "net/inetroute.h"

#define DEFAULT_TTL 64
#define BYTE_MAX 255
#define TOS_OF_STREAM 0xfc /* TCP has the other two bits */

enum {
    BOOL = 1, /* any number: on or off */
    NOT_STREAM = 2, /* -EINVAL (IPv4), -ENOPROTOOPT (IPv6) for TCP */
    RAW = 4, /* -ENOPROTOOPT for others */
    ADMIN = 8, /* needs a capability to be switched on */
    BYTE = 16, /* kept as an octet */
};

struct row {
    int16_t level, option;
    enum inet_value at;
    int least, most; /* -1: the initial value again */
    int initial;
    unsigned flags;
};

#define ROW4(option, at, least, most, initial, flags)        \
    {                                                        \
        IPPROTO_IP, option, at, least, most, initial, flags, \
    }
#define ROW6(option, at, least, most, initial, flags)          \
    {                                                          \
        IPPROTO_IPV6, option, at, least, most, initial, flags, \
    }
#define FLAG4(option, at) ROW4(option, at, 0, 1, 0, BOOL)
#define FLAG6(option, at) ROW6(option, at, 0, 1, 0, BOOL)

static const struct row rows[] = {
    ROW4(IP_TTL, INET_TTL, 1, BYTE_MAX, DEFAULT_TTL, 0),
    ROW4(IP_TOS, INET_TOS, INT32_MIN, INT32_MAX, 0, BYTE),
    ROW4(IP_MTU_DISCOVER, INET_MTU_DISCOVER, 0, IP_PMTUDISC_OMIT, IP_PMTUDISC_WANT, 0),
    FLAG4(IP_RECVERR, INET_RECVERR),
    FLAG4(IP_PKTINFO, INET_PKTINFO),
    FLAG4(IP_RECVTTL, INET_RECVTTL),
    FLAG4(IP_RECVTOS, INET_RECVTOS),
    FLAG4(IP_RECVORIGDSTADDR, INET_RECVORIGDST),
    FLAG4(IP_RECVOPTS, INET_RECVOPTS),
    FLAG4(IP_RETOPTS, INET_RETOPTS),
    FLAG4(IP_PASSSEC, INET_PASSSEC),
    FLAG4(IP_CHECKSUM, INET_CHECKSUM),
    ROW4(IP_RECVFRAGSIZE, INET_RECVFRAGSIZE, 0, 1, 0, BOOL | NOT_STREAM),
    ROW4(IP_HDRINCL, INET_HDRINCL, 0, 1, 0, BOOL | RAW),
    ROW4(IP_NODEFRAG, INET_NODEFRAG, 0, 1, 0, BOOL | RAW),
    FLAG4(IP_BIND_ADDRESS_NO_PORT, INET_NO_PORT),
    ROW4(IP_RECVERR_RFC4884, INET_RECVERR_EXT, 0, 1, 0, 0),
    ROW4(IP_MULTICAST_TTL, INET_MULTICAST_TTL, 0, BYTE_MAX, 1, NOT_STREAM),
    ROW4(IP_MULTICAST_LOOP, INET_MULTICAST_LOOP, 0, 1, 1, BOOL),
    ROW4(IP_MULTICAST_ALL, INET_MULTICAST_ALL, 0, 1, 1, 0),
    ROW4(IP_UNICAST_IF, INET_UNICAST_IF, INT32_MIN, INT32_MAX, 0, 0),
    FLAG4(IP_FREEBIND, INET_FREEBIND),
    ROW4(IP_TRANSPARENT, INET_TRANSPARENT, 0, 1, 0, BOOL | ADMIN),
    ROW4(IP_MINTTL, INET_MINTTL, 0, BYTE_MAX, 0, 0),
    FLAG6(IPV6_V6ONLY, INET6_V6ONLY),
    ROW6(IPV6_UNICAST_HOPS, INET6_HOPS, 0, BYTE_MAX, DEFAULT_TTL, 0),
    ROW6(IPV6_TCLASS, INET6_TCLASS, 0, BYTE_MAX, 0, 0),
    ROW6(IPV6_MTU_DISCOVER, INET6_MTU_DISCOVER, 0, IPV6_PMTUDISC_OMIT, IPV6_PMTUDISC_WANT, 0),
    FLAG6(IPV6_RECVERR, INET6_RECVERR),
    FLAG6(IPV6_RECVPKTINFO, INET6_RECVPKTINFO),
    FLAG6(IPV6_2292PKTINFO, INET6_OLDPKTINFO),
    FLAG6(IPV6_RECVHOPLIMIT, INET6_RECVHOPLIMIT),
    FLAG6(IPV6_2292HOPLIMIT, INET6_OLDHOPLIMIT),
    FLAG6(IPV6_RECVTCLASS, INET6_RECVTCLASS),
    FLAG6(IPV6_RECVORIGDSTADDR, INET6_RECVORIGDST),
    FLAG6(IPV6_RECVRTHDR, INET6_RECVRTHDR),
    FLAG6(IPV6_RECVHOPOPTS, INET6_RECVHOPOPTS),
    FLAG6(IPV6_RECVDSTOPTS, INET6_RECVDSTOPTS),
    FLAG6(IPV6_FLOWINFO, INET6_FLOWINFO),
    FLAG6(IPV6_FLOWINFO_SEND, INET6_FLOWINFO_SEND),
    FLAG6(IPV6_RECVPATHMTU, INET6_RECVPATHMTU),
    ROW6(IPV6_MULTICAST_HOPS, INET6_MULTICAST_HOPS, 0, BYTE_MAX, 1, NOT_STREAM),
    ROW6(IPV6_MULTICAST_LOOP, INET6_MULTICAST_LOOP, 0, 1, 1, 0),
    ROW6(IPV6_MULTICAST_ALL, INET6_MULTICAST_ALL, 0, 1, 1, 0),
    ROW6(IPV6_MULTICAST_IF, INET6_MULTICAST_IF, INT32_MIN, INT32_MAX, 0, NOT_STREAM),
    ROW6(IPV6_UNICAST_IF, INET6_UNICAST_IF, INT32_MIN, INT32_MAX, 0, 0),
    FLAG6(IPV6_DONTFRAG, INET6_DONTFRAG),
    ROW6(IPV6_AUTOFLOWLABEL, INET6_AUTOFLOWLABEL, 0, 1, 1, BOOL),
    ROW6(IPV6_MINHOPCOUNT, INET6_MINHOPS, 0, BYTE_MAX, 0, 0),
    ROW6(IPV6_RECVERR_RFC4884, INET6_RECVERR_EXT, 0, 1, 0, 0),
    FLAG6(IPV6_RECVFRAGSIZE, INET6_RECVFRAGSIZE),
    ROW6(IPV6_MTU, INET6_MTU, 0, INT32_MAX, 0, 0),
};

static const struct row *find(int level, int option)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].option == option && rows[i].level == level) {
            return &rows[i];
        }
    }
    return NULL;
}

void inetopt_init(struct inet_options *o)
{
    memset(o, 0, sizeof(*o));
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        o->value[rows[i].at] = rows[i].initial;
    }
}

/* Options of IPPROTO_IP may be octets. */
static int put_short(void *value, size_t *len, int number)
{
    uint8_t byte = (uint8_t)number;
    if (*len > 0 && *len < sizeof(number) && number >= 0 && number <= BYTE_MAX) {
        return socket_put_value(value, len, &byte, sizeof(byte));
    }
    return socket_put_int(value, len, number);
}

static int put_device(const struct inet_options *o, void *value, size_t *len)
{
    char name[IFACE_NAME_MAX];
    uint32_t index = __atomic_load_n(&o->device, __ATOMIC_RELAXED);
    if (index == 0) {
        *len = 0;
        return 0;
    }
    if (*len < IFACE_NAME_MAX) {
        return -EINVAL;
    }
    net_lock();
    struct netif *n = netif_get_by_index((u8_t)index);
    if (n != NULL) {
        iface_name(n, name);
    }
    net_unlock();
    return n == NULL ? -ENODEV
                     : socket_put_value(value, len, name, strnlen(name, sizeof(name)) + 1);
}

static int get_general(struct socket *s, const struct inet_options *o, int option, void *value,
                       size_t *len)
{
    (void)s;
    switch (option) {
    case SO_BINDTODEVICE: return put_device(o, value, len);
    case SO_BINDTOIFINDEX: return socket_put_int(value, len, (int)o->device);
    default: return -ENOPROTOOPT;
    }
}

static bool level_is_mine(const struct socket *s, int level)
{
    return level == IPPROTO_IP ? s->family == AF_INET || s->type != SOCK_RAW
                               : level == IPPROTO_IPV6 && s->family == AF_INET6;
}

int inetopt_get(struct socket *s, const struct inet_options *o, int level, int option, void *value,
                size_t *len)
{
    if (level == SOL_SOCKET) {
        return get_general(s, o, option, value, len);
    }
    const struct row *row = level_is_mine(s, level) ? find(level, option) : NULL;
    if (row == NULL) {
        return s->family == AF_INET && level != IPPROTO_IP ? -EOPNOTSUPP : -ENOPROTOOPT;
    }
    int number = inet_value(o, row->at);
    return level == IPPROTO_IP ? put_short(value, len, number) : socket_put_int(value, len, number);
}

/* One that lwIP has no interface for stays so when it is cut to an octet. */
static u8_t octet(int64_t index)
{
    return index > 0 && index < BYTE_MAX ? (u8_t)index : BYTE_MAX;
}

static int set_device(struct inet_options *o, unsigned index)
{
    uint32_t was = __atomic_load_n(&o->device, __ATOMIC_RELAXED);
    if (was != 0 && !process_capable(CAP_NET_RAW)) {
        return -EPERM;
    }
    net_lock();
    bool known = index == 0 || netif_get_by_index(octet(index)) != NULL;
    net_unlock();
    if (!known) {
        return -ENODEV;
    }
    __atomic_store_n(&o->device, index, __ATOMIC_RELAXED);
    return 0;
}

static int set_device_by_name(struct inet_options *o, const char *name, size_t len)
{
    len = strnlen(name, min(len, (size_t)IFACE_NAME_MAX - 1));
    if (len == 0) {
        return set_device(o, 0);
    }
    net_lock();
    struct netif *n = iface_find_locked(name, len);
    unsigned index = n != NULL ? netif_get_index(n) : 0;
    net_unlock();
    return index != 0 ? set_device(o, index) : -ENODEV;
}

static int set_general(struct inet_options *o, int option, const void *value, size_t len)
{
    int number;
    if (option == SO_BINDTODEVICE) {
        return set_device_by_name(o, value, len);
    }
    if (option != SO_BINDTOIFINDEX) {
        return -ENOPROTOOPT;
    }
    if (len < sizeof(number)) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof(number));
    return number < 0 ? -EINVAL : set_device(o, (unsigned)number);
}

/* IPPROTO_IP takes octets, too, and nothing at all for some. */
static int take_number(int level, const void *value, size_t len, int *number)
{
    *number = 0;
    if (len >= sizeof(*number)) {
        memcpy(number, value, sizeof(*number));
        return 0;
    }
    if (level != IPPROTO_IP) {
        return -EINVAL;
    }
    *number = len != 0 ? *(const uint8_t *)value : 0;
    return 0;
}

static int check(const struct socket *s, const struct row *row, int number)
{
    bool stream = s->type == SOCK_STREAM;
    if (((row->flags & RAW) != 0 && s->type != SOCK_RAW) ||
        (stream && (row->flags & NOT_STREAM) != 0 && row->level == IPPROTO_IPV6)) {
        return -ENOPROTOOPT;
    }
    if (stream && (row->flags & NOT_STREAM) != 0) {
        return -EINVAL;
    }
    if ((row->flags & ADMIN) != 0 && number != 0 && !process_capable(CAP_NET_ADMIN)) {
        return -EPERM;
    }
    bool initial = number == -1 && row->most == BYTE_MAX && row->least >= 0 &&
                   row->at != INET_MINTTL && row->at != INET6_MINHOPS;
    bool fits = number >= row->least && number <= row->most;
    return (row->flags & BOOL) != 0 || initial || fits ? 0 : -EINVAL;
}

static int check_special(struct socket *s, const struct row *row, int number)
{
    if (row->at == INET6_V6ONLY) {
        char name[SOCKET_ADDRESS_MAX] = {0};
        size_t len = sizeof(name);
        (void)s->ops->name(s, SOCKET_SELF, name, &len);
        return name[2] != 0 || name[3] != 0 ? -EINVAL : 0; /* it has a port */
    }
    if (row->at == INET6_MTU && number != 0 && number < 1280) {
        return -EINVAL;
    }
    if (row->at == INET6_MULTICAST_IF && number != 0) {
        net_lock();
        bool known = netif_get_by_index(octet(number)) != NULL;
        net_unlock();
        return known ? 0 : -ENODEV;
    }
    return 0;
}

int inetopt_set(struct socket *s, struct inet_options *o, int level, int option, const void *value,
                size_t len)
{
    int number;
    if (level == SOL_SOCKET) {
        return set_general(o, option, value, len);
    }
    const struct row *row = level_is_mine(s, level) ? find(level, option) : NULL;
    if (row == NULL) {
        return -ENOPROTOOPT;
    }
    int err = take_number(level, value, len, &number);
    err = err != 0 ? err : check(s, row, number);
    err = err != 0 ? err : check_special(s, row, number);
    if (err != 0) {
        return err;
    }
    if ((row->flags & BOOL) != 0) {
        number = number != 0;
    } else if ((row->flags & BYTE) != 0) {
        number &= s->type == SOCK_STREAM ? TOS_OF_STREAM : BYTE_MAX;
    } else if (number == -1 && row->most == BYTE_MAX) {
        number = row->initial;
    }
    __atomic_store_n(&o->value[row->at], number, __ATOMIC_RELAXED);
    return 0;
}

unsigned inetopt_ttl(const struct inet_options *o, bool v6, bool multicast)
{
    enum inet_value at = v6 ? (multicast ? INET6_MULTICAST_HOPS : INET6_HOPS)
                            : (multicast ? INET_MULTICAST_TTL : INET_TTL);
    return (unsigned)inet_value(o, at);
}

int inetopt_check_address_locked(const struct socket *s, const struct inet_options *o,
                                 const struct inet_address *a)
{
    bool v6 = IP_IS_V6_VAL(a->ip);
    lock_assert_held(&net_core);
    if (s->family == AF_INET6 && IP_IS_V4_VAL(a->ip) && inet_value(o, INET6_V6ONLY) != 0) {
        return -EINVAL;
    }
    if (v6 && ip6_addr_has_scope(ip_2_ip6(&a->ip), IP6_UNKNOWN) && a->scope == 0 &&
        o->device == 0) {
        return -EINVAL; /* it has that address on which interface? */
    }
    bool usable = ip_addr_isany(&a->ip) || ip_addr_ismulticast(&a->ip) ||
                  inetroute_is_broadcast_locked(&a->ip) || inetaddr_is_local(&a->ip) ||
                  inet_value(o, INET_FREEBIND) != 0 || inet_value(o, INET_TRANSPARENT) != 0;
    return usable ? 0 : -EADDRNOTAVAIL;
}
