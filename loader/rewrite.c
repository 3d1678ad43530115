/* SPDX-License-Identifier: MIT */
/* Turn system-call sites into jumps to the gate.
 *
 * Early: when a fault brings in a page of an ELF file's text, sites in it that the file proves
 * (proof.c) are rewritten before they first run. Late: any other site traps once, and is rewritten
 * by what its execution proves. What stays doubtful goes on trapping and is reported. Only private,
 * unwritable file or anonymous text is touched, through the direct map. Callers: see site.c.
 * Source: ARCHITECTURE.md, the system-call path. */
#include "loader/rewrite.h"

#include <asm/errno.h>
#include <asm/unistd.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/mutex.h"
#include "kernel/uaccess.h"
#include "loader/flow.h"
#include "loader/module.h"
#include "loader/patch.h"
#include "loader/plan.h"
#include "loader/site.h"
#include "loader/stub.h"
#include "platform/cpu.h"

#define STACK_WORDS 16 /* searched for the return address of the site's function */
#define CALLER_REACH 512 /* bytes from a called function's start to its site */
#define CALL_LEN 5
#define OPCODE_CALL 0xe8

#define STRAYS_MAX 64 /* jumps into a patch before it is taken back: each costs a fault */

static bool enabled; /* [I] */
static struct mutex judging; /* one site at a time: modules, their proofs, places for stubs */
static struct {
    unsigned early, late; /* sites rewritten; [judging] */
} counts;

void rewrite_init(uint64_t gate, bool on)
{
    enabled = on;
    mutex_init(&judging);
    stub_init(gate);
}

/* The program's bytes at addr, without any patches. Returns how many of len could be read: whole
 * pages are missing at the end of a mapping. */
static size_t read_text(uint64_t addr, uint8_t *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        uint64_t at = addr + done;
        size_t n = min(len - done, (size_t)(PAGE_SIZE - at % PAGE_SIZE));
        if (uaccess_read(buf + done, uptr(void, at), n) != 0) {
            break;
        }
        done += n;
    }
    site_overlay(addr, buf, done);
    return done;
}

/* Why the text page at addr cannot be patched. */
static enum plan_reason page_reason(uint64_t addr, int err)
{
    struct mmap_text text;
    if (err == -ENOMEM) {
        return PLAN_NO_MEMORY;
    }
    if (mmap_text_find(addr, &text) != 0) {
        return PLAN_MAPPING_END;
    }
    if (text.file != NULL) {
        file_put(text.file);
    }
    return text.writable ? PLAN_WRITABLE : PLAN_SHARED;
}

/* The memory at the bytes that p overwrites or moves is what text says. */
static bool unchanged(const struct plan *p, const struct text *text)
{
    const struct plan_insn *last = &p->moved[p->nmoved - 1];
    uint64_t end = max(p->patch + last->at + last->insn.len, p->patch + PLAN_PATCH_LEN);
    uint8_t now[PLAN_STUB_MAX];
    size_t len = (size_t)(end - p->patch);
    return end <= text->addr + text->len && len <= sizeof(now) &&
           read_text(p->patch, now, len) == len &&
           memcmp(now, text->bytes + (p->patch - text->addr), len) == 0;
}

static enum plan_reason reason_of(int err)
{
    return err == -ENOMEM ? PLAN_NO_MEMORY : err == -ENOSPC ? PLAN_NO_PLACE : PLAN_IMMOVABLE;
}

/* What is to be put in place at once. */
struct commit {
    const struct site *site;
    const struct plan_stub *stub;
    const struct stub_place *place;
    enum plan_reason why;
};

/* With space.lock held: for mmap_text_change. */
static int apply(void *ctx, uint8_t *const pages[2])
{
    struct commit *c = ctx;
    struct patch change;
    site_change(c->site, false, &change);
    c->why = PLAN_OK;
    if (site_overlaps(change.addr, PLAN_PATCH_LEN)) {
        c->why = PLAN_IMMOVABLE; /* its neighbour's patch is in the way */
    } else if (!patch_matches(change.addr, c->site->original, pages)) {
        c->why = PLAN_CHANGED;
    } else if (!stub_write(c->place, c->stub->code, c->stub->len)) {
        c->why = PLAN_NO_PLACE;
    } else if (site_put(c->site) != 0) {
        c->why = PLAN_NO_MEMORY;
    } else {
        patch_write(&change, pages);
    }
    return 0;
}

