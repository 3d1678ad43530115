/* SPDX-License-Identifier: MIT */
// sources: kernel/base/string.c
/* The memory and string primitives against the C library's. tools/unit-test builds string.c with
 * its C library names prefixed by kernel_. */
#include "kernel/base/string.h"

#include <asm/errno.h>
#include <string.h>

#include "test/unit/check.h"

void *kernel_memcpy(void *restrict dst, const void *restrict src, size_t len);
void *kernel_memmove(void *dst, const void *src, size_t len);
void *kernel_memset(void *dst, int byte, size_t len);
int kernel_memcmp(const void *a, const void *b, size_t len);
void *kernel_memchr(const void *s, int byte, size_t len);
size_t kernel_strlen(const char *s);
size_t kernel_strnlen(const char *s, size_t cap);
int kernel_strcmp(const char *a, const char *b);
int kernel_strncmp(const char *a, const char *b, size_t cap);
char *kernel_strchr(const char *s, int c);
char *kernel_strrchr(const char *s, int c);

#define SPACE 300

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static void fill(uint8_t *p, size_t len, unsigned values)
{
    for (size_t i = 0; i < len; i++) {
        p[i] = (uint8_t)(check_below(values) + 254);
    }
}

static void memory(void)
{
    uint8_t got[SPACE];
    uint8_t want[SPACE];
    for (unsigned step = 0; step < 20000; step++) {
        size_t from = check_below(SPACE);
        size_t to = check_below(SPACE);
        size_t len = check_below(SPACE - max(from, to) + 1);
        fill(got, SPACE, 256);
        memcpy(want, got, SPACE);
        switch (check_below(3)) {
        case 0:
            CHECK(kernel_memmove(got + to, got + from, len) == got + to);
            memmove(want + to, want + from, len);
            break;
        case 1:
            CHECK(kernel_memset(got + to, (int)step, len) == got + to);
            memset(want + to, (int)step, len);
            break;
        default:
            len = from < to ? min(len, to - from) : min(len, from - to);
            CHECK(kernel_memcpy(got + to, got + from, len) == got + to);
            memcpy(want + to, want + from, len);
            break;
        }
        CHECK(memcmp(got, want, SPACE) == 0);
    }
}

static void comparison(void)
{
    char a[24];
    char b[24];
    for (unsigned step = 0; step < 50000; step++) {
        fill((uint8_t *)a, sizeof(a), 4); /* 254, 255, 0, 1: signs matter and strings are short */
        fill((uint8_t *)b, sizeof(b), 4);
        a[sizeof(a) - 1] = b[sizeof(b) - 1] = 0;
        memcpy(b, a, check_below(sizeof(a)));
        size_t len = check_below(sizeof(a));
        int c = (int)(check_below(4) + 254);
        CHECK_EQ(sign(kernel_memcmp(a, b, len)), sign(memcmp(a, b, len)));
        CHECK_EQ(sign(kernel_strcmp(a, b)), sign(strcmp(a, b)));
        CHECK_EQ(sign(kernel_strncmp(a, b, len)), sign(strncmp(a, b, len)));
        CHECK_EQ(kernel_strlen(a), strlen(a));
        CHECK_EQ(kernel_strnlen(a, len), strnlen(a, len));
        CHECK(kernel_memchr(a, c, len) == memchr(a, c, len));
        CHECK(kernel_strchr(a, c) == strchr(a, c));
        CHECK(kernel_strrchr(a, c) == strrchr(a, c));
    }
}

static void copy(void)
{
    char dst[4];
    CHECK_EQ(string_copy(dst, sizeof(dst), "abc"), 3);
    CHECK_STR(dst, "abc");
    CHECK_EQ(string_copy(dst, sizeof(dst), "abcd"), -ENAMETOOLONG);
    CHECK_STR(dst, "abc");
    CHECK_EQ(string_copy(dst, 1, ""), 0);
    CHECK_STR(dst, "");
    CHECK_EQ(string_copy(dst, 0, ""), -ENAMETOOLONG);
}

static void numbers(void)
{
    static const struct {
        const char *text;
        int err;
        uint64_t value;
    } cases[] = {
        {"0", 0, 0},
        {"42", 0, 42},
        {"010", 0, 10},
        {"0x1F", 0, 31},
        {"0XfF", 0, 255},
        {"18446744073709551615", 0, UINT64_MAX},
        {"0xffffffffffffffff", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"0x10000000000000000", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"0x", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1a", -EINVAL, 0},
        {"0xg", -EINVAL, 0},
        {"a", -EINVAL, 0},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = 7;
        CHECK_EQ(string_to_u64(cases[i].text, &value), cases[i].err);
        CHECK_EQ(value, cases[i].err == 0 ? cases[i].value : 7);
    }
}

TESTS(memory, comparison, copy, numbers)
