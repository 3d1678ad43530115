/* SPDX-License-Identifier: MIT */
/* Options that limit TCP connections: what is accepted when, how long segments and windows are, how
 * long a peer is called. Source: tcp(7), socket(7). */
// cpus: 1 2
// kinds: musl-static
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>

#include "test/guest/inet.h"

#define BULK 300000

static int listen_at(int family, int backlog, int option, int level, int value)
{
    int l = socket(family, SOCK_STREAM, 0);
    if (option != 0)
        SHOW(inet_set(l, level, option, value));
    inet_bind_to(l, inet_home(family), 0);
    listen(l, backlog);
    return l;
}

static int connect_to(int family, int l)
{
    int fd = socket(family, SOCK_STREAM, 0);
    SHOW(inet_connect_to(fd, inet_home(family), inet_own_port(l)));
    return fd;
}

/* What poll and accept say of a connection that has brought nothing yet. */
static int show_waiting(int l, int patience_ms)
{
    struct pollfd p = {.fd = l, .events = POLLIN};
    printf("poll %d\n", poll(&p, 1, patience_ms));
    fcntl(l, F_SETFL, O_NONBLOCK);
    int fd = accept(l, NULL, NULL);
    printf("accept %s\n", fd >= 0 ? "a connection" : errno_name(errno));
    return fd;
}

static void show_read(int fd)
{
    char text[32] = "";
    long n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    printf("read %ld '%s'\n", n, text);
    close(fd);
}

