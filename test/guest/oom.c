/* SPDX-License-Identifier: MIT */
// host: no
// memory: 32M
// kinds: musl-static
// stdout: ignore
/* A machine that is full: mappings that can never be backed are refused, memory that is only
 * promised ends the program with a clear line when there is no more, and nothing hangs. How depends
 * on the section of oom.ini: what to fill the machine with. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096L
#define MIB (1L << 20)

static void fill_memory(void)
{
    long len = 256 * MIB;
    char *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 0; p != MAP_FAILED && i < len; i += PAGE)
        p[i] = 1;
}

/* The page is missed by a call, which must not just fail. */
static void fill_by_call(void)
{
    long len = 256 * MIB;
    char *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    for (long i = 0; p != MAP_FAILED && i < len; i += PAGE)
        if (syscall(SYS_getrandom, p + i, 1, 0) != 1)
            _exit(3);
}

static __attribute__((noinline)) long recurse(long depth)
{
    volatile char frame[PAGE];
    frame[0] = 1;
    return depth == 0 ? 0 : recurse(depth - 1) + frame[0];
}

/* What can be refused is: status 0 when every refusal is an error code and memory is usable
 * after. */
static int refuse(void)
{
    char *p = mmap(NULL, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED || errno != ENOMEM)
        return 4;
    if (malloc(1L << 40))
        return 5;
    int fd = open("/tmp/fill", O_RDWR | O_CREAT, 0600);
    struct stat st;
    if (fallocate(fd, 0, 0, 1L << 30) != -1 || errno != ENOSPC)
        return 12;
    if (fstat(fd, &st) || st.st_size || st.st_blocks)
        return 13;
    static char block[64 * PAGE];
    long written = 0, n;
    while ((n = write(fd, block, sizeof block)) > 0)
        written += n;
    if (n != -1 || errno != ENOSPC || written < 4 * MIB)
        return 6;
    if (unlink("/tmp/fill") || close(fd))
        return 7;
    p = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
             0);
    if (p == MAP_FAILED)
        return 8;
    memset(p, 1, 4 * MIB);
    char *q = mmap(NULL, 128 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (madvise(q, 128 * MIB, 23 /* MADV_POPULATE_WRITE */) != -1 || errno != ENOMEM)
        return 9;
    if (mlock(q, 128 * MIB) != -1 || errno != ENOMEM)
        return 10;
    return munmap(q, 128 * MIB) || munmap(p, 4 * MIB) ? 11 : 0;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    if (!strcmp(how, "memory"))
        fill_memory();
    else if (!strcmp(how, "call"))
        fill_by_call();
    else if (!strcmp(how, "stack"))
        return (int)recurse(1L << 20);
    else if (!strcmp(how, "refuse"))
        return refuse();
    return 2;
}
