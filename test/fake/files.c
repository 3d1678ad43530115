/* SPDX-License-Identifier: MIT */
// sources: fs/tmp*.c fs/vnode.c fs/vfile.c fs/attr.c fs/inotify.c
// sources: fs/access.c fs/lock.c fs/namei.c fs/entry.c fs/vfs.c kernel/fileattr.c kernel/file.c
// sources: kernel/wait.c kernel/mutex.c kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process pages
/* The real file layer without what lies beside it: no devices, no FIFOs, no mappings. */
#include "test/fake/files.h"

#include <asm/errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/devfs.h"
#include "fs/fifo.h"
#include "fs/tmpfs.h"
#include "kernel/mmap.h"
#include "kernel/signal.h"
#include "test/fake/firstname.h"

struct mount *fake_root;
unsigned long fake_forgotten;

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
    fake_forgotten++;
}

int mmap_seal(const struct vnode *vnode, uint32_t *seals, uint32_t add)
{
    *seals |= add;
    return 0;
}

void signal_send_self(int sig)
{
}

static void go_home(void)
{
    char name[] = "/";
    struct path top = {fake_root->root, name};
    if (namei_set_root(&top) != 0 || namei_set_cwd(&top) != 0) {
        abort();
    }
}

__attribute__((constructor)) static void start(void)
{
    if (tmpfs_create(NULL, "test", 0755, &fake_root) != 0) {
        abort();
    }
    go_home();
}

static void clear(struct vnode *dir)
{
    for (;;) {
        char name[256] = "";
        struct vnode *v;
        if (dir->ops->readdir(dir, 0, first_name, name) != 0) {
            abort();
        }
        if (name[0] == 0) {
            return;
        }
        if (dir->ops->lookup(dir, name, strlen(name), &v) != 0) {
            abort();
        }
        bool is_dir = S_ISDIR(v->mode);
        if (is_dir) {
            clear(v);
        }
        vnode_put(v);
        if (dir->ops->unlink(dir, name, strlen(name), is_dir) != 0) {
            abort();
        }
    }
}

void fake_files_clear(struct vnode *dir)
{
    go_home();
    clear(dir);
}
