/* SPDX-License-Identifier: MIT */
/* Clocks, sleeps, interval timers, the vDSO. Bounds are lower bounds, and upper ones that only a
 * hang exceeds. Source: the manual page of each call. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define NSEC 1000000000L
#define MSEC 1000000L
#define BAD ((void *)8)
#define LONG_WAIT (20 * NSEC)

static volatile int alarms;
static siginfo_t last;

static void on_alarm(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    last = *info;
    alarms++;
}

static long ns_of(struct timespec t)
{
    return t.tv_sec * NSEC + t.tv_nsec;
}

static long now(int clock)
{
    struct timespec t = {-1, -1};
    syscall(SYS_clock_gettime, clock, &t);
    return ns_of(t);
}

static struct timespec spec(long ns)
{
    return (struct timespec){ns / NSEC, ns % NSEC};
}

static void test_clocks(void)
{
    static const int known[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, -6, -2};
    struct timespec t;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        long first = now(known[i]), wrong = 0;
        for (int n = 0; n < 1000; n++) {
            long next = now(known[i]);
            wrong += next < first;
            first = next;
        }
        printf("clock %d: get %ld res %ld back %ld\n", known[i],
               syscall(SYS_clock_gettime, known[i], &t), syscall(SYS_clock_getres, known[i], &t),
               wrong);
    }
    SHOW(syscall(SYS_clock_gettime, 10, &t));
    SHOW(syscall(SYS_clock_gettime, 12, &t));
    SHOW(syscall(SYS_clock_gettime, 1000, &t));
    SHOW(syscall(SYS_clock_gettime, -5, &t)); /* of a descriptor that is none */
    SHOW(syscall(SYS_clock_gettime, ~9999999 << 3 | 2, &t)); /* of another process */
    SHOW(syscall(SYS_clock_getres, 1, NULL));
    SHOW(syscall(SYS_clock_getres, 99, NULL));
    SHOW(syscall(SYS_clock_getres, 1, &t));
    SHOW(ns_of(t));
    SHOW(syscall(SYS_clock_getres, 5, &t));
    TRUE(ns_of(t) >= MSEC && ns_of(t) <= 10 * MSEC);
    TRUE(now(0) > 1700000000L * NSEC && now(11) > 1700000000L * NSEC);
    TRUE(now(1) - now(6) > -MSEC && now(1) - now(6) < 100 * MSEC);
    TRUE(now(0) - now(5) > -MSEC && now(0) - now(5) < 100 * MSEC);
    long mono = now(1);
    TRUE(now(7) >= mono);
}

static void test_set(void)
{
    struct timespec t = spec(now(CLOCK_REALTIME));
    struct timespec wrong = {0, NSEC}, negative = {-1, 0};
    SHOW(syscall(SYS_clock_settime, 0, BAD));
    SHOW(syscall(SYS_settimeofday, BAD, 0));
    SHOW(syscall(SYS_settimeofday, 0, BAD));
    SHOW(syscall(SYS_settimeofday, (long[]){5, 1000000}, 0));
    SHOW(syscall(SYS_settimeofday, (long[]){-5, 0}, 0));
    SHOW(syscall(SYS_clock_settime, 0, &wrong));
    SHOW(syscall(SYS_clock_settime, 0, &negative));
    SHOW(syscall(SYS_clock_settime, 1, &t));
    SHOW(syscall(SYS_clock_settime, 2, &t));
    SHOW(syscall(SYS_clock_settime, 3, &t));
    SHOW(syscall(SYS_clock_settime, 5, &t));
    SHOW(syscall(SYS_clock_settime, 77, &t));
}

static void test_sleep(void)
{
    struct timespec t = spec(30 * MSEC), rem = {7, 7};
    struct timespec wrong = {0, NSEC}, negative = {-1, 0};
    long start = now(1);
    SHOW(syscall(SYS_nanosleep, &t, &rem));
    TRUE(now(1) - start >= 30 * MSEC && now(1) - start < LONG_WAIT);
    SHOW(rem.tv_sec);
    SHOW(syscall(SYS_nanosleep, &wrong, NULL));
    SHOW(syscall(SYS_nanosleep, &negative, NULL));
    t = spec(0);
    SHOW(syscall(SYS_nanosleep, &t, NULL));
    t = spec(now(1) + 20 * MSEC);
    SHOW(syscall(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &t, NULL));
    TRUE(now(1) >= ns_of(t));
    t = spec(now(0) + 20 * MSEC);
    SHOW(syscall(SYS_clock_nanosleep, 0, TIMER_ABSTIME, &t, BAD));
    TRUE(now(0) >= ns_of(t));
    t = spec(1);
    SHOW(syscall(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 7, 0, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 2, TIMER_ABSTIME, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 3, 0, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 4, 0, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 5, 0, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 99, 0, &t, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 1, 0, &wrong, NULL));
    SHOW(syscall(SYS_clock_nanosleep, 1, 0, BAD, NULL));
}

