/* SPDX-License-Identifier: MIT */
// sources: fs/erofs.c fs/eronode.c fs/erodir.c fs/eroimage.c
// fakes: files image
/* Fuzz target of the EROFS reader, and of tmpfs over it: the input is changes to a real image of
 * mkfs.erofs, which is then walked as a whole through tmpfs. Nothing may be read past the image;
 * names, sizes and types must make sense; afterwards all memory is back. */
#define _GNU_SOURCE
#include "fs/erofs.h"

#include <asm/errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/file.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"
#include "test/fake/image.h"
#include "test/fake/log.h"
#include "test/fake/pages.h"

#define IMAGE_PA 0x7000000UL
#define EDIT 4 /* bytes of one change: three of place, one of value */
#define MAX_DEPTH 6
#define MAX_NODES 200

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    uint8_t *bytes;
    size_t len;
} images[3];
static uint8_t *now; /* a copy without any slack behind it */
static size_t now_len;
static unsigned nodes;

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void make_image(unsigned i, const char *options)
{
    fake_image_begin();
    fake_image_put("small", 100);
    fake_image_put("pages", 9000);
    fake_image_run("mkdir -p d/e/f; echo x >d/e/f/g; ln -s d/e link; ln small hard; mkfifo p;"
                   "for i in $(seq 150); do : >d/name-that-fills-a-block-$i; done");
    images[i].bytes = fake_image_end(options, &images[i].len);
    fake_image_strip_checksum(images[i].bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    make_image(0, "-x-1 -T0 -U00000000-0000-4000-8000-000000000001");
    make_image(1, "-x-1 -T0 -U00000000-0000-4000-8000-000000000001 --chunksize=4096");
    make_image(2, "-x-1 -T0 -U00000000-0000-4000-8000-000000000001 -Eforce-inode-extended "
                  "-Enoinline_data");
    return 0;
}

/* The input's changes, made to a fresh copy: places are spread over the metadata and the rest. */
static void change(const uint8_t *data, size_t size)
{
    unsigned which = data[0] % ARRAY_LEN(images);
    now_len = images[which].len;
    now = aligned_alloc(PAGE_SIZE, now_len);
    memcpy(now, images[which].bytes, now_len);
    for (data++, size--; size >= EDIT; data += EDIT, size -= EDIT) {
        size_t at = data[0] | (size_t)data[1] << 8 | (size_t)(data[2] & 1) << 16;
        at = (data[2] & 2) != 0 ? 1024 + at % 128 : at; /* the superblock */
        now[at % now_len] ^= data[3];
    }
}

/* pages_map of the fakes knows nothing of the image: a page's place is all that is looked at. */
static void look_at_page(const struct tmpfs_lower *fs, uint64_t ino, uint64_t index)
{
    struct file_page page;
    int err = fs->page(ino, index, &page);
    if (err == 0) {
        require(is_aligned(page.pa.v, PAGE_SIZE));
        require(page.pa.v >= IMAGE_PA && page.pa.v + PAGE_SIZE <= IMAGE_PA + now_len);
    }
}

struct names {
    unsigned n;
    char name[64][256];
    uint64_t last;
};

static int collect(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                   uint64_t next)
{
    struct names *names = ctx;
    require(len >= 1 && len <= 255 && next > names->last);
    require(memchr(name, 0, len) == NULL && memchr(name, '/', len) == NULL);
    names->last = next;
    if (next <= 2) {
        return 0;
    }
    memcpy(names->name[names->n], name, len);
    names->name[names->n][len] = 0;
    return ++names->n == ARRAY_LEN(names->name);
}

static void walk(const struct tmpfs_lower *fs, struct vnode *dir, unsigned depth);

static void look_at(const struct tmpfs_lower *fs, struct vnode *v, unsigned depth)
{
    char text[300];
    struct vattr a;
    require(v->ops->getattr(v, &a) == 0);
    require((a.mode & S_IFMT) == (v->mode & S_IFMT));
    if (S_ISDIR(a.mode)) {
        walk(fs, v, depth + 1);
    } else if (S_ISLNK(a.mode)) {
        long n = v->ops->readlink(v, text, sizeof(text));
        require(n >= -4095 && n <= (long)sizeof(text));
    } else if (S_ISREG(a.mode)) {
        for (uint64_t i = 0; i < 4; i++) {
            look_at_page(fs, a.ino, i);
        }
        look_at_page(fs, a.ino, UINT64_MAX);
        look_at_page(fs, a.ino, a.size >> PAGE_SHIFT);
    }
}

static void walk(const struct tmpfs_lower *fs, struct vnode *dir, unsigned depth)
{
    if (depth > MAX_DEPTH) {
        return;
    }
    struct names *names = calloc(1, sizeof(*names));
    struct vnode *v;
    (void)dir->ops->lookup(dir, "no such name", 12, &v);
    int err = dir->ops->readdir(dir, 0, collect, names);
    require(err <= 0 && err >= -4095);
    for (unsigned i = 0; err == 0 && i < names->n && nodes < MAX_NODES; i++) {
        nodes++;
        if (dir->ops->lookup(dir, names->name[i], strlen(names->name[i]), &v) == 0) {
            look_at(fs, v, depth);
            vnode_put(v);
        }
    }
    free(names);
}

/* Files are read from the reader itself: frames of the image are not the fakes' memory. */
static void read_all(const struct tmpfs_lower *fs)
{
    static char buf[2 * PAGE_SIZE];
    for (uint64_t ino = 1; ino < now_len / 32 + 4; ino++) {
        struct vattr a;
        uint64_t found;
        unsigned dtype;
        if (fs->attr(ino, &a) == 0 && S_ISREG(a.mode)) {
            (void)!fs->data(ino, 0, buf, sizeof(buf));
            (void)!fs->data(ino, a.size - min(a.size, 9UL), buf, 100);
            (void)!fs->data(ino, UINT64_MAX - 5, buf, 10);
        } else {
            (void)!fs->lookup(ino, "x", 1, &found, &dtype);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tmpfs_lower *fs;
    struct mount *m;
    long objects = fake_heap_in_use();
    long frames = fake_pages_in_use();
    if (size == 0) {
        return 0;
    }
    fake_log_clear();
    change(data, size);
    nodes = 0;
    if (erofs_open(now, (struct pa){IMAGE_PA}, now_len, &fs) == 0) {
        read_all(fs);
        if (tmpfs_create(fs, "fuzz", 0, &m) == 0) {
            walk(fs, m->root, 0);
            tmpfs_destroy(m);
        }
    }
    require(fake_heap_in_use() == objects && fake_pages_in_use() == frames);
    free(now);
    return 0;
}
