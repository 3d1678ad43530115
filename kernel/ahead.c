/* SPDX-License-Identifier: MIT */
/* Whether a new mapping gets its first pages at once.
 *
 * malloc, where it maps and unmaps, touches what it gets; a fault then costs as much as entering
 * dozens of pages. Programs that only reserve lose by pages nobody wants. So one mapping in
 * SAMPLE_EVERY is left alone and watched: touched before it goes speaks for entering, the opposite
 * against. The score is a guess: threads that change it at once spoil it by a step at most.
 * Stacks of threads are used for certain. Context: space.lock held. */
#include "kernel/ahead.h"

#include <asm/mman.h>

#include "kernel/space.h"

#define AHEAD_LEN (34 * PAGE_SIZE) /* a step of glibc's heap is 33 pages */
#define STACK_LEN (8 * PAGE_SIZE) /* of a new stack; as cheap as one page, see trap.S */
#define SAMPLE_EVERY 16
#define SCORE_MAX 8
#define SCORE_ENOUGH 4

static unsigned score = SCORE_ENOUGH; /* [A] */
static unsigned until_sample = SAMPLE_EVERY; /* [space.lock] */
static uint64_t sample_start, sample_end; /* [A] being watched; both 0: nothing */

static bool is_plain(const struct vma *v)
{
    const int wanted = PROT_READ | PROT_WRITE;
    return v != NULL && v->file == NULL && v->prot == wanted &&
           (v->flags & (VMA_SHARED | VMA_GROWS | VMA_NOHUGE | VMA_SPECIAL)) == 0;
}

/* Faults that go on where these pages end find a sequence. */
void ahead_grown(uint64_t start, uint64_t end)
{
    struct vma *v = vma_at(&space.tree, start);
    if (!is_plain(v)) {
        return;
    }
    end = min(end, start + AHEAD_LEN);
    space_enter_ahead(v, start, end);
    __atomic_store_n(&v->around_next, end, __ATOMIC_RELAXED);
}

/* C libraries map a stack without rights and then open all but its guard: a thread is about to use
 * its upper end. Memory opened from the lower end of what was reserved is a heap's. */
bool ahead_opened(uint64_t start, uint64_t end)
{
    const struct vma *v = vma_at(&space.tree, start);
    const unsigned unlike = VMA_SHARED | VMA_GROWS | VMA_SPECIAL;
    if (v->file != NULL || v->prot != (PROT_READ | PROT_WRITE) || (v->flags & unlike) != 0) {
        return false;
    }
    const struct vma *guard = vma_prev(v);
    const struct vma *above = vma_next(v);
    bool guarded = guard != NULL && guard->end == start && guard->prot == PROT_NONE;
    bool ends = above == NULL || above->start != end || above->prot != PROT_NONE;
    if (!guarded || !ends || v->end != end) {
        return false;
    }
    start = max(start, align_down(end - 1, HUGE_SIZE)); /* one monitor call */
    space_enter_ahead(v, max(start, end - STACK_LEN), end);
    return true;
}

static void watch(uint64_t start, uint64_t end)
{
    __atomic_store_n(&sample_start, start, __ATOMIC_RELAXED);
    __atomic_store_n(&sample_end, end, __ATOMIC_RELAXED);
}

static bool watched(uint64_t start, uint64_t end)
{
    return start < __atomic_load_n(&sample_end, __ATOMIC_RELAXED) &&
           end > __atomic_load_n(&sample_start, __ATOMIC_RELAXED);
}

void ahead_mapped(uint64_t start, uint64_t end)
{
    if (end - start >= HUGE_SIZE || !is_plain(vma_at(&space.tree, start))) {
        return;
    }
    bool sample = until_sample == 0 || __atomic_load_n(&score, __ATOMIC_RELAXED) < SCORE_ENOUGH;
    if (sample) {
        watch(start, end);
        until_sample = SAMPLE_EVERY;
        return;
    }
    until_sample--;
    ahead_grown(start, end);
}

void ahead_touched(uint64_t va)
{
    if (watched(va, va + 1)) {
        unsigned now = __atomic_load_n(&score, __ATOMIC_RELAXED);
        __atomic_store_n(&score, min(now + 1, (unsigned)SCORE_MAX), __ATOMIC_RELAXED);
        watch(0, 0);
    }
}

void ahead_gone(uint64_t start, uint64_t end)
{
    if (watched(start, end)) {
        unsigned now = __atomic_load_n(&score, __ATOMIC_RELAXED);
        __atomic_store_n(&score, now != 0 ? now - 1 : 0, __ATOMIC_RELAXED);
        watch(0, 0);
    }
}
