/* SPDX-License-Identifier: MIT */
/* Which waiting calls go on after a handler, with SA_RESTART and without: as signal(7) lists them.
 * A signal comes while the call waits; what it waits for comes later. */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define MSEC 1000000L
#define LONG 60 /* s: no wait is to end by its timeout */

static int rd, wr, full_rd, full_wr, sock[2], full_sock[2], event, full_event, ep, tfd, sfd;
static int lock_mine, lock_other;
static uint32_t word;
static char buf[200000];
static volatile int hits;
static pthread_t main_thread;
static sigset_t none;

static void on_signal(int sig)
{
    (void)sig;
    hits++;
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * MSEC};
    while (nanosleep(&t, &t) != 0)
        ;
}

static struct timespec long_sleep = {LONG, 0};

static long call_read(void)
{
    return read(rd, buf, 1);
}
static long call_readv(void)
{
    return readv(rd, &(struct iovec){buf, 1}, 1);
}
static long call_write(void)
{
    return write(full_wr, buf, 4096);
}
static long call_recv(void)
{
    return recv(sock[0], buf, 1, 0);
}
static long call_recvmsg(void)
{
    return recvmsg(sock[0], &(struct msghdr){.msg_iov = &(struct iovec){buf, 1}, .msg_iovlen = 1},
                   0);
}
static long call_recv_timeout(void)
{
    struct timeval tv = {LONG, 0}, off = {0, 0};
    setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    long n = recv(sock[0], buf, 1, 0);
    int saved = errno;
    setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &off, sizeof off);
    errno = saved;
    return n;
}
static long call_send(void)
{
    return send(full_sock[0], buf, 1000, 0);
}
static long call_eventfd(void)
{
    return read(event, buf, 8);
}
static long call_eventfd_write(void)
{
    return eventfd_write(full_event, 5);
}
static long call_timerfd(void)
{
    return read(tfd, buf, 8);
}
static long call_signalfd(void)
{
    return read(sfd, buf, 128);
}
static long call_flock(void)
{
    return flock(lock_mine, LOCK_EX);
}
static long call_ofd_lock(void)
{
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    return fcntl(lock_mine, 38 /* F_OFD_SETLKW */, &fl);
}
static long call_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static long call_futex_timeout(void)
{
    struct timespec t = {LONG, 0};
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0);
}
static long call_futex_bitset(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += LONG;
    return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0U);
}
static long call_poll(void)
{
    return poll(&(struct pollfd){rd, POLLIN, 0}, 1, LONG * 1000);
}
static long call_ppoll(void)
{
    struct timespec t = {LONG, 0};
    return syscall(SYS_ppoll, &(struct pollfd){rd, POLLIN, 0}, 1L, &t, NULL, 8L);
}
static long call_ppoll_mask(void)
{
    return syscall(SYS_ppoll, &(struct pollfd){rd, POLLIN, 0}, 1L, NULL, &none, 8L);
}
static long call_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(rd, &set);
    return select(rd + 1, &set, NULL, NULL, NULL);
}
static long call_pselect(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(rd, &set);
    return pselect(rd + 1, &set, NULL, NULL, NULL, &none);
}
static long call_epoll(void)
{
    return epoll_wait(ep, (struct epoll_event *)buf, 1, LONG * 1000);
}
static long call_epoll_pwait(void)
{
    return epoll_pwait(ep, (struct epoll_event *)buf, 1, -1, &none);
}
static long call_nanosleep(void)
{
    struct timespec t = long_sleep;
    return nanosleep(&t, NULL);
}
static long call_clock_nanosleep(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += LONG;
    errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    return errno ? -1 : 0;
}
static long call_sigtimedwait(void)
{
    sigset_t set;
    struct timespec t = long_sleep;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return syscall(SYS_rt_sigtimedwait, &set, NULL, &t, 8L);
}
static long call_pause(void)
{
    return pause();
}
static long call_sigsuspend(void)
{
    return sigsuspend(&none);
}

static const struct {
    const char *name;
    long (*call)(void);
} calls[] = {
    {"read of a pipe", call_read},
    {"readv", call_readv},
    {"write to a pipe", call_write},
    {"recv", call_recv},
    {"recvmsg", call_recvmsg},
    {"recv with a timeout", call_recv_timeout},
    {"send", call_send},
    {"read of an eventfd", call_eventfd},
    {"write to an eventfd", call_eventfd_write},
    {"read of a timerfd", call_timerfd},
    {"read of a signalfd", call_signalfd},
    {"flock", call_flock},
    {"fcntl lock", call_ofd_lock},
    {"futex", call_futex},
    {"futex with a timeout", call_futex_timeout},
    {"futex with an absolute timeout", call_futex_bitset},
    {"poll", call_poll},
    {"ppoll", call_ppoll},
    {"ppoll with a mask", call_ppoll_mask},
    {"select", call_select},
    {"pselect", call_pselect},
    {"epoll_wait", call_epoll},
    {"epoll_pwait", call_epoll_pwait},
    {"nanosleep", call_nanosleep},
    {"clock_nanosleep", call_clock_nanosleep},
    {"sigtimedwait", call_sigtimedwait},
    {"pause", call_pause},
    {"sigsuspend", call_sigsuspend},
};

