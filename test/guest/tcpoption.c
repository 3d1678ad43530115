/* SPDX-License-Identifier: MIT */
/* Options of TCP sockets, and edge-triggered readiness in every state. Source: tcp(7), socket(7),
 * epoll(7). */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "test/guest/inet.h"

struct option {
    const char *name;
    int level, option, first, values[6];
};
#define O(l, o, first, ...) \
    {                       \
#o, l, o, first,    \
        {                   \
            __VA_ARGS__     \
        }                   \
    }

static const struct option options[] = {
    O(IPPROTO_TCP, TCP_NODELAY, 1, 1, 0, 2, -1, 0, 0),
    O(IPPROTO_TCP, TCP_CORK, 1, 1, 0, 2, -1, 0, 0),
    O(IPPROTO_TCP, TCP_QUICKACK, 1, 1, 0, 1, 0, 1, 1),
    O(IPPROTO_TCP, TCP_KEEPIDLE, 1, 10, 0, 32767, 32768, -1, 60),
    O(IPPROTO_TCP, TCP_KEEPINTVL, 1, 10, 0, 32767, 32768, -1, 60),
    O(IPPROTO_TCP, TCP_KEEPCNT, 1, 10, 0, 127, 128, -1, 5),
    O(IPPROTO_TCP, TCP_SYNCNT, 1, 1, 0, 127, 128, -1, 6),
    O(IPPROTO_TCP, TCP_LINGER2, 1, 10, 0, 120, 121, -1, -5),
    O(IPPROTO_TCP, TCP_DEFER_ACCEPT, 1, 1, 2, 3, 5, 10, 0),
    O(IPPROTO_TCP, TCP_WINDOW_CLAMP, 1, 1, 5000, 0, 100000, 70000, 8000),
    O(IPPROTO_TCP, TCP_USER_TIMEOUT, 1, 1, 5000, -1, 0, 70000, 0),
    O(IPPROTO_TCP, TCP_MAXSEG, 1, 87, 88, 1000, 32767, 32768, -1),
    O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 1, 5000, 0, -1, 100, 100),
    O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1, 1, 0, 2, -1, 0, 0),
    O(IPPROTO_TCP, 250, 1, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, IP_TTL, 1, 1, 255, 256, 0, -1, -2),
    O(IPPROTO_IP, IP_TOS, 1, 0x10, 255, 256, 3, 1, 0),
    O(IPPROTO_IP, IP_MULTICAST_TTL, 1, 1, 0, 0, 0, 0, 0),
    O(IPPROTO_IP, IP_MTU_DISCOVER, 1, 0, 1, 2, 3, 5, 6),
    O(IPPROTO_UDP, 1, 1, 1, 0, 0, 0, 0, 0),
    O(SOL_SOCKET, SO_KEEPALIVE, 1, 1, 0, 5, -1, 0, 0),
    O(SOL_SOCKET, SO_REUSEADDR, 1, 1, 0, 5, -1, 0, 0),
    O(SOL_SOCKET, SO_REUSEPORT, 1, 1, 0, 5, -1, 0, 0),
    O(SOL_SOCKET, SO_OOBINLINE, 1, 1, 0, 5, -1, 0, 0),
    O(SOL_SOCKET, SO_RCVLOWAT, 1, 1, 0, 5, 9, 1, 1),
    O(SOL_SOCKET, SO_ACCEPTCONN, 1, 1, 1, 1, 1, 1, 1),
    O(SOL_SOCKET, SO_PROTOCOL, 1, 1, 1, 1, 1, 1, 1),
    O(SOL_SOCKET, SO_RCVBUF, 0, 1, 2304, 10000, 100000, 1, 1),
    O(SOL_SOCKET, SO_SNDBUF, 0, 1, 4608, 10000, 100000, 1, 1),
    O(SOL_SOCKET, SO_INCOMING_CPU, 0, 0, 1, 0, 0, 0, 0),
    O(SOL_SOCKET, SO_BUSY_POLL, 1, 0, 0, 0, 0, 0, 0),
    O(SOL_SOCKET, 250, 1, 1, 1, 1, 1, 1, 1),
};

