/* SPDX-License-Identifier: MIT */
/* Text file systems.
 *
 * Vnodes come and go with their users; nothing is cached. A node holds its directory. The text of a
 * file belongs to its node and is made anew by each read at offset 0, so that one who reads on sees
 * one consistent state; node->lock, a mutex, is held while it is made and copied out. Inode numbers
 * are a hash of the way to the entry. Source: proc(5). */
#include "fs/textfs.h"

#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mutex.h"
#include "kernel/process.h"
#include "platform/clock.h"

#define FIRST_CAP 1024
#define STORE_MAX 4096
#define NUMBER_LEN 20 /* digits of the largest number */
#define PREFIX_MAX 8
#define LINK_SIZE 64 /* st_size of links to open files, as Linux has it */
#define CURSOR_NUMBERS 0x100000 /* cursor of number 0; below: ".", "..", the table */
#define INO_ROOT 1
#define INO_FACTOR 1009

struct textnode {
    struct vnode vnode;
    const struct textfs_entry *entry; /* [I] */
    struct textnode *parent; /* [I] referenced; itself for the root */
    uint64_t key; /* [I] */
    uint64_t ino; /* [I] */
    struct mutex lock;
    struct text text; /* [lock] contents at the last read from the start */
};

static const struct vnode_ops file_ops, dir_ops, link_ops, jump_ops;

static struct textnode *node_of(struct vnode *v)
{
    return container_of(v, struct textnode, vnode);
}

/* Room for need more bytes. */
static bool text_room(struct text *t, size_t need)
{
    size_t cap = max(t->cap, (size_t)FIRST_CAP);
    while (cap - t->len < need) {
        cap *= 2;
    }
    if (!t->failed && cap != t->cap) {
        char *buf = heap_resize(t->buf, cap);
        t->failed = buf == NULL;
        t->buf = buf != NULL ? buf : t->buf;
        t->cap = buf != NULL ? cap : t->cap;
    }
    return !t->failed;
}

void text_bytes(struct text *t, const void *data, size_t len)
{
    if (text_room(t, len)) {
        memcpy(t->buf + t->len, data, len);
        t->len += len;
    }
}

void text_print(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = print_vbuf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !text_room(t, (size_t)len + 1)) {
        return;
    }
    va_start(args, fmt);
    (void)print_vbuf(t->buf + t->len, (size_t)len + 1, fmt, args);
    va_end(args);
    t->len += (size_t)len;
}

static const struct vnode_ops *ops_of(const struct textfs_entry *e)
{
    if (S_ISDIR(e->mode)) {
        return &dir_ops;
    }
    if (S_ISLNK(e->mode)) {
        return e->jump != NULL ? &jump_ops : &link_ops;
    }
    return &file_ops;
}

static const struct textfs_entry *children_of(const struct textfs_entry *e)
{
    return e->given != NULL ? *e->given : e->children;
}

static uint64_t child_ino(const struct textnode *dir, uint64_t index)
{
    return (dir->ino * INO_FACTOR + index + 2) & UINT32_MAX;
}

/* A vnode for entry e, the index-th name of parent (NULL: the root). NULL: out of memory. */
static struct textnode *node_create(struct mount *m, struct textnode *parent,
                                    const struct textfs_entry *e, uint64_t index, uint64_t key)
{
    struct textnode *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    vnode_init(&n->vnode, ops_of(e), m, e->mode | (e->mode_of != NULL ? e->mode_of(key) : 0));
    n->entry = e;
    n->key = key;
    n->parent = parent != NULL ? parent : n;
    n->ino = parent != NULL ? child_ino(parent, index) : INO_ROOT;
    mutex_init(&n->lock);
    if (parent != NULL) {
        vnode_get(&parent->vnode);
    }
    return n;
}

