/* SPDX-License-Identifier: MIT */
/* Signals from another thread that come just when a call begins to wait: it ends with EINTR or goes
 * on, as signal(7) has it, and its handler has run when it ends. Nothing else is ever seen of
 * it. */
// cflags: -pthread
// cpus: 1 2 4
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define ROUNDS 1000

static int empty[2];
static uint32_t word;
static _Thread_local volatile int handled;
static atomic_bool over;

static void on_signal(int sig)
{
    (void)sig;
    handled++;
}

static long wait_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static long wait_read(void)
{
    char c;
    return syscall(SYS_read, empty[0], &c, 1);
}

static long wait_poll(void)
{
    struct pollfd p = {empty[0], POLLIN, 0};
    return syscall(SYS_poll, &p, 1, -1);
}

static long wait_sleep(void)
{
    return syscall(SYS_nanosleep, &(struct timespec){1000, 0}, NULL);
}

static void *send_signals(void *target)
{
    while (!over) {
        pthread_kill(*(pthread_t *)target, SIGUSR1);
    }
    return NULL;
}

/* Nobody else ends these waits: each result must be -1 with EINTR and a handler that ran. */
static void interrupt(const char *name, long (*call)(void))
{
    pthread_t self = pthread_self();
    pthread_t sender;
    long wrong = 0;
    long silent = 0;
    over = false;
    pthread_create(&sender, NULL, send_signals, &self);
    for (int i = 0; i < ROUNDS; i++) {
        int before = handled;
        long n = call();
        if (n != -1 || errno != EINTR) {
            wrong++;
            printf("%s: %ld, errno %d\n", name, n, n == -1 ? errno : 0);
        }
        silent += handled == before;
    }
    over = true;
    pthread_join(sender, NULL);
    printf("%s: %ld wrong, %ld without a handler\n", name, wrong, silent);
}

/* With SA_RESTART it goes on until the byte comes. */
static void *write_byte(void *unused)
{
    (void)unused;
    struct timespec t = {0, 1000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
    return (void *)(intptr_t)write(empty[1], "x", 1);
}

static void go_on(void)
{
    pthread_t self = pthread_self();
    pthread_t sender;
    pthread_t writer;
    long right = 0;
    over = false;
    pthread_create(&sender, NULL, send_signals, &self);
    for (int i = 0; i < ROUNDS / 10; i++) {
        sigset_t all;
        sigset_t before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_create(&writer, NULL, write_byte, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        right += wait_read() == 1;
        pthread_join(writer, NULL);
    }
    over = true;
    pthread_join(sender, NULL);
    printf("restarted: %ld of %d\n", right, ROUNDS / 10);
}

int main(void)
{
    struct sigaction act = {.sa_handler = on_signal};
    SHOW(pipe(empty));
    SHOW(sigaction(SIGUSR1, &act, NULL));
    interrupt("futex", wait_futex);
    interrupt("read", wait_read);
    interrupt("poll", wait_poll);
    interrupt("nanosleep", wait_sleep);
    act.sa_flags = SA_RESTART;
    SHOW(sigaction(SIGUSR1, &act, NULL));
    go_on();
    return 0;
}
