/* SPDX-License-Identifier: MIT */
/* The program's memory: regions, mapping, protection, faults. One address space. */
#ifndef KERNEL_MMAP_H
#define KERNEL_MMAP_H

#include "kernel/base/base.h"
#include "platform/cpu.h"

struct file;

/* mmap_init: empty address space. entropy seeds the layout; low_end etc. are chosen here:
 * mmap area grows down from below the stack, brk area above the program. */
void mmap_init(const uint64_t entropy[4]);

/* The verbs of the calls of the same name; Linux flags and protections. Return an address or 0, or
 * a negative errno as mmap(2), munmap(2), mprotect(2), mremap(2), madvise(2), msync(2), mincore(2)
 * say. */
long mmap_map(uint64_t addr, uint64_t len, int prot, int flags, struct file *f, uint64_t offset);
int mmap_unmap(uint64_t addr, uint64_t len);
int mmap_protect(uint64_t addr, uint64_t len, int prot);
long mmap_remap(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new_addr);
int mmap_advise(uint64_t addr, uint64_t len, int advice);
int mmap_sync(uint64_t addr, uint64_t len, int flags);
int mmap_incore(uint64_t addr, uint64_t len, uint8_t USER *vec);
int mmap_lock(uint64_t addr, uint64_t len, bool populate); /* mlock2(2) */
int mmap_unlock(uint64_t addr, uint64_t len);
int mmap_lock_all(int flags); /* mlockall(2); 0: munlockall(2) */
uint64_t mmap_brk(uint64_t new_brk); /* brk(2) of the kernel: the resulting break */
void mmap_set_brk_start(uint64_t start); /* loader: end of the program's image; randomised here */

/* mmap_stack: map the first thread's stack (grows down to RLIMIT_STACK) at a random place. *top is
 * its end. Returns 0 or -ENOMEM. */
MUST_CHECK int mmap_stack(uint64_t limit, uint64_t *top);

/* mmap_special: map kernel-made pages (vDSO, rewriter stubs) into the program: contiguous frames
 * starting at pa, never written by the program. addr 0: anywhere, else exactly there. name shows in
 * /proc/self/maps and must live for ever. Returns the address; -EEXIST (something is at addr),
 * -EINVAL (not a page of the program's half), -ENOMEM. */
long mmap_special(uint64_t addr, struct pa pa, unsigned npages, int prot, const char *name);

/* mmap_report_full: the line that says why a program is killed for want of memory. */
void mmap_report_full(void);

/* mmap_text_find: the executable region around addr.
 *   out->file  with a reference for the caller, NULL for anonymous memory
 * Returns 0 or -EFAULT (nothing mapped there, or not executable). */
struct mmap_text {
    uint64_t start, end;
    struct file *file;
    uint64_t offset; /* of start in file */
    bool writable, shared;
};
MUST_CHECK int mmap_text_find(uint64_t addr, struct mmap_text *out);

/* mmap_text_change: for the rewriter: make the one or two pages that hold [addr, addr + len) of the
 * program's code private to this process and present, and call change with their direct-map
 * addresses (twice the same, when it is one) while nothing can take them away.
 *   change  called with space.lock held; not -EAGAIN
 * Returns what change does; -EFAULT (not mapped, not executable), -EACCES (writable too: a JIT
 * page, or MAP_SHARED), -ENOMEM. Context: takes space.lock, may block. */
MUST_CHECK int mmap_text_change(uint64_t addr, size_t len,
                                int (*change)(void *ctx, uint8_t *const pages[2]), void *ctx);

/* mmap_fault: resolve a page fault at addr. Returns 0 when resolved (retry), SIGSEGV or SIGBUS with
 * *code = the si_code, or SIGKILL: there is no memory. Context: may block. */
enum { FAULT_WRITE = 2, FAULT_USER = 4, FAULT_EXEC = 16 }; /* bits of the page-fault error code */
int mmap_fault(uint64_t addr, unsigned error, uint64_t rsp, int *code);

/* mmap_populate: make the pages of [start, end) present as if each were read, or written. Returns
 * 0, -ENOMEM (nothing mapped there, no memory), -EFAULT (no right, past the end of a file). */
int mmap_populate(uint64_t start, uint64_t end, bool write);

/* mmap_forget_file: pages [first, end) of the object that vnode stands for have changed or gone:
 * they are unmapped, so that the next touch asks the object again. copies: also private copies
 * (truncation). Context: takes space.lock. */
struct vnode;
void mmap_forget_file(const struct vnode *vnode, uint64_t first, uint64_t end, bool copies);

/* mmap_seal: set the F_SEAL_* bits add in *seals of vnode, after which its mmap_sealed holds,
 * unless it could still be written through a shared mapping: -EBUSY. Context: takes space.lock. */
MUST_CHECK int mmap_seal(const struct vnode *vnode, uint32_t *seals, uint32_t add);

/* mmap_object: what is mapped at addr, when the mapping is shared: the object and the offset of
 * addr in it; object NULL and addr itself for private memory. Returns 0, -EFAULT where nothing is
 * mapped. */
MUST_CHECK int mmap_object(uint64_t addr, const void **object, uint64_t *offset);

/* mmap_describe: one line of /proc/self/maps for the first region that ends above addr; *next is
 * where to go on. Returns the length of the line, or -ENOENT. Also used by crash reports. */
long mmap_describe(uint64_t addr, char *buf, size_t cap, uint64_t *next);

/* mmap_region: figures of the first region that ends above addr. Returns 0 or -ENOENT.
 * Source: proc(5), /proc/<pid>/smaps. */
struct mmap_region {
    uint64_t start, end;
    int prot; /* PROT_* */
    bool shared, grows, locked, of_file, no_huge;
    uint64_t resident, anonymous; /* pages: present; of them, the process's own */
};
MUST_CHECK int mmap_region(uint64_t addr, struct mmap_region *out);

/* mmap_mapping: the first region that ends above addr and maps f. Returns 0 or -ENOENT. Context: f
 * is only compared. */
struct mmap_mapping {
    uint64_t start, end, offset; /* of start in the file */
};
MUST_CHECK int mmap_mapping(uint64_t addr, const struct file *f, struct mmap_mapping *out);

/* Hooks of layers above.
 *   forget  [start, end) held code and was unmapped, replaced, or is now writable or not
 *   executable,
 *           or is about to move; called with space.lock held
 *   text    whether a page of code may hold system calls to rewrite; NULL: nothing is rewritten
 *   name    path of a mapped file for mmap_describe, NULL for none */
void mmap_set_forget_hook(void (*forget)(uint64_t start, uint64_t end));
void mmap_set_text_hook(bool (*hook)(const uint8_t *page));
void mmap_set_name_hook(const char *(*name)(const struct file *f));

/* Counters for --stats, /proc/self/statm and getrusage. */
struct mmap_stats {
    uint64_t minor_faults, huge_pages, resident_pages, peak_resident_pages, virtual_pages;
    uint64_t jit_pages; /* pages that were writable and executable at once */
};
void mmap_stats(struct mmap_stats *out);

#endif