/* Carry out p for s, which is then in the table. */
static enum plan_reason commit(struct site *s, const struct plan *p, const struct text *text)
{
    struct plan_stub stub;
    struct stub_place place;
    struct commit c = {.site = s, .stub = &stub, .place = &place};
    if (site_overlaps(p->patch, PLAN_PATCH_LEN)) {
        return PLAN_IMMOVABLE;
    }
    if (!unchanged(p, text)) {
        return PLAN_CHANGED;
    }
    int err = plan_build(p, text, p->patch, p->patch, &stub); /* for its length */
    err = err != 0 ? err : stub_alloc(p, stub.len, &place);
    if (err != 0) {
        return reason_of(err);
    }
    err = plan_build(p, text, place.addr, place.gate_slot, &stub);
    if (err != 0) {
        stub_free(place.addr, stub.len);
        return err == -ERANGE ? PLAN_NO_PLACE : PLAN_IMMOVABLE;
    }
    memcpy(s->original, text->bytes + (p->patch - text->addr), PLAN_PATCH_LEN);
    site_set(s, p, &stub, place.addr);
    err = mmap_text_change(p->patch, PLAN_PATCH_LEN, apply, &c);
    enum plan_reason why = err != 0 ? page_reason(p->patch, err) : c.why;
    if (why != PLAN_OK) {
        stub_free(place.addr, stub.len);
        s->stub = 0;
    }
    return why;
}

/* The function that was proven last, for the sites that share one. [judging] */
static struct flow *last;

static void forget_last(void)
{
    flow_destroy(last);
    last = NULL;
}

/* By the file: what it says about the function around the site, or who calls that. */
static enum plan_reason judge_by_file(struct module *m, struct site *s)
{
    struct plan plan;
    if (last == NULL || !flow_starts(last, s->addr)) {
        forget_last();
        last = module_prove(m, s->addr);
    }
    if (last == NULL) {
        return PLAN_UNPROVEN;
    }
    enum plan_reason why = plan_site(last, s->addr, &plan);
    return why == PLAN_OK ? commit(s, &plan, &last->text) : why;
}

/* By the fact that it was executed. */
static enum plan_reason judge_by_execution(struct site *s, uint64_t nr)
{
    uint8_t bytes[FLOW_BEHIND];
    struct plan plan;
    struct text text = {bytes, s->addr, read_text(s->addr, bytes, sizeof(bytes))};
    enum plan_reason why = plan_executed(&text, nr != __NR_rt_sigreturn, &plan);
    return why == PLAN_OK ? commit(s, &plan, &text) : why;
}

/* The function that a return address on the stack says was called, if it may hold the site:
 * start, or
 * 0. Only a direct call tells. */
static uint64_t called_function(uint64_t return_address, uint64_t site)
{
    uint8_t call[CALL_LEN];
    int32_t rel;
    if (return_address < USER_MIN + CALL_LEN || return_address >= USER_MAX ||
        read_text(return_address - CALL_LEN, call, CALL_LEN) != CALL_LEN ||
        call[0] != OPCODE_CALL) {
        return 0;
    }
    memcpy(&rel, call + 1, sizeof(rel));
    uint64_t target = return_address + (uint64_t)(int64_t)rel;
    return target < site && site - target < CALLER_REACH ? target : 0;
}

/* By the function that was called: for assembly in files without tables, and code in memory. */
static enum plan_reason judge_by_caller(struct site *s)
{
    uint64_t stack[STACK_WORDS];
    if (uaccess_read(stack, uptr(void, cpu_this()->user_rsp), sizeof(stack)) != 0) {
        return PLAN_UNPROVEN;
    }
    struct flow *f = flow_create(CALLER_REACH);
    enum plan_reason why = f != NULL ? PLAN_UNPROVEN : PLAN_NO_MEMORY;
    for (unsigned i = 0; why == PLAN_UNPROVEN && i < STACK_WORDS; i++) {
        uint64_t start = called_function(stack[i], s->addr);
        struct plan plan;
        if (start == 0) {
            continue;
        }
        flow_clear(f);
        f->text.addr = start;
        f->text.len = read_text(start, f->bytes, s->addr - start + FLOW_BEHIND);
        if (flow_descend(f) && plan_site(f, s->addr, &plan) == PLAN_OK) {
            why = commit(s, &plan, &f->text);
        }
    }
    flow_destroy(f);
    return why;
}

