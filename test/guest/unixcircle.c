/* SPDX-License-Identifier: MIT */
/* Sockets that are sent through themselves or through each other and that nobody can receive any
 * more are thrown away, with all that went along: seen by a pipe whose other end was among it. What
 * can still be received stays. Source: unix(7), SCM_RIGHTS. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/guest/show.h"

static int end; /* of a pipe whose other end is sent */

static void send_fds(int through, int x, int y)
{
    union {
        char space[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec v = {(void *)(size_t) "x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    int fds[2] = {x, y};
    size_t n = y >= 0 ? sizeof(fds) : sizeof(int);
    memset(&control, 0, sizeof(control));
    m.msg_controllen = CMSG_SPACE(n);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(c), fds, n);
    if (sendmsg(through, &m, 0) != 1)
        printf("not sent: %s\n", errno_name(errno));
}

static int receive_fd(int from)
{
    union {
        char space[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    int fd = -1;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    m.msg_controllen = sizeof(control);
    if (recvmsg(from, &m, 0) == 1 && CMSG_FIRSTHDR(&m) != NULL)
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
    return fd;
}

static int new_pipe(void)
{
    int fd[2] = {-1, -1};
    if (pipe(fd) != 0)
        printf("no pipe\n");
    end = fd[0];
    return fd[1];
}

static void pair(int type, int fd[2])
{
    if (socketpair(AF_UNIX, type, 0, fd) != 0)
        printf("no pair\n");
}

/* Whether the other end of the pipe is gone; it may take Linux a moment. */
static void show_end(const char *what, int wait_ms)
{
    struct pollfd p = {.fd = end, .events = POLLIN};
    int n = poll(&p, 1, wait_ms);
    printf("%s: %s\n", what, n == 1 && (p.revents & POLLHUP) != 0 ? "gone" : "still there");
}

/* A socket is closed: that is when circles are looked for. */
static void collect(void)
{
    int s[2];
    pair(SOCK_STREAM, s);
    close(s[0]);
    close(s[1]);
}

static void test_self(int type)
{
    int s[2], w = new_pipe();
    pair(type, s);
    send_fds(s[0], s[1], w);
    close(w);
    show_end("sent", 0);
    close(s[1]);
    show_end("one end closed", 0);
    close(s[0]);
    show_end("through itself", 5000);
    close(end);
}

static void test_two(void)
{
    int s[2], t[2], w = new_pipe();
    pair(SOCK_STREAM, s);
    pair(SOCK_STREAM, t);
    send_fds(s[0], t[1], w);
    send_fds(t[0], s[1], -1);
    close(w);
    close(s[1]);
    close(t[1]);
    show_end("each can still be reached by its peer only", 0);
    close(s[0]);
    close(t[0]);
    show_end("through each other", 5000);
    close(end);
}

/* A pair whose two ends are both in the queue of one of them. */
static void test_both_ends(void)
{
    int s[2], w = new_pipe();
    pair(SOCK_SEQPACKET, s);
    send_fds(s[0], s[1], s[0]);
    send_fds(s[0], w, -1);
    close(w);
    close(s[0]);
    close(s[1]);
    collect(); /* neither of them was */
    show_end("both ends", 5000);
    close(end);
}

/* Something else is collected meanwhile: a circle that can be received must not be. */
static void test_reachable(void)
{
    int s[2], t[2], w = new_pipe();
    pair(SOCK_STREAM, s);
    pair(SOCK_STREAM, t);
    send_fds(s[0], s[1], w); /* a circle */
    send_fds(t[0], s[1], -1); /* and a way to it */
    close(w);
    close(s[1]);
    close(s[0]);
    collect();
    show_end("held by a queue of ours", 100);
    int inner = receive_fd(t[1]);
    TRUE(inner >= 0);
    int again = receive_fd(inner);
    TRUE(again >= 0);
    close(again);
    close(inner);
    show_end("received, and closed but for the pipe", 100);
    close(t[0]);
    close(t[1]);
    close(end);
}

/* A socket in flight that nobody has open, whose peer writes to it. */
static void test_in_flight(void)
{
    int s[2], t[2];
    char buf[8] = "";
    pair(SOCK_STREAM, s);
    pair(SOCK_STREAM, t);
    send_fds(s[0], t[1], -1);
    close(t[1]);
    SHOW(write(t[0], "abc", 3));
    collect();
    int fd = receive_fd(s[1]);
    SHOW(read(fd, buf, sizeof(buf)));
    printf("%s\n", buf);
    close(fd);
    close(t[0]);
    close(s[0]);
    close(s[1]);
}

static struct sockaddr_un listener_name(socklen_t *len)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1);
    *len += (socklen_t)sprintf(un.sun_path + 1, "elfin-circle-%d", getpid());
    return un;
}

/* A listener that is only in the queue of a connection which it has not accepted. */
static void test_listener(int reachable)
{
    socklen_t len;
    struct sockaddr_un un = listener_name(&len);
    int w = new_pipe(), l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(bind(l, (void *)&un, len));
    SHOW(listen(l, 1));
    SHOW(connect(c, (void *)&un, len));
    send_fds(c, l, w);
    close(w);
    int copy = reachable ? dup(l) : -1;
    close(l);
    close(c);
    collect();
    show_end("listener", reachable ? 100 : 5000);
    if (reachable) {
        int s = accept(copy, NULL, NULL);
        int again = receive_fd(s);
        TRUE(again >= 0);
        close(again);
        close(s);
        close(copy);
        close(again + 1);
        show_end("accepted and closed", 5000);
    }
    close(end);
}

/* One in the queue of the next, very many times: closing the last closes all. */
static void test_chain(void)
{
    int w = new_pipe(), held = w;
    for (int i = 0; i < 3000; i++) {
        int s[2];
        pair(SOCK_STREAM, s);
        send_fds(s[0], held, -1);
        close(s[0]);
        close(held);
        held = s[1];
    }
    show_end("held by a chain", 0);
    close(held);
    show_end("chain", 5000);
    close(end);
}

/* Many: what is not given back adds up. */
static void test_many(void)
{
    for (int i = 0; i < 300; i++) {
        int s[2];
        pair(SOCK_DGRAM, s);
        send_fds(s[0], s[1], s[0]);
        close(s[0]);
        close(s[1]);
    }
    test_self(SOCK_DGRAM);
}

int main(void)
{
    test_self(SOCK_STREAM);
    test_self(SOCK_DGRAM);
    test_two();
    test_both_ends();
    test_reachable();
    test_in_flight();
    test_listener(0);
    test_listener(1);
    test_chain();
    test_many();
    return 0;
}