static void test_options(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option *o = &options[i];
        int first = inet_get(fd, o->level, o->option);
        printf("%s: first %d;", o->name, o->first ? first : 0);
        for (unsigned v = 0; v < 6; v++) {
            int err = inet_set(fd, o->level, o->option, o->values[v]) == 0 ? 0 : errno;
            printf(" %d:%s %d", o->values[v], err ? errno_name(err) : "",
                   inet_get(fd, o->level, o->option));
        }
        printf("\n");
    }
    close(fd);
    fd = socket(family, SOCK_STREAM, 0);
    char name[16] = "reno";
    socklen_t len = sizeof(name);
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len));
    printf("%s length %u\n", name, len);
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nothere", 7));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "", 0));
    SHOW(setsockopt(fd, IPPROTO_TCP, 31 /* TCP_ULP */, "nothere", 7));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, name, 3));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, name, 3));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, NULL, 4));
    len = 2;
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, name, &len));
    printf("length %u\n", len);
    struct linger l = {1, 7};
    len = sizeof(l);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
    l.l_linger = 0;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
    printf("linger %d %d\n", l.l_onoff, l.l_linger);
    printf("domain %d protocol %d\n", inet_get(fd, SOL_SOCKET, SO_DOMAIN),
           inet_get(fd, SOL_SOCKET, SO_PROTOCOL));
    close(fd);
}

static int info_state(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_state : -1;
}

/* The last acknowledgements may be on their way. */
static void await_states(int a, int state_a, int b, int state_b)
{
    for (int i = 0; i < 500 && (info_state(a) != state_a || info_state(b) != state_b); i++)
        usleep(10000);
}

static void make_pair(int family, int fds[2])
{
    int l = socket(family, SOCK_STREAM, 0);
    inet_bind_to(l, inet_home(family), 0);
    inet_set(l, IPPROTO_TCP, TCP_NODELAY, 1);
    inet_set(l, SOL_SOCKET, SO_KEEPALIVE, 1);
    listen(l, 5);
    printf("listening state %d\n", info_state(l));
    fds[1] = socket(family, SOCK_STREAM, 0);
    printf("new state %d\n", info_state(fds[1]));
    inet_connect_to(fds[1], inet_home(family), inet_own_port(l));
    fds[0] = accept(l, NULL, NULL);
    close(l);
}

static void test_info(int family)
{
    int p[2];
    char byte;
    make_pair(family, p);
    printf("inherited %d %d, not %d\n", inet_get(p[0], IPPROTO_TCP, TCP_NODELAY),
           inet_get(p[0], SOL_SOCKET, SO_KEEPALIVE), inet_get(p[1], IPPROTO_TCP, TCP_NODELAY));
    printf("states %d %d\n", info_state(p[0]), info_state(p[1]));
    shutdown(p[1], SHUT_WR);
    SHOW(read(p[0], &byte, 1));
    await_states(p[0], TCP_CLOSE_WAIT, p[1], TCP_FIN_WAIT2);
    printf("half closed %d %d\n", info_state(p[0]), info_state(p[1]));
    shutdown(p[0], SHUT_WR);
    SHOW(read(p[1], &byte, 1));
    await_states(p[0], TCP_CLOSE, p[1], TCP_CLOSE);
    printf("closed %d %d\n", info_state(p[0]), info_state(p[1]));
    close(p[0]);
    close(p[1]);
}

static void test_cork(int family)
{
    int p[2];
    char buf[32];
    make_pair(family, p);
    inet_set(p[1], IPPROTO_TCP, TCP_CORK, 1);
    SHOW(send(p[1], "held ", 5, 0));
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    SHOW(send(p[1], "back", 4, 0));
    inet_set(p[1], IPPROTO_TCP, TCP_CORK, 0);
    inet_await(p[0], POLLIN);
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    SHOW(send(p[1], "more ", 5, MSG_MORE));
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    SHOW(send(p[1], "sent", 4, 0));
    inet_await(p[0], POLLIN);
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    inet_set(p[1], IPPROTO_TCP, TCP_CORK, 1);
    SHOW(send(p[1], "in the end", 10, 0));
    inet_await(p[0], POLLIN); /* after 200 ms */
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    SHOW(send(p[1], "closed", 6, 0));
    close(p[1]);
    SHOW(recv(p[0], buf, 32, MSG_WAITALL));
    close(p[0]);
}

