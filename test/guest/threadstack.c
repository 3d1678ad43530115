/* SPDX-License-Identifier: MIT */
// cpus: 1 2 4:kvm
/* Stacks that threads have left: what is mapped at their place afterwards is empty, has the rights
 * it was mapped with, and a dead stack is no memory for any system call. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "show.h"
#include "slurp.h"

#define PAGE 4096UL
#define GUARD (2 * PAGE)
#define LEN (36 * PAGE)
#define USED (3 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define THREAD                                                                          \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
     CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID)

static atomic_int tid;

static int dirty_stack(void *arg)
{
    volatile char used[USED];
    for (unsigned i = 0; i < USED; i++)
        used[i] = 'x';
    (void)arg;
    syscall(SYS_exit, 0);
    return used[0];
}

static void die(const char *why)
{
    perror(why);
    exit(1);
}

static char *reserve(void)
{
    char *at = mmap(NULL, LEN, PROT_NONE, ANON, -1, 0);
    if (at == MAP_FAILED)
        die("mmap");
    return at;
}

static char *new_stack(void)
{
    char *at = reserve();
    if (mprotect(at + GUARD, LEN - GUARD, RW) != 0)
        die("mprotect");
    return at;
}

/* A stack on which a thread has lived and ended. */
static char *lived_on(void)
{
    char *at = new_stack();
    tid = 1;
    if (clone(dirty_stack, at + LEN, THREAD, NULL, NULL, NULL, &tid) < 0)
        die("clone");
    for (int now; (now = tid) != 0;)
        syscall(SYS_futex, &tid, FUTEX_WAIT, now, NULL, NULL, 0);
    return at;
}

static char *dead(void)
{
    char *at = lived_on();
    if (munmap(at, LEN) != 0)
        die("munmap");
    return at;
}

static int is_empty(const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0)
            return 0;
    return 1;
}

static sigjmp_buf landing;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    siglongjmp(landing, info->si_code == SEGV_MAPERR ? 2 : 3);
}

/* What a write does: nothing, SEGV_MAPERR, SEGV_ACCERR. */
static const char *write_to(char *at)
{
    static const char *const names[] = {"done", "done", "not mapped", "no right"};
    int how = sigsetjmp(landing, 1);
    if (how == 0)
        *(volatile char *)at = 1;
    return names[how];
}

static void the_next_stack(void)
{
    dead();
    int empty = 0;
    for (int i = 0; i < 200; i++) {
        char *at = new_stack();
        empty += is_empty(at + GUARD, LEN - GUARD);
        if (munmap(at, LEN) != 0)
            die("munmap");
        dead();
    }
    printf("empty next stacks: %d\n", empty);
    char *at = lived_on();
    printf("guard: %s\n", write_to(at + GUARD - 1));
    printf("opened: %s\n", write_to(at + GUARD));
    munmap(at, LEN);
}

static void other_mappings(void)
{
    char *at = dead();
    char *got = mmap(at, LEN, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    TRUE(got == at);
    TRUE(is_empty(got, LEN));
    munmap(got, LEN);

    at = dead();
    got = mmap(at + LEN - PAGE, PAGE, PROT_READ, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    TRUE(got == at + LEN - PAGE);
    printf("read only: %s\n", write_to(got));
    printf("below it: %s\n", write_to(got - PAGE));
    munmap(got, PAGE);

    at = dead();
    got = mmap(at - PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    *got = 'a';
    got = mremap(got, PAGE, LEN, 0);
    TRUE(got == at - PAGE && *got == 'a');
    TRUE(is_empty(got + PAGE, LEN - PAGE));
    munmap(got, LEN);

    dead();
    at = reserve();
    TRUE(mprotect(at, LEN, RW) == 0);
    TRUE(is_empty(at, LEN));
    munmap(at, LEN);

    dead();
    at = reserve();
    char *another = reserve();
    printf("reserved, no stack: %s\n", write_to(at + LEN - PAGE));
    munmap(at, LEN);
    munmap(another, LEN);
}

/* Without memory of the C library, which could be mapped at that place. */
static int listed(const char *at)
{
    unsigned long start, end;
    if (slurp("/proc/self/maps") <= 0)
        die("maps");
    int found = 0;
    for (char *line = text; line != NULL && *line != 0; line = strchr(line, '\n') + 1)
        if (sscanf(line, "%lx-%lx", &start, &end) == 2)
            found |= (unsigned long)at >= start && (unsigned long)at < end;
    return found;
}

static void no_memory(void)
{
    unsigned char there[1];
    char *at = dead();
    char *page = at + LEN - PAGE;
    TRUE(!listed(page));
    SHOW(mprotect(page, PAGE, PROT_READ));
    SHOW(madvise(page, PAGE, MADV_DONTNEED));
    SHOW(mincore(page, PAGE, there));
    SHOW(msync(page, PAGE, MS_SYNC));
    SHOW(mlock(page, PAGE));
    TRUE(mremap(page, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
}

static void *leave(void *arg)
{
    volatile char used[4 * PAGE];
    for (unsigned i = 0; i < sizeof(used); i++) {
        if (i % PAGE == 0)
            sched_yield();
        used[i] = 'y';
    }
    return arg;
}

static void *makes_threads(void *arg)
{
    long sum = 0;
    for (long i = 0; i < 200; i++) {
        pthread_t one, two;
        void *back = NULL;
        if (pthread_create(&one, NULL, leave, (void *)i) != 0 ||
            pthread_create(&two, NULL, leave, (void *)1) != 0)
            die("pthread_create");
        free(malloc(200000)); /* mappings in between */
        pthread_join(one, &back);
        sum += (long)back;
        pthread_join(two, &back);
        sum += (long)back;
    }
    return (char *)arg + sum;
}

static void libc_threads(void)
{
    pthread_t t[3];
    long sum = 0;
    for (int i = 0; i < 3; i++)
        if (pthread_create(&t[i], NULL, makes_threads, NULL) != 0)
            die("pthread_create");
    for (int i = 0; i < 3; i++) {
        void *back = NULL;
        pthread_join(t[i], &back);
        sum += (long)back;
    }
    printf("sum of threads: %ld\n", sum);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    the_next_stack();
    other_mappings();
    no_memory();
    libc_threads();
    return 0;
}
