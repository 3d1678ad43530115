/* SPDX-License-Identifier: MIT */
/* How many processors there are, by every way to ask; threads on chosen ones; threads that run at
 * once or at least take turns. Source: sched_setaffinity(2), getcpu(2), cpuset(7), proc(5),
 * sysfs documentation of devices/system/cpu. */
// cpus: 1 2 4
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

#define THREADS 6
#define TURNS 200

static int count_lines(const char *path, const char *start)
{
    char line[4096];
    int n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        n += !strncmp(line, start, strlen(start));
    if (f)
        fclose(f);
    return n;
}

static int count_numbered(const char *path, const char *start)
{
    int n = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        n += !strncmp(e->d_name, start, strlen(start)) &&
             strspn(e->d_name + strlen(start), "0123456789") > 0;
    if (d)
        closedir(d);
    return n;
}

static void test_counts(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    TRUE(online >= 1);
    TRUE(count_lines("/proc/cpuinfo", "processor\t") == online);
    TRUE(count_lines("/proc/stat", "cpu") == online + 1);
    TRUE(count_numbered("/sys/devices/system/cpu", "cpu") >= online);
}

static void test_affinity(void)
{
    cpu_set_t all, one, now;
    int good = 0, n = 0;
    SHOW(sched_getaffinity(0, sizeof all, &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        n++;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        unsigned by_call = 999, node = 999;
        good += sched_setaffinity(0, sizeof one, &one) == 0 && sched_getcpu() == cpu &&
                syscall(SYS_getcpu, &by_call, &node, NULL) == 0 && by_call == (unsigned)cpu &&
                sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &one);
    }
    TRUE(n == CPU_COUNT(&all) && good == n);
    CPU_ZERO(&one);
    SHOW(sched_setaffinity(0, sizeof one, &one));
    SHOW(errno);
    SHOW(sched_setaffinity(999999, sizeof all, &all));
    SHOW(errno);
    SHOW(sched_setaffinity(0, sizeof all, &all));
}

static atomic_int turn, sum;

/* Turns without a system call: only preemption, or a processor of its own, lets each go on. */
static void *take_turns(void *arg)
{
    int me = (int)(long)arg;
    for (int i = 0; i < TURNS / THREADS; i++) {
        while (atomic_load(&turn) % THREADS != me)
            ;
        atomic_fetch_add(&turn, 1);
    }
    return NULL;
}

static void *add(void *arg)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static long plain;
    for (int i = 0; i < 20000; i++) {
        atomic_fetch_add(&sum, 1);
        pthread_mutex_lock(&lock);
        plain++;
        pthread_mutex_unlock(&lock);
    }
    *(long *)arg = plain;
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    long last[THREADS], most = 0;
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_turns, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    SHOW(atomic_load(&turn));
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, add, &last[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        most = last[i] > most ? last[i] : most;
    }
    SHOW(atomic_load(&sum));
    SHOW(most);
}

int main(void)
{
    test_counts();
    test_affinity();
    test_threads();
    return 0;
}
