/* SPDX-License-Identifier: MIT */
/* Mappings that come and go in the same places: what is new is zero, what is gone faults at once,
 * whatever was mapped, batched or brought ahead. Several threads at once in regions of their own.
 * Source: mmap(2), munmap(2), madvise(2) MADV_DONTNEED, brk(2), mprotect(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define KIB 1024L
#define MIB (1L << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define ROUNDS 24
#define THREADS 4
#define FILE_PAGES 40

static __thread sigjmp_buf jump;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    siglongjmp(jump, sig == SIGSEGV && info->si_code == SEGV_MAPERR ? 1 : 2);
}

static void catch_faults(void)
{
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    sigaction(SIGBUS, &a, NULL);
}

/* 0: readable, 1: SIGSEGV for want of a mapping, 2: another fault */
static int probe(const volatile char *p)
{
    int how = sigsetjmp(jump, 1);
    if (how == 0)
        (void)*p;
    return how;
}

static int probe_write(volatile char *p)
{
    int how = sigsetjmp(jump, 1);
    if (how == 0)
        *p = 1;
    return how;
}

static char *map(void *where, long len)
{
    return mmap(where, len, RW, ANON | (where ? MAP_FIXED : 0), -1, 0);
}

static long nonzero(const char *p, long len)
{
    long n = 0;
    for (long i = 0; i < len; i += 8)
        n += *(const uint64_t *)(p + i) != 0;
    return n;
}

/* Of some pages in [p, p + len), also the first and the last: how many can still be read. */
static long readable(const char *p, long len)
{
    long pages = len / PAGE, n = 0;
    long step = pages > 8 ? pages / 8 : 1;
    for (long i = 0; i < pages; i += step)
        n += probe(p + i * PAGE) != 1;
    return n + (probe(p + len - PAGE) != 1);
}

static const long sizes[] = {PAGE,      2 * PAGE, 5 * PAGE, 64 * KIB, 64 * KIB + PAGE,
                             132 * KIB, MIB,      2 * MIB,  5 * MIB};

static void test_zero_again(void)
{
    for (unsigned s = 0; s < sizeof(sizes) / sizeof(*sizes); s++) {
        long dirty = 0, left = 0, len = sizes[s];
        for (int round = 0; round < ROUNDS && dirty + left == 0; round++) {
            char *p = map(NULL, len);
            dirty += nonzero(p, round % 2 ? len : PAGE);
            if (round % 3 != 0) /* also those that nobody has touched */
                memset(p, round + 1, len);
            munmap(p, len);
            left += readable(p, len);
        }
        printf("%ld KiB: %ld words were not zero, %ld pages stayed\n", len / KIB, dirty, left);
    }
}

/* The same place again and again, with parts taken away in between. */
static void test_parts(void)
{
    long len = 6 * MIB, dirty = 0, left = 0;
    char *p = map(NULL, len);
    for (int round = 0; round < 12; round++) {
        memset(p, 0x5a, len);
        long at = (round * 37 % 1500) * PAGE, n = (1 + round * 11 % 29) * PAGE;
        munmap(p + at, n);
        left += readable(p + at, n);
        map(p + at, n);
        dirty += nonzero(p + at, n);
        madvise(p + MIB, n, MADV_DONTNEED);
        dirty += nonzero(p + MIB, n);
        munmap(p, len);
        left += readable(p, len);
        map(p, len);
        dirty += nonzero(p + 2 * MIB, 2 * MIB);
    }
    printf("parts: %ld words were not zero, %ld pages stayed\n", dirty, left);
    munmap(p, len);
}

/* Small pages first, then the whole range as one: filled, read back, filled again. */
static void test_small_then_large(void)
{
    long len = 8 * MIB, wrong = 0;
    char *p = map(NULL, len);
    for (int round = 0; round < 3; round++) {
        for (long at = 0; at < len; at += 64 * KIB) { /* every piece is a region of its own */
            munmap(p + at, 64 * KIB);
            mmap(p + at, 64 * KIB, at / (64 * KIB) % 2 ? PROT_READ : RW, ANON | MAP_FIXED, -1, 0);
            wrong += p[at] != 0;
        }
        munmap(p, len);
        wrong += readable(p, len);
        map(p, len);
        for (long at = 0; at < len; at += PAGE) {
            wrong += p[at] != 0;
            p[at] = (char)(at / PAGE + round);
        }
        for (long at = 0; at < len; at += PAGE)
            wrong += p[at] != (char)(at / PAGE + round);
    }
    printf("small, then large: %ld wrong\n", wrong);
    munmap(p, len);
}

