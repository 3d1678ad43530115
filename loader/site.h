/* SPDX-License-Identifier: MIT */
/* The system-call sites that were met: what became of each, and which address stands for which.
 * */
#ifndef LOADER_SITE_H
#define LOADER_SITE_H

#include "kernel/base/base.h"
#include "kernel/base/rbtree.h"
#include "loader/plan.h"

struct site {
    struct rbnode node;
    uint64_t addr; /* of the syscall instruction */
    uint64_t stub; /* 0: not rewritten */
    uint32_t traps; /* raw calls that arrived from here */
    uint32_t strays; /* jumps into the patch */
    uint8_t reason; /* enum plan_reason */
    bool early; /* rewritten before it was ever executed */
    bool forward;
    uint8_t back; /* distance of the patch in front of addr */
    uint8_t nmoved;
    uint8_t at[PLAN_MOVED_MAX]; /* moved instructions: offset from the patch, */
    uint8_t moved[PLAN_MOVED_MAX]; /* and in the stub */
    uint8_t next; /* offset from the patch of what follows the last one */
    uint8_t len, enter, resume; /* of the stub, see struct plan_stub */
    uint8_t original[PLAN_PATCH_LEN], patch[PLAN_PATCH_LEN];
};

/* site_find: the site at addr. site_at_patch: the rewritten site whose patch covers [addr, addr
 * + len)
 * at least in part. NULL: none. */
struct site *site_find(uint64_t addr);
struct site *site_at_patch(uint64_t addr, size_t len);

/* site_add: a new site, not rewritten. NULL: out of memory. */
struct site *site_add(uint64_t addr, enum plan_reason reason);

/* site_set: s is now rewritten by this plan. */
void site_set(struct site *s, const struct plan *p, const struct plan_stub *layout, uint64_t stub);

/* site_remove: forget s, freeing its stub. */
void site_remove(struct site *s);

/* In address order. */
struct site *site_first(void);
struct site *site_next(const struct site *s);

/* site_patch: where the patch of a rewritten site begins. */
static inline uint64_t site_patch(const struct site *s)
{
    return s->addr - s->back;
}

/* site_overlay: bytes were read from [addr, addr + len) of the program: put back in buf what the
 * patches there replaced. */
void site_overlay(uint64_t addr, uint8_t *buf, size_t len);

/* site_restore: write the original bytes of s back where its pages are still mapped. */
void site_restore(const struct site *s);

/* site_resolve: rip in a stub: the address of the site's own that stands for it. False: in none.
 * site_stray: rip inside a patch: the moved copy of the instruction that began there; counted. */
bool site_resolve(uint64_t rip, uint64_t *site_rip);
bool site_stray(uint64_t rip, uint64_t *copy_rip);

/* site_forget: [start, end) is no longer unchanging code: restore and drop sites and stubs. */
void site_forget(uint64_t start, uint64_t end);

#endif
