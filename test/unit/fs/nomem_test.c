/* SPDX-License-Identifier: MIT */
// sources: fs/erofs.c fs/eronode.c fs/erodir.c fs/eroimage.c kernel/pipe.c kernel/pipering.c
// fakes: files image
// cflags: -include linux/stat.h
/* Each operation with its first, second ... allocation failing, heap objects and frames in turn:
 * it says -ENOMEM (-ENOSPC where write(2) has that), leaves nothing behind, and works when it is
 * tried again. */
#include "fs/erofs.h"

#include <asm/errno.h>
#include <linux/fs.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/entry.h"
#include "kernel/heap.h"
#include "kernel/pipe.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"
#include "test/fake/image.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

struct operation {
    const char *name;
    void (*before)(void);
    int (*run)(void); /* what it makes is dropped by after, or by clearing the tree */
    void (*after)(void); /* NULL: nothing to do */
    bool keeps; /* what was learned on the way may stay in memory */
};

static struct file *file_a, *file_b;

static void nothing(void)
{
}

static void make_tree(void)
{
    CHECK_EQ(entry_make(NULL, "/d", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(entry_make(NULL, "/d/e", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(entry_make(NULL, "/f", S_IFREG | 0644, 0), 0);
    CHECK_EQ(entry_symlink("d/new", NULL, "/dangling"), 0);
    CHECK_EQ(entry_symlink("/d/e", NULL, "/link"), 0);
}

static int make_directory(void)
{
    return entry_make(NULL, "/d/x", S_IFDIR | 0755, 0);
}

static int make_symlink(void)
{
    return entry_symlink("a longer target", NULL, "/d/x");
}

static int make_link(void)
{
    struct path p;
    int err = namei_walk(NULL, "/f", 0, &p);
    if (err == 0) {
        err = entry_link(p.vnode, NULL, "/d/x");
        path_put(&p);
    }
    return err;
}

static int rename_over(void)
{
    return entry_rename(NULL, "/d/e", NULL, "/link/../e2", 0);
}

static int rename_exchange(void)
{
    return entry_rename(NULL, "/f", NULL, "/d", RENAME_EXCHANGE);
}

static int remove_name(void)
{
    return entry_remove(NULL, "/link/../../f", false);
}

static int walk_links(void)
{
    struct path p;
    int err = namei_walk(NULL, "/link/../../link/.", 0, &p);
    if (err == 0) {
        path_put(&p);
    }
    return err;
}

static int change_directory(void)
{
    struct path p;
    int err = namei_walk(NULL, "/d", 0, &p);
    if (err == 0) {
        err = namei_set_cwd(&p);
        path_put(&p);
    }
    return err;
}

static void home_again(void)
{
    struct path p;
    CHECK_EQ(namei_walk(NULL, "/", 0, &p), 0);
    CHECK_EQ(namei_set_cwd(&p), 0);
    path_put(&p);
}

static int open_dangling(void)
{
    return vfs_open(NULL, "/dangling", O_RDWR | O_CREAT, 0644, &file_a);
}

static int open_unnamed(void)
{
    return vfs_open(NULL, "/d", O_RDWR | O_TMPFILE, 0644, &file_a);
}

static void close_a(void)
{
    file_put(file_a);
}

static void open_file(void)
{
    make_tree();
    CHECK_EQ(vfs_open(NULL, "/f", O_RDWR, 0, &file_a), 0);
}

/* Three pages, of which the first write may do a part: that counts as done. */
static int write_pages(void)
{
    static char data[3 * PAGE_SIZE];
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, data, sizeof(data), false);
    uint64_t pos = 100;
    long n = file_a->ops->write(file_a, &it, &pos);
    CHECK(n < 0 || pos == 100 + (uint64_t)n);
    return n < 0 ? (int)n : 0;
}

static int reserve_pages(void)
{
    return file_a->ops->fallocate(file_a, 0, 0, 5 * PAGE_SIZE);
}

static int make_pipe(void)
{
    return pipe_create(0, &file_a, &file_b);
}

static void close_pipe(void)
{
    file_put(file_a);
    file_put(file_b);
}

static void prepare_pipe(void)
{
    CHECK_EQ(make_pipe(), 0);
}

static int grow_pipe(void)
{
    long n = pipe_set_size(file_a, 1 << 20);
    return n < 0 ? (int)n : 0;
}

static int write_pipe(void)
{
    static char data[4096];
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, data, sizeof(data), false);
    long n = file_b->ops->write(file_b, &it, NULL);
    CHECK(n < 0 || n == 4096);
    return n < 0 ? (int)n : 0;
}

static int create_tmpfs(void)
{
    struct mount *m;
    int err = tmpfs_create(NULL, "test", 0755, &m);
    if (err == 0) {
        tmpfs_destroy(m);
    }
    return err;
}

static int create_anonymous(void)
{
    return tmpfs_create_anonymous("memory", O_RDWR, &file_a);
}

/* A tree that comes from an image. */
static const struct tmpfs_lower *lower;
static struct mount *over;

static void mount_image(void)
{
    CHECK_EQ(tmpfs_create(lower, "image", 0, &over), 0);
}

static void unmount_image(void)
{
    tmpfs_destroy(over);
}

static int count_names(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                       uint64_t next)
{
    ++*(unsigned *)ctx;
    return 0;
}

/* All names of the directory d, then d/a and its hard link d/b. */
static int walk_image(void)
{
    struct vnode *d;
    struct vnode *a;
    unsigned n = 0;
    int err = over->root->ops->lookup(over->root, "d", 1, &d);
    if (err != 0) {
        return err;
    }
    err = d->ops->lookup(d, "b", 1, &a);
    if (err == 0) {
        vnode_put(a);
        err = d->ops->readdir(d, 0, count_names, &n);
        CHECK(err != 0 || n == 2 + 2 + 40);
    }
    if (err == 0) {
        err = d->ops->unlink(d, "a", 1, false);
    }
    vnode_put(d);
    return err;
}

static const struct operation operations[] = {
    {"mkdir", make_tree, make_directory, NULL, false},
    {"symlink", make_tree, make_symlink, NULL, false},
    {"link", make_tree, make_link, NULL, false},
    {"rename", make_tree, rename_over, NULL, false},
    {"exchange", make_tree, rename_exchange, NULL, false},
    {"unlink", make_tree, remove_name, NULL, false},
    {"walk", make_tree, walk_links, NULL, false},
    {"chdir", make_tree, change_directory, home_again, false},
    {"open through a link", make_tree, open_dangling, close_a, true},
    {"open of an unnamed file", make_tree, open_unnamed, close_a, false},
    {"write", open_file, write_pages, close_a, false},
    {"fallocate", open_file, reserve_pages, close_a, true},
    {"pipe", nothing, make_pipe, close_pipe, false},
    {"pipe size", prepare_pipe, grow_pipe, close_pipe, false},
    {"pipe write", prepare_pipe, write_pipe, close_pipe, false},
    {"tmpfs", nothing, create_tmpfs, NULL, false},
    {"memfd", nothing, create_anonymous, close_a, false},
    {"names of an image", mount_image, walk_image, unmount_image, true},
};

/* One run with the nth request failing. Returns false when there were fewer than n. */
static bool run_failing(const struct operation *o, unsigned long n, bool frames)
{
    o->before();
    long objects = fake_heap_in_use();
    long pages = fake_pages_in_use();
    (frames ? fake_pages_fail_after : heap_fail_after)(n);
    int err = o->run();
    bool failed = frames ? fake_pages_failed() : fake_heap_failed();
    fake_pages_fail_after(0);
    heap_fail_after(0);
    if (err != 0 && err != -ENOMEM && err != -ENOSPC) {
        fprintf(stderr, "%s, request %lu: error %d\n", o->name, n, err);
    }
    CHECK(err == 0 || err == -ENOMEM || err == -ENOSPC);
    CHECK(err == 0 || failed);
    if (err != 0 && !o->keeps) {
        if (fake_heap_in_use() != objects || fake_pages_in_use() != pages) {
            fprintf(stderr, "%s, request %lu\n", o->name, n);
        }
        CHECK_EQ(fake_heap_in_use(), objects);
        CHECK_EQ(fake_pages_in_use(), pages);
    }
    if (err != 0) {
        CHECK_EQ(o->run(), 0);
    }
    if (o->after != NULL) {
        o->after();
    }
    fake_files_clear(fake_root->root);
    return failed;
}

static void run_all(bool frames)
{
    for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
        long objects = fake_heap_in_use();
        unsigned long n = 1;
        while (run_failing(&operations[i], n, frames)) {
            n++;
            CHECK(n < 500);
        }
        if (fake_heap_in_use() != objects) {
            fprintf(stderr, "%s\n", operations[i].name);
        }
        CHECK_EQ(fake_heap_in_use(), objects);
    }
}

static void heap_objects(void)
{
    run_all(false);
}

static void frames(void)
{
    run_all(true);
}

int main(void)
{
    size_t len;
    static const struct check_test tests[] = {{"heap_objects", heap_objects}, {"frames", frames}};
    fake_image_begin();
    fake_image_run("mkdir d; echo 1 >d/a; ln d/a d/b; for i in $(seq 40); do : >d/n$i; done");
    uint8_t *image = fake_image_end("-x-1", &len);
    if (erofs_open(image, (struct pa){0x7000000}, len, &lower) != 0) {
        return 1;
    }
    int status = check_main(tests, ARRAY_LEN(tests));
    free(image);
    return status;
}
