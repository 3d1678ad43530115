/* SPDX-License-Identifier: MIT */
/* Copies between files. copy_file_range shares blocks where it can but refuses some pairs of file
 * systems; sendfile takes them all. Source: copy_file_range(2), sendfile(2). */
#include "tools/elfin/filecopy.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <unistd.h>

int filecopy(int from, int to, uint64_t len)
{
    off_t done = 0;
    ssize_t n = 1;
    while ((uint64_t)done < len && n > 0) {
        n = copy_file_range(from, &done, to, NULL, len - (uint64_t)done, 0);
    }
    if (n < 0 && errno != ENOSPC && errno != EIO && errno != EDQUOT) {
        n = 1;
    }
    while ((uint64_t)done < len && n > 0) {
        n = sendfile(to, from, &done, len - (uint64_t)done);
    }
    if (n < 0) {
        return -errno;
    }
    return (uint64_t)done == len ? 0 : -ENODATA;
}
