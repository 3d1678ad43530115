/* SPDX-License-Identifier: MIT */
// also: sites.S
// rewritten: 80
/* System calls through hand-written sites of every shape: everything but RAX, RCX and R11 survives,
 * each entry into a site works, and a signal never shows an address outside of the program's own
 * text.
 * Each site is executed often, by trap first and rewritten later. Source: syscall(2), signal(7). */
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test/guest/show.h"
#include "test/guest/sites.h"

#define ROUNDS 300
#define FLAGS_ALL 0xcd5 /* OF DF SF ZF AF PF CF */
#define FLAGS_FIXED 0x202
#define MXCSR_CHOPPED 0x7fa0 /* all masked, towards zero, one sticky flag */

_Static_assert(offsetof(struct site_state, mask) == 320 &&
                   offsetof(struct site_state, vector) == 384 && sizeof(struct site_state) == 2432,
               "sites.S knows the offsets");

enum { PID, BADF, NOSYS, KEPT, VALUE }; /* what comes back in RAX */
enum { SETS_FLAGS = 1, PUSHES = 2 }; /* PUSHES: one word of the red zone is its own */

struct shape {
    const char *name;
    site_function *fn;
    int result, traits;
    long rax, rbx;
};
#define SHAPE(fn, ...)       \
    {                        \
#fn, fn, __VA_ARGS__ \
    }

static const struct shape shapes[] = {
    SHAPE(mov_imm, PID, 0, 1, 1),
    SHAPE(mov_imm_call, PID, 0, 39, 1),
    SHAPE(mov_imm_after, KEPT, 0, 77, 1),
    SHAPE(mov_imm_bare, PID, 0, 1, 1),
    SHAPE(mov_imm_bare_call, PID, 0, 39, 1),
    SHAPE(mov_rax, PID, SETS_FLAGS, 1, 1),
    SHAPE(mov_rax_call, PID, SETS_FLAGS, 39, 1),
    SHAPE(from_register, PID, 0, 1, 39),
    SHAPE(from_register_bare, PID, 0, 1, 39),
    SHAPE(from_memory, PID, SETS_FLAGS, 1, 39),
    SHAPE(read_glibc, BADF, SETS_FLAGS, 1, 1),
    SHAPE(read_glibc_call, PID, SETS_FLAGS, 39, 1),
    SHAPE(cancel_musl, PID, SETS_FLAGS, 1, 39),
    SHAPE(cancel_musl_call, PID, 0, 39, 1),
    SHAPE(cancel_musl_bare, PID, 0, 1, 39),
    SHAPE(twins, PID, 0, 1, 1),
    SHAPE(twins_second, PID, 0, 1, 1),
    SHAPE(twins_second_call, PID, 0, 39, 1),
    SHAPE(doubled, NOSYS, SETS_FLAGS, 1, 1),
    SHAPE(doubled_second, PID, 0, 39, 1),
    SHAPE(window, PID, 0, 1, 1),
    SHAPE(window_lea, PID, 0, 39, 1),
    SHAPE(window_nop, PID, 0, 39, 1),
    SHAPE(window_call, PID, 0, 39, 1),
    SHAPE(window_behind1, KEPT, 0, 78, 1),
    SHAPE(window_behind2, KEPT, 0, 79, 1),
    SHAPE(window_behind3, KEPT, 0, 80, 1),
    SHAPE(wide, PID, 0, 1, 39),
    SHAPE(wide_behind, KEPT, 0, 81, 39),
    SHAPE(stack_pointer, PID, SETS_FLAGS | PUSHES, 1, 39),
    SHAPE(loop_mov, PID, SETS_FLAGS, 1, 1),
    SHAPE(loop_call, PID, SETS_FLAGS, 1, 1),
    SHAPE(skip_over, PID, SETS_FLAGS, 1, 1),
    SHAPE(skip_over, KEPT, SETS_FLAGS, 82, 2),
    SHAPE(flag_user, PID, SETS_FLAGS, 1, 1),
    SHAPE(call_before, PID, PUSHES, 1, 39),
    SHAPE(call_behind, PID, PUSHES, 1, 39),
    SHAPE(behind_ret, PID, 0, 1, 39),
    SHAPE(at_target, PID, SETS_FLAGS, 1, 39),
    SHAPE(number_pushed, PID, PUSHES, 1, 1),
    SHAPE(branch_behind, PID, 0, 1, 39),
    SHAPE(branch_behind_jump, KEPT, 0, 83, 39),
    SHAPE(relative, VALUE, 0, 1, 39),
    SHAPE(relative_behind, VALUE, 0, 1, 39),
};
#define NSHAPES (sizeof shapes / sizeof *shapes)

