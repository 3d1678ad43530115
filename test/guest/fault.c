/* SPDX-License-Identifier: MIT */
/* Faults of the program and what its handlers see; bad pointers to many calls, of every kind.
 * Source: sigaction(2) siginfo, mmap(2) NOTES, the manual page of each call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define KERNEL_PLACE ((char *)0x7f0000001000) /* Elfin's own half begins just below */

static sigjmp_buf jump;
static siginfo_t info;
static long trap_number, error_code, cr2;

static void on_fault(int sig, siginfo_t *si, void *context)
{
    const ucontext_t *uc = context;
    trap_number = uc->uc_mcontext.gregs[REG_TRAPNO];
    error_code = uc->uc_mcontext.gregs[REG_ERR];
    cr2 = uc->uc_mcontext.gregs[REG_CR2];
    info = *si;
    siglongjmp(jump, sig);
}

enum access { READ, WRITE, CALL };

static void access_memory(volatile char *p, enum access how)
{
    if (how == READ)
        (void)*p;
    else if (how == WRITE)
        *p = 1;
    else
        ((void (*)(void))(uintptr_t)p)();
}

/* Bits of the error code that say the same everywhere: present, write, user, fetch. */
static void try(const char *what, volatile char *p, enum access how)
{
    int sig = sigsetjmp(jump, 1);
    if (!sig) {
        access_memory(p, how);
        printf("%s: fine\n", what);
        return;
    }
    printf("%s: signal %d code %d trap %ld error %ld", what, sig, info.si_code, trap_number,
           error_code & 0x16);
    printf(" address %s cr2 %s\n",
           info.si_addr == p ? "right"
           : info.si_addr    ? "WRONG"
                             : "0",
           trap_number != 14 ? "-"
           : cr2 == (long)p  ? "right"
                             : "WRONG");
}

static void test_signals(void)
{
    char *p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
    mprotect(p + PAGE, PAGE, PROT_READ);
    mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
    munmap(p + 3 * PAGE, PAGE);
    try("read null", NULL, READ);
    try("write null", (char *)16, WRITE);
    try("call null", NULL, CALL);
    try("read low", (char *)0x8000, READ);
    try("read good", p, READ);
    try("write good", p, WRITE);
    try("call data", p, CALL);
    try("read read-only", p + PAGE + 5, READ);
    try("write read-only", p + PAGE + 5, WRITE);
    try("write read-only again", p + PAGE + 7, WRITE);
    try("read none", p + 2 * PAGE, READ);
    try("write none", p + 2 * PAGE, WRITE);
    try("call none", p + 2 * PAGE, CALL);
    try("read unmapped", p + 3 * PAGE, READ);
    try("write unmapped", p + 3 * PAGE + 99, WRITE);
    try("call unmapped", p + 3 * PAGE, CALL);
    try("write text", (char *)(uintptr_t)try, WRITE);
    try("read not canonical", (char *)0x8000000000000000, READ);
    try("write not canonical", (char *)0xfff0000000000000, WRITE);
    munmap(p, 3 * PAGE);
}

static void test_bus(void)
{
    int fd = open("short", O_RDWR | O_CREAT | O_TRUNC, 0600);
    SHOW(ftruncate(fd, PAGE + 10));
    char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    char *q = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    try("last page", p + 2 * PAGE - 1, WRITE);
    try("past the end", p + 2 * PAGE, READ);
    try("write past the end", p + 3 * PAGE, WRITE);
    try("private past the end", q + 2 * PAGE, WRITE);
    q[PAGE] = 'q';
    SHOW(ftruncate(fd, 100));
    try("cut off", p + PAGE, READ);
    try("private cut off", q + PAGE, READ);
    try("kept", p + 99, WRITE);
    SHOW(ftruncate(fd, 3 * PAGE));
    try("grown", p + PAGE, READ);
    SHOW(p[PAGE]);
    SHOW(ftruncate(fd, 100));
    SHOW(write(1, p + 2 * PAGE, 1));
    SHOW(syscall(SYS_getrandom, p + PAGE, 1, 0));
    munmap(p, 4 * PAGE), munmap(q, 4 * PAGE);
    close(fd);
}

/* A handler that repairs the fault: the instruction runs again. */
static char *volatile repaired;

static void on_repair(int sig, siginfo_t *si, void *context)
{
    (void)sig, (void)context;
    repaired = si->si_addr;
    mprotect((void *)((uintptr_t)si->si_addr & ~(PAGE - 1)), PAGE, RW);
}

