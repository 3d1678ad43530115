/* SPDX-License-Identifier: MIT */
/* Calls to functions that no table knows, found by looking at every byte of a text once.
 *
 * Invariant: keys and starts are sorted, and each start's keys lie together. The owner serialises
 * all use. Source: Intel SDM volume 2 (CALL, JMP). */
#include "loader/callers.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"

#define TEXT_MAX (8UL << 20) /* looked at */
#define KEYS_MAX (1UL << 16)
#define CHUNK 4096UL
#define CALL_LEN 5
#define CALL 0xe8
#define ORIGIN_FILE UINT32_MAX

struct scan {
    struct callers *c;
    size_t cap;
    uint8_t *covered; /* bit per byte of the text: in a function of known length */
    uint64_t len;
};

static int add_key(struct scan *s, uint64_t to, uint32_t from)
{
    struct callers *c = s->c;
    if (to >= s->len || (s->covered[to / 8] >> to % 8 & 1) != 0 || c->nkeys == KEYS_MAX) {
        return 0;
    }
    if (c->nkeys == s->cap) {
        size_t n = max(s->cap * 2, (size_t)64);
        uint64_t *more = heap_resize(c->keys, n * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        c->keys = more;
        s->cap = n;
    }
    c->keys[c->nkeys++] = to << 32 | from;
    return 0;
}

/* Bits of the functions of known length; then the starts that the file itself names. */
static int add_known(struct scan *s, const struct functions *f)
{
    for (size_t i = 0; i < f->nranges; i++) {
        uint64_t at = f->ranges[i].start - f->text_start;
        for (uint64_t end = at + f->ranges[i].len; at < end; at++) {
            s->covered[at / 8] |= (uint8_t)(1U << at % 8);
        }
    }
    for (size_t i = 0; i < f->nranges; i++) {
        bool open = f->ranges[i].len == 0;
        int err = open ? add_key(s, f->ranges[i].start - f->text_start, ORIGIN_FILE) : 0;
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int scan_text(struct scan *s, const struct functions *f)
{
    uint8_t bytes[CHUNK + CALL_LEN];
    for (uint64_t base = 0; base < s->len; base += CHUNK) {
        size_t n = functions_read(f, f->text_start + base, bytes, sizeof(bytes));
        for (size_t i = 0; i < CHUNK && i + CALL_LEN <= n; i++) {
            int32_t rel;
            if ((bytes[i] & 0xfe) != CALL) { /* or JMP, which is the next opcode */
                continue;
            }
            memcpy(&rel, bytes + i + 1, sizeof(rel));
            uint64_t to = base + i + CALL_LEN + (uint64_t)(int64_t)rel;
            int err = add_key(s, to, (uint32_t)(base + i));
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

static void sort_keys(uint64_t *keys, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < n; i++) {
            uint64_t moving = keys[i];
            size_t j = i;
            for (; j >= gap && keys[j - gap] > moving; j -= gap) {
                keys[j] = keys[j - gap];
            }
            keys[j] = moving;
        }
    }
}

static int make_starts(struct callers *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->nkeys; i++) {
        n += i == 0 || c->keys[i] >> 32 != c->keys[i - 1] >> 32;
    }
    if (n == 0) {
        return 0;
    }
    c->starts = heap_zalloc(n * sizeof(*c->starts));
    if (c->starts == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < c->nkeys; i++) {
        uint32_t to = (uint32_t)(c->keys[i] >> 32);
        if (c->nstarts == 0 || c->starts[c->nstarts - 1].at != to) {
            c->starts[c->nstarts++] = (struct callers_start){.first = (uint32_t)i, .at = to};
        }
        c->starts[c->nstarts - 1].n++;
    }
    return 0;
}

int callers_open(struct callers *c, const struct functions *f)
{
    struct scan s = {.c = c, .len = f->text_end - f->text_start};
    memset(c, 0, sizeof(*c));
    c->base = f->text_start;
    if (s.len > TEXT_MAX) {
        return -E2BIG;
    }
    s.covered = heap_zalloc(s.len / 8 + 1);
    int err = s.covered != NULL ? add_known(&s, f) : -ENOMEM;
    err = err == 0 ? scan_text(&s, f) : err;
    heap_free(s.covered);
    if (err == 0) {
        sort_keys(c->keys, c->nkeys);
        err = make_starts(c);
    }
    if (err != 0) {
        callers_close(c);
    }
    return err;
}

void callers_close(struct callers *c)
{
    heap_free(c->starts);
    heap_free(c->keys);
    memset(c, 0, sizeof(*c));
}

struct callers_start *callers_below(const struct callers *c, uint64_t addr)
{
    size_t low = 0;
    size_t high = c->nstarts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        bool below = c->base + c->starts[mid].at <= addr;
        low = below ? mid + 1 : low;
        high = below ? high : mid;
    }
    return low != 0 ? &c->starts[low - 1] : NULL;
}

struct callers_start *callers_before(const struct callers *c, struct callers_start *s)
{
    return s != c->starts ? s - 1 : NULL;
}

uint64_t callers_origin(const struct callers *c, const struct callers_start *s, uint32_t i)
{
    uint32_t from = (uint32_t)c->keys[s->first + i];
    return from == ORIGIN_FILE ? CALLERS_FILE : c->base + from;
}
