/* SPDX-License-Identifier: MIT */
/* Signals that tell that a socket is ready, and whom. Source: fcntl(2), F_SETOWN, F_SETSIG;
 * signal(7), SIGIO; socket(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "test/guest/unix.h"

static sigset_t set;

/* The signals that have come. */
static void show_signals(const char *what, int fd)
{
    struct timespec now = {0, 0};
    siginfo_t info;
    int sig;
    printf("%s:", what);
    while ((sig = sigtimedwait(&set, &info, &now)) > 0) {
        if (sig == SIGIO)
            printf(" SIGIO code %d", info.si_code);
        else
            printf(" real-time code %d band %lx fd %d", info.si_code, (long)info.si_band,
                   info.si_fd == fd);
    }
    printf("\n");
}

static void show_owner(int fd)
{
    struct f_owner_ex owner = {-1, -1};
    SHOW(fcntl(fd, F_GETOWN_EX, &owner));
    printf("type %d, process %d, thread %d, group %d, none %d\n", owner.type, owner.pid == getpid(),
           owner.pid == (int)syscall(SYS_gettid), owner.pid == getpgrp(), owner.pid == 0);
}

static void test_owner(void)
{
    struct f_owner_ex owner = {F_OWNER_TID, (int)syscall(SYS_gettid)}, wrong = {3, getpid()};
    int s = unix_socket(SOCK_STREAM), pid = getpid(), got = -1;
    SHOW(fcntl(s, F_GETOWN));
    show_owner(s);
    SHOW(fcntl(s, F_SETOWN, 4000000));
    SHOW(fcntl(s, F_SETOWN, pid));
    SHOW(fcntl(s, F_GETOWN) == pid);
    show_owner(s);
    SHOW(fcntl(s, F_SETOWN_EX, &owner));
    show_owner(s);
    SHOW(fcntl(s, F_SETOWN_EX, &wrong));
    SHOW(fcntl(s, F_SETOWN_EX, (void *)8));
    owner = (struct f_owner_ex){F_OWNER_PGRP, getpgrp()};
    SHOW(fcntl(s, F_SETOWN_EX, &owner));
    show_owner(s);
    SHOW(fcntl(s, F_SETOWN, 0));
    SHOW(fcntl(s, F_GETOWN));
    SHOW(ioctl(s, FIOSETOWN, &pid));
    SHOW(ioctl(s, FIOGETOWN, &got));
    SHOW(got == pid);
    SHOW(ioctl(s, SIOCSPGRP, (void *)8));
    SHOW(ioctl(s, SIOCGPGRP, &got));
    SHOW(fcntl(s, F_GETSIG));
    SHOW(fcntl(s, F_SETSIG, 65));
    SHOW(fcntl(s, F_SETSIG, -1));
    SHOW(fcntl(s, F_SETSIG, SIGRTMIN));
    SHOW(fcntl(s, F_GETSIG) == SIGRTMIN);
    close(s);
}

static void arm(int fd, int sig)
{
    fcntl(fd, F_SETOWN, getpid());
    fcntl(fd, F_SETSIG, sig);
    fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK);
}

static void test_stream(int sig)
{
    static char buf[100000];
    int p[2], on = 0;
    socketpair(AF_UNIX, SOCK_STREAM, 0, p);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    arm(p[0], sig);
    SHOW((fcntl(p[0], F_GETFL) & O_ASYNC) != 0);
    show_signals("nothing yet", p[0]);
    SHOW(write(p[1], "x", 1));
    show_signals("data", p[0]);
    SHOW(write(p[1], "x", 1));
    show_signals("more data", p[0]);
    SHOW(read(p[0], buf, 2));
    SHOW(write(p[0], "x", 1));
    SHOW(read(p[1], buf, 1));
    show_signals("room, but nobody missed it", p[0]);
    while (write(p[0], buf, sizeof(buf)) > 0)
        ;
    show_signals("full", p[0]);
    while (read(p[1], buf, sizeof(buf)) > 0)
        ;
    show_signals("room", p[0]);
    SHOW(ioctl(p[0], FIOASYNC, &on));
    SHOW(write(p[1], "x", 1));
    show_signals("off", p[0]);
    on = 1;
    SHOW(ioctl(p[0], FIOASYNC, &on));
    SHOW((fcntl(p[0], F_GETFL) & O_ASYNC) != 0);
    SHOW(shutdown(p[1], SHUT_WR));
    show_signals("shut", p[0]);
    close(p[1]);
    show_signals("closed", p[0]);
    close(p[0]);
}

static void test_others(int sig)
{
    char byte;
    int l = listener_at(SOCK_SEQPACKET, abstract_address("sigio"), 5);
    int c = unix_socket(SOCK_SEQPACKET), d = unix_socket(SOCK_DGRAM);
    arm(l, sig);
    SHOW(connect_to(c, abstract_address("sigio")));
    show_signals("listener", l);
    int s = accept(l, NULL, NULL);
    arm(c, sig);
    SHOW(write(s, "x", 1));
    show_signals("packet", c);
    SHOW(shutdown(s, SHUT_RDWR));
    show_signals("shut", c);
    close(l);
    close(s);
    close(c);
    bind_to(d, abstract_address("sigio"));
    arm(d, sig);
    SHOW(send_to(d, "x", abstract_address("sigio")));
    show_signals("datagram", d);
    SHOW(recv(d, &byte, 1, 0));
    SHOW(fcntl(d, F_SETOWN, 0));
    SHOW(send_to(d, "x", abstract_address("sigio")));
    show_signals("no owner", d);
    close(d);
}

int main(void)
{
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    test_owner();
    test_stream(0);
    test_stream(SIGRTMIN);
    test_others(0);
    test_others(SIGRTMIN);
    return 0;
}
