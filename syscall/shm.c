/* SPDX-License-Identifier: MIT */
/* System V shared memory: files without a name, mapped shared. A segment is attached as often as
 * regions map it: whoever may have changed that has them counted again. ipc_lock guards everything
 * here and comes before the lock of the memory map. Source: shmget(2), shmat(2), shmctl(2). */
#include "syscall/shm.h"

#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/shm.h>

#include "fs/tmpfs.h"
#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/ipc.h"

#define SHM_DEST 01000 /* of shmctl(2): no uapi header has it */

struct segment {
    struct ipc_object object; /* first */
    struct file *file; /* has no descriptor: shmat alone maps it */
    uint64_t size;
    unsigned attached; /* when they were last counted */
    long attached_s, detached_s, changed_s; /* times */
    int last_pid;
};

static struct ipc_table table;
static unsigned segments; /* [A] that exist: changed under ipc_lock */

static struct segment *segment_of(struct ipc_object *o)
{
    return container_of(o, struct segment, object);
}

static uint64_t mapped_len(const struct segment *s)
{
    return align_up(s->size, PAGE_SIZE);
}

/* The last use of s. */
static void end(struct segment *s) NEEDS(ipc_lock)
{
    __atomic_fetch_sub(&segments, 1, __ATOMIC_RELAXED);
    file_put(s->file);
    heap_free(s);
}

static int create(int key, uint64_t size, int flags) NEEDS(ipc_lock)
{
    char name[16];
    if (size == 0 || size > INT64_MAX) {
        return -EINVAL;
    }
    struct segment *s = heap_zalloc(sizeof(*s));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->size = size;
    s->changed_s = ipc_now();
    print_buf(name, sizeof(name), "SYSV%08x", (unsigned)key);
    int result = tmpfs_create_anonymous(name, O_RDWR, &s->file);
    if (result != 0) {
        heap_free(s);
        return result;
    }
    result = s->file->ops->truncate(s->file, mapped_len(s));
    result = result != 0 ? result : ipc_enter(&table, &s->object, key, flags);
    __atomic_fetch_add(&segments, 1, __ATOMIC_RELAXED);
    if (result < 0) {
        end(s);
    }
    return result;
}

/* Count the regions that map s, after they may have changed. One that was to go with its last
 * attachment goes: false. */
static bool recount(struct segment *s) NEEDS(ipc_lock)
{
    struct mmap_mapping m = {.end = 0};
    unsigned n = 0;
    while (mmap_mapping(m.end, s->file, &m) == 0) {
        n++;
    }
    if (n < s->attached) {
        s->detached_s = ipc_now();
        s->last_pid = PROCESS_PID;
    }
    s->attached = n;
    bool stays = n != 0 || (s->object.perm.mode & SHM_DEST) == 0;
    if (!stays) {
        ipc_remove(&table, &s->object);
        end(s);
    }
    return stays;
}

static void recount_all(void) NEEDS(ipc_lock)
{
    for (unsigned i = 0; i < table.size; i++) {
        if (table.slots[i] != NULL) {
            (void)recount(segment_of(table.slots[i]));
        }
    }
}

void shm_mappings_changed(void)
{
    if (__atomic_load_n(&segments, __ATOMIC_RELAXED) == 0) {
        return;
    }
    mutex_lock(&ipc_lock);
    recount_all();
    mutex_unlock(&ipc_lock);
}

long sys_shmget(int key, size_t size, int flags)
{
    struct ipc_object *o;
    mutex_lock(&ipc_lock);
    int result = ipc_lookup(&table, key, flags, &o);
    if (result == 0 && o == NULL) {
        result = create(key, size, flags);
    } else if (result == 0) {
        result = size > segment_of(o)->size ? -EINVAL : o->id;
    }
    mutex_unlock(&ipc_lock);
    return result;
}

static long attach(struct segment *s, uint64_t addr, int flags) NEEDS(ipc_lock)
{
    int prot = PROT_READ | ((flags & SHM_RDONLY) != 0 ? 0 : PROT_WRITE);
    prot |= (flags & SHM_EXEC) != 0 ? PROT_EXEC : 0;
    int fixed = (flags & SHM_REMAP) != 0 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    long at = mmap_map(addr, mapped_len(s), prot, MAP_SHARED | (addr != 0 ? fixed : 0), s->file, 0);
    if (at < 0) {
        return at == -EEXIST ? -EINVAL : at;
    }
    s->attached_s = ipc_now();
    s->last_pid = PROCESS_PID;
    recount_all(); /* SHM_REMAP may have detached others */
    return at;
}

