/* SPDX-License-Identifier: MIT */
/* Locks of files: flock, record locks of the process, and those of open files, which one process
 * can hold against itself. Source: flock(2), fcntl(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include "test/guest/show.h"

static int set(int fd, int cmd, short type, off_t start, off_t len)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, cmd, &l);
}

/* What stands in the way. */
static void show_test(int fd, int cmd, short type, off_t start, off_t len)
{
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    int result = fcntl(fd, cmd, &l);
    printf("%s %ld+%ld = %d: ", cmd == F_GETLK ? "F_GETLK" : "F_OFD_GETLK", (long)start, (long)len,
           result);
    if (l.l_type == F_UNLCK)
        printf("free\n");
    else
        printf("%s at %ld+%ld of %s\n", l.l_type == F_RDLCK ? "read" : "write", (long)l.l_start,
               (long)l.l_len,
               l.l_pid == -1         ? "a file"
               : l.l_pid == getpid() ? "us"
                                     : "others");
}

static void test_flock(void)
{
    int a = open("f", O_CREAT | O_RDWR, 0644), b = open("f", O_RDONLY), c = dup(a);
    SHOW(flock(a, LOCK_SH));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(a, LOCK_EX | LOCK_NB));
    SHOW(flock(b, LOCK_SH | LOCK_NB));
    SHOW(flock(c, LOCK_EX | LOCK_NB)); /* the same open file */
    SHOW(close(a));
    SHOW(flock(b, LOCK_EX | LOCK_NB)); /* still held through c */
    SHOW(close(c));
    SHOW(flock(b, LOCK_EX | LOCK_NB)); /* a descriptor for reading will do */
    SHOW(flock(b, 16));
    SHOW(flock(b, 32 | LOCK_SH)); /* LOCK_MAND: no more */
    SHOW(flock(b, LOCK_SH | LOCK_EX));
    SHOW(flock(b, LOCK_NB));
    SHOW(flock(-1, LOCK_SH));
    SHOW(flock(b, LOCK_UN));
    SHOW(flock(b, LOCK_UN));
    close(b);
    int d = open(".", O_RDONLY), e = open(".", O_RDONLY), path = open("f", O_PATH);
    SHOW(flock(d, LOCK_EX | LOCK_NB));
    SHOW(flock(e, LOCK_SH | LOCK_NB));
    SHOW(flock(path, LOCK_SH));
    close(path);
    close(d);
    SHOW(flock(e, LOCK_SH | LOCK_NB));
    close(e);
}

