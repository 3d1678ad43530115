/* SPDX-License-Identifier: MIT */
/* Memory policies on a machine with one node, and protection keys on one without them. A thread's
 * policy is kept and shown; it changes nothing, since all memory is near. Regions have none of
 * their own. Source: set_mempolicy(2), get_mempolicy(2), mbind(2), pkey_alloc(2), and Linux where
 * they are silent: which masks are refused. */
#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/mempolicy.h>

#include "kernel/mmap.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

#define NODE_0 1UL /* the mask of all nodes that there are */
#define WORD_BITS 64

/* The nodes of the mask that exist. maxnode counts one bit more than the mask has. Returns 0,
 * -EINVAL, -EFAULT. */
static int read_nodes(uint64_t *nodes, const uint64_t USER *mask, uint64_t maxnode)
{
    *nodes = 0;
    if (mask == NULL || maxnode <= 1) {
        return 0;
    }
    maxnode--;
    if (maxnode > PAGE_SIZE * 8) {
        return -EINVAL;
    }
    uint64_t given = 0;
    for (uint64_t bit = 0; bit < maxnode; bit += WORD_BITS) {
        uint64_t word;
        if (uaccess_read(&word, &mask[bit / WORD_BITS], sizeof(word)) != 0) {
            return -EFAULT;
        }
        word &= maxnode - bit < WORD_BITS ? (1UL << (maxnode - bit)) - 1 : ~0UL;
        given |= word;
        *nodes |= bit == 0 ? word & NODE_0 : 0;
    }
    return given != 0 && *nodes == 0 ? -EINVAL : 0;
}

/* Mode and nodes together; *mode becomes the one that is shown. */
static int check_policy(int *mode, uint64_t nodes)
{
    int flags = *mode & MPOL_MODE_FLAGS;
    int plain = *mode & ~MPOL_MODE_FLAGS;
    if (plain < 0 || plain >= MPOL_MAX || (flags & MPOL_F_NUMA_BALANCING) != 0 ||
        flags == (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) {
        return -EINVAL;
    }
    if (plain == MPOL_PREFERRED && nodes == 0 && flags == 0) {
        *mode = MPOL_LOCAL;
        return 0;
    }
    bool wants_nodes = plain != MPOL_DEFAULT && plain != MPOL_LOCAL;
    bool fit = wants_nodes ? nodes != 0 : nodes == 0 && flags == 0;
    return fit ? 0 : -EINVAL;
}

long sys_set_mempolicy(int mode, const uint64_t USER *mask, uint64_t maxnode)
{
    uint64_t nodes;
    int err = read_nodes(&nodes, mask, maxnode);
    if (err == 0) {
        err = check_policy(&mode, nodes);
    }
    if (err == 0) {
        thread_this()->mempolicy = mode;
    }
    return err;
}

static int write_nodes(uint64_t USER *mask, uint64_t maxnode, uint64_t nodes)
{
    uint64_t bytes = align_up(maxnode - 1, WORD_BITS) / 8;
    if (mask == NULL || bytes == 0) {
        return 0;
    }
    if (bytes > PAGE_SIZE) {
        return -EINVAL;
    }
    int err = uaccess_write(mask, &nodes, sizeof(nodes));
    return err != 0 ? err : uaccess_zero(mask + 1, bytes - sizeof(nodes));
}

long sys_get_mempolicy(int USER *mode, uint64_t USER *mask, uint64_t maxnode, uint64_t addr,
                       uint64_t flags)
{
    int policy = thread_this()->mempolicy;
    int plain = policy & ~MPOL_MODE_FLAGS;
    uint64_t nodes = plain == MPOL_DEFAULT || plain == MPOL_LOCAL ? 0 : NODE_0;
    if ((flags & ~(uint64_t)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED)) != 0 ||
        (mask != NULL && maxnode == 0)) {
        return -EINVAL;
    }
    if ((flags & MPOL_F_MEMS_ALLOWED) != 0) {
        if ((flags & (MPOL_F_NODE | MPOL_F_ADDR)) != 0) {
            return -EINVAL;
        }
        policy = 0;
        nodes = NODE_0;
    } else if ((flags & MPOL_F_ADDR) != 0) {
        uint8_t byte;
        if (uaccess_read(&byte, uptr(const uint8_t, addr), sizeof(byte)) != 0) {
            return -EFAULT;
        }
    } else if (addr != 0 || ((flags & MPOL_F_NODE) != 0 && plain != MPOL_INTERLEAVE)) {
        return -EINVAL;
    }
    if ((flags & MPOL_F_NODE) != 0) {
        policy = 0; /* the node's number instead */
    }
    if (mode != NULL && uaccess_write(mode, &policy, sizeof(policy)) != 0) {
        return -EFAULT;
    }
    return write_nodes(mask, maxnode, nodes);
}

long sys_mbind(uint64_t addr, uint64_t len, int mode, const uint64_t USER *mask, uint64_t maxnode,
               unsigned flags)
{
    uint64_t nodes;
    if ((flags & ~(unsigned)MPOL_MF_VALID) != 0 || !is_aligned(addr, PAGE_SIZE)) {
        return -EINVAL;
    }
    int err = read_nodes(&nodes, mask, maxnode);
    if (err == 0) {
        err = check_policy(&mode, nodes);
    }
    if (err != 0 || len == 0) {
        return err;
    }
    err = mmap_advise(addr, len, MADV_NORMAL); /* whether all of it is mapped */
    return err == -ENOMEM ? -EFAULT : err;
}

long sys_pkey_alloc(unsigned flags, uint64_t rights)
{
    bool known = flags == 0 && (rights & ~(uint64_t)PKEY_ACCESS_MASK) == 0;
    return known ? -ENOSPC : -EINVAL;
}

long sys_pkey_free(int key)
{
    (void)key; /* none was ever given out */
    return -EINVAL;
}

long sys_pkey_mprotect(uint64_t addr, uint64_t len, int prot, int key)
{
    return key == -1 ? mmap_protect(addr, len, prot) : -EINVAL;
}
