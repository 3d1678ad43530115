/* SPDX-License-Identifier: MIT */
/* Restartable sequences: registration and its errors, the CPU number, and a critical section that a
 * timer's signal interrupts. Linked without libc's own registration where there is one: glibc is
 * asked to leave the area alone through GLIBC_TUNABLES. Source: rseq(2), linux/rseq.h. */
// env: GLIBC_TUNABLES=glibc.pthread.rseq=0
#define _GNU_SOURCE
#include <linux/rseq.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define SIGNATURE 0x53053053
#define OTHER_SIGNATURE 0x12345678

static struct rseq area, other;
static volatile sig_atomic_t signals;

static long rseq(void *p, unsigned len, int flags, unsigned signature)
{
    return syscall(SYS_rseq, p, len, flags, signature);
}

static void on_signal(int sig)
{
    (void)sig;
    signals++;
}

/* Spin inside a critical section until it is aborted. Returns 1 when the abort handler was
 * reached. */
static int spin_until_aborted(void)
{
    int aborted = 0;
    __asm__ volatile(".pushsection .data.rseq_cs, \"aw\"\n"
                     ".balign 32\n"
                     "3: .long 0, 0\n"
                     ".quad 1f, 2f - 1f, 4f\n"
                     ".popsection\n"
                     "lea 3b(%%rip), %%rax\n"
                     "mov %%rax, 8(%[area])\n"
                     "1: pause\n"
                     "jmp 1b\n"
                     "2:\n"
                     ".long 0x53053053\n"
                     "4: movl $1, %[aborted]\n"
                     : [aborted] "+m"(aborted)
                     : [area] "r"(&area)
                     : "rax", "memory");
    return aborted;
}

int main(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    SHOW(rseq(&area, 31, 0, SIGNATURE));
    SHOW(rseq((char *)&area + 4, sizeof(area), 0, SIGNATURE));
    SHOW(rseq((void *)0x7fffffc00000, sizeof(area), 0, SIGNATURE));
    SHOW(rseq(&area, sizeof(area), 2, SIGNATURE));
    SHOW(rseq(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE));
    SHOW(rseq(&area, sizeof(area), 0, SIGNATURE));
    TRUE(area.cpu_id == (unsigned)sched_getcpu());
    TRUE(area.cpu_id_start == area.cpu_id);
    SHOW(rseq(&area, sizeof(area), 0, SIGNATURE));
    SHOW(rseq(&area, sizeof(area), 0, OTHER_SIGNATURE));
    SHOW(rseq(&other, sizeof(other), 0, SIGNATURE));
    signal(SIGALRM, on_signal);
    SHOW(setitimer(ITIMER_REAL, &soon, NULL));
    int aborts = 0;
    while (signals == 0) /* Linux also aborts a section when it preempts the thread */
        aborts += spin_until_aborted();
    TRUE(aborts > 0);
    SHOW(signals);
    TRUE(area.rseq_cs == 0);
    SHOW(rseq(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, OTHER_SIGNATURE));
    SHOW(rseq(&other, sizeof(other), RSEQ_FLAG_UNREGISTER, SIGNATURE));
    SHOW(rseq(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE));
    TRUE(area.cpu_id == (unsigned)RSEQ_CPU_ID_UNINITIALIZED);
    SHOW(rseq(&area, sizeof(area), RSEQ_FLAG_UNREGISTER, SIGNATURE));
    return 0;
}
