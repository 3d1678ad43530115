/* SPDX-License-Identifier: MIT */
/* Signals that a thread earns by its own call go to that thread, though it blocks them and others
 * do not. Source: signal(7), pipe(7), socket(7), getrlimit(2). */
// cflags: -pthread
// cpus: 1 2
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

static volatile int elsewhere;
static pthread_barrier_t ready, over;

static void on_signal(int sig)
{
    (void)sig;
    elsewhere++;
}

/* Has both signals unblocked: what is sent to the process, it takes. */
static void *bystander(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    pthread_barrier_wait(&ready);
    pthread_barrier_wait(&over);
    return arg;
}

static void *write_pipe(void *arg)
{
    int fd[2];
    if (pipe(fd) != 0)
        exit(1);
    close(fd[0]);
    SHOW(write(fd[1], "x", 1));
    close(fd[1]);
    return arg;
}

static void *write_socket(void *arg)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
        exit(1);
    close(fd[0]);
    SHOW(send(fd[1], "x", 1, 0));
    close(fd[1]);
    return arg;
}

static int begin_file(void)
{
    char name[] = "/tmp/ownsignal.XXXXXX";
    struct rlimit limit = {4096, RLIM_INFINITY};
    int fd = mkstemp(name);
    unlink(name);
    setrlimit(RLIMIT_FSIZE, &limit);
    return fd;
}

static void end_file(int fd)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
    SHOW(lseek(fd, 0, SEEK_END));
    close(fd);
}

static void *grow_file(void *arg)
{
    int fd = begin_file();
    SHOW(ftruncate(fd, 4097));
    end_file(fd);
    return arg;
}

static void *write_file(void *arg)
{
    int fd = begin_file();
    SHOW(pwrite(fd, "xy", 2, 4095)); /* what fits is written */
    SHOW(pwrite(fd, "", 0, 4096));
    SHOW(pwrite(fd, "x", 1, 4096));
    end_file(fd);
    return arg;
}

static void *reserve_file(void *arg)
{
    int fd = begin_file();
    SHOW(fallocate(fd, 0, 0, 4096));
    SHOW(fallocate(fd, 0, 4096, 1));
    end_file(fd);
    return arg;
}

/* What the thread that called has pending; its other thread must not have seen it. */
static void look(const char *what, void *(*call)(void *), int sig)
{
    struct timespec no_time = {0, 0};
    sigset_t set;
    siginfo_t info;
    printf("-- %s\n", what);
    sigemptyset(&set);
    sigaddset(&set, sig);
    call(NULL);
    SHOW(sigtimedwait(&set, &info, &no_time) == sig);
    TRUE(info.si_code == SI_USER && info.si_pid == getpid() && info.si_uid == getuid());
    SHOW(sigtimedwait(&set, &info, &no_time));
    SHOW(elsewhere);
}

int main(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    pthread_t other;
    sigset_t set;
    sigaction(SIGPIPE, &act, NULL);
    sigaction(SIGXFSZ, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_barrier_init(&over, NULL, 2);
    pthread_create(&other, NULL, bystander, NULL);
    pthread_barrier_wait(&ready);
    look("a pipe", write_pipe, SIGPIPE);
    look("a socket", write_socket, SIGPIPE);
    look("a file", grow_file, SIGXFSZ);
    look("a write", write_file, SIGXFSZ);
    look("a reservation", reserve_file, SIGXFSZ);
    pthread_barrier_wait(&over);
    pthread_join(other, NULL);
    SHOW(elsewhere);
    return 0;
}
