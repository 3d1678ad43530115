/* SPDX-License-Identifier: MIT */
/* Memory and string primitives; the memcpy family has the names the compiler emits calls to. */
#ifndef KERNEL_BASE_STRING_H
#define KERNEL_BASE_STRING_H

#include "kernel/base/base.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t len);
void *memmove(void *dst, const void *src, size_t len);
void *memset(void *dst, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *s, int byte, size_t len);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t cap);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t cap);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/* string_copy: copy src with its NUL into dst[cap]. Returns its length, or -ENAMETOOLONG when it
 * does not fit (dst then holds the part that fits, NUL-ended). */
long string_copy(char *dst, size_t cap, const char *src);

/* string_to_u64: decimal, or hexadecimal after 0x; the whole string. Returns 0 or -EINVAL,
 * -ERANGE. */
int string_to_u64(const char *s, uint64_t *out);

#endif
