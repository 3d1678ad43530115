/* SPDX-License-Identifier: MIT */
/* The only door to the program's memory. Addresses at or above KERNEL_AREA or below 64 KiB are
 * refused by range; a fault inside is resolved as the program's own would be, else -EFAULT. */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include "kernel/base/base.h"

#define USER_MIN 0x10000UL
#define USER_MAX 0x7f0000000000UL /* = KERNEL_AREA */

/* A system-call argument as a user pointer. */
#define uptr(type, arg) ((type USER *)(uintptr_t)(arg))

/* Copy in and out. Return 0 or -EFAULT (part may have been copied). len 0 always succeeds. May
 * block (page faults). */
MUST_CHECK int uaccess_read(void *dst, const void USER *src, size_t len);
MUST_CHECK int uaccess_write(void USER *dst, const void *src, size_t len);
MUST_CHECK int uaccess_zero(void USER *dst, size_t len);

/* The same, returning how many bytes were moved before a fault (len: all). */
MUST_CHECK size_t uaccess_read_part(void *dst, const void USER *src, size_t len);
MUST_CHECK size_t uaccess_write_part(void USER *dst, const void *src, size_t len);
MUST_CHECK size_t uaccess_zero_part(void USER *dst, size_t len);

/* uaccess_struct: a structure that has grown over time: known bytes into dst, of size that the
 * program passes. What it lacks is zero in dst; what it has beyond must be zero. Returns 0, -E2BIG,
 * -EFAULT. */
MUST_CHECK int uaccess_struct(void *dst, size_t known, const void USER *src, size_t size);

/* uaccess_string: copy a NUL-ended string into dst[cap]. Returns its length without the NUL,
 * -EFAULT, or -ENAMETOOLONG when no NUL lies within cap bytes. */
MUST_CHECK long uaccess_string(char *dst, const char USER *src, size_t cap);

/* Aligned 32-bit access for futexes and tids; cas returns 0 with *seen = the value found. */
MUST_CHECK int uaccess_read32(uint32_t *out, const uint32_t USER *src);
MUST_CHECK int uaccess_write32(uint32_t USER *dst, uint32_t value);
MUST_CHECK int uaccess_cas32(uint32_t USER *dst, uint32_t expected, uint32_t desired,
                             uint32_t *seen);

/* uaccess_ok: the range lies in the program's half (it may still fault). */
static inline bool uaccess_ok(const void USER *p, size_t len)
{
    uint64_t start = (uint64_t)(uintptr_t)(const void *)p;
    return start >= USER_MIN && start <= USER_MAX && len <= USER_MAX - start;
}

/* uaccess_fixup: the landing of a faulting instruction of the library OS's user access at rip, 0
 * when it is not one. For the page-fault path. */
uint64_t uaccess_fixup(uint64_t rip);

#endif
