/* SPDX-License-Identifier: MIT */
/* The first stack of the program.
 *
 * Owns its layout. Two passes: measure everything, then write upwards, strings one by one and the
 * table of pointers from one heap buffer, all through uaccess.
 * Invariants: the stack pointer at entry is 16-byte aligned; argv[0]'s string starts a run without
 * gaps that ends with the last environment string. No locks.
 *
 * Source: x86-64 psABI 3.4.1 (initial process stack); getauxval(3). */
#include "loader/stack.h"

#include <asm/errno.h>
#include <linux/auxvec.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/uaccess.h"

#define STACK_ALIGN 16
#define OWN_AUX 4 /* AT_RANDOM, AT_EXECFN, AT_PLATFORM, AT_NULL */

/* Where things go. */
struct layout {
    uint64_t rsp, random, platform, strings, exec;
    size_t words; /* length of the table at rsp, in 8-byte words */
};

/* Total size of n strings with their NULs, added to *sum; false when it exceeds cap. */
static bool add_sizes(char *const *strings, unsigned n, size_t cap, size_t *sum)
{
    for (unsigned i = 0; i < n; i++) {
        *sum += strlen(strings[i]) + 1;
        if (*sum > cap) {
            return false;
        }
    }
    return true;
}

static int plan(const struct stack_input *in, struct layout *out)
{
    size_t strings = 0;
    size_t exec = strlen(in->exec) + 1;

    if (!add_sizes(in->args, in->nargs, in->room, &strings) ||
        !add_sizes(in->env, in->nenv, in->room, &strings)) {
        return -E2BIG;
    }
    out->words = 1 + in->nargs + 1UL + in->nenv + 1UL + 2UL * (in->naux + OWN_AUX);
    size_t platform = strlen(in->platform) + 1;
    size_t fixed = exec + platform + sizeof(in->random) + in->shift + 2 * STACK_ALIGN;
    if (strings + fixed + out->words * sizeof(uint64_t) > in->room) {
        return -E2BIG;
    }
    out->exec = in->top - in->shift - sizeof(uint64_t) - exec; /* a NULL word ends the stack */
    out->strings = out->exec - strings;
    out->platform = out->strings - platform;
    out->random = out->platform - sizeof(in->random);
    out->rsp = align_down(out->random - out->words * sizeof(uint64_t), STACK_ALIGN);
    return 0;
}

/* Copy s with its NUL to *to and advance. */
static int put_string(uint64_t *to, const char *s)
{
    size_t size = strlen(s) + 1;
    int err = uaccess_write(uptr(void, *to), s, size);
    *to += size;
    return err;
}

/* Copy n strings to *to on, their addresses and a NULL to *table on; both advance. */
static int put_strings(uint64_t *to, uint64_t **table, char *const *strings, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        *(*table)++ = *to;
        int err = put_string(to, strings[i]);
        if (err != 0) {
            return err;
        }
    }
    *(*table)++ = 0;
    return 0;
}

static void fill_aux(const struct stack_input *in, const struct layout *l, struct stack_output *out)
{
    const uint64_t own[OWN_AUX][2] = {
        {AT_RANDOM, l->random}, {AT_EXECFN, l->exec}, {AT_PLATFORM, l->platform}, {AT_NULL, 0}};

    memset(out->auxv, 0, sizeof(out->auxv));
    memcpy(out->auxv, in->aux, in->naux * sizeof(in->aux[0]));
    memcpy(out->auxv + in->naux, own, sizeof(own));
    out->naux = in->naux + OWN_AUX;
}

/* Everything above the table, and the table's words into table. */
static int write_strings(const struct stack_input *in, const struct layout *l, uint64_t *table)
{
    uint64_t to = l->strings;
    uint64_t platform = l->platform;

    *table++ = in->nargs;
    int err = put_strings(&to, &table, in->args, in->nargs);
    if (err == 0) {
        err = put_strings(&to, &table, in->env, in->nenv);
    }
    if (err == 0) {
        err = put_string(&to, in->exec);
    }
    if (err == 0) {
        err = put_string(&platform, in->platform);
    }
    if (err == 0) {
        err = uaccess_write(uptr(void, l->random), in->random, sizeof(in->random));
    }
    return err;
}

int stack_build(const struct stack_input *in, struct stack_output *out)
{
    struct layout l;
    int err = plan(in, &l);

    assert(in->naux <= STACK_MAX_AUX);
    if (err != 0) {
        return err;
    }
    size_t size = l.words * sizeof(uint64_t);
    uint64_t *table = heap_alloc(size);
    if (table == NULL) {
        return -ENOMEM;
    }
    fill_aux(in, &l, out);
    err = write_strings(in, &l, table);
    if (err == 0) {
        size_t aux_words = 2UL * out->naux;
        memcpy(table + l.words - aux_words, out->auxv, aux_words * sizeof(uint64_t));
        err = uaccess_write(uptr(void, l.rsp), table, size);
    }
    heap_free(table);
    out->rsp = l.rsp;
    return err;
}