/* Rights that come and go on pages that are there. */
static void test_rights(void)
{
    long wrong = 0;
    char *p = map(NULL, 64 * PAGE);
    for (long i = 0; i < 64; i++)
        p[i * PAGE] = (char)i;
    for (int round = 0; round < ROUNDS; round++) {
        long at = round * 7 % 50, n = 1 + round % 13;
        mprotect(p + at * PAGE, n * PAGE, PROT_READ);
        wrong += probe_write(p + at * PAGE) != 2 || probe_write(p + (at + n - 1) * PAGE) != 2;
        mprotect(p + at * PAGE, n * PAGE, PROT_NONE);
        wrong += probe(p + at * PAGE) != 2;
        mprotect(p + at * PAGE, n * PAGE, RW);
        for (long i = at; i < at + n; i++)
            wrong += p[i * PAGE] != (char)i;
    }
    printf("rights: %ld wrong\n", wrong);
    munmap(p, 64 * PAGE);
}

static void test_break(void)
{
    char *start = (char *)syscall(SYS_brk, 0);
    char *base = (char *)(((long)start + PAGE - 1) & -PAGE);
    long dirty = 0, left = 0;
    for (int round = 0; round < 10; round++) {
        long len = (1 + round * 17) * PAGE;
        syscall(SYS_brk, base + len);
        dirty += nonzero(base, len);
        memset(base, 7, len);
        syscall(SYS_brk, base);
        left += readable(base, len);
    }
    syscall(SYS_brk, start);
    printf("break: %ld words were not zero, %ld pages stayed\n", dirty, left);
}

/* A private mapping of a file: what is written is the program's, what is not is the file's, and
 * the file keeps its own. */
static void test_file(void)
{
    char page[PAGE];
    long wrong = 0;
    int fd = open("pages", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < FILE_PAGES; i++) {
        memset(page, i + 1, PAGE);
        wrong += write(fd, page, PAGE) != PAGE;
    }
    close(fd);
    fd = open("pages", O_RDONLY);
    for (int round = 0; round < FILE_PAGES; round++) {
        long shift = round % 5; /* the mapping ends behind the file's last page */
        char *p = mmap(NULL, (FILE_PAGES + 2 - shift) * PAGE, RW, MAP_PRIVATE, fd, shift * PAGE);
        long n = FILE_PAGES - shift, at = round % n;
        if (round % 2)
            wrong += p[(at + 3) % n * PAGE] != (char)((at + 3) % n + shift + 1);
        p[at * PAGE] = 99;
        for (long i = 0; i < n; i++)
            wrong += p[i * PAGE] != (i == at ? 99 : (char)(i + shift + 1)) ||
                     p[i * PAGE + 1] != (char)(i + shift + 1);
        wrong += probe(p + n * PAGE) != 2;
        munmap(p, (FILE_PAGES + 2 - shift) * PAGE);
        wrong += readable(p, n * PAGE);
    }
    for (int i = 0; i < FILE_PAGES; i++)
        wrong += pread(fd, page, PAGE, i * PAGE) != PAGE || page[0] != i + 1;
    close(fd);
    printf("file: %ld wrong\n", wrong);
}

static void *thread_main(void *shared)
{
    long wrong = 0;
    for (int round = 0; round < 60; round++) {
        long len = (1 + round * 13 % 90) * PAGE;
        char *p = map(NULL, len);
        wrong += nonzero(p, len);
        memset(p, round + 1, len);
        wrong += p[len - 1] != (char)(round + 1);
        if (round % 4 == 0) {
            madvise(p, len, MADV_DONTNEED);
            wrong += nonzero(p, len);
        }
        munmap(p, len);
    }
    for (long at = 0; at < 4 * MIB; at += PAGE) /* all touch the same pages */
        __atomic_fetch_add((long *)((char *)shared + at), 1, __ATOMIC_RELAXED);
    return (void *)wrong;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    long wrong = 0;
    char *shared = map(NULL, 4 * MIB);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread_main, shared);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong += (long)result;
    }
    for (long at = 0; at < 4 * MIB; at += PAGE)
        wrong += *(long *)(shared + at) != THREADS;
    printf("threads: %ld wrong\n", wrong);
    munmap(shared, 4 * MIB);
}

int main(void)
{
    catch_faults();
    test_zero_again();
    test_parts();
    test_small_then_large();
    test_rights();
    test_break();
    test_file();
    test_threads();
    return 0;
}
