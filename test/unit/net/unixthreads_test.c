/* SPDX-License-Identifier: MIT */
// sources: net/unix.c net/unixname.c net/unixjoin.c net/unixqueue.c net/unixstream.c
// sources: net/unixpacket.c net/unixflight.c net/scm.c net/message.c net/socket.c net/sockopt.c
// sources: kernel/file.c kernel/fileattr.c kernel/wait.c kernel/mutex.c kernel/base/rbtree.c
// fakes: threads heap log
// cflags: -include linux/stat.h
// sanitize: thread
/* AF_UNIX sockets on several CPUs at once, under ThreadSanitizer: names that come and go, clients
 * of one listener, datagrams to one receiver, circles of sockets. Source: unix(7). */
#include "net/unix.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <linux/un.h>
#include <string.h>

#include "fs/entry.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/signal.h"
#include "net/unixsocket.h"
#include "net/ifreq.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define ROUNDS 300
#define PATH_AT offsetof(struct sockaddr_un, sun_path)

struct process process; /* all ids are 0 */
static struct file *listener, *receiver;
static long sum;

/* Nothing here has a path. */
int namei_walk(const struct path *at, const char *name, unsigned flags, struct path *out)
{
    (void)at, (void)name, (void)flags, (void)out;
    return -ENOENT;
}

int access_check(struct vnode *v, unsigned mask, bool real)
{
    (void)v, (void)mask, (void)real;
    return -EACCES;
}

void path_put(struct path *p)
{
    (void)p;
}

void vnode_put(struct vnode *v)
{
    (void)v;
}

int entry_make_node(const struct path *at, const char *name, uint32_t mode, uint64_t rdev,
                    struct vnode **out)
{
    (void)at, (void)name, (void)mode, (void)rdev, (void)out;
    return -ENOSPC;
}

int entry_remove(const struct path *at, const char *name, bool is_rmdir)
{
    (void)at, (void)name, (void)is_rmdir;
    return -ENOENT;
}

bool process_capable(int cap)
{
    (void)cap;
    return true;
}

void random_bytes(void *out, size_t len)
{
    memset(out, 0, len);
}

void sigio_send(struct socket *s, int reason)
{
    (void)s, (void)reason; /* nobody asks for signals */
}

long ifreq_ioctl(unsigned cmd, uint64_t arg)
{
    (void)cmd, (void)arg;
    return -ENOTTY; /* nor for interfaces */
}

void signal_send_self(int sig)
{
    (void)sig;
}

static struct socket *socket_in(struct file *f)
{
    return socket_of(f);
}

static struct file *new_socket(int type, unsigned flags)
{
    struct socket *s = NULL;
    struct file *f = NULL;
    CHECK_EQ(unix_family.create(type, 0, &s), 0);
    CHECK_EQ(socket_open(s, flags, &f), 0);
    return f;
}

/* An abstract name. Returns its length; addr[SOCKET_ADDRESS_MAX] */
static size_t name(char *addr, const char *text)
{
    memset(addr, 0, SOCKET_ADDRESS_MAX);
    addr[0] = AF_UNIX;
    strcpy(addr + PATH_AT + 1, text);
    return PATH_AT + 1 + strlen(text);
}

static int bind_to(struct file *f, const char *text)
{
    char addr[SOCKET_ADDRESS_MAX];
    size_t len = name(addr, text);
    return socket_in(f)->ops->bind(socket_in(f), addr, len);
}

static int connect_to(struct file *f, const char *text)
{
    char addr[SOCKET_ADDRESS_MAX];
    size_t len = name(addr, text);
    bool nonblock = (f->flags & O_NONBLOCK) != 0;
    return socket_in(f)->ops->connect(socket_in(f), addr, len, nonblock);
}

static long put(struct file *f, long number)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &number, sizeof(number), false);
    return f->ops->write(f, &it, NULL);
}

static long get(struct file *f, long *number)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, number, sizeof(*number), false);
    return f->ops->read(f, &it, NULL);
}

/* Files must be closed by a thread: their mutexes know who holds them. */
static void close_shared(unsigned i)
{
    (void)i;
    file_put(listener);
    file_put(receiver);
}

static void open_shared(unsigned i)
{
    (void)i;
    listener = new_socket(SOCK_STREAM, 0);
    receiver = new_socket(SOCK_DGRAM, 0);
    CHECK_EQ(bind_to(listener, "listener"), 0);
    CHECK_EQ(bind_to(receiver, "receiver"), 0);
    CHECK_EQ(socket_in(listener)->ops->listen(socket_in(listener), 1), 0);
    sum = 0;
}

static void serve(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct socket *s = NULL;
        struct file *f = NULL;
        long number = 0;
        CHECK_EQ(socket_in(listener)->ops->accept(socket_in(listener), false, &s), 0);
        CHECK_EQ(socket_open(s, 0, &f), 0);
        CHECK_EQ(get(f, &number), (long)sizeof(number));
        CHECK_EQ(put(f, number + 1), (long)sizeof(number));
        file_put(f);
    }
}

static void ask(long i)
{
    struct file *f = new_socket(SOCK_STREAM, 0);
    long number = 0;
    CHECK_EQ(connect_to(f, "listener"), 0);
    CHECK_EQ(put(f, i), (long)sizeof(number));
    CHECK_EQ(get(f, &number), (long)sizeof(number));
    CHECK_EQ(number, i + 1);
    CHECK_EQ(get(f, &number), 0);
    file_put(f);
}