static void set_timer(int which, long first_ns, long interval_ns)
{
    struct itimerval v = {{interval_ns / NSEC, interval_ns % NSEC / 1000},
                          {first_ns / NSEC, first_ns % NSEC / 1000}};
    SHOW(syscall(SYS_setitimer, which, &v, NULL));
}

static void test_interrupted(void)
{
    struct timespec t = spec(10 * NSEC), rem = {0, 0};
    alarms = 0;
    set_timer(ITIMER_REAL, 20 * MSEC, 0);
    SHOW(syscall(SYS_nanosleep, &t, &rem));
    SHOW(alarms);
    TRUE(ns_of(rem) > 0 && ns_of(rem) < 10 * NSEC);
    TRUE(last.si_signo == SIGALRM && last.si_code == SI_KERNEL && last.si_pid == 0);
    set_timer(ITIMER_REAL, 20 * MSEC, 0);
    t = spec(now(1) + 10 * NSEC);
    SHOW(syscall(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &t, &rem));
    SHOW(alarms);
    SHOW(syscall(SYS_restart_syscall));
    /* A signal without a handler does not end a sleep. */
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGALRM, &ignore, &old);
    set_timer(ITIMER_REAL, 10 * MSEC, 0);
    long start = now(1);
    t = spec(40 * MSEC);
    SHOW(syscall(SYS_nanosleep, &t, &rem));
    TRUE(now(1) - start >= 40 * MSEC);
    sigaction(SIGALRM, &old, NULL);
}

static void test_interval(void)
{
    struct itimerval v;
    alarms = 0;
    long start = now(1);
    set_timer(ITIMER_REAL, 5 * MSEC, 5 * MSEC);
    while (alarms < 5)
        pause();
    TRUE(now(1) - start >= 25 * MSEC && now(1) - start < LONG_WAIT);
    SHOW(syscall(SYS_getitimer, ITIMER_REAL, &v));
    TRUE(v.it_interval.tv_usec == 5000 && v.it_value.tv_sec == 0 && v.it_value.tv_usec <= 5000);
    set_timer(ITIMER_REAL, 0, 0);
    SHOW(syscall(SYS_getitimer, ITIMER_REAL, &v));
    TRUE(v.it_value.tv_sec == 0 && v.it_value.tv_usec == 0);
    SHOW(syscall(SYS_getitimer, 3, &v));
    SHOW(syscall(SYS_getitimer, 0, BAD));
    SHOW(syscall(SYS_setitimer, 0, BAD, NULL));
    v.it_value.tv_usec = 1000000;
    SHOW(syscall(SYS_setitimer, 0, &v, NULL));
    v.it_value.tv_usec = 0, v.it_value.tv_sec = -1;
    SHOW(syscall(SYS_setitimer, 0, &v, NULL));
    SHOW(alarm(100));
    SHOW(alarm(50));
    SHOW(alarm(0));
    SHOW(alarm(0));
    alarms = 0;
    SHOW(syscall(SYS_alarm, 1));
    while (!alarms) /* also in the middle of computing */
        ;
    SHOW(alarms);
}

/* Timers of CPU time do not run while the program sleeps. */
static void test_cpu_timers(void)
{
    struct timespec t = spec(50 * MSEC);
    struct itimerval v;
    alarms = 0;
    set_timer(ITIMER_PROF, 20 * MSEC, 0);
    SHOW(syscall(SYS_nanosleep, &t, NULL));
    SHOW(alarms);
    long start = now(CLOCK_PROCESS_CPUTIME_ID);
    while (!alarms && now(CLOCK_PROCESS_CPUTIME_ID) - start < LONG_WAIT)
        ;
    SHOW(alarms);
    SHOW(last.si_signo);
    set_timer(ITIMER_VIRTUAL, 5 * MSEC, 5 * MSEC);
    for (alarms = 0; alarms < 3;)
        ;
    SHOW(last.si_signo);
    set_timer(ITIMER_VIRTUAL, 0, 0);
    SHOW(syscall(SYS_getitimer, ITIMER_VIRTUAL, &v));
    TRUE(v.it_value.tv_sec == 0 && v.it_value.tv_usec == 0);
}

