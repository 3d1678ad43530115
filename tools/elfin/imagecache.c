/* SPDX-License-Identifier: MIT */
/* Owns the folder of kept images. An entry is a file: the image, and behind it the plan that it was
 * made from, whose hash is the name. A found entry must end with the very plan, so equal hashes do
 * no harm. Parallel runs: entries are complete when they get their name, and open ones survive
 * removal.
 * Source: XDG Base Directory Specification; FNV-1a, draft-eastlake-fnv. */
#include "tools/elfin/imagecache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/elfin/filecopy.h"
#include "tools/elfin/report.h"

#define TOTAL_MAX (1UL << 30) /* bytes of all entries; named in the help */
#define ENTRY_MAX (TOTAL_MAX / 4)
#define SUFFIX ".erofs"

static uint64_t hash(const struct text *plan)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < plan->len; i++) {
        h = (h ^ (unsigned char)plan->data[i]) * 0x100000001b3;
    }
    return h;
}

/* A cache in a folder of somebody else would be written by one user and read by another. */
static int open_own(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid())) {
        close(fd);
        return -1;
    }
    return fd;
}

void imagecache_open(struct imagecache *c)
{
    const char *base = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    *c = (struct imagecache){.folder = -1};
    char *parent = base != NULL && *base == '/'   ? text_copy(base)
                   : home != NULL && *home == '/' ? text_format("%s/.cache", home)
                                                  : NULL;
    if (parent == NULL) {
        return;
    }
    char *own = text_format("%s/elfin", parent);
    c->path = text_format("%s/images", own);
    (void)mkdir(parent, 0700);
    (void)mkdir(own, 0700);
    (void)mkdir(c->path, 0700);
    c->folder = open_own(c->path);
    free(own);
    free(parent);
}

void imagecache_close(struct imagecache *c)
{
    if (c->folder >= 0) {
        close(c->folder);
    }
    free(c->path);
    *c = (struct imagecache){.folder = -1};
}

static bool ends_with(int fd, uint64_t size, const struct text *plan)
{
    if (size <= plan->len) {
        return false;
    }
    char *end = malloc(plan->len);
    if (end == NULL) {
        report_no_memory();
    }
    ssize_t n = pread(fd, end, plan->len, (off_t)(size - plan->len));
    bool same = n == (ssize_t)plan->len && memcmp(end, plan->data, plan->len) == 0;
    free(end);
    return same;
}

int imagecache_find(const struct imagecache *c, const struct text *plan, size_t *len)
{
    if (c->folder < 0) {
        return -1;
    }
    struct stat st;
    char *name = text_format("%016lx" SUFFIX, hash(plan));
    int fd = openat(c->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    free(name);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !ends_with(fd, (uint64_t)st.st_size, plan))) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        (void)futimens(fd, NULL); /* the least used is removed first */
        *len = (size_t)st.st_size - plan->len;
    }
    return fd;
}

/* Bytes of all files. *oldest, a name that the caller frees, is the one unused for longest. */
static uint64_t add_up(DIR *dir, char **oldest)
{
    uint64_t total = 0;
    struct timespec least = {0};
    struct dirent *entry;
    struct stat st;
    *oldest = NULL;
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode)) {
            continue;
        }
        total += (uint64_t)st.st_size;
        bool older = st.st_mtim.tv_sec != least.tv_sec ? st.st_mtim.tv_sec < least.tv_sec
                                                       : st.st_mtim.tv_nsec < least.tv_nsec;
        if (*oldest == NULL || older) {
            free(*oldest);
            *oldest = text_copy(entry->d_name);
            least = st.st_mtim;
        }
    }
    return total;
}

static void forget_old(const struct imagecache *c)
{
    DIR *dir = opendir(c->path);
    bool more = dir != NULL;
    while (more) {
        char *oldest;
        more = add_up(dir, &oldest) > TOTAL_MAX;
        more = more && (unlinkat(dirfd(dir), oldest, 0) == 0 || errno == ENOENT);
        free(oldest);
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

void imagecache_keep(const struct imagecache *c, const struct text *plan, int image, size_t len)
{
    if (c->folder < 0 || len + plan->len > ENTRY_MAX) {
        return;
    }
    char *name = text_format("%016lx" SUFFIX, hash(plan));
    char *fresh = text_format("%s.%d", name, getpid());
    (void)unlinkat(c->folder, fresh, 0); /* of a process that had this number and was killed */
    int fd = openat(c->folder, fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = fd < 0 ? -errno : filecopy(image, fd, len);
    if (err == 0 && write(fd, plan->data, plan->len) != (ssize_t)plan->len) {
        err = -EIO;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err == 0 && renameat(c->folder, fresh, c->folder, name) != 0) {
        err = -errno;
    }
    if (err != 0) {
        (void)unlinkat(c->folder, fresh, 0);
        report_detail("the image is not kept: %s: %s", c->path, strerror(-err));
    }
    free(name);
    free(fresh);
    forget_old(c);
}
