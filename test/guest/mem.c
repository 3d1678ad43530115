/* SPDX-License-Identifier: MIT */
/* Mappings of one program: places, rights, sharing with files, limits, advice, the break.
 * Source: mmap(2) and the manual page of each call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define MIB (1L << 20)
#define NONE ((char *)-1)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(long len, int prot, int flags)
{
    return mmap(NULL, len, prot, flags, -1, 0);
}

/* Where p lies relative to base: deterministic where addresses are not. */
static long relative(void *p, char *base)
{
    return p == MAP_FAILED ? -1 : (char *)p - base;
}

static int all_are(const char *p, long len, char value)
{
    for (long i = 0; i < len; i++)
        if (p[i] != value)
            return 0;
    return 1;
}

static int file_of(const char *name, long len, char value)
{
    char page[PAGE];
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(page, value, PAGE);
    for (long at = 0; at < len; at += PAGE)
        if (write(fd, page, len - at < PAGE ? len - at : PAGE) < 0)
            perror("write");
    return fd;
}

static void test_errors(void)
{
    int fd = file_of("errors", PAGE, 'e');
    int reader = open("errors", O_RDONLY), writer = open("errors", O_WRONLY),
        dir = open(".", O_RDONLY);
    SHOW(mmap(NULL, 0, RW, ANON, -1, 0));
    SHOW(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    SHOW(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0));
    SHOW(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0));
    SHOW(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 5));
    SHOW(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 5));
    SHOW(mmap((void *)5, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    SHOW(mmap((void *)(1L << 47), PAGE, RW, ANON | MAP_FIXED, -1, 0));
    SHOW(mmap(NULL, 1L << 47, RW, ANON, -1, 0));
    SHOW(mmap(NULL, -PAGE, RW, ANON, -1, 0));
    SHOW(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0));
    SHOW(mmap(NULL, PAGE, RW, MAP_SHARED, reader, 0));
    SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0));
    SHOW(mmap(NULL, PAGE, PROT_READ, 0x3 | 0x80000, fd, 0));
    SHOW_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, reader, 0) == MAP_FAILED ? -1 : 0);
    SHOW(munmap((void *)5, PAGE));
    SHOW(munmap((void *)PAGE, 0));
    SHOW(munmap((void *)(1L << 47), PAGE));
    SHOW(munmap((void *)(16 * PAGE), PAGE));
    SHOW(syscall(SYS_mprotect, 5, PAGE, PROT_READ));
    SHOW(mprotect((void *)(16 * PAGE), PAGE, PROT_READ));
    SHOW(mprotect((void *)(16 * PAGE), 0, PROT_READ));
    SHOW(mprotect((void *)(16 * PAGE), PAGE, 0x100));
    char *shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
    SHOW(mprotect(shared, PAGE, RW));
    SHOW(mprotect(shared, PAGE, PROT_NONE));
    munmap(shared, PAGE);
    close(fd), close(reader), close(writer), close(dir);
}

static void test_places(void)
{
    char *base = map(16 * PAGE, PROT_NONE, ANON);
    TRUE(((uintptr_t)base & (PAGE - 1)) == 0);
    SHOW(relative(mmap(base + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), base));
    SHOW(relative(mmap(base + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), base));
    SHOW(munmap(base + 4 * PAGE, 2 * PAGE));
    SHOW(relative(mmap(base + 4 * PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), base));
    SHOW(munmap(base + 4 * PAGE, 2 * PAGE));
    SHOW(relative(mmap(base + 4 * PAGE, PAGE + 1, RW, ANON, -1, 0), base)); /* a hint that fits */
    TRUE(mmap(base + 4 * PAGE, PAGE, RW, ANON, -1, 0) != base + 4 * PAGE);
    SHOW(munmap(base, 16 * PAGE));
    SHOW(munmap(base, 16 * PAGE));
    char *again = map(16 * PAGE, RW, ANON | MAP_NORESERVE);
    TRUE(all_are(again, 16 * PAGE, 0));
    memset(again, 7, 16 * PAGE);
    SHOW(relative(mmap(again + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0), again));
    TRUE(all_are(again + PAGE, PAGE, 7) && all_are(again + 2 * PAGE, PAGE, 0) &&
         all_are(again + 3 * PAGE, PAGE, 7));
    munmap(again, 16 * PAGE);
}

