/* SPDX-License-Identifier: MIT */
// sources: fs/tmp*.c fs/vnode.c fs/namei.c fs/entry.c fs/access.c fs/attr.c fs/vfile.c fs/lock.c
// sources: fs/vfs.c fs/inotify.c kernel/file.c kernel/fileattr.c kernel/wait.c kernel/mutex.c
// fakes: threads heap pages
// sanitize: thread
/* Random calls on the names and contents of one small tree by several CPUs at once, under
 * ThreadSanitizer. Whatever happened, the tree that is left is sound: link counts are right and
 * all memory comes back when it is removed. */
#include "fs/entry.h"

#include <asm/errno.h>
#include <linux/fs.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/devfs.h"
#include "fs/fifo.h"
#include "fs/tmpfs.h"
#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "test/fake/firstname.h"
#include "test/fake/heap.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define CALLS 6000

/* The bytes of a file that one thread reads while another writes them: no lock is promised. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:move_bytes\n";
}

struct process process;
static struct mount *mount;

bool process_capable(int cap)
{
    return true;
}

void signal_send_self(int sig)
{
}

int devfs_open_device(uint64_t rdev, unsigned flags, struct file **out)
{
    return -ENXIO;
}

int fifo_open(struct vnode *v, unsigned flags, struct file **out)
{
    return -ENXIO;
}

void mmap_forget_file(const struct vnode *vnode, uint64_t first, uint64_t end, bool copies)
{
}

int mmap_seal(const struct vnode *vnode, uint32_t *seals, uint32_t add)
{
    return 0;
}

/* Each CPU has random numbers of its own. */
static uint64_t seeds[CPUS];

static unsigned below(unsigned cpu, unsigned n)
{
    uint64_t *s = &seeds[cpu];
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return (unsigned)(*s >> 11) % n;
}

static void random_name(unsigned cpu, char *out)
{
    static const char *const parts[] = {"/a", "/b", "/c", "/a", "/b", "/.."};
    out[0] = 0;
    for (unsigned i = 1 + below(cpu, 3); i > 0; i--) {
        strcat(out, parts[below(cpu, ARRAY_LEN(parts))]);
    }
}

static int count_names(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                       uint64_t next)
{
    ++*(unsigned *)ctx;
    return 0;
}

static void look_at(const char *name)
{
    struct path p;
    struct vattr a;
    unsigned n = 0;
    if (namei_walk(NULL, name, 0, &p) != 0) {
        return;
    }
    (void)!p.vnode->ops->getattr(p.vnode, &a);
    if (p.vnode->ops->readdir != NULL) {
        (void)!p.vnode->ops->readdir(p.vnode, 0, count_names, &n);
    }
    path_put(&p);
}

/* Write, read, cut. */
static void use_file(unsigned cpu, const char *name)
{
    char data[6000];
    struct file *f;
    struct iov v;
    uint64_t pos = below(cpu, 9000);
    unsigned append = below(cpu, 2) == 0 ? O_APPEND : 0;
    if (vfs_open(NULL, name, O_RDWR | O_CREAT | append, 0644, &f) != 0) {
        return;
    }
    memset(data, 'a' + (int)cpu, sizeof(data));
    struct iov_iter it = iov_iter_one(&v, data, 1 + below(cpu, sizeof(data)), false);
    (void)!f->ops->write(f, &it, &pos);
    pos = below(cpu, 9000);
    it = iov_iter_one(&v, data, sizeof(data), false);
    (void)!f->ops->read(f, &it, &pos);
    if (below(cpu, 4) == 0) {
        (void)!f->ops->truncate(f, below(cpu, 9000));
    }
    file_put(f);
}

static void link_name(const char *from, const char *to)
{
    struct path p;
    if (namei_walk(NULL, from, WALK_NOFOLLOW, &p) == 0) {
        (void)!entry_link(p.vnode, NULL, to);
        path_put(&p);
    }
}

static void change_mode(unsigned cpu, const char *name)
{
    struct path p;
    if (namei_walk(NULL, name, 0, &p) == 0) {
        (void)!attr_chmod(p.vnode, S_ISDIR(p.vnode->mode) ? 0755 : below(cpu, 512));
        path_put(&p);
    }
}

static void call_at_random(unsigned cpu)
{
    static const unsigned flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    for (unsigned n = 0; n < CALLS; n++) {
        char a[16];
        char b[16];
        random_name(cpu, a);
        random_name(cpu, b);
        switch (below(cpu, 9)) {
        case 0: (void)!entry_make(NULL, a, S_IFDIR | 0755, 0); break;
        case 1: (void)!entry_symlink(b, NULL, a); break;
        case 2: link_name(a, b); break;
        case 3: (void)!entry_remove(NULL, a, below(cpu, 2) == 0); break;
        case 4:
        case 5: (void)!entry_rename(NULL, a, NULL, b, flags[below(cpu, ARRAY_LEN(flags))]); break;
        case 6: look_at(a); break;
        case 7: change_mode(cpu, a); break;
        default: use_file(cpu, a); break;
        }
    }
}

/* Remove what is in dir; its link count must fall to that of an empty directory. */
static void clear(struct vnode *dir)
{
    for (;;) {
        char name[256] = "";
        struct vnode *v;
        struct vattr a;
        CHECK_EQ(dir->ops->readdir(dir, 0, first_name, name), 0);
        if (name[0] == 0) {
            CHECK_EQ(dir->ops->getattr(dir, &a), 0);
            CHECK_EQ(a.nlink, 2);
            return;
        }
        CHECK_EQ(dir->ops->lookup(dir, name, strlen(name), &v), 0);
        bool is_dir = S_ISDIR(v->mode);
        if (is_dir) {
            struct vnode *up;
            CHECK_EQ(v->ops->lookup(v, "..", 2, &up), 0);
            CHECK(up == dir);
            vnode_put(up);
            clear(v);
        }
        vnode_put(v);
        CHECK_EQ(dir->ops->unlink(dir, name, strlen(name), is_dir), 0);
    }
}

static void one_tree(void)
{
    for (unsigned i = 0; i < CPUS; i++) {
        seeds[i] = check_random();
    }
    fake_threads_run(CPUS, call_at_random);
    clear(mount->root);
}

__attribute__((constructor)) static void set_up(void)
{
    char name[] = "/";
    if (tmpfs_create(NULL, "test", 0755, &mount) != 0) {
        abort();
    }
    struct path top = {mount->root, name};
    if (namei_set_root(&top) != 0 || namei_set_cwd(&top) != 0) {
        abort();
    }
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
        process.limits[i] = (struct rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
    }
}

TESTS(one_tree)
