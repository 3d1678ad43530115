/* SPDX-License-Identifier: MIT */
/* System calls that make, name, join and set sockets, whatever their family; messages: sockmsg.c.
 * Source: socket(2), socketpair(2), bind(2), listen(2), accept(2), connect(2), getsockname(2),
 * getpeername(2), shutdown(2), getsockopt(2). */
#include <asm/errno.h>
#include <asm/socket.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/pair.h"
#include "syscall/socketfd.h"

#define TYPE_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

int socket_borrow(int fd, struct fd_ref *r, struct socket **s)
{
    *r = fd_borrow(fd);
    if (r->file == NULL) {
        return -EBADF;
    }
    *s = socket_of(r->file);
    if (*s == NULL) {
        fd_return(*r);
        return -ENOTSOCK;
    }
    return 0;
}

int address_read(char *addr, const void USER *from, int len)
{
    if (len < 0 || len > SOCKET_ADDRESS_MAX) {
        return -EINVAL;
    }
    memset(addr + len, 0, (size_t)(SOCKET_ADDRESS_MAX - len));
    return uaccess_read(addr, from, (size_t)len);
}

int address_write(const char *addr, size_t n, void USER *out, int USER *len)
{
    int room;
    if (uaccess_read(&room, len, sizeof(room)) != 0) {
        return -EFAULT;
    }
    if (room < 0) {
        return -EINVAL;
    }
    if (uaccess_write(out, addr, min(n, (size_t)room)) != 0) {
        return -EFAULT;
    }
    int all = (int)n;
    return uaccess_write(len, &all, sizeof(all));
}

/* Split the type argument into *type and flags. The family is checked later, but for its range. */
static int take_type(int *family, int *type, unsigned *flags)
{
    *flags = (unsigned)*type & TYPE_FLAGS;
    if ((*type & ~(SOCK_TYPE_MASK | TYPE_FLAGS)) != 0) {
        return -EINVAL;
    }
    *type &= SOCK_TYPE_MASK;
    if (*family < 0 || *family >= AF_MAX) {
        return -EAFNOSUPPORT;
    }
    if (*type >= SOCK_MAX) {
        return -EINVAL;
    }
    if (*family == AF_INET && *type == SOCK_PACKET) {
        *family = AF_PACKET; /* as it was called before Linux 2.2 */
    }
    return 0;
}

static long refusal(int family, long err)
{
    if (err == -EAFNOSUPPORT) {
        log(SYSCALL, INFO, "address family %d is not supported (EAFNOSUPPORT)", family);
    }
    return err;
}

/* A descriptor for s, which ends if there is none. */
static long open_descriptor(struct socket *s, unsigned flags)
{
    struct file *f;
    int err = socket_open(s, flags & SOCK_NONBLOCK, &f);
    if (err != 0) {
        s->ops->release(s);
        return err;
    }
    return fd_give(f, 0, flags & SOCK_CLOEXEC);
}

long sys_socket(int family, int type, int protocol)
{
    unsigned flags;
    struct socket *s;
    long err = take_type(&family, &type, &flags);
    err = err != 0 ? err : socket_create(family, type, protocol, &s);
    return err != 0 ? refusal(family, err) : open_descriptor(s, flags);
}

long sys_socketpair(int family, int type, int protocol, int USER *fds)
{
    unsigned flags;
    struct socket *s[2];
    struct file *end[2];
    long err = take_type(&family, &type, &flags);
    err = err != 0 ? err : socket_create_pair(family, type, protocol, s);
    if (err != 0) {
        return refusal(family, err);
    }
    err = socket_open(s[0], flags & SOCK_NONBLOCK, &end[0]);
    if (err != 0) {
        s[0]->ops->release(s[0]);
        s[1]->ops->release(s[1]);
        return err;
    }
    err = socket_open(s[1], flags & SOCK_NONBLOCK, &end[1]);
    if (err != 0) {
        file_put(end[0]);
        s[1]->ops->release(s[1]);
        return err;
    }
    return pair_open(end, flags & SOCK_CLOEXEC, fds);
}

/* bind and connect. */
static long with_address(int fd, const void USER *name, int len, bool connect)
{
    char addr[SOCKET_ADDRESS_MAX];
    struct fd_ref r;
    struct socket *s;
    long err = socket_borrow(fd, &r, &s);
    if (err != 0) {
        return err;
    }
    err = address_read(addr, name, len);
    if (err == 0 && connect) {
        bool nonblock = (r.file->flags & O_NONBLOCK) != 0;
        err =
            s->ops->connect != NULL ? s->ops->connect(s, addr, (size_t)len, nonblock) : -EOPNOTSUPP;
    } else if (err == 0) {
        err = s->ops->bind != NULL ? s->ops->bind(s, addr, (size_t)len) : -EOPNOTSUPP;
    }
    fd_return(r);
    return err;
}