long sys_shmat(int id, uint64_t addr, int flags)
{
    struct ipc_object *o;
    if ((flags & SHM_RND) != 0) {
        addr &= ~(PAGE_SIZE - 1UL);
    }
    if (addr % PAGE_SIZE != 0 || (addr == 0 && (flags & SHM_REMAP) != 0)) {
        return -EINVAL;
    }
    unsigned rights = IPC_READ | ((flags & SHM_RDONLY) != 0 ? 0 : IPC_WRITE);
    mutex_lock(&ipc_lock);
    long result = ipc_find(&table, id, rights, &o);
    result = result != 0 ? result : attach(segment_of(o), addr, flags);
    mutex_unlock(&ipc_lock);
    return result;
}

/* The first piece at or after addr of what was attached there: its segment, NULL: none. */
static struct segment *attached_at(uint64_t addr, struct mmap_mapping *m) NEEDS(ipc_lock)
{
    for (unsigned i = 0; i < table.size; i++) {
        struct segment *s = table.slots[i] != NULL ? segment_of(table.slots[i]) : NULL;
        m->end = addr;
        while (s != NULL && mmap_mapping(m->end, s->file, m) == 0) {
            if (m->start >= addr && m->start - m->offset == addr) {
                return s;
            }
        }
    }
    return NULL;
}

static int detach(uint64_t addr) NEEDS(ipc_lock)
{
    struct mmap_mapping m;
    int err = -EINVAL;
    struct segment *s;
    do { /* the program may have unmapped parts of it, or put other things there */
        s = attached_at(addr, &m);
        err = s != NULL ? mmap_unmap(m.start, m.end - m.start) : err;
    } while (s != NULL && err == 0);
    recount_all();
    return err;
}

long sys_shmdt(uint64_t addr)
{
    mutex_lock(&ipc_lock);
    int err = addr % PAGE_SIZE == 0 ? detach(addr) : -EINVAL;
    mutex_unlock(&ipc_lock);
    return err;
}

static long stat_or_set(struct segment *s, int cmd, void USER *buf) NEEDS(ipc_lock)
{
    struct shmid64_ds d = {.shm_perm = s->object.perm, .shm_segsz = s->size};
    d.shm_atime = s->attached_s;
    d.shm_dtime = s->detached_s;
    d.shm_ctime = s->changed_s;
    d.shm_cpid = PROCESS_PID;
    d.shm_lpid = s->last_pid;
    d.shm_nattch = s->attached;
    if (cmd == IPC_STAT) {
        return uaccess_write(buf, &d, sizeof(d));
    }
    long err = ipc_may_change(&s->object);
    err = err != 0 ? err : uaccess_read(&d, buf, sizeof(d));
    if (err == 0) {
        ipc_set(&s->object, &d.shm_perm);
        s->changed_s = ipc_now();
    }
    return err;
}

static long control(struct segment *s, int cmd, void USER *buf) NEEDS(ipc_lock)
{
    if (cmd == IPC_STAT || cmd == IPC_SET) {
        /* mprotect may have cut a region; who has just unmapped the last waits for the lock */
        return recount(s) ? stat_or_set(s, cmd, buf) : -EINVAL;
    }
    int err = ipc_may_change(&s->object);
    if (err == 0 && cmd == IPC_RMID) {
        s->object.perm.mode |= SHM_DEST;
        s->object.perm.key = IPC_PRIVATE; /* nobody finds it by key any more */
        (void)recount(s);
    }
    return err; /* SHM_LOCK, SHM_UNLOCK: nothing is ever paged out */
}

long sys_shmctl(int id, int cmd, void USER *buf)
{
    struct ipc_object *o;
    bool known = cmd == IPC_RMID || cmd == IPC_STAT || cmd == IPC_SET || cmd == SHM_LOCK ||
                 cmd == SHM_UNLOCK;
    if (!known) {
        log(SYSCALL, WARN, "shmctl: command %d is not supported", cmd);
        return -EINVAL;
    }
    mutex_lock(&ipc_lock);
    long result = ipc_find(&table, id, cmd == IPC_STAT ? IPC_READ : 0, &o);
    result = result != 0 ? result : control(segment_of(o), cmd, buf);
    mutex_unlock(&ipc_lock);
    return result;
}
