/* SPDX-License-Identifier: MIT */
/* System calls that send and receive messages, whatever the family of the socket.
 * Source: send(2), recv(2), sendmmsg(2), recvmmsg(2). */
#include <asm/errno.h>
#include <linux/time_types.h>
#include <linux/uio.h>

#include "kernel/heap.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/await.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"
#include "syscall/socketfd.h"

#define CONTROL_FAST 128 /* bytes of control messages for which nothing is allocated */
#define CONTROL_MAX 131072 /* /proc/sys/net/core/optmem_max */

/* A call on a socket with one buffer. */
struct plain {
    struct iov one;
    struct iov_iter it;
    struct fd_ref r;
    struct socket *s;
    struct message m;
    char addr[SOCKET_ADDRESS_MAX];
};

/* Returns 0: r is borrowed, fd_return gives it back; a negative errno. */
static long plain_begin(struct plain *p, int fd, const void USER *buf, size_t n, unsigned flags)
{
    long result = iovec_one(&p->it, &p->one, buf, n);
    result = result != 0 ? result : socket_borrow(fd, &p->r, &p->s);
    if (result == 0) {
        p->m = (struct message){.it = &p->it, .flags = call_flags(p->r.file, flags)};
    }
    return result;
}

long sys_sendto(int fd, const void USER *buf, size_t n, unsigned flags, const void USER *name,
                int namelen)
{
    struct plain p;
    long result = plain_begin(&p, fd, buf, n, flags);
    if (result != 0) {
        return result;
    }
    if (name != NULL) {
        result = address_read(p.addr, name, namelen);
        p.m.addr = p.addr;
        p.m.addrlen = (size_t)namelen;
    }
    result = result != 0 ? result : socket_send(p.s, &p.m);
    fd_return(p.r);
    return result;
}

long sys_recvfrom(int fd, void USER *buf, size_t n, unsigned flags, void USER *name,
                  int USER *namelen)
{
    struct plain p;
    long result = plain_begin(&p, fd, buf, n, flags);
    if (result != 0) {
        return result;
    }
    p.m.addr = name != NULL ? p.addr : NULL;
    result = socket_recv(p.s, &p.m);
    fd_return(p.r);
    if (result >= 0 && name != NULL) {
        int err = address_write(p.addr, p.m.addrlen, name, namelen);
        result = err != 0 ? err : result;
    }
    return result;
}

/* A message as the program describes it, taken into the kernel. */
struct call {
    struct user_msghdr h;
    struct iovec_list l;
    struct message m;
    char addr[SOCKET_ADDRESS_MAX];
    void *control; /* fast, heap, or NULL */
    uint64_t fast[CONTROL_FAST / sizeof(uint64_t)];
};

static long take_header(struct call *c, const struct user_msghdr USER *in)
{
    struct user_msghdr *h = &c->h;
    if (uaccess_read(h, in, sizeof(*h)) != 0) {
        return -EFAULT;
    }
    h->namelen = h->name != 0 ? min(h->namelen, SOCKET_ADDRESS_MAX) : 0;
    if (h->namelen < 0) {
        return -EINVAL;
    }
    return h->iovlen > UIO_MAXIOV ? -EMSGSIZE : 0;
}

static long take_control(struct call *c)
{
    size_t n = c->h.control != 0 ? c->h.controllen : 0;
    if (c->h.controllen > INT32_MAX || n > CONTROL_MAX) {
        return -ENOBUFS;
    }
    if (n == 0) {
        return 0;
    }
    c->control = n <= sizeof(c->fast) ? c->fast : heap_alloc(n);
    if (c->control == NULL) {
        return -ENOBUFS;
    }
    c->m.control = c->control;
    c->m.controllen = n;
    return uaccess_read(c->control, uptr(void, c->h.control), n);
}

static void drop_control(struct call *c)
{
    if (c->control != c->fast) {
        heap_free(c->control);
    }
}

static long send_message(struct socket *s, struct user_msghdr USER *msg, unsigned flags)
{
    struct call c;
    c.m = (struct message){.it = &c.l.it, .flags = flags};
    c.control = NULL;
    long result = take_header(&c, msg);
    if (result == 0 && c.h.namelen != 0) {
        result = address_read(c.addr, uptr(void, c.h.name), c.h.namelen);
        c.m.addr = c.addr;
        c.m.addrlen = (size_t)c.h.namelen;
    }
    result = result != 0 ? result : iovec_take(&c.l, uptr(const struct iovec, c.h.iov), c.h.iovlen);
    if (result != 0) {
        return result;
    }
    result = take_control(&c);
    result = result != 0 ? result : socket_send(s, &c.m);
    drop_control(&c);
    iovec_drop(&c.l);
    return result;
}

/* Tell the program what came besides data. */
static int put_header(struct call *c, struct user_msghdr USER *out)
{
    const struct message *m = &c->m;
    uint32_t flags = m->out_flags | (m->flags & MSG_CMSG_CLOEXEC);
    uint64_t controllen = m->put_done;
    if (c->h.name != 0) {
        int err = address_write(c->addr, m->addrlen, uptr(void, c->h.name), &out->namelen);
        if (err != 0) {
            return err;
        }
    }
    bool bad = uaccess_write(&out->flags, &flags, sizeof(flags)) != 0 ||
               uaccess_write(&out->controllen, &controllen, sizeof(controllen)) != 0;
    return bad ? -EFAULT : 0;
}

