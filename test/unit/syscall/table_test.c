/* SPDX-License-Identifier: MIT */
// sources:
// fakes:
/* syscalls.def against the system's own list: a row's number is __NR_ of its name, each once, and
 * its guest test is there. The compiler expands the rows, so a name that Linux does not have does
 * not build. */
#include <asm/unistd_64.h>
#include <string.h>

#include "test/unit/check.h"

int access(const char *path, int mode);

#ifndef __NR_fchmodat2 /* Linux 6.6; headers may be older */
#define __NR_fchmodat2 452
#endif

/* Rows are counted by their argument lists too: type and name by turns. */
#define TEXTS(...) #__VA_ARGS__
struct row {
    long nr, want;
    const char *name, *status, *test;
    unsigned nargs;
    const char *args;
};
#define FULL "FULL"
#define PART "PART"
#define STUB "STUB"
#define SYSCALL(nr, name, status, test, n, ...) \
    {nr, __NR_##name, #name, status, test, n, TEXTS(__VA_ARGS__)},
static const struct row rows[] = {
#include "syscall/syscalls.def"
};

static void numbers(void)
{
    CHECK(ARRAY_LEN(rows) > 200);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].nr != rows[i].want) {
            fprintf(stderr, "row %s\n", rows[i].name);
        }
        CHECK_EQ(rows[i].nr, rows[i].want);
    }
}

static void each_once(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned k = 0; k < i; k++) {
            if (rows[i].nr == rows[k].nr || strcmp(rows[i].name, rows[k].name) == 0) {
                fprintf(stderr, "rows %s and %s\n", rows[k].name, rows[i].name);
            }
            CHECK(rows[i].nr != rows[k].nr);
            CHECK(strcmp(rows[i].name, rows[k].name) != 0);
        }
    }
}

static void arguments(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned commas = 0;
        for (const char *p = rows[i].args; *p != 0; p++) {
            commas += *p == ',';
        }
        unsigned want = rows[i].nargs == 0 ? 0 : 2 * rows[i].nargs - 1;
        if (commas != want) {
            fprintf(stderr, "row %s: (%s)\n", rows[i].name, rows[i].args);
        }
        CHECK_EQ(commas, want);
        CHECK(rows[i].nargs <= 6);
        CHECK((rows[i].nargs == 0) == (rows[i].args[0] == 0));
    }
}

static void guest_tests(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        char path[200];
        snprintf(path, sizeof(path), "test/%s", rows[i].test);
        if (access(path, 4) != 0) {
            fprintf(stderr, "row %s: no %s\n", rows[i].name, path);
        }
        CHECK(access(path, 4) == 0);
    }
}

TESTS(numbers, each_once, arguments, guest_tests)
