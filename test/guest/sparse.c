/* SPDX-License-Identifier: MIT */
/* Files with holes: where data is, and the modes of fallocate. Blocks of 4 KiB are assumed.
 * Source: lseek(2), fallocate(2), mmap(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096
static char buf[16 * PAGE];

/* Print where data and holes are. */
static void show_map(int fd)
{
    struct stat st;
    fstat(fd, &st);
    printf("size %ld:", (long)st.st_size);
    for (off_t at = 0; at < st.st_size;) {
        off_t data = lseek(fd, at, SEEK_DATA);
        if (data < 0)
            break;
        off_t hole = lseek(fd, data, SEEK_HOLE);
        printf(" %ld-%ld", (long)data, (long)hole);
        at = hole;
    }
    printf("\n");
}

static int all_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return 0;
    return 1;
}

static void test_seek(int fd)
{
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 0, SEEK_HOLE));
    SHOW(pwrite(fd, "abc", 3, 8 * PAGE));
    show_map(fd);
    SHOW(lseek(fd, 100, SEEK_DATA));
    SHOW(lseek(fd, 100, SEEK_HOLE));
    SHOW(lseek(fd, 8 * PAGE + 1, SEEK_DATA));
    SHOW(lseek(fd, 8 * PAGE + 1, SEEK_HOLE));
    SHOW(lseek(fd, 8 * PAGE + 3, SEEK_DATA));
    SHOW(lseek(fd, 8 * PAGE + 3, SEEK_HOLE));
    SHOW(lseek(fd, -1, SEEK_DATA));
    SHOW(lseek(fd, -1, SEEK_HOLE));
    SHOW(lseek(fd, 0, 5));
    SHOW(pwrite(fd, "x", 1, 2 * PAGE));
    SHOW(pwrite(fd, buf, PAGE, 3 * PAGE)); /* zeros, but written */
    show_map(fd);
    SHOW(ftruncate(fd, 16 * PAGE));
    show_map(fd);
    SHOW(lseek(fd, 9 * PAGE, SEEK_DATA));
    SHOW(lseek(fd, 9 * PAGE, SEEK_HOLE));
    SHOW(ftruncate(fd, PAGE));
    show_map(fd);
    SHOW(lseek(fd, 0, SEEK_DATA));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(ftruncate(fd, 0));
}

static void test_blocks(int fd)
{
    struct stat st;
    memset(buf, 'd', sizeof buf);
    ftruncate(fd, 0);
    pwrite(fd, buf, 2 * PAGE, 6 * PAGE);
    fstat(fd, &st);
    TRUE(st.st_blocks >= 16 && st.st_blocks < 64);
    ftruncate(fd, 0);
    SHOW(pwrite(fd, buf, 8 * PAGE, 0));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * PAGE, 2 * PAGE));
    show_map(fd);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * PAGE + 100, 200));
    show_map(fd);
    SHOW(pread(fd, buf, 8 * PAGE, 0));
    TRUE(all_zero(buf + 2 * PAGE, 2 * PAGE) && all_zero(buf + 4 * PAGE + 100, 200));
    TRUE(buf[2 * PAGE - 1] == 'd' && buf[4 * PAGE] == 'd' && buf[4 * PAGE + 300] == 'd');
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 7 * PAGE, 100 * PAGE));
    show_map(fd);
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE));
}

static void test_reserve(int fd)
{
    struct stat st;
    ftruncate(fd, 0);
    SHOW(fallocate(fd, 0, PAGE, 3 * PAGE));
    show_map(fd); /* set aside, but still a hole */
    fstat(fd, &st);
    TRUE(st.st_blocks >= 24);
    SHOW(pwrite(fd, "x", 1, 2 * PAGE));
    show_map(fd);
    SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8 * PAGE));
    show_map(fd);
    SHOW(pread(fd, buf, 16 * PAGE, 0));
    TRUE(buf[2 * PAGE] == 'x');
    buf[2 * PAGE] = 0;
    TRUE(all_zero(buf, 4 * PAGE));
    SHOW(fallocate(fd, 0, 0, 0));
    SHOW(fallocate(fd, 0, -1, 1));
    SHOW(fallocate(fd, 0x1000, 0, 1));
    SHOW(fallocate(-1, 0, 0, 1));
    int ro = open("sparse", O_RDONLY);
    SHOW(fallocate(ro, 0, 0, 1));
    close(ro);
    SHOW(fallocate(fd, 0, 0x7fffffffffffffff, 1));
}

static void test_mapped(int fd)
{
    ftruncate(fd, 0);
    ftruncate(fd, 4 * PAGE);
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p[PAGE + 10] = 'm';
    TRUE(lseek(fd, 0, SEEK_DATA) <= PAGE); /* pages nearby may have come, too */
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE));
    TRUE(p[PAGE + 10] == 0);
    p[PAGE + 10] = 'n';
    SHOW(pread(fd, buf, 1, PAGE + 10));
    TRUE(buf[0] == 'n');
    munmap(p, 4 * PAGE);
}

/* Modes that not every file system has; those of tmpfs. */
static void test_shm(void)
{
    char name[] = "/dev/shm/sparse-XXXXXX";
    int fd = mkstemp(name);
    memset(buf, 'd', sizeof buf);
    write(fd, buf, 4 * PAGE);
    SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE));
    SHOW(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE));
    SHOW(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE, 0, PAGE));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE));
    show_map(fd);
    unlink(name);
    close(fd);
}

static void test_zero_range(int fd)
{
    memset(buf, 'd', sizeof buf);
    ftruncate(fd, 0);
    pwrite(fd, buf, 4 * PAGE, 0);
    fsync(fd);
    SHOW(fallocate(fd, FALLOC_FL_ZERO_RANGE, PAGE, 2 * PAGE));
    show_map(fd);
    SHOW(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 3 * PAGE, 9 * PAGE));
    show_map(fd);
    SHOW(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * PAGE, 9 * PAGE));
    show_map(fd);
    SHOW(pread(fd, buf, 16 * PAGE, 0));
    TRUE(buf[PAGE - 1] == 'd' && all_zero(buf + PAGE, 11 * PAGE));
}

int main(void)
{
    int fd = open("sparse", O_CREAT | O_RDWR, 0644), p[2];
    test_seek(fd);
    test_blocks(fd);
    test_reserve(fd);
    test_mapped(fd);
    test_zero_range(fd);
    test_shm();
    pipe(p);
    SHOW(lseek(p[0], 0, SEEK_DATA));
    SHOW(fallocate(p[1], 0, 0, 1));
    int dir = open(".", O_RDONLY);
    SHOW(fallocate(dir, 0, 0, 1));
    /* a file of the image: dense */
    int image = open("/proc/self/exe", O_RDONLY);
    SHOW(lseek(image, 0, SEEK_DATA));
    TRUE(lseek(image, 0, SEEK_HOLE) == lseek(image, 0, SEEK_END));
    TRUE(lseek(image, lseek(image, 0, SEEK_END), SEEK_DATA) == -1);
    return 0;
}
