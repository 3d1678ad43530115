/* SPDX-License-Identifier: MIT */
/* System calls of sockets. There are pairs of AF_UNIX; for other families and names the answer is
 * that of a Linux without the address family, which libraries take in their stride (glibc asks for
 * nscd's socket whenever a user is looked up).
 * Source: socket(2), socketpair(2), send(2), recv(2), getsockopt(2), shutdown(2). */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/socket.h>
#include <linux/uio.h>

#include "kernel/base/print.h"
#include "kernel/uaccess.h"
#include "net/unix.h"
#include "platform/clock.h"
#include "syscall/await.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"
#include "syscall/pair.h"

#define NAME_MAX_LEN sizeof(struct __kernel_sockaddr_storage)
#define TYPE_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

/* The socket at fd for the length of a call; it may wait, so with a reference. */
static int hold(int fd, struct file **f, struct socket **s)
{
    *f = fd_get(fd);
    if (*f == NULL) {
        return -EBADF;
    }
    *s = socket_of(*f);
    if (*s == NULL) {
        file_put(*f);
        return -ENOTSOCK;
    }
    return 0;
}

static long refuse(int family)
{
    log(SYSCALL, INFO, "sockets are not supported: address family %d refused (EAFNOSUPPORT)",
        family);
    return -EAFNOSUPPORT;
}

long sys_socket(int family, int type, int protocol)
{
    (void)type, (void)protocol;
    return refuse(family);
}

/* The type in the argument of socketpair. Returns it or an error. */
static int pair_type(int family, int type, int protocol)
{
    int kind = type & SOCK_TYPE_MASK;
    if ((type & ~(SOCK_TYPE_MASK | TYPE_FLAGS)) != 0) {
        return -EINVAL;
    }
    if (family != AF_UNIX) {
        return (int)refuse(family);
    }
    if (protocol != 0 && protocol != AF_UNIX) {
        return -EPROTONOSUPPORT;
    }
    switch (kind) {
    case SOCK_RAW: return SOCK_DGRAM;
    case SOCK_STREAM:
    case SOCK_DGRAM:
    case SOCK_SEQPACKET: return kind;
    default: return -ESOCKTNOSUPPORT;
    }
}

long sys_socketpair(int family, int type, int protocol, int USER *fds)
{
    struct file *end[2];
    int kind = pair_type(family, type, protocol);
    if (kind < 0) {
        return kind;
    }
    int err = unix_pair(kind, (unsigned)type & SOCK_NONBLOCK, end);
    return err != 0 ? err : pair_open(end, (unsigned)type & SOCK_CLOEXEC, fds);
}

