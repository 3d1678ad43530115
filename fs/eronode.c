/* SPDX-License-Identifier: MIT */
/* Inodes of an EROFS image and where their data lies.
 *
 * Nothing is cached: an inode is decoded and checked anew by each call, which costs less than a
 * lookup would. Every offset from the image is checked before it is followed, and every loop is
 * bounded by a length that was checked, so a corrupted image yields -EUCLEAN and nothing worse.
 * Source: EROFS documentation, "Core on-disk format" and "Chunk-based inode layout". */
#include "fs/eronode.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"

#define FORMAT_EXTENDED 0x1
enum layout { FLAT_PLAIN, COMPRESSED_FULL, FLAT_INLINE, COMPRESSED_COMPACT, CHUNK_BASED };

#define CHUNK_BITS 0x1fU
#define CHUNK_INDEXES 0x20U
#define CHUNK_HOLE UINT32_MAX
#define SYMLINK_MAX 4095

struct inode_compact {
    uint16_t format, xattr_count, mode, nlink;
    uint32_t size, reserved, place, ino;
    uint16_t uid, gid;
    uint32_t reserved2;
} __attribute__((packed));
static_assert(sizeof(struct inode_compact) == ERONODE_SLOT, "on-disk layout");

struct inode_extended {
    uint16_t format, xattr_count, mode, reserved;
    uint64_t size;
    uint32_t place, ino, uid, gid;
    uint64_t mtime;
    uint32_t mtime_ns, nlink;
    uint8_t reserved2[16];
} __attribute__((packed));
static_assert(sizeof(struct inode_extended) == 2 * ERONODE_SLOT, "on-disk layout");

struct chunk_index {
    uint16_t advise, device;
    uint32_t block;
} __attribute__((packed));
static_assert(sizeof(struct chunk_index) == 8, "on-disk layout");

static int fault(int err, uint64_t ino, const char *what)
{
    if (!__atomic_exchange_n(&eroimage.reported, true, __ATOMIC_RELAXED)) {
        log(FS, ERROR, "root image, inode %lu: %s", ino, what);
    }
    return err;
}

int eronode_corrupted(uint64_t ino, const char *what)
{
    return fault(-EUCLEAN, ino, what);
}

int eronode_unsupported(uint64_t ino, const char *what)
{
    return fault(-EOPNOTSUPP, ino, what);
}

static uint64_t block_size(void)
{
    return 1UL << eroimage.block_bits;
}

static uint64_t block_offset(uint32_t block)
{
    return (uint64_t)block << eroimage.block_bits;
}

static int check_flat(const struct eronode *n)
{
    uint64_t tail = 0;
    if (n->layout == FLAT_INLINE && n->size != 0) {
        tail = (n->size - 1) % block_size() + 1;
        if (n->body % block_size() + tail > block_size() || !eroimage_holds(n->body, tail)) {
            return eronode_corrupted(n->ino, "inline data crosses its block");
        }
    }
    if (n->size != tail && !eroimage_holds(block_offset(n->place), n->size - tail)) {
        return eronode_corrupted(n->ino, "data past the end of the image");
    }
    return 0;
}

static unsigned chunk_bits(const struct eronode *n)
{
    return eroimage.block_bits + (n->place & CHUNK_BITS);
}

static uint64_t chunk_entry_size(const struct eronode *n)
{
    return (n->place & CHUNK_INDEXES) != 0 ? sizeof(struct chunk_index) : sizeof(uint32_t);
}

static int check_chunks(const struct eronode *n)
{
    uint64_t entry = chunk_entry_size(n);
    uint64_t count = n->size == 0 ? 0 : ((n->size - 1) >> chunk_bits(n)) + 1;
    if ((n->place & ~(CHUNK_BITS | CHUNK_INDEXES)) != 0) {
        return eronode_corrupted(n->ino, "unknown chunk format");
    }
    if (count > eroimage.len / entry || !eroimage_holds(align_up(n->body, entry), count * entry)) {
        return eronode_corrupted(n->ino, "chunk table past the end of the image");
    }
    return 0;
}

static int check_data(const struct eronode *n)
{
    switch (n->layout) {
    case FLAT_PLAIN:
    case FLAT_INLINE: return check_flat(n);
    case CHUNK_BASED: return check_chunks(n);
    case COMPRESSED_FULL:
    case COMPRESSED_COMPACT: return eronode_unsupported(n->ino, "compressed data is not supported");
    default: return eronode_corrupted(n->ino, "unknown data layout");
    }
}

