/* SPDX-License-Identifier: MIT */
/* Devices. Source: null(4), full(4), random(4), devices.txt of Linux. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define LEN 200000

static char buf[LEN], other[LEN];

static int only(const char *p, size_t len, char c)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != c)
            return 0;
    return 1;
}

static void test_nodes(void)
{
    static const char *const names[] = {"null",    "zero", "full",   "random",
                                        "urandom", "tty",  "console"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char path[40];
        struct stat st;
        snprintf(path, sizeof path, "/dev/%s", names[i]);
        if (stat(path, &st) != 0) {
            printf("%s: %s\n", path, errno_name(errno));
            continue;
        }
        printf("%s: %s %u:%u %o links %d size %d\n", path, S_ISCHR(st.st_mode) ? "device" : "NONE",
               major(st.st_rdev), minor(st.st_rdev), i < 5 ? st.st_mode & 07777 : 0,
               (int)st.st_nlink, (int)st.st_size);
    }
    static const char *const links[] = {"stdin", "stdout", "stderr", "fd"};
    for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
        char path[40];
        snprintf(path, sizeof path, "/dev/%s", links[i]);
        long n = readlink(path, buf, sizeof buf);
        printf("%s -> %.*s\n", path, (int)n, buf);
    }
    struct stat st;
    SHOW(stat("/dev/shm", &st));
    printf("%o\n", st.st_mode);
    SHOW(stat("/dev/not-there", &st));
}

static void test_null(void)
{
    struct stat st, by_name;
    int fd = open("/dev/null", O_RDWR | O_TRUNC | O_CREAT, 0600);
    SHOW(read(fd, buf, 10));
    SHOW(read(fd, BAD, 10));
    SHOW(write(fd, buf, 10));
    SHOW(write(fd, buf, LEN));
    struct iovec v[] = {{buf, 3}, {buf, 4}};
    SHOW(writev(fd, v, 2));
    SHOW(readv(fd, v, 2));
    SHOW(pread(fd, buf, 5, 1000));
    SHOW(pwrite(fd, buf, 5, 1000));
    SHOW(lseek(fd, 77, SEEK_SET));
    SHOW(lseek(fd, -5, SEEK_CUR));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(ftruncate(fd, 0));
    SHOW(fsync(fd));
    SHOW(fallocate(fd, 0, 0, 10));
    SHOW(isatty(fd));
    SHOW(ioctl(fd, TCGETS, buf));
    TRUE(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV);
    SHOW(fstat(fd, &st));
    stat("/dev/null", &by_name);
    TRUE(st.st_rdev == by_name.st_rdev && st.st_ino == by_name.st_ino &&
         st.st_dev == by_name.st_dev);
    close(fd);
    fd = open("/dev/null", O_RDONLY);
    SHOW(write(fd, buf, 1));
    close(fd);
    SHOW(open("/dev/null", O_RDONLY | O_DIRECTORY));
    SHOW(open("/dev/null/x", O_RDONLY));
}

static void test_zero(void)
{
    int fd = open("/dev/zero", O_RDWR);
    static const size_t sizes[] = {0, 1, 2, 7, 8, 9, 63, 64, 65, 4095, 4097, LEN};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(buf, 'x', LEN);
        long n = read(fd, buf, sizes[i]);
        int rest = sizes[i] == LEN || only(buf + sizes[i], LEN - sizes[i], 'x');
        printf("%ld %s %s\n", n, only(buf, sizes[i], 0) ? "zeros" : "WRONG",
               rest ? "kept" : "WRONG");
    }
    SHOW(read(fd, BAD, 1));
    SHOW(read(fd, NULL, 1));
    SHOW(write(fd, "ignored", 7));
    memset(buf, 'x', LEN);
    SHOW(pread(fd, buf, 100, 12345));
    SHOW(lseek(fd, 5, SEEK_SET));
    struct iovec v[] = {{buf, 3}, {buf + 200, 4}};
    SHOW(readv(fd, v, 2));
    TRUE(only(buf + 200, 4, 0) && buf[204] == 'x');
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    TRUE(p != MAP_FAILED && only(p, 8192, 0));
    p[5000] = 1;
    char *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    TRUE(q != MAP_FAILED && only(q, 8192, 0));
    q[0] = 2;
    TRUE(p[0] == 0 && p[5000] == 1 && q[0] == 2);
    SHOW(munmap(p, 8192));
    SHOW(munmap(q, 8192));
    close(fd);
}

static void test_full(void)
{
    int fd = open("/dev/full", O_RDWR);
    SHOW(write(fd, "x", 1));
    SHOW(write(fd, "", 0));
    struct iovec v[] = {{buf, 3}, {buf + 200, 4}};
    SHOW(writev(fd, v, 2));
    memset(buf, 'x', 10);
    SHOW(read(fd, buf, 10));
    TRUE(only(buf, 10, 0));
    SHOW(lseek(fd, 5, SEEK_SET));
    close(fd);
    FILE *f = fopen("/dev/full", "w");
    fputs("text", f);
    SHOW(fclose(f));
}

static void test_random(const char *path)
{
    int fd = open(path, O_RDWR);
    memset(buf, 0, LEN);
    SHOW(read(fd, buf, 1000));
    TRUE(!only(buf, 500, 0) && !only(buf + 500, 500, 0) && only(buf + 1000, 1000, 0));
    SHOW(read(fd, other, 1000));
    TRUE(memcmp(buf, other, 1000) != 0);
    SHOW(read(fd, buf, LEN));
    TRUE(!only(buf + LEN - 1000, 1000, 0));
    SHOW(write(fd, "some entropy", 12));
    SHOW(read(fd, BAD, 10));
    SHOW(write(fd, BAD, 10));
    SHOW(isatty(fd));
    close(fd);
}

static void test_made(void)
{
    const char *path = "elfin-test.device";
    unlink(path);
    SHOW(mknod(path, S_IFCHR | 0600, makedev(1, 5)));
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        printf("%s\n", errno_name(errno));
    } else {
        buf[0] = 'x';
        SHOW(read(fd, buf, 1));
        SHOW(buf[0]);
        close(fd);
    }
    SHOW(unlink(path));
    SHOW(mknod(path, S_IFCHR | 0600, makedev(250, 77)));
    SHOW(open(path, O_RDONLY));
    SHOW(unlink(path));
    SHOW(mknod(path, S_IFSOCK | 0600, 0));
    SHOW(open(path, O_RDONLY));
    SHOW(unlink(path));
}

/* Names in /dev that lead to open files. */
static void test_streams(void)
{
    int fd = open("elfin-test.stream", O_RDWR | O_CREAT | O_TRUNC, 0600);
    SHOW(write(fd, "contents", 8));
    SHOW(dup2(fd, 9));
    SHOW(dup2(fd, 0));
    int in = open("/dev/stdin", O_RDONLY); /* a new open file: its own offset */
    SHOW(read(in, buf, 20));
    int by_fd = open("/dev/fd/9", O_RDWR | O_APPEND);
    SHOW(write(by_fd, "more", 4));
    SHOW(read(in, buf, 20));
    SHOW(open("/dev/fd/99", O_RDONLY));
    SHOW(open("/dev/fd/x", O_RDONLY));
    close(by_fd);
    close(in);
    close(9);
    close(fd);
    unlink("elfin-test.stream");
    int out = open("/dev/stdout", O_WRONLY);
    TRUE(out >= 0);
    fflush(stdout);
    close(out);
    out = open("/dev/stderr", O_WRONLY);
    TRUE(out >= 0);
    close(out);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    test_nodes();
    test_null();
    test_zero();
    test_full();
    test_random("/dev/random");
    test_random("/dev/urandom");
    test_made();
    test_streams();
    return 0;
}
