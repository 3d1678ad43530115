/* SPDX-License-Identifier: MIT */
/* The table of system-call sites, ordered by address, and its translations of instruction
 * pointers.
 *
 * Invariant: a rewritten site's patch overlaps no other's; changes that come with a change of code
 * are made under space.lock. lock is a leaf but for heap.lock. Source: ARCHITECTURE.md, the
 * system-call path. */
#include "loader/site.h"

#include <asm/errno.h>

#include "kernel/base/lock.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/pmap.h"
#include "loader/patch.h"
#include "loader/stub.h"
#include "platform/pages.h"

#define REACH 64 /* a patch lies at most so far in front of its site */

static struct spinlock lock;
static struct rbtree sites; /* [lock] */

static struct site *site_of(struct rbnode *node)
{
    return node == NULL ? NULL : container_of(node, struct site, node);
}

/* The first site at or above addr. */
static struct site *site_from(uint64_t addr)
{
    struct site *best = NULL;
    for (struct rbnode *n = sites.root; n != NULL;) {
        struct site *s = site_of(n);
        best = s->addr >= addr ? s : best;
        n = n->child[s->addr < addr];
    }
    return best;
}

static struct site *next_of(const struct site *s)
{
    return site_of(rbtree_next(&s->node));
}

static struct site *find_locked(uint64_t addr)
{
    struct site *s = site_from(addr);
    return s != NULL && s->addr == addr ? s : NULL;
}

static bool copy_locked(const struct site *s, struct site *out)
{
    if (s != NULL) {
        *out = *s;
    }
    return s != NULL;
}

bool site_find(uint64_t addr, struct site *out)
{
    spin_lock(&lock);
    bool found = copy_locked(find_locked(addr), out);
    spin_unlock(&lock);
    return found;
}

bool site_trapped(uint64_t addr, struct site *out)
{
    spin_lock(&lock);
    struct site *s = find_locked(addr);
    if (s != NULL) {
        s->traps++;
    }
    bool found = copy_locked(s, out);
    spin_unlock(&lock);
    return found;
}

bool site_after(uint64_t addr, struct site *out)
{
    spin_lock(&lock);
    bool found = copy_locked(site_from(addr + 1), out);
    spin_unlock(&lock);
    return found;
}

/* A patch lies at most REACH bytes in front of its site, or ends behind it. */
static struct site *at_patch_locked(uint64_t addr, size_t len)
{
    uint64_t low = addr > PLAN_PATCH_LEN ? addr - PLAN_PATCH_LEN : 0;
    for (struct site *s = site_from(low); s != NULL && s->addr < addr + len + REACH;
         s = next_of(s)) {
        uint64_t patch = site_patch(s);
        if (s->stub != 0 && patch < addr + len && patch + PLAN_PATCH_LEN > addr) {
            return s;
        }
    }
    return NULL;
}

bool site_overlaps(uint64_t addr, size_t len)
{
    spin_lock(&lock);
    bool found = at_patch_locked(addr, len) != NULL;
    spin_unlock(&lock);
    return found;
}

void site_init(struct site *s, uint64_t addr, enum plan_reason reason)
{
    memset(s, 0, sizeof(*s));
    s->addr = addr;
    s->reason = (uint8_t)reason;
}

static void link_locked(struct site *s)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &sites.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[site_of(parent)->addr < s->addr];
    }
    rbtree_link(&sites, &s->node, parent, link);
}

int site_put(const struct site *s)
{
    struct site *fresh = heap_alloc(sizeof(*fresh));
    if (fresh == NULL) {
        return -ENOMEM;
    }
    *fresh = *s;
    spin_lock(&lock);
    struct site *old = find_locked(s->addr);
    if (old != NULL) {
        rbtree_remove(&sites, &old->node);
    }
    link_locked(fresh);
    spin_unlock(&lock);
    heap_free(old);
    return 0;
}

void site_remove(uint64_t addr, uint64_t stub)
{
    spin_lock(&lock);
    struct site *s = find_locked(addr);
    s = s != NULL && s->stub == stub ? s : NULL;
    if (s != NULL) {
        rbtree_remove(&sites, &s->node);
    }
    spin_unlock(&lock);
    heap_free(s);
}

void site_set(struct site *s, const struct plan *p, const struct plan_stub *layout, uint64_t stub)
{
    const struct plan_insn *last = &p->moved[p->nmoved - 1];
    memcpy(s->patch, layout->patch, PLAN_PATCH_LEN);
    s->stub = stub;
    s->reason = PLAN_OK;
    s->forward = p->forward;
    s->back = (uint8_t)(p->site - p->patch);
    s->nmoved = p->nmoved;
    for (unsigned i = 0; i < p->nmoved; i++) {
        s->at[i] = p->moved[i].at;
        s->moved[i] = layout->moved[i];
    }
    s->next = (uint8_t)(last->at + last->insn.len);
    s->len = layout->len;
    s->enter = layout->enter;
    s->resume = layout->resume;
}

