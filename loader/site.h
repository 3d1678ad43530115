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

/* The table's own lock guards it; what comes out is a copy. All are below space.lock and do not
 * block, but for site_put. */

/* site_find: the site at addr. site_trapped: the same, counting a trap. False: none. */
bool site_find(uint64_t addr, struct site *out);
bool site_trapped(uint64_t addr, struct site *out);

/* site_after: the first site above addr. False: none. */
bool site_after(uint64_t addr, struct site *out);

/* site_overlaps: a patch covers part of [addr, addr + len). */
bool site_overlaps(uint64_t addr, size_t len);

/* site_init: s is at addr and not rewritten. site_set: s is rewritten by this plan; for site_put.
 * */
void site_init(struct site *s, uint64_t addr, enum plan_reason reason);
void site_set(struct site *s, const struct plan *p, const struct plan_stub *layout, uint64_t stub);

/* site_put: s is the site at its address, in place of what was. Returns 0 or -ENOMEM. */
MUST_CHECK int site_put(const struct site *s);

/* site_remove: forget the site at addr, if its stub is this one. The stub stays: some thread may be
 * on its way through it. */
void site_remove(uint64_t addr, uint64_t stub);

/* site_patch: where the patch of a rewritten site begins. */
static inline uint64_t site_patch(const struct site *s)
{
    return s->addr - s->back;
}

/* site_change: the change that puts the patch of s in place, or takes it back. */
struct patch;
void site_change(const struct site *s, bool back, struct patch *out);

/* site_overlay: bytes were read from [addr, addr + len) of the program: put back in buf what the
 * patches there replaced. */
void site_overlay(uint64_t addr, uint8_t *buf, size_t len);

/* site_resolve: rip in a stub: the address of the site's own that stands for it. False: in none. */
bool site_resolve(uint64_t rip, uint64_t *site_rip);

/* site_stray: rip is where an instruction began that a patch covers: its moved copy, the site, and
 * how often that happened. False: it is not. */
bool site_stray(uint64_t rip, uint64_t *copy_rip, struct site *out);

/* site_entered: rip is where the patch of a rewritten site begins. False: of none. */
bool site_entered(uint64_t rip, struct site *out);

/* site_forget: [start, end) is no longer unchanging code: restore and drop its sites. Context:
 * space.lock is held. */
void site_forget(uint64_t start, uint64_t end);

#endif
