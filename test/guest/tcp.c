// cpus: 1 2
/* SPDX-License-Identifier: MIT */
/* TCP sockets on the loopback interface: connecting, states, ends, readiness. Source: tcp(7),
 * connect(2), listen(2), accept(2), shutdown(2), poll(2). */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "test/guest/inet.h"

#define NONBLOCK (SOCK_STREAM | SOCK_NONBLOCK)

static int listening(int family, int backlog)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (inet_bind_to(fd, inet_home(family), 0) != 0 || listen(fd, backlog) != 0)
        printf("not listening: %s\n", errno_name(errno));
    return fd;
}

/* Two ends of a connection; [0] was accepted. */
static void make_pair(int family, int fds[2])
{
    int l = listening(family, 5);
    fds[1] = socket(family, SOCK_STREAM, 0);
    if (inet_connect_to(fds[1], inet_home(family), inet_own_port(l)) != 0)
        printf("not connected: %s\n", errno_name(errno));
    fds[0] = accept(l, NULL, NULL);
    close(l);
}

static void close_pair(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

static void set_linger(int fd, int on, int seconds)
{
    struct linger l = {on, seconds};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static void test_new(int family)
{
    char byte;
    int fd = socket(family, NONBLOCK, 0);
    inet_show_self("new", fd);
    inet_show_peer("new", fd);
    inet_show_events("new", fd);
    SHOW(send(fd, "x", 1, MSG_NOSIGNAL));
    SHOW(recv(fd, &byte, 1, 0));
    SHOW(shutdown(fd, SHUT_WR));
    SHOW(accept(fd, NULL, NULL));
    int n;
    SHOW(ioctl(fd, FIONREAD, &n));
    SHOW(inet_bind_to(fd, family == AF_INET ? "198.51.100.7" : "2001:db8::7", 0));
    SHOW(inet_bind_to(fd, inet_home(family), 0));
    SHOW(inet_bind_to(fd, inet_home(family), 0));
    inet_show_self("bound", fd);
    inet_show_events("bound", fd);
    SHOW(listen(fd, 0));
    SHOW(listen(fd, 7));
    inet_show_events("listening", fd);
    printf("accepting %d\n", inet_get(fd, SOL_SOCKET, SO_ACCEPTCONN));
    SHOW(accept(fd, NULL, NULL));
    SHOW(send(fd, "x", 1, MSG_NOSIGNAL));
    SHOW(recv(fd, &byte, 1, 0));
    SHOW(ioctl(fd, FIONREAD, &n));
    SHOW(inet_connect_to(fd, inet_home(family), 9));
    SHOW(inet_bind_to(fd, inet_home(family), 0));
    inet_show_peer("listening", fd);
    SHOW(shutdown(fd, SHUT_WR));
    inet_show_events("still listening", fd);
    SHOW(shutdown(fd, SHUT_RD));
    inet_show_events("not listening", fd);
    SHOW(accept(fd, NULL, NULL));
    printf("accepting %d\n", inet_get(fd, SOL_SOCKET, SO_ACCEPTCONN));
    close(fd);
    fd = socket(family, NONBLOCK, 0);
    SHOW(listen(fd, 5));
    inet_show_self("listening without a bind", fd);
    close(fd);
}

static void test_connect(int family)
{
    int l = listening(family, 5), fd = socket(family, NONBLOCK, 0);
    unsigned port = inet_own_port(l);
    struct inet_addr_of a = inet_make(inet_home(family), port);
    SHOW(connect(fd, &a.any, 1));
    SHOW(connect(fd, &a.any, 6));
    a.any.sa_family = AF_UNIX;
    SHOW(connect(fd, &a.any, a.len));
    int r = inet_connect_to(fd, inet_home(family), port);
    TRUE(r == -1 && errno == EINPROGRESS);
    inet_await(fd, POLLOUT);
    inet_show_events("connected", fd);
    inet_show_error("error", fd);
    SHOW(inet_connect_to(fd, inet_home(family), port));
    SHOW(inet_connect_to(fd, inet_home(family), port));
    inet_show_self("connected", fd);
    inet_show_peer("connected", fd);
    SHOW(inet_bind_to(fd, inet_home(family), 0));
    SHOW(listen(fd, 5));
    inet_show_events("to be accepted", l);
    struct inet_addr_of from = {.len = sizeof(from.in6)};
    int s = accept4(l, &from.any, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    printf("accepted from %s, its port %d, flags %x %x\n", inet_text(&from),
           inet_port(&from) == inet_own_port(fd), fcntl(s, F_GETFL) & O_NONBLOCK,
           fcntl(s, F_GETFD));
    SHOW(syscall(SYS_accept4, l, NULL, NULL, 1)); /* past the C library */
    inet_show_events("accepted", s);
    inet_show_self("accepted", s);
    close(s);
    close(fd);
    close(l);

    fd = socket(family, SOCK_STREAM, 0);
    SHOW(inet_connect_to(fd, inet_home(family), port)); /* nobody listens */
    inet_show_events("refused", fd);
    inet_show_error("told", fd);
    SHOW(inet_connect_to(fd, inet_home(family), port));
    l = socket(family, SOCK_STREAM, 0);
    SHOW(inet_bind_to(l, inet_home(family), 0));
    SHOW(listen(l, 5));
    SHOW(inet_connect_to(fd, inet_home(family), inet_own_port(l)));
    inet_show_peer("in the end", fd);
    close(fd);
    close(l);

    fd = socket(family, NONBLOCK, 0);
    r = inet_connect_to(fd, inet_home(family), port);
    if (r == -1 && errno == EINPROGRESS)
        inet_await(fd, POLLOUT);
    inet_show_events("refused later", fd);
    SHOW(send(fd, "x", 1, MSG_NOSIGNAL));
    inet_show_events("then", fd);
    SHOW(send(fd, "x", 1, MSG_NOSIGNAL));
    inet_show_error("error", fd);
    char byte;
    SHOW(recv(fd, &byte, 1, 0));
    close(fd);
}

static void test_ends(int family)
{
    int p[2];
    char buf[16];
    make_pair(family, p);
    SHOW(send(p[0], "hello", 5, 0));
    inet_await(p[1], POLLIN);
    inet_show_events("data", p[1]);
    SHOW(shutdown(p[0], SHUT_WR));
    inet_await(p[1], POLLRDHUP);
    inet_show_events("data and the end", p[1]);
    inet_show_events("who ended", p[0]);
    SHOW(recv(p[1], buf, 16, 0));
    SHOW(recv(p[1], buf, 16, 0));
    SHOW(recv(p[1], buf, 16, 0));
    inet_show_events("the end", p[1]);
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(p[1], "back", 4, 0));
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(shutdown(p[1], SHUT_WR));
    inet_await(p[0], POLLHUP);
    inet_show_events("both ended", p[0]);
    inet_show_events("both ended", p[1]);
    inet_show_peer("both ended", p[0]);
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(shutdown(p[0], SHUT_RDWR));
    SHOW(shutdown(p[1], SHUT_RDWR));
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    inet_show_error("error", p[0]);
    close_pair(p);

    make_pair(family, p);
    SHOW(shutdown(p[0], SHUT_RD));
    inet_show_events("does not read", p[0]);
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(send(p[1], "late", 4, 0));
    inet_await(p[0], POLLIN);
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(shutdown(p[0], SHUT_RDWR));
    inet_show_events("all down", p[0]);
    inet_await(p[1], POLLIN);
    inet_show_events("the other", p[1]);
    close_pair(p);
}

static void test_resets(int family)
{
    int p[2];
    char buf[16];
    make_pair(family, p);
    SHOW(send(p[0], "unread", 6, 0));
    inet_await(p[1], POLLIN);
    close(p[1]);
    inet_await(p[0], POLLHUP);
    inet_show_events("closed with unread data", p[0]);
    SHOW(recv(p[0], buf, 16, 0));
    inet_show_events("told", p[0]);
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    inet_show_peer("reset", p[0]);
    close(p[0]);

    make_pair(family, p);
    set_linger(p[1], 1, 0);
    SHOW(send(p[1], "x", 1, 0));
    inet_await(p[0], POLLIN);
    close(p[1]);
    inet_await(p[0], POLLHUP);
    inet_show_events("lingered 0", p[0]);
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(recv(p[0], buf, 16, 0));
    SHOW(recv(p[0], buf, 16, 0));
    close(p[0]);

    make_pair(family, p);
    close(p[1]);
    inet_await(p[0], POLLIN);
    inet_show_events("closed", p[0]);
    SHOW(send(p[0], "into nothing", 12, 0));
    inet_await(p[0], POLLERR);
    inet_show_events("answered by a reset", p[0]);
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(recv(p[0], buf, 16, 0));
    close(p[0]);

    make_pair(family, p);
    set_linger(p[1], 1, 2);
    SHOW(send(p[1], "all of it", 9, 0));
    SHOW(close(p[1]));
    SHOW(recv(p[0], buf, 16, MSG_WAITALL));
    close(p[0]);
}

static int signals;

static void on_pipe(int sig)
{
    (void)sig;
    signals++;
}

static void test_pipe_signal(int family)
{
    int p[2];
    signal(SIGPIPE, on_pipe);
    make_pair(family, p);
    SHOW(shutdown(p[0], SHUT_WR));
    SHOW(send(p[0], "x", 1, 0));
    SHOW(send(p[0], "x", 1, MSG_NOSIGNAL));
    SHOW(write(p[0], "x", 1));
    printf("signals %d\n", signals);
    signals = 0;
    close_pair(p);
    int fd = socket(family, SOCK_STREAM, 0);
    SHOW(write(fd, "x", 1));
    printf("signals %d\n", signals);
    signals = 0;
    close(fd);
    signal(SIGPIPE, SIG_DFL);
}

static void *send_slowly(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 5; i++) {
        usleep(3000);
        send(fd, "part ", 5, 0);
    }
    return NULL;
}

static void test_flags(int family)
{
    int p[2], n;
    char buf[64] = "";
    pthread_t t;
    make_pair(family, p);
    SHOW(recv(p[0], buf, 1, MSG_DONTWAIT));
    SHOW(recv(p[0], buf, 0, MSG_DONTWAIT));
    SHOW(recv(p[0], NULL, 0, MSG_DONTWAIT));
    SHOW(recv(p[0], buf, 1, MSG_OOB));
    SHOW(send(p[1], "", 0, 0));
    pthread_create(&t, NULL, send_slowly, &p[1]);
    SHOW(recv(p[0], buf, 25, MSG_WAITALL | MSG_PEEK));
    pthread_join(t, NULL);
    SHOW(ioctl(p[0], FIONREAD, &n));
    printf("to read %d\n", n);
    SHOW(recv(p[0], buf, 7, MSG_PEEK));
    SHOW(recv(p[0], buf, 5, MSG_TRUNC));
    SHOW(recv(p[0], buf, 60, MSG_DONTWAIT | MSG_WAITALL));
    pthread_create(&t, NULL, send_slowly, &p[1]);
    SHOW(recv(p[0], buf, 25, MSG_WAITALL));
    pthread_join(t, NULL);
    SHOW(send(p[1], "short", 5, 0));
    SHOW(shutdown(p[1], SHUT_WR));
    SHOW(recv(p[0], buf, 25, MSG_WAITALL));
    SHOW(recv(p[0], buf, 1, MSG_ERRQUEUE));
    close_pair(p);
    struct timeval tv = {.tv_usec = 20000};
    make_pair(family, p);
    setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    SHOW(recv(p[0], buf, 1, 0));
    SHOW(send(p[1], "ab", 2, 0));
    SHOW(recv(p[0], buf, 5, MSG_WAITALL));
    static char big[1 << 20];
    long sent = 0, r;
    while ((r = send(p[0], big, sizeof(big), 0)) > 0)
        sent += r;
    printf("full: %s, sent some %d\n", errno_name(errno), sent > 0);
    inet_show_events("full", p[0]);
    close_pair(p);
}

static void test_accept_order(int family)
{
    int l = listening(family, 5), c[4], s[4], ok = 1;
    for (int i = 0; i < 4; i++) {
        c[i] = socket(family, SOCK_STREAM, 0);
        if (inet_connect_to(c[i], inet_home(family), inet_own_port(l)) != 0)
            printf("not connected\n");
    }
    for (int i = 0; i < 4; i++) {
        struct inet_addr_of a = {.len = sizeof(a.in6)};
        s[i] = accept(l, &a.any, &a.len);
        ok = ok && inet_port(&a) == inet_own_port(c[i]);
    }
    printf("in order %d\n", ok);
    for (int i = 0; i < 4; i++) {
        close(s[i]);
        close(c[i]);
    }
    int d = socket(family, SOCK_STREAM, 0);
    char buf[8];
    SHOW(inet_connect_to(d, inet_home(family), inet_own_port(l)));
    SHOW(send(d, "first", 5, 0));
    close(d);
    d = accept(l, NULL, NULL);
    SHOW(recv(d, buf, 8, 0));
    SHOW(recv(d, buf, 8, 0));
    close(d);
    d = socket(family, SOCK_STREAM, 0);
    SHOW(inet_connect_to(d, inet_home(family), inet_own_port(l)));
    close(l); /* nobody will accept it */
    inet_await(d, POLLHUP);
    inet_show_events("never accepted", d);
    SHOW(recv(d, buf, 8, 0));
    close(d);
}

static void *close_later(void *arg)
{
    usleep(20000);
    shutdown(*(int *)arg, SHUT_RDWR);
    return NULL;
}

static void test_waiting(int family)
{
    int p[2], l = listening(family, 5);
    char byte;
    pthread_t t;
    make_pair(family, p);
    pthread_create(&t, NULL, close_later, &p[0]);
    SHOW(recv(p[0], &byte, 1, 0));
    pthread_join(t, NULL);
    close_pair(p);
    pthread_create(&t, NULL, close_later, &l);
    SHOW(accept(l, NULL, NULL));
    pthread_join(t, NULL);
    close(l);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    static const int families[] = {AF_INET, AF_INET6};
    for (int i = 0; i < 2; i++) {
        printf("-- %s\n", i ? "IPv6" : "IPv4");
        test_new(families[i]);
        test_connect(families[i]);
        test_ends(families[i]);
        test_resets(families[i]);
        test_pipe_signal(families[i]);
        test_flags(families[i]);
        test_accept_order(families[i]);
        test_waiting(families[i]);
    }
    return 0;
}