static void test_lowat(int family)
{
    int p[2];
    char buf[32];
    make_pair(family, p);
    inet_set(p[0], SOL_SOCKET, SO_RCVLOWAT, 8);
    SHOW(send(p[1], "1234", 4, 0));
    usleep(20000);
    inet_show_events("below the mark", p[0]);
    SHOW(recv(p[0], buf, 32, MSG_DONTWAIT));
    SHOW(send(p[1], "12345678", 8, 0));
    inet_await(p[0], POLLIN);
    inet_show_events("at the mark", p[0]);
    SHOW(recv(p[0], buf, 32, 0));
    close(p[0]);
    close(p[1]);
}

static void show_edges(const char *what, int ep)
{
    struct epoll_event e[4];
    int n = epoll_wait(ep, e, 4, 30);
    printf("%s:", what);
    for (int i = 0; i < n; i++)
        printf(" %s%x", e[i].data.u32 ? "other " : "", e[i].events);
    printf("\n");
}

static void test_edges(int family)
{
    int p[2], ep = epoll_create1(0), l = socket(family, SOCK_STREAM, 0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    char buf[32];
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    inet_bind_to(l, inet_home(family), 0);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    show_edges("new", ep);
    show_edges("again", ep);
    listen(l, 5);
    inet_connect_to(fd, inet_home(family), inet_own_port(l));
    inet_await(fd, POLLOUT);
    show_edges("connected", ep);
    show_edges("again", ep);
    p[0] = accept(l, NULL, NULL);
    SHOW(send(p[0], "data", 4, 0));
    inet_await(fd, POLLIN);
    show_edges("data", ep);
    SHOW(send(p[0], "data", 4, 0));
    usleep(20000);
    show_edges("more data", ep);
    show_edges("again", ep);
    SHOW(recv(fd, buf, 4, 0));
    show_edges("some read", ep);
    SHOW(recv(fd, buf, 4, 0));
    show_edges("all read", ep);
    SHOW(shutdown(p[0], SHUT_WR));
    inet_await(fd, POLLRDHUP);
    show_edges("end", ep);
    SHOW(recv(fd, buf, 4, 0));
    show_edges("end read", ep);
    SHOW(shutdown(fd, SHUT_WR));
    usleep(60000);
    show_edges("both", ep);
    close(p[0]);
    close(fd);
    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    unsigned port = inet_own_port(l);
    close(l);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
    show_edges("new", ep);
    inet_connect_to(fd, inet_home(family), port);
    inet_await(fd, POLLOUT);
    show_edges("refused", ep);
    inet_show_error("error", fd);
    show_edges("told", ep);
    close(fd);
    close(ep);
}

static void test_transfer(int family)
{
    int p[2], pipes[2];
    char buf[64] = "";
    FILE *f = tmpfile();
    make_pair(family, p);
    fputs("contents of a file", f);
    fflush(f);
    off_t at = 0;
    SHOW(sendfile(p[1], fileno(f), &at, 100));
    SHOW(recv(p[0], buf, 18, MSG_WAITALL));
    printf("%s\n", buf);
    if (pipe(pipes) != 0)
        return;
    SHOW(write(pipes[1], "through a pipe", 14));
    SHOW(splice(pipes[0], NULL, p[1], NULL, 14, 0));
    inet_await(p[0], POLLIN);
    SHOW(splice(p[0], NULL, pipes[1], NULL, 100, 0));
    memset(buf, 0, sizeof(buf));
    SHOW(read(pipes[0], buf, 64));
    printf("%s\n", buf);
    struct iovec v[2] = {{(char *)"two ", 4}, {(char *)"parts", 5}};
    SHOW(writev(p[1], v, 2));
    SHOW(recv(p[0], buf, 9, MSG_WAITALL));
    SHOW(lseek(p[0], 0, SEEK_SET));
    SHOW(pread(p[0], buf, 1, 0));
    fclose(f);
    close(p[0]);
    close(p[1]);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    static const int families[] = {AF_INET, AF_INET6};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 2; i++) {
        printf("-- %s\n", i ? "IPv6" : "IPv4");
        test_options(families[i]);
        test_info(families[i]);
        test_cork(families[i]);
        test_lowat(families[i]);
        test_edges(families[i]);
        test_transfer(families[i]);
    }
    return 0;
}
