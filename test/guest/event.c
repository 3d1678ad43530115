/* SPDX-License-Identifier: MIT */
/* Readiness: poll and select, by the calls themselves: C libraries wrap them differently.
 * Source: poll(2), select(2), select_tut(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#include "test/guest/pipes.h"

#define BAD ((void *)8)
#define MSEC 1000000L
#define PAGE 4096
#define BITS (8 * sizeof(long))

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / MSEC;
}

static int event_of(int fd, int events)
{
    struct pollfd p = {fd, (short)events, -1};
    long n = syscall(SYS_poll, &p, 1UL, 0);
    return n < 0 ? -errno : p.revents;
}

static void show_events(const char *what, int fd)
{
    int all = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM | POLLRDBAND | POLLWRBAND;
    printf("%s: all %x, none %x, in %x, out %x\n", what, event_of(fd, all), event_of(fd, 0),
           event_of(fd, POLLIN), event_of(fd, POLLOUT));
}

static void test_events(void)
{
    new_pipe(O_NONBLOCK);
    show_events("empty reader", r);
    show_events("empty writer", w);
    SHOW(write(w, "x", 1));
    show_events("reader with data", r);
    fill(PAGE);
    show_events("full writer", w);
    read(r, back, PAGE - 1);
    show_events("writer, page partly read", w);
    read(r, back, PAGE);
    show_events("writer, page free", w);
    close(w);
    show_events("reader, data, no writer", r);
    read(r, back, sizeof back);
    show_events("reader, no writer", r);
    close(r);
    new_pipe(0);
    close(r);
    show_events("writer, no reader", w);
    close(w);
    show_events("closed", w);
    show_events("negative", -1);
    int fd = open("/dev/null", O_RDWR);
    show_events("null", fd);
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    show_events("zero", fd);
    close(fd);
    fd = open("/proc/self/exe", O_RDONLY);
    show_events("file", fd);
    close(fd);
    fd = open("/", O_RDONLY);
    show_events("directory", fd);
    close(fd);
    fd = open("/", O_PATH);
    show_events("path", fd);
    close(fd);
}

static void test_poll(void)
{
    struct pollfd p[20];
    new_pipe(0);
    SHOW(syscall(SYS_poll, NULL, 0UL, 0));
    SHOW(syscall(SYS_poll, BAD, 1UL, 0));
    SHOW(syscall(SYS_poll, NULL, 1UL, 0));
    SHOW(syscall(SYS_poll, p, 0x7fffffffUL, 0));
    long start = now_ms();
    SHOW(syscall(SYS_poll, NULL, 0UL, 30));
    TRUE(now_ms() - start >= 30);
    for (int i = 0; i < 20; i++)
        p[i] = (struct pollfd){i % 2 ? w : r, POLLIN | POLLOUT, 0};
    p[4].fd = -5;
    p[6].fd = 999;
    p[7].events = 0;
    SHOW(syscall(SYS_poll, p, 20UL, -1));
    for (int i = 0; i < 20; i++)
        printf("%x ", p[i].revents);
    printf("\n");
    p[0] = (struct pollfd){r, POLLIN, 0x55};
    start = now_ms();
    SHOW(syscall(SYS_poll, p, 1UL, 30));
    TRUE(now_ms() - start >= 30);
    SHOW(p[0].revents);
    alarms = 0;
    handle(SIGALRM, on_alarm, SA_RESTART); /* poll is never restarted */
    alarm_in(20);
    SHOW(syscall(SYS_poll, p, 1UL, -1));
    alarm_in(20);
    SHOW(syscall(SYS_poll, NULL, 0UL, 100000));
    SHOW(alarms);
    close_pipe();
}

/* A handler makes the file ready while poll sleeps; without SA_RESTART poll still says EINTR. */
static void write_in_handler(int sig)
{
    (void)sig;
    if (write(w, "!", 1) != 1)
        alarms = -1;
}

static void test_masks(void)
{
    struct pollfd p = {0, POLLIN, 0};
    struct timespec t = {0, 30 * MSEC}, zero = {0, 0}, bad = {0, 1000 * MSEC}, past = {-1, 0};
    uint64_t blocked = 1UL << (SIGALRM - 1), open_mask = 0, seen = 0;
    new_pipe(0);
    p.fd = r;
    long start = now_ms();
    SHOW(syscall(SYS_ppoll, &p, 1UL, &t, NULL, 8UL));
    TRUE(now_ms() - start >= 30);
    TRUE(t.tv_sec == 0 && t.tv_nsec == 0);
    SHOW(syscall(SYS_ppoll, &p, 1UL, &bad, NULL, 8UL));
    SHOW(syscall(SYS_ppoll, &p, 1UL, &past, NULL, 8UL));
    SHOW(syscall(SYS_ppoll, &p, 1UL, BAD, NULL, 8UL));
    SHOW(syscall(SYS_ppoll, &p, 1UL, &zero, &open_mask, 4UL));
    SHOW(syscall(SYS_ppoll, &p, 1UL, &zero, BAD, 8UL));
    SHOW(syscall(SYS_ppoll, &p, 1UL, &zero, NULL, 4UL));
    handle(SIGALRM, on_alarm, 0);
    alarms = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, NULL, 8UL);
    kill(getpid(), SIGALRM);
    SHOW(syscall(SYS_ppoll, &p, 1UL, &zero, NULL, 8UL));
    SHOW(alarms);
    SHOW(syscall(SYS_ppoll, &p, 1UL, NULL, &open_mask, 8UL));
    SHOW(alarms);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &seen, 8UL);
    TRUE(seen == blocked);
    kill(getpid(), SIGALRM);
    SHOW(syscall(SYS_ppoll, &p, 1UL, &zero, &open_mask, 8UL)); /* pending counts before the time */
    SHOW(alarms);
    if (write(w, "x", 1) != 1)
        printf("WRONG\n");
    kill(getpid(), SIGALRM);
    SHOW(syscall(SYS_ppoll, &p, 1UL, NULL, &open_mask, 8UL)); /* ready: the signal stays pending */
    SHOW(alarms);
    uint64_t arg[2] = {(uintptr_t)&open_mask, 8};
    SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, NULL, arg));
    SHOW(alarms);
    arg[1] = 16;
    SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, arg));
    arg[0] = 0;
    SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, arg));
    SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &zero, BAD));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &seen, 8UL);
    TRUE(seen == blocked);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &open_mask, NULL, 8UL);
    read(r, back, 1);
    handle(SIGALRM, write_in_handler, 0);
    alarm_in(20);
    SHOW(syscall(SYS_poll, &p, 1UL, -1));
    SHOW(syscall(SYS_poll, &p, 1UL, -1));
    SHOW(p.revents);
    close_pipe();
}

