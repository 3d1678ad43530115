/* SPDX-License-Identifier: MIT */
/* The bytes of the root image.
 *
 * They lie in memory where the machine's loader has put them. Where they can be had again, what
 * nobody has asked for yet may be given to the allocator of frames: then the image's pieces are
 * fetched when they are asked for. What was asked for stays where it is. */
#ifndef FS_EROIMAGE_H
#define FS_EROIMAGE_H

#include <linux/time_types.h>

#include "kernel/base/base.h"

struct eroimage {
    const uint8_t *base;
    struct pa pa;
    uint64_t len;
    uint64_t meta; /* offset of slot 0 */
    unsigned block_bits;
    struct __kernel_timespec built; /* time of all compact inodes */
    bool reported; /* [A] the first fault has been logged */
};
extern struct eroimage eroimage;

static inline bool eroimage_holds(uint64_t offset, uint64_t len)
{
    return offset <= eroimage.len && len <= eroimage.len - offset;
}

/* eroimage_open: this one takes the place of an earlier one, all of it in its place. */
void eroimage_open(const struct eroimage *image);

/* eroimage_at: address of byte offset of the image, for good; what follows up to the end of its
 * block lies behind it. NULL: no memory, or it cannot be fetched. eroimage_copy: any len bytes,
 * which the image holds. Returns 0, -ENOMEM. eroimage_frame: the frame of the page at offset, a
 * multiple of PAGE_SIZE; -ENODATA when it lies across frames. */
const uint8_t *eroimage_at(uint64_t offset);
MUST_CHECK int eroimage_copy(uint64_t offset, void *buf, size_t len);
MUST_CHECK int eroimage_frame(uint64_t offset, struct pa *out);

/* Where the bytes can be had again. works: asked once, when it matters. fetch: len bytes from
 * offset into the frames at to; 0 or a negative errno. Both do not block. */
struct eroimage_source {
    bool (*works)(void);
    int (*fetch)(uint64_t offset, struct pa to, size_t len);
};

/* eroimage_set_source: the frames of the image are not the allocator's yet. Context: boot, after
 * eroimage_open. */
void eroimage_set_source(const struct eroimage_source *source);

/* eroimage_give_away: give the allocator the frames of which nobody has asked for a byte. The first
 * call counts. Returns whether there were any. Context: any lock but pages.lock may be held. */
bool eroimage_give_away(void);

#endif
