/* SPDX-License-Identifier: MIT */
/* Pairs of AF_UNIX sockets: data of each type, ends, readiness, options, threads.
 * Source: socketpair(2), unix(7), send(2), recv(2), socket(7). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define TOTAL (1 << 20)

static char data[TOTAL], back[TOTAL];
static int a, b;
static volatile int broken;

static void on_pipe(int sig)
{
    (void)sig;
    broken++;
}

static void pair(int type)
{
    int fd[2] = {-1, -1};
    if (socketpair(AF_UNIX, type, 0, fd) != 0)
        printf("no pair: %s\n", errno_name(errno));
    a = fd[0];
    b = fd[1];
}

static void close_pair(void)
{
    close(a);
    close(b);
}

static void events(const char *what, int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM | POLLRDHUP, 0};
    poll(&p, 1, 0);
    printf("%s: %x\n", what, p.revents);
}

static void test_errors(void)
{
    int fd[2];
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 2, fd));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, AF_UNIX, BAD));
    SHOW(socketpair(AF_UNIX, 12, 0, fd) == -1 && errno != 0);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | 0x100, 0, fd));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNIX, fd));
    SHOW(fcntl(fd[0], F_GETFL));
    SHOW(fcntl(fd[1], F_GETFD));
    close(fd[0]), close(fd[1]);
    pair(SOCK_STREAM);
    struct stat st;
    struct sockaddr_un name;
    socklen_t len = sizeof name;
    SHOW(fstat(a, &st));
    SHOW(st.st_mode);
    SHOW(lseek(a, 0, SEEK_SET));
    SHOW(pread(a, back, 1, 0));
    SHOW(getsockname(a, (void *)&name, &len));
    SHOW(len);
    SHOW(name.sun_family);
    len = 1;
    SHOW(getpeername(a, (void *)&name, &len));
    SHOW(len);
    SHOW(getsockname(a, (void *)&name, BAD));
    SHOW(getsockname(0, (void *)&name, &len));
    SHOW(send(0, "x", 1, 0));
    SHOW(send(-1, "x", 1, 0));
    SHOW(recv(1, back, 1, 0));
    SHOW(shutdown(a, 3));
    SHOW(shutdown(1, 0));
    SHOW(send(a, BAD, 1, 0));
    SHOW(write(b, "abc", 3));
    SHOW(recv(a, BAD, 3, 0));
    SHOW(recv(a, back, 3, MSG_DONTWAIT));
    SHOW(recv(a, back, 3, MSG_OOB));
    close_pair();
}

static void test_stream(void)
{
    int n = -1;
    pair(SOCK_STREAM);
    events("stream: empty", a);
    SHOW(recv(a, back, 10, MSG_DONTWAIT));
    SHOW(send(b, "hello", 5, 0));
    SHOW(write(b, " world", 6));
    SHOW(send(b, "", 0, 0));
    events("stream: data", a);
    SHOW(ioctl(a, FIONREAD, &n));
    SHOW(n);
    SHOW(recv(a, back, 3, MSG_PEEK));
    SHOW(recv(a, back, 100, MSG_PEEK));
    SHOW(recv(a, back, 2, 0));
    SHOW(recv(a, back, 100, 0));
    printf("%.9s\n", back);
    SHOW(send(a, "back", 4, MSG_NOSIGNAL));
    SHOW(read(b, back, 100));
    socklen_t len = 99;
    SHOW(send(a, "named", 5, 0));
    SHOW(recvfrom(b, back, 2, 0, (void *)back, &len));
    SHOW(len);
    SHOW(sendto(a, "x", 1, 0, (void *)back, 2));
    SHOW(recv(b, back, 100, MSG_TRUNC));
    SHOW(shutdown(b, SHUT_WR));
    events("stream: peer shut for writing", a);
    events("stream: shut for writing", b);
    SHOW(recv(a, back, 1, 0));
    SHOW(send(b, "x", 1, MSG_NOSIGNAL));
    SHOW(broken);
    SHOW(send(b, "x", 1, 0));
    SHOW(broken);
    SHOW(write(a, "still", 5));
    SHOW(read(b, back, 9));
    SHOW(shutdown(b, SHUT_RD));
    events("stream: both shut", b);
    SHOW(write(a, "x", 1));
    SHOW(broken);
    close(b);
    events("stream: closed", a);
    close(a);
    pair(SOCK_STREAM);
    write(a, "lost", 4);
    write(b, "kept", 4);
    close(b); /* with data unread */
    events("stream: reset", a);
    SHOW(read(a, back, 2));
    SHOW(read(a, back, 9));
    SHOW(read(a, back, 9));
    SHOW(read(a, back, 9));
    SHOW(write(a, "x", 1));
    close(a);
}

