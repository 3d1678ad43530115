/* SPDX-License-Identifier: MIT */
/* EROFS: the superblock, and the reader that tmpfs stands on.
 *
 * One image at a time, in eroimage, which never changes once erofs_open has returned. Whole pages
 * are handed out in place.
 * Source: EROFS documentation, "Core on-disk format". */
#include "fs/erofs.h"

#include <asm/errno.h>

#include "fs/eronode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"

#define SUPER_OFFSET 1024UL
#define SUPER_MAGIC 0xe0f5e1e2
#define COMPAT_CHECKSUM 0x1
/* Features that change nothing for the inodes this reader takes: padding and configuration of
 * compression (compressed inodes are refused one by one), chunks, long names of attributes. */
#define INCOMPAT_KNOWN (0x1 | 0x2 | 0x4 | 0x40)
#define BLOCK_BITS_MIN 9
#define BLOCK_BITS_MAX 16
#define CHECKSUM_SEED 0xffffffff

struct super_block {
    uint32_t magic, checksum, feature_compat;
    uint8_t block_bits, ext_slots;
    uint16_t root_nid;
    uint64_t inodes, build_time;
    uint32_t build_time_ns, blocks, meta_block, xattr_block;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint8_t rest[44];
} __attribute__((packed));
static_assert(sizeof(struct super_block) == 128, "on-disk layout");

static int lower_attr(uint64_t ino, struct vattr *out)
{
    struct eronode n;
    int err = eronode_read(ino, &n);
    if (err != 0) {
        return err;
    }
    *out = (struct vattr){.ino = ino, .mode = n.mode, .nlink = n.nlink, .uid = n.uid, .gid = n.gid};
    out->atime = out->mtime = out->ctime = out->btime = n.mtime;
    out->size = n.size;
    out->blocks = align_up(n.size, 1UL << eroimage.block_bits) / 512;
    if (S_ISCHR(n.mode) || S_ISBLK(n.mode)) {
        out->rdev = n.place;
    }
    return 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
    while (len != 0 && *p == 0) {
        p++;
        len--;
    }
    return len == 0;
}

static int lower_page(uint64_t ino, uint64_t index, struct file_page *out)
{
    struct eronode n;
    uint64_t offset;
    uint64_t len;
    int err = eronode_read(ino, &n);
    if (err != 0) {
        return err;
    }
    if (index >= align_up(n.size, PAGE_SIZE) >> PAGE_SHIFT) {
        return -ENODATA;
    }
    uint64_t used = min(PAGE_SIZE, n.size - (index << PAGE_SHIFT));
    err = eronode_map(&n, index << PAGE_SHIFT, &offset, &len);
    if (err != 0) {
        return err;
    }
    if (offset == ERONODE_HOLE || len < used || !eroimage_holds(offset, PAGE_SIZE)) {
        return -ENODATA;
    }
    *out = (struct file_page){0};
    err = eroimage_frame(offset, &out->pa);
    if (err == 0 && !is_zero(eroimage_at(offset) + used, PAGE_SIZE - used)) {
        return -ENODATA; /* a mapping shows zeros behind the end of the file */
    }
    return err;
}

static int lower_data(uint64_t ino, uint64_t pos, void *buf, size_t len)
{
    struct eronode n;
    uint8_t *to = buf;
    int err = eronode_read(ino, &n);
    while (err == 0 && len != 0 && pos < n.size) {
        uint64_t offset;
        uint64_t run;
        err = eronode_map(&n, pos, &offset, &run);
        if (err != 0) {
            return err;
        }
        run = min(run, (uint64_t)len);
        if (offset == ERONODE_HOLE) {
            memset(to, 0, run);
        } else {
            err = eroimage_copy(offset, to, run);
        }
        to += run;
        pos += run;
        len -= run;
    }
    if (err == 0) {
        memset(to, 0, len);
    }
    return err;
}

/* CRC-32C, four bits a step. */
static uint32_t checksum(uint32_t sum, const uint8_t *p, size_t len)
{
    static const uint32_t step[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                      0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                      0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                      0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    for (size_t i = 0; i < len; i++) {
        sum ^= p[i];
        sum = sum >> 4 ^ step[sum & 15];
        sum = sum >> 4 ^ step[sum & 15];
    }
    return sum;
}

/* Bytes from the superblock to the end of its block. */
static size_t super_span(const struct super_block *sb)
{
    size_t block = 1UL << sb->block_bits;
    return block > SUPER_OFFSET ? block - SUPER_OFFSET : block;
}

/* The sum covers the rest of the superblock's block, with its own field as zero. */
static bool checksum_holds(const uint8_t *base, const struct super_block *sb)
{
    struct super_block copy = *sb;
    size_t len = super_span(sb);
    copy.checksum = 0;
    uint32_t sum = checksum(CHECKSUM_SEED, (const uint8_t *)&copy, min(len, sizeof(copy)));
    const uint8_t *rest = base + SUPER_OFFSET + sizeof(copy);
    return checksum(sum, rest, len - min(len, sizeof(copy))) == sb->checksum;
}

static int refuse(int err, const char *why)
{
    log(FS, ERROR, "root image: %s", why);
    return err;
}

static int check_super(const uint8_t *base, size_t len, const struct super_block *sb)
{
    if (sb->magic != SUPER_MAGIC) {
        return refuse(-EUCLEAN, "not an EROFS image");
    }
    if (sb->block_bits < BLOCK_BITS_MIN || sb->block_bits > BLOCK_BITS_MAX) {
        return refuse(-EUCLEAN, "corrupted superblock: impossible block size");
    }
    if ((uint64_t)sb->blocks << sb->block_bits > len || SUPER_OFFSET + super_span(sb) > len) {
        return refuse(-EUCLEAN, "truncated: it ends before its last block");
    }
    if ((sb->feature_compat & COMPAT_CHECKSUM) != 0 && !checksum_holds(base, sb)) {
        return refuse(-EUCLEAN, "corrupted superblock: wrong checksum");
    }
    if ((sb->feature_incompat & ~INCOMPAT_KNOWN) != 0) {
        return refuse(-EOPNOTSUPP, "EROFS features that are not supported");
    }
    return 0;
}

size_t erofs_len(void)
{
    return eroimage.len;
}

int erofs_open(const void *image, struct pa pa, size_t len, const struct tmpfs_lower **out)
{
    static struct tmpfs_lower lower = {
        .attr = lower_attr,
        .lookup = erodir_lookup,
        .entries = erodir_entries,
        .page = lower_page,
        .data = lower_data,
    };
    struct super_block sb;
    struct eronode root;
    if (len < SUPER_OFFSET + sizeof(sb)) {
        return refuse(-EUCLEAN, "not an EROFS image");
    }
    memcpy(&sb, (const uint8_t *)image + SUPER_OFFSET, sizeof(sb));
    int err = check_super(image, len, &sb);
    if (err != 0) {
        return err;
    }
    struct eroimage it = {.base = image, .pa = pa, .block_bits = sb.block_bits};
    it.len = (uint64_t)sb.blocks << sb.block_bits;
    it.meta = (uint64_t)sb.meta_block << sb.block_bits;
    it.built = (struct __kernel_timespec){(long long)sb.build_time, sb.build_time_ns};
    eroimage_open(&it);
    lower.root = sb.root_nid + 1UL;
    err = eronode_read(lower.root, &root);
    if (err == 0 && !S_ISDIR(root.mode)) {
        err = eronode_corrupted(lower.root, "the root is not a directory");
    }
    *out = &lower;
    return err;
}
