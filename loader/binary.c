/* SPDX-License-Identifier: MIT */
/* One ELF file on its way into memory.
 *
 * Owns the steps from a path to mapped segments. The whole span is reserved PROT_NONE first, so
 * nothing else can come to lie in a hole and a second image can never replace the first; segments
 * then replace their part of it. No locks of its own.
 *
 * Source: x86-64 psABI 5.1 (program loading); Linux fs/binfmt_elf.c (behaviour at partial
 * pages). */
#include "loader/binary.h"

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/elf.h>
#include <linux/mman.h>
#include <linux/stat.h>

#include "fs/vnode.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/random.h"
#include "kernel/uaccess.h"

#define BASE_RANDOM_BITS 28 /* of the page number, as Linux */
#define ANY_EXEC 0111 /* an execute bit of anybody */

static const char no_memory[] = "not enough memory (elfin run -m gives more)";

/* The exit status and the words for an error of open. */
static int explain_open(int err, const char **reason)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR: *reason = "no such file"; return STATUS_NOT_FOUND;
    case -EACCES:
    case -EPERM: *reason = "permission denied"; return STATUS_NOT_EXECUTABLE;
    case -ELOOP: *reason = "too many symbolic links"; return STATUS_NOT_EXECUTABLE;
    case -ENAMETOOLONG: *reason = "its name is too long"; return STATUS_NOT_EXECUTABLE;
    case -ENOMEM: *reason = no_memory; return STATUS_ELFIN;
    default: *reason = "it cannot be opened"; return STATUS_ELFIN;
    }
}

/* Read exactly len bytes at pos. Returns 0 or -EIO. */
static int read_at(struct file *f, uint64_t pos, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        struct iov iov = {.base = (char *)buf + done, .len = len - done};
        struct iov_iter it = {.iov = &iov, .n = 1, .total = iov.len};
        uint64_t at = pos + done;
        long n = f->ops->read(f, &it, &at);
        if (n <= 0) {
            return -EIO;
        }
        done += (size_t)n;
    }
    return 0;
}

/* A regular file that may be executed; *len = its length. */
static int check_file(struct file *f, uint64_t *len, const char **reason)
{
    struct stat st;

    if (f->ops->stat == NULL || f->ops->read == NULL || f->ops->stat(f, &st) != 0) {
        *reason = "it cannot be read";
        return STATUS_NOT_EXECUTABLE;
    }
    if (!S_ISREG(st.st_mode)) {
        *reason = S_ISDIR(st.st_mode) ? "it is a directory" : "not a regular file";
        return STATUS_NOT_EXECUTABLE;
    }
    if ((st.st_mode & ANY_EXEC) == 0) {
        *reason = "permission denied (it has no execute bit)";
        return STATUS_NOT_EXECUTABLE;
    }
    *len = (uint64_t)st.st_size;
    return 0;
}

/* Turn what the parser said into a status. */
static int explain_elf(enum elf_reason why, const char **reason)
{
    if (why == ELF_FINE) {
        return 0;
    }
    *reason = elf_reason_text(why);
    return STATUS_NOT_EXECUTABLE;
}

static int read_failed(const char **reason)
{
    *reason = "it cannot be read";
    return STATUS_ELFIN;
}

static int parse_segments(struct binary *b, const char **reason)
{
    size_t size = b->image.phnum * sizeof(Elf64_Phdr);
    void *table = heap_alloc(size);
    int status;

    if (table == NULL) {
        *reason = no_memory;
        return STATUS_ELFIN;
    }
    if (read_at(b->file, b->image.phoff, table, size) != 0) {
        status = read_failed(reason);
    } else {
        status = explain_elf(elf_segments(table, &b->image), reason);
    }
    heap_free(table);
    return status;
}

static int parse(struct binary *b, const char **reason)
{
    uint8_t header[sizeof(Elf64_Ehdr)];
    uint64_t len;
    int status = check_file(b->file, &len, reason);

    if (status != 0) {
        return status;
    }
    size_t have = min(len, sizeof(header));
    if (read_at(b->file, 0, header, have) != 0) {
        return read_failed(reason);
    }
    status = explain_elf(elf_header(header, have, len, &b->image), reason);
    return status != 0 ? status : parse_segments(b, reason);
}

int binary_open(const char *path, struct binary **out, const char **reason)
{
    struct binary *b = heap_zalloc(sizeof(*b));

    if (b == NULL) {
        return explain_open(-ENOMEM, reason);
    }
    int err = vfs_open(NULL, path, O_RDONLY | O_CLOEXEC, 0, &b->file);
    if (err != 0) {
        b->file = NULL;
        binary_close(b);
        return explain_open(err, reason);
    }
    int status = parse(b, reason);
    if (status != 0) {
        binary_close(b);
        return status;
    }
    *out = b;
    return 0;
}

