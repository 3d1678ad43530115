/* SPDX-License-Identifier: MIT */
/* System calls of the memory family: decode, one verb of kernel/mmap.h, encode.
 * Source: mmap(2) and the man pages of the other calls. */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mman.h>

#include "fs/tmpfs.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/shm.h"

#define MEMFD_NAME_MAX 250 /* as Linux: NAME_MAX less "memfd:" */

long sys_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t offset)
{
    struct file *f = NULL;
    if (!is_aligned(offset, PAGE_SIZE)) {
        return -EINVAL;
    }
    if ((flags & MAP_ANONYMOUS) == 0) {
        f = fd_get(fd);
        if (f == NULL) {
            return -EBADF;
        }
    }
    if (f != NULL && (f->flags & O_PATH) != 0) {
        file_put(f);
        return -EBADF;
    }
    long at = mmap_map(addr, len, prot, flags, f, offset);
    if (f != NULL) {
        file_put(f);
    }
    if ((flags & MAP_FIXED) != 0) {
        shm_mappings_changed();
    }
    return at;
}

long sys_mprotect(uint64_t addr, uint64_t len, int prot)
{
    return mmap_protect(addr, len, prot);
}

long sys_munmap(uint64_t addr, uint64_t len)
{
    int err = mmap_unmap(addr, len);
    shm_mappings_changed();
    return err;
}

long sys_brk(uint64_t addr)
{
    return (long)mmap_brk(addr);
}

long sys_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t addr)
{
    long at = mmap_remap(old, old_len, new_len, flags, addr);
    shm_mappings_changed();
    return at;
}

long sys_msync(uint64_t addr, uint64_t len, int flags)
{
    return mmap_sync(addr, len, flags);
}

long sys_mincore(uint64_t addr, uint64_t len, uint8_t USER *vec)
{
    return mmap_incore(addr, len, vec);
}

long sys_madvise(uint64_t addr, uint64_t len, int advice)
{
    return mmap_advise(addr, len, advice);
}

long sys_mlock(uint64_t addr, uint64_t len)
{
    return mmap_lock(addr, len, true);
}

long sys_mlock2(uint64_t addr, uint64_t len, unsigned flags)
{
    if ((flags & ~(unsigned)MLOCK_ONFAULT) != 0) {
        return -EINVAL;
    }
    return mmap_lock(addr, len, (flags & MLOCK_ONFAULT) == 0);
}

long sys_munlock(uint64_t addr, uint64_t len)
{
    return mmap_unlock(addr, len);
}

long sys_mlockall(int flags)
{
    if (flags == 0 || flags == MCL_ONFAULT ||
        (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) != 0) {
        return -EINVAL;
    }
    return mmap_lock_all(flags);
}

long sys_munlockall(void)
{
    return mmap_lock_all(0);
}

long sys_memfd_create(const char USER *name, unsigned flags)
{
    char text[MEMFD_NAME_MAX];
    struct file *f;
    if ((flags & ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING)) != 0) {
        return -EINVAL; /* MFD_HUGETLB: there is no pool of huge pages */
    }
    long len = uaccess_string(text, name, sizeof(text));
    if (len < 0) {
        return len == -ENAMETOOLONG ? -EINVAL : len;
    }
    int err = tmpfs_create_anonymous(text, O_RDWR | O_LARGEFILE, &f);
    if (err != 0) {
        return err;
    }
    f->vnode->seals = (flags & MFD_ALLOW_SEALING) != 0 ? 0 : F_SEAL_SEAL;
    return fd_give(f, 0, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}
