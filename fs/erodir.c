/* SPDX-License-Identifier: MIT */
/* Directories of an EROFS image: blocks of entries, then names; all names are in ascending
 * order, so that one is found by halving first the blocks and then the entries of one block.
 * Source: EROFS documentation, "Core on-disk format", directories. */
#include <asm/errno.h>

#include "fs/eronode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"

#define NAME_LEN_MAX 255

struct dirent {
    uint64_t nid;
    uint16_t name_offset;
    uint8_t type, reserved;
} __attribute__((packed));
static_assert(sizeof(struct dirent) == 12, "on-disk layout");

struct block {
    uint64_t dir; /* inode, for messages */
    const uint8_t *base;
    uint32_t len, entries;
};

/* An entry, checked. */
struct entry {
    const char *name; /* not NUL-ended */
    size_t len;
    uint64_t ino;
    unsigned dtype;
};

static int read_dir(uint64_t ino, struct eronode *out, uint64_t *nblocks)
{
    int err = eronode_read(ino, out);
    if (err == 0 && !S_ISDIR(out->mode)) {
        err = eronode_corrupted(ino, "not a directory");
    }
    *nblocks = err != 0 || out->size == 0 ? 0 : ((out->size - 1) >> eroimage.block_bits) + 1;
    return err;
}

static int read_block(const struct eronode *dir, uint64_t index, struct block *out)
{
    struct dirent first;
    uint64_t offset;
    uint64_t len;
    uint64_t pos = index << eroimage.block_bits;
    uint32_t want = (uint32_t)min(1UL << eroimage.block_bits, dir->size - pos);
    int err = eronode_map(dir, pos, &offset, &len);
    if (err != 0) {
        return err;
    }
    if (offset == ERONODE_HOLE || len < want || want < sizeof(first)) {
        return eronode_corrupted(dir->ino, "hole in a directory");
    }
    *out = (struct block){.dir = dir->ino, .base = eroimage_at(offset), .len = want};
    if (out->base == NULL) {
        return -ENOMEM;
    }
    memcpy(&first, out->base, sizeof(first)); /* names start where entries end */
    out->entries = first.name_offset / (uint32_t)sizeof(first);
    if (out->entries == 0 || first.name_offset % sizeof(first) != 0 || first.name_offset >= want) {
        return eronode_corrupted(dir->ino, "malformed directory block");
    }
    return 0;
}

static unsigned dtype_of(uint8_t type)
{
    static const uint16_t mode[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
                                    S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
    return type < ARRAY_LEN(mode) ? mode[type] >> 12 : 0;
}

static int read_entry(const struct block *b, uint32_t i, struct entry *out)
{
    struct dirent d;
    struct dirent next;
    uint32_t end = b->len;
    assert(b->base != NULL && i < b->entries); /* read_block filled it */
    memcpy(&d, b->base + i * sizeof(d), sizeof(d));
    if (i + 1 < b->entries) {
        memcpy(&next, b->base + (i + 1) * sizeof(next), sizeof(next));
        end = next.name_offset;
    }
    if (d.name_offset < b->entries * sizeof(d) || end > b->len || d.name_offset >= end) {
        return eronode_corrupted(b->dir, "name outside its directory block");
    }
    out->name = (const char *)b->base + d.name_offset;
    out->len = strnlen(out->name, end - d.name_offset); /* the last name may be padded */
    if (out->len == 0 || out->len > NAME_LEN_MAX || memchr(out->name, '/', out->len) != NULL) {
        return eronode_corrupted(b->dir, "impossible name in a directory");
    }
    out->ino = d.nid + 1;
    out->dtype = dtype_of(d.type);
    if (!eronode_exists(out->ino)) {
        return eronode_corrupted(b->dir, "name of an inode past the end of the image");
    }
    return 0;
}

static bool is_dots(const struct entry *e)
{
    return e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'));
}

static int emit_block(const struct block *b, lower_emit_fn emit, void *ctx)
{
    struct entry e = {.len = 0};
    for (uint32_t i = 0; i < b->entries; i++) {
        int err = read_entry(b, i, &e);
        if (err == 0 && !is_dots(&e)) {
            err = emit(ctx, e.name, e.len, e.ino, e.dtype);
        }
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int erodir_entries(uint64_t ino, lower_emit_fn emit, void *ctx)
{
    struct eronode dir;
    struct block b = {.entries = 0};
    uint64_t nblocks;
    int err = read_dir(ino, &dir, &nblocks);
    for (uint64_t i = 0; err == 0 && i < nblocks; i++) {
        err = read_block(&dir, i, &b);
        err = err != 0 ? err : emit_block(&b, emit, ctx);
    }
    return err;
}

/* Order of e's name against name: < 0 when it comes first. */
static int compare(const struct entry *e, const char *name, size_t len)
{
    int order = memcmp(e->name, name, min(e->len, len));
    return order != 0 ? order : (e->len > len) - (e->len < len);
}

/* The last block whose first name is not greater than name; the first block if there is none. */
static int find_block(const struct eronode *dir, uint64_t nblocks, const char *name, size_t len,
                      struct block *out)
{
    uint64_t low = 0;
    uint64_t high = nblocks;
    while (high - low > 1) {
        struct entry e = {.len = 0};
        uint64_t middle = low + (high - low) / 2;
        int err = read_block(dir, middle, out);
        err = err != 0 ? err : read_entry(out, 0, &e);
        if (err != 0) {
            return err;
        }
        if (compare(&e, name, len) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return read_block(dir, low, out);
}

static int find_entry(const struct block *b, const char *name, size_t len, struct entry *out)
{
    uint32_t low = 0;
    uint32_t high = b->entries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int err = read_entry(b, middle, out);
        if (err != 0) {
            return err;
        }
        int order = compare(out, name, len);
        if (order == 0) {
            return 0;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return -ENOENT;
}

int erodir_lookup(uint64_t ino, const char *name, size_t len, uint64_t *out, unsigned *dtype)
{
    struct eronode dir;
    struct block b = {.entries = 0};
    struct entry e = {.len = 0};
    uint64_t nblocks;
    int err = read_dir(ino, &dir, &nblocks);
    if (err == 0 && nblocks == 0) {
        err = -ENOENT;
    }
    err = err != 0 ? err : find_block(&dir, nblocks, name, len, &b);
    err = err != 0 ? err : find_entry(&b, name, len, &e);
    if (err == 0) {
        *out = e.ino;
        *dtype = e.dtype;
    }
    return err;
}
