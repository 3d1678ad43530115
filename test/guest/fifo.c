/* SPDX-License-Identifier: MIT */
/* FIFOs, and pipes that are opened again through /proc/self/fd. Source: fifo(7), mkfifo(3),
 * open(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test/guest/pipes.h"

static char buf[100];
static int opened = -1;
static const char *name;

/* The peer that a blocking open waits for. */
static void open_reader(int sig)
{
    (void)sig;
    opened = open(name, O_RDONLY | O_NONBLOCK);
}

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    return p.revents;
}

static void test_open(void)
{
    struct stat st;
    SHOW(mkfifo(name, 0600));
    SHOW(mkfifo(name, 0600));
    SHOW(stat(name, &st));
    printf("%o, links %d\n", st.st_mode, (int)st.st_nlink);
    SHOW(open(name, O_WRONLY | O_NONBLOCK));
    SHOW(open(name, O_RDONLY | O_DIRECTORY));
    SHOW(open(name, O_RDONLY | O_CREAT | O_EXCL, 0600));
    SHOW(truncate(name, 0));
    alarm_in(200);
    SHOW(open(name, O_RDONLY));
    alarm_in(200);
    SHOW(open(name, O_WRONLY));
    SHOW(alarms);
    int r = open(name, O_RDONLY | O_NONBLOCK);
    SHOW(read(r, buf, 1));
    SHOW(events(r)); /* no writer has been there yet: no end */
    int w = open(name, O_WRONLY);
    SHOW(fcntl(r, F_GETFL));
    SHOW(fcntl(w, F_GETFL));
    SHOW(read(r, buf, 1));
    SHOW(events(r));
    SHOW(events(w));
    SHOW(write(w, "abc", 3));
    SHOW(events(r));
    int second = open(name, O_RDONLY);
    SHOW(read(second, buf, 1));
    SHOW(read(r, buf, 9));
    close(w);
    SHOW(events(r));
    SHOW(read(second, buf, 1));
    w = open(name, O_WRONLY | O_NONBLOCK);
    SHOW(events(r));
    SHOW(lseek(w, 0, SEEK_CUR));
    struct stat by_fd;
    SHOW(fstat(w, &by_fd));
    TRUE(by_fd.st_ino == st.st_ino && by_fd.st_dev == st.st_dev && by_fd.st_mode == st.st_mode);
    close(r);
    close(second);
    SHOW(events(w));
    SHOW(write(w, "x", 1));
    close(w);
}

static void test_both(void)
{
    int fd = open(name, O_RDWR);
    SHOW(events(fd));
    SHOW(write(fd, "both", 4));
    SHOW(events(fd));
    SHOW(read(fd, buf, 9));
    alarm_in(200);
    SHOW(read(fd, buf, 9)); /* its own write end is open */
    SHOW(write(fd, "lost", 4));
    close(fd);
    fd = open(name, O_RDWR | O_NONBLOCK);
    SHOW(read(fd, buf, 9)); /* the last close took the data away */
    SHOW(write(fd, "kept", 4));
    int r = open(name, O_RDONLY);
    close(fd);
    SHOW(read(r, buf, 9));
    SHOW(read(r, buf, 9));
    close(r);
}

static void test_blocking(void)
{
    handle(SIGALRM, open_reader, SA_RESTART);
    alarm_in(200);
    int w = open(name, O_WRONLY);
    TRUE(w >= 0 && opened >= 0);
    SHOW(write(w, "to the handler's", 16));
    SHOW(read(opened, buf, sizeof buf));
    close(w);
    SHOW(events(opened));
    close(opened);
}

static void test_unlinked(void)
{
    struct stat st;
    int fd = open(name, O_RDWR);
    SHOW(unlink(name));
    SHOW(mkfifo(name, 0644));
    SHOW(fstat(fd, &st));
    printf("%o, links %d\n", st.st_mode, (int)st.st_nlink);
    SHOW(write(fd, "old", 3));
    int other = open(name, O_RDWR | O_NONBLOCK);
    SHOW(read(other, buf, 9));
    SHOW(read(fd, buf, 9));
    close(fd);
    close(other);
    SHOW(unlink(name));
    SHOW(mknod(name, S_IFIFO | 0600, 0));
    SHOW(unlink(name));
}

static void test_reopen(void)
{
    int fd[2];
    char path[40];
    SHOW(pipe(fd));
    SHOW(write(fd[1], "anew", 4));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
    int r = open(path, O_RDONLY | O_NONBLOCK);
    SHOW(read(r, buf, 2));
    SHOW(read(fd[0], buf, 9));
    SHOW(read(r, buf, 1));
    int w = open(path, O_WRONLY);
    SHOW(write(w, "x", 1));
    SHOW(read(r, buf, 1));
    struct stat a, b, c;
    SHOW(stat(path, &a));
    SHOW(fstat(fd[0], &b));
    SHOW(lstat(path, &c));
    TRUE(a.st_ino == b.st_ino && a.st_mode == b.st_mode && a.st_dev == b.st_dev);
    printf("%o %d\n", c.st_mode, (int)c.st_size);
    long n = readlink(path, buf, sizeof buf);
    TRUE(n > 7 && memcmp(buf, "pipe:[", 6) == 0 && buf[n - 1] == ']');
    close(fd[1]);
    SHOW(events(fd[0]));
    close(w);
    SHOW(events(fd[0]));
    close(fd[0]);
    close(r);
    SHOW(open(path, O_RDONLY));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    static char path[64];
    /* others run beside us */
    snprintf(path, sizeof(path), "/tmp/elfin-test.fifo.%ld", (long)getpid());
    name = path;
    unlink(name);
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    handle(SIGALRM, on_alarm, 0);
    test_open();
    test_both();
    test_blocking();
    test_unlinked();
    test_reopen();
    return 0;
}
