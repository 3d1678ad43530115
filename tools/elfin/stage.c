/* SPDX-License-Identifier: MIT */
/* Owns the staged tree. It holds copies, not hard links, which would change link counts and change
 * times of the host's files. Owners, modes and times are set when nothing changes any more: of
 * folders at the end, the deepest first.
 * The folder is locked while its process lives; unlocked ones that a killed process left behind are
 * removed by the next. Source: flock(2), fts(3), mkdtemp(3). */
#include "tools/elfin/stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tools/elfin/filecopy.h"
#include "tools/elfin/report.h"
#include "tools/elfin/words.h"

#define NAME "elfin-stage-"
#define YOUNG_S 5 /* a folder this young may be one whose process has yet to lock it */

static char *stage; /* NULL: none */
static int stage_lock = -1;

struct filling {
    const struct interrupt *interrupt;
    const struct tree_node **folders; /* array[nfolders], parents first */
    size_t nfolders, room;
};

/* Removes a folder with all below it; modes that forbid it are changed on the way. */
static void remove_all(char *path)
{
    char *const paths[] = {path, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    FTSENT *at;
    while (walk != NULL && (at = fts_read(walk)) != NULL) {
        if (at->fts_info == FTS_D) {
            (void)chmod(at->fts_accpath, 0700);
        } else if (at->fts_info == FTS_DP || at->fts_info == FTS_DNR) {
            (void)rmdir(at->fts_accpath);
        } else {
            (void)unlink(at->fts_accpath);
        }
    }
    if (walk != NULL) {
        fts_close(walk);
    }
}

void stage_leave(void)
{
    if (stage != NULL) {
        close(stage_lock); /* the lock itself stays with the other process */
        free(stage);
        stage = NULL;
    }
}

void stage_remove(void)
{
    if (stage != NULL) {
        remove_all(stage);
        stage_leave();
    }
}

static bool is_abandoned(int folder, const struct stat *st)
{
    return st->st_uid == geteuid() && time(NULL) - st->st_ctim.tv_sec > YOUNG_S &&
           flock(folder, LOCK_EX | LOCK_NB) == 0;
}

static void remove_abandoned(const char *parent)
{
    DIR *dir = opendir(parent);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (strncmp(entry->d_name, NAME, strlen(NAME)) != 0) {
            continue;
        }
        int fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &st) == 0 && is_abandoned(fd, &st)) {
            char *path = text_format("%s/%s", parent, entry->d_name);
            remove_all(path);
            free(path);
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

/* Path of node in the stage. The caller frees it. */
static char *place_of(const struct tree_node *node)
{
    return text_format("%s/root%s", stage, strcmp(node->path, "/") == 0 ? "" : node->path);
}

/* Changes that only root may make are left out for others: mkfs.erofs makes root the owner then. */
static int settle(const struct tree_node *node, const char *place)
{
    const struct timespec times[2] = {node->st.st_mtim, node->st.st_mtim};
    if (lchown(place, node->st.st_uid, node->st.st_gid) != 0 && errno != EPERM && errno != EINVAL) {
        return -errno;
    }
    if (!S_ISLNK(node->st.st_mode) && chmod(place, node->st.st_mode & 07777) != 0) {
        return -errno;
    }
    return utimensat(AT_FDCWD, place, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

static int open_source(const char *source)
{
    int fd = open(source, O_RDONLY | O_CLOEXEC | O_NOATIME);
    return fd < 0 && errno == EPERM ? open(source, O_RDONLY | O_CLOEXEC) : fd;
}

static int copy_file(const struct tree_node *node, int to)
{
    int from = open_source(node->source);
    if (from < 0) {
        return report_error(STATUS_OWN_ERROR, "%s: cannot be read: %s", node->source,
                            strerror(errno));
    }
    int err = filecopy(from, to, (uint64_t)node->st.st_size);
    close(from);
    return err == 0 ? 0
                    : report_error(STATUS_OWN_ERROR, "%s: %s", node->source,
                                   err == -ENODATA ? "became shorter while it was read"
                                                   : strerror(-err));
}

static int make_file(const struct tree_node *node, const char *place)
{
    int fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return report_error(STATUS_OWN_ERROR, "%s: %s", place, strerror(errno));
    }
    int status = 0;
    if (node->content == NULL) {
        status = copy_file(node, fd);
    } else if (write(fd, node->content, strlen(node->content)) != (ssize_t)strlen(node->content)) {
        status = report_error(STATUS_OWN_ERROR, "%s: %s", place, strerror(errno));
    }
    close(fd);
    return status;
}

static void remember_folder(struct filling *f, const struct tree_node *node)
{
    if (f->nfolders == f->room) {
        f->room = f->room != 0 ? 2 * f->room : 64;
        f->folders = reallocarray(f->folders, f->room, sizeof(*f->folders));
        if (f->folders == NULL) {
            report_no_memory();
        }
    }
    f->folders[f->nfolders++] = node;
}

/* Returns 0, 1 when the user may not make such a thing, or an exit status after a message. */
static int make_other(const struct tree_node *node, const char *place)
{
    mode_t type = node->st.st_mode & S_IFMT;
    int failed = type == S_IFDIR   ? mkdir(place, 0700)
                 : type == S_IFLNK ? symlink(node->target, place)
                                   : mknod(place, type | 0600, node->st.st_rdev);
    if (failed == 0) {
        return 0;
    }
    if (errno == EPERM && (type == S_IFCHR || type == S_IFBLK)) {
        report_detail("%s is left out: only root can make devices", node->path);
        return 1;
    }
    return report_error(STATUS_OWN_ERROR, "%s: %s", place, strerror(errno));
}

static int make_node(const struct tree_node *node, void *arg)
{
    struct filling *f = arg;
    if (interrupt_came(f->interrupt)) {
        return STATUS_OWN_ERROR;
    }
    char *place = place_of(node);
    int status = S_ISREG(node->st.st_mode) ? make_file(node, place) : make_other(node, place);
    if (status == 0 && S_ISDIR(node->st.st_mode)) {
        remember_folder(f, node);
    } else if (status == 0) {
        int err = settle(node, place);
        status = err != 0 ? report_error(STATUS_OWN_ERROR, "%s: %s", place, strerror(-err)) : 0;
    }
    free(place);
    return status == 1 ? 0 : status;
}

static int settle_folders(struct filling *f)
{
    int err = 0;
    while (err == 0 && f->nfolders != 0) {
        char *place = place_of(f->folders[--f->nfolders]);
        err = settle(f->folders[f->nfolders], place);
        if (err != 0) {
            report_error(STATUS_OWN_ERROR, "%s: %s", place, strerror(-err));
        }
        free(place);
    }
    return err != 0 ? STATUS_OWN_ERROR : 0;
}

static int make_stage(const char *parent)
{
    static bool registered;
    char *path = text_format("%s/" NAME "XXXXXX", parent);
    remove_abandoned(parent);
    if (mkdtemp(path) == NULL) {
        int status = report_error(STATUS_OWN_ERROR, "no folder for the image's files: %s: %s", path,
                                  strerror(errno));
        free(path);
        return status;
    }
    stage = path;
    stage_lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (stage_lock >= 0) {
        (void)flock(stage_lock, LOCK_EX | LOCK_NB);
    }
    if (!registered) {
        registered = atexit(stage_remove) == 0;
    }
    return 0;
}

int stage_create(const struct interrupt *h, struct tree *t, const char *parent, const char **root)
{
    static char *top;
    struct filling f = {.interrupt = h};
    int status = make_stage(parent);
    status = status == 0 ? tree_walk(t, make_node, &f) : status;
    status = status == 0 ? settle_folders(&f) : status;
    free(f.folders);
    free(top);
    top = status == 0 ? text_format("%s/root", stage) : NULL;
    *root = top;
    return status;
}
