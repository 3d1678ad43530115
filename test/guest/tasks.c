/* SPDX-License-Identifier: MIT */
/* What tools like ps and top read of each thread in /proc/self/task, and directories of /proc as
 * names of the process. Source: proc(5), pidfd_send_signal(2), sched_setaffinity(2). */
// cflags: -pthread
// cpus: 1 2
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"
#include "test/guest/slurp.h"

#define MSEC 1000000L
#define STAT_FIELDS 52

static pthread_barrier_t begun, over;
static int busy_tid, idle_tid;

/* A file of thread tid. */
static long slurp_of(int tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    return slurp(path);
}

/* The n-th field of stat, counted from 1 as proc(5) does; the name is the second. */
static long field(int tid, int n)
{
    if (slurp_of(tid, "stat") <= 0)
        return -99;
    char *at = strrchr(text, ')') + 2;
    for (int i = 3; i < n && at != NULL; i++)
        at = strchr(at, ' ') != NULL ? strchr(at, ' ') + 1 : NULL;
    return at != NULL ? n == 3 ? *at : atol(at) : -98;
}

static const char *line_of(const char *key)
{
    char *at = strstr(text, key);
    return at != NULL ? at + strlen(key) : "";
}

static long now(int clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static void *busy(void *arg)
{
    busy_tid = (int)syscall(SYS_gettid);
    pthread_setname_np(pthread_self(), "busy bee");
    setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 3);
    for (long end = now(CLOCK_THREAD_CPUTIME_ID) + 300 * MSEC; now(CLOCK_THREAD_CPUTIME_ID) < end;)
        ;
    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&over);
    return arg;
}

static void *idle(void *arg)
{
    sigset_t set;
    idle_tid = (int)syscall(SYS_gettid);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_barrier_wait(&begun);
    pthread_barrier_wait(&over);
    return arg;
}

static int fields_of(int tid)
{
    int n = 2;
    if (slurp_of(tid, "stat") <= 0)
        return 0;
    for (char *at = strrchr(text, ')'); at != NULL && *at != 0; at++)
        n += *at == ' ';
    return n;
}

static void test_stat(void)
{
    int me = getpid();
    long ticks = sysconf(_SC_CLK_TCK);
    SHOW(fields_of(busy_tid));
    SHOW(fields_of(me));
    TRUE(slurp_of(busy_tid, "stat") > 0 && atoi(text) == busy_tid);
    TRUE(strstr(text, "(busy bee)") != NULL);
    TRUE(field(idle_tid, 3) == 'S');
    TRUE(field(busy_tid, 4) == getppid());
    long used = field(busy_tid, 14) + field(busy_tid, 15);
    TRUE(used >= ticks * 20 / 100);
    TRUE(field(idle_tid, 14) + field(idle_tid, 15) < used);
    long mine = field(me, 14) + field(me, 15); /* its own, not the process's */
    TRUE(mine <= now(CLOCK_THREAD_CPUTIME_ID) / (1000 * MSEC / ticks) + 1);
    TRUE(field(busy_tid, 19) - field(idle_tid, 19) == 3);
    TRUE(field(busy_tid, 18) - field(busy_tid, 19) == 20);
    SHOW(field(idle_tid, 20));
    TRUE(field(busy_tid, 22) >= field(me, 22));
    TRUE(field(busy_tid, 23) == field(me, 23) && field(busy_tid, 23) > 0);
    TRUE(field(busy_tid, 39) >= 0 && field(busy_tid, 39) < sysconf(_SC_NPROCESSORS_ONLN));
    SHOW(field(busy_tid, 40));
    SHOW(field(busy_tid, 41));
    SHOW(field(busy_tid, 38));
    TRUE(field(busy_tid, 14) + field(busy_tid, 15) <= used + ticks / 10);
}

static void test_status(pthread_t t)
{
    cpu_set_t first;
    unsigned long pending, blocked;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    TRUE(slurp_of(busy_tid, "comm") > 0 && strcmp(text, "busy bee\n") == 0);
    TRUE(slurp_of(busy_tid, "status") > 0);
    TRUE(strncmp(line_of("Name:\t"), "busy bee\n", 9) == 0);
    TRUE(atoi(line_of("\nPid:\t")) == busy_tid && atoi(line_of("Tgid:\t")) == getpid());
    SHOW(atoi(line_of("Threads:\t")));
    sched_setaffinity(idle_tid, sizeof first, &first);
    pthread_kill(t, SIGUSR1);
    TRUE(slurp_of(idle_tid, "status") > 0);
    TRUE(strncmp(line_of("Cpus_allowed_list:\t"), "0\n", 2) == 0);
    TRUE(strtoul(line_of("Cpus_allowed:\t"), NULL, 16) == 1);
    SHOW(sscanf(line_of("SigPnd:\t"), "%lx", &pending));
    SHOW(sscanf(line_of("SigBlk:\t"), "%lx", &blocked));
    printf("pending %lx, blocked %lx\n", pending, blocked & 0xfff);
    TRUE(slurp_of(busy_tid, "status") > 0);
    SHOW(sscanf(line_of("SigPnd:\t"), "%lx", &pending));
    printf("pending %lx\n", pending);
    TRUE(atoi(line_of("\nvoluntary_ctxt_switches:\t")) >= 0);
    unsigned long long ran = 0, waited, slices = 0;
    TRUE(slurp_of(busy_tid, "schedstat") > 0);
    SHOW(sscanf(text, "%llu %llu %llu", &ran, &waited, &slices));
    TRUE(ran >= 250 * MSEC && slices > 0);
    TRUE(slurp_of(busy_tid, "cmdline") > 0);
    TRUE(slurp_of(busy_tid, "wchan") >= 0);
    SHOW(slurp_of(getpid(), "../../stat") > 0);
}

static volatile sig_atomic_t taken;

static void on_signal(int sig)
{
    taken += sig == SIGUSR2;
}

/* Only the directory of a process stands for it. */
static void test_directories(void)
{
    char path[64];
    signal(SIGUSR2, on_signal);
    int self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    SHOW(syscall(SYS_pidfd_send_signal, self, 0, NULL, 0));
    SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, NULL, 0));
    SHOW(taken);
    SHOW(syscall(SYS_pidfd_send_signal, self, 99, NULL, 0));
    close(self);
    static const char *const others[] = {"/proc/self/task", "/proc", "/proc/self/stat", "/"};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
        int fd = open(others[i], O_RDONLY);
        printf("%s: ", others[i]);
        SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
        close(fd);
    }
    snprintf(path, sizeof path, "/proc/self/task/%d", getpid());
    int task = open(path, O_RDONLY);
    SHOW(syscall(SYS_pidfd_send_signal, task, 0, NULL, 0));
    close(task);
    self = open("/proc/self", O_PATH);
    SHOW(syscall(SYS_pidfd_send_signal, self, 0, NULL, 0));
    close(self);
}

int main(void)
{
    pthread_t t[2];
    setpriority(PRIO_PROCESS, 0, 0);
    pthread_barrier_init(&begun, NULL, 3);
    pthread_barrier_init(&over, NULL, 3);
    pthread_create(&t[0], NULL, busy, NULL);
    pthread_create(&t[1], NULL, idle, NULL);
    pthread_barrier_wait(&begun);
    while (field(idle_tid, 3) != 'S')
        sched_yield();
    test_stat();
    test_status(t[1]);
    test_directories();
    pthread_barrier_wait(&over);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    return 0;
}