static void node_release(struct vnode *v)
{
    struct textnode *n = node_of(v);
    if (n->parent != n) {
        vnode_put(&n->parent->vnode);
    }
    heap_free(n->text.buf);
    heap_free(n);
}

/* A decimal number without leading zeros. */
static bool parse_number(const char *name, size_t len, uint64_t *out)
{
    char digits[NUMBER_LEN + 1];
    if (len > NUMBER_LEN || name[0] < '0' || name[0] > '9' || (name[0] == '0' && len > 1)) {
        return false;
    }
    memcpy(digits, name, len);
    digits[len] = 0;
    return string_to_u64(digits, out) == 0;
}

static const char *prefix_of(const struct textfs_numbers *n)
{
    return n->prefix != NULL ? n->prefix : "";
}

static bool parse_name(const struct textfs_numbers *n, const char *name, size_t len, uint64_t *out)
{
    size_t skip = strlen(prefix_of(n));
    return len > skip && memcmp(name, prefix_of(n), skip) == 0 &&
           parse_number(name + skip, len - skip, out);
}

static int dir_lookup(struct vnode *v, const char *name, size_t len, struct vnode **out)
{
    struct textnode *dir = node_of(v);
    const struct textfs_entry *e = dir->entry;
    struct textnode *n = NULL;
    uint64_t number;
    if (len == 2 && memcmp(name, "..", 2) == 0) {
        vnode_get(&dir->parent->vnode);
        *out = &dir->parent->vnode;
        return 0;
    }
    const struct textfs_entry *first = children_of(e);
    const struct textfs_entry *c = first;
    while (c != NULL && c->name != NULL &&
           (strlen(c->name) != len || memcmp(c->name, name, len) != 0)) {
        c++;
    }
    if (c != NULL && c->name != NULL) {
        n = node_create(v->mount, dir, c, (uint64_t)(c - first), c->key != 0 ? c->key : dir->key);
    } else if (e->numbers != NULL && parse_name(e->numbers, name, len, &number) &&
               e->numbers->next(number) == (long)number) {
        n = node_create(v->mount, dir, e->numbers->entry, CURSOR_NUMBERS + number, number);
    } else {
        return -ENOENT;
    }
    *out = n != NULL ? &n->vnode : NULL;
    return n != NULL ? 0 : -ENOMEM;
}

static unsigned dtype_of(uint32_t mode)
{
    return (mode & S_IFMT) >> 12; /* DT_* are these bits of st_mode */
}

/* Names of the table from cursor on. */
static int emit_table(struct textnode *dir, uint64_t cursor, dir_emit_fn emit, void *ctx)
{
    const struct textfs_entry *table = children_of(dir->entry);
    uint64_t n = 0;
    while (table != NULL && table[n].name != NULL) {
        n++;
    }
    for (uint64_t i = cursor < 2 ? 0 : cursor - 2; i < n; i++) {
        const char *name = table[i].name;
        if (emit(ctx, name, strlen(name), child_ino(dir, i), dtype_of(table[i].mode), i + 3) != 0) {
            return 1;
        }
    }
    return 0;
}

static int emit_numbers(struct textnode *dir, uint64_t from, dir_emit_fn emit, void *ctx)
{
    const struct textfs_numbers *numbers = dir->entry->numbers;
    for (long i = numbers->next(from); i >= 0; i = numbers->next((uint64_t)i + 1)) {
        char name[PREFIX_MAX + NUMBER_LEN + 1];
        int len = print_buf(name, sizeof(name), "%s%ld", prefix_of(numbers), i);
        uint64_t at = CURSOR_NUMBERS + (uint64_t)i;
        unsigned dtype = dtype_of(numbers->entry->mode);
        if (emit(ctx, name, (size_t)len, child_ino(dir, at), dtype, at + 1) != 0) {
            return 1;
        }
    }
    return 0;
}

