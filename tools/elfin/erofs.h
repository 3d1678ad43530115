/* SPDX-License-Identifier: MIT */
/* EROFS on disk, as far as the image writer uses it: one device, 4 KiB blocks, no compression,
 * extended inodes. All numbers are little-endian, as on the only machine this runs on.
 * Source: Linux Documentation/filesystems/erofs.rst; fs/erofs/erofs_fs.h for the field names. */
#ifndef TOOLS_ELFIN_EROFS_H
#define TOOLS_ELFIN_EROFS_H

#include <assert.h>
#include <stdint.h>

#define EROFS_MAGIC 0xe0f5e1e2u
#define EROFS_SUPER_OFFSET 1024
#define EROFS_BLOCK_BITS 12
#define EROFS_BLOCK 4096u
#define EROFS_SLOT 32u /* inode numbers count these from the start of the metadata */
#define EROFS_COMPAT_CHECKSUM 0x1u
#define EROFS_COMPAT_MTIME 0x2u
#define EROFS_EXTENDED 1u /* i_format, bit 0 */
#define EROFS_PLAIN (0u << 1) /* i_format: all data in whole blocks from i_u on */
#define EROFS_INLINE (2u << 1) /* the last, partial block follows the inode */
#define EROFS_NAME_MAX 255

struct erofs_super {
    uint32_t magic;
    uint32_t checksum; /* CRC-32C of the block from here on, with this field 0 */
    uint32_t feature_compat;
    uint8_t block_bits;
    uint8_t extra_slots;
    uint16_t root_nid;
    uint64_t inodes;
    uint64_t build_time;
    uint32_t build_time_nsec;
    uint32_t blocks;
    uint32_t meta_block;
    uint32_t xattr_block;
    uint8_t uuid[16];
    uint8_t volume_name[16];
    uint32_t feature_incompat;
    uint8_t reserved[44];
};
static_assert(sizeof(struct erofs_super) == 128, "superblock");

struct erofs_inode {
    uint16_t format;
    uint16_t xattr_count;
    uint16_t mode;
    uint16_t reserved;
    uint64_t size;
    uint32_t place; /* first block, or the device number */
    uint32_t ino;
    uint32_t uid;
    uint32_t gid;
    uint64_t mtime;
    uint32_t mtime_nsec;
    uint32_t nlink;
    uint8_t reserved2[16];
};
static_assert(sizeof(struct erofs_inode) == 64, "extended inode");

/* A directory block: entries, then their names in the same order. Entries are sorted by name
 * through all blocks; the first one's name_offset tells how many there are. */
struct erofs_entry {
    uint64_t nid;
    uint16_t name_offset;
    uint8_t type;
    uint8_t reserved;
} __attribute__((packed));
static_assert(sizeof(struct erofs_entry) == 12, "directory entry");

#endif
