/* SPDX-License-Identifier: MIT */
/* Options of level SOL_SOCKET. Those that change nothing here are kept, so that they can be read
 * back. Source: socket(7). */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "net/socket.h"

#define BUFFER_MAX 4194304 /* /proc/sys/net/core/wmem_max: what a program may ask for */
#define SEND_MIN 4608 /* as Linux: two small packets */
#define RECEIVE_MIN 2304
#define USEC_PER_SEC 1000000L
#define NSEC_PER_USEC 1000UL

struct linger_value {
    int on, seconds;
};

static bool is_flag(int option)
{
    switch (option) {
    case SO_REUSEADDR:
    case SO_REUSEPORT:
    case SO_KEEPALIVE:
    case SO_BROADCAST:
    case SO_OOBINLINE:
    case SO_DONTROUTE:
    case SO_NO_CHECK:
    case SO_PASSCRED:
    case SO_PASSSEC:
    case SO_RXQ_OVFL:
    case SO_SELECT_ERR_QUEUE:
    case SO_TIMESTAMP_OLD:
    case SO_TIMESTAMPNS_OLD:
    case SO_DEBUG: return true;
    default: return false;
    }
}

int socket_put_value(void *value, size_t *len, const void *from, size_t n)
{
    *len = min(*len, n);
    memcpy(value, from, *len);
    return 0;
}

int socket_put_int(void *value, size_t *len, int number)
{
    return socket_put_value(value, len, &number, sizeof(number));
}

