/* SPDX-License-Identifier: MIT */
/* Contents of tmpfs files: a tree of counted pages over what the lower file system has.
 *
 * A page that is not in the tree reads from below (up to lower_len) or as zeros. Pages are
 * mapped in place, so bytes past the end of the file in its last page are kept zero when the
 * file shrinks. The node's lock guards the tree and sizes; it is dropped before the program's
 * memory is touched, while a page reference keeps the frame. Source: read(2), write(2),
 * fallocate(2), mmap(2). */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "fs/tmpnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "platform/pages.h"

#define SIZE_LIMIT INT64_MAX

static struct tmppage *page_find(const struct tmpnode *n, uint64_t index)
{
    for (struct rbnode *at = n->pages.root; at != NULL;) {
        struct tmppage *p = rb_entry(at, struct tmppage, node);
        if (p->index == index) {
            return p;
        }
        at = at->child[index > p->index];
    }
    return NULL;
}

static void page_link(struct tmpnode *n, struct tmppage *fresh)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &n->pages.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[fresh->index > rb_entry(parent, struct tmppage, node)->index];
    }
    rbtree_link(&n->pages, &fresh->node, parent, link);
    n->attr.blocks += PAGE_SIZE / 512;
    __atomic_fetch_add(&n->fs->pages, 1, __ATOMIC_RELAXED);
}

static void page_drop(struct tmpnode *n, struct tmppage *p)
{
    rbtree_remove(&n->pages, &p->node);
    n->attr.blocks -= PAGE_SIZE / 512;
    __atomic_fetch_sub(&n->fs->pages, 1, __ATOMIC_RELAXED);
    pages_put(p->page);
    heap_free(p);
}

static bool below(const struct tmpnode *n, uint64_t index)
{
    return n->lower_ino != 0 && index << PAGE_SHIFT < n->lower_len;
}

/* Fill a fresh frame with what the file has at index. */
static int page_fill(const struct tmpnode *n, uint64_t index, void *va)
{
    uint64_t pos = index << PAGE_SHIFT;
    if (!below(n, index)) {
        memset(va, 0, PAGE_SIZE);
        return 0;
    }
    size_t len = (size_t)min((uint64_t)PAGE_SIZE, n->lower_len - pos);
    memset((char *)va + len, 0, PAGE_SIZE - len);
    return n->fs->lower->data(n->lower_ino, pos, va, len);
}

/* The node's own page at index, to be written; made if there is none, as flags of pages_alloc say.
 * NULL: -ENOMEM or *err. */
static struct tmppage *page_own(struct tmpnode *n, uint64_t index, unsigned flags, int *err)
{
    struct tmppage *p = page_find(n, index);
    if (p != NULL) {
        p->unwritten = false;
        return p;
    }
    p = heap_alloc(sizeof(*p));
    struct page *frame = p != NULL ? pages_alloc(0, flags) : NULL;
    *err = frame == NULL ? -ENOMEM : page_fill(n, index, pages_va(frame));
    if (*err != 0) {
        if (frame != NULL) {
            pages_put(frame);
        }
        heap_free(p);
        return NULL;
    }
    *p = (struct tmppage){.index = index, .page = frame};
    page_link(n, p);
    return p;
}

/* Frame to read index from: ours, the lower one's, or none for a hole (-ENODATA). */
static int page_for_read(struct tmpnode *n, uint64_t index, struct file_page *out)
{
    struct tmppage *p = page_find(n, index);
    int err = 0;
    if (p == NULL && below(n, index)) {
        bool whole = n->lower_len >= n->attr.size || (index + 1) << PAGE_SHIFT <= n->lower_len;
        err = whole ? n->fs->lower->page(n->lower_ino, index, out) : -ENODATA;
        if (err != -ENODATA) {
            return err;
        }
        p = page_own(n, index, 0, &err);
    }
    if (p == NULL) {
        return err != 0 && err != -ENODATA ? err : -ENODATA;
    }
    pages_get(p->page);
    *out = (struct file_page){.pa = pages_pa(p->page), .page = p->page};
    return 0;
}

static void put_page(const struct file_page *fp)
{
    if (fp->page != NULL) {
        pages_put(fp->page);
    }
}

