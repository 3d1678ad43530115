/* SPDX-License-Identifier: MIT */
/* What one thread does to the mappings, another one on another processor finds done: it has just
 * used the pages, computes, sleeps or makes system calls while they go, and touches them again.
 * Source: munmap(2), mprotect(2), madvise(2) MADV_DONTNEED, mmap(2) MAP_FIXED, mremap(2). */
// cpus: 1 2 4
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
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define PAGES 8
#define LEN (PAGES * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define ROUNDS 6
#define WATCHERS 3
#define OLD 'o'
#define NEW 'n'

/* How the watchers pass the time between their two looks. */
enum pastime { COMPUTES, SLEEPS, NAPS, CALLS, PASTIMES };
static const char *const pastime_name[] = {"computes", "sleeps", "naps", "calls"};

static char *area, *spare;
static atomic_int go; /* number of the round */
static atomic_int looked, answered;
static atomic_int changed; /* number of the round whose change is done */
static atomic_int wrong;
static enum pastime pastime;
static int expected, writes;

static __thread sigjmp_buf jump;

static void on_fault(int sig)
{
    (void)sig;
    siglongjmp(jump, 1);
}

/* What is at p: a character, or -1: it faults. */
static int look(volatile char *p)
{
    if (sigsetjmp(jump, 1) != 0)
        return -1;
    return *p;
}

static int faults_on_write(volatile char *p)
{
    if (sigsetjmp(jump, 1) != 0)
        return -1;
    *p = NEW;
    return 0;
}

static void wait_for(atomic_int *what, int number, enum pastime how)
{
    while (atomic_load(what) < number) {
        int now = atomic_load(what);
        if (how == SLEEPS && now < number)
            syscall(SYS_futex, what, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
        else if (how == NAPS)
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        else if (how == CALLS)
            sched_yield();
    }
}

static void set(atomic_int *what, int number)
{
    atomic_store(what, number);
    syscall(SYS_futex, what, FUTEX_WAKE_PRIVATE, WATCHERS, NULL, NULL, 0);
}

static void *watch(void *arg)
{
    long me = (long)arg;
    for (int round = 1; round <= ROUNDS; round++) {
        wait_for(&go, round, SLEEPS);
        for (int i = 0; i < PAGES; i++)
            if (look(area + i * PAGE) != OLD)
                atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&looked, 1);
        wait_for(&changed, round, pastime);
        for (int i = 0; i < PAGES; i++) {
            volatile char *p = area + (i + me * 3) % PAGES * PAGE;
            if ((writes ? faults_on_write(p) : look(p)) != expected)
                atomic_fetch_add(&wrong, 1);
        }
        atomic_fetch_add(&answered, 1);
    }
    return arg;
}

static void fill(char *p, char c)
{
    for (int i = 0; i < PAGES; i++)
        p[i * PAGE] = c;
}

/* The changes. Each leaves area's place taken or free; prepare makes it anew. */

static int unmap(void)
{
    return munmap(area, LEN);
}

static int unmap_pages(void) /* one by one, in no order */
{
    int err = 0;
    for (int i = 0; i < PAGES; i++)
        err |= munmap(area + i * 5 % PAGES * PAGE, PAGE);
    return err;
}

static int forbid(void)
{
    return mprotect(area, LEN, PROT_NONE);
}

static int forbid_writes(void)
{
    return mprotect(area, LEN, PROT_READ);
}

static int forget(void)
{
    return madvise(area, LEN, MADV_DONTNEED);
}

static int replace(void)
{
    char *p = mmap(area, LEN, RW, ANON | MAP_FIXED, -1, 0);
    fill(p, NEW);
    return p == area ? 0 : -1;
}

static int unmap_and_map(void) /* others get the frames */
{
    int err = madvise(spare, LEN, MADV_DONTNEED) | munmap(area, LEN);
    fill(spare, 'x');
    char *p = mmap(area, LEN, RW, ANON | MAP_FIXED, -1, 0);
    fill(p, NEW);
    return p == area ? err : -1;
}

static int move_away(void)
{
    char *to = mmap(NULL, LEN, PROT_NONE, ANON, -1, 0);
    char *p = mremap(area, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    return p == to ? munmap(p, LEN) : -1;
}

static const struct {
    const char *name;
    int (*change)(void);
    int expected, writes;
} changes[] = {
    {"munmap", unmap, -1, 0},
    {"munmap of single pages", unmap_pages, -1, 0},
    {"PROT_NONE", forbid, -1, 0},
    {"PROT_READ", forbid_writes, -1, 1},
    {"MADV_DONTNEED", forget, 0, 0},
    {"MAP_FIXED", replace, NEW, 0},
    {"munmap and mmap", unmap_and_map, NEW, 0},
    {"mremap", move_away, -1, 0},
};

static void one_round(int round, int (*change)(void))
{
    char *p = mmap(area, LEN, RW, ANON | (area != NULL ? MAP_FIXED : 0), -1, 0);
    if (p == MAP_FAILED)
        exit(1);
    area = p;
    fill(area, OLD);
    atomic_store(&looked, 0);
    atomic_store(&answered, 0);
    set(&go, round);
    wait_for(&looked, WATCHERS, NAPS);
    if (pastime == SLEEPS || pastime == NAPS) /* they are asleep by then, mostly */
        nanosleep(&(struct timespec){.tv_nsec = round % 3 * 100000}, NULL);
    if (change() != 0)
        atomic_fetch_add(&wrong, 1);
    set(&changed, round);
    wait_for(&answered, WATCHERS, NAPS);
}

static void pin(pthread_t t, int n)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(n % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus);
    pthread_setaffinity_np(t, sizeof cpus, &cpus);
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    spare = mmap(NULL, LEN, RW, ANON, -1, 0);
    for (unsigned i = 0; i < sizeof changes / sizeof *changes * PASTIMES; i++) {
        unsigned which = i / PASTIMES;
        pthread_t t[WATCHERS];
        pastime = i % PASTIMES;
        expected = changes[which].expected;
        writes = changes[which].writes;
        atomic_store(&go, 0);
        atomic_store(&changed, 0);
        for (long k = 0; k < WATCHERS; k++) {
            pthread_create(&t[k], NULL, watch, (void *)k);
            pin(t[k], (int)k + 1);
        }
        for (int round = 1; round <= ROUNDS; round++)
            one_round(round, changes[which].change);
        for (int k = 0; k < WATCHERS; k++)
            pthread_join(t[k], NULL);
        printf("%s while another %s: %d wrong\n", changes[which].name, pastime_name[pastime],
               atomic_exchange(&wrong, 0));
    }
    return 0;
}