long sys_bind(int fd, const void USER *name, int len)
{
    return with_address(fd, name, len, false);
}

long sys_connect(int fd, const void USER *name, int len)
{
    return with_address(fd, name, len, true);
}

long sys_listen(int fd, int backlog)
{
    struct fd_ref r;
    struct socket *s;
    long err = socket_borrow(fd, &r, &s);
    if (err != 0) {
        return err;
    }
    bool large = (unsigned)backlog > SOCKET_BACKLOG_MAX; /* or negative: as much as possible */
    err = s->ops->listen != NULL ? s->ops->listen(s, large ? SOCKET_BACKLOG_MAX : backlog)
                                 : -EOPNOTSUPP;
    fd_return(r);
    return err;
}

/* Tell who is at the other end of s. */
static long put_accepted(struct socket *s, void USER *name, int USER *len)
{
    char addr[SOCKET_ADDRESS_MAX];
    size_t n = sizeof(addr);
    if (s->ops->name(s, SOCKET_ACCEPTED, addr, &n) != 0) {
        return -ECONNABORTED;
    }
    return address_write(addr, n, name, len);
}

static long accept_from(struct socket *s, bool nonblock, void USER *name, int USER *len,
                        unsigned flags)
{
    struct socket *fresh;
    if (s->ops->accept == NULL) {
        return -EOPNOTSUPP;
    }
    long err = s->ops->accept(s, nonblock, &fresh);
    if (err != 0) {
        return err;
    }
    err = name != NULL ? put_accepted(fresh, name, len) : 0;
    if (err != 0) {
        fresh->ops->release(fresh);
        return err;
    }
    return open_descriptor(fresh, flags);
}

long sys_accept4(int fd, void USER *name, int USER *len, unsigned flags)
{
    struct fd_ref r;
    struct socket *s;
    if ((flags & ~(unsigned)TYPE_FLAGS) != 0) {
        return -EINVAL;
    }
    long err = socket_borrow(fd, &r, &s);
    if (err != 0) {
        return err;
    }
    err = fd_room(); /* before a connection is taken that could not be given back */
    if (err == 0) {
        err = accept_from(s, (r.file->flags & O_NONBLOCK) != 0, name, len, flags);
    }
    fd_return(r);
    return err;
}

long sys_accept(int fd, void USER *name, int USER *len)
{
    return sys_accept4(fd, name, len, 0);
}

long sys_shutdown(int fd, int how)
{
    struct fd_ref r;
    struct socket *s;
    int err = socket_borrow(fd, &r, &s);
    if (err == 0) {
        bool known = how >= SHUT_RD && how <= SHUT_RDWR;
        err = !known ? -EINVAL : s->ops->shutdown != NULL ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
        fd_return(r);
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
    int err = socket_get_option(s, level, option, value, &n);
    if (err != 0) {
        return err;
    }
    len = (int)n;
    return uaccess_write(out, value, n) != 0 ? -EFAULT : uaccess_write(outlen, &len, sizeof(len));
}

long sys_getsockopt(int fd, int level, int option, void USER *value, int USER *len)
{
    struct fd_ref r;
    struct socket *s;
    long err = socket_borrow(fd, &r, &s);
    if (err == 0) {
        err = get_option(s, level, option, value, len);
        fd_return(r);
    }
    return err;
}

/* What lies behind the part that an option needs may be unreadable. */
static long set_option(struct socket *s, int level, int option, const void USER *in, int len)
{
    char value[SOCKET_OPTION_MAX];
    if (len < 0) {
        return -EINVAL;
    }
    size_t most = min((size_t)len, sizeof(value));
    size_t n = uaccess_read_part(value, in, most);
    if (n < min(most, sizeof(int))) {
        return -EFAULT;
    }
    return socket_set_option(s, level, option, value, n);
}

long sys_setsockopt(int fd, int level, int option, const void USER *value, int len)
{
    struct fd_ref r;
    struct socket *s;
    long err = socket_borrow(fd, &r, &s);
    if (err == 0) {
        err = set_option(s, level, option, value, len);
        fd_return(r);
    }
    return err;
}

static long put_name(int fd, enum socket_name which, void USER *out, int USER *len)
{
    char addr[SOCKET_ADDRESS_MAX];
    size_t n = sizeof(addr);
    struct fd_ref r;
    struct socket *s;
    long err = socket_borrow(fd, &r, &s);
    if (err != 0) {
        return err;
    }
    err = s->ops->name(s, which, addr, &n);
    err = err != 0 ? err : address_write(addr, n, out, len);
    fd_return(r);
    return err;
}

long sys_getsockname(int fd, void USER *name, int USER *len)
{
    return put_name(fd, SOCKET_SELF, name, len);
}

long sys_getpeername(int fd, void USER *name, int USER *len)
{
    return put_name(fd, SOCKET_PEER, name, len);
}
