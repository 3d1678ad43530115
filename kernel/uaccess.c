/* SPDX-License-Identifier: MIT */
/* Fault-safe access to the program's memory, which is in the same address space: plain loads and
 * stores whose instruction has an entry in the exception table. A fault that the memory manager
 * cannot resolve continues at the entry's landing. The table is sorted by nothing and searched
 * linearly: it has a dozen entries and only failures look there.
 * Source: Linux Documentation/arch/x86/exception-tables.rst for the idea. */
#include "kernel/uaccess.h"

#include <asm/errno.h>

#include "kernel/base/string.h"

struct extable_entry {
    int32_t insn, landing; /* relative to the field itself */
};

extern const struct extable_entry __extable_start[], __extable_end[];

#define EXTABLE(insn, landing)                          \
    ".pushsection .extable, \"a\"\n"                    \
    ".balign 4\n .long " insn " - ., " landing " - .\n" \
    ".popsection\n"

uint64_t uaccess_fixup(uint64_t rip)
{
    for (const struct extable_entry *e = __extable_start; e < __extable_end; e++) {
        if ((uint64_t)(uintptr_t)&e->insn + (uint64_t)(int64_t)e->insn == rip) {
            return (uint64_t)(uintptr_t)&e->landing + (uint64_t)(int64_t)e->landing;
        }
    }
    return 0;
}

#define SMALL 64 /* bytes; below, single moves beat the start-up time of rep */

/* Copy len < SMALL bytes; false at a fault. */
static inline bool copy_small(char *dst, const char *src, size_t len)
{
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        __asm__ goto("1: movq (%1), %%rax\n2: movq %%rax, (%0)\n" EXTABLE("1b", "%l[fault]")
                         EXTABLE("2b", "%l[fault]")::"r"(dst),
                     "r"(src)
                     : "rax", "memory"
                     : fault);
        dst += sizeof(uint64_t);
        src += sizeof(uint64_t);
    }
    for (; len != 0; len--) {
        __asm__ goto("1: movb (%1), %%al\n2: movb %%al, (%0)\n" EXTABLE("1b", "%l[fault]")
                         EXTABLE("2b", "%l[fault]")::"r"(dst++),
                     "r"(src++)
                     : "rax", "memory"
                     : fault);
    }
    return true;
fault:
    return false;
}

/* Copy words, then what is left; false at a fault. */
static bool copy_bytes(char *dst, const char *src, size_t len)
{
    size_t words = len / sizeof(uint64_t);
    if (len >= SMALL) {
        __asm__ volatile("1: rep movsq\n2:\n" EXTABLE("1b", "2b")
                         : "+D"(dst), "+S"(src), "+c"(words)::"memory");
        if (words != 0) {
            return false;
        }
        len %= sizeof(uint64_t);
    }
    return copy_small(dst, src, len);
}

static inline bool zero_small(char *dst, size_t len)
{
    for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t)) {
        __asm__ goto("1: movq $0, (%0)\n" EXTABLE("1b", "%l[fault]")::"r"(dst) : "memory" : fault);
        dst += sizeof(uint64_t);
    }
    for (; len != 0; len--) {
        __asm__ goto("1: movb $0, (%0)\n" EXTABLE("1b", "%l[fault]")::"r"(dst++)
                     : "memory"
                     : fault);
    }
    return true;
fault:
    return false;
}

static bool zero_bytes(char *dst, size_t len)
{
    size_t words = len / sizeof(uint64_t);
    if (len >= SMALL) {
        __asm__ volatile("1: rep stosq\n2:\n" EXTABLE("1b", "2b")
                         : "+D"(dst), "+c"(words)
                         : "a"(0UL)
                         : "memory");
        if (words != 0) {
            return false;
        }
        len %= sizeof(uint64_t);
    }
    return zero_small(dst, len);
}

/* The part of [p, p + len) before the program's half ends. */
static size_t within(const void USER *p, size_t len)
{
    uint64_t start = (uint64_t)(uintptr_t)(const void *)p;
    return start < USER_MIN || start > USER_MAX ? 0 : min(len, (size_t)(USER_MAX - start));
}

/* After a fault: byte by byte from the start, to learn how far it goes. Bytes moved. */
static size_t copy_part(char *dst, const char *src, size_t len)
{
    size_t left = len;
    __asm__ volatile("1: rep movsb\n2:\n" EXTABLE("1b", "2b")
                     : "+D"(dst), "+S"(src), "+c"(left)::"memory");
    return len - left;
}