static int armed;

static int main_sleeps(void)
{
    char text[256] = "";
    int fd = open("/proc/self/stat", O_RDONLY); /* the process's is the first thread's */
    (void)!read(fd, text, sizeof text - 1);
    close(fd);
    return strstr(text, ") S ") != NULL;
}

/* The signal when the call waits, and when that has been handled all that the calls wait for. */
static void *disturb(void *arg)
{
    (void)arg;
    do {
        pause_ms(20);
    } while (!main_sleeps());
    pthread_kill(main_thread, SIGUSR1);
    while (hits == 0)
        pause_ms(1);
    pause_ms(30);
    (void)!write(wr, "x", 1);
    (void)!write(sock[1], "x", 1);
    eventfd_write(event, 1);
    pthread_kill(main_thread, SIGUSR2); /* for the signalfd */
    while (read(full_rd, buf + 1000, 65536) > 0)
        ;
    while (recv(full_sock[1], buf + 1000, 65536, MSG_DONTWAIT) > 0)
        ;
    eventfd_t value;
    struct pollfd p = {full_event, POLLIN, 0};
    if (poll(&p, 1, 0) == 1)
        eventfd_read(full_event, &value);
    flock(lock_other, LOCK_UN);
    struct flock fl = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    fcntl(lock_other, 37 /* F_OFD_SETLK */, &fl);
    for (int i = 0; i < 200 && __atomic_load_n(&armed, __ATOMIC_ACQUIRE); i++) {
        syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
        pause_ms(1);
    }
    return NULL;
}

static void prepare(int flags)
{
    struct itimerspec it = {{0, 0}, {flags == SA_RESTART ? 1 : LONG, 0}};
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1};
    struct timespec no_time = {0, 0};
    sigset_t set;
    eventfd_t value;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    while (sigtimedwait(&set, NULL, &no_time) > 0)
        ;
    fcntl(rd, F_SETFL, O_NONBLOCK);
    fcntl(event, F_SETFL, O_NONBLOCK);
    while (read(rd, buf, 100) > 0)
        ;
    while (recv(sock[0], buf, 100, MSG_DONTWAIT) > 0)
        ;
    eventfd_read(event, &value);
    fcntl(rd, F_SETFL, 0);
    fcntl(event, F_SETFL, 0);
    fcntl(full_wr, F_SETFL, O_NONBLOCK);
    while (write(full_wr, buf, 4096) > 0)
        ;
    fcntl(full_wr, F_SETFL, 0);
    while (send(full_sock[0], buf, 1000, MSG_DONTWAIT) > 0)
        ;
    fcntl(full_event, F_SETFL, O_NONBLOCK);
    eventfd_read(full_event, &value);
    eventfd_write(full_event, 0xfffffffffffffffe);
    fcntl(full_event, F_SETFL, 0);
    flock(lock_mine, LOCK_UN);
    fcntl(lock_mine, 37, &(struct flock){.l_type = F_UNLCK, .l_whence = SEEK_SET});
    flock(lock_other, LOCK_EX);
    fcntl(lock_other, 37, &fl);
    timerfd_settime(tfd, 0, &it, NULL);
}

static void test_call(size_t i, int flags)
{
    pthread_t t;
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
    sigaction(SIGUSR1, &a, NULL);
    prepare(flags);
    hits = 0;
    __atomic_store_n(&armed, 1, __ATOMIC_RELEASE);
    pthread_create(&t, NULL, disturb, NULL);
    errno = 0;
    long result = calls[i].call();
    int error = errno;
    __atomic_store_n(&armed, 0, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    printf("%s, %s: %ld %s, handlers %d\n", calls[i].name, flags ? "restart" : "interrupt", result,
           result == -1 ? errno_name(error) : "", hits);
}

int main(void)
{
    int fd[2];
    sigset_t set;
    char name[] = "restart-lock";
    main_thread = pthread_self();
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sigaddset(&none, SIGUSR2);
    pipe(fd), rd = fd[0], wr = fd[1];
    pipe2(fd, 0), full_rd = fd[0], full_wr = fd[1];
    fcntl(full_rd, F_SETFL, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM, 0, sock);
    socketpair(AF_UNIX, SOCK_STREAM, 0, full_sock);
    event = eventfd(0, 0);
    full_event = eventfd(0, 0);
    ep = epoll_create1(0);
    epoll_ctl(ep, EPOLL_CTL_ADD, rd, &(struct epoll_event){.events = EPOLLIN});
    tfd = timerfd_create(CLOCK_MONOTONIC, 0);
    sfd = signalfd(-1, &set, 0);
    lock_mine = open(name, O_RDWR | O_CREAT, 0600);
    lock_other = open(name, O_RDWR);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        test_call(i, 0);
        test_call(i, SA_RESTART);
    }
    unlink(name);
    return 0;
}