struct set {
    unsigned long bits[2048 / BITS];
};

static void set_bit(struct set *s, int fd)
{
    s->bits[fd / BITS] |= 1UL << fd % BITS;
}

static int has_bit(const struct set *s, int fd)
{
    return s->bits[fd / BITS] >> fd % BITS & 1;
}

static void test_select(void)
{
    struct set in = {{0}}, out = {{0}}, except = {{0}}, none = {{0}};
    struct timeval t = {0, 0};
    handle(SIGALRM, on_alarm, SA_RESTART);
    new_pipe(0);
    SHOW(syscall(SYS_select, 0, NULL, NULL, NULL, &t));
    SHOW(syscall(SYS_select, -1, NULL, NULL, NULL, &t));
    SHOW(syscall(SYS_select, 3, BAD, NULL, NULL, &t));
    SHOW(syscall(SYS_select, 3, NULL, NULL, NULL, BAD));
    set_bit(&in, r);
    set_bit(&out, w);
    set_bit(&except, r);
    SHOW(syscall(SYS_select, w + 1, &in, &out, &except, NULL));
    printf("in %d out %d except %d\n", has_bit(&in, r), has_bit(&out, w), has_bit(&except, r));
    if (write(w, "x", 1) != 1)
        printf("WRONG\n");
    set_bit(&in, r);
    set_bit(&in, w);
    set_bit(&out, r);
    SHOW(syscall(SYS_select, w + 1, &in, &out, NULL, NULL));
    printf("in %d %d out %d %d\n", has_bit(&in, r), has_bit(&in, w), has_bit(&out, r),
           has_bit(&out, w));
    in = out = none;
    set_bit(&in, r);
    SHOW(syscall(SYS_select, r, &in, NULL, NULL, &t)); /* r is outside of the first r */
    SHOW(has_bit(&in, r));
    in = none;
    set_bit(&in, 60);
    SHOW(syscall(SYS_select, 64, &in, NULL, NULL, &t));
    SHOW(has_bit(&in, 60));
    SHOW(syscall(SYS_select, 60, &in, NULL, NULL, &t));
    in = none;
    set_bit(&in, r);
    set_bit(&out, w);
    SHOW(syscall(SYS_select, 2000, &in, &out, &none, &t)); /* more than there can be */
    printf("in %d out %d\n", has_bit(&in, r), has_bit(&out, w));
    read(r, back, 1);
    close_pipe();
}

static void test_select_time(void)
{
    struct set in = {{0}};
    struct timeval t;
    new_pipe(0);
    t = (struct timeval){0, 30000};
    set_bit(&in, r);
    long start = now_ms();
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, &t));
    TRUE(now_ms() - start >= 30);
    TRUE(t.tv_sec == 0 && t.tv_usec == 0);
    SHOW(has_bit(&in, r));
    set_bit(&in, r);
    t = (struct timeval){5, 0};
    alarms = 0;
    alarm_in(20);
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, &t));
    SHOW(alarms);
    TRUE(has_bit(&in, r)); /* sets are untouched by an error */
    TRUE(t.tv_sec == 4 && t.tv_usec > 0);
    t = (struct timeval){0, -1};
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, &t));
    t = (struct timeval){-1, 0};
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, &t));
    t = (struct timeval){0, 1030000}; /* a second's worth of microseconds is taken */
    close(w);
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, &t));
    TRUE(t.tv_sec == 1 && t.tv_usec <= 30000);
    close(r);
    set_bit(&in, r);
    SHOW(syscall(SYS_select, r + 1, &in, NULL, NULL, NULL));
}

static void test_many(void)
{
    struct pollfd p[400];
    struct set in = {{0}};
    int count = 0;
    new_pipe(0);
    for (int i = 0; i < 400; i++) {
        p[i] = (struct pollfd){dup(r), POLLIN, 0};
        set_bit(&in, p[i].fd);
    }
    SHOW(syscall(SYS_poll, p, 400UL, 10));
    if (write(w, "x", 1) != 1)
        printf("WRONG\n");
    SHOW(syscall(SYS_poll, p, 400UL, -1));
    SHOW(syscall(SYS_select, p[399].fd + 1, &in, NULL, NULL, NULL));
    for (int i = 0; i < 400; i++) {
        count += has_bit(&in, p[i].fd);
        close(p[i].fd);
    }
    SHOW(count);
    close_pipe();
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    test_events();
    test_poll();
    test_masks();
    test_select();
    test_select_time();
    test_many();
    return 0;
}