static long recv_message(struct socket *s, struct user_msghdr USER *msg, unsigned flags,
                         unsigned *out_flags)
{
    struct call c;
    long result = take_header(&c, msg);
    result = result != 0 ? result : iovec_take(&c.l, uptr(const struct iovec, c.h.iov), c.h.iovlen);
    if (result != 0) {
        return result;
    }
    c.m = (struct message){.it = &c.l.it, .flags = flags, .addr = c.h.name != 0 ? c.addr : NULL};
    c.m.put_at = c.h.control;
    c.m.put_room = c.h.controllen;
    result = socket_recv(s, &c.m);
    iovec_drop(&c.l);
    if (result >= 0) {
        int err = put_header(&c, msg);
        result = err != 0 ? err : result;
    }
    *out_flags = c.m.out_flags;
    return result;
}

long sys_sendmsg(int fd, const void USER *msg, unsigned flags)
{
    struct fd_ref r;
    struct socket *s;
    if ((flags & MSG_CMSG_COMPAT) != 0) {
        return -EINVAL;
    }
    long result = socket_borrow(fd, &r, &s);
    if (result == 0) {
        result = send_message(s, uptr(struct user_msghdr, msg), call_flags(r.file, flags));
        fd_return(r);
    }
    return result;
}

long sys_recvmsg(int fd, void USER *msg, unsigned flags)
{
    struct fd_ref r;
    struct socket *s;
    unsigned out_flags;
    if ((flags & MSG_CMSG_COMPAT) != 0) {
        return -EINVAL;
    }
    long result = socket_borrow(fd, &r, &s);
    if (result == 0) {
        result = recv_message(s, msg, call_flags(r.file, flags), &out_flags);
        fd_return(r);
    }
    return result;
}

/* The result of a call with several messages: those before the first error count. */
static long put_length(struct user_mmsghdr USER *v, long result)
{
    unsigned len = (unsigned)result;
    return result < 0 ? result : uaccess_write(&v->len, &len, sizeof(len));
}

static long send_many(struct socket *s, struct user_mmsghdr USER *v, unsigned n, unsigned flags)
{
    long err = 0;
    unsigned done = 0;
    while (done < min(n, (unsigned)UIO_MAXIOV)) {
        err = put_length(&v[done], send_message(s, &v[done].hdr, flags));
        if (err != 0) {
            break;
        }
        done++;
    }
    return done != 0 ? (long)done : err;
}

long sys_sendmmsg(int fd, void USER *v, unsigned n, unsigned flags)
{
    struct fd_ref r;
    struct socket *s;
    if ((flags & MSG_CMSG_COMPAT) != 0) {
        return -EINVAL;
    }
    long result = socket_borrow(fd, &r, &s);
    if (result == 0) {
        result = send_many(s, v, n, call_flags(r.file, flags));
        fd_return(r);
    }
    return result;
}

/* The deadline is looked at between messages only: as Linux. */
static long recv_many(struct socket *s, struct user_mmsghdr USER *v, unsigned n, unsigned flags,
                      uint64_t deadline_ns)
{
    unsigned done = 0;
    unsigned out_flags = 0;
    long err = (flags & MSG_ERRQUEUE) == 0 ? -socket_take_error(s) : 0;
    while (err == 0 && done < n) {
        long result = recv_message(s, &v[done].hdr, flags & ~(unsigned)MSG_WAITFORONE, &out_flags);
        err = put_length(&v[done], result);
        if (err != 0) {
            break;
        }
        done++;
        flags |= (flags & MSG_WAITFORONE) != 0 ? MSG_DONTWAIT : 0;
        if ((out_flags & MSG_OOB) != 0 ||
            (deadline_ns != TIME_NEVER && clock_ns() >= deadline_ns)) {
            break;
        }
    }
    if (done != 0 && err != 0 && err != -EAGAIN) {
        socket_set_error(s, (int)-err); /* told by the next call */
    }
    return done != 0 ? (long)done : err;
}

static int put_rest(void USER *timeout, uint64_t deadline_ns)
{
    uint64_t now = clock_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    struct __kernel_timespec ts = {(long)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC)};
    return uaccess_write(timeout, &ts, sizeof(ts));
}

long sys_recvmmsg(int fd, void USER *v, unsigned n, unsigned flags, void USER *timeout)
{
    struct fd_ref r;
    struct socket *s;
    uint64_t deadline_ns;
    if ((flags & MSG_CMSG_COMPAT) != 0) {
        return -EINVAL;
    }
    long result = await_timespec(timeout, &deadline_ns);
    result = result != 0 ? result : socket_borrow(fd, &r, &s);
    if (result != 0) {
        return result;
    }
    result = recv_many(s, v, n, call_flags(r.file, flags), deadline_ns);
    fd_return(r);
    if (result > 0 && timeout != NULL && put_rest(timeout, deadline_ns) != 0) {
        return -EFAULT;
    }
    return result;
}
