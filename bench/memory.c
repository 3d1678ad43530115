/* SPDX-License-Identifier: MIT */
/* Memory as programs use it: large regions touched once, small ones that come and go, malloc, a
 * mapped file. Prints `name nanoseconds` an operation; the file to map is the argument.
 * Every figure is the best of some rounds, so that the machine's own memory is warm. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096L
#define KIB 1024L
#define MIB (1L << 20)
#define ROUNDS 3
#define LARGE (256 * MIB)
#define CHURN 2000 /* operations of a round that come and go */
#define SLOTS 16 /* blocks that malloc's part keeps */

static const char *file_name;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *must(void *p)
{
    if (p == MAP_FAILED || p == NULL) {
        perror("memory");
        exit(1);
    }
    return p;
}

static char *map(long len)
{
    return must(
        mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void touch(volatile char *p, long len)
{
    for (long at = 0; at < len; at += PAGE)
        p[at] = 1;
}

/* Each returns the number of operations it has done. */

static long touch_large(void) /* an operation is a page */
{
    char *p = map(LARGE);
    touch(p, LARGE);
    munmap(p, LARGE);
    return LARGE / PAGE;
}

static long touch_break(void) /* the same by brk */
{
    long end = syscall(SYS_brk, 0);
    if (syscall(SYS_brk, end + 64 * MIB) != end + 64 * MIB)
        must(NULL);
    touch((char *)end, 64 * MIB);
    syscall(SYS_brk, end);
    return 64 * MIB / PAGE;
}

static long churn(long len, int touched)
{
    for (int i = 0; i < CHURN; i++) {
        char *p = map(len);
        if (touched)
            touch(p, len);
        munmap(p, (size_t)len);
    }
    return CHURN;
}

static long map_4k(void)
{
    return churn(PAGE, 0);
}

static long map_touch_4k(void)
{
    return churn(PAGE, 1);
}

static long map_touch_64k(void)
{
    return churn(64 * KIB, 1);
}

static long map_touch_1m(void)
{
    return churn(MIB, 1);
}

/* Blocks around malloc's threshold for mappings of its own, in no order. */
static long malloc_churn(void)
{
    static char *slot[SLOTS];
    uint32_t seed = 1;
    for (int i = 0; i < CHURN; i++) {
        seed = seed * 1664525 + 1013904223;
        char **s = &slot[seed >> 28 & (SLOTS - 1)];
        long len = (long)(seed >> 8 & 0x3ffff) + 16;
        free(*s);
        *s = must(malloc((size_t)len));
        touch(*s, len);
    }
    return CHURN;
}

static long advise_free(void) /* as allocators do with what they keep */
{
    static char *p;
    p = p != NULL ? p : map(64 * KIB);
    for (int i = 0; i < CHURN; i++) {
        touch(p, 64 * KIB);
        madvise(p, 64 * KIB, MADV_DONTNEED);
    }
    return CHURN;
}

static long protect_page(void)
{
    static char *p;
    p = p != NULL ? p : map(64 * KIB);
    touch(p, 64 * KIB);
    for (int i = 0; i < CHURN; i++)
        mprotect(p + PAGE, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
    return CHURN;
}

static long read_file(void) /* an operation is a page */
{
    struct stat st;
    int fd = open(file_name, O_RDONLY);
    fstat(fd, &st);
    volatile char *p = must(mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0));
    for (long at = 0; at < st.st_size; at += PAGE)
        (void)p[at];
    munmap((void *)p, (size_t)st.st_size);
    close(fd);
    return st.st_size / PAGE;
}

static long scatter_file(void) /* pages of it in no order */
{
    struct stat st;
    int fd = open(file_name, O_RDONLY);
    fstat(fd, &st);
    long n = st.st_size / PAGE;
    volatile char *p = must(mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0));
    for (long i = 0, at = 0; i < n; i++, at = (at + 1031) % n)
        (void)p[at * PAGE];
    munmap((void *)p, (size_t)st.st_size);
    close(fd);
    return n;
}

static const struct {
    const char *name;
    long (*run)(void);
} figures[] = {
    {"touch_256m_page", touch_large},
    {"touch_brk_page", touch_break},
    {"map_4k", map_4k},
    {"map_touch_4k", map_touch_4k},
    {"map_touch_64k", map_touch_64k},
    {"map_touch_1m", map_touch_1m},
    {"malloc_churn", malloc_churn},
    {"dontneed_64k", advise_free},
    {"mprotect_4k", protect_page},
    {"file_page", read_file},
    {"file_page_scattered", scatter_file},
};

int main(int argc, char **argv)
{
    file_name = argc > 1 ? argv[1] : argv[0];
    for (unsigned i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
        double best = 0;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t start = now_ns();
            long n = figures[i].run();
            double each = (double)(now_ns() - start) / (double)n;
            best = round == 0 || each < best ? each : best;
        }
        printf("%s %.1f\n", figures[i].name, best);
    }
    return 0;
}
