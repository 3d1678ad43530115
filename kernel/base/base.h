/* SPDX-License-Identifier: MIT */
/* Types, arithmetic and annotations that every file may use. Pure: compiler headers only. */
#ifndef KERNEL_BASE_BASE_H
#define KERNEL_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define HUGE_SHIFT 21
#define HUGE_SIZE (1UL << HUGE_SHIFT)

#define NSEC_PER_SEC 1000000000UL
#define TIME_NEVER UINT64_MAX /* deadline_ns: never */

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* clang-format off: it takes the minus for a sign */
#define container_of(ptr, type, member) \
    ((type *)(void *)((char *)(uintptr_t)(ptr)-offsetof(type, member)))
/* clang-format on */

#define MUST_CHECK __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define static_assert _Static_assert

/* Application pointers: only kernel/uaccess.c follows them (clang warns about any other use). */
#ifdef __clang__
#define USER __attribute__((noderef, address_space(1)))
#else
#define USER
#endif

/* Lock annotations, checked by clang -Wthread-safety. */
#ifdef __clang__
#define CAPABILITY(name) __attribute__((capability(name)))
#define TAKES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#define DROPS(...) __attribute__((release_capability(__VA_ARGS__)))
#define TAKES_SHARED(...) __attribute__((acquire_shared_capability(__VA_ARGS__)))
#define DROPS_SHARED(...) __attribute__((release_shared_capability(__VA_ARGS__)))
#define NEEDS(...) __attribute__((requires_capability(__VA_ARGS__)))
#define ASSERTS(...) __attribute__((assert_capability(__VA_ARGS__)))
#define GUARDED_BY(x) __attribute__((guarded_by(x)))
#define LOCK_ITSELF __attribute__((no_thread_safety_analysis)) /* also two locks by address */
#else
#define CAPABILITY(name)
#define TAKES(...)
#define DROPS(...)
#define TAKES_SHARED(...)
#define DROPS_SHARED(...)
#define NEEDS(...)
#define ASSERTS(...)
#define GUARDED_BY(x)
#define LOCK_ITSELF
#endif

/* A physical address, wrapped so that none can be followed or mixed up with a virtual one. */
struct pa {
    uint64_t v;
};

/* min, max: arguments are evaluated once; each use has names of its own, so that uses can nest. */
#define COMPARE_(a, op, b, x, y) \
    ({                           \
        __typeof__(a) x = (a);   \
        __typeof__(b) y = (b);   \
        x op y ? x : y;          \
    })
#define COMPARE_NAMED_(a, op, b, n) COMPARE_(a, op, b, a_##n, b_##n)
#define COMPARE_UNIQUE_(a, op, b, n) COMPARE_NAMED_(a, op, b, n)
#define min(a, b) COMPARE_UNIQUE_(a, <, b, __COUNTER__)
#define max(a, b) COMPARE_UNIQUE_(a, >, b, __COUNTER__)

/* align_down, align_up: to a power of two. align_up wraps to 0 past the top: check with add_ok. */
static inline uint64_t align_down(uint64_t x, uint64_t to)
{
    return x & ~(to - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) & ~(to - 1);
}

static inline bool is_aligned(uint64_t x, uint64_t to)
{
    return (x & (to - 1)) == 0;
}

/* add_ok, mul_ok: *out = a op b; false when it does not fit in 64 bits. */
MUST_CHECK static inline bool add_ok(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

MUST_CHECK static inline bool mul_ok(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
