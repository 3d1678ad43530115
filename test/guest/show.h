/* SPDX-License-Identifier: MIT */
/* How guest tests print: deterministic text, no addresses, no ids, so that Linux and Elfin can be
 * compared byte by byte. */
#ifndef GUEST_SHOW_H
#define GUEST_SHOW_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* SHOW: print the expression and its value, and errno's name when it is -1. */
#define SHOW(expr) show_result(#expr, (errno = 0, (long)(expr)))

/* SHOW_ERR: as SHOW for calls whose good result is not deterministic: prints "ok" unless
 * negative. */
#define SHOW_ERR(expr) show_success(#expr, (errno = 0, (long)(expr)))

/* TRUE: print whether a condition holds. */
#define TRUE(expr) printf("%s: %s\n", #expr, (expr) ? "yes" : "NO")

static inline const char *errno_name(int e)
{
#define E(x)    \
    if (e == x) \
        return #x;
    /* clang-format off */
    E(EPERM) E(ENOENT) E(ESRCH) E(EINTR) E(EIO) E(ENXIO) E(E2BIG) E(ENOEXEC) E(EBADF) E(ECHILD)
    E(EAGAIN) E(ENOMEM) E(EACCES) E(EFAULT) E(ENOTBLK) E(EBUSY) E(EEXIST) E(EXDEV) E(ENODEV)
    E(ENOTDIR) E(EISDIR) E(EINVAL) E(ENFILE) E(EMFILE) E(ENOTTY) E(ETXTBSY) E(EFBIG) E(ENOSPC)
    E(ESPIPE) E(EROFS) E(EMLINK) E(EPIPE) E(EDOM) E(ERANGE) E(EDEADLK) E(ENAMETOOLONG) E(ENOSYS)
    E(ENOTEMPTY) E(ELOOP) E(ENODATA) E(EOVERFLOW) E(EOPNOTSUPP) E(ETIMEDOUT) E(ENOTSOCK)
    E(EAFNOSUPPORT) E(EOWNERDEAD) E(ENOTRECOVERABLE) E(EADDRINUSE) E(EADDRNOTAVAIL)
    E(ECONNREFUSED) E(ECONNRESET) E(ECONNABORTED) E(ENOTCONN) E(EISCONN) E(EPROTOTYPE)
    E(EDESTADDRREQ) E(EMSGSIZE) E(ENOPROTOOPT) E(EPROTONOSUPPORT) E(ESOCKTNOSUPPORT)
    E(EPFNOSUPPORT) E(ENOBUFS) E(EINPROGRESS) E(EALREADY) E(ENETUNREACH) E(EHOSTUNREACH)
    E(ESHUTDOWN)
    /* clang-format on */
#undef E
                                                return "another errno";
}

static inline long show_result(const char *text, long value)
{
    if (value == -1 && errno)
        printf("%s = -1 %s\n", text, errno_name(errno));
    else
        printf("%s = %ld\n", text, value);
    return value;
}

static inline long show_success(const char *text, long value)
{
    if (value < 0)
        printf("%s = -1 %s\n", text, errno_name(errno));
    else
        printf("%s: ok\n", text);
    return value;
}

#endif
