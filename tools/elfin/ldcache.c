/* SPDX-License-Identifier: MIT */
/* Reads the cache of glibc's dynamic linker: the "new" format, alone or behind the one of libc5
 * times. Offsets are relative to the new format's header; each is checked before use.
 * Source: glibc, sysdeps/generic/dl-cache.h. */
#include "tools/elfin/ldcache.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"
#define OLD_HEADER 16 /* magic, and the number of entries at 12 */
#define OLD_ENTRY 12
#define FLAGS_MASK 0xffff
#define FLAGS_X86_64 0x0303 /* for glibc, 64 bits */

struct header {
    char magic[20];
    uint32_t count, strings_len;
    uint32_t rest[5];
};
static_assert(sizeof(struct header) == 48, "cache_file_new");

struct entry {
    int32_t flags;
    uint32_t name, path; /* offsets of strings */
    uint32_t os_version;
    uint64_t capabilities;
};
static_assert(sizeof(struct entry) == 24, "file_entry_new");

void ldcache_open(struct ldcache *c, const char *path)
{
    char buffer[65536];
    struct text content = {0};
    *c = (struct ldcache){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t n;
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        text_add(&content, buffer, (size_t)n);
    }
    close(fd);
    c->data = content.data;
    c->len = content.len;
}

void ldcache_close(struct ldcache *c)
{
    struct text content = {c->data, c->len};
    text_fini(&content);
    *c = (struct ldcache){0};
}

/* Where the new format starts. */
static size_t find_header(const struct ldcache *c)
{
    uint32_t count;
    if (c->len < OLD_HEADER || memcmp(c->data, OLD_MAGIC, strlen(OLD_MAGIC)) != 0) {
        return 0;
    }
    memcpy(&count, c->data + 12, sizeof(count));
    return (OLD_HEADER + (size_t)count * OLD_ENTRY + 7) / 8 * 8;
}

void ldcache_find(const struct ldcache *c, const char *name, struct words *out)
{
    size_t start = find_header(c);
    struct header h;
    if (c->len < sizeof(h) || start > c->len - sizeof(h)) {
        return;
    }
    const char *base = c->data + start;
    size_t len = c->len - start;
    memcpy(&h, base, sizeof(h));
    if (memcmp(h.magic, NEW_MAGIC, sizeof(h.magic)) != 0 ||
        h.count > (len - sizeof(h)) / sizeof(struct entry)) {
        return;
    }
    for (uint32_t i = 0; i < h.count; i++) {
        struct entry e;
        memcpy(&e, base + sizeof(h) + i * sizeof(e), sizeof(e));
        if ((e.flags & FLAGS_MASK) == FLAGS_X86_64 && e.name < len && e.path < len &&
            strcmp(base + e.name, name) == 0) {
            words_add(out, base + e.path);
        }
    }
}