static void test_repair(void)
{
    struct sigaction sa = {.sa_sigaction = on_repair, .sa_flags = SA_SIGINFO}, old;
    sigaction(SIGSEGV, &sa, &old);
    volatile char *p = mmap(NULL, 64 * PAGE, PROT_NONE, ANON, -1, 0);
    long wrong = 0;
    for (long i = 0; i < 64; i++) {
        p[i * PAGE + i] = (char)i;
        wrong += repaired != p + i * PAGE + i;
    }
    SHOW(wrong);
    for (long i = 0; i < 64; i++)
        wrong += p[i * PAGE + i] != i;
    SHOW(wrong);
    munmap((char *)p, 64 * PAGE);
    sigaction(SIGSEGV, &old, NULL);
}

/* Calls by what they do with their pointer. The others of their arguments are good. */
static int file;
static struct {
    char good[PAGE];
} scratch;

/* clang-format off: one call a line */
static long do_write(void *p)
{
    return write(file, p, 64);
}
static long do_open(void *p)
{
    return open(p, O_RDONLY);
}
static long do_stat_name(void *p)
{
    return syscall(SYS_stat, p, &scratch);
}
static long do_mkdir(void *p)
{
    return mkdir(p, 0700);
}
static long do_rename(void *p)
{
    return rename("a", p);
}
static long do_sigaction_in(void *p)
{
    return syscall(SYS_rt_sigaction, SIGUSR1, p, NULL, 8);
}
static long do_nanosleep(void *p)
{
    return syscall(SYS_nanosleep, p, NULL);
}
static long do_setitimer(void *p)
{
    return syscall(SYS_setitimer, 0, p, NULL);
}
static long do_setrlimit(void *p)
{
    return syscall(SYS_setrlimit, 4, p);
}
static long do_sigmask_in(void *p)
{
    return syscall(SYS_rt_sigprocmask, 0, p, NULL, 8);
}
static long do_writev(void *p)
{
    return syscall(SYS_writev, file, p, 1);
}
static long do_altstack_in(void *p)
{
    return syscall(SYS_sigaltstack, p, NULL);
}
static long do_utimens(void *p)
{
    return syscall(SYS_utimensat, 3, NULL, p, 0);
}

static long do_read(void *p)
{
    lseek(file, 0, SEEK_SET);
    return read(file, p, 64);
}
static long do_stat_out(void *p)
{
    return syscall(SYS_fstat, file, p);
}
static long do_statx(void *p)
{
    return syscall(SYS_statx, file, "", AT_EMPTY_PATH, 0x7ff, p);
}
/* In "/": the name of the test's own directory is longer on the host. */
static long do_getcwd(void *p)
{
    int here = open(".", O_RDONLY | O_DIRECTORY);
    if (chdir("/") != 0)
        return 1;
    long result = syscall(SYS_getcwd, p, 64);
    int error = errno;
    if (fchdir(here) != 0)
        return 1;
    close(here);
    errno = error;
    return result;
}
static long do_uname(void *p)
{
    return syscall(SYS_uname, p);
}
static long do_pipe(void *p)
{
    return syscall(SYS_pipe2, p, 0);
}
static long do_gettime(void *p)
{
    return syscall(SYS_clock_gettime, 1, p);
}
static long do_getres(void *p)
{
    return p ? syscall(SYS_clock_getres, 1, p) : -2;
}
static long do_getrlimit(void *p)
{
    return syscall(SYS_getrlimit, 7, p);
}
static long do_rusage(void *p)
{
    return syscall(SYS_getrusage, 0, p);
}
static long do_sysinfo(void *p)
{
    return syscall(SYS_sysinfo, p);
}
static long do_getitimer(void *p)
{
    return syscall(SYS_getitimer, 0, p);
}
static long do_pending(void *p)
{
    return syscall(SYS_rt_sigpending, p, 8);
}
static long do_random(void *p)
{
    return syscall(SYS_getrandom, p, 16, 0);
}
static long do_statfs(void *p)
{
    return syscall(SYS_fstatfs, file, p);
}
static long do_affinity(void *p)
{
    return syscall(SYS_sched_getaffinity, 0, 128, p) > 0 ? 0 : -1;
}
static long do_resuid(void *p)
{
    return syscall(SYS_getresuid, p, &scratch, &scratch);
}
/* clang-format on */
static long do_readlink(void *p)
{
    return syscall(SYS_readlink, "/proc/self/exe", p, 64) > 0 ? 0 : -1;
}
static long do_mincore(void *p)
{
    return syscall(SYS_mincore, (long)&scratch & ~(PAGE - 1), PAGE, p);
}
static long do_readv(void *p)
{
    struct {
        void *base;
        long len;
    } vec = {p, 64};
    lseek(file, 0, SEEK_SET);
    return syscall(SYS_readv, file, &vec, 1);
}

