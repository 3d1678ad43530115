/* SPDX-License-Identifier: MIT */
/* Pipes: data, capacity, packets, broken and interrupted ones.
 * Source: pipe(2), pipe(7), fcntl(2), read(2), write(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "test/guest/pipes.h"

#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif
#define BAD ((void *)8)
#define PAGE 4096

static volatile int broken;

static void on_pipe(int sig)
{
    (void)sig;
    broken++;
}

static int unread(int fd)
{
    int n = -1;
    ioctl(fd, FIONREAD, &n);
    return n;
}

static void test_create(void)
{
    int fd[2] = {-1, -1};
    struct stat st, other;
    SHOW(syscall(SYS_pipe, fd));
    TRUE(fd[0] == 3 && fd[1] == 4);
    SHOW(fcntl(fd[0], F_GETFL));
    SHOW(fcntl(fd[1], F_GETFL));
    SHOW(fcntl(fd[0], F_GETFD));
    SHOW(fstat(fd[0], &st));
    SHOW(fstat(fd[1], &other));
    TRUE(S_ISFIFO(st.st_mode) && st.st_ino == other.st_ino && st.st_dev == other.st_dev);
    printf("mode %o, links %d, size %d, block size %d\n", st.st_mode, (int)st.st_nlink,
           (int)st.st_size, (int)st.st_blksize);
    SHOW(lseek(fd[0], 0, SEEK_SET));
    SHOW(pread(fd[0], data, 1, 0));
    SHOW(pwrite(fd[1], data, 1, 0));
    SHOW(read(fd[1], data, 1));
    SHOW(write(fd[0], data, 1));
    SHOW(ftruncate(fd[1], 0));
    SHOW(fsync(fd[1]));
    SHOW(fallocate(fd[1], 0, 0, 1));
    SHOW(isatty(fd[0]));
    close(fd[0]);
    close(fd[1]);
    SHOW(syscall(SYS_pipe2, fd, O_CLOEXEC | O_NONBLOCK));
    SHOW(fcntl(fd[0], F_GETFL));
    SHOW(fcntl(fd[1], F_GETFL));
    SHOW(fcntl(fd[0], F_GETFD));
    SHOW(fcntl(fd[1], F_GETFD));
    close(fd[0]);
    close(fd[1]);
    SHOW(syscall(SYS_pipe2, fd, O_CREAT));
    SHOW(syscall(SYS_pipe2, fd, 1));
    SHOW(syscall(SYS_pipe, BAD));
    SHOW(syscall(SYS_pipe, NULL));
    SHOW(dup(0)); /* a failed call leaves no descriptor behind */
    close(3);
    struct rlimit old, few = {4, 4};
    getrlimit(RLIMIT_NOFILE, &old);
    few.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &few);
    SHOW(syscall(SYS_pipe, fd));
    setrlimit(RLIMIT_NOFILE, &old);
    SHOW(dup(0));
    close(3);
}

static void test_data(void)
{
    new_pipe(0);
    SHOW(write(w, "", 0));
    SHOW(unread(r));
    SHOW(write(w, "hello", 5));
    SHOW(write(w, " world", 6));
    SHOW(unread(r));
    SHOW(unread(w));
    SHOW(read(r, back, 0));
    SHOW(read(r, back, 4));
    printf("%.4s\n", back);
    SHOW(read(r, back, 100));
    printf("%.7s\n", back);
    struct iovec out[] = {{"one", 3}, {"", 0}, {" two ", 5}, {"three", 5}};
    struct iovec in[] = {{back, 2}, {back + 100, 0}, {back + 200, 9}, {back + 300, 9}};
    SHOW(writev(w, out, 4));
    SHOW(readv(r, in, 4));
    printf("%.2s|%.9s|%.2s\n", back, back + 200, back + 300);
    SHOW(read(r, BAD, 0));
    SHOW(write(w, BAD, 3));
    SHOW(write(w, "kept", 4));
    SHOW(read(r, BAD, 4));
    SHOW(read(r, back, 9));
    SHOW(write(w, "last", 4));
    close(w);
    SHOW(read(r, back, 2));
    SHOW(read(r, back, 9));
    SHOW(read(r, back, 9));
    SHOW(unread(r));
    close(r);
}

