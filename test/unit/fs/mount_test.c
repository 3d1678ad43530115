/* SPDX-License-Identifier: MIT */
// sources: fs/mount.c fs/erofs.c fs/eronode.c fs/erodir.c fs/eroimage.c
// fakes: files image
/* Mounting, walking over mounts, and the tree at the program's start. The list of mounts only
 * grows, so the tests follow each other in one. */
#include "fs/entry.h"

#include <asm/errno.h>
#include <string.h>

#include "fs/devfs.h"
#include "fs/procfs.h"
#include "fs/tmpfs.h"
#include "kernel/heap.h"
#include "test/fake/files.h"
#include "test/fake/image.h"
#include "test/unit/check.h"

/* Stand-ins for the file systems of other files: empty ones that tell their names. */
static int named(const char *name, struct mount **out)
{
    int err = tmpfs_create(NULL, name, 0555, out);
    if (err == 0) {
        (*out)->fs_name = name;
    }
    return err;
}

int devfs_create(struct mount **out)
{
    return named("devtmpfs", out);
}

int procfs_create(struct mount **out)
{
    return named("proc", out);
}

int sysfs_create(struct mount **out)
{
    return named("sysfs", out);
}

static int walk(const char *name, struct path *out)
{
    return namei_walk(NULL, name, 0, out);
}

static struct mount *mount_of(const char *name)
{
    struct path p;
    CHECK_EQ(walk(name, &p), 0);
    struct mount *m = p.vnode->mount;
    path_put(&p);
    return m;
}

static uint32_t mode_of(const char *name)
{
    struct path p;
    struct vattr a;
    CHECK_EQ(walk(name, &p), 0);
    CHECK_EQ(p.vnode->ops->getattr(p.vnode, &a), 0);
    path_put(&p);
    return a.mode;
}

/* The image of a small root: /tmp and /run have contents, /dev/shm and /sys do not exist, /proc
 * does. The objects of the started tree stay: they are made before the first test counts. */
static uint8_t *image;

static int start(void)
{
    size_t len;
    fake_image_begin();
    fake_image_run("mkdir -p tmp run/app proc etc dev; echo t >tmp/kept; echo r >run/app/kept;"
                   "echo e >etc/kept; chmod 700 tmp");
    image = fake_image_end("-x-1 --all-root", &len);
    memset(image, 0, 1024); /* what lies before the superblock is nobody's */
    return vfs_init(image, (struct pa){0x7000000}, len);
}

/* All mounts in order: source by source, with parents. */
static void start_tree(void)
{
    static const struct {
        const char *path, *fs, *parent;
        uint32_t mode;
    } want[] = {
        {"/", "tmpfs", NULL, 0},
        {"/tmp", "tmpfs", "/", 01777},
        {"/run", "tmpfs", "/", 0755},
        {"/dev", "devtmpfs", "/", 0555},
        {"/dev/shm", "tmpfs", "/dev", 01777},
        {"/proc", "proc", "/", 0555},
        {"/sys", "sysfs", "/", 0555},
    };
    struct list *at = vfs_mounts()->next;
    uint64_t devs[ARRAY_LEN(want)];
    for (unsigned i = 0; i < ARRAY_LEN(want); i++, at = at->next) {
        CHECK(at != vfs_mounts());
        const struct mount *m = list_entry(at, struct mount, link);
        CHECK_STR(m->path, want[i].path);
        CHECK_STR(m->fs_name, want[i].fs);
        CHECK(mount_of(want[i].path) == m);
        if (want[i].parent != NULL) {
            CHECK_STR(m->parent->path, want[i].parent);
            CHECK_EQ(mode_of(want[i].path), S_IFDIR | want[i].mode);
        }
        devs[i] = m->dev;
        for (unsigned k = 0; k < i; k++) {
            CHECK(devs[k] != m->dev); /* st_dev tells file systems apart */
        }
    }
    CHECK(at == vfs_mounts());
    CHECK(list_entry(vfs_mounts()->next, struct mount, link)->covered == NULL);
}

static void contents_stay(void)
{
    struct path p;
    CHECK_EQ(walk("/tmp/kept", &p), 0); /* what the image has below a mount of ours */
    CHECK(p.vnode->mount == mount_of("/tmp"));
    path_put(&p);
    CHECK_EQ(walk("/run/app/kept", &p), 0);
    CHECK(p.vnode->mount == mount_of("/run"));
    path_put(&p);
    CHECK_EQ(walk("/etc/kept", &p), 0);
    path_put(&p);
}

static void crossing(void)
{
    struct path p;
    struct path q;
    CHECK_EQ(walk("/dev/shm/..", &p), 0);
    CHECK(p.vnode == mount_of("/dev")->root);
    CHECK_STR(p.name, "/dev");
    path_put(&p);
    CHECK_EQ(walk("/dev/shm/../..", &p), 0);
    CHECK(p.vnode == mount_of("/")->root);
    path_put(&p);
    CHECK_EQ(walk("/tmp/../etc/kept", &p), 0);
    path_put(&p);
    CHECK_EQ(walk("/tmp", &p), 0);
    CHECK_EQ(namei_walk(&p, "..", 0, &q), 0);
    CHECK(q.vnode == mount_of("/")->root);
    path_put(&q);
    CHECK_EQ(namei_walk(&p, "..", WALK_BENEATH, &q), -EXDEV);
    path_put(&p);
}

/* Names of different file systems, and of mount points. Source: rename(2), link(2), rmdir(2). */
static void across(void)
{
    struct path p;
    CHECK_EQ(entry_rename(NULL, "/etc/kept", NULL, "/tmp/x", 0), -EXDEV);
    CHECK_EQ(walk("/etc/kept", &p), 0);
    CHECK_EQ(entry_link(p.vnode, NULL, "/tmp/x"), -EXDEV);
    path_put(&p);
    CHECK_EQ(entry_remove(NULL, "/dev/shm", true), -EBUSY);
    CHECK_EQ(entry_remove(NULL, "/", true), -EBUSY);
    CHECK_EQ(entry_make(NULL, "/tmp", S_IFDIR, 0), -EEXIST);
    CHECK_EQ(entry_remove(NULL, "/tmp", false), -EISDIR);
}

static void refusals(void)
{
    struct mount *m;
    char longest[66];
    CHECK_EQ(tmpfs_create(NULL, "x", 0700, &m), 0);
    CHECK_EQ(vfs_mount("/none", m), -ENOENT);
    CHECK_EQ(vfs_mount("/etc/kept", m), -ENOTDIR);
    CHECK_EQ(vfs_mount("/tmp", m), -EBUSY);
    CHECK_EQ(vfs_mount("/", m), -EBUSY);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[65] = 0;
    CHECK_EQ(vfs_mount(longest, m), -ENAMETOOLONG);
    for (unsigned long n = 1; n < 3; n++) { /* of a walk's two allocations each fails */
        heap_fail_after(n);
        CHECK_EQ(vfs_mount("/etc", m), -ENOMEM);
        heap_fail_after(0);
    }
    tmpfs_destroy(m);
}

/* The tree is started before the counting begins: it is never taken down. */
int main(void)
{
    static const struct check_test tests[] = {
        {"start_tree", start_tree}, {"contents_stay", contents_stay}, {"crossing", crossing},
        {"across", across},         {"refusals", refusals},
    };
    if (start() != 0) {
        return 1;
    }
    /* names that are met for the first time stay in memory: all of them once before counting */
    start_tree();
    contents_stay();
    int status = check_main(tests, ARRAY_LEN(tests));
    free(image);
    return status;
}
