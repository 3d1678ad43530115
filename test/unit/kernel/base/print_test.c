/* SPDX-License-Identifier: MIT */
// fakes: log
/* print_buf against the C library's snprintf, the log's levels and panic. */
#include "kernel/base/print.h"

#include <asm/errno.h>
#include <string.h>

#include "test/fake/log.h"
#include "test/unit/check.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-overflow"

#define CAP 80

/* The same arguments through both; every capacity is exact about its end. */
#define SAME(...)                                                                     \
    do {                                                                              \
        char got[CAP + 1];                                                            \
        char want[CAP];                                                               \
        size_t cap = check_below(2) == 0 ? CAP : check_below(12);                     \
        memset(got, '#', sizeof(got));                                                \
        memset(want, '#', sizeof(want));                                              \
        CHECK_EQ(print_buf(got, cap, __VA_ARGS__), snprintf(want, cap, __VA_ARGS__)); \
        got[CAP] = 0;                                                                 \
        CHECK(cap == 0 || strcmp(got, want) == 0);                                    \
        CHECK(got[cap] == '#' || cap == CAP);                                         \
    } while (0)

/* A random %[flags][width][.precision][length]conversion. */
static void random_format(char *out, const char *length, const char *conversions)
{
    static const char *const flags[] = {"", "-", "0", "+", "-0", "+0", "-+"};
    char width[12] = "";
    char precision[12] = "";
    if (check_below(2) == 0) {
        snprintf(width, sizeof(width), "%u", (unsigned)check_below(30));
    }
    if (check_below(3) == 0) {
        snprintf(precision, sizeof(precision), ".%u", (unsigned)check_below(25));
    }
    snprintf(out, 60, "<%%%s%s%s%s%c>", flags[check_below(ARRAY_LEN(flags))], width, precision,
             length, conversions[check_below(strlen(conversions))]);
}

static uint64_t random_value(void)
{
    static const uint64_t edges[] = {0,          1,          9,         10,        255,
                                     0x7fffffff, 0x80000000, INT64_MAX, 1UL << 63, UINT64_MAX};
    uint64_t r = check_random();
    return check_below(2) == 0 ? edges[check_below(ARRAY_LEN(edges))] : r >> check_below(64);
}

static void numbers(void)
{
    char format[60];
    for (unsigned i = 0; i < 60000; i++) {
        uint64_t v = random_value();
        random_format(format, "", "diuxX");
        SAME(format, (unsigned)v);
        random_format(format, check_below(2) == 0 ? "l" : "z", "diuxX");
        SAME(format, v);
        random_format(format, "ll", "diuxX");
        SAME(format, v);
        random_format(format, check_below(2) == 0 ? "hh" : "h", "diuxX");
        SAME(format, (unsigned)v);
    }
}

static void strings(void)
{
    for (unsigned i = 0; i < 3000; i++) {
        int width = (int)check_below(14) - 4;
        int precision = (int)check_below(8) - 2;
        SAME("%s|%8s|%-8s|%.2s", "abc", "abc", "abc", "abc");
        SAME("%*s|%-*s|", width, "xyz", width, "xyz");
        SAME("%.*s|%*.*d|", precision, "wxyz", width, precision, 42);
        SAME("%c%5c%-5c%%", 'a', 'b', 'c');
        SAME("%o|%04o|%8o|%lo", 0U, 022U, 0777U, ~0UL);
    }
    char text[40];
    print_buf(text, sizeof(text), "%s %.3s", (char *)NULL, "four");
    CHECK_STR(text, "(null) fou");
    print_buf(text, sizeof(text), "%p", (void *)0xabc);
    CHECK_STR(text, "0xabc");
    char unended[3] = {'a', 'b', 'c'};
    print_buf(text, sizeof(text), "%.3s", unended);
    CHECK_STR(text, "abc");
    CHECK_EQ(print_buf(text, sizeof(text), "end %"), 4);
}

static void levels(void)
{
    fake_log_clear();
    log(FS, INFO, "hidden");
    log(FS, WARN, "shown %d", 1);
    CHECK_STR(fake_log, "elfin: shown 1\n");
    CHECK_EQ(log_configure("fs:debug,mm:error"), 0);
    fake_log_clear();
    log(FS, DEBUG, "fs");
    log(MM, WARN, "mm");
    log(BOOT, WARN, "boot");
    CHECK_STR(fake_log, "elfin: fs\nelfin: boot\n");
    static const char *const bad[] = {"",          "loud",   "fs:",           "fs:loud", "gs:debug",
                                      "fs:debug,", ",error", "error,fs:loud", ":error"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        CHECK_EQ(log_configure(bad[i]), -EINVAL);
    }
    fake_log_clear();
    log(FS, DEBUG, "as before");
    CHECK_STR(fake_log, "elfin: as before\n");
    CHECK_EQ(log_configure("error"), 0);
    fake_log_clear();
    log(FS, WARN, "hidden");
    CHECK_STR(fake_log, "");
    CHECK_EQ(log_configure("warn"), 0);
}

static void long_lines_are_cut(void)
{
    char text[2000];
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = 0;
    fake_log_clear();
    log(FS, ERROR, "%s", text);
    size_t len = strlen(fake_log);
    CHECK(len > 500 && len <= 512 && fake_log[len - 1] == '\n' && fake_log[len - 2] == 'x');
}

static void panic_tells_why(void)
{
    fake_log_clear();
    EXPECT_PANIC(panic("because %d", 7));
    CHECK(strncmp(fake_log, "elfin: because 7\n", 17) == 0);
    CHECK(strstr(fake_log, "called from ") != NULL);
    fake_log_clear();
    EXPECT_PANIC(assert(1 + 1 == 3));
    CHECK(strstr(fake_log, "print_test.c") != NULL && strstr(fake_log, "1 + 1 == 3") != NULL);
}

TESTS(numbers, strings, levels, long_lines_are_cut, panic_tells_why)
