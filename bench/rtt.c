/* SPDX-License-Identifier: MIT */
/* Round trips over TCP.
 *
 *   rtt serve PORT         gives each byte back, one connection after the other
 *   rtt ask HOST PORT N    N round trips of one byte: prints p50_us=, p99_us= and max_us=
 *   rtt pong HOST PORT     asks a redis until it says PONG: prints the monotonic clock, ns
 *
 * Status 0, 1 with a line on standard error when something fails, 2 for other words. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL
#define NSEC_PER_USEC 1000.0
#define WARM_UP 1000 /* round trips that do not count */
#define ATTEMPT_MS 4 /* after so long without an answer another connection is tried */
#define ATTEMPTS 5000

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static long long now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    a.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    a.sin_addr.s_addr = inet_addr(host);
    return a;
}

static int serve(const char *port)
{
    struct sockaddr_in a = address("0.0.0.0", port);
    int one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(listener, 5) != 0) {
        return fail("rtt: cannot listen");
    }
    for (;;) {
        char byte;
        int fd = accept(listener, NULL, NULL);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1) {
        }
        (void)close(fd);
    }
}

static int by_value(const void *a, const void *b)
{
    long long x = *(const long long *)a;
    long long y = *(const long long *)b;
    return (x > y) - (x < y);
}

static int ask(const char *host, const char *port, long n)
{
    struct sockaddr_in a = address(host, port);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    long long *took = calloc((size_t)n, sizeof(*took));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (took == NULL || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        return fail("rtt: cannot connect");
    }
    for (long i = -WARM_UP; i < n; i++) {
        char byte = (char)i;
        long long start = now_ns();
        if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1 || byte != (char)i) {
            return fail("rtt: no answer");
        }
        if (i >= 0) {
            took[i] = now_ns() - start;
        }
    }
    qsort(took, (size_t)n, sizeof(*took), by_value);
    printf("p50_us=%.1f\np99_us=%.1f\nmax_us=%.1f\n", (double)took[n / 2] / NSEC_PER_USEC,
           (double)took[n * 99 / 100] / NSEC_PER_USEC, (double)took[n - 1] / NSEC_PER_USEC);
    return 0;
}

/* One attempt: whether PONG came. */
static int says_pong(const struct sockaddr_in *a)
{
    static const char question[] = "PING\r\n";
    char answer[8] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int yes = 0;
    if ((connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 || errno == EINPROGRESS) &&
        poll(&p, 1, ATTEMPT_MS) == 1 &&
        write(fd, question, sizeof(question) - 1) == (ssize_t)sizeof(question) - 1) {
        p.events = POLLIN;
        yes = poll(&p, 1, ATTEMPT_MS * 100) == 1 && read(fd, answer, sizeof(answer)) > 0 &&
              strncmp(answer, "+PONG", 5) == 0;
    }
    (void)close(fd);
    return yes;
}

static int pong(const char *host, const char *port)
{
    static const struct timespec pause = {0, 500000};
    struct sockaddr_in a = address(host, port);
    for (int i = 0; i < ATTEMPTS; i++) {
        if (says_pong(&a)) {
            printf("%lld\n", now_ns());
            return 0;
        }
        (void)nanosleep(&pause, NULL);
    }
    fputs("rtt: no PONG\n", stderr);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2]);
    }
    if (argc == 5 && strcmp(argv[1], "ask") == 0) {
        return ask(argv[2], argv[3], strtol(argv[4], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "pong") == 0) {
        return pong(argv[2], argv[3]);
    }
    fputs("usage: rtt serve PORT | ask HOST PORT N | pong HOST PORT\n", stderr);
    return 2;
}