static unsigned call_flags(const struct file *f, unsigned flags)
{
    return flags | ((f->flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0);
}

long sys_sendto(int fd, const void USER *buf, size_t n, unsigned flags, const void USER *name,
                int namelen)
{
    struct iov one;
    struct iov_iter it;
    struct file *f;
    struct socket *s;
    int err = iovec_one(&it, &one, buf, n);
    err = err != 0 ? err : hold(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    struct message m = {.it = &it, .flags = call_flags(f, flags), .named = name != NULL};
    scm_self(&m.scm);
    long result = name != NULL && (namelen < 0 || (size_t)namelen > NAME_MAX_LEN)
                      ? -EINVAL
                      : socket_send(s, &m);
    file_put(f);
    return result;
}

long sys_recvfrom(int fd, void USER *buf, size_t n, unsigned flags, void USER *name,
                  int USER *namelen)
{
    static const int none = 0;
    struct iov one;
    struct iov_iter it;
    struct file *f;
    struct socket *s;
    int err = iovec_one(&it, &one, buf, n);
    err = err != 0 ? err : hold(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    struct message m = {.it = &it, .flags = call_flags(f, flags)};
    long result = socket_recv(s, &m);
    scm_drop(&m.scm);
    file_put(f);
    if (result >= 0 && name != NULL && uaccess_write(namelen, &none, sizeof(none)) != 0) {
        return -EFAULT; /* who has no name */
    }
    return result;
}

static long send_message(struct socket *s, const struct user_msghdr *h, unsigned flags)
{
    struct iovec_list l;
    struct message m = {.it = &l.it, .flags = flags, .named = h->name != 0 && h->namelen != 0};
    if (h->iovlen > UIO_MAXIOV) {
        return -EMSGSIZE;
    }
    long result = iovec_take(&l, uptr(const struct iovec, h->iov), h->iovlen);
    if (result != 0) {
        return result;
    }
    result = h->controllen > INT32_MAX
                 ? -ENOBUFS
                 : scm_take(&m.scm, uptr(void, h->control), h->control != 0 ? h->controllen : 0);
    if (result == 0) {
        result = socket_send(s, &m);
        scm_drop(&m.scm);
    }
    iovec_drop(&l);
    return result;
}

/* Receive and fill in what h says about it. */
static long recv_message(struct socket *s, struct user_msghdr *h, unsigned flags)
{
    struct iovec_list l;
    struct message m = {.it = &l.it, .flags = flags};
    if (h->iovlen > UIO_MAXIOV) {
        return -EMSGSIZE;
    }
    long result = iovec_take(&l, uptr(const struct iovec, h->iov), h->iovlen);
    if (result != 0) {
        return result;
    }
    result = socket_recv(s, &m);
    iovec_drop(&l);
    struct scm_target t = {.control = h->control,
                           .len = h->controllen,
                           .credentials = s->options.pass_cred,
                           .fd_flags = (flags & MSG_CMSG_CLOEXEC) != 0 ? O_CLOEXEC : 0};
    if (result >= 0) {
        h->flags = m.out_flags | scm_deliver(&m.scm, &t) | (flags & MSG_CMSG_CLOEXEC);
        h->controllen = t.used;
        h->namelen = 0;
    }
    scm_drop(&m.scm);
    return result;
}

static int put_header(struct user_msghdr USER *out, const struct user_msghdr *h)
{
    bool bad = uaccess_write(&out->flags, &h->flags, sizeof(h->flags)) != 0 ||
               uaccess_write(&out->controllen, &h->controllen, sizeof(h->controllen)) != 0 ||
               (h->name != 0 && uaccess_write(&out->namelen, &h->namelen, sizeof(h->namelen)) != 0);
    return bad ? -EFAULT : 0;
}

static int take_header(struct user_msghdr *h, const struct user_msghdr USER *in)
{
    if (uaccess_read(h, in, sizeof(*h)) != 0) {
        return -EFAULT;
    }
    return h->name != 0 && h->namelen < 0 ? -EINVAL : 0;
}

/* One message of either direction. */
static long move_message(struct socket *s, struct user_msghdr USER *msg, unsigned flags, bool send)
{
    struct user_msghdr h;
    long result = take_header(&h, msg);
    if (result != 0) {
        return result;
    }
    if (send) {
        return send_message(s, &h, flags);
    }
    result = recv_message(s, &h, flags);
    return result >= 0 && put_header(msg, &h) != 0 ? -EFAULT : result;
}

static long one_message(int fd, void USER *msg, unsigned flags, bool send)
{
    struct file *f;
    struct socket *s;
    int err = hold(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    long result = move_message(s, msg, call_flags(f, flags), send);
    file_put(f);
    return result;
}

long sys_sendmsg(int fd, const void USER *msg, unsigned flags)
{
    return one_message(fd, uptr(void, msg), flags, true);
}

long sys_recvmsg(int fd, void USER *msg, unsigned flags)
{
    return one_message(fd, msg, flags, false);
}

/* Up to n messages; those before the first error count. */
static long many_messages(struct socket *s, struct user_mmsghdr USER *v, unsigned n, unsigned flags,
                          uint64_t deadline_ns)
{
    bool send = deadline_ns == 0;
    long result = 0;
    unsigned i = 0;
    while (i < min(n, (unsigned)UIO_MAXIOV) && result >= 0) {
        result = move_message(s, &v[i].hdr, flags & ~(unsigned)MSG_WAITFORONE, send);
        unsigned len = (unsigned)result;
        if (result >= 0 && uaccess_write(&v[i].len, &len, sizeof(len)) != 0) {
            result = -EFAULT;
        }
        i += result >= 0;
        flags |= (flags & MSG_WAITFORONE) != 0 ? MSG_DONTWAIT : 0;
        if (!send && clock_ns() >= deadline_ns) {
            break;
        }
    }
    return i != 0 ? (long)i : result;
}

static long many(int fd, void USER *v, unsigned n, unsigned flags, uint64_t deadline_ns)
{
    struct file *f;
    struct socket *s;
    int err = hold(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    long result = many_messages(s, v, n, call_flags(f, flags), deadline_ns);
    file_put(f);
    return result;
}

long sys_sendmmsg(int fd, void USER *v, unsigned n, unsigned flags)
{
    return many(fd, v, n, flags, 0);
}

long sys_recvmmsg(int fd, void USER *v, unsigned n, unsigned flags, const void USER *timeout)
{
    uint64_t deadline_ns;
    int err = await_timespec(timeout, &deadline_ns);
    return err != 0 ? err : many(fd, v, n, flags, max(deadline_ns, 1UL));
}

long sys_shutdown(int fd, int how)
{
    struct file *f;
    struct socket *s;
    int err = hold(fd, &f, &s);
    if (err == 0) {
        err = how < SHUT_RD || how > SHUT_RDWR ? -EINVAL : s->ops->shutdown(s, how);
        file_put(f);
    }
    return err;
}

static long get_option(struct socket *s, int level, int option, void USER *out, int USER *outlen)
{
    char value[SOCKET_OPTION_MAX];
    int len;
    if (uaccess_read(&len, outlen, sizeof(len)) != 0) {
        return -EFAULT;
    }
    if (len < 0) {
        return -EINVAL;
    }
    size_t n = min((size_t)len, sizeof(value));
    int err = level == SOL_SOCKET ? socket_get_option(s, option, value, &n) : -EOPNOTSUPP;
    if (err != 0) {
        return err;
    }
    len = (int)n;
    return uaccess_write(out, value, n) != 0 ? -EFAULT : uaccess_write(outlen, &len, sizeof(len));
}

long sys_getsockopt(int fd, int level, int option, void USER *value, int USER *len)
{
    struct file *f;
    struct socket *s;
    long err = hold(fd, &f, &s);
    if (err == 0) {
        err = get_option(s, level, option, value, len);
        file_put(f);
    }
    return err;
}

static long set_option(struct socket *s, int level, int option, const void USER *in, int len)
{
    char value[SOCKET_OPTION_MAX];
    if (len < 0) {
        return -EINVAL;
    }
    size_t n = min((size_t)len, sizeof(value));
    if (uaccess_read(value, in, n) != 0) {
        return -EFAULT;
    }
    return level == SOL_SOCKET ? socket_set_option(s, option, value, n) : -EOPNOTSUPP;
}

long sys_setsockopt(int fd, int level, int option, const void USER *value, int len)
{
    struct file *f;
    struct socket *s;
    long err = hold(fd, &f, &s);
    if (err == 0) {
        err = set_option(s, level, option, value, len);
        file_put(f);
    }
    return err;
}

static long put_name(int fd, bool peer, void USER *out, int USER *outlen)
{
    char name[NAME_MAX_LEN];
    size_t n = sizeof(name);
    struct file *f;
    struct socket *s;
    int len;
    int err = hold(fd, &f, &s);
    if (err != 0) {
        return err;
    }
    err = s->ops->name(s, peer, name, &n);
    file_put(f);
    if (err == 0 && uaccess_read(&len, outlen, sizeof(len)) != 0) {
        err = -EFAULT;
    }
    if (err != 0 || len < 0) {
        return err != 0 ? err : -EINVAL;
    }
    if (uaccess_write(out, name, min(n, (size_t)len)) != 0) {
        return -EFAULT;
    }
    len = (int)n;
    return uaccess_write(outlen, &len, sizeof(len));
}

long sys_getsockname(int fd, void USER *name, int USER *len)
{
    return put_name(fd, false, name, len);
}

long sys_getpeername(int fd, void USER *name, int USER *len)
{
    return put_name(fd, true, name, len);
}