long tmpdata_read(struct vnode *v, struct iov_iter *it, uint64_t pos)
{
    struct tmpnode *n = tmpnode_of(v);
    long done = 0;
    while (iov_left(it) != 0) {
        struct file_page fp = {.page = NULL};
        spin_lock(&n->vnode.lock);
        uint64_t left = pos < n->attr.size ? n->attr.size - pos : 0;
        size_t offset = pos % PAGE_SIZE;
        size_t len = min((size_t)min(left, (uint64_t)(PAGE_SIZE - offset)), iov_left(it));
        int err = len != 0 ? page_for_read(n, pos >> PAGE_SHIFT, &fp) : 0;
        spin_unlock(&n->vnode.lock);
        if (len == 0 || (err != 0 && err != -ENODATA)) {
            return done != 0 ? done : err;
        }
        long moved =
            err == 0 ? iov_copy_to(it, (char *)pages_map(fp.pa) + offset, len) : iov_zero(it, len);
        put_page(&fp);
        if (moved < 0) {
            return done != 0 ? done : moved;
        }
        done += moved;
        pos += (uint64_t)moved;
        if ((size_t)moved < len) {
            break;
        }
    }
    return done;
}

/* RLIMIT_FSIZE and the largest file: how much of len may be written at pos, or a negative errno. */
static long write_room(uint64_t pos, size_t len)
{
    uint64_t most = process.limits[RLIMIT_FSIZE].rlim_cur;
    uint64_t limit = min((uint64_t)SIZE_LIMIT, most);
    if (len > 0 && pos >= limit) {
        if (pos >= most) {
            signal_send_self(SIGXFSZ);
        }
        return -EFBIG;
    }
    return (long)min((uint64_t)len, limit - pos);
}

