/* SPDX-License-Identifier: MIT */
/* Everything at once for some seconds: threads, locks, signals, timers, mappings, heap, files,
 * pipes, events, code that changes. `mixed SECONDS [WORKER...]` runs them all or those named.
 * Checks each result, that every worker gets on, and that descriptors, threads and, in Elfin, the
 * memory of the kernel are at the end what they were before, and in a long run do not grow in the
 * second half; the first rounds do not count, since they fill caches. Prints nothing that depends
 * on chance; details go to standard error. */
// also: memory.c files.c waits.c signals.c
// args: 5
// kinds: musl-static glibc-dynamic
// cpus: 1 2 4
// timeout: 90
#define _GNU_SOURCE
#include "test/stress/mixed.h"

#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define STAND_STILL_SECONDS 60
#define KEPT_KIB 128 /* what the kernel may keep for next time, */
#define KEPT_OBJECTS 100
/* Stacks of threads and page tables stay for the next that need some: as many as there ever were at
 * once. In the second half hardly more: a leak goes on. */
#define PEAK_KIB 8192
#define LONG_SECONDS 60
#define MORE_KIB 1024

static struct worker workers[] = {
    {.name = "map", .round = memory_map},        {.name = "map-2", .round = memory_map},
    {.name = "heap", .round = memory_heap},      {.name = "heap-2", .round = memory_heap},
    {.name = "shared", .round = memory_shared},  {.name = "code", .round = memory_code},
    {.name = "content", .round = files_content}, {.name = "content-2", .round = files_content},
    {.name = "mapped", .round = files_mapped},   {.name = "create", .round = waits_create},
    {.name = "create-2", .round = waits_create}, {.name = "futex", .round = waits_futex},
    {.name = "queue", .round = waits_queue},     {.name = "pipe", .round = waits_pipe},
    {.name = "events", .round = waits_events},   {.name = "sleep", .round = waits_sleep},
    {.name = "queued", .round = signals_queued}, {.name = "compute", .round = signals_compute},
};
#define WORKERS (sizeof workers / sizeof *workers)

static atomic_int stop;
static atomic_ulong bad;

uint64_t mixed_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

unsigned mixed_random(struct worker *w, unsigned n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->seed >> 33) % n;
}

void mixed_bad(const struct worker *w, const char *what)
{
    if (atomic_fetch_add(&bad, 1) < 20)
        fprintf(stderr, "mixed: %s, round %lu: not so: %s\n", w->name, atomic_load(&w->rounds),
                what);
}

pthread_t mixed_start(struct worker *w, void *(*function)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, arg) != 0) {
        mixed_bad(w, "a thread is created");
        exit(1);
    }
    return thread;
}

void *mixed_join(struct worker *w, pthread_t thread)
{
    void *result = NULL;
    MUST(w, pthread_join(thread, &result) == 0);
    return result;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    while (!atomic_load(&stop)) {
        w->round(w);
        atomic_fetch_add(&w->rounds, 1);
    }
    return NULL;
}

