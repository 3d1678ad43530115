/* SPDX-License-Identifier: MIT */
/* Flags of preadv2 and pwritev2, ranges to copy and to write out.
 * Source: preadv2(2), copy_file_range(2), sync_file_range(2), name_to_handle_at(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/show.h"

static char buf[100];
static int fd, ro, p[2];

static long rd(int f, size_t n, long pos, int flags)
{
    struct iovec v = {buf, n};
    return syscall(SYS_preadv2, f, &v, 1, pos, pos, flags);
}

static long wr(int f, const char *text, long pos, int flags)
{
    struct iovec v = {(void *)text, strlen(text)};
    return syscall(SYS_pwritev2, f, &v, 1, pos, pos, flags);
}

static void show_file(void)
{
    char all[200];
    long n = pread(fd, all, sizeof all, 0);
    printf("file: %.*s, at %ld\n", (int)n, all, (long)lseek(fd, 0, SEEK_CUR));
}

static void test_flags(void)
{
    SHOW(wr(fd, "0123456789", 0, 0));
    SHOW(wr(fd, "abc", -1, 0)); /* at the file's own position */
    show_file();
    SHOW(wr(fd, "end", 2, RWF_APPEND));
    show_file();
    SHOW(wr(fd, "tail", -1, RWF_APPEND)); /* and it moves there */
    show_file();
    SHOW(wr(fd, "xy", 4, RWF_DSYNC));
    SHOW(wr(fd, "zz", 6, RWF_SYNC | RWF_HIPRI));
    show_file();
    SHOW(rd(fd, 4, 0, RWF_HIPRI));
    SHOW(rd(fd, 4, 0, RWF_NOWAIT));
    SHOW(rd(fd, 4, 0, RWF_DSYNC | RWF_SYNC));
    SHOW(rd(fd, 4, 0, 0x40000000));
    SHOW(wr(fd, "x", 0, 0x40000000));
    SHOW(rd(fd, 4, -2, 0));
    SHOW(rd(ro, 4, 1000, 0));
    SHOW(rd(p[0], 4, 0, 0));
    SHOW(wr(p[1], "pipe", 0, 0));
    SHOW(wr(p[1], "pipe", -1, 0));
    SHOW(rd(p[0], 4, -1, 0));
    SHOW(wr(ro, "x", 0, 0));
    SHOW(rd(-1, 4, 0, 0));
    SHOW(syscall(SYS_preadv2, fd, (void *)8, 1, 0, 0, 0));
    SHOW(syscall(SYS_preadv2, fd, (void *)8, 2000, 0, 0, 0));
    SHOW(syscall(SYS_preadv2, fd, (void *)8, 0, 0, 0, 0));
}

static void test_copy(void)
{
    long from = 0, to = 20;
    int out = open("copy", O_CREAT | O_RDWR, 0644), app = open("copy", O_WRONLY | O_APPEND);
    SHOW(syscall(SYS_copy_file_range, fd, &from, out, NULL, 5, 0));
    SHOW(from);
    SHOW(lseek(out, 0, SEEK_CUR));
    SHOW(syscall(SYS_copy_file_range, fd, &from, out, &to, 1000, 0));
    printf("from %ld to %ld\n", from, to);
    SHOW(syscall(SYS_copy_file_range, fd, &from, out, &to, 10, 0));
    SHOW(pread(out, buf, 100, 0));
    TRUE(buf[5] == 0 && buf[20] == buf[20]);
    SHOW(syscall(SYS_copy_file_range, fd, NULL, out, NULL, 10, 1));
    SHOW(syscall(SYS_copy_file_range, fd, NULL, app, NULL, 10, 0));
    SHOW(syscall(SYS_copy_file_range, fd, NULL, ro, NULL, 10, 0));
    SHOW(syscall(SYS_copy_file_range, p[0], NULL, out, NULL, 10, 0));
    SHOW(syscall(SYS_copy_file_range, -1, NULL, out, NULL, 10, 0));
    SHOW(syscall(SYS_copy_file_range, fd, NULL, out, NULL, 0, 0));
    from = 2;
    to = 4;
    SHOW(syscall(SYS_copy_file_range, out, &from, out, &to, 10, 0)); /* they overlap */
    to = 30;
    SHOW(syscall(SYS_copy_file_range, out, &from, out, &to, 5, 0));
    from = -1;
    SHOW(syscall(SYS_copy_file_range, fd, &from, out, NULL, 10, 0));
    SHOW(syscall(SYS_copy_file_range, fd, (long *)8, out, NULL, 10, 0));
    close(out);
    close(app);
}

static void test_sync(void)
{
    SHOW(sync_file_range(fd, 0, 0, 0));
    SHOW(sync_file_range(fd, 0, 10, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    SHOW(sync_file_range(fd, 0, 10, 64));
    SHOW(sync_file_range(fd, -1, 10, 0));
    SHOW(sync_file_range(fd, 10, -1, 0));
    SHOW(sync_file_range(p[0], 0, 10, 0));
    SHOW(sync_file_range(-1, 0, 10, 0));
    SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", (void *)8, buf, 0));
    SHOW(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", buf, buf, 0x40000));
    SHOW(syscall(SYS_open_by_handle_at, -1, buf, O_RDONLY));
}

int main(void)
{
    fd = open("file", O_CREAT | O_RDWR, 0644);
    ro = open("file", O_RDONLY);
    pipe(p);
    test_flags();
    test_copy();
    test_sync();
    return 0;
}
