/* SPDX-License-Identifier: MIT */
/* epoll: level and edge, one-shot, exclusive, nested, files with several descriptors.
 * Source: epoll(7), epoll_ctl(2), epoll_wait(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/epolls.h"
#include "test/guest/show.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define BAD ((void *)8)
#define MANY 200

static char data[65536];
static int r, w;

static void new_pipe(void)
{
    int fd[2];
    if (pipe2(fd, O_NONBLOCK) != 0)
        printf("no pipe\n");
    r = fd[0];
    w = fd[1];
}

static void close_pipe(void)
{
    close(r);
    close(w);
}

static void test_errors(void)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int ep = epoll_create1(EPOLL_CLOEXEC);
    SHOW(fcntl(ep, F_GETFD));
    SHOW(epoll_create(0));
    SHOW(epoll_create(-1));
    SHOW(epoll_create1(1));
    new_pipe();
    SHOW(epoll_ctl(ep, 0, r, &ev));
    SHOW(epoll_ctl(ep, 4, r, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, r, BAD));
    SHOW(epoll_ctl(-1, EPOLL_CTL_ADD, r, BAD));
    SHOW(epoll_ctl(-1, EPOLL_CTL_ADD, r, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, -1, &ev));
    SHOW(epoll_ctl(r, EPOLL_CTL_ADD, w, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, r, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, r, NULL));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, r, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, r, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, r, BAD));
    int file = open("/proc/self/exe", O_RDONLY), null = open("/dev/null", O_RDWR);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, file, &ev));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, null, &ev));
    int dir = open("/", O_RDONLY | O_DIRECTORY);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, dir, &ev));
    SHOW(epoll_wait(ep, &ev, 0, 0));
    SHOW(epoll_wait(ep, &ev, -1, 0));
    SHOW(epoll_wait(ep, &ev, 0x7fffffff / (int)sizeof ev + 1, 0));
    SHOW(epoll_wait(r, &ev, 1, 0));
    SHOW(epoll_wait(-1, &ev, 1, 0));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, w, &(struct epoll_event){.events = EPOLLOUT}));
    SHOW(epoll_wait(ep, BAD, 1, 0));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(read(ep, data, 8));
    SHOW(write(ep, data, 8));
    struct timespec bad = {0, 1000000000};
    SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, &bad, NULL, 8L));
    SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, BAD, NULL, 8L));
    SHOW(syscall(SYS_epoll_pwait, ep, &ev, 1, 0, BAD, 8L));
    SHOW(syscall(SYS_epoll_pwait, ep, &ev, 1, 0, &bad, 7L));
    close(file), close(null), close(dir), close(ep);
    close_pipe();
}

static void test_level(void)
{
    int ep = epoll_create1(0);
    new_pipe();
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN, 1));
    SHOW(control(ep, EPOLL_CTL_ADD, w, EPOLLOUT, 2));
    look("level: empty", ep);
    SHOW(write(w, "abc", 3));
    look("level: data", ep);
    look("level: still data", ep);
    SHOW(read(r, data, 1));
    look("level: less data", ep);
    SHOW(read(r, data, 9));
    look("level: none", ep);
    SHOW(control(ep, EPOLL_CTL_MOD, w, 0, 3));
    look("level: nothing asked", ep);
    close(r);
    look("level: reader gone", ep);
    SHOW(control(ep, EPOLL_CTL_DEL, w, 0, 0));
    look("level: deleted", ep);
    close(w);
    new_pipe();
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN | EPOLLRDHUP | EPOLLPRI, 4));
    SHOW(write(w, "z", 1));
    close(w);
    look("level: data and end", ep);
    SHOW(read(r, data, 9));
    look("level: end", ep);
    close(r);
    close(ep);
}

static void test_edge(void)
{
    int ep = epoll_create1(0);
    new_pipe();
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN | EPOLLET, 1));
    SHOW(control(ep, EPOLL_CTL_ADD, w, EPOLLOUT | EPOLLET, 2));
    look("edge: begin", ep);
    look("edge: again", ep);
    SHOW(write(w, "abc", 3));
    look("edge: data", ep);
    look("edge: no news", ep);
    SHOW(read(r, data, 1));
    look("edge: read in part", ep);
    SHOW(write(w, "d", 1));
    look("edge: more data", ep);
    SHOW(control(ep, EPOLL_CTL_MOD, r, EPOLLIN | EPOLLET, 3));
    look("edge: armed again", ep);
    while (write(w, data, sizeof data) > 0)
        ;
    look("edge: filled", ep);
    SHOW(read(r, data, 100));
    look("edge: no room yet", ep);
    while (read(r, data, sizeof data) > 0)
        ;
    look("edge: room", ep);
    look("edge: room, again", ep);
    close(w);
    look("edge: hung up", ep);
    look("edge: hung up, again", ep);
    close(r);
    close(ep);
}

static void test_oneshot(void)
{
    int ep = epoll_create1(0);
    new_pipe();
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN | EPOLLONESHOT, 1));
    SHOW(write(w, "abc", 3));
    look("oneshot: first", ep);
    look("oneshot: off", ep);
    SHOW(write(w, "abc", 3));
    look("oneshot: more, off", ep);
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN, 1));
    SHOW(control(ep, EPOLL_CTL_MOD, r, EPOLLIN | EPOLLONESHOT, 2));
    look("oneshot: on again", ep);
    close(w);
    look("oneshot: hung up, off", ep);
    SHOW(control(ep, EPOLL_CTL_MOD, r, EPOLLONESHOT, 2));
    look("oneshot: hung up, on", ep);
    close(r);
    close(ep);
}

static void test_exclusive(void)
{
    int a = epoll_create1(0), b = epoll_create1(0);
    new_pipe();
    SHOW(control(a, EPOLL_CTL_ADD, r, EPOLLIN | EPOLLEXCLUSIVE, 1));
    SHOW(control(b, EPOLL_CTL_ADD, r, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 2));
    SHOW(control(a, EPOLL_CTL_MOD, r, EPOLLIN, 1));
    SHOW(control(a, EPOLL_CTL_MOD, r, EPOLLIN | EPOLLEXCLUSIVE, 1));
    SHOW(control(a, EPOLL_CTL_ADD, w, EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
    SHOW(control(a, EPOLL_CTL_ADD, w, EPOLLOUT | EPOLLEXCLUSIVE | EPOLLRDHUP, 1));
    SHOW(control(a, EPOLL_CTL_ADD, b, EPOLLIN | EPOLLEXCLUSIVE, 1));
    SHOW(write(w, "abc", 3));
    struct epoll_event ev;
    TRUE(epoll_wait(a, &ev, 1, 0) + epoll_wait(b, &ev, 1, 0) >= 1);
    SHOW(control(a, EPOLL_CTL_DEL, r, 0, 1));
    close_pipe();
    close(a), close(b);
}

static void test_nested(void)
{
    int chain[7];
    for (int i = 0; i < 7; i++)
        chain[i] = epoll_create1(0);
    for (int i = 0; i < 6; i++) {
        int err = control(chain[i], EPOLL_CTL_ADD, chain[i + 1], EPOLLIN, (uint64_t)i);
        printf("chain %d: %d %s\n", i, err, err ? errno_name(errno) : "");
    }
    SHOW(control(chain[1], EPOLL_CTL_ADD, chain[0], EPOLLIN, 9));
    SHOW(control(chain[4], EPOLL_CTL_ADD, chain[0], EPOLLIN, 9));
    SHOW(control(chain[0], EPOLL_CTL_ADD, chain[0], EPOLLIN, 9));
    new_pipe();
    SHOW(control(chain[4], EPOLL_CTL_ADD, r, EPOLLIN, 7));
    look("chain: nothing", chain[0]);
    SHOW(write(w, "x", 1));
    look("chain: outermost", chain[0]);
    look("chain: middle", chain[2]);
    look("chain: innermost", chain[4]);
    SHOW(read(r, data, 9));
    look("chain: outermost, read", chain[0]);
    close_pipe();
    for (int i = 6; i >= 0; i--)
        close(chain[i]);
    int outer = epoll_create1(0), inner = epoll_create1(0);
    new_pipe();
    SHOW(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 1));
    SHOW(control(inner, EPOLL_CTL_ADD, r, EPOLLIN, 2));
    SHOW(write(w, "x", 1));
    look("outer edge", outer);
    look("outer edge again", outer);
    look("inner level", inner);
    close(inner);
    look("inner closed", outer);
    close(outer);
    close_pipe();
}

static void test_dup(void)
{
    int ep = epoll_create1(0);
    new_pipe();
    int copy = dup(r);
    SHOW(control(ep, EPOLL_CTL_ADD, r, EPOLLIN, 1));
    SHOW(control(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
    SHOW(write(w, "x", 1));
    look("dup: both", ep);
    int old = r;
    close(r);
    look("dup: one closed, file open", ep);
    SHOW(control(ep, EPOLL_CTL_DEL, old, 0, 0));
    int fresh = dup2(w, old);
    SHOW(fresh == old);
    SHOW(control(ep, EPOLL_CTL_DEL, old, 0, 0));
    SHOW(control(ep, EPOLL_CTL_ADD, old, EPOLLOUT, 3));
    look("dup: number used again", ep);
    close(copy);
    look("dup: last closed", ep);
    close(fresh);
    close(w);
    look("dup: all closed", ep);
    close(ep);
}

static void test_max(void)
{
    static int seen[MANY], fds[MANY];
    int ep = epoll_create1(0), rounds = 0, missing = 0;
    for (int i = 0; i < MANY; i++) {
        fds[i] = eventfd(1, EFD_NONBLOCK);
        control(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN, (uint64_t)i);
    }
    for (int got = 0; got < MANY; rounds++) {
        struct epoll_event ev[7];
        int n = epoll_wait(ep, ev, 7, 0);
        for (int i = 0; i < n; i++)
            seen[ev[i].data.u64]++;
        got += n;
    }
    for (int i = 0; i < MANY; i++) {
        missing += seen[i] == 0;
        close(fds[i]);
    }
    printf("in turn: %d rounds, %d missing\n", rounds, missing);
    look("all closed", ep);
    close(ep);
}

int main(void)
{
    test_errors();
    test_level();
    test_edge();
    test_oneshot();
    test_exclusive();
    test_nested();
    test_dup();
    test_max();
    return 0;
}
