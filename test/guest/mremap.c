/* SPDX-License-Identifier: MIT */
/* mremap(2): in place, moving, to a given place, leaving the old one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define MIB (1L << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static sigjmp_buf jump;

static void on_fault(int sig)
{
    siglongjmp(jump, sig);
}

/* The signal that reading p raises, 0 for none. */
static int touch(volatile char *p)
{
    int sig = sigsetjmp(jump, 1);
    if (!sig)
        (void)*p;
    return sig;
}

static char *area(long npages)
{
    char *p = mmap(NULL, npages * PAGE, RW, ANON, -1, 0);
    for (long i = 0; i < npages; i++)
        p[i * PAGE] = (char)(i + 1);
    return p;
}

static long remap(void *old, long old_len, long new_len, int flags, void *at)
{
    return syscall(SYS_mremap, old, old_len, new_len, flags, at);
}

static int is_area(const char *p, long npages)
{
    for (long i = 0; i < npages; i++)
        if (p[i * PAGE] != (char)(i + 1))
            return 0;
    return 1;
}

static void test_errors(void)
{
    char *p = area(8);
    SHOW(remap(p + 1, PAGE, PAGE, 0, NULL));
    SHOW(remap(p, PAGE, 0, 0, NULL));
    SHOW(remap(p, PAGE, PAGE, 8, NULL));
    SHOW(remap(p, PAGE, PAGE, MREMAP_FIXED, NULL));
    SHOW(remap(p, PAGE, PAGE, MREMAP_DONTUNMAP, NULL));
    SHOW(remap(p, PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, NULL));
    SHOW(remap(p, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, p + PAGE));
    SHOW(remap(p, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, p + 1));
    SHOW(remap(p, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, (void *)(1L << 47)));
    SHOW(remap(p, 0, PAGE, MREMAP_MAYMOVE, NULL));
    SHOW(remap((void *)(32 * PAGE), PAGE, PAGE, 0, NULL));
    munmap(p + 4 * PAGE, PAGE);
    SHOW(remap(p, 6 * PAGE, 7 * PAGE, MREMAP_MAYMOVE, NULL));
    SHOW(remap(p, PAGE, 1L << 47, MREMAP_MAYMOVE, NULL));
    munmap(p, 8 * PAGE);
}

static void test_in_place(void)
{
    char *p = area(16);
    SHOW(remap(p, 16 * PAGE, 12 * PAGE, 0, NULL) - (long)p);
    SHOW(touch(p + 12 * PAGE));
    SHOW(remap(p, 12 * PAGE, 16 * PAGE, 0, NULL) - (long)p);
    SHOW(p[12 * PAGE]);
    TRUE(is_area(p, 12));
    SHOW(remap(p, 4 * PAGE, 5 * PAGE, 0, NULL)); /* the middle of a region cannot grow */
    SHOW(remap(p + 8 * PAGE, 2 * PAGE, 2 * PAGE, 0, NULL) - (long)p);
    munmap(p, 16 * PAGE);
}

static void test_move(void)
{
    char *p = area(8);
    char *q = (char *)remap(p, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, NULL);
    TRUE(q < p || q >= p + 8 * PAGE);
    TRUE(is_area(q, 4) && q[4 * PAGE] == 0 && q[5 * PAGE] == 0);
    SHOW(touch(p));
    SHOW(touch(p + 3 * PAGE));
    SHOW(p[4 * PAGE]);
    munmap(p, 8 * PAGE);
    char *target = area(16);
    SHOW(remap(q, 6 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) - (long)target);
    SHOW(target[0]);
    TRUE(is_area(target + PAGE, 3));
    SHOW(target[4 * PAGE]);
    SHOW(touch(q));
    SHOW(touch(q + 4 * PAGE));
    munmap(target, 16 * PAGE);
}

static void test_dont_unmap(void)
{
    char *p = area(4);
    char *q = (char *)remap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
    TRUE(q != p && is_area(q, 4));
    SHOW(p[0]); /* still mapped, empty */
    p[0] = 77;
    SHOW(q[0]);
    munmap(p, 4 * PAGE), munmap(q, 4 * PAGE);
}

static void test_rights(void)
{
    char *p = area(6);
    mprotect(p, 6 * PAGE, PROT_READ);
    char *q = (char *)remap(p, 6 * PAGE, 64 * PAGE, MREMAP_MAYMOVE, NULL);
    TRUE(is_area(q, 6));
    SHOW(syscall(SYS_getrandom, q, 1, 0));
    mprotect(q, 64 * PAGE, RW);
    SHOW(syscall(SYS_getrandom, q, 1, 0));
    munmap(q, 64 * PAGE);
    p = area(6);
    mprotect(p, 6 * PAGE, PROT_NONE);
    q = (char *)remap(p, 6 * PAGE, 64 * PAGE, MREMAP_MAYMOVE, NULL);
    SHOW(touch(q));
    mprotect(q, 64 * PAGE, RW);
    TRUE(is_area(q, 6));
    munmap(q, 64 * PAGE);
}

static void test_file(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 8; i++)
        if (pwrite(fd, &(char){(char)('a' + i)}, 1, i * PAGE) != 1)
            perror("pwrite");
    SHOW(ftruncate(fd, 8 * PAGE));
    char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 2 * PAGE);
    SHOW(p[0]);
    char *q = (char *)remap(p, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE, NULL);
    SHOW(q[0]);
    SHOW(q[5 * PAGE]);
    char *twin = (char *)remap(q, 0, 3 * PAGE, MREMAP_MAYMOVE, NULL);
    q[PAGE] = 'Q';
    SHOW(twin[PAGE]);
    char *part = (char *)remap(q + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL);
    SHOW(part[0]);
    SHOW(part[PAGE]);
    SHOW(touch(q + 2 * PAGE));
    char *beyond = (char *)remap(twin, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL);
    SHOW(beyond[5 * PAGE]);
    SHOW(touch(beyond + 6 * PAGE));
    char byte;
    SHOW(pread(fd, &byte, 1, 3 * PAGE));
    SHOW(byte);
    close(fd);
}

/* A buffer that grows as realloc grows it: what was written stays. */
static void test_large(void)
{
    long len = 3 * MIB;
    char *p = mmap(NULL, len, RW, ANON, -1, 0);
    for (long i = 0; i < len; i += PAGE)
        *(long *)(p + i) = i;
    while (len < 48 * MIB) {
        char *wall = mmap(p + len, PAGE, PROT_NONE, ANON, -1, 0); /* so that it has to move */
        p = (char *)remap(p, len, len * 2, MREMAP_MAYMOVE, NULL);
        for (long i = len; i < len * 2; i += PAGE)
            *(long *)(p + i) = i;
        len *= 2;
        munmap(wall, PAGE);
    }
    long wrong = 0;
    for (long i = 0; i < len; i += PAGE)
        wrong += *(long *)(p + i) != i;
    SHOW(wrong);
    SHOW(remap(p, len, 5 * MIB, 0, NULL) - (long)p);
    char *odd = mmap(NULL, 8 * MIB, PROT_NONE, ANON, -1, 0);
    p = (char *)remap(p, 5 * MIB, 5 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED, odd + 3 * PAGE);
    for (long i = 0; i < 5 * MIB; i += PAGE)
        wrong += *(long *)(p + i) != i;
    SHOW(wrong);
    munmap(odd, 8 * MIB);
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
    test_errors();
    test_in_place();
    test_move();
    test_dont_unmap();
    test_rights();
    test_file();
    test_large();
    return 0;
}