static size_t zero_part(char *dst, size_t len)
{
    size_t left = len;
    __asm__ volatile("1: rep stosb\n2:\n" EXTABLE("1b", "2b")
                     : "+D"(dst), "+c"(left)
                     : "a"(0)
                     : "memory");
    return len - left;
}

size_t uaccess_read_part(void *dst, const void USER *src, size_t len)
{
    const char *from = (const char *)(uintptr_t)src;
    size_t n = within(src, len);
    return likely(copy_bytes(dst, from, n)) ? n : copy_part(dst, from, n);
}

size_t uaccess_write_part(void USER *dst, const void *src, size_t len)
{
    char *to = (char *)(uintptr_t)dst;
    size_t n = within(dst, len);
    return likely(copy_bytes(to, src, n)) ? n : copy_part(to, src, n);
}

size_t uaccess_zero_part(void USER *dst, size_t len)
{
    char *to = (char *)(uintptr_t)dst;
    size_t n = within(dst, len);
    return likely(zero_bytes(to, n)) ? n : zero_part(to, n);
}

int uaccess_read(void *dst, const void USER *src, size_t len)
{
    const char *from = (const char *)(uintptr_t)src;
    return len == 0 || (uaccess_ok(src, len) && copy_bytes(dst, from, len)) ? 0 : -EFAULT;
}

int uaccess_write(void USER *dst, const void *src, size_t len)
{
    char *to = (char *)(uintptr_t)dst;
    return len == 0 || (uaccess_ok(dst, len) && copy_bytes(to, src, len)) ? 0 : -EFAULT;
}

int uaccess_zero(void USER *dst, size_t len)
{
    char *to = (char *)(uintptr_t)dst;
    return len == 0 || (uaccess_ok(dst, len) && zero_bytes(to, len)) ? 0 : -EFAULT;
}

int uaccess_struct(void *dst, size_t known, const void USER *src, size_t size)
{
    const char USER *rest = src;
    memset(dst, 0, known);
    int err = uaccess_read(dst, src, min(known, size));
    for (size_t i = known; err == 0 && i < size; i++) {
        char byte;
        err = uaccess_read(&byte, rest + i, 1);
        if (err == 0 && byte != 0) {
            err = -E2BIG;
        }
    }
    return err;
}

/* One byte of the program; false at a fault. */
static bool read_byte(char *out, uintptr_t src)
{
    bool ok = false;
    char c = 0;
    __asm__ volatile("1: movb (%2), %1\n movb $1, %0\n2:\n" EXTABLE("1b", "2b")
                     : "+r"(ok), "+r"(c)
                     : "r"(src)
                     : "memory");
    *out = c;
    return ok;
}

long uaccess_string(char *dst, const char USER *src, size_t cap)
{
    for (size_t i = 0; i < cap; i++) {
        if (!uaccess_ok(src + i, 1) || !read_byte(&dst[i], (uintptr_t)(src + i))) {
            return -EFAULT;
        }
        if (dst[i] == 0) {
            return (long)i;
        }
    }
    return -ENAMETOOLONG;
}

int uaccess_read32(uint32_t *out, const uint32_t USER *src)
{
    bool ok = false;
    uint32_t v = 0;
    if (!uaccess_ok(src, sizeof(v))) {
        return -EFAULT;
    }
    __asm__ volatile("1: movl (%2), %1\n movb $1, %0\n2:\n" EXTABLE("1b", "2b")
                     : "+r"(ok), "+r"(v)
                     : "r"((uintptr_t)src)
                     : "memory");
    *out = v;
    return ok ? 0 : -EFAULT;
}

int uaccess_write32(uint32_t USER *dst, uint32_t value)
{
    bool ok = false;
    if (!uaccess_ok(dst, sizeof(value))) {
        return -EFAULT;
    }
    __asm__ volatile("1: movl %1, (%2)\n movb $1, %0\n2:\n" EXTABLE("1b", "2b")
                     : "+r"(ok)
                     : "r"(value), "r"((uintptr_t)dst)
                     : "memory");
    return ok ? 0 : -EFAULT;
}

int uaccess_cas32(uint32_t USER *dst, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    bool ok = false;
    if (!uaccess_ok(dst, sizeof(expected))) {
        return -EFAULT;
    }
    __asm__ volatile("1: lock cmpxchgl %2, (%3)\n movb $1, %0\n2:\n" EXTABLE("1b", "2b")
                     : "+r"(ok), "+a"(expected)
                     : "r"(desired), "r"((uintptr_t)dst)
                     : "memory", "cc");
    *seen = expected;
    return ok ? 0 : -EFAULT;
}