void site_change(const struct site *s, bool back, struct patch *out)
{
    memset(out, 0, sizeof(*out));
    out->addr = site_patch(s);
    out->starts = 1;
    memcpy(out->bytes, back ? s->original : s->patch, PLAN_PATCH_LEN);
    memcpy(out->traps, s->patch, PLAN_PATCH_LEN);
    out->traps[0] = PATCH_TRAP;
    for (unsigned i = 0; s->forward && i < s->nmoved; i++) {
        out->starts |= (uint8_t)(1U << s->at[i]);
    }
}

void site_overlay(uint64_t addr, uint8_t *buf, size_t len)
{
    uint64_t low = addr > PLAN_PATCH_LEN ? addr - PLAN_PATCH_LEN : 0;
    spin_lock(&lock);
    for (struct site *s = site_from(low); s != NULL && s->addr < addr + len + REACH;
         s = next_of(s)) {
        for (unsigned i = 0; s->stub != 0 && i < PLAN_PATCH_LEN; i++) {
            uint64_t at = site_patch(s) + i - addr;
            if (at < len && buf[at] == s->patch[i]) {
                buf[at] = s->original[i];
            }
        }
    }
    spin_unlock(&lock);
}

/* The moved instruction that the stub executes at offset, as an address of the site. */
static uint64_t moved_origin(const struct site *s, unsigned offset)
{
    for (unsigned i = 0; i < s->nmoved; i++) {
        unsigned end = i + 1 < s->nmoved ? s->moved[i + 1] : s->moved[i] + 1U;
        if (offset >= s->moved[i] && offset < end) {
            return site_patch(s) + s->at[i];
        }
    }
    return site_patch(s) + s->next; /* the jump behind the last one */
}

static uint64_t origin(const struct site *s, unsigned offset)
{
    if (s->forward && offset < s->moved[0]) {
        return offset < s->resume ? s->addr : s->addr + PLAN_SYSCALL_LEN;
    }
    return !s->forward && offset >= s->enter ? s->addr : moved_origin(s, offset);
}

bool site_resolve(uint64_t rip, uint64_t *site_rip)
{
    bool found = false;
    if (!stub_contains(rip)) {
        return false;
    }
    spin_lock(&lock);
    for (struct site *s = site_from(0); s != NULL && !found; s = next_of(s)) {
        if (s->stub != 0 && rip - s->stub < s->len) {
            *site_rip = origin(s, (unsigned)(rip - s->stub));
            found = true;
        }
    }
    spin_unlock(&lock);
    return found;
}

bool site_stray(uint64_t rip, uint64_t *copy_rip, struct site *out)
{
    bool found = false;
    spin_lock(&lock);
    struct site *s = at_patch_locked(rip, 1);
    for (unsigned i = 0; s != NULL && s->forward && i < s->nmoved && !found; i++) {
        if (site_patch(s) + s->at[i] == rip) {
            *copy_rip = s->stub + s->moved[i];
            s->strays++;
            found = copy_locked(s, out);
        }
    }
    spin_unlock(&lock);
    return found;
}

bool site_entered(uint64_t rip, struct site *out)
{
    spin_lock(&lock);
    struct site *s = at_patch_locked(rip, 1);
    bool found = s != NULL && site_patch(s) == rip && copy_locked(s, out);
    spin_unlock(&lock);
    return found;
}

static bool concerns(const struct site *s, uint64_t start, uint64_t end)
{
    bool code = s->addr < end && s->addr + PLAN_PATCH_LEN > start;
    bool patch = s->stub != 0 && site_patch(s) < end && site_patch(s) + PLAN_PATCH_LEN > start;
    bool stub = s->stub >= start && s->stub < end;
    return code || patch || stub;
}

/* The first site that concerns [start, end). */
static bool find_concerned(uint64_t start, uint64_t end, struct site *out)
{
    spin_lock(&lock);
    struct site *s = site_from(0);
    while (s != NULL && !concerns(s, start, end)) {
        s = next_of(s);
    }
    bool found = copy_locked(s, out);
    spin_unlock(&lock);
    return found;
}

/* Put the original bytes of s back where its patch is mapped and in place. */
static void restore(const struct site *s)
{
    uint8_t *pages[2];
    struct patch change;
    site_change(s, true, &change);
    for (unsigned i = 0; i < 2; i++) {
        struct pmap_entry e = pmap_get(change.addr + i * (PLAN_PATCH_LEN - 1));
        pages[i] = e.flags != 0 ? pages_map(e.pa) : NULL;
    }
    if (patch_matches(change.addr, s->patch, pages)) {
        patch_write(&change, pages);
    }
}

void site_forget(uint64_t start, uint64_t end)
{
    struct site s;
    while (find_concerned(start, end, &s)) {
        if (s.stub != 0) {
            restore(&s);
        }
        site_remove(s.addr, s.stub);
    }
    stub_forget(start, end);
}