static void test_packets(int type)
{
    int n = -1;
    printf("type %d\n", type);
    pair(type);
    events("packets: empty", a);
    SHOW(recv(a, back, 10, MSG_DONTWAIT));
    SHOW(send(b, "hello", 5, 0));
    SHOW(send(b, "", 0, 0));
    SHOW(send(b, "wonderful", 9, 0));
    SHOW(send(b, "world", 5, 0));
    SHOW(send(b, "again", 5, 0));
    SHOW(ioctl(a, FIONREAD, &n));
    SHOW(n);
    SHOW(recv(a, back, 3, MSG_PEEK | MSG_TRUNC));
    SHOW(recv(a, back, 100, 0));
    SHOW(recv(a, back, 100, 0));
    SHOW(recv(a, back, 4, 0));
    SHOW(recv(a, back, 3, MSG_TRUNC));
    SHOW(recv(a, back, 100, MSG_WAITALL));
    SHOW(recv(a, back, 100, MSG_DONTWAIT));
    SHOW(send(b, data, TOTAL, 0));
    SHOW(send(b, data, 100000, 0));
    SHOW(recv(a, back, TOTAL, 0));
    SHOW(shutdown(b, SHUT_WR));
    events("packets: peer shut for writing", a);
    SHOW(send(b, "x", 1, 0));
    SHOW(recv(a, back, 1, MSG_DONTWAIT));
    SHOW(send(a, "more", 4, 0));
    SHOW(shutdown(b, SHUT_RDWR));
    events("packets: shut", b);
    SHOW(send(a, "x", 1, 0));
    SHOW(recv(b, back, 9, 0));
    close(b);
    events("packets: closed", a);
    SHOW(send(a, "x", 1, MSG_DONTWAIT));
    SHOW(send(a, "x", 1, MSG_DONTWAIT));
    SHOW(recv(a, back, 9, MSG_DONTWAIT));
    close(a);
    pair(type);
    write(a, "lost", 4);
    write(b, "kept", 4);
    close(b);
    events("packets: reset", a);
    SHOW(recv(a, back, 9, MSG_DONTWAIT));
    SHOW(recv(a, back, 9, MSG_DONTWAIT));
    SHOW(recv(a, back, 9, MSG_DONTWAIT));
    close(a);
    SHOW(broken);
}

static void show_option(const char *name, int option)
{
    int value[2] = {-1, -1};
    socklen_t len = sizeof value;
    int err = getsockopt(a, SOL_SOCKET, option, value, &len);
    printf("%s: %d %s, %u bytes: %d\n", name, err, err ? errno_name(errno) : "", len, value[0]);
}

static int set_option(int option, int value)
{
    return setsockopt(a, SOL_SOCKET, option, &value, sizeof value);
}