static int dir_readdir(struct vnode *v, uint64_t cursor, dir_emit_fn emit, void *ctx)
{
    struct textnode *dir = node_of(v);
    if (cursor == 0 && emit(ctx, ".", 1, dir->ino, dtype_of(S_IFDIR), 1) != 0) {
        return 0;
    }
    if (cursor <= 1 && emit(ctx, "..", 2, dir->parent->ino, dtype_of(S_IFDIR), 2) != 0) {
        return 0;
    }
    if (cursor < CURSOR_NUMBERS && emit_table(dir, cursor, emit, ctx) != 0) {
        return 0;
    }
    if (dir->entry->numbers != NULL) {
        uint64_t from = cursor < CURSOR_NUMBERS ? 0 : cursor - CURSOR_NUMBERS;
        (void)emit_numbers(dir, from, emit, ctx);
    }
    return 0;
}

/* Links of a directory: its own two and the ".." of each directory in it. */
static uint32_t count_links(const struct textfs_entry *e)
{
    uint32_t n = 2;
    for (const struct textfs_entry *c = children_of(e); c != NULL && c->name != NULL; c++) {
        n += S_ISDIR(c->mode);
    }
    if (e->numbers == NULL || !S_ISDIR(e->numbers->entry->mode)) {
        return n;
    }
    for (long i = e->numbers->next(0); i >= 0; i = e->numbers->next((uint64_t)i + 1)) {
        n++;
    }
    return n;
}

static int node_getattr(struct vnode *v, struct vattr *out)
{
    const struct textnode *n = node_of(v);
    uint64_t now = clock_wall_ns();
    *out = (struct vattr){.ino = n->ino, .mode = v->mode, .nlink = 1};
    out->nlink = S_ISDIR(v->mode) ? count_links(n->entry) : 1;
    out->size = n->entry->mode_of != NULL ? LINK_SIZE : 0;
    out->uid = n->entry->owned ? process.euid : 0;
    out->gid = n->entry->owned ? process.egid : 0;
    out->mtime.tv_sec = (long long)(now / NSEC_PER_SEC);
    out->mtime.tv_nsec = (long long)(now % NSEC_PER_SEC);
    out->atime = out->ctime = out->btime = out->mtime;
    return 0;
}

/* The contents of n, made now. */
static int make_text(const struct textnode *n, struct text *t)
{
    t->len = 0;
    t->failed = false;
    if (n->entry->show != NULL) {
        n->entry->show(t, n->key);
    } else {
        text_print(t, S_ISLNK(n->vnode.mode) ? "%s" : "%s\n", n->entry->fixed);
    }
    return t->failed ? -ENOMEM : 0;
}

static long file_read(struct vnode *v, struct iov_iter *it, uint64_t pos)
{
    struct textnode *n = node_of(v);
    long done = 0;
    mutex_lock(&n->lock);
    if (pos == 0 || n->text.buf == NULL) {
        done = make_text(n, &n->text);
    }
    if (done == 0 && pos < n->text.len) {
        done = iov_copy_to(it, n->text.buf + pos, n->text.len - pos);
    }
    mutex_unlock(&n->lock);
    return done;
}

