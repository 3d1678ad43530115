/* SPDX-License-Identifier: MIT */
// sources: loader/stack.c
// fakes: heap log uaccess
/* The first stack of a program, read back as its start code does. Source: x86-64 psABI 3.4.1. */
#include "loader/stack.h"

#include <asm/errno.h>
#include <linux/auxvec.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/fake/uaccess.h"
#include "test/unit/check.h"

#define ROOM (16 * PAGE_SIZE)

static char *memory; /* ROOM bytes, page-aligned */
static struct stack_input in;
static struct stack_output out;
static char *args[] = {"prog", "", "second argument"};
static char *env[] = {"A=1", "LONG=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

static void begin(unsigned nargs, unsigned nenv, uint64_t shift)
{
    memory = aligned_alloc(PAGE_SIZE, ROOM);
    CHECK(memory != NULL);
    memset(memory, 0xa5, ROOM);
    in = (struct stack_input){.args = args,
                              .env = env,
                              .nargs = nargs,
                              .nenv = nenv,
                              .exec = "/bin/prog",
                              .platform = "x86_64",
                              .aux = {{AT_PAGESZ, PAGE_SIZE}, {AT_PHNUM, 7}},
                              .naux = 2,
                              .top = (uint64_t)(uintptr_t)memory + ROOM,
                              .room = ROOM};
    in.shift = shift;
    memset(memory + ROOM - shift - 8, 0, 8); /* a fresh stack is all zeros */
    for (unsigned i = 0; i < 16; i++) {
        in.random[i] = (uint8_t)(i * 17);
    }
}

static const uint64_t *words_at(uint64_t at)
{
    return (const uint64_t *)(uintptr_t)at;
}

static const char *text_at(uint64_t at)
{
    CHECK(at > out.rsp && at < in.top);
    return (const char *)(uintptr_t)at;
}

/* The value of type in the vector at w; UINT64_MAX when there is none. */
static uint64_t aux_value(const uint64_t *w, uint64_t type)
{
    for (; w[0] != AT_NULL; w += 2) {
        if (w[0] == type) {
            return w[1];
        }
    }
    return UINT64_MAX;
}

static const uint64_t *check_strings(const uint64_t *w, char *const *want, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        CHECK_STR(text_at(w[i]), want[i]);
        CHECK(i == 0 || w[i] == w[i - 1] + strlen(want[i - 1]) + 1); /* without gaps */
    }
    CHECK_EQ(w[n], 0);
    return w + n + 1;
}

static void check_stack(void)
{
    const uint64_t *w = words_at(out.rsp);
    CHECK(is_aligned(out.rsp, 16));
    CHECK(out.rsp > in.top - in.room);
    CHECK_EQ(w[0], in.nargs);
    const uint64_t *envp = check_strings(w + 1, in.args, in.nargs);
    const uint64_t *aux = check_strings(envp, in.env, in.nenv);
    if (in.nargs != 0 && in.nenv != 0) { /* programs that set their title rely on it */
        CHECK_EQ(envp[0], w[in.nargs] + strlen(in.args[in.nargs - 1]) + 1);
    }
    CHECK_EQ(aux_value(aux, AT_PAGESZ), PAGE_SIZE);
    CHECK_EQ(aux_value(aux, AT_PHNUM), 7);
    CHECK_STR(text_at(aux_value(aux, AT_EXECFN)), "/bin/prog");
    CHECK_STR(text_at(aux_value(aux, AT_PLATFORM)), "x86_64");
    CHECK(memcmp(text_at(aux_value(aux, AT_RANDOM)), in.random, 16) == 0);
    CHECK_EQ(out.naux, in.naux + 4);
    CHECK(memcmp(aux, out.auxv, out.naux * sizeof(out.auxv[0])) == 0);
    CHECK_EQ(out.auxv[out.naux - 1][0], AT_NULL);
    CHECK_EQ(*words_at(in.top - in.shift - 8), 0); /* a NULL word ends it */
}

static void layouts(void)
{
    for (unsigned nargs = 0; nargs <= 3; nargs++) {
        for (unsigned nenv = 0; nenv <= 2; nenv++) {
            begin(nargs, nenv, 16 * check_below(200));
            CHECK_EQ(stack_build(&in, &out), 0);
            check_stack();
            free(memory);
        }
    }
}

/* As many pairs as a caller may pass; one more is a bug of ours. */
static void full_vector(void)
{
    begin(1, 1, 0);
    for (unsigned i = 2; i < STACK_MAX_AUX; i++) {
        in.aux[i][0] = 100 + i;
        in.aux[i][1] = i;
    }
    in.naux = STACK_MAX_AUX;
    CHECK_EQ(stack_build(&in, &out), 0);
    check_stack();
    in.naux++;
    EXPECT_PANIC((void)!stack_build(&in, &out));
    free(memory);
}

/* Whatever the room, it is kept: nothing below top - room is written. */
static void limits(void)
{
    int err = -E2BIG;
    for (size_t room = 0; err != 0; room += 8) {
        CHECK(room < 2000);
        begin(3, 2, 0);
        in.room = room;
        err = stack_build(&in, &out);
        CHECK(err == 0 || err == -E2BIG);
        for (size_t i = 0; i < ROOM - max(room, 8UL); i++) {
            CHECK(memory[i] == (char)0xa5);
        }
        if (err == 0) {
            check_stack();
        }
        free(memory);
    }
    begin(1, 1, 0); /* one string that is longer than all the room */
    char *huge = malloc(2 * ROOM);
    memset(huge, 'h', 2 * ROOM - 1);
    huge[2 * ROOM - 1] = 0;
    char *one[] = {huge};
    in.args = one;
    CHECK_EQ(stack_build(&in, &out), -E2BIG);
    free(huge);
    free(memory);
}

static void failures(void)
{
    begin(3, 2, 0);
    heap_fail_after(1);
    CHECK_EQ(stack_build(&in, &out), -ENOMEM);
    heap_fail_after(0);
    CHECK_EQ(stack_build(&in, &out), 0);
    uint64_t rsp = out.rsp;
    for (uint64_t at = rsp; at < in.top - 8; at += 8) { /* each word's page away once */
        fake_fault_at = at;
        fake_fault_end = at + 8;
        int err = stack_build(&in, &out);
        bool padding = err == 0;
        CHECK(err == -EFAULT || padding);
        CHECK(!padding || at > rsp + 8 * 16);
    }
    fake_fault_at = fake_fault_end = 0;
    free(memory);
}

TESTS(layouts, full_vector, limits, failures)
