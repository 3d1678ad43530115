/* SPDX-License-Identifier: MIT */
/* Options of AF_UNIX sockets: each of SOL_SOCKET read, set and read again. What needs privileges,
 * or differs from machine to machine, is left out or only its length is shown.
 * Source: socket(7), unix(7), getsockopt(2). */
#define _GNU_SOURCE
#include <asm/socket.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#include "test/guest/unix.h"

#define BAD ((void *)8)

static const int options[] = {
    0,
    SO_REUSEADDR,
    SO_TYPE,
    SO_ERROR,
    SO_DONTROUTE,
    SO_BROADCAST,
    SO_SNDBUF,
    SO_RCVBUF,
    SO_KEEPALIVE,
    SO_OOBINLINE,
    SO_NO_CHECK,
    SO_PRIORITY,
    SO_LINGER,
    SO_BSDCOMPAT,
    SO_REUSEPORT,
    SO_PASSCRED,
    SO_PEERCRED,
    SO_RCVLOWAT,
    SO_SNDLOWAT,
    SO_PEERNAME,
    SO_TIMESTAMP,
    SO_ACCEPTCONN,
    SO_PASSSEC,
    SO_TIMESTAMPNS,
    SO_PROTOCOL,
    SO_DOMAIN,
    SO_RXQ_OVFL,
    SO_SELECT_ERR_QUEUE,
    1000,
};

static void show(int fd, int option, const char *when)
{
    int value[32];
    socklen_t len = sizeof(value);
    memset(value, 0x55, sizeof(value));
    if (getsockopt(fd, SOL_SOCKET, option, value, &len) != 0) {
        printf("option %d %s: %s\n", option, when, errno_name(errno));
        return;
    }
    printf("option %d %s: length %u", option, when, len);
    for (unsigned i = 0; i < len / 4 && option != SO_PEERCRED; i++)
        printf(" %d", value[i]);
    printf("\n");
}

static void test_all(int type)
{
    int fd = unix_socket(type);
    static const int values[] = {1, 3000, 0, -1, 100000000};
    printf("--- type %d\n", type);
    for (size_t n = 0; n < sizeof(options) / sizeof(options[0]); n++) {
        int option = options[n];
        show(fd, option, "at first");
        for (int i = 0; i < 5; i++) {
            if (option == SO_PRIORITY && i != 0)
                continue;
            if (setsockopt(fd, SOL_SOCKET, option, &values[i], sizeof(int)) != 0) {
                printf("set to %d: %s\n", values[i], errno_name(errno));
                break;
            }
            show(fd, option, "set");
        }
    }
    close(fd);
}

static void test_lengths(void)
{
    int fd = unix_socket(SOCK_STREAM), value = 5;
    char bytes[8] = "xxxxxxx";
    socklen_t len = 2, negative = (socklen_t)-1, zero = 0;
    SHOW(getsockopt(-1, SOL_SOCKET, SO_TYPE, &value, &len));
    SHOW(getsockopt(1, SOL_SOCKET, SO_TYPE, &value, &len));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, &len));
    printf("length %u, %d %d %d\n", len, bytes[0], bytes[1], bytes[2]);
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, &zero));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, &negative));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, BAD));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, BAD, &len));
    SHOW(getsockopt(fd, SOL_SOCKET, 9999, BAD, &len));
    SHOW(getsockopt(fd, SOL_SOCKET, -1, BAD, &len));
    SHOW(getsockopt(fd, 6, 1, &value, &len));
    SHOW(getsockopt(fd, -1, 1, &value, &len));
    SHOW(setsockopt(-1, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)));
    SHOW(setsockopt(1, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, negative));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, BAD, sizeof(value)));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, 0));
    SHOW(setsockopt(fd, SOL_SOCKET, 9999, &value, sizeof(value)));
    SHOW(setsockopt(fd, 6, 1, &value, sizeof(value)));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof(value)));
    close(fd);
}

static void test_times(void)
{
    int fd = unix_socket(SOCK_DGRAM);
    static const struct timeval times[] = {{1, 5},  {0, 500000},   {0, 1000000}, {-1, 0},
                                           {0, -1}, {1L << 62, 0}, {0, 0}};
    struct timeval back = {7, 7};
    socklen_t len = sizeof(back);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &times[i], sizeof(times[i])));
        SHOW(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &back, &len));
        printf("%ld s\n", (long)back.tv_sec); /* the rest is rounded to ticks there */
    }
    SHOW(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &back, 8));
    close(fd);
}

int main(void)
{
    test_all(SOCK_STREAM);
    test_all(SOCK_DGRAM);
    test_lengths();
    test_times();
    return 0;
}