int binary_interpreter(struct binary *b, char **path, const char **reason)
{
    size_t len = b->image.interp_len;

    *path = NULL;
    if (len == 0) {
        return 0;
    }
    char *text = heap_alloc(len);
    if (text == NULL) {
        *reason = no_memory;
        return STATUS_ELFIN;
    }
    if (read_at(b->file, b->image.interp_offset, text, len) != 0) {
        heap_free(text);
        return read_failed(reason);
    }
    if (text[len - 1] != '\0') {
        heap_free(text);
        return explain_elf(ELF_BAD_INTERP, reason);
    }
    *path = text;
    return 0;
}

/* Reserve len bytes, at addr unless that is 0. Returns the address or a negative errno. */
static long reserve(uint64_t addr, uint64_t len)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return mmap_map(addr, len, PROT_NONE, addr == 0 ? flags : flags | MAP_FIXED_NOREPLACE, NULL, 0);
}

/* The first place at or above at for image->start, so that the bias is a multiple of p_align. The
 * subtraction may wrap: the bias then is negative, which is fine. */
static uint64_t align_bias(uint64_t at, const struct elf_image *image)
{
    return align_up(at - image->start, image->align) + image->start;
}

/* Reserve the span of a position-independent image where mmap likes it, aligned as it asks: reserve
 * more, then give back both ends. */
static long reserve_aligned(const struct elf_image *image)
{
    uint64_t len = image->end - image->start;
    uint64_t slack = image->align - PAGE_SIZE;
    long at = reserve(0, len + slack);

    if (at < 0 || slack == 0) {
        return at;
    }
    uint64_t start = align_bias((uint64_t)at, image);
    uint64_t head = start - (uint64_t)at;
    int err = head == 0 ? 0 : mmap_unmap((uint64_t)at, head);
    if (err == 0 && head != slack) {
        err = mmap_unmap(start + len, slack - head);
    }
    return err != 0 ? err : (long)start;
}

/* Find the place of the image: b->bias. Returns 0 or a negative errno. */
static int place(struct binary *b, uint64_t base)
{
    const struct elf_image *image = &b->image;
    uint64_t len = image->end - image->start;
    long at;

    if (!image->pie) {
        at = reserve(image->start, len);
    } else if (base == 0) {
        at = reserve_aligned(image);
    } else {
        uint64_t pages = random_u64() & ((1UL << BASE_RANDOM_BITS) - 1);
        at = reserve(align_bias(base + (pages << PAGE_SHIFT), image), len);
    }
    if (at < 0) {
        return (int)at;
    }
    b->bias = (uint64_t)at - image->start;
    return 0;
}

/* The part of a segment that comes from the file, and the zeroes up to the end of its last page. */
static int map_file_part(struct binary *b, const struct elf_load *l)
{
    uint64_t start = b->bias + l->vaddr;
    uint64_t page = align_down(start, PAGE_SIZE);
    uint64_t end = start + l->filesz;
    uint64_t len = align_up(end, PAGE_SIZE) - page;
    bool has_bss = l->memsz > l->filesz && !is_aligned(end, PAGE_SIZE);
    bool borrow = has_bss && (l->prot & PROT_WRITE) == 0; /* writable while it is zeroed */
    int prot = borrow ? PROT_READ | PROT_WRITE : l->prot;

    long at = mmap_map(page, len, prot, MAP_PRIVATE | MAP_FIXED, b->file,
                       align_down(l->offset, PAGE_SIZE));
    if (at < 0) {
        return (int)at;
    }
    if (has_bss && uaccess_zero(uptr(void, end), align_up(end, PAGE_SIZE) - end) != 0) {
        return -ENOMEM;
    }
    return borrow ? mmap_protect(page, len, l->prot) : 0;
}

/* The pages of a segment behind its file part. */
static int map_zero_part(struct binary *b, const struct elf_load *l)
{
    uint64_t vaddr = b->bias + l->vaddr;
    uint64_t end = align_up(vaddr + l->memsz, PAGE_SIZE);
    uint64_t start =
        l->filesz == 0 ? align_down(vaddr, PAGE_SIZE) : align_up(vaddr + l->filesz, PAGE_SIZE);
    if (start >= end) {
        return 0;
    }
    int flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
    long at = mmap_map(start, end - start, l->prot, flags, NULL, 0);
    return at < 0 ? (int)at : 0;
}

int binary_map(struct binary *b, uint64_t base, const char **reason)
{
    int err = place(b, base);

    for (unsigned i = 0; i < b->image.nloads && err == 0; i++) {
        const struct elf_load *l = &b->image.load[i];
        if (l->filesz != 0) {
            err = map_file_part(b, l);
        }
        if (err == 0) {
            err = map_zero_part(b, l);
        }
    }
    if (err == 0) {
        return 0;
    }
    if (err == -ENOMEM) {
        *reason = no_memory;
    } else {
        *reason = err == -EEXIST ? "its addresses are taken" : "its segments cannot be mapped";
    }
    return STATUS_ELFIN;
}

void binary_close(struct binary *b)
{
    if (b == NULL) {
        return;
    }
    if (b->file != NULL) {
        file_put(b->file);
    }
    heap_free(b);
}
