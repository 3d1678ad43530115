/* SPDX-License-Identifier: MIT */
// sources: net/unix.c net/unixname.c net/unixjoin.c net/unixqueue.c net/unixstream.c
// sources: net/unixpacket.c net/unixflight.c net/unixproc.c net/scm.c net/message.c net/socket.c
// sources: net/sockopt.c fs/textfs.c kernel/random.c
// fakes: files
// cflags: -include linux/stat.h
/* AF_UNIX sockets without a machine: each operation with its first, second ... allocation failing
 * leaves nothing behind and works when it is tried again; names and the files that travel are given
 * back. Source: unix(7). */
#include "net/unix.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/un.h>
#include <string.h>

#include "fs/entry.h"
#include "fs/textfs.h"
#include "kernel/heap.h"
#include "net/ifreq.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

static struct file *a, *b; /* what an operation works on */
static struct socket *made, *made_too; /* what it has made */

void sigio_send(struct socket *s, int reason)
{
    (void)s, (void)reason; /* nobody asks for signals */
}

long ifreq_ioctl(unsigned cmd, uint64_t arg)
{
    (void)cmd, (void)arg;
    return -ENOTTY; /* nor for interfaces */
}

static struct socket *in(struct file *f)
{
    return socket_of(f);
}

static void release(struct socket *s)
{
    if (s != NULL) {
        s->ops->release(s);
    }
}

static struct file *new_socket(int type)
{
    struct socket *s = NULL;
    struct file *f = NULL;
    CHECK_EQ(unix_family.create(type, 0, &s), 0);
    CHECK_EQ(socket_open(s, O_NONBLOCK, &f), 0);
    return f;
}

static int call(struct file *f, const char *path, bool connect)
{
    char addr[SOCKET_ADDRESS_MAX] = {AF_UNIX};
    size_t len = PATH_AT + strlen(path);
    strcpy(addr + PATH_AT, path);
    if (path[0] == '@') {
        addr[PATH_AT] = 0;
    } else {
        len++;
    }
    return connect ? in(f)->ops->connect(in(f), addr, len, true)
                   : in(f)->ops->bind(in(f), addr, len);
}

static long transfer(struct file *f, char *text, size_t len, bool send)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, text, len, false);
    return send ? f->ops->write(f, &it, NULL) : f->ops->read(f, &it, NULL);
}

/* Send the file of descriptor fd along with a byte. */
static long send_file(struct file *f, int fd)
{
    char byte = 'x';
    struct {
        struct user_cmsghdr h;
        int fd[2];
    } control = {{sizeof(control.h) + sizeof(int), SOL_SOCKET, SCM_RIGHTS}, {fd, 0}};
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &byte, 1, false);
    struct message m = {.it = &it, .control = &control, .controllen = sizeof(control)};
    return socket_send(in(f), &m);
}

static void nothing(void)
{
}

static void close_both(void)
{
    file_put(a);
    file_put(b);
    fake_files_clear(fake_root->root);
}

static int run_create(void)
{
    made = NULL;
    return unix_family.create(SOCK_STREAM, 0, &made);
}

static int run_pair(void)
{
    struct socket *s[2] = {NULL, NULL};
    int err = unix_family.pair(SOCK_DGRAM, 0, s);
    made = err == 0 ? s[0] : NULL;
    made_too = err == 0 ? s[1] : NULL;
    return err;
}

static void release_made(void)
{
    release(made);
}

static void release_pair(void)
{
    release(made);
    release(made_too);
}

static void make_unbound(void)
{
    a = new_socket(SOCK_STREAM);
    b = new_socket(SOCK_STREAM);
}

static int run_bind_path(void)
{
    return call(a, "/name", false);
}

static int run_bind_abstract(void)
{
    return call(a, "@name", false);
}

static int run_bind_auto(void)
{
    char addr[SOCKET_ADDRESS_MAX] = {AF_UNIX};
    return in(a)->ops->bind(in(a), addr, PATH_AT);
}

static void make_listener(void)
{
    make_unbound();
    CHECK_EQ(call(a, "/name", false), 0);
    CHECK_EQ(in(a)->ops->listen(in(a), 1), 0);
}

static int run_connect(void)
{
    return call(b, "/name", true);
}

static void make_datagrams(void)
{
    a = new_socket(SOCK_DGRAM);
    b = new_socket(SOCK_DGRAM);
    CHECK_EQ(call(a, "@name", false), 0);
}

