/* SPDX-License-Identifier: MIT */
// stdin: printf 0123456789
/* Descriptors and data: read, write and their v and p forms, lseek, dup, fcntl, ioctl, sendfile,
 * copy_file_range, fallocate, truncation, locks. Source: the manual page of each call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/show.h"

static char buf[70000];
#define BAD_POINTER ((void *)8)
#define KERNEL_POINTER ((void *)0x7fffffc00000)
#define HIGH_POINTER ((void *)0xffff800000000000)

static void show_bytes(const char *what, const char *p, long n)
{
    printf("%s: %ld \"%.*s\"\n", what, n, n > 0 ? (int)n : 0, p);
}

static void test_read_write(void)
{
    int fd = SHOW(open("data", O_RDWR | O_CREAT | O_EXCL, 0644));
    SHOW(open("data", O_RDWR | O_CREAT | O_EXCL, 0644));
    SHOW(read(fd, buf, 10));
    SHOW(write(fd, "hello world", 11));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(fd, buf, 10));
    SHOW(lseek(fd, 6, SEEK_SET));
    show_bytes("after seek", buf, read(fd, buf, 100));
    SHOW(lseek(fd, -5, SEEK_END));
    show_bytes("from end", buf, read(fd, buf, 3));
    SHOW(lseek(fd, -100, SEEK_CUR));
    SHOW(lseek(fd, 0, 99));
    SHOW(lseek(fd, -1, SEEK_SET));
    SHOW(lseek(fd, 20, SEEK_SET));
    SHOW(read(fd, buf, 1));
    SHOW(write(fd, "end", 3));
    SHOW(pread(fd, buf, 100, 0));
    TRUE(memcmp(buf, "hello world\0\0\0\0\0\0\0\0\0end", 23) == 0);
    SHOW(pwrite(fd, "J", 1, 0));
    SHOW(pread(fd, buf, 5, -1));
    SHOW(pwrite(fd, buf, 5, -1));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(read(fd, BAD_POINTER, 4));
    SHOW(pread(fd, KERNEL_POINTER, 4, 0));
    SHOW(pread(fd, HIGH_POINTER, 4, 0));
    SHOW(pwrite(fd, BAD_POINTER, 4, 0));
    SHOW(pwrite(fd, KERNEL_POINTER, 4, 0));
    SHOW(pwrite(fd, HIGH_POINTER, 4, 0));
    SHOW(pwrite(fd, buf, 0, 0));
    SHOW(read(fd, BAD_POINTER, 0));
    SHOW(close(fd));
    SHOW(close(fd));
    SHOW(read(fd, buf, 1));
    SHOW(write(-1, buf, 1));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(lseek(12345678, 0, SEEK_SET));
}

static void test_modes(void)
{
    int fd = open("data", O_RDONLY);
    SHOW(write(fd, "x", 1));
    SHOW(ftruncate(fd, 1));
    show_bytes("O_RDONLY", buf, read(fd, buf, 5));
    close(fd);
    fd = open("data", O_WRONLY | O_APPEND);
    SHOW(read(fd, buf, 1));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(write(fd, "++", 2));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(pwrite(fd, "**", 2, 0));
    close(fd);
    fd = open("data", O_RDONLY);
    SHOW(read(fd, buf, 100));
    show_bytes("appended", buf + 23, 4);
    close(fd);
    fd = open("data", O_WRONLY | O_TRUNC);
    SHOW(lseek(fd, 0, SEEK_END));
    close(fd);
    fd = open("data", O_PATH);
    SHOW(read(fd, buf, 1));
    SHOW(write(fd, buf, 1));
    SHOW(fchmod(fd, 0600));
    close(fd);
}

static void test_vectors(void)
{
    char a[4] = "", b[8] = "";
    struct iovec out[3] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    struct iovec in[2] = {{a, 3}, {b, 7}};
    struct iovec bad[2] = {{a, 2}, {BAD_POINTER, 2}};
    struct iovec huge[2] = {{a, SSIZE_MAX}, {b, SSIZE_MAX}};
    int fd = open("vec", O_RDWR | O_CREAT | O_TRUNC, 0600);

    SHOW(writev(fd, out, 3));
    SHOW(pwritev(fd, out, 3, 7));
    SHOW(preadv(fd, in, 2, 1));
    show_bytes("a", a, 3);
    show_bytes("b", b, 7);
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(readv(fd, in, 2));
    SHOW(readv(fd, in, 0));
    SHOW(readv(fd, in, -1));
    SHOW(readv(fd, in, 5000));
    SHOW(writev(fd, huge, 2));
    SHOW(readv(fd, BAD_POINTER, 2));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(readv(fd, bad, 2));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(preadv(fd, in, 2, -5));
    SHOW(syscall(SYS_preadv2, fd, in, 1, 2, 0, 0));
    SHOW(syscall(SYS_preadv2, fd, in, 1, -1, -1, 0));
    SHOW(syscall(SYS_pwritev2, fd, out, 1, 0, 0, RWF_APPEND));
    SHOW(syscall(SYS_pwritev2, fd, out, 1, 0, 0, 0x40000000));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(writev(999, out, 1));
    close(fd);
}

static void test_dup(void)
{
    struct rlimit limit;
    int fd = open("vec", O_RDONLY);
    int two = SHOW(dup(fd));
    SHOW(lseek(fd, 4, SEEK_SET));
    SHOW(lseek(two, 0, SEEK_CUR));
    SHOW(dup2(fd, 20));
    SHOW(dup2(fd, fd) == fd);
    SHOW(dup2(99, 20));
    SHOW(dup2(99, 99));
    SHOW(dup2(fd, -1));
    SHOW(dup2(fd, 100000000));
    SHOW(dup(-1));
    SHOW(dup3(fd, 21, O_CLOEXEC));
    SHOW(fcntl(21, F_GETFD));
    SHOW(dup3(fd, fd, 0));
    SHOW(dup3(fd, 22, O_NONBLOCK));
    SHOW(fcntl(fd, F_DUPFD, 30));
    SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 30));
    SHOW(fcntl(31, F_GETFD));
    SHOW(fcntl(31, F_SETFD, 0));
    SHOW(fcntl(31, F_GETFD));
    SHOW(fcntl(fd, F_DUPFD, -1));
    SHOW(fcntl(fd, F_DUPFD, 100000000));
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 32;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(fcntl(fd, F_DUPFD, 32));
    SHOW(fcntl(fd, F_DUPFD, 31));
    SHOW(syscall(SYS_close_range, 30, 31, 0));
    SHOW(syscall(SYS_close_range, 20, 21, CLOSE_RANGE_CLOEXEC));
    SHOW(fcntl(20, F_GETFD));
    SHOW(syscall(SYS_close_range, 5, 4, 0));
    SHOW(syscall(SYS_close_range, 0, 1, 0x1000));
    SHOW(syscall(SYS_close_range, 3, ~0U, 0));
    SHOW(fcntl(fd, F_GETFD));
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void test_fcntl(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
    int fd = open("vec", O_RDWR | O_APPEND);
    int flags = fcntl(fd, F_GETFL);

    SHOW(flags & O_ACCMODE);
    TRUE(flags & O_APPEND);
    SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
    flags = fcntl(fd, F_GETFL);
    SHOW(flags & (O_APPEND | O_NONBLOCK | O_ACCMODE));
    SHOW(fcntl(fd, 9999, 0));
    SHOW(fcntl(-1, F_GETFL));
    SHOW(fcntl(fd, F_SETLK, &lock));
    SHOW(fcntl(fd, F_GETLK, &lock));
    printf("lock type %d\n", lock.l_type == F_UNLCK);
    lock.l_type = 77;
    SHOW(fcntl(fd, F_SETLK, &lock));
    SHOW(fcntl(fd, F_SETLK, BAD_POINTER));
    SHOW(flock(fd, LOCK_EX));
    SHOW(flock(fd, LOCK_SH | LOCK_NB));
    SHOW(flock(fd, LOCK_UN));
    SHOW(flock(fd, 77));
    SHOW(flock(-1, LOCK_EX));
    SHOW(isatty(fd));
    SHOW(ioctl(fd, TIOCGWINSZ, buf));
    SHOW(ioctl(fd, 0x12345678, buf));
    SHOW(ioctl(-1, TIOCGWINSZ, buf));
    int left = -1;
    SHOW(lseek(fd, 3, SEEK_SET));
    SHOW(ioctl(fd, FIONREAD, &left));
    SHOW(left);
    SHOW(ioctl(fd, FIOCLEX));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(ioctl(fd, FIONCLEX));
    SHOW(fcntl(fd, F_GETFD));
    close(fd);
}

static void test_truncate(void)
{
    struct stat st;
    int fd = open("size", O_RDWR | O_CREAT | O_TRUNC, 0644);
    SHOW(ftruncate(fd, 100000));
    fstat(fd, &st);
    SHOW(st.st_size);
    SHOW(pread(fd, buf, 10, 99995));
    TRUE(memcmp(buf, "\0\0\0\0", 5) == 0);
    SHOW(pwrite(fd, "tail", 4, 5000));
    SHOW(ftruncate(fd, 5002));
    SHOW(ftruncate(fd, 6000));
    SHOW(pread(fd, buf, 6, 5000));
    TRUE(memcmp(buf, "ta\0\0\0\0", 6) == 0);
    SHOW(ftruncate(fd, -1));
    SHOW(truncate("size", 3));
    SHOW(truncate("size", -1));
    SHOW(truncate("none", 3));
    SHOW(truncate(".", 3));
    SHOW(ftruncate(-1, 3));
    SHOW(fallocate(fd, 0, 0, 4096));
    fstat(fd, &st);
    SHOW(st.st_size);
    SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8192));
    fstat(fd, &st);
    SHOW(st.st_size);
    SHOW(fallocate(fd, 0, -1, 10));
    SHOW(fallocate(fd, 0, 0, 0));
    SHOW(fallocate(-1, 0, 0, 1));
    SHOW(fsync(fd));
    SHOW(fdatasync(fd));
    SHOW(syncfs(fd));
    SHOW(fsync(-1));
    SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    SHOW(posix_fadvise(fd, 0, 0, 99) == EINVAL);
    SHOW(readahead(fd, 0, 100));
    SHOW(readahead(-1, 0, 100));
    close(fd);
    sync();
}

static void test_copies(void)
{
    off_t from = 2, to = 1;
    loff_t in_pos = 0, out_pos = 3;
    int in = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644);
    int out = open("copied", O_RDWR | O_CREAT | O_TRUNC, 0644);

    write(in, "abcdefghij", 10);
    SHOW(sendfile(out, in, &from, 4));
    SHOW(from);
    SHOW(lseek(in, 0, SEEK_CUR));
    SHOW(sendfile(out, in, NULL, 4));
    lseek(in, 8, SEEK_SET);
    SHOW(sendfile(out, in, NULL, 40));
    show_bytes("sent", buf, pread(out, buf, 100, 0));
    SHOW(copy_file_range(in, &in_pos, out, &out_pos, 5, 0));
    SHOW(in_pos);
    SHOW(out_pos);
    show_bytes("copied", buf, pread(out, buf, 100, 0));
    SHOW(copy_file_range(in, NULL, out, NULL, 5, 0));
    SHOW(copy_file_range(in, NULL, out, NULL, 5, 1));
    SHOW(copy_file_range(-1, NULL, out, NULL, 5, 0));
    SHOW(sendfile(out, -1, NULL, 5));
    SHOW(sendfile(-1, in, NULL, 5));
    SHOW(sendfile(out, in, BAD_POINTER, 5));
    to = -3;
    SHOW(sendfile(out, in, &to, 5));
    close(in);
    close(out);
}

static void test_stdin(void)
{
    show_bytes("stdin", buf, read(0, buf, 4));
    SHOW(lseek(0, 0, SEEK_CUR));
    SHOW(pread(0, buf, 1, 0));
    show_bytes("rest", buf, read(0, buf, 100));
    SHOW(read(0, buf, 100));
    SHOW(isatty(0));
}

static void test_devices(void)
{
    int zero = open("/dev/zero", O_RDWR), full = open("/dev/full", O_RDWR);
    int null = open("/dev/null", O_RDWR), random = open("/dev/urandom", O_RDONLY);

    memset(buf, 1, sizeof buf);
    SHOW(read(zero, buf, sizeof buf));
    TRUE(buf[0] == 0 && buf[sizeof buf - 1] == 0);
    SHOW(write(zero, buf, 100));
    SHOW(read(null, buf, 100));
    SHOW(write(null, buf, 100));
    SHOW(write(null, BAD_POINTER, 100));
    SHOW(read(zero, BAD_POINTER, 100));
    SHOW(read(full, buf, 10));
    SHOW(write(full, buf, 10));
    SHOW(read(random, buf, 64));
    TRUE(memcmp(buf, buf + 32, 32) != 0);
    SHOW(lseek(zero, 5, SEEK_SET) >= 0);
    SHOW(open("/dev/nonesuch", O_RDONLY));
    struct stat st;
    SHOW(fstat(null, &st));
    TRUE(S_ISCHR(st.st_mode) && st.st_rdev == 0x103);
    SHOW(fstat(zero, &st));
    TRUE(S_ISCHR(st.st_mode) && st.st_rdev == 0x105);
}

/* A large file written and read in odd pieces, through mmap too. */
static void test_large(void)
{
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);
    uint32_t total = 0, bad = 0;
    for (unsigned i = 0; i < 300; i++) {
        memset(buf, (int)i, sizeof buf);
        total += (uint32_t)write(fd, buf, 9973);
    }
    SHOW(total);
    unsigned char *map = mmap(NULL, total, PROT_READ, MAP_SHARED, fd, 0);
    for (uint32_t i = 0; i < total; i++)
        bad += map[i] != (unsigned char)(i / 9973);
    SHOW(bad);
    lseek(fd, 0, SEEK_SET);
    for (uint32_t at = 0; at < total;) {
        long n = read(fd, buf, 65521);
        for (long i = 0; i < n; i++)
            bad += (unsigned char)buf[i] != map[at + (uint32_t)i];
        at += (uint32_t)n;
    }
    SHOW(bad);
    SHOW(munmap(map, total));
    close(fd);
}

int main(void)
{
    test_read_write();
    test_modes();
    test_vectors();
    test_dup();
    test_fcntl();
    test_truncate();
    test_copies();
    test_stdin();
    test_devices();
    test_large();
    return 0;
}
