/* SPDX-License-Identifier: MIT */
/* Checks of a host unit test. A test is a function; TESTS(a, b, ...) makes main of the list. A
 * failed check prints its place and ends the program with status 1; a program without checks
 * fails. */
#ifndef TEST_UNIT_CHECK_H
#define TEST_UNIT_CHECK_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/base/base.h"

static unsigned long check_count; /* [A] tests may have threads */
#define CHECKED_() __atomic_fetch_add(&check_count, 1, __ATOMIC_RELAXED)

/* What every test must leave as it found it (objects, frames ...): fakes that count define it. */
extern long fake_heap_in_use(void) __attribute__((weak));
extern long fake_pages_in_use(void) __attribute__((weak));

/* The fake log's: a panic inside EXPECT_PANIC comes back here. */
extern jmp_buf *fake_panic_landing __attribute__((weak));

#define CHECK(cond)                                                            \
    do {                                                                       \
        CHECKED_();                                                            \
        if (!(cond)) {                                                         \
            fflush(stdout);                                                    \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

/* CHECK_EQ: integers or pointers; both values are printed. */
#define CHECK_EQ(got, want)                                                                 \
    do {                                                                                    \
        long long got_ = (long long)(got);                                                  \
        long long want_ = (long long)(want);                                                \
        CHECKED_();                                                                         \
        if (got_ != want_) {                                                                \
            fflush(stdout);                                                                 \
            fprintf(stderr, "%s:%d: failed: %s = %lld (0x%llx), want %s = %lld (0x%llx)\n", \
                    __FILE__, __LINE__, #got, got_, (unsigned long long)got_, #want, want_, \
                    (unsigned long long)want_);                                             \
            _exit(1);                                                                       \
        }                                                                                   \
    } while (0)

#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *got_ = (got);                                                                  \
        const char *want_ = (want);                                                                \
        CHECKED_();                                                                                \
        if (check_str_differs(got_, want_)) {                                                      \
            fflush(stdout);                                                                        \
            fprintf(stderr, "%s:%d: failed: %s = \"%s\", want \"%s\"\n", __FILE__, __LINE__, #got, \
                    got_, want_);                                                                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* EXPECT_PANIC: statement must end in panic(); the fake log is needed. */
#define EXPECT_PANIC(statement)                                                       \
    do {                                                                              \
        jmp_buf landing_;                                                             \
        volatile bool panicked_ = true;                                               \
        fake_panic_landing = &landing_;                                               \
        if (setjmp(landing_) == 0) {                                                  \
            statement;                                                                \
            panicked_ = false;                                                        \
        }                                                                             \
        fake_panic_landing = NULL;                                                    \
        CHECKED_();                                                                   \
        if (!panicked_) {                                                             \
            fprintf(stderr, "%s:%d: no panic: %s\n", __FILE__, __LINE__, #statement); \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

void _exit(int status);

static inline bool check_str_differs(const char *a, const char *b)
{
    return __builtin_strcmp(a, b) != 0;
}

/* Random numbers with a fixed seed: the same in every run, so a failure can be had again. */
static uint64_t check_seed = 20240229;

static inline uint64_t check_random(void)
{
    check_seed ^= check_seed << 13;
    check_seed ^= check_seed >> 7;
    check_seed ^= check_seed << 17;
    return check_seed;
}

/* check_below: 0..n-1. */
static inline uint64_t check_below(uint64_t n)
{
    return (check_random() >> 11) % n;
}

struct check_test {
    const char *name;
    void (*run)(void);
};

static inline void check_run(const struct check_test *t)
{
    long objects = fake_heap_in_use != NULL ? fake_heap_in_use() : 0;
    long frames = fake_pages_in_use != NULL ? fake_pages_in_use() : 0;
    unsigned long before = check_count;
    printf("test %s (seed %llu)\n", t->name, (unsigned long long)check_seed);
    fflush(stdout);
    t->run();
    long objects_left = (fake_heap_in_use != NULL ? fake_heap_in_use() : 0) - objects;
    long frames_left = (fake_pages_in_use != NULL ? fake_pages_in_use() : 0) - frames;
    if (objects_left != 0 || frames_left != 0 || check_count == before) {
        fprintf(stderr, "%s: %ld heap objects and %ld frames more than at its start, %lu checks\n",
                t->name, objects_left, frames_left, check_count - before);
        _exit(1);
    }
}

static inline int check_main(const struct check_test *tests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check_run(&tests[i]);
    }
    printf("checks: %lu in %zu tests\n", check_count, n);
    return check_count == 0;
}

#define CHECK_ROW_(name) {#name, name},
#define CHECK_R1_(a) CHECK_ROW_(a)
#define CHECK_R2_(a, ...) CHECK_ROW_(a) CHECK_R1_(__VA_ARGS__)
#define CHECK_R3_(a, ...) CHECK_ROW_(a) CHECK_R2_(__VA_ARGS__)
#define CHECK_R4_(a, ...) CHECK_ROW_(a) CHECK_R3_(__VA_ARGS__)
#define CHECK_R5_(a, ...) CHECK_ROW_(a) CHECK_R4_(__VA_ARGS__)
#define CHECK_R6_(a, ...) CHECK_ROW_(a) CHECK_R5_(__VA_ARGS__)
#define CHECK_R7_(a, ...) CHECK_ROW_(a) CHECK_R6_(__VA_ARGS__)
#define CHECK_R8_(a, ...) CHECK_ROW_(a) CHECK_R7_(__VA_ARGS__)
#define CHECK_R9_(a, ...) CHECK_ROW_(a) CHECK_R8_(__VA_ARGS__)
#define CHECK_R10_(a, ...) CHECK_ROW_(a) CHECK_R9_(__VA_ARGS__)
#define CHECK_R11_(a, ...) CHECK_ROW_(a) CHECK_R10_(__VA_ARGS__)
#define CHECK_R12_(a, ...) CHECK_ROW_(a) CHECK_R11_(__VA_ARGS__)
#define CHECK_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, pick, ...) pick
#define CHECK_ROWS_(...)                                                                          \
    CHECK_PICK_(__VA_ARGS__, CHECK_R12_, CHECK_R11_, CHECK_R10_, CHECK_R9_, CHECK_R8_, CHECK_R7_, \
                CHECK_R6_, CHECK_R5_, CHECK_R4_, CHECK_R3_, CHECK_R2_, CHECK_R1_, 0)              \
    (__VA_ARGS__)

/* TESTS: main that runs up to twelve test functions in order. */
#define TESTS(...)                                                           \
    int main(void)                                                           \
    {                                                                        \
        static const struct check_test tests[] = {CHECK_ROWS_(__VA_ARGS__)}; \
        return check_main(tests, sizeof(tests) / sizeof(tests[0]));          \
    }

#endif