static void test_shared_file(void)
{
    char byte = 0;
    int fd = file_of("shared", 3 * PAGE + 100, 'a');
    char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    char *q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    SHOW(p[3 * PAGE + 99]);
    SHOW(p[3 * PAGE + 100]); /* behind the end, in its page: zero */
    p[PAGE] = 'b';
    SHOW(q[0]);
    SHOW(pread(fd, &byte, 1, PAGE));
    SHOW(byte);
    SHOW(pwrite(fd, "c", 1, PAGE + 1));
    SHOW(p[PAGE + 1]);
    SHOW(q[1]);
    SHOW(msync(p, 4 * PAGE, MS_SYNC));
    SHOW(msync(p, 4 * PAGE, MS_ASYNC | MS_INVALIDATE));
    SHOW(msync(p, 4 * PAGE, MS_SYNC | MS_ASYNC));
    SHOW(msync(p, 4 * PAGE, 0x10));
    SHOW(msync(p + 1, PAGE, MS_SYNC));
    close(fd);
    p[5] = 'd'; /* the mapping outlives the descriptor */
    fd = open("shared", O_RDONLY);
    SHOW(pread(fd, &byte, 1, 5));
    SHOW(byte);
    munmap(p, 4 * PAGE);
    SHOW(q[0]);
    SHOW(msync(p, PAGE, MS_ASYNC));
    munmap(q, 2 * PAGE);
    close(fd);
}

static void test_private_file(void)
{
    char byte = 0;
    int fd = file_of("private", 3 * PAGE, 'a');
    char *p = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
    char *q = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
    p[10] = 'b';
    SHOW(q[10]);
    SHOW(pread(fd, &byte, 1, 10));
    SHOW(byte);
    SHOW(p[11]);
    q[PAGE] = 'q';
    SHOW(p[PAGE]);
    SHOW(mprotect(p + 2 * PAGE, PAGE, PROT_READ));
    SHOW(p[2 * PAGE]);
    SHOW(mprotect(p + 2 * PAGE, PAGE, RW));
    p[2 * PAGE] = 'c';
    SHOW(q[2 * PAGE]);
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(p[10]); /* the file's again */
    munmap(p, 3 * PAGE), munmap(q, 3 * PAGE);
    close(fd);
}

/* A file of the image as Linux sees it: read-only mappings follow later writes too. */
static void test_follows(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    char *image = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(image[1]);
    munmap(image, PAGE);
    close(fd);
    fd = file_of("follows", 2 * PAGE, 'a');
    char *p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    SHOW(p[PAGE]);
    SHOW(pwrite(fd, "b", 1, PAGE));
    SHOW(p[PAGE]);
    SHOW(ftruncate(fd, PAGE));
    SHOW(ftruncate(fd, 4 * PAGE));
    SHOW(p[PAGE]);
    SHOW(p[3 * PAGE]);
    SHOW(pwrite(fd, "c", 1, 3 * PAGE));
    SHOW(p[3 * PAGE]);
    munmap(p, 4 * PAGE);
    close(fd);
}

static void test_input_file(void)
{
    int fd = open("input", O_RDWR);
    char *shared = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    char *view = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
    char *private = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
    private[1] = 'p';
    SHOW(view[0]);
    SHOW(view[PAGE]);
    SHOW(pwrite(fd, "W", 1, 0));
    SHOW(view[0]);
    SHOW(private[0]);
    shared[PAGE] = 'S';
    SHOW(view[PAGE]);
    SHOW(private[PAGE]);
    char byte = 0;
    SHOW(pread(fd, &byte, 1, PAGE));
    SHOW(byte);
    munmap(shared, 2 * PAGE), munmap(view, 2 * PAGE), munmap(private, 2 * PAGE);
    close(fd);
}

static void test_shared_anonymous(void)
{
    char *p = map(4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
    TRUE(all_are(p, 4 * PAGE, 0));
    memset(p, 3, 4 * PAGE);
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(p[0]); /* the object kept it */
    SHOW(madvise(p, PAGE, MADV_FREE));
    munmap(p, 4 * PAGE);
}

static void test_memfd(void)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[249] = 0;
    SHOW_ERR(close(syscall(SYS_memfd_create, name, 0)));
    name[249] = 'n', name[299] = 0;
    SHOW(syscall(SYS_memfd_create, name, 0));
    SHOW(syscall(SYS_memfd_create, "x", 0x1000));
    SHOW(syscall(SYS_memfd_create, (void *)8, 0));
    int fd = syscall(SYS_memfd_create, "test", 1);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(ftruncate(fd, 2 * PAGE));
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    char *q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    p[PAGE] = 'm';
    SHOW(q[PAGE]);
    q[PAGE] = 'n';
    SHOW(p[PAGE]);
    SHOW(write(fd, "hello", 5));
    SHOW(p[4]);
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(madvise(p + PAGE, PAGE, MADV_REMOVE));
    SHOW(q[PAGE]);
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(p[4]);
    munmap(p, 2 * PAGE), munmap(q, 2 * PAGE);
    close(fd);
}