static bool is_settled(enum plan_reason why)
{
    return why != PLAN_UNPROVEN && why != PLAN_IMMOVABLE && why != PLAN_MAPPING_END;
}

static enum plan_reason judge_late(uint64_t addr, uint64_t nr, struct site *s)
{
    struct module *m = module_find(addr);
    enum plan_reason why = m != NULL ? judge_by_file(m, s) : PLAN_UNPROVEN;
    if (!is_settled(why)) {
        why = judge_by_execution(s, nr);
    }
    if (!is_settled(why) && judge_by_caller(s) == PLAN_OK) {
        why = PLAN_OK;
    }
    forget_last();
    counts.late += why == PLAN_OK;
    return why;
}

/* A site that has just been executed, for the first time unless another thread was quicker. */
static void meet(uint64_t addr, uint64_t nr, struct site *s)
{
    mutex_lock(&judging);
    if (!site_find(addr, s)) {
        site_init(s, addr, PLAN_UNPROVEN);
        s->traps = 1;
        s->reason = (uint8_t)(enabled ? judge_late(addr, nr, s) : PLAN_UNPROVEN);
        if (s->stub == 0) {
            (void)(site_put(s) == 0); /* else it is judged again */
        }
    }
    mutex_unlock(&judging);
}

/* The patch of s is in memory as a whole. */
static bool is_in_place(const struct site *s)
{
    uint8_t now[PLAN_PATCH_LEN];
    return uaccess_read(now, uptr(void, site_patch(s)), sizeof(now)) == 0 &&
           memcmp(now, s->patch, sizeof(now)) == 0;
}

/* The page of a rewritten site went back to what the file has: forget it. With space.lock held, so
 * that no change is on its way: for mmap_text_change. */
static int drop_lost(void *ctx, uint8_t *const pages[2])
{
    const struct site *s = ctx;
    if (patch_matches(site_patch(s), s->patch, pages)) {
        return -EEXIST;
    }
    site_remove(s->addr, s->stub);
    return 0;
}

/* Where a call goes on that trapped at s: a patch that covers the call itself was not there yet. */
static uint64_t behind(const struct site *s)
{
    return s->stub != 0 && s->forward ? s->stub + s->resume : s->addr + PLAN_SYSCALL_LEN;
}

uint64_t rewrite_site(uint64_t addr, uint64_t nr)
{
    struct site s;
    if (site_trapped(addr, &s)) {
        if (s.stub == 0 || is_in_place(&s)) {
            return behind(&s);
        }
        int err = mmap_text_change(site_patch(&s), PLAN_PATCH_LEN, drop_lost, &s);
        if (err == -EEXIST) {
            return behind(&s);
        }
        if (err != 0) { /* the mapping is another one */
            site_remove(addr, s.stub);
        }
    }
    meet(addr, nr, &s);
    return behind(&s);
}

static void judge_early(struct module *m, uint64_t addr)
{
    struct site s;
    site_init(&s, addr, PLAN_UNPROVEN);
    s.early = true;
    counts.early += judge_by_file(m, &s) == PLAN_OK; /* others are judged when they are executed */
}

/* Offset of the first syscall in page at or behind from, PAGE_SIZE: none. One that straddles the
 * page's end is left to the trap. */
static size_t next_call(const uint8_t *page, size_t from)
{
    const uint64_t ones = 0x0101010101010101UL;
    for (size_t i = from; i + 1 < PAGE_SIZE;) {
        uint64_t low = 0;
        uint64_t high = 0;
        if (i + sizeof(low) < PAGE_SIZE) {
            memcpy(&low, page + i, sizeof(low));
            memcpy(&high, page + i + 1, sizeof(high));
            uint64_t x = (low ^ 0x0f * ones) | (high ^ 0x05 * ones); /* zero bytes are syscalls */
            if (((x - ones) & ~x & 0x80 * ones) == 0) {
                i += sizeof(low);
                continue;
            }
        }
        if (page[i] == 0x0f && page[i + 1] == 0x05) {
            return i;
        }
        i++;
    }
    return PAGE_SIZE;
}

bool rewrite_holds_calls(const uint8_t *page)
{
    return next_call(page, 0) != PAGE_SIZE;
}

