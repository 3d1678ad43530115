/* SPDX-License-Identifier: MIT */
/* Memory policies of a machine whose node 0 is enough, and what protection keys refuse.
 * Source: set_mempolicy(2), get_mempolicy(2), mbind(2), pkey_alloc(2). */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

static unsigned long mask[16];
static int mode;
static char *page;

static long set(int policy, unsigned long nodes, unsigned long maxnode)
{
    unsigned long given[2] = {nodes, 0};
    return syscall(SYS_set_mempolicy, policy, nodes ? given : NULL, maxnode);
}

static long get(void *addr, unsigned long flags)
{
    mode = -1;
    mask[0] = mask[1] = mask[15] = ~0UL;
    return syscall(SYS_get_mempolicy, &mode, mask, sizeof mask * 8, addr, flags);
}

static void show_policy(void)
{
    SHOW(get(NULL, 0));
    printf("mode %d nodes %lx %lx %lx\n", mode, mask[0], mask[1], mask[15]);
}

static void *in_thread(void *arg)
{
    (void)arg;
    printf("inherited: ");
    show_policy();
    SHOW(set(MPOL_DEFAULT, 0, 0));
    return NULL;
}

static void policies(void)
{
    pthread_t t;
    show_policy();
    SHOW(set(MPOL_BIND, 1, 64));
    show_policy();
    pthread_create(&t, NULL, in_thread, NULL);
    pthread_join(t, NULL);
    show_policy();
    SHOW(set(MPOL_BIND | MPOL_F_STATIC_NODES, 1, 64));
    show_policy();
    SHOW(set(MPOL_INTERLEAVE, 1, 64));
    SHOW(get(NULL, MPOL_F_NODE));
    printf("next node %d\n", mode);
    SHOW(set(MPOL_PREFERRED, 0, 0));
    show_policy();
    SHOW(set(MPOL_LOCAL, 0, 0));
    show_policy();
    SHOW(set(MPOL_DEFAULT, 0, 0));
    SHOW(set(MPOL_BIND, 0, 0));
    SHOW(set(MPOL_DEFAULT, 1, 64));
    SHOW(set(MPOL_LOCAL, 1, 64));
    SHOW(set(MPOL_INTERLEAVE, 1, 1));
    SHOW(set(99, 1, 64));
    SHOW(set(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, 1, 64));
    SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, 8L, 64L));
    SHOW(syscall(SYS_set_mempolicy, MPOL_BIND, mask, 1L << 40));
}

static void places(void)
{
    SHOW(get(page, MPOL_F_ADDR));
    printf("mode %d\n", mode);
    SHOW(get(page, MPOL_F_ADDR | MPOL_F_NODE));
    printf("node %d\n", mode);
    SHOW(get(NULL, MPOL_F_MEMS_ALLOWED));
    TRUE(mode == 0 && (mask[0] & 1) == 1);
    SHOW(get((void *)8, MPOL_F_ADDR));
    SHOW(get(page, 0));
    SHOW(get(NULL, 8));
    SHOW(get(NULL, MPOL_F_NODE));
    SHOW(get(NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE));
    SHOW(syscall(SYS_get_mempolicy, 8L, NULL, 0L, NULL, 0L));
    SHOW(syscall(SYS_get_mempolicy, NULL, mask, 0L, NULL, 0L));
    mask[0] = 1;
    SHOW(syscall(SYS_mbind, page, 4096L, MPOL_BIND, mask, 64L, 0L));
    SHOW(syscall(SYS_mbind, page, 0L, MPOL_PREFERRED, mask, 64L, 0L));
    SHOW(syscall(SYS_mbind, page + 1, 4096L, MPOL_BIND, mask, 64L, 0L));
    SHOW(syscall(SYS_mbind, page, 8192L, MPOL_BIND, mask, 64L, 0L));
    SHOW(syscall(SYS_mbind, page, 4096L, MPOL_BIND, mask, 64L, 256L));
    SHOW(syscall(SYS_mbind, page, 4096L, MPOL_DEFAULT, NULL, 0L, 0L));
}

static void keys(void)
{
    SHOW(syscall(SYS_pkey_alloc, 1L, 0L));
    SHOW(syscall(SYS_pkey_alloc, 0L, 4L));
    SHOW(syscall(SYS_pkey_free, 15L));
    SHOW(syscall(SYS_pkey_free, -1L));
    SHOW(syscall(SYS_pkey_mprotect, page, 4096L, PROT_READ, 15L));
    SHOW(syscall(SYS_pkey_mprotect, page, 4096L, PROT_READ | PROT_WRITE, -1L));
    SHOW(syscall(SYS_pkey_mprotect, page + 1, 4096L, PROT_READ, -1L));
    page[0] = 1;
    long key = syscall(SYS_pkey_alloc, 0L, 0L); /* not every processor has keys */
    TRUE(key >= 0 ? syscall(SYS_pkey_free, key) == 0 : errno == ENOSPC || errno == EINVAL);
}

int main(void)
{
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    page[0] = 1;
    policies();
    places();
    keys();
    return 0;
}