static void test_ofd(void)
{
    int a = open("f", O_RDWR), b = open("f", O_RDWR), r = open("f", O_RDONLY);
    SHOW(set(a, F_OFD_SETLK, F_WRLCK, 10, 20));
    SHOW(set(b, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(set(b, F_OFD_SETLK, F_WRLCK, 0, 11));
    SHOW(set(b, F_OFD_SETLK, F_RDLCK, 29, 1));
    SHOW(set(b, F_OFD_SETLK, F_RDLCK, 30, 0));
    show_test(b, F_OFD_GETLK, F_WRLCK, 0, 0);
    show_test(a, F_OFD_GETLK, F_WRLCK, 0, 0);
    show_test(a, F_OFD_GETLK, F_RDLCK, 30, 5);
    show_test(r, F_GETLK, F_WRLCK, 15, 5); /* the process's own meet those of files */
    SHOW(set(a, F_OFD_SETLK, F_UNLCK, 15, 5)); /* a hole in the middle */
    show_test(b, F_OFD_GETLK, F_WRLCK, 10, 20);
    SHOW(set(b, F_OFD_SETLK, F_WRLCK, 15, 5));
    show_test(b, F_OFD_GETLK, F_WRLCK, 20, 5);
    SHOW(set(a, F_OFD_SETLK, F_RDLCK, 10, 5)); /* weaker than before */
    SHOW(set(b, F_OFD_SETLK, F_RDLCK, 10, 5));
    SHOW(set(a, F_OFD_SETLK, F_WRLCK, 10, 5)); /* and not back again */
    SHOW(set(r, F_OFD_SETLK, F_WRLCK, 100, 1));
    SHOW(set(r, F_OFD_SETLK, F_RDLCK, 100, 1));
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_pid = 5};
    SHOW(fcntl(a, F_OFD_SETLK, &l));
    close(a);
    SHOW(set(b, F_OFD_SETLK, F_WRLCK, 0, 30)); /* a's went with it */
    close(b);
    close(r);
}

static void test_process(void)
{
    int a = open("f", O_RDWR), b = open("f", O_RDWR);
    SHOW(set(a, F_SETLK, F_WRLCK, 0, 10));
    SHOW(set(b, F_SETLK, F_WRLCK, 0, 10)); /* one owner */
    show_test(b, F_GETLK, F_WRLCK, 0, 0);
    show_test(b, F_OFD_GETLK, F_RDLCK, 5, 1);
    SHOW(set(b, F_OFD_SETLK, F_RDLCK, 5, 1));
    SHOW(flock(b, LOCK_EX | LOCK_NB)); /* another world */
    SHOW(close(b)); /* any descriptor's end takes the process's locks */
    b = open("f", O_RDWR);
    SHOW(set(b, F_OFD_SETLK, F_WRLCK, 0, 10));
    SHOW(set(a, F_SETLK, F_RDLCK, 0, 10));
    SHOW(set(a, F_SETLK, F_RDLCK, -1, 1));
    SHOW(set(a, F_SETLK, F_RDLCK, 50, -10));
    show_test(b, F_OFD_GETLK, F_WRLCK, 0, 0);
    SHOW(set(a, F_SETLK, 99, 0, 1));
    SHOW(set(a, F_SETLK, F_UNLCK, 0, 0));
    lseek(a, 7, SEEK_SET);
    write(a, "12345", 5);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -2, .l_len = 1};
    SHOW(fcntl(a, F_SETLK, &l));
    show_test(b, F_OFD_GETLK, F_RDLCK, 9, 10);
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 1};
    SHOW(fcntl(a, F_SETLK, &l));
    show_test(b, F_OFD_GETLK, F_RDLCK, 11, 100);
    SHOW(fcntl(a, F_SETLK, (void *)8));
    SHOW(set(-1, F_SETLK, F_RDLCK, 0, 1));
    close(a);
    close(b);
}

/* Locks of objects in no file system. */
static void test_pipe(void)
{
    int p[2], q[2];
    pipe(p);
    SHOW(flock(p[0], LOCK_EX));
    SHOW(flock(p[1], LOCK_EX | LOCK_NB)); /* one object */
    pipe(q);
    SHOW(flock(q[0], LOCK_EX | LOCK_NB));
    SHOW(close(p[0]));
    SHOW(flock(p[1], LOCK_EX | LOCK_NB));
    SHOW(close(p[1]));
    SHOW(close(q[0]));
    for (int i = 0; i < 50; i++) {
        pipe(p);
        if (flock(p[0], LOCK_EX | LOCK_NB) != 0)
            printf("locked by whom?\n");
        close(p[0]);
        close(p[1]);
    }
    close(q[1]);
}

static void on_alarm(int sig)
{
    (void)sig;
}

/* A lock that never comes free: the wait ends by a signal. */
static void test_wait(void)
{
    struct sigaction act = {.sa_handler = on_alarm};
    int a = open("f", O_RDWR), b = open("f", O_RDWR);
    sigaction(SIGALRM, &act, NULL);
    flock(a, LOCK_EX);
    alarm(1);
    SHOW(flock(b, LOCK_EX));
    set(a, F_OFD_SETLK, F_WRLCK, 0, 0);
    alarm(1);
    SHOW(set(b, F_OFD_SETLKW, F_RDLCK, 0, 1));
    SHOW(set(a, F_OFD_SETLKW, F_RDLCK, 0, 1)); /* free: no wait */
    close(a);
    SHOW(flock(b, LOCK_EX | LOCK_NB));
    close(b);
}

int main(void)
{
    test_flock();
    test_ofd();
    test_process();
    test_pipe();
    test_wait();
    return 0;
}