static int put_time(void *value, size_t *len, uint64_t ns)
{
    struct __kernel_old_timeval tv = {(long)(ns / NSEC_PER_SEC),
                                      (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
    return socket_put_value(value, len, &tv, sizeof(tv));
}

static int put_cred(struct socket *s, void *value, size_t *len)
{
    spin_lock(&s->lock);
    struct user_ucred cred = s->peer_cred;
    spin_unlock(&s->lock);
    return socket_put_value(value, len, &cred, sizeof(cred));
}

static int put_peer(struct socket *s, void *value, size_t *len)
{
    char name[SOCKET_ADDRESS_MAX];
    size_t n = sizeof(name);
    int err = s->ops->name(s, SOCKET_PEER, name, &n);
    if (err != 0) {
        return err;
    }
    return n < *len ? -EINVAL
                    : socket_put_value(value, len, name, n); /* Linux has it this way round */
}

static int take_any_error(struct socket *s)
{
    int error = socket_take_error(s);
    return error != 0 ? error : socket_take_soft_error(s);
}

static int get_general(struct socket *s, int option, void *value, size_t *len)
{
    const struct socket_options *o = &s->options;
    struct linger_value linger = {o->linger_on, o->linger_s};
    if (is_flag(option)) {
        return socket_put_int(value, len, socket_flag(s, option));
    }
    switch (option) {
    case SO_TYPE: return socket_put_int(value, len, s->type);
    case SO_DOMAIN: return socket_put_int(value, len, s->family);
    case SO_PROTOCOL: return socket_put_int(value, len, s->protocol);
    case SO_ERROR: return socket_put_int(value, len, take_any_error(s));
    case SO_SNDBUF: return socket_put_int(value, len, (int)o->send_buffer);
    case SO_RCVBUF: return socket_put_int(value, len, (int)o->receive_buffer);
    case SO_PRIORITY: return socket_put_int(value, len, (int)o->priority);
    case SO_RCVLOWAT: return socket_put_int(value, len, (int)o->low_water);
    case SO_SNDLOWAT: return socket_put_int(value, len, 1);
    case SO_ACCEPTCONN: return socket_put_int(value, len, s->listening);
    case SO_SNDTIMEO_OLD: return put_time(value, len, o->send_timeout_ns);
    case SO_RCVTIMEO_OLD: return put_time(value, len, o->receive_timeout_ns);
    case SO_LINGER: return socket_put_value(value, len, &linger, sizeof(linger));
    case SO_BSDCOMPAT: return socket_put_int(value, len, 0);
    case SO_INCOMING_CPU: return socket_put_int(value, len, (int)o->incoming_cpu - 1);
    case SO_BUSY_POLL: return socket_put_int(value, len, (int)o->busy_poll);
    case SO_MARK: return socket_put_int(value, len, (int)o->mark);
    case SO_COOKIE: return socket_put_value(value, len, &s->ino, sizeof(s->ino));
    case SO_PEERNAME: return put_peer(s, value, len);
    case SO_PEERCRED: return put_cred(s, value, len);
    default: return -ENOPROTOOPT;
    }
}

static int set_time(uint64_t *ns, const void *value, size_t len)
{
    struct __kernel_old_timeval tv;
    if (len < sizeof(tv)) {
        return -EINVAL;
    }
    memcpy(&tv, value, sizeof(tv));
    if (tv.tv_usec < 0 || tv.tv_usec >= USEC_PER_SEC) {
        return -EDOM;
    }
    uint64_t most = UINT64_MAX / NSEC_PER_SEC - 1;
    uint64_t sec = tv.tv_sec < 0 ? 0 : (uint64_t)tv.tv_sec;
    bool none = sec >= most; /* later is never */
    *ns = none ? 0 : sec * NSEC_PER_SEC + (uint64_t)tv.tv_usec * NSEC_PER_USEC;
    if (tv.tv_sec < 0) {
        *ns = 1; /* no waiting at all */
    }
    return 0;
}

static int set_linger(struct socket_options *o, const void *value, size_t len)
{
    struct linger_value linger;
    if (len < sizeof(linger)) {
        return -EINVAL;
    }
    memcpy(&linger, value, sizeof(linger));
    o->linger_on = linger.on != 0;
    o->linger_s = linger.seconds;
    return 0;
}

/* The kernel's own data are charged, too: twice what was asked for, as Linux. */
static uint32_t buffer_size(int asked, uint32_t least, bool any)
{
    uint32_t size = any ? (uint32_t)max(asked, 0) : min((uint32_t)asked, (uint32_t)BUFFER_MAX);
    return max(min(size, (uint32_t)(INT32_MAX / 2)) * 2, least);
}

static int set_int(struct socket *s, int option, int number)
{
    struct socket_options *o = &s->options;
    bool admin = process_capable(CAP_NET_ADMIN);
    switch (option) {
    case SO_SNDBUF: o->send_buffer = buffer_size(number, SEND_MIN, false); return 0;
    case SO_RCVBUF: o->receive_buffer = buffer_size(number, RECEIVE_MIN, false); return 0;
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
        if (!admin) {
            return -EPERM;
        }
        *(option == SO_SNDBUFFORCE ? &o->send_buffer : &o->receive_buffer) =
            buffer_size(number, option == SO_SNDBUFFORCE ? SEND_MIN : RECEIVE_MIN, true);
        return 0;
    case SO_BSDCOMPAT: return 0; /* it has done nothing for long */
    case SO_RCVLOWAT: o->low_water = number < 0 ? INT32_MAX : (uint32_t)max(number, 1); return 0;
    case SO_INCOMING_CPU: o->incoming_cpu = (uint32_t)number + 1; return 0;
    case SO_BUSY_POLL: /* devices are looked at as it suits the kernel */
        o->busy_poll = number < 0 ? o->busy_poll : (uint32_t)number;
        return number < 0 ? -EINVAL : 0;
    case SO_MARK: o->mark = admin ? (uint32_t)number : o->mark; return admin ? 0 : -EPERM;
    case SO_PRIORITY:
        if ((number < 0 || number > 6) && !admin) {
            return -EPERM;
        }
        o->priority = (uint32_t)number;
        return 0;
    default: return -ENOPROTOOPT;
    }
}

static int set_general(struct socket *s, int option, const void *value, size_t len)
{
    int number;
    if (option == SO_SNDTIMEO_OLD || option == SO_RCVTIMEO_OLD) {
        return set_time(option == SO_SNDTIMEO_OLD ? &s->options.send_timeout_ns
                                                  : &s->options.receive_timeout_ns,
                        value, len);
    }
    if (len < sizeof(number)) {
        return -EINVAL;
    }
    if (option == SO_LINGER) {
        return set_linger(&s->options, value, len);
    }
    memcpy(&number, value, sizeof(number));
    if (!is_flag(option)) {
        return set_int(s, option, number);
    }
    uint64_t bit = 1UL << option;
    uint64_t times = 1UL << SO_TIMESTAMP_OLD | 1UL << SO_TIMESTAMPNS_OLD; /* one of them */
    uint64_t off = (bit & times) != 0 ? times : bit;
    (void)__atomic_fetch_and(&s->options.flags, ~off, __ATOMIC_RELAXED);
    if (number != 0) {
        __atomic_fetch_or(&s->options.flags, bit, __ATOMIC_RELAXED);
    }
    return 0;
}

int socket_get_option(struct socket *s, int level, int option, void *value, size_t *len)
{
    int general = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
    int err =
        s->ops->get_option != NULL ? s->ops->get_option(s, level, option, value, len) : general;
    bool mine = level == SOL_SOCKET && err == -ENOPROTOOPT;
    return mine ? get_general(s, option, value, len) : err;
}

int socket_set_option(struct socket *s, int level, int option, const void *value, size_t len)
{
    int general = level == SOL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
    int err =
        s->ops->set_option != NULL ? s->ops->set_option(s, level, option, value, len) : general;
    if (level != SOL_SOCKET || err != -ENOPROTOOPT) {
        return err;
    }
    err = set_general(s, option, value, len);
    if (err == 0 && s->ops->option_changed != NULL) {
        s->ops->option_changed(s, option);
    }
    return err;
}