/* The number after a key at the start of a line. */
static long number_of(const char *path, const char *key)
{
    char line[256];
    long value = -1;
    FILE *f = fopen(path, "re");
    while (f != NULL && value < 0 && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    if (f != NULL)
        fclose(f);
    return value;
}

static long descriptors(void)
{
    long n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

/* What is in use: peak_kib in stacks of the kernel and page tables, kernel_kib all other memory but
 * the program's own. */
struct usage {
    long descriptors, threads, kernel_kib, peak_kib, objects;
};

static struct usage measure(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* the last thread may still end */
    struct usage u = {.descriptors = descriptors(),
                      .threads = number_of("/proc/self/status", "Threads:"),
                      .objects = number_of("/proc/slabinfo", "kmalloc")};
    u.peak_kib =
        number_of("/proc/meminfo", "PageTables:") + number_of("/proc/meminfo", "KernelStack:");
    u.kernel_kib = number_of("/proc/meminfo", "MemTotal:") -
                   number_of("/proc/meminfo", "MemFree:") - u.peak_kib -
                   number_of("/proc/self/status", "VmRSS:");
    return u;
}

static int alone_in_machine(void)
{
    struct utsname u;
    return uname(&u) == 0 && strstr(u.release, "elfin") != NULL;
}

static void report(struct usage before, struct usage half, struct usage after, int short_run)
{
    int memory = !alone_in_machine() ||
                 (after.kernel_kib <= before.kernel_kib + KEPT_KIB &&
                  after.peak_kib <= before.peak_kib + PEAK_KIB &&
                  (short_run || after.peak_kib <= half.peak_kib + MORE_KIB) &&
                  after.objects <= before.objects + KEPT_OBJECTS && before.objects > 0);
    fprintf(stderr,
            "mixed: kernel memory %ld KiB, then %ld, %ld; stacks and tables %ld, then %ld, %ld; "
            "objects %ld, then %ld, %ld\n",
            before.kernel_kib, half.kernel_kib, after.kernel_kib, before.peak_kib, half.peak_kib,
            after.peak_kib, before.objects, half.objects, after.objects);
    printf("results: %s\n", atomic_load(&bad) == 0 ? "right" : "WRONG");
    printf("descriptors: %s\n", before.descriptors == after.descriptors ? "as before" : "LOST");
    printf("threads: %s\n", before.threads == after.threads ? "as before" : "LEFT OVER");
    printf("memory: %s\n", memory ? "as before" : "LOST");
}

/* Wait, and see that everybody gets on. */
static void watch(struct worker **chosen, unsigned n, double seconds)
{
    unsigned long seen[WORKERS] = {0};
    uint64_t end = mixed_now_ns() + (uint64_t)(seconds * 1e9), at[WORKERS] = {0};
    while (mixed_now_ns() < end) {
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        uint64_t now = mixed_now_ns();
        for (unsigned i = 0; i < n; i++) {
            unsigned long rounds = atomic_load(&chosen[i]->rounds);
            if (rounds != seen[i] || at[i] == 0) {
                seen[i] = rounds;
                at[i] = now;
            } else if (now - at[i] > STAND_STILL_SECONDS * 1000000000UL) {
                fprintf(stderr, "mixed: %s stands still in round %lu\n", chosen[i]->name, rounds);
                printf("progress: NONE\n");
                exit(2);
            }
        }
    }
}

static void run(struct worker **chosen, unsigned n, double seconds)
{
    atomic_store(&stop, 0);
    for (unsigned i = 0; i < n; i++)
        chosen[i]->thread = mixed_start(chosen[i], work, chosen[i]);
    watch(chosen, n, seconds);
    atomic_store(&stop, 1);
    for (unsigned i = 0; i < n; i++)
        mixed_join(chosen[i], chosen[i]->thread);
}

static unsigned choose(struct worker **chosen, char **names)
{
    unsigned n = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        int wanted = *names == NULL;
        for (char **name = names; *name != NULL; name++)
            wanted |= strcmp(*name, workers[i].name) == 0;
        if (wanted)
            chosen[n++] = &workers[i];
    }
    return n;
}

int main(int argc, char **argv)
{
    struct worker *chosen[WORKERS];
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    unsigned n = choose(chosen, argc > 2 ? argv + 2 : argv + argc);
    unsigned long idle = 0;
    for (unsigned i = 0; i < n; i++) {
        chosen[i]->seed = i;
        strcpy(chosen[i]->folder, "/tmp/mixed.XXXXXX");
        if (mkdtemp(chosen[i]->folder) == NULL)
            return 1;
    }
    signals_begin();
    run(chosen, n, seconds < 50 ? seconds / 5 : 10);
    struct usage before = measure();
    run(chosen, n, seconds / 2);
    struct usage half = measure();
    run(chosen, n, seconds / 2);
    if (!signals_end())
        printf("ticks: NONE\n");
    struct usage after = measure();
    for (unsigned i = 0; i < n; i++) {
        idle += atomic_load(&chosen[i]->rounds) < 2;
        fprintf(stderr, "mixed: %s %lu rounds\n", chosen[i]->name, atomic_load(&chosen[i]->rounds));
        if (rmdir(chosen[i]->folder) != 0)
            printf("folder: NOT EMPTY\n");
    }
    printf("workers that did nothing: %lu\n", idle);
    report(before, half, after, seconds < LONG_SECONDS);
    return 0;
}
