/* SPDX-License-Identifier: MIT */
/* Memory and string primitives. Bulk work uses the string instructions: every processor that runs
 * this has fast ones (ERMS, FSRM), and vector registers belong to the program. Pure.
 * Source: C11 7.24; Intel optimisation manual 3.7.6. */
#include "kernel/base/string.h"

#include <asm/errno.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
    void *d = dst;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(len)::"memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
    char *d = dst;
    const char *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= len) {
        return memcpy(dst, src, len);
    }
    d += len - 1;
    s += len - 1;
    __asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(len)::"memory");
    return dst;
}

void *memset(void *dst, int byte, size_t len)
{
    void *d = dst;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(len) : "a"(byte) : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < len; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

void *memchr(const void *s, int byte, size_t len)
{
    const uint8_t *p = s;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == (uint8_t)byte) {
            return (void *)(uintptr_t)(p + i);
        }
    }
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n] != 0) {
        n++;
    }
    return n;
}

size_t strnlen(const char *s, size_t cap)
{
    size_t n = 0;
    while (n < cap && s[n] != 0) {
        n++;
    }
    return n;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t cap)
{
    for (size_t i = 0; i < cap; i++) {
        if (a[i] != b[i] || a[i] == 0) {
            return (uint8_t)a[i] - (uint8_t)b[i];
        }
    }
    return 0;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c) {
            return (char *)(uintptr_t)s;
        }
        if (*s == 0) {
            return NULL;
        }
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c) {
            last = s;
        }
        if (*s == 0) {
            return (char *)(uintptr_t)last;
        }
    }
}

long string_copy(char *dst, size_t cap, const char *src)
{
    size_t len = strlen(src);
    if (cap == 0) {
        return -ENAMETOOLONG;
    }
    size_t take = min(len, cap - 1);
    memcpy(dst, src, take);
    dst[take] = 0;
    return take == len ? (long)len : -ENAMETOOLONG;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

int string_to_u64(const char *s, uint64_t *out)
{
    int base = 10;
    uint64_t value = 0;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    if (*s == 0) {
        return -EINVAL;
    }
    for (; *s != 0; s++) {
        int digit = digit_value(*s);
        if (digit < 0 || digit >= base) {
            return -EINVAL;
        }
        if (!mul_ok(value, (uint64_t)base, &value) || !add_ok(value, (uint64_t)digit, &value)) {
            return -ERANGE;
        }
    }
    *out = value;
    return 0;
}
