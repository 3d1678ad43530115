/* SPDX-License-Identifier: MIT */
/* System V message queues between threads. Source: msgget(2), msgop(2), msgctl(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)

static struct {
    long type;
    char text[9000];
} out, in;
static int queue;

static int send(long type, const char *text, int flags)
{
    out.type = type;
    strcpy(out.text, text);
    return msgsnd(queue, &out, strlen(text) + 1, flags);
}

static void show_next(long type, int flags)
{
    long n = msgrcv(queue, &in, sizeof(in.text), type, flags);
    if (n < 0)
        printf("none of %ld: %s\n", type, errno == ENOMSG ? "ENOMSG" : errno_name(errno));
    else
        printf("%ld bytes of type %ld: %s\n", n, in.type, in.text);
}

static void test_order(void)
{
    const char *texts[] = {"a", "b", "c", "d", "e"};
    const long types[] = {3, 1, 2, 1, 9};
    for (int i = 0; i < 5; i++)
        SHOW(send(types[i], texts[i], 0));
    show_next(2, 0);
    show_next(-2, 0);
    show_next(3, MSG_EXCEPT);
    show_next(77, IPC_NOWAIT);
    show_next(-8, 0);
    show_next(0, 0);
    show_next(0, IPC_NOWAIT);
}

static void test_errors(void)
{
    struct msqid_ds d;
    SHOW(send(0, "x", 0));
    SHOW(send(-1, "x", 0));
    SHOW(msgsnd(queue, BAD, 1, 0));
    SHOW(msgsnd(queue, &out, 8193, 0));
    SHOW(msgsnd(-1, &out, 1, 0));
    SHOW(msgrcv(-1, &in, 1, 0, 0));
    SHOW(msgrcv(queue, &in, (size_t)-1, 0, 0));
    SHOW(send(4, "too long", 0));
    SHOW(msgrcv(queue, &in, 3, 0, 0));
    SHOW(msgrcv(queue, &in, 3, 0, MSG_NOERROR));
    out.type = 1;
    SHOW(msgsnd(queue, &out, 8192, 0));
    SHOW(msgsnd(queue, &out, 8192, 0));
    SHOW(msgsnd(queue, &out, 1, IPC_NOWAIT));
    SHOW(msgsnd(queue, &out, 0, IPC_NOWAIT));
    SHOW(msgctl(queue, IPC_STAT, &d));
    printf("%lu messages, at most %lu bytes, mode %o\n", (unsigned long)d.msg_qnum,
           (unsigned long)d.msg_qbytes, d.msg_perm.mode & 0777);
    TRUE(d.msg_stime != 0 && d.msg_lspid == getpid() && d.msg_lrpid == getpid());
    d.msg_qbytes = 100;
    d.msg_perm.mode = 0640;
    SHOW(msgctl(queue, IPC_SET, &d));
    for (int i = 0; i < 3; i++)
        SHOW(msgrcv(queue, &in, sizeof(in.text), 0, IPC_NOWAIT));
    SHOW(msgsnd(queue, &out, 101, IPC_NOWAIT));
    SHOW(msgctl(queue, IPC_STAT, BAD));
    SHOW(msgctl(-1, IPC_RMID, NULL));
}

static void *wait_for(void *arg)
{
    long n = msgrcv(queue, &in, sizeof(in.text), (long)arg, 0);
    return (void *)(n < 0 ? -(long)errno : n);
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_threads(void)
{
    struct timespec t = {0, 20000000};
    pthread_t one;
    void *result;
    pthread_create(&one, NULL, wait_for, (void *)5);
    nanosleep(&t, NULL);
    SHOW(send(4, "not this", 0));
    SHOW(send(5, "this", 0));
    pthread_join(one, &result);
    printf("%ld: %s\n", (long)result, in.text);
    show_next(0, 0);
    struct sigaction a = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval it = {.it_value = {0, 20000}};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    SHOW(msgrcv(queue, &in, 10, 0, 0));
    pthread_create(&one, NULL, wait_for, (void *)5);
    nanosleep(&t, NULL);
    SHOW(msgctl(queue, IPC_RMID, NULL));
    pthread_join(one, &result);
    TRUE((long)result == -EIDRM || (long)result == -EINVAL);
}

int main(void)
{
    int key = 0x454d0000 + getpid() % 32768;
    SHOW(msgget(key, 0600));
    queue = msgget(key, IPC_CREAT | 0600);
    TRUE(queue >= 0 && msgget(key, 0) == queue);
    SHOW(msgget(key, IPC_CREAT | IPC_EXCL | 0600));
    test_order();
    test_errors();
    test_threads();
    return 0;
}