static void test_advice(void)
{
    char *p = map(8 * PAGE, RW, ANON);
    memset(p, 9, 8 * PAGE);
    SHOW(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED));
    TRUE(all_are(p, 2 * PAGE, 9) && all_are(p + 2 * PAGE, 2 * PAGE, 0) &&
         all_are(p + 4 * PAGE, 4 * PAGE, 9));
    SHOW(madvise(p, 8 * PAGE, MADV_WILLNEED));
    SHOW(madvise(p, 8 * PAGE, MADV_SEQUENTIAL));
    SHOW(madvise(p, 8 * PAGE, MADV_HUGEPAGE));
    SHOW(madvise(p, 8 * PAGE, MADV_NOHUGEPAGE));
    SHOW(madvise(p, 8 * PAGE, MADV_DONTFORK));
    SHOW(madvise(p, 8 * PAGE, MADV_DODUMP));
    SHOW(madvise(p, 8 * PAGE, MADV_COLD));
    SHOW(madvise(p, 8 * PAGE, MADV_REMOVE));
    SHOW(madvise(p, 8 * PAGE, 1000));
    SHOW(madvise(p + 1, PAGE, MADV_NORMAL));
    SHOW(madvise(p, -1, MADV_NORMAL));
    SHOW(madvise(p, 0, MADV_NORMAL));
    TRUE(all_are(p + 4 * PAGE, 4 * PAGE, 9));
    SHOW(madvise(p, PAGE, MADV_FREE));
    p[0] = 5;
    SHOW(p[0]);
    munmap(p + 3 * PAGE, PAGE);
    SHOW(madvise(p, 8 * PAGE, MADV_DONTNEED)); /* a hole: the rest is done */
    TRUE(all_are(p + 4 * PAGE, 4 * PAGE, 0));
    SHOW(madvise(p + 4 * PAGE, 2 * PAGE, 23 /* MADV_POPULATE_WRITE */));
    SHOW(madvise(p, 8 * PAGE, 22 /* MADV_POPULATE_READ */));
    mprotect(p + 4 * PAGE, PAGE, PROT_READ);
    SHOW(madvise(p + 4 * PAGE, PAGE, 23));
    munmap(p, 8 * PAGE);
}

static void test_incore(void)
{
    unsigned char vec[8];
    char *p = map(64 * PAGE, RW, ANON | MAP_POPULATE);
    SHOW(mincore(p, 4 * PAGE, vec));
    SHOW(vec[0] + vec[1] + vec[2] + vec[3]);
    SHOW(mincore(p + 1, PAGE, vec));
    SHOW(mincore(p, PAGE, (void *)8));
    munmap(p + PAGE, PAGE);
    SHOW(mincore(p, 3 * PAGE, vec));
    munmap(p, 64 * PAGE);
    p = map(4 * PAGE, PROT_NONE, ANON);
    SHOW(mincore(p, 4 * PAGE, vec));
    SHOW(vec[0] + vec[3]);
    munmap(p, 4 * PAGE);
}

static void test_lock(void)
{
    unsigned char vec[4];
    char *p = map(4 * PAGE, RW, ANON);
    SHOW(mlock(p, 4 * PAGE));
    SHOW(mincore(p, 4 * PAGE, vec));
    SHOW((vec[0] & 1) + (vec[3] & 1));
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(msync(p, PAGE, MS_INVALIDATE));
    SHOW(munlock(p, 4 * PAGE));
    SHOW(madvise(p, PAGE, MADV_DONTNEED));
    SHOW(syscall(SYS_mlock2, p, PAGE, 1));
    SHOW(syscall(SYS_mlock2, p, PAGE, 2));
    SHOW(munlock(p + 1, PAGE));
    munmap(p + 2 * PAGE, PAGE);
    SHOW(mlock(p, 4 * PAGE));
    SHOW(munlock(p, 4 * PAGE));
    SHOW(mprotect(p, PAGE, PROT_NONE));
    SHOW(mlock(p, PAGE));
    SHOW(munlock(p, PAGE));
    SHOW(mlock(p, -1));
    SHOW(mlockall(0));
    SHOW(mlockall(0x10));
    SHOW(mlockall(4));
    SHOW(munlockall());
    munmap(p, 4 * PAGE);
    p = map(4 * PAGE, RW, ANON | MAP_LOCKED);
    SHOW(mincore(p, 4 * PAGE, vec));
    SHOW((vec[0] & 1) + (vec[3] & 1));
    munmap(p, 4 * PAGE);
}