static int check_inode(struct eronode *n)
{
    if (n->nlink == 0) {
        return eronode_corrupted(n->ino, "no links");
    }
    if (n->size > INT64_MAX || n->mtime.tv_nsec >= (long long)NSEC_PER_SEC) {
        return eronode_corrupted(n->ino, "size or time out of range");
    }
    switch (n->mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR: return check_data(n);
    case S_IFLNK:
        if (n->size == 0 || n->size > SYMLINK_MAX) {
            return eronode_corrupted(n->ino, "symbolic link of impossible length");
        }
        return check_data(n);
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK: n->size = 0; return 0; /* no data, whatever the image says */
    default: return eronode_corrupted(n->ino, "unknown type of file");
    }
}

bool eronode_exists(uint64_t ino)
{
    return ino != 0 && ino - 1 < eroimage.len / ERONODE_SLOT &&
           eroimage_holds(eroimage.meta + (ino - 1) * ERONODE_SLOT, ERONODE_SLOT);
}

/* What lies at the same place in both forms. */
static_assert(offsetof(struct inode_compact, mode) == offsetof(struct inode_extended, mode), "");
static_assert(offsetof(struct inode_compact, place) == offsetof(struct inode_extended, place), "");

static void decode_compact(const struct inode_compact *raw, struct eronode *out)
{
    out->nlink = raw->nlink;
    out->size = raw->size;
    out->uid = raw->uid;
    out->gid = raw->gid;
    out->mtime = eroimage.built;
}

static void decode_extended(const struct inode_extended *raw, struct eronode *out)
{
    out->nlink = raw->nlink;
    out->size = raw->size;
    out->uid = raw->uid;
    out->gid = raw->gid;
    out->mtime = (struct __kernel_timespec){(long long)raw->mtime, raw->mtime_ns};
}

int eronode_read(uint64_t ino, struct eronode *out)
{
    if (!eronode_exists(ino)) {
        return eronode_corrupted(ino, "inode past the end of the image");
    }
    union {
        struct inode_compact compact;
        struct inode_extended extended;
    } on_disk;
    const struct inode_compact *raw = &on_disk.compact;
    uint64_t at = eroimage.meta + (ino - 1) * ERONODE_SLOT;
    int err = eroimage_copy(at, &on_disk, sizeof(*raw));
    bool extended = err == 0 && (raw->format & FORMAT_EXTENDED) != 0;
    uint64_t len = extended ? sizeof(struct inode_extended) : sizeof(*raw);
    if (!eroimage_holds(at, len)) {
        return eronode_corrupted(ino, "inode past the end of the image");
    }
    err = err == 0 && extended ? eroimage_copy(at, &on_disk, len) : err;
    if (err != 0) {
        return err;
    }
    /* extended attributes: a header of 12 bytes is the first unit, all others have 4 */
    uint64_t xattrs = raw->xattr_count == 0 ? 0 : 12 + 4 * (raw->xattr_count - 1UL);
    *out = (struct eronode){.ino = ino, .layout = raw->format >> 1, .body = at + len + xattrs};
    out->mode = raw->mode;
    out->place = raw->place;
    if (extended) {
        decode_extended(&on_disk.extended, out);
    } else {
        decode_compact(raw, out);
    }
    return check_inode(out);
}

static int map_chunk(const struct eronode *n, uint64_t pos, uint64_t *offset, uint64_t *len)
{
    uint64_t entry = chunk_entry_size(n);
    uint64_t chunk = 1UL << chunk_bits(n);
    uint64_t at = align_up(n->body, entry) + (pos >> chunk_bits(n)) * entry;
    struct chunk_index index = {0};
    int err = entry == sizeof(index) ? eroimage_copy(at, &index, sizeof(index))
                                     : eroimage_copy(at, &index.block, sizeof(index.block));
    if (err != 0) {
        return err;
    }
    *len = min(n->size - pos, chunk - pos % chunk);
    *offset = ERONODE_HOLE;
    if (index.block == CHUNK_HOLE) {
        return 0;
    }
    if (index.device != 0) {
        return eronode_unsupported(n->ino, "data on a further device is not supported");
    }
    *offset = block_offset(index.block) + pos % chunk;
    return eroimage_holds(*offset, *len)
               ? 0
               : eronode_corrupted(n->ino, "chunk past the end of the image");
}

int eronode_map(const struct eronode *n, uint64_t pos, uint64_t *offset, uint64_t *len)
{
    if (n->layout == CHUNK_BASED) {
        return map_chunk(n, pos, offset, len);
    }
    uint64_t flat = n->layout == FLAT_INLINE ? align_down(n->size - 1, block_size()) : n->size;
    if (pos < flat) {
        *offset = block_offset(n->place) + pos;
        *len = flat - pos;
    } else {
        *offset = n->body + (pos - flat);
        *len = n->size - pos;
    }
    return 0;
}
