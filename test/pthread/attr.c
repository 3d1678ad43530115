/* SPDX-License-Identifier: MIT */
/* Attributes of threads: stacks and their guards, detached threads, names, affinity, scheduling
 * parameters, each thread's own. Source: pthread_attr_init(3) and its relatives,
 * pthread_setname_np(3), pthread_setaffinity_np(3), pthread_setschedparam(3), sched(7). */
// cflags: -pthread
// cpus: 1 2 4:kvm
#include "peers.h"

#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define STACK (256 * 1024)

static pthread_barrier_t meeting;
static _Thread_local sigjmp_buf jump;
static _Thread_local char *fault;

static void *show_stack(void *arg)
{
    pthread_attr_t attr;
    void *low;
    size_t size, guard;
    char here;
    (void)arg;
    CODE(pthread_getattr_np(pthread_self(), &attr));
    CODE(pthread_attr_getstack(&attr, &low, &size));
    CODE(pthread_attr_getguardsize(&attr, &guard));
    TRUE(&here > (char *)low && &here < (char *)low + size);
    pthread_attr_destroy(&attr);
    return (void *)(uintptr_t)size;
}

static void test_stack_size(void)
{
    pthread_attr_t attr;
    struct peer p;
    size_t size;
    void *own;
    CODE(pthread_attr_init(&attr));
    CODE(pthread_attr_setstacksize(&attr, 100));
    CODE(pthread_attr_setstacksize(&attr, STACK));
    CODE(pthread_attr_getstacksize(&attr, &size));
    SHOW(size);
    peer_start_with(&p, &attr, show_stack, NULL);
    size = (uintptr_t)peer_join(&p);
    TRUE(size >= STACK - 8192 && size <= STACK + 16384);
    own = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CODE(pthread_attr_setstack(&attr, own, STACK));
    peer_start_with(&p, &attr, show_stack, NULL);
    peer_join(&p);
    munmap(own, STACK);
    CODE(pthread_attr_destroy(&attr));
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    fault = info->si_addr;
    siglongjmp(jump, info->si_code);
}

static volatile char sink;
static __attribute__((noinline)) int deeper(int n)
{
    volatile char block[1024];
    block[0] = (char)n;
    sink = block[0];
    return n > 1000000 ? 0 : deeper(n + 1) + block[0];
}

/* Runs over the end of its stack; the handler has another one. */
static void *overflow(void *arg)
{
    pthread_attr_t attr;
    void *low;
    size_t size, guard;
    stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstack(&attr, &low, &size);
    pthread_attr_getguardsize(&attr, &guard);
    SHOW(sigaltstack(&alternate, NULL));
    int code = sigsetjmp(jump, 1);
    if (!code) {
        deeper(0);
        printf("no fault\n");
    }
    SHOW(code == SEGV_ACCERR);
    TRUE(fault < (char *)low + (size_t)arg && fault >= (char *)low - (size_t)arg);
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    return NULL;
}

static void test_guard(size_t guard)
{
    pthread_attr_t attr;
    struct peer p[2];
    size_t got;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    CODE(pthread_attr_setguardsize(&attr, guard));
    CODE(pthread_attr_getguardsize(&attr, &got));
    SHOW(got);
    peer_start_with(&p[0], &attr, overflow, (void *)guard);
    peer_join(&p[0]);
    pthread_attr_destroy(&attr);
}

static void *detach_self(void *arg)
{
    (void)arg;
    CODE(pthread_detach(pthread_self()));
    return NULL;
}

static void *just_end(void *arg)
{
    return arg;
}