static int run_connect_datagram(void)
{
    return call(b, "@name", true);
}

static void make_joined(void)
{
    make_datagrams();
    CHECK_EQ(run_connect_datagram(), 0);
    fd_set_limit(10);
    file_get(a);
    CHECK_EQ(fd_alloc(a, 0, 0), 0);
}

static void close_joined(void)
{
    (void)fd_close(0);
    close_both();
    heap_free(fd_table.file);
    heap_free(fd_table.cloexec);
    fd_table = (struct fd_table){.size = 0};
}

static int run_send(void)
{
    char text[] = "text";
    long n = transfer(b, text, 4, true);
    return n < 0 ? (int)n : 0;
}

static int run_send_file(void)
{
    long n = send_file(b, 0);
    return n < 0 ? (int)n : 0;
}

static const struct operation {
    const char *name;
    void (*before)(void);
    int (*run)(void);
    void (*after)(void);
    int error;
} operations[] = {
    {"create", nothing, run_create, release_made, -ENOMEM},
    {"pair", nothing, run_pair, release_pair, -ENOMEM},
    {"bind to a path", make_unbound, run_bind_path, close_both, -ENOMEM},
    {"bind to an abstract name", make_unbound, run_bind_abstract, close_both, -ENOMEM},
    {"bind to any name", make_unbound, run_bind_auto, close_both, -ENOMEM},
    {"connect", make_listener, run_connect, close_both, -ENOMEM},
    {"connect datagrams", make_datagrams, run_connect_datagram, close_both, -ENOMEM},
    {"send", make_joined, run_send, close_joined, -ENOBUFS},
    {"send a file", make_joined, run_send_file, close_joined, 0},
};

/* Returns whether an allocation failed. */
static bool fail_one(const struct operation *o, unsigned long n)
{
    o->before();
    long before = fake_heap_in_use();
    heap_fail_after(n);
    int err = o->run();
    bool failed = fake_heap_failed();
    heap_fail_after(0);
    if (failed && err != 0) {
        CHECK(err == o->error || (o->error == 0 && (err == -ENOMEM || err == -ENOBUFS)) ||
              err == -ENOSPC);
        CHECK_EQ(fake_heap_in_use(), before);
        CHECK_EQ(o->run(), 0);
    }
    CHECK(failed ? err != 0 : err == 0);
    o->after();
    return failed;
}

static void allocations(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
        unsigned long n = 1;
        while (fail_one(&operations[i], n)) {
            n++;
        }
        CHECK(n > 1 || operations[i].run == run_connect_datagram);
    }
}

static void names(void)
{
    make_unbound();
    CHECK_EQ(call(a, "/name", false), 0);
    CHECK_EQ(call(b, "/name", false), -EADDRINUSE);
    CHECK_EQ(call(a, "/other", false), -EINVAL);
    CHECK_EQ(call(b, "/none/name", false), -ENOENT);
    CHECK_EQ(call(b, "/name", true), -ECONNREFUSED);
    CHECK_EQ(call(b, "@name", false), 0);
    CHECK_EQ(entry_remove(NULL, "/name", false), 0);
    CHECK_EQ(call(b, "/name", true), -ENOENT);
    close_both();
}

/* A socket that closes with connections that nobody accepted, and packets that nobody read. */
static void leftovers(void)
{
    char text[] = "text";
    make_listener();
    CHECK_EQ(run_connect(), 0);
    CHECK_EQ(transfer(b, text, 4, true), 4);
    file_put(a);
    CHECK_EQ(transfer(b, text, 4, false), -ECONNRESET);
    CHECK_EQ(transfer(b, text, 4, false), 0);
    CHECK_EQ(transfer(b, text, 4, true), -EPIPE);
    file_put(b);
    fake_files_clear(fake_root->root);
}

static void circle(void)
{
    make_joined();
    CHECK_EQ(run_send_file(), 0);
    CHECK_EQ(run_send_file(), 0);
    close_joined(); /* a is in its own queue */
}

static void listing(void)
{
    struct text t = {.buf = NULL};
    static const char expected[] = "Num       RefCount Protocol Flags    Type St Inode Path\n"
                                   "0000000000000000: 00000002 00000000 00010000 0001 01 ";
    make_listener();
    unixproc_show(&t, 0);
    CHECK(t.len > sizeof(expected) && memcmp(t.buf, expected, sizeof(expected) - 1) == 0);
    heap_free(t.buf);
    close_both();
}

TESTS(allocations, names, leftovers, circle, listing)
