/* SPDX-License-Identifier: MIT */
/* The table of system-call sites, ordered by address, and its translations of instruction
 * pointers.
 *
 * Invariant: a rewritten site's patch overlaps no other's. Entered by one CPU at a time: from a
 * trap, a fault of the program, or a change of mappings on its behalf, none of which blocks in
 * here; so there is no lock, and several CPUs need one that is a leaf below space.lock.
 * Source: ARCHITECTURE.md, the system-call path. */
#include "loader/site.h"

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/pmap.h"
#include "loader/stub.h"
#include "platform/pages.h"

#define STRAYS_MAX 64 /* jumps into a patch before it is taken back: each costs a fault */

static struct rbtree sites;

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

struct site *site_find(uint64_t addr)
{
    struct site *s = site_from(addr);
    return s != NULL && s->addr == addr ? s : NULL;
}

struct site *site_first(void)
{
    return site_of(rbtree_first(&sites));
}

struct site *site_next(const struct site *s)
{
    return site_of(rbtree_next(&s->node));
}

/* A patch lies at most 64 bytes in front of its site, or ends behind it. */
struct site *site_at_patch(uint64_t addr, size_t len)
{
    uint64_t low = addr > PLAN_PATCH_LEN ? addr - PLAN_PATCH_LEN : 0;
    for (struct site *s = site_from(low); s != NULL && s->addr < addr + len + 64;
         s = site_next(s)) {
        uint64_t patch = site_patch(s);
        if (s->stub != 0 && patch < addr + len && patch + PLAN_PATCH_LEN > addr) {
            return s;
        }
    }
    return NULL;
}

struct site *site_add(uint64_t addr, enum plan_reason reason)
{
    struct site *s = heap_zalloc(sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->addr = addr;
    s->reason = (uint8_t)reason;
    struct rbnode *parent = NULL;
    struct rbnode **link = &sites.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[site_of(parent)->addr < addr];
    }
    rbtree_link(&sites, &s->node, parent, link);
    return s;
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

void site_remove(struct site *s)
{
    if (s->stub != 0) {
        stub_free(s->stub, s->len);
    }
    rbtree_remove(&sites, &s->node);
    heap_free(s);
}

void site_overlay(uint64_t addr, uint8_t *buf, size_t len)
{
    uint64_t low = addr > PLAN_PATCH_LEN ? addr - PLAN_PATCH_LEN : 0;
    for (struct site *s = site_from(low); s != NULL && s->addr < addr + len + 64;
         s = site_next(s)) {
        for (unsigned i = 0; s->stub != 0 && i < PLAN_PATCH_LEN; i++) {
            uint64_t at = site_patch(s) + i - addr;
            if (at < len && buf[at] == s->patch[i]) {
                buf[at] = s->original[i];
            }
        }
    }
}

void site_restore(const struct site *s)
{
    for (unsigned i = 0; i < PLAN_PATCH_LEN; i++) {
        uint64_t va = site_patch(s) + i;
        struct pmap_entry e = pmap_get(va);
        if (e.flags == 0) {
            continue;
        }
        uint8_t *byte = (uint8_t *)pages_map(e.pa) + va % PAGE_SIZE;
        if (*byte == s->patch[i]) {
            *byte = s->original[i];
        }
    }
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

bool site_resolve(uint64_t rip, uint64_t *site_rip)
{
    if (!stub_contains(rip)) {
        return false;
    }
    for (struct site *s = site_first(); s != NULL; s = site_next(s)) {
        uint64_t offset = rip - s->stub;
        if (s->stub == 0 || offset >= s->len) {
            continue;
        }
        if (s->forward && offset < s->moved[0]) {
            *site_rip = offset < s->resume ? s->addr : s->addr + PLAN_SYSCALL_LEN;
        } else {
            *site_rip =
                !s->forward && offset >= s->enter ? s->addr : moved_origin(s, (unsigned)offset);
        }
        return true;
    }
    return false;
}

static bool patch_in_place(const struct site *s)
{
    for (unsigned i = 0; i < PLAN_PATCH_LEN; i++) {
        uint64_t va = site_patch(s) + i;
        struct pmap_entry e = pmap_get(va);
        if (e.flags == 0 || ((uint8_t *)pages_map(e.pa))[va % PAGE_SIZE] != s->patch[i]) {
            return false;
        }
    }
    return true;
}

bool site_stray(uint64_t rip, uint64_t *copy_rip)
{
    struct site *s = site_at_patch(rip, 1);
    if (s == NULL || !s->forward || !patch_in_place(s)) {
        return false;
    }
    for (unsigned i = 0; i < s->nmoved; i++) {
        if (site_patch(s) + s->at[i] == rip) {
            *copy_rip = s->stub + s->moved[i];
            if (++s->strays ==
                STRAYS_MAX) { /* its stub stays: a call may be on its way through it */
                site_restore(s);
                s->stub = 0;
                s->reason = PLAN_ENTERED;
            }
            return true;
        }
    }
    return false;
}

void site_forget(uint64_t start, uint64_t end)
{
    struct site *next;
    for (struct site *s = site_first(); s != NULL; s = next) {
        next = site_next(s);
        bool code = s->addr < end && s->addr + PLAN_PATCH_LEN > start;
        bool patch = s->stub != 0 && site_patch(s) < end && site_patch(s) + PLAN_PATCH_LEN > start;
        bool stub = s->stub >= start && s->stub < end;
        if (!code && !patch && !stub) {
            continue;
        }
        if (s->stub != 0) {
            site_restore(s);
        }
        site_remove(s);
    }
    stub_forget(start, end);
}