static long pid;
static unsigned seed = 1;

static uint64_t random64(void)
{
    uint64_t x = 0;
    for (int i = 0; i < 5; i++) {
        seed = seed * 1103515245 + 12345;
        x = x << 15 ^ seed >> 16;
    }
    return x;
}

static void find_level(void)
{
    unsigned a, b, c, d, low = 0, high = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) == 6 && (c & bit_AVX))
        site_level = 1;
    if ((low & 0xe6) == 0xe6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512BW))
        site_level = 2;
}

static void fill(const struct shape *s, uint64_t flags)
{
    uint64_t *words = (uint64_t *)&site_in;
    for (unsigned i = 0; i < sizeof site_in / 8; i++)
        words[i] = random64();
    site_in.gpr[RAX] = (uint64_t)s->rax;
    site_in.gpr[RBX] = (uint64_t)s->rbx;
    site_in.gpr[RDI] |= 0xfffffff0; /* no descriptor */
    site_in.flags = FLAGS_FIXED | flags;
    site_in.mxcsr = MXCSR_CHOPPED;
}

static uint64_t expected(const struct shape *s)
{
    switch (s->result) {
    case PID: return (uint64_t)pid;
    case BADF: return (uint64_t)-EBADF;
    case NOSYS: return (uint64_t)-ENOSYS;
    case VALUE: return relative_value;
    default: return (uint64_t)s->rax;
    }
}

/* What differs, or NULL. */
static const char *compare(const struct shape *s)
{
    static const char *const names[] = {"RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RBP", "RSP",
                                        "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};
    size_t len = site_level == 2 ? 64 : site_level == 1 ? 32 : 16;
    if (site_out.gpr[RAX] != expected(s))
        return "RAX";
    for (int i = RBX; i <= R15; i++)
        if (i != RCX && i != R11 && site_out.gpr[i] != site_in.gpr[i])
            return names[i];
    if (!(s->traits & SETS_FLAGS) && ((site_in.flags ^ site_out.flags) & FLAGS_ALL))
        return "flags";
    if (site_in.mxcsr != site_out.mxcsr)
        return "MXCSR";
    if (memcmp(site_in.red, site_out.red, 8 * (s->traits & PUSHES ? 15 : 16)))
        return "red zone";
    for (int i = 0; i < (site_level == 2 ? 32 : 16); i++)
        if (memcmp(site_in.vector[i], site_out.vector[i], len))
            return "vectors";
    if (site_level == 2 && memcmp(site_in.mask + 1, site_out.mask + 1, 7 * 8))
        return "mask registers";
    return NULL;
}

/* The number of rounds that went well; the first failure of a shape is printed. */
static int run_shape(const struct shape *s, int rounds)
{
    static const uint64_t flags[] = {0, FLAGS_ALL, 1, 0x800, 0x40, 0x80, 0x14, 0x400};
    int good = 0;
    for (int i = 0; i < rounds; i++) {
        fill(s, flags[(unsigned)i % (sizeof flags / sizeof *flags)]);
        site_probe(s->fn);
        const char *problem = compare(s);
        if (problem && good == i)
            printf("%s: %s after %d rounds: %lx\n", s->name, problem, i, site_out.gpr[RAX]);
        good += problem == NULL;
    }
    return good;
}

static void test_shapes(void)
{
    for (unsigned i = 0; i < NSHAPES; i++)
        printf("%s: %d\n", shapes[i].name, run_shape(&shapes[i], ROUNDS));
    int good = 0;
    for (int i = 0; i < ROUNDS / 10; i++) /* once more, in turn: jumps into what is rewritten now */
        for (unsigned k = 0; k < NSHAPES; k++)
            good += run_shape(&shapes[k], 1);
    printf("in turn: %d of %d\n", good, (int)NSHAPES * ROUNDS / 10);
}

static volatile int ticks, outside, wrong_stack;
static const char *restart_at;
static volatile int at_restart, fd_to_feed = -1;

static void on_tick(int sig, siginfo_t *info, void *context)
{
    const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
    const char *pc = (const char *)regs[REG_RIP];
    (void)sig;
    (void)info;
    at_restart |= pc == restart_at;
    if (fd_to_feed >= 0 && write(fd_to_feed, "x", 1) != 1)
        wrong_stack++;
    if (!site_spinning)
        return;
    outside += pc < sites_start || pc >= sites_end;
    if (++ticks >= 8)
        site_stop = 1;
}

static void set_timer(long us, int again)
{
    struct itimerval it = {.it_value.tv_usec = us, .it_interval.tv_usec = again ? us : 0};
    setitimer(ITIMER_REAL, &it, NULL);
}

static void install(int flags)
{
    struct sigaction sa = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | flags};
    sigaction(SIGALRM, &sa, NULL);
}