static void test_capacity(void)
{
    static const size_t chunks[] = {1, 7, 512, PAGE, 8192, 65536, 100000};
    for (unsigned i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        new_pipe(O_NONBLOCK);
        printf("chunks of %d: ", (int)chunks[i]);
        long sum = fill(chunks[i]);
        printf("%ld fit, then %s; unread %d\n", sum, errno_name(errno), unread(r));
        close_pipe();
    }
    new_pipe(O_NONBLOCK);
    SHOW(read(r, back, 1));
    SHOW(fill(PAGE));
    SHOW(read(r, back, PAGE - 1));
    SHOW(write(w, data, 1)); /* a page is free only when all of it was read */
    SHOW(read(r, back, 1));
    SHOW(write(w, data, PAGE));
    SHOW(read(r, back, PAGE));
    SHOW(write(w, data, PAGE + 1)); /* more than PIPE_BUF: part of it */
    SHOW(write(w, data, 1));
    close_pipe();
    new_pipe(O_NONBLOCK);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 251);
    long put = 0, got = 0, wrong = 0;
    for (unsigned step = 1; put < (long)sizeof data; step = step * 5 % 9973) {
        long left = (long)sizeof data - put;
        long n = write(w, data + put, (size_t)(left < step ? left : step));
        put += n > 0 ? n : 0;
        n = read(r, back + got, step % 3 ? step / 2 : step * 3);
        got += n > 0 ? n : 0;
    }
    for (long n; (n = read(r, back + got, 3000)) > 0;)
        got += n;
    wrong = memcmp(data, back, sizeof data) != 0;
    printf("%ld in, %ld out, %s\n", put, got, wrong ? "WRONG" : "equal");
    close_pipe();
}

static void test_resize(void)
{
    new_pipe(O_NONBLOCK);
    SHOW(fcntl(r, F_GETPIPE_SZ));
    SHOW(fcntl(w, F_SETPIPE_SZ, 4096));
    SHOW(fill(PAGE));
    SHOW(fcntl(w, F_SETPIPE_SZ, 10000));
    SHOW(fill(PAGE));
    SHOW(fcntl(r, F_SETPIPE_SZ, 4096));
    SHOW(fcntl(r, F_GETPIPE_SZ));
    SHOW(read(r, back, sizeof back));
    SHOW(fcntl(r, F_SETPIPE_SZ, 1));
    SHOW(fcntl(r, F_SETPIPE_SZ, 1048576));
    SHOW(fill(65536));
    SHOW(fcntl(0, F_GETPIPE_SZ) == -1 || 1);
    SHOW(fcntl(99, F_GETPIPE_SZ));
    int null = open("/dev/null", O_RDONLY);
    SHOW(fcntl(null, F_GETPIPE_SZ));
    SHOW(fcntl(null, F_SETPIPE_SZ, 4096));
    close(null);
    close_pipe();
}

static void test_packets(void)
{
    new_pipe(O_DIRECT | O_NONBLOCK);
    SHOW(fcntl(w, F_GETFL));
    SHOW(write(w, "first", 5));
    SHOW(write(w, "second", 6));
    SHOW(unread(r));
    SHOW(read(r, back, 100));
    SHOW(read(r, back, 3)); /* the rest of the packet is lost */
    SHOW(read(r, back, 100));
    SHOW(write(w, data, PAGE + 10));
    SHOW(read(r, back, sizeof back));
    SHOW(read(r, back, sizeof back));
    SHOW(fcntl(w, F_SETFL, O_NONBLOCK));
    SHOW(write(w, "a", 1));
    SHOW(write(w, "b", 1));
    SHOW(read(r, back, 9));
    close_pipe();
}

static void test_broken(void)
{
    handle(SIGPIPE, on_pipe, 0);
    new_pipe(0);
    close(r);
    SHOW(write(w, "x", 1));
    SHOW(broken);
    SHOW(write(w, "", 0));
    struct iovec v[] = {{"a", 1}, {"b", 1}};
    SHOW(writev(w, v, 2));
    SHOW(broken);
    handle(SIGPIPE, SIG_IGN, 0);
    SHOW(write(w, "x", 1));
    SHOW(broken);
    close(w);
}

static void test_interrupted(void)
{
    handle(SIGALRM, on_alarm, 0);
    new_pipe(0);
    alarm_in(20);
    SHOW(read(r, back, 1));
    SHOW(alarms);
    fcntl(w, F_SETFL, O_NONBLOCK);
    fill(PAGE);
    fcntl(w, F_SETFL, 0);
    alarm_in(20);
    SHOW(write(w, "x", 1));
    SHOW(read(r, back, 2 * PAGE));
    alarm_in(20);
    SHOW(write(w, data, 5 * PAGE)); /* what was written counts */
    SHOW(alarms);
    close_pipe();
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    test_create();
    test_data();
    test_capacity();
    test_resize();
    test_packets();
    test_broken();
    test_interrupted();
    return 0;
}