static void test_defer_accept(int family)
{
    int l = listen_at(family, 5, TCP_DEFER_ACCEPT, IPPROTO_TCP, 30);
    int silent = connect_to(family, l);
    int speaker = connect_to(family, l);
    int leaver = connect_to(family, l);
    show_waiting(l, 50);
    SHOW(write(speaker, "hello", 5));
    inet_await(l, POLLIN);
    show_read(accept(l, NULL, NULL));
    show_waiting(l, 0);
    close(leaver); /* its end comes through */
    inet_await(l, POLLIN);
    show_read(accept(l, NULL, NULL));
    show_waiting(l, 0);
    struct linger reset = {1, 0};
    setsockopt(silent, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(silent);
    show_waiting(l, 20);
    int late = connect_to(family, l);
    close(l); /* while one waits */
    close(late);
    close(speaker);
}

/* The time is over: it may be accepted although it is silent. */
static void test_defer_time(void)
{
    int l = listen_at(AF_INET, 5, TCP_DEFER_ACCEPT, IPPROTO_TCP, 1);
    int silent = connect_to(AF_INET, l);
    int fd = show_waiting(l, 5000);
    SHOW(write(silent, "late", 4));
    inet_await(fd, POLLIN);
    show_read(fd);
    close(silent);
    close(l);
}

/* Linux's has 12 bytes of timestamps in each segment. */
static void show_segment(const char *what, int fd, int most)
{
    int mss = inet_get(fd, IPPROTO_TCP, TCP_MAXSEG);
    printf("%s: %s\n", what, mss <= most && mss >= most - 12 ? "as asked" : "not as asked");
}

static void send_all(int from, int to)
{
    static char out[BULK], in[BULK];
    size_t sent = 0, got = 0;
    for (size_t i = 0; i < BULK; i++)
        out[i] = (char)(i * 7 + i / 251);
    while (got < BULK) {
        long n = sent < BULK ? send(from, out + sent, BULK - sent, MSG_DONTWAIT) : 0;
        sent += n > 0 ? (size_t)n : 0;
        struct pollfd p[] = {{to, POLLIN, 0}, {from, sent < BULK ? POLLOUT : 0, 0}};
        if (poll(p, 2, 5000) <= 0)
            break;
        n = recv(to, in + got, BULK - got, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
    }
    printf("%zu bytes, %s\n", got, memcmp(in, out, got) == 0 ? "right" : "wrong");
}

static void test_segments(int family)
{
    int l = listen_at(family, 5, 0, 0, 0);
    int fd = socket(family, SOCK_STREAM, 0);
    SHOW(inet_set(fd, IPPROTO_TCP, TCP_MAXSEG, 1000));
    SHOW(inet_connect_to(fd, inet_home(family), inet_own_port(l)));
    int peer = accept(l, NULL, NULL);
    show_segment("who asked", fd, 1000);
    show_segment("its peer", peer, 1000);
    send_all(fd, peer);
    send_all(peer, fd);
    close(fd);
    close(peer);
    close(l);
    l = listen_at(family, 5, TCP_MAXSEG, IPPROTO_TCP, 700);
    fd = connect_to(family, l);
    peer = accept(l, NULL, NULL);
    show_segment("who listened", peer, 700);
    show_segment("who came", fd, 700);
    send_all(fd, peer);
    send_all(peer, fd);
    close(fd);
    close(peer);
    close(l);
}

/* What a peer can send to somebody who reads nothing. */
static void show_room(const char *what, int from, int to, size_t most)
{
    static char data[4096];
    size_t n = 0;
    long sent;
    inet_set(from, SOL_SOCKET, SO_SNDBUF, 8192);
    do {
        sent = send(from, data, sizeof(data), MSG_DONTWAIT);
        n += sent > 0 ? (size_t)sent : 0;
        struct pollfd p = {.fd = from, .events = POLLOUT};
        if (sent < 0 && poll(&p, 1, 100) == 0)
            break;
    } while (n <= most);
    printf("%s: %s\n", what, n <= most ? "limited" : "too much");
    while (n != 0) {
        long got = recv(to, data, sizeof(data), 0);
        if (got <= 0)
            break;
        n -= (size_t)got;
    }
    printf("%zu left\n", n);
    send_all(from, to);
}

static void test_windows(int family)
{
    int l = listen_at(family, 5, SO_RCVBUF, SOL_SOCKET, 16384);
    int fd = connect_to(family, l);
    int peer = accept(l, NULL, NULL);
    show_room("buffer of a listener", fd, peer, 200000);
    close(fd);
    close(peer);
    close(l);
    l = listen_at(family, 5, 0, 0, 0);
    fd = socket(family, SOCK_STREAM, 0);
    SHOW(inet_set(fd, SOL_SOCKET, SO_RCVBUF, 3000));
    SHOW(inet_connect_to(fd, inet_home(family), inet_own_port(l)));
    peer = accept(l, NULL, NULL);
    show_room("buffer of a client", peer, fd, 200000);
    SHOW(inet_set(fd, SOL_SOCKET, SO_RCVBUF, 100000));
    send_all(peer, fd);
    close(fd);
    close(peer);
    close(l);
    l = listen_at(family, 5, TCP_WINDOW_CLAMP, IPPROTO_TCP, 20000);
    fd = connect_to(family, l);
    peer = accept(l, NULL, NULL);
    show_room("clamp", fd, peer, 200000);
    close(fd);
    close(peer);
    close(l);
}

/* The listener's queue is full: nobody answers. */
static void test_no_answer(void)
{
    int l = listen_at(AF_INET, 0, 0, 0, 0);
    int first = connect_to(AF_INET, l);
    inet_await(l, POLLIN);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(inet_set(fd, IPPROTO_TCP, TCP_SYNCNT, 1));
    SHOW(inet_connect_to(fd, "127.0.0.1", inet_own_port(l)));
    inet_show_error("and then", fd);
    close(fd);
    close(first);
    close(l);
}

static void test_numbers(int family)
{
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    int option = family == AF_INET ? IP_MTU : IPV6_MTU;
    int l = listen_at(family, 5, 0, 0, 0);
    int fd = socket(family, SOCK_STREAM, 0);
    char c = 'u';
    SHOW(sockatmark(fd));
    SHOW(sockatmark(l));
    SHOW(inet_get(fd, level, option) == -ENOTCONN);
    SHOW(inet_connect_to(fd, inet_home(family), inet_own_port(l)));
    SHOW(inet_get(fd, level, option));
    SHOW(sockatmark(fd));
    SHOW(recv(fd, &c, 1, MSG_OOB | MSG_DONTWAIT));
    SHOW(recv(fd, &c, 1, MSG_ERRQUEUE));
    close(fd);
    close(l);
}

int main(void)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (unsigned i = 0; i < 2; i++) {
        printf("family %u\n", i);
        test_defer_accept(families[i]);
        test_segments(families[i]);
        test_windows(families[i]);
        test_numbers(families[i]);
    }
    test_defer_time();
    test_no_answer();
    return 0;
}
