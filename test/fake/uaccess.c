/* SPDX-License-Identifier: MIT */
/* kernel/uaccess.h on host memory: the range check is the real one, the access a plain copy that
 * the sanitizer checks. User buffers must be malloc'ed (the host's stack lies above USER_MAX).
 * Bytes at and above fake_fault_at up to fake_fault_end fault. */
#include "test/fake/uaccess.h"

#include <asm/errno.h>
#include <string.h>

#include "kernel/uaccess.h"

uint64_t fake_fault_at;
uint64_t fake_fault_end;

static bool accessible(const void USER *p, size_t len)
{
    uint64_t start = (uint64_t)(uintptr_t)p;
    bool faults = start < fake_fault_end && start + len > fake_fault_at;
    return uaccess_ok(p, len) && !faults;
}

/* How much of [p, p + len) can be moved. */
static size_t accessible_part(const void USER *p, size_t len)
{
    uint64_t start = (uint64_t)(uintptr_t)p;
    if (len == 0 || accessible(p, len)) {
        return len;
    }
    return uaccess_ok(p, 1) && start < fake_fault_at && start + len > fake_fault_at
               ? fake_fault_at - start
               : 0;
}

size_t uaccess_read_part(void *dst, const void USER *src, size_t len)
{
    size_t n = accessible_part(src, len);
    memcpy(dst, (const void *)(uintptr_t)src, n);
    return n;
}

size_t uaccess_write_part(void USER *dst, const void *src, size_t len)
{
    size_t n = accessible_part(dst, len);
    memcpy((void *)(uintptr_t)dst, src, n);
    return n;
}

size_t uaccess_zero_part(void USER *dst, size_t len)
{
    size_t n = accessible_part(dst, len);
    memset((void *)(uintptr_t)dst, 0, n);
    return n;
}

int uaccess_read(void *dst, const void USER *src, size_t len)
{
    if (len != 0 && !accessible(src, len)) {
        return -EFAULT;
    }
    memcpy(dst, (const void *)(uintptr_t)src, len);
    return 0;
}

int uaccess_write(void USER *dst, const void *src, size_t len)
{
    if (len != 0 && !accessible(dst, len)) {
        return -EFAULT;
    }
    memcpy((void *)(uintptr_t)dst, src, len);
    return 0;
}

int uaccess_zero(void USER *dst, size_t len)
{
    if (len != 0 && !accessible(dst, len)) {
        return -EFAULT;
    }
    memset((void *)(uintptr_t)dst, 0, len);
    return 0;
}

long uaccess_string(char *dst, const char USER *src, size_t cap)
{
    for (size_t i = 0; i < cap; i++) {
        if (!accessible(src + i, 1)) {
            return -EFAULT;
        }
        dst[i] = *(const char *)(uintptr_t)(src + i);
        if (dst[i] == 0) {
            return (long)i;
        }
    }
    return -ENAMETOOLONG;
}

int uaccess_read32(uint32_t *out, const uint32_t USER *src)
{
    return uaccess_read(out, src, sizeof(*out));
}

int uaccess_write32(uint32_t USER *dst, uint32_t value)
{
    return uaccess_write(dst, &value, sizeof(value));
}

int uaccess_cas32(uint32_t USER *dst, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    if (!accessible(dst, sizeof(*dst))) {
        return -EFAULT;
    }
    *seen = *(uint32_t *)(uintptr_t)dst;
    if (*seen == expected) {
        *(uint32_t *)(uintptr_t)dst = desired;
    }
    return 0;
}