static void test_options(void)
{
    struct ucred cred;
    struct timeval tv = {0, 30000};
    socklen_t len = sizeof cred;
    char c;
    pair(SOCK_SEQPACKET);
    show_option("type", SO_TYPE);
    show_option("domain", SO_DOMAIN);
    show_option("protocol", SO_PROTOCOL);
    show_option("error", SO_ERROR);
    show_option("send buffer", SO_SNDBUF);
    show_option("receive buffer", SO_RCVBUF);
    show_option("listening", SO_ACCEPTCONN);
    show_option("credentials", SO_PASSCRED);
    show_option("low water", SO_RCVLOWAT);
    show_option("keep alive", SO_KEEPALIVE);
    show_option("unknown", 999);
    SHOW(set_option(SO_SNDBUF, 10000));
    show_option("send buffer", SO_SNDBUF);
    SHOW(set_option(SO_SNDBUF, 1));
    show_option("send buffer", SO_SNDBUF);
    SHOW(set_option(SO_RCVBUF, 1));
    show_option("receive buffer", SO_RCVBUF);
    SHOW(set_option(SO_PASSCRED, 7));
    show_option("credentials", SO_PASSCRED);
    SHOW(set_option(SO_KEEPALIVE, 1));
    show_option("keep alive", SO_KEEPALIVE);
    SHOW(set_option(SO_TYPE, 1));
    SHOW(set_option(999, 1));
    SHOW(setsockopt(a, SOL_SOCKET, SO_SNDBUF, &c, 1));
    SHOW(setsockopt(a, SOL_SOCKET, SO_SNDBUF, BAD, 4));
    SHOW(setsockopt(0, SOL_SOCKET, SO_SNDBUF, &c, 1));
    SHOW(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &cred, &len));
    TRUE(cred.pid == getpid() && cred.uid == getuid() && cred.gid == getgid() && len == 12);
    SHOW(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    SHOW(recv(a, &c, 1, 0));
    len = sizeof tv;
    tv.tv_usec = 0;
    SHOW(getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
    TRUE(tv.tv_sec == 0 && tv.tv_usec >= 30000 && tv.tv_usec < 40000);
    tv.tv_usec = 1000000;
    SHOW(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
    close_pair();
}

static void *sender(void *arg)
{
    size_t left = TOTAL;
    (void)arg;
    while (left != 0) {
        size_t n = left < 70001 ? left : 70001;
        ssize_t done = write(a, data + TOTAL - left, n);
        if (done <= 0)
            break;
        left -= (size_t)done;
    }
    shutdown(a, SHUT_WR);
    return NULL;
}

static void *ping(void *arg)
{
    char c;
    for (int i = 0; i < 2000; i++)
        if (read(b, &c, 1) != 1 || write(b, &c, 1) != 1)
            break;
    return arg;
}

static void *late_close(void *arg)
{
    struct timespec t = {0, 30000000};
    nanosleep(&t, NULL);
    close(*(int *)arg);
    return NULL;
}

static void test_threads(void)
{
    pthread_t t;
    size_t sum = 0;
    ssize_t n;
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = (char)(i * 31 >> 3);
    pair(SOCK_STREAM);
    pthread_create(&t, NULL, sender, NULL);
    while ((n = recv(b, back + sum, sum < TOTAL / 2 ? 9973 : TOTAL - sum, MSG_WAITALL)) > 0)
        sum += (size_t)n;
    pthread_join(t, NULL);
    printf("streamed %zu, same: %d\n", sum, memcmp(data, back, TOTAL) == 0);
    close_pair();
    pair(SOCK_SEQPACKET);
    pthread_create(&t, NULL, ping, NULL);
    int good = 0;
    for (int i = 0; i < 2000; i++) {
        char c = (char)i, d = 0;
        good += write(a, &c, 1) == 1 && read(a, &d, 1) == 1 && c == d;
    }
    pthread_join(t, NULL);
    SHOW(good);
    pthread_create(&t, NULL, late_close, &b);
    SHOW(read(a, back, 1)); /* until the peer is closed */
    pthread_join(t, NULL);
    close(a);
    pair(SOCK_STREAM);
    fcntl(a, F_SETFL, O_NONBLOCK);
    while (write(a, data, 1000) > 0)
        ;
    events("full", a);
    struct epoll_event ev = {.events = EPOLLOUT | EPOLLET};
    int ep = epoll_create1(0);
    epoll_ctl(ep, EPOLL_CTL_ADD, a, &ev);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(read(b, back, 1000));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    while (recv(b, back, TOTAL, MSG_DONTWAIT) > 0)
        ;
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    close(ep);
    close_pair();
}

int main(void)
{
    struct sigaction act = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &act, NULL);
    test_errors();
    test_stream();
    test_packets(SOCK_DGRAM);
    test_packets(SOCK_SEQPACKET);
    test_options();
    test_threads();
    return 0;
}
