/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/ldcache.c tools/elfin/words.c tools/elfin/report.c
#include "tools/elfin/ldcache.h"

#include <string.h>
#include <unistd.h>

#include "test/unit/check.h"

#define HEADER 48
#define ENTRY 24
#define X86_64 0x0303

static char image[512];
static size_t image_len;

static void put32(size_t at, uint32_t value)
{
    memcpy(image + at, &value, sizeof(value));
}

static void put_entry(unsigned i, size_t base, uint32_t flags, const char *name, const char *path)
{
    size_t at = base + HEADER + i * ENTRY;
    put32(at, flags);
    put32(at + 4, (uint32_t)(image_len - base));
    image_len += strlen(strcpy(image + image_len, name)) + 1;
    put32(at + 8, (uint32_t)(image_len - base));
    image_len += strlen(strcpy(image + image_len, path)) + 1;
}

/* Three entries, of which the second is for another machine. */
static void make(size_t base)
{
    memset(image, 0, sizeof(image));
    memcpy(image + base, "glibc-ld.so.cache1.1", 20);
    put32(base + 20, 3);
    image_len = base + HEADER + 3 * ENTRY;
    put_entry(0, base, X86_64, "liba.so.1", "/one/liba.so.1");
    put_entry(1, base, 0x0003, "liba.so.1", "/i386/liba.so.1");
    put_entry(2, base, X86_64, "liba.so.1", "/two/liba.so.1");
}

/* How many paths are found. */
static size_t find(const char *data, size_t len, bool whole)
{
    struct words found = {0};
    struct ldcache c = {malloc(len + 1), len};
    memcpy(c.data, data, len);
    c.data[len] = '\0'; /* as ldcache_open leaves it */
    ldcache_find(&c, "liba.so.1", &found);
    size_t n = found.count;
    if (whole) {
        CHECK_EQ(n, 2);
        CHECK_STR(found.items[0], "/one/liba.so.1");
        CHECK_STR(found.items[1], "/two/liba.so.1");
    }
    words_fini(&found);
    ldcache_find(&c, "liba.so", &found);
    CHECK_EQ(found.count, 0);
    ldcache_close(&c);
    return n;
}

static void new_format(void)
{
    make(0);
    CHECK_EQ(find(image, image_len, true), 2);
}

static void behind_the_old_format(void)
{
    make(32); /* 16 bytes of header, one entry of 12, rounded up to 8 */
    memcpy(image, "ld.so-1.7.0", 12);
    put32(12, 1);
    CHECK_EQ(find(image, image_len, true), 2);
}

/* Cut anywhere, or with any byte changed, nothing outside is read: the sanitizer watches. */
static void damaged(void)
{
    make(0);
    for (size_t len = 0; len < image_len; len++) {
        CHECK(find(image, len, false) <= 2);
    }
    for (size_t at = 0; at < HEADER + 3 * ENTRY; at++) {
        char before = image[at];
        image[at] = (char)0xff;
        struct words found = {0};
        struct ldcache c = {malloc(image_len + 1), image_len};
        memcpy(c.data, image, image_len);
        c.data[image_len] = '\0';
        ldcache_find(&c, "liba.so.1", &found);
        CHECK(found.count <= 2);
        words_fini(&found);
        ldcache_close(&c);
        image[at] = before;
    }
    struct ldcache none;
    ldcache_open(&none, "/no/such/cache");
    CHECK(none.data == NULL);
}

TESTS(new_format, behind_the_old_format, damaged)
