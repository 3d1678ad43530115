/* SPDX-License-Identifier: MIT */
/* Data between sockets, pipes and files without the program's memory: nothing gets lost when the
 * socket is full. Source: sendfile(2), splice(2), tee(2). */
// cflags: -pthread
// cpus: 1 2
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/sendfile.h>

#include "test/guest/unix.h"

#define TOTAL (1 << 20)
#define HALF (TOTAL / 2)

static char data[TOTAL], back[TOTAL];
static int file, s[2], p[2];

static void pair(int type)
{
    if (socketpair(AF_UNIX, type, 0, s) != 0 || pipe(p) != 0)
        printf("no pair\n");
}

static void close_all(void)
{
    for (int i = 0; i < 2; i++) {
        close(s[i]);
        close(p[i]);
    }
}

static long read_all(int fd)
{
    long sum = 0, n;
    while (sum < TOTAL && (n = read(fd, back + sum, (size_t)(TOTAL - sum))) > 0)
        sum += n;
    return sum;
}

static void test_short(void)
{
    off_t pos = 3;
    char buf[32] = "";
    pair(SOCK_STREAM);
    SHOW(sendfile(s[0], file, &pos, 5));
    SHOW(pos);
    SHOW(read(s[1], buf, sizeof(buf)));
    SHOW(memcmp(buf, data + 3, 5));
    SHOW(sendfile(file, s[1], NULL, 5));
    SHOW(sendfile(s[0], file, NULL, 0));
    SHOW(write(s[0], "to a pipe", 9));
    SHOW(splice(s[1], NULL, p[1], NULL, 100, 0));
    SHOW(read(p[0], buf, sizeof(buf)));
    printf("%.9s\n", buf);
    SHOW(splice(s[1], NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK));
    SHOW(splice(s[1], &pos, p[1], NULL, 100, 0));
    SHOW(splice(s[1], NULL, s[0], NULL, 100, 0));
    SHOW(splice(p[0], NULL, s[0], NULL, 100, SPLICE_F_NONBLOCK));
    SHOW(write(p[1], "to a socket", 11));
    SHOW(splice(p[0], NULL, s[0], NULL, 4, 0));
    SHOW(splice(p[0], NULL, s[0], NULL, 100, SPLICE_F_MORE));
    SHOW(read(s[1], buf, sizeof(buf)));
    printf("%.11s\n", buf);
    SHOW(shutdown(s[1], SHUT_WR));
    SHOW(splice(s[0], NULL, p[1], NULL, 100, 0));
    close(s[1]);
    SHOW(sendfile(s[0], file, &pos, 5));
    SHOW(write(p[1], "kept", 4));
    SHOW(splice(p[0], NULL, s[0], NULL, 100, 0));
    SHOW(read(p[0], buf, sizeof(buf)));
    close_all();
    pair(SOCK_DGRAM);
    SHOW(write(p[1], "datagram", 8));
    SHOW(splice(p[0], NULL, s[0], NULL, 100, 0));
    SHOW(recv(s[1], buf, sizeof(buf), MSG_DONTWAIT));
    close_all();
}

/* A socket that does not wait takes what it can; the rest stays where it was. */
static void test_full(void)
{
    off_t pos = 0;
    long sum = 0, n;
    pair(SOCK_STREAM);
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    n = sendfile(s[0], file, &pos, TOTAL);
    TRUE(n > 0 && n < TOTAL && pos == n);
    SHOW(sendfile(s[0], file, &pos, TOTAL));
    for (int round = 0; sum < TOTAL && round < 10000; round++) {
        while ((n = recv(s[1], back + sum, 30000, MSG_DONTWAIT)) > 0)
            sum += n;
        while (pos < TOTAL && sendfile(s[0], file, &pos, (size_t)(TOTAL - pos)) > 0)
            ;
    }
    SHOW(sum);
    SHOW(memcmp(data, back, TOTAL));
    close_all();
}

/* The same from a pipe, which is filled over and over. */
static void test_full_pipe(void)
{
    long given = 0, sum = 0, n, refused = 0;
    memset(back, 0, TOTAL);
    pair(SOCK_STREAM);
    fcntl(s[0], F_SETFL, O_NONBLOCK);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    while (sum < TOTAL) {
        if (given < TOTAL && (n = write(p[1], data + given, (size_t)(TOTAL - given))) > 0)
            given += n;
        if (splice(p[0], NULL, s[0], NULL, 50000, SPLICE_F_NONBLOCK) < 0 && errno == EAGAIN) {
            refused++;
            while ((n = recv(s[1], back + sum, 70000, MSG_DONTWAIT)) > 0)
                sum += n;
        }
    }
    TRUE(refused > 0);
    SHOW(sum);
    SHOW(memcmp(data, back, TOTAL));
    close_all();
}

static void *reader(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)read_all(s[1]);
}

static void *writer(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)write(s[0], data, TOTAL);
}

/* Waiting at both ends. */
static void test_threads(void)
{
    pthread_t t;
    void *result = NULL;
    long given = 0, n, sum = 0;
    off_t pos = 0;
    memset(back, 0, TOTAL);
    pair(SOCK_STREAM);
    pthread_create(&t, NULL, reader, NULL);
    SHOW(sendfile(s[0], file, &pos, HALF));
    while (given < HALF) {
        n = write(p[1], data + HALF + given, HALF - given < 20000 ? (size_t)(HALF - given) : 20000);
        for (long done = 0; done < n;)
            done += splice(p[0], NULL, s[0], NULL, (size_t)(n - done), 0);
        given += n;
    }
    shutdown(s[0], SHUT_WR);
    pthread_join(t, &result);
    SHOW((long)(intptr_t)result);
    SHOW(memcmp(data, back, TOTAL));
    close_all();
    pair(SOCK_STREAM);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    memset(back, 0, TOTAL);
    pthread_create(&t, NULL, writer, NULL);
    while (sum < TOTAL && splice(s[1], NULL, p[1], NULL, 30000, 0) > 0)
        while ((n = read(p[0], back + sum, (size_t)(TOTAL - sum))) > 0)
            sum += n;
    pthread_join(t, &result);
    SHOW((long)(intptr_t)result);
    SHOW(sum);
    SHOW(memcmp(data, back, TOTAL));
    close_all();
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    enter_directory();
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = (char)(i * 31 >> 3);
    file = open("file", O_RDWR | O_CREAT, 0600);
    SHOW(write(file, data, TOTAL));
    test_short();
    test_full();
    test_full_pipe();
    test_threads();
    SHOW(unlink("file"));
    leave_directory();
    return 0;
}