/* Two accept, two ask. */
static void connections(unsigned cpu)
{
    if (cpu < 2) {
        serve();
        return;
    }
    for (long i = 0; i < ROUNDS; i++) {
        ask(i);
    }
}

static void datagrams(unsigned cpu)
{
    long number = 0;
    if (cpu == 0) {
        for (int i = 0; i < (CPUS - 1) * ROUNDS; i++) {
            CHECK_EQ(get(receiver, &number), (long)sizeof(number));
            sum += number;
        }
        return;
    }
    struct file *f = new_socket(SOCK_DGRAM, 0);
    struct wait_queue *q;
    CHECK_EQ(connect_to(f, "receiver"), 0);
    for (long i = 0; i < ROUNDS; i++) {
        CHECK_EQ(put(f, i), (long)sizeof(number));
        CHECK((f->ops->poll(f, &q) & POLLERR) == 0);
    }
    file_put(f);
}

static unsigned waiters(void)
{
    struct wait_queue *q = &unix_of(socket_in(receiver))->readers;
    struct list *at;
    unsigned n = 0;
    spin_lock(&q->lock);
    list_for_each (at, &q->waiters) {
        n++;
    }
    spin_unlock(&q->lock);
    return n;
}

/* One only looks at the packet that another waits for, too: behind it, so that it is woken once. */
static void peek(unsigned cpu)
{
    long number = 0;
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &number, sizeof(number), false);
    struct message m = {.it = &it, .flags = cpu == 0 ? MSG_PEEK : 0};
    while (cpu < 3 && waiters() != cpu) {
        __builtin_ia32_pause();
    }
    if (cpu < 2) {
        CHECK_EQ(socket_recv(socket_in(receiver), &m), (long)sizeof(number));
        CHECK_EQ(number, 7);
    } else if (cpu == 2) {
        struct file *f = new_socket(SOCK_DGRAM, 0);
        CHECK_EQ(connect_to(f, "receiver"), 0);
        CHECK_EQ(put(f, 7), (long)sizeof(number));
        file_put(f);
    }
}

/* One name for all, which is there or not; sockets die under those who use them. */
static void churn(unsigned cpu)
{
    int type = cpu % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM;
    for (long i = 0; i < ROUNDS; i++) {
        struct file *a = new_socket(type, O_NONBLOCK);
        struct file *b = new_socket(type, O_NONBLOCK);
        struct socket *s;
        long number;
        if (bind_to(a, "churn") == 0 && type == SOCK_STREAM) {
            (void)!socket_in(a)->ops->listen(socket_in(a), 1);
        }
        (void)!connect_to(b, "churn");
        (void)!put(b, i);
        (void)!get(a, &number);
        if (type == SOCK_STREAM && socket_in(a)->ops->accept(socket_in(a), true, &s) == 0) {
            s->ops->release(s);
        }
        file_put(i % 2 == 0 ? a : b);
        file_put(i % 2 == 0 ? b : a);
    }
}

/* A socket in its own queue, for which nobody else is left. */
static void circles(unsigned cpu)
{
    (void)cpu;
    for (int i = 0; i < ROUNDS; i++) {
        struct file *f = new_socket(SOCK_DGRAM, O_NONBLOCK);
        char addr[SOCKET_ADDRESS_MAX] = {AF_UNIX};
        int fd = fd_alloc(f, 0, 0);
        struct {
            struct user_cmsghdr h;
            int fd[2];
        } control = {{sizeof(control.h) + sizeof(int), SOL_SOCKET, SCM_RIGHTS}, {fd, 0}};
        struct iov v;
        struct iov_iter it = iov_iter_one(&v, &i, sizeof(i), false);
        struct message m = {.it = &it, .control = &control, .controllen = sizeof(control)};
        size_t len = sizeof(addr);
        CHECK_EQ(socket_in(f)->ops->bind(socket_in(f), addr, PATH_AT), 0);
        CHECK_EQ(socket_in(f)->ops->name(socket_in(f), SOCKET_SELF, addr, &len), 0);
        m.addr = addr;
        m.addrlen = len;
        CHECK_EQ(socket_send(socket_in(f), &m), (long)sizeof(i));
        CHECK_EQ(fd_close(fd), 0);
    }
    file_put(new_socket(SOCK_DGRAM, 0)); /* a close looks for circles */
}

static void share(void (*function)(unsigned i))
{
    fake_threads_run(1, open_shared);
    fake_threads_run(CPUS, function);
    fake_threads_run(1, close_shared);
}

static void many_connections(void)
{
    share(connections);
}

static void many_datagrams(void)
{
    share(datagrams);
    CHECK_EQ(sum, (long)(CPUS - 1) * ROUNDS * (ROUNDS - 1) / 2);
}

static void peek_and_read(void)
{
    share(peek);
}

static void many_names(void)
{
    fake_threads_run(CPUS, churn);
}

static void begin_circles(unsigned i)
{
    (void)i;
    fd_set_limit(1000);
}

static void end_circles(unsigned i)
{
    (void)i;
    file_put(new_socket(SOCK_DGRAM, 0));
    fd_close_all();
}

static void many_circles(void)
{
    fake_threads_run(1, begin_circles);
    fake_threads_run(CPUS, circles);
    fake_threads_run(1, end_circles);
    heap_free(fd_table.file);
    heap_free(fd_table.cloexec);
    fd_table = (struct fd_table){.size = 0};
}

TESTS(many_connections, many_datagrams, peek_and_read, many_names, many_circles)
