/* SPDX-License-Identifier: MIT */
/* A per-CPU block and a current thread on the host: GS base points at the block, as in Elfin. */
#include "platform/cpu.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <stdlib.h>

#include "kernel/thread.h"
#include "test/fake/cpu.h"

struct thread fake_thread = {.tid = 2};

long syscall(long nr, ...); /* unistd.h does not go with the headers of the kernel */

static struct cpu cpu __attribute__((aligned(4096)));
static struct call_page call_page;

__attribute__((constructor)) static void install(void)
{
    cpu.self = &cpu;
    cpu.thread = &fake_thread;
    cpu.call_page = &call_page;
    if (syscall(__NR_arch_prctl, ARCH_SET_GS, &cpu) != 0) {
        abort();
    }
}

uint32_t cpu_id(void)
{
    return cpu.id;
}

void cpu_attention(struct cpu *c, unsigned bit)
{
    c->trap.pending |= 1UL << bit;
}

bool cpu_random(uint64_t *out)
{
    *out = 0;
    return false;
}