static const struct call {
    const char *name;
    long (*run)(void *p);
    char out; /* the pointer is written to */
    char size; /* bytes it needs at least */
} calls[] = {
    {"write", do_write, 0, 64},         {"open", do_open, 0, 1},
    {"stat name", do_stat_name, 0, 1},  {"mkdir", do_mkdir, 0, 1},
    {"rename", do_rename, 0, 1},        {"sigaction in", do_sigaction_in, 0, 32},
    {"nanosleep", do_nanosleep, 0, 16}, {"setitimer", do_setitimer, 0, 32},
    {"setrlimit", do_setrlimit, 0, 16}, {"sigprocmask in", do_sigmask_in, 0, 8},
    {"writev", do_writev, 0, 16},       {"sigaltstack in", do_altstack_in, 0, 24},
    {"utimensat", do_utimens, 0, 32},   {"read", do_read, 1, 64},
    {"fstat", do_stat_out, 1, 64},      {"statx", do_statx, 1, 64},
    {"getcwd", do_getcwd, 1, 2},        {"uname", do_uname, 1, 64},
    {"pipe2", do_pipe, 1, 8},           {"clock_gettime", do_gettime, 1, 16},
    {"clock_getres", do_getres, 1, 16}, {"getrlimit", do_getrlimit, 1, 16},
    {"getrusage", do_rusage, 1, 64},    {"sysinfo", do_sysinfo, 1, 64},
    {"getitimer", do_getitimer, 1, 32}, {"sigpending", do_pending, 1, 8},
    {"getrandom", do_random, 1, 16},    {"fstatfs", do_statfs, 1, 64},
    {"getaffinity", do_affinity, 1, 8}, {"getresuid", do_resuid, 1, 4},
    {"readlink", do_readlink, 1, 2},    {"mincore", do_mincore, 1, 1},
    {"readv", do_readv, 1, 64},
};

static void show_call(const struct call *c, const char *kind, void *p)
{
    errno = 0;
    long result = c->run(p);
    printf("%s %s: %ld %s\n", c->name, kind, result < 0 ? -1 : result,
           result < 0 ? errno_name(errno) : "");
}

static void test_pointers(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, ANON, -1, 0);
    char *edge = p + PAGE;
    char *fixed = mmap(NULL, PAGE, PROT_READ, ANON, -1, 0);
    char *none = mmap(NULL, PAGE, PROT_NONE, ANON, -1, 0);
    munmap(edge, PAGE);
    for (unsigned i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const struct call *c = &calls[i];
        if (strcmp(c->name, "sigaction in") && strcmp(c->name, "setitimer") &&
            strcmp(c->name, "sigprocmask in") && strcmp(c->name, "sigaltstack in") &&
            strcmp(c->name, "utimensat")) /* NULL means nothing there */
            show_call(c, "null", NULL);
        show_call(c, "low", (void *)8);
        show_call(c, "unmapped", edge);
        show_call(c, "none", none);
        show_call(c, "kernel", KERNEL_PLACE);
        show_call(c, "last", (void *)-1);
        show_call(c, "half", (void *)0x7ffffffff000);
        show_call(c, "not canonical", (void *)0x8000000000000000);
        show_call(c, "negative", (void *)-4096L);
        if (c->out)
            show_call(c, "read-only", fixed);
        if (c->size > 1) {
            memset(edge - 64, 'x', 64);
            show_call(c, "crossing", edge - c->size + 1);
        }
    }
    munmap(p, PAGE), munmap(fixed, PAGE), munmap(none, PAGE);
}

/* Partial transfers: what fits is moved. */
static void test_partial(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, ANON, -1, 0);
    munmap(p + 2 * PAGE, PAGE);
    char page[2 * PAGE];
    memset(page, 'z', sizeof page);
    lseek(file, 0, SEEK_SET);
    SHOW(write(file, page, sizeof page));
    lseek(file, 0, SEEK_SET);
    TRUE(read(file, p + 2 * PAGE - 10, 100) != 100);
    struct {
        void *base;
        long len;
    } vec[2] = {{p, 10}, {(void *)8, 10}};
    lseek(file, 0, SEEK_SET);
    SHOW(syscall(SYS_readv, file, vec, 2));
    SHOW(p[9]);
    lseek(file, 0, SEEK_SET);
    SHOW(syscall(SYS_writev, file, vec, 2));
    munmap(p, 2 * PAGE);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(&scratch, 'x', sizeof scratch);
    SHOW(write(file, &scratch, sizeof scratch));
    test_signals();
    test_bus();
    test_repair();
    test_pointers();
    test_partial();
    return 0;
}