static void test_detached(void)
{
    pthread_attr_t attr;
    struct peer p;
    int state = -1;
    pthread_attr_init(&attr);
    CODE(pthread_attr_getdetachstate(&attr, &state));
    SHOW(state == PTHREAD_CREATE_JOINABLE);
    CODE(pthread_attr_setdetachstate(&attr, 77));
    CODE(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    peer_start_with(&p, &attr, just_end, NULL);
    TRUE(peer_gone(&p));
    peer_start(&p, detach_self, NULL);
    TRUE(peer_gone(&p));
    peer_start(&p, just_end, NULL);
    CODE(pthread_detach(p.thread));
    TRUE(peer_gone(&p));
}

static void *wait_meeting(void *arg)
{
    pthread_barrier_wait(&meeting);
    return arg;
}

static void read_comm(int tid, char *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    FILE *f = fopen(path, "r");
    if (!f || !fgets(out, 64, f)) {
        strcpy(out, "unreadable\n");
    }
    if (f) {
        fclose(f);
    }
}

static void *name_self(void *arg)
{
    char name[16] = "";
    (void)arg;
    SHOW(prctl(PR_SET_NAME, "by prctl"));
    SHOW(prctl(PR_GET_NAME, name));
    printf("%s\n", name);
    read_comm((int)syscall(SYS_gettid), name);
    printf("comm %s", name);
    return NULL;
}

static void test_names(void)
{
    struct peer p;
    char name[64] = "";
    SHOW(prctl(PR_SET_NAME, "parent"));
    peer_start(&p, wait_meeting, NULL);
    read_comm(atomic_load(&p.tid), name);
    printf("inherited %s", name);
    CODE(pthread_setname_np(p.thread, "child"));
    CODE(pthread_setname_np(p.thread, "sixteen letters."));
    read_comm(atomic_load(&p.tid), name);
    printf("now %s", name);
#ifdef __GLIBC__
    CODE(pthread_getname_np(p.thread, name, sizeof name));
    printf("%s\n", name);
    CODE(pthread_getname_np(p.thread, name, 3));
#endif
    CODE(pthread_setname_np(pthread_self(), "main"));
    pthread_barrier_wait(&meeting);
    peer_join(&p);
    peer_do(name_self, NULL);
    read_comm(getpid(), name);
    printf("main is %s", name);
}

static void test_affinity(void)
{
    cpu_set_t all, one, got;
    struct peer p;
    int cpu = 0;
    peer_start(&p, wait_meeting, NULL);
    CODE(pthread_getaffinity_np(p.thread, sizeof all, &all));
    while (!CPU_ISSET(cpu, &all)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CODE(pthread_setaffinity_np(p.thread, sizeof one, &one));
    CPU_SET(cpu, &one);
    CODE(pthread_setaffinity_np(p.thread, sizeof one, &one));
    CODE(pthread_getaffinity_np(p.thread, sizeof got, &got));
    TRUE(CPU_EQUAL(&got, &one));
    CODE(pthread_getaffinity_np(pthread_self(), sizeof got, &got));
    TRUE(CPU_EQUAL(&got, &all));
    CODE(pthread_setaffinity_np(pthread_self(), sizeof one, &one));
    TRUE(sched_getcpu() == cpu);
    CODE(pthread_setaffinity_np(pthread_self(), sizeof all, &all));
    pthread_barrier_wait(&meeting);
    peer_join(&p);
}

/* sched_setattr(2) has no wrapper. */
static void test_sched_attr(int tid)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attr = {.size = 48, .policy = SCHED_BATCH, .nice = 7};
    struct timespec interval;
    SHOW(syscall(SYS_sched_setattr, tid, &attr, 0));
    memset(&attr, 0, sizeof attr);
    SHOW(syscall(SYS_sched_getattr, tid, &attr, sizeof attr, 0));
    printf("size %u policy %u flags %lu nice %d priority %u\n", attr.size, attr.policy,
           (unsigned long)attr.flags, attr.nice, attr.priority);
    SHOW(syscall(SYS_sched_getattr, tid, &attr, 10, 0));
    SHOW(syscall(SYS_sched_getattr, tid, NULL, sizeof attr, 0));
    SHOW(syscall(SYS_sched_setattr, tid, &attr, 1));
    SHOW(syscall(SYS_sched_setattr, -1, &attr, 0));
    attr.policy = 77;
    SHOW(syscall(SYS_sched_setattr, tid, &attr, 0));
    SHOW_ERR(syscall(SYS_sched_rr_get_interval, tid, &interval));
    SHOW(interval.tv_sec);
    SHOW(syscall(SYS_sched_rr_get_interval, -1, &interval));
}

static void test_scheduling(void)
{
    struct sched_param param = {.sched_priority = 1};
    struct peer p;
    int policy = -1;
    peer_start(&p, wait_meeting, NULL);
    int tid = atomic_load(&p.tid);
    SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_BATCH, &param));
    param.sched_priority = 0;
    SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_BATCH, &param));
    SHOW(syscall(SYS_sched_getscheduler, tid));
    SHOW(syscall(SYS_sched_getscheduler, 0));
    SHOW(syscall(SYS_sched_getparam, tid, &param));
    SHOW(param.sched_priority);
    SHOW(syscall(SYS_sched_setscheduler, tid, SCHED_OTHER | SCHED_RESET_ON_FORK, &param));
    SHOW(syscall(SYS_sched_getscheduler, tid));
#ifdef __GLIBC__
    CODE(pthread_getschedparam(p.thread, &policy, &param));
    SHOW(policy);
    CODE(pthread_setschedparam(p.thread, SCHED_OTHER, &param));
    CODE(pthread_setschedprio(p.thread, 0));
#endif
    (void)policy;
    SHOW(setpriority(PRIO_PROCESS, (id_t)tid, 5));
    SHOW(getpriority(PRIO_PROCESS, (id_t)tid));
    SHOW(getpriority(PRIO_PROCESS, 0));
    test_sched_attr(tid);
    pthread_barrier_wait(&meeting);
    peer_join(&p);
    TRUE(peer_gone(&p));
    SHOW(syscall(SYS_sched_getscheduler, tid));
    SHOW(syscall(SYS_sched_getparam, tid, &param));
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    setvbuf(stdout, NULL, _IOLBF, 0);
    setpriority(PRIO_PROCESS, 0, 0); /* whatever it was started with */
    pthread_barrier_init(&meeting, NULL, 2);
    sigaction(SIGSEGV, &sa, NULL);
    test_stack_size();
    test_guard(4096);
    test_guard(65536);
    test_detached();
    test_names();
    test_affinity();
    test_scheduling();
    return 0;
}