static void test_cpu_time(void)
{
    struct timespec t = spec(200 * MSEC);
    struct rusage usage;
    struct tms tms;
    long cpu = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);
    syscall(SYS_nanosleep, &t, NULL);
    TRUE(now(CLOCK_PROCESS_CPUTIME_ID) - cpu < 150 * MSEC);
    TRUE(now(CLOCK_THREAD_CPUTIME_ID) - thread < 150 * MSEC);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    while (now(CLOCK_PROCESS_CPUTIME_ID) - cpu < 30 * MSEC)
        ;
    getrusage(RUSAGE_SELF, &usage);
    long used = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
                usage.ru_stime.tv_usec;
    TRUE(used >= 20000);
    TRUE(times(&tms) > 0 && tms.tms_utime + tms.tms_stime >= 2);
    TRUE(usage.ru_maxrss > 0 && usage.ru_minflt > 0);
    TRUE(clock() >= 20000);
}

static void test_simple(void)
{
    struct timeval tv;
    struct timezone tz = {1, 1};
    unsigned cpu = 99, node = 99;
    long seconds;
    SHOW(syscall(SYS_gettimeofday, &tv, &tz));
    TRUE(tv.tv_usec >= 0 && tv.tv_usec < 1000000 && now(0) / NSEC - tv.tv_sec <= 1);
    SHOW(syscall(SYS_gettimeofday, NULL, NULL));
    SHOW(syscall(SYS_gettimeofday, BAD, NULL));
    TRUE(syscall(SYS_time, &seconds) == seconds && seconds - tv.tv_sec <= 1);
    SHOW(syscall(SYS_time, BAD));
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    TRUE(cpu < 64 && node < 8);
    SHOW(syscall(SYS_getcpu, NULL, NULL, NULL));
    SHOW(syscall(SYS_getcpu, BAD, NULL, NULL));
}

/* The address of a dynamic symbol of the vDSO, by its own tables. */
static void *vdso_symbol(const char *name)
{
    const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *eh = (const void *)base;
    const Elf64_Phdr *ph = (const void *)(base + eh->e_phoff);
    const Elf64_Dyn *dyn = NULL;
    long bias = 0;
    for (int i = 0; i < eh->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD && !bias)
            bias = (long)base + (long)ph[i].p_offset - (long)ph[i].p_vaddr;
        if (ph[i].p_type == PT_DYNAMIC)
            dyn = (const void *)(base + ph[i].p_offset);
    }
    const Elf64_Sym *symbols = NULL;
    const char *strings = NULL;
    const uint32_t *hash = NULL;
    for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
        const void *p = (const void *)(bias + (long)dyn->d_un.d_ptr);
        symbols = dyn->d_tag == DT_SYMTAB ? p : symbols;
        strings = dyn->d_tag == DT_STRTAB ? p : strings;
        hash = dyn->d_tag == DT_HASH ? p : hash;
    }
    long n = hash ? hash[1] : 0;
    if (!n) /* only a GNU hash: the string table follows the symbols */
        n = ((const char *)strings - (const char *)symbols) / (long)sizeof *symbols;
    for (long i = 0; symbols && i < n; i++)
        if (symbols[i].st_shndx && strcmp(strings + symbols[i].st_name, name) == 0)
            return (void *)(bias + (long)symbols[i].st_value);
    return NULL;
}

static void test_vdso(void)
{
    int (*get)(int, struct timespec *) = vdso_symbol("__vdso_clock_gettime");
    int (*day)(struct timeval *, void *) = vdso_symbol("__vdso_gettimeofday");
    long (*seconds)(long *) = vdso_symbol("__vdso_time");
    long (*cpu)(unsigned *, unsigned *, void *) = vdso_symbol("__vdso_getcpu");
    TRUE(get && day && seconds && cpu);
    if (!get || !day || !seconds || !cpu)
        return;
    struct timespec t;
    struct timeval tv;
    long wrong = 0;
    for (int clock = 0; clock <= 7; clock++) {
        if (clock == 2 || clock == 3 || clock == 5 || clock == 6)
            continue; /* CPU clocks, and coarse ones, which Linux keeps behind */
        for (int i = 0; i < 1000; i++) {
            long before = now(clock);
            wrong += get(clock, &t) != 0 || ns_of(t) < before || now(clock) < ns_of(t);
        }
    }
    SHOW(wrong);
    SHOW(get(CLOCK_PROCESS_CPUTIME_ID, &t));
    SHOW(get(99, &t) != 0);
    SHOW(day(&tv, NULL));
    TRUE(now(0) / NSEC - tv.tv_sec <= 1);
    TRUE(now(0) / NSEC - seconds(NULL) <= 1);
    SHOW(cpu(NULL, NULL, NULL));
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &sa, NULL);
    sigaction(SIGPROF, &sa, NULL);
    sigaction(SIGVTALRM, &sa, NULL);
    test_clocks();
    test_set();
    test_sleep();
    test_interrupted();
    test_interval();
    test_cpu_timers();
    test_cpu_time();
    test_simple();
    test_vdso();
    return 0;
}