static void test_brk(void)
{
    char *start = (char *)syscall(SYS_brk, 0);
    TRUE((char *)syscall(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE);
    TRUE(all_are(start, 3 * PAGE, 0));
    memset(start, 4, 3 * PAGE);
    TRUE((char *)syscall(SYS_brk, start + PAGE) == start + PAGE);
    TRUE((char *)syscall(SYS_brk, start + 2 * PAGE) == start + 2 * PAGE);
    TRUE(start[0] == 4 && start[PAGE] == 0);
    TRUE((char *)syscall(SYS_brk, 0) == start + 2 * PAGE);
    TRUE((char *)syscall(SYS_brk, 1L << 47) == start + 2 * PAGE);
    struct rlimit limit, tight = {0, RLIM_INFINITY};
    getrlimit(RLIMIT_DATA, &limit);
    setrlimit(RLIMIT_DATA, &tight);
    TRUE((char *)syscall(SYS_brk, start + 64 * PAGE) == start + 2 * PAGE);
    SHOW_ERR(munmap(map(MIB, RW, ANON), MIB)); /* a limit of 0 is for the break only */
    tight.rlim_cur = PAGE;
    setrlimit(RLIMIT_DATA, &tight);
    TRUE((char *)syscall(SYS_brk, start + 64 * PAGE) == start + 2 * PAGE);
    SHOW(mmap(NULL, MIB, RW, ANON, -1, 0));
    SHOW_ERR(munmap(map(MIB, PROT_READ, ANON), MIB));
    setrlimit(RLIMIT_DATA, &limit);
    TRUE((char *)syscall(SYS_brk, start) == start);
}

static void test_limits(void)
{
    struct rlimit limit, tight = {1, RLIM_INFINITY};
    char *p = map(4 * MIB, RW, ANON);
    getrlimit(RLIMIT_AS, &limit);
    setrlimit(RLIMIT_AS, &tight);
    SHOW(mmap(NULL, PAGE, RW, ANON, -1, 0));
    SHOW(relative(mmap(p, MIB, PROT_READ, ANON | MAP_FIXED, -1, 0), p)); /* adds nothing */
    setrlimit(RLIMIT_AS, &limit);
    munmap(p, 4 * MIB);
    SHOW_ERR(munmap(map(1L << 40, RW, ANON | MAP_NORESERVE), 1L << 40));
    SHOW_ERR(munmap(map(1L << 40, PROT_NONE, ANON), 1L << 40));
    SHOW(mmap(NULL, 1L << 46, RW, ANON, -1, 0));
}

/* Large regions: 2 MiB pages come and are split. */
static void test_large(void)
{
    long len = 8 * MIB;
    char *p = map(len, RW, ANON);
    for (long i = 0; i < len; i += PAGE)
        p[i] = (char)(i / PAGE * 7);
    SHOW(munmap(p + 3 * MIB + PAGE, PAGE));
    SHOW(mprotect(p + 5 * MIB, PAGE, PROT_READ));
    SHOW(madvise(p + 6 * MIB + 5 * PAGE, 3 * PAGE, MADV_DONTNEED));
    long wrong = 0;
    for (long i = 0; i < len; i += PAGE) {
        if (i == 3 * MIB + PAGE)
            continue;
        int gone = i >= 6 * MIB + 5 * PAGE && i < 6 * MIB + 8 * PAGE;
        wrong += p[i] != (gone ? 0 : (char)(i / PAGE * 7));
    }
    SHOW(wrong);
    SHOW(mprotect(p + 5 * MIB, PAGE, RW));
    p[5 * MIB] = 1;
    munmap(p, len);
    p = map(len, RW, ANON);
    TRUE(all_are(p, len, 0));
    munmap(p, len);
}

int main(void)
{
    test_errors();
    test_places();
    test_shared_file();
    test_private_file();
    test_follows();
    test_input_file();
    test_shared_anonymous();
    test_memfd();
    test_advice();
    test_incore();
    test_lock();
    test_brk();
    test_limits();
    test_large();
    return 0;
}
