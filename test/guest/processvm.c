/* SPDX-License-Identifier: MIT */
/* A process's own memory by process_vm_readv and writev; the process by a descriptor.
 * Source: process_vm_readv(2), pidfd_open(2), pidfd_send_signal(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/show.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#define BAD ((void *)8)
#define PAGE 4096
#define BIG 20000

static char from[BIG], to[BIG];
static volatile int hits, code;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    hits++;
    code = info->si_code;
}

static long vm(int nr, struct iovec *local, long nlocal, struct iovec *remote, long nremote)
{
    return syscall(nr, getpid(), local, nlocal, remote, nremote, 0L);
}

static void test_memory(void)
{
    struct iovec a[2] = {{to, 7}, {to + 100, BIG - 100}},
                 b[2] = {{from, 10000}, {from + 10000, 50}};
    for (int i = 0; i < BIG; i++)
        from[i] = (char)(i * 7 >> 2);
    SHOW(vm(SYS_process_vm_readv, a, 2, b, 2));
    TRUE(memcmp(to, from, 7) == 0 && memcmp(to + 100, from + 7, 10043) == 0);
    memset(to, 0, BIG);
    SHOW(vm(SYS_process_vm_writev, b, 1, a, 2));
    TRUE(memcmp(to, from, 7) == 0 && memcmp(to + 100, from + 7, 9993) == 0);
    SHOW(vm(SYS_process_vm_readv, a, 0, b, 2));
    SHOW(vm(SYS_process_vm_readv, a, 2, b, 0));
    SHOW(vm(SYS_process_vm_readv, a, 2000, b, 1));
    SHOW(vm(SYS_process_vm_readv, BAD, 1, b, 1));
    SHOW(syscall(SYS_process_vm_readv, getpid(), a, 1L, b, 1L, 1L));
    SHOW(syscall(SYS_process_vm_readv, 999999, a, 1L, b, 1L, 0L));
    b[0] = (struct iovec){BAD, 5};
    SHOW(vm(SYS_process_vm_readv, a, 1, b, 1));
    SHOW(vm(SYS_process_vm_writev, a, 1, b, 1));
    char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(map + PAGE, PAGE);
    a[0] = (struct iovec){to, 100};
    b[0] = (struct iovec){map + 1000, 100};
    b[1] = (struct iovec){BAD, 100};
    a[1] = (struct iovec){to + 100, 100};
    SHOW(vm(SYS_process_vm_readv, a, 2, b, 2)); /* up to the bad one */
}

static void test_descriptor(void)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    sigaction(SIGUSR1, &act, NULL);
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    TRUE(fd >= 0);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(syscall(SYS_pidfd_open, getpid(), 1));
    SHOW(syscall(SYS_pidfd_open, -1, 0));
    SHOW(syscall(SYS_pidfd_open, 999999, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0));
    printf("%d, code %d\n", hits, code);
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGUSR1, &info, 0));
    printf("%d, code %d\n", hits, code);
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, &info, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, 0, SIGUSR1, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, -1, SIGUSR1, NULL, 0));
    struct pollfd p = {fd, POLLIN, 0};
    SHOW(poll(&p, 1, 0));
    close(fd);
}

int main(void)
{
    test_memory();
    test_descriptor();
    return 0;
}