/* Do the seals let [pos, end) be written? Source: fcntl(2), "File Sealing". */
static int check_seals_locked(const struct tmpnode *n, uint64_t end)
{
    uint32_t seals = __atomic_load_n(&n->vnode.seals, __ATOMIC_RELAXED);
    bool grows = (seals & F_SEAL_GROW) != 0 && end > n->attr.size;
    return grows || (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0 ? -EPERM : 0;
}

static long write_page(struct tmpnode *n, struct iov_iter *it, uint64_t pos, size_t len)
{
    size_t offset = pos % PAGE_SIZE;
    uint64_t index = pos >> PAGE_SHIFT;
    spin_lock(&n->vnode.lock);
    bool overlaid = below(n, index) && page_find(n, index) == NULL;
    int err = check_seals_locked(n, pos + len);
    struct tmppage *p = err == 0 ? page_own(n, index, PAGES_MODEST, &err) : NULL;
    struct page *frame = p != NULL ? p->page : NULL;
    if (frame != NULL) {
        pages_get(frame);
    }
    spin_unlock(&n->vnode.lock);
    if (overlaid) { /* mappings still show the page below */
        mmap_forget_file(&n->vnode, index, index + 1, false);
    }
    if (frame == NULL) {
        return err == -ENOMEM ? -ENOSPC : err;
    }
    long moved = iov_copy_from(it, (char *)pages_va(frame) + offset, len);
    pages_put(frame);
    if (moved > 0) {
        spin_lock(&n->vnode.lock);
        n->attr.size = max(n->attr.size, pos + (uint64_t)moved);
        spin_unlock(&n->vnode.lock);
    }
    return moved;
}

long tmpdata_write(struct vnode *v, struct iov_iter *it, uint64_t pos)
{
    struct tmpnode *n = tmpnode_of(v);
    long room = write_room(pos, iov_left(it));
    long done = 0;
    if (room <= 0) {
        return room;
    }
    while (done < room) {
        size_t len = min((size_t)(room - done), (size_t)(PAGE_SIZE - pos % PAGE_SIZE));
        long moved = write_page(n, it, pos, len);
        if (moved < 0) {
            done = done != 0 ? done : moved;
            break;
        }
        done += moved;
        pos += (uint64_t)moved;
        if ((size_t)moved < len) {
            break;
        }
    }
    if (done > 0) {
        tmpnode_touch(n, true);
    }
    return done;
}

int tmpdata_page(struct vnode *v, uint64_t index, bool write, struct file_page *out)
{
    struct tmpnode *n = tmpnode_of(v);
    int err = 0;
    spin_lock(&n->vnode.lock);
    if (index >= align_up(n->attr.size, PAGE_SIZE) >> PAGE_SHIFT) {
        err = -ENXIO;
    } else if (!write) {
        err = page_for_read(n, index, out);
    }
    if (err == -ENODATA || (err == 0 && write)) { /* a hole gets a page when it is mapped */
        struct tmppage *p = page_own(n, index, 0, &err);
        if (p != NULL) {
            err = 0;
            pages_get(p->page);
            *out = (struct file_page){pages_pa(p->page), p->page, below(n, index)};
        }
    }
    spin_unlock(&n->vnode.lock);
    return err;
}

static struct tmppage *page_at_or_after(const struct tmpnode *n, uint64_t index)
{
    struct tmppage *best = NULL;
    for (struct rbnode *at = n->pages.root; at != NULL;) {
        struct tmppage *p = rb_entry(at, struct tmppage, node);
        if (p->index >= index) {
            best = p;
            at = at->child[0];
        } else {
            at = at->child[1];
        }
    }
    return best;
}

static bool is_data(const struct tmpnode *n, uint64_t index)
{
    const struct tmppage *p = page_find(n, index);
    return p != NULL ? !p->unwritten : below(n, index);
}

int tmpdata_seek(struct vnode *v, uint64_t from, bool hole, uint64_t *out)
{
    struct tmpnode *n = tmpnode_of(v);
    uint64_t index = from >> PAGE_SHIFT;
    spin_lock(&v->lock);
    uint64_t size = n->attr.size;
    while (index << PAGE_SHIFT < size && is_data(n, index) == hole) {
        const struct tmppage *p = hole ? NULL : page_at_or_after(n, index + 1);
        bool skip = !hole && !below(n, index + 1); /* to the next page there is */
        index = !skip ? index + 1 : p != NULL ? p->index : align_up(size, PAGE_SIZE) >> PAGE_SHIFT;
    }
    spin_unlock(&v->lock);
    *out = max(from, min(index << PAGE_SHIFT, size));
    return !hole && index << PAGE_SHIFT >= size ? -ENXIO : 0;
}

/* Forget whole pages [first, end). */
static void drop_range(struct tmpnode *n, uint64_t first, uint64_t end)
{
    struct tmppage *p;
    while ((p = page_at_or_after(n, first)) != NULL && p->index < end) {
        page_drop(n, p);
    }
}

/* Zero [from, to) inside one page. */
static int zero_part(struct tmpnode *n, uint64_t from, uint64_t to)
{
    int err = 0;
    uint64_t index = from >> PAGE_SHIFT;
    struct tmppage *p = page_find(n, index);
    if (from == to || (p == NULL ? !below(n, index) : p->unwritten)) {
        return 0;
    }
    p = page_own(n, index, 0, &err);
    if (p != NULL) {
        p->unwritten = to - from == PAGE_SIZE;
        memset((char *)pages_va(p->page) + from % PAGE_SIZE, 0, to - from);
    }
    return p != NULL ? 0 : err;
}

int tmpdata_truncate(struct tmpnode *n, uint64_t len)
{
    int err = 0;
    if (len > SIZE_LIMIT || len > process.limits[RLIMIT_FSIZE].rlim_cur) {
        return -EFBIG;
    }
    spin_lock(&n->vnode.lock);
    uint32_t seals = __atomic_load_n(&n->vnode.seals, __ATOMIC_RELAXED);
    bool shorter = len < n->attr.size;
    if ((shorter && (seals & F_SEAL_SHRINK) != 0) ||
        (len > n->attr.size && (seals & F_SEAL_GROW) != 0)) {
        shorter = false;
        err = -EPERM;
    }
    if (shorter) {
        err = zero_part(n, len, align_up(len, PAGE_SIZE));
        if (err == 0) {
            drop_range(n, align_up(len, PAGE_SIZE) >> PAGE_SHIFT, UINT64_MAX);
            n->lower_len = min(n->lower_len, align_up(len, PAGE_SIZE));
        }
    }
    if (err == 0) {
        n->attr.size = len;
    }
    spin_unlock(&n->vnode.lock);
    if (shorter) {
        mmap_forget_file(&n->vnode, len >> PAGE_SHIFT, UINT64_MAX, false);
        mmap_forget_file(&n->vnode, align_up(len, PAGE_SIZE) >> PAGE_SHIFT, UINT64_MAX, true);
    }
    return err;
}

/* Whole pages below cannot be forgotten one by one: they are overlaid with zero pages. */
static int punch_locked(struct tmpnode *n, uint64_t start, uint64_t end)
{
    uint64_t first = align_up(start, PAGE_SIZE);
    uint64_t last = align_down(end, PAGE_SIZE);
    if (first > last) {
        return zero_part(n, start, end);
    }
    int err = zero_part(n, start, first);
    err = err != 0 ? err : zero_part(n, last, end);
    for (uint64_t pos = first; err == 0 && pos < last && below(n, pos >> PAGE_SHIFT);
         pos += PAGE_SIZE) {
        err = zero_part(n, pos, pos + PAGE_SIZE);
    }
    if (err == 0) {
        uint64_t kept = align_up(n->lower_ino != 0 ? n->lower_len : 0, PAGE_SIZE);
        drop_range(n, max(first, kept) >> PAGE_SHIFT, last >> PAGE_SHIFT);
    }
    return err;
}

/* Pages of [first, end) that were set aside and never written. */
static void drop_unwritten(struct tmpnode *n, uint64_t first, uint64_t end)
{
    struct tmppage *p;
    for (; (p = page_at_or_after(n, first)) != NULL && p->index < end; first++) {
        first = p->index;
        if (p->unwritten) {
            page_drop(n, p);
        }
    }
}

static int reserve_locked(struct tmpnode *n, uint64_t start, uint64_t end)
{
    int err = 0;
    uint64_t first = start >> PAGE_SHIFT;
    uint64_t i = first;
    for (; err == 0 && i << PAGE_SHIFT < end; i++) {
        if (page_find(n, i) == NULL) {
            struct tmppage *p = page_own(n, i, PAGES_MODEST, &err);
            if (p != NULL) {
                p->unwritten = !below(n, i);
            }
        }
    }
    if (err != 0) { /* all or nothing; what was there reads as zeros without its page, too */
        drop_unwritten(n, first, i);
    }
    return err == -ENOMEM ? -ENOSPC : err;
}

/* Would growing n to end break RLIMIT_FSIZE? */
static bool exceeds_limit_locked(const struct tmpnode *n, uint64_t end)
{
    return end > n->attr.size && end > process.limits[RLIMIT_FSIZE].rlim_cur;
}

/* Seals: what only sets memory aside need not heed those against writing. */
static int check_fallocate_locked(const struct tmpnode *n, uint64_t end, bool writes)
{
    uint32_t seals = __atomic_load_n(&n->vnode.seals, __ATOMIC_RELAXED);
    bool grows = (seals & F_SEAL_GROW) != 0 && end > n->attr.size;
    return writes ? check_seals_locked(n, end) : grows ? -EPERM : 0;
}

int tmpdata_fallocate(struct vnode *v, int mode, uint64_t offset, uint64_t len)
{
    struct tmpnode *n = tmpnode_of(v);
    uint64_t end;
    if (!add_ok(offset, len, &end) || end > SIZE_LIMIT) {
        return -EFBIG;
    }
    int kind = mode & ~FALLOC_FL_KEEP_SIZE;
    bool punch = kind == FALLOC_FL_PUNCH_HOLE && (mode & FALLOC_FL_KEEP_SIZE) != 0;
    if (kind != 0 && kind != FALLOC_FL_ZERO_RANGE && !punch) {
        return -EOPNOTSUPP;
    }
    spin_lock(&n->vnode.lock);
    bool exceeds = (mode & FALLOC_FL_KEEP_SIZE) == 0 && exceeds_limit_locked(n, end);
    int err = exceeds ? -EFBIG : check_fallocate_locked(n, end, kind != 0);
    err = err == 0 && kind != 0 ? punch_locked(n, offset, min(end, n->attr.size)) : err;
    if (err == 0 && !punch) {
        err = reserve_locked(n, offset, end);
    }
    if (err == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
        n->attr.size = max(n->attr.size, end);
    }
    spin_unlock(&n->vnode.lock);
    if (exceeds) {
        signal_send_self(SIGXFSZ);
    }
    if (kind != 0) {
        mmap_forget_file(v, offset >> PAGE_SHIFT, align_up(end, PAGE_SIZE) >> PAGE_SHIFT, false);
    }
    if (err == 0) {
        tmpnode_touch(n, true);
    }
    return err;
}

void tmpdata_free(struct tmpnode *n)
{
    drop_range(n, 0, UINT64_MAX);
    heap_free(n->target);
}