static long file_write(struct vnode *v, struct iov_iter *it, uint64_t pos)
{
    const struct textnode *n = node_of(v);
    size_t len = min(iov_left(it), (size_t)STORE_MAX);
    (void)pos;
    if (n->entry->store == NULL) {
        return -EINVAL;
    }
    char *text = heap_alloc(len + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    long result = iov_copy_from(it, text, len);
    if (result >= 0) {
        text[result] = 0;
        int err = n->entry->store(text, (size_t)result, n->key);
        result = err != 0 ? err : result;
    }
    heap_free(text);
    return result;
}

static int file_setattr(struct vnode *v, const struct vattr *attr, unsigned which)
{
    (void)v;
    (void)attr;
    return (which & ~(unsigned)VATTR_SIZE) == 0 ? 0
                                                : -EPERM; /* O_TRUNC before a store is no error */
}

static long link_readlink(struct vnode *v, char *buf, size_t cap)
{
    struct text t = {.buf = NULL};
    long result = make_text(node_of(v), &t);
    if (result == 0 && t.len >= PATH_MAX) { /* a place deeper than a name can say */
        result = -ENAMETOOLONG;
    }
    if (result == 0) {
        result = (long)min(t.len, cap);
        memcpy(buf, t.buf, (size_t)result);
    }
    heap_free(t.buf);
    return result;
}

static int link_jump(struct vnode *v, struct path *out)
{
    const struct textnode *n = node_of(v);
    return n->entry->jump(v->mount, n->key, out);
}

static const struct vnode_ops file_ops = {
    .getattr = node_getattr,
    .setattr = file_setattr,
    .read = file_read,
    .write = file_write,
    .release = node_release,
};

/* What is there cannot be changed; new names are not found, as on Linux. */
static int dir_create(struct vnode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
                      struct vnode **out)
{
    (void)dir;
    (void)name;
    (void)len;
    (void)mode;
    (void)rdev;
    (void)out;
    return -ENOENT;
}

static int dir_symlink(struct vnode *dir, const char *name, size_t len, const char *target)
{
    (void)dir;
    (void)name;
    (void)len;
    (void)target;
    return -ENOENT;
}

static int dir_unlink(struct vnode *dir, const char *name, size_t len, bool is_rmdir)
{
    (void)dir;
    (void)name;
    (void)len;
    (void)is_rmdir;
    return -EPERM;
}

static int dir_link(struct vnode *dir, const char *name, size_t len, struct vnode *v)
{
    (void)dir;
    (void)name;
    (void)len;
    (void)v;
    return -ENOENT;
}

static int dir_rename(const struct vnode_name *from, const struct vnode_name *to, unsigned flags)
{
    (void)from;
    (void)to;
    (void)flags;
    return -ENOENT;
}

static const struct vnode_ops dir_ops = {
    .lookup = dir_lookup,
    .create = dir_create,
    .symlink = dir_symlink,
    .link = dir_link,
    .unlink = dir_unlink,
    .rename = dir_rename,
    .getattr = node_getattr,
    .readdir = dir_readdir,
    .release = node_release,
};

static const struct vnode_ops link_ops = {
    .getattr = node_getattr,
    .readlink = link_readlink,
    .release = node_release,
};

static const struct vnode_ops jump_ops = {
    .getattr = node_getattr,
    .readlink = link_readlink,
    .jump = link_jump,
    .release = node_release,
};

/* An instance: its mount and what statfs says. */
struct textfs {
    struct mount mount;
    uint64_t magic;
};

static void textfs_statfs(struct mount *m, struct fs_stats *out)
{
    const struct textfs *fs = container_of(m, struct textfs, mount);
    *out = (struct fs_stats){.type = fs->magic, .block_size = PAGE_SIZE, .name_max = NAME_MAX};
}

const struct textfs_entry *textfs_entry_of(const struct vnode *v)
{
    bool ours =
        v->ops == &file_ops || v->ops == &dir_ops || v->ops == &link_ops || v->ops == &jump_ops;
    return ours ? container_of(v, const struct textnode, vnode)->entry : NULL;
}

int textfs_create(const struct textfs_entry *root, const char *fs_name, uint64_t magic,
                  struct mount **out)
{
    struct textfs *fs = heap_zalloc(sizeof(*fs));
    struct textnode *n = fs != NULL ? node_create(&fs->mount, NULL, root, 0, 0) : NULL;
    if (n == NULL) {
        heap_free(fs);
        return -ENOMEM;
    }
    fs->magic = magic;
    fs->mount.root = &n->vnode;
    fs->mount.fs_name = fs_name;
    fs->mount.source = fs_name;
    fs->mount.statfs = textfs_statfs;
    *out = &fs->mount;
    return 0;
}
