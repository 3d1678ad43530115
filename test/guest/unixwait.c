/* SPDX-License-Identifier: MIT */
/* Calls that wait on AF_UNIX sockets, and are interrupted by a handler: which go on afterwards.
 * What they wait for comes after the signal. Source: signal(7), accept(2), connect(2), recv(2). */
// cflags: -pthread
// cpus: 1 2
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "test/guest/unix.h"

static int listener, full_listener, waiting, datagrams, full_datagrams, sender, stream[2];
static pthread_t main_thread;
static volatile int hits;

static void on_signal(int sig)
{
    (void)sig;
    hits++;
}

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};
    while (nanosleep(&t, &t) != 0)
        ;
}

static void set_timeout(int fd, int option, long sec)
{
    struct timeval tv = {sec, 0};
    setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv));
}

static long call_accept(void)
{
    int fd = accept(listener, NULL, NULL);
    return fd >= 0 ? close(fd) : -1;
}

static long call_accept_timeout(void)
{
    set_timeout(listener, SO_RCVTIMEO, 5);
    long result = call_accept();
    int saved = errno;
    set_timeout(listener, SO_RCVTIMEO, 0);
    errno = saved;
    return result;
}

static long connect_full(long sec)
{
    int fd = unix_socket(SOCK_STREAM);
    set_timeout(fd, SO_SNDTIMEO, sec);
    long result = connect_to(fd, abstract_address("full"));
    int saved = errno;
    close(fd);
    errno = saved;
    return result;
}

static long call_connect(void)
{
    return connect_full(0);
}

static long call_connect_timeout(void)
{
    return connect_full(5);
}

static long call_recvfrom(void)
{
    char byte;
    return recvfrom(datagrams, &byte, 1, 0, NULL, NULL);
}

static long call_recvmmsg(void)
{
    char bytes[2];
    struct iovec v[2] = {{bytes, 1}, {bytes + 1, 1}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = v, .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = v + 1, .msg_iovlen = 1}}};
    return recvmmsg(datagrams, m, 2, MSG_WAITFORONE, NULL);
}

static long call_send(void)
{
    return send(sender, "x", 1, 0);
}

static long call_sendmsg_timeout(void)
{
    struct iovec v = {(void *)(size_t) "x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    set_timeout(sender, SO_SNDTIMEO, 5);
    long result = sendmsg(sender, &m, 0);
    int saved = errno;
    set_timeout(sender, SO_SNDTIMEO, 0);
    errno = saved;
    return result;
}

/* Some of what it waits for is there already. */
static long call_wait_all(void)
{
    char buf[2];
    (void)!write(stream[1], "a", 1);
    return recv(stream[0], buf, 2, MSG_WAITALL);
}

static long call_low_water(void)
{
    int two = 2, one = 1;
    char buf[4];
    (void)!write(stream[1], "a", 1);
    setsockopt(stream[0], SOL_SOCKET, SO_RCVLOWAT, &two, sizeof(two));
    long result = read(stream[0], buf, sizeof(buf));
    int saved = errno;
    setsockopt(stream[0], SOL_SOCKET, SO_RCVLOWAT, &one, sizeof(one));
    errno = saved;
    return result;
}

static const struct {
    const char *name;
    long (*call)(void);
} calls[] = {
    {"accept", call_accept},
    {"accept with a timeout", call_accept_timeout},
    {"connect", call_connect},
    {"connect with a timeout", call_connect_timeout},
    {"recvfrom", call_recvfrom},
    {"recvmmsg", call_recvmmsg},
    {"send", call_send},
    {"sendmsg with a timeout", call_sendmsg_timeout},
    {"recv of two bytes", call_wait_all},
    {"read above low water", call_low_water},
};

/* The signal, and then all that the calls wait for. */
static void *disturb(void *arg)
{
    char byte;
    (void)arg;
    pause_ms(20);
    pthread_kill(main_thread, SIGUSR1);
    pause_ms(30);
    int fd = unix_socket(SOCK_STREAM);
    connect_to(fd, abstract_address("listener"));
    send_to(sender, "x", abstract_address("datagrams"));
    close(accept(full_listener, NULL, NULL));
    (void)!recv(full_datagrams, &byte, 1, MSG_DONTWAIT);
    (void)!write(stream[1], "b", 1);
    return (void *)(size_t)fd;
}

/* Fill what is to be full, empty what is to be empty. */
static void prepare(void)
{
    char buf[16];
    int fd, more = unix_socket(SOCK_STREAM | SOCK_NONBLOCK);
    while ((fd = accept(listener, NULL, NULL)) >= 0)
        close(fd);
    while (recv(datagrams, buf, 1, MSG_DONTWAIT) > 0)
        ;
    while (recv(stream[0], buf, 16, MSG_DONTWAIT) > 0)
        ;
    while (send(sender, "x", 1, MSG_DONTWAIT) > 0)
        ;
    if (connect_to(more, abstract_address("full")) == 0) {
        close(waiting);
        waiting = more;
    } else {
        close(more);
    }
}

static void test_call(size_t i, int flags)
{
    pthread_t t;
    void *fd;
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &a, NULL);
    fcntl(listener, F_SETFL, O_NONBLOCK);
    prepare();
    fcntl(listener, F_SETFL, 0);
    hits = 0;
    pthread_create(&t, NULL, disturb, NULL);
    errno = 0;
    long result = calls[i].call();
    int error = errno;
    pthread_join(t, &fd);
    close((int)(size_t)fd);
    printf("%s, %s: %ld %s, handlers %d\n", calls[i].name, flags ? "restart" : "interrupt", result,
           result == -1 ? errno_name(error) : "", hits);
}

int main(void)
{
    main_thread = pthread_self();
    listener = listener_at(SOCK_STREAM, abstract_address("listener"), 5);
    full_listener = listener_at(SOCK_STREAM | SOCK_NONBLOCK, abstract_address("full"), 0);
    waiting = unix_socket(SOCK_STREAM);
    connect_to(waiting, abstract_address("full"));
    datagrams = unix_socket(SOCK_DGRAM);
    bind_to(datagrams, abstract_address("datagrams"));
    full_datagrams = unix_socket(SOCK_DGRAM);
    bind_to(full_datagrams, abstract_address("full"));
    sender = unix_socket(SOCK_DGRAM);
    connect_to(sender, abstract_address("full"));
    socketpair(AF_UNIX, SOCK_STREAM, 0, stream);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        test_call(i, 0);
        test_call(i, SA_RESTART);
    }
    return 0;
}