void rewrite_text(uint64_t addr)
{
    static uint8_t bytes[PAGE_SIZE]; /* [judging] */
    uint64_t page = align_down(addr, PAGE_SIZE);
    struct site known;
    if (!enabled) {
        return;
    }
    mutex_lock(&judging);
    struct module *m = module_find(addr);
    if (m != NULL && module_take_page(m, page) && read_text(page, bytes, PAGE_SIZE) == PAGE_SIZE) {
        for (size_t at = 0; (at = next_call(bytes, at)) != PAGE_SIZE; at += PLAN_SYSCALL_LEN) {
            if (!site_find(page + at, &known)) {
                judge_early(m, page + at);
            }
        }
        forget_last();
    }
    mutex_unlock(&judging);
}

/* The program jumps into the patch of s too often: take it back. Its stub stays: a call may be on
 * its way through it. With space.lock held: for mmap_text_change. */
static int take_back(void *ctx, uint8_t *const pages[2])
{
    struct site now;
    struct patch change;
    const struct site *s = ctx;
    if (!site_find(s->addr, &now) || now.stub != s->stub ||
        !patch_matches(site_patch(s), s->patch, pages)) {
        return 0;
    }
    site_change(s, true, &change);
    now.stub = 0;
    now.reason = PLAN_ENTERED;
    int err = site_put(&now);
    if (err == 0) {
        patch_write(&change, pages);
    }
    return err;
}

/* With space.lock held: for mmap_text_change. */
static int renew(void *ctx, uint8_t *const pages[2])
{
    const uint64_t *addr = ctx;
    patch_renew(*addr, pages);
    return 0;
}

bool rewrite_stray(uint64_t rip, uint64_t *copy_rip)
{
    struct site s;
    uint64_t patch = patch_pending(rip); /* asked first: what it has forgotten is complete */
    if (site_stray(rip, copy_rip, &s) && is_in_place(&s)) {
        if (s.strays == STRAYS_MAX) {
            (void)(mmap_text_change(site_patch(&s), PLAN_PATCH_LEN, take_back, &s) == 0);
        }
        return true;
    }
    *copy_rip = rip;
    if (patch == 0 && site_entered(rip, &s) && is_in_place(&s)) {
        patch = rip; /* a jump there does not trap: that was while it was written */
    }
    if (patch != 0) { /* the lock is had when no change is on its way any more */
        (void)(mmap_text_change(patch, PLAN_PATCH_LEN, renew, &patch) == 0);
    }
    return patch != 0;
}

bool rewrite_resolve(uint64_t rip, uint64_t *site_rip)
{
    return site_resolve(rip, site_rip);
}

void rewrite_forget(uint64_t start, uint64_t end)
{
    site_forget(start, end);
    module_forget(start, end);
}

/* The file or kind of memory behind addr, and the offset in it. */
static void describe(uint64_t addr, char *out, size_t cap)
{
    char line[256];
    uint64_t next;
    struct mmap_text text;
    uint64_t offset = addr;
    if (mmap_text_find(addr, &text) == 0) {
        offset = addr - text.start + text.offset;
        if (text.file != NULL) {
            file_put(text.file);
        }
    }
    if (mmap_describe(addr, line, sizeof(line), &next) <= 0) {
        line[0] = 0;
    }
    line[sizeof(line) - 1] = 0;
    const char *name = strchr(line, '/');
    name = name != NULL ? name : strchr(line, '[');
    print_buf(out, cap, "%s+%lx", name != NULL ? name : "anonymous memory", offset);
}

void rewrite_report(void (*emit)(const char *line))
{
    char line[384];
    char where[256];
    unsigned trapping = 0;
    unsigned met = 0;
    struct site s;
    for (uint64_t at = 0; site_after(at, &s); at = s.addr) {
        met++;
        trapping += s.stub == 0;
    }
    print_buf(line, sizeof(line),
              "stats: sites seen %u, rewritten %u (%u of them before they ran), still trapping %u, "
              "stub pages %u%s",
              met, met - trapping, counts.early, trapping, stub_pages(),
              enabled ? "" : "; rewriting is switched off");
    emit(line);
    for (uint64_t at = 0; enabled && site_after(at, &s); at = s.addr) {
        if (s.stub != 0 && s.traps <= 1 && s.strays == 0) {
            continue;
        }
        describe(s.addr, where, sizeof(where));
        print_buf(line, sizeof(line), "stats: site %lx (%s): %u traps, %u strays: %s", s.addr,
                  where, s.traps, s.strays, plan_reason_text[s.reason]);
        emit(line);
    }
}