/* A timer interrupts each site again and again, in front of, during and behind its calls. */
static void test_ticks(void)
{
    install(SA_RESTART);
    for (unsigned i = 0; i < NSHAPES; i++) {
        const struct shape *s = &shapes[i];
        fill(s, 0);
        ticks = outside = site_stop = 0;
        set_timer(700, 1);
        site_spin(s->fn);
        set_timer(0, 0);
        if (outside || site_out.gpr[RAX] != expected(s))
            printf("%s: %d of %d ticks outside, %lx\n", s->name, outside, ticks, site_out.gpr[RAX]);
    }
    printf("ticks: done\n");
}

/* What later ticks put into the pipe must not answer the next read. */
static void empty(int fd)
{
    char rest[64];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (read(fd, rest, sizeof rest) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

/* A call that sleeps is interrupted: with SA_RESTART it starts again, at the site's own syscall. */
static void test_restart(const char *name, site_function *fn, site_function *call, long nr)
{
    int fds[2];
    char c = 0;
    if (pipe(fds))
        return;
    struct shape s = {name, fn, KEPT, SETS_FLAGS, nr, nr};
    for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
        int good = 0;
        long result = 0;
        install(flags);
        for (int i = 0; i < 5; i++) {
            fill(&s, 0);
            site_in.gpr[RDI] = (uint64_t)fds[0];
            site_in.gpr[RSI] = (uint64_t)&c;
            site_in.gpr[RDX] = 1;
            restart_at = (const char *)call + (flags ? 0 : 2);
            at_restart = 0;
            fd_to_feed = flags ? fds[1] : -1;
            set_timer(3000, 1); /* again: the first may come before the call */
            site_probe(fn);
            fd_to_feed = -1;
            set_timer(0, 0);
            empty(fds[0]);
            result = (long)site_out.gpr[RAX];
            site_in.gpr[RAX] = (uint64_t)result;
            s.rax = result;
            good += at_restart && compare(&s) == NULL;
            s.rax = nr;
        }
        printf("%s: %s: %ld, %d times\n", name, flags ? "restarted" : "interrupted", result, good);
    }
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0); /* a hang shows where */
    pid = getpid();
    find_level();
    test_shapes();
    test_ticks();
    test_restart("read_glibc", read_glibc, read_glibc_call, 0);
    test_restart("cancel_musl", cancel_musl, cancel_musl_call, 0);
    test_restart("mov_imm_call", mov_imm_call, mov_imm_call, 0);
    test_restart("mov_imm_bare_call", mov_imm_bare_call, mov_imm_bare_call, 0);
    return 0;
}
