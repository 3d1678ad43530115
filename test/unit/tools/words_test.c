/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/words.c tools/elfin/report.c
#include "tools/elfin/words.h"

#include <string.h>
#include <unistd.h>

#include "test/unit/check.h"

static void lists(void)
{
    struct words w = {0};
    CHECK(!words_contain(&w, ""));
    for (int i = 0; i < 1000; i++) {
        words_add_format(&w, "word %d", i);
    }
    CHECK_EQ(w.count, 1000);
    CHECK_STR(w.items[999], "word 999");
    CHECK(w.items[1000] == NULL);
    CHECK(words_contain(&w, "word 0"));
    CHECK(!words_contain(&w, "word"));
    words_fini(&w);
    CHECK_EQ(w.count, 0);
}

static void splitting(void)
{
    struct words w = {0};
    words_split(&w, "", ":");
    CHECK_EQ(w.count, 0);
    words_split(&w, ":a::b c:\nd", ":\n");
    CHECK_EQ(w.count, 3);
    CHECK_STR(w.items[0], "a");
    CHECK_STR(w.items[1], "b c");
    CHECK_STR(w.items[2], "d");
    words_fini(&w);
}

static void texts(void)
{
    struct text t = {0};
    text_add(&t, "a\0b", 3);
    text_add_string(&t, "");
    text_add_format(&t, "%d", -5);
    CHECK_EQ(t.len, 5);
    CHECK(memcmp(t.data, "a\0b-5", 6) == 0);
    text_fini(&t);
    CHECK(text_copy(NULL) == NULL);
    char *part = text_copy_part("abc", 2);
    CHECK_STR(part, "ab");
    free(part);
}

TESTS(lists, splitting, texts)
