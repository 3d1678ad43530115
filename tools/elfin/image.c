/* SPDX-License-Identifier: MIT */
/* From the plan of the guest's tree to the image. The plan written out as text, with identity and
 * times of every host file, tells whether an image that was kept still fits. Times of folders are
 * not part of it: they change with files that the guest does not see.
 * Source: mkfs.erofs(1). */
#include "tools/elfin/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/elfin/filecopy.h"
#include "tools/elfin/imagecache.h"
#include "tools/elfin/interrupt.h"
#include "tools/elfin/mkfs.h"
#include "tools/elfin/report.h"
#include "tools/elfin/stage.h"

#define FORMAT "elfin image 1" /* changes whenever an equal plan makes another image */
#define FRESH_S 2 /* a file this young can change again and keep its time stamp */

static pid_t helper = -1; /* tidies up; -1: none */

struct plan {
    struct text text;
    time_t newest; /* of the change times of all files */
};

static void add_string(struct text *t, const char *string)
{
    text_add(t, string != NULL ? string : "", string != NULL ? strlen(string) + 1 : 1);
}

static int describe(const struct tree_node *node, void *arg)
{
    struct plan *p = arg;
    const struct stat *st = &node->st;
    add_string(&p->text, node->path);
    add_string(&p->text, node->source);
    add_string(&p->text, node->target);
    add_string(&p->text, node->content);
    text_add_format(&p->text, "%o %u %u\n", st->st_mode, st->st_uid, st->st_gid);
    if (node->source != NULL && !S_ISDIR(st->st_mode)) {
        text_add_format(&p->text, "%lx %lu %lx %ld %ld.%ld %ld.%ld\n", st->st_dev, st->st_ino,
                        st->st_rdev, st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
                        st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
        p->newest = st->st_ctim.tv_sec > p->newest ? st->st_ctim.tv_sec : p->newest;
    }
    return 0;
}

/* Is node what lies at the same place below the host folder root? */
static int differs(const struct tree_node *node, void *root)
{
    size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    const char *below = strcmp(node->path, "/") == 0 ? "" : node->path;
    return node->source == NULL || strncmp(node->source, root, len) != 0 ||
           strcmp(node->source + len, below) != 0;
}

/* The host folder that is the whole tree, NULL if it is put together from several places. */
static char *whole_folder(struct tree *t)
{
    const struct tree_node *root = tree_find(t, "/");
    char *path = root->source != NULL && !t->open ? realpath(root->source, NULL) : NULL;
    if (path != NULL && tree_walk(t, differs, path) != 0) {
        free(path);
        path = NULL;
    }
    return path;
}

static int report_long_name(const struct tree_node *node, void *arg)
{
    (void)arg;
    return strlen(strrchr(node->path, '/') + 1) < NAME_MAX
               ? 0
               : report_error(STATUS_OWN_ERROR, "%s: mkfs.erofs may not take names of %d bytes",
                              node->path, NAME_MAX);
}

static int build(const struct interrupt *h, struct tree *t, const struct imagecache *c, int fd)
{
    char *image = text_format("/proc/%d/fd/%d", getpid(), fd);
    char *whole = whole_folder(t);
    const char *folder = whole;
    const char *tmp = c->folder >= 0 ? c->path : getenv("TMPDIR");
    int status = 0;
    if (whole == NULL) {
        status = stage_create(h, t, tmp != NULL && *tmp == '/' ? tmp : "/tmp", &folder);
    }
    if (status == 0) {
        status = mkfs_run(h, folder, image);
        (void)(status != 0 && tree_walk(t, report_long_name, NULL));
    }
    if (status != 0) {
        stage_remove();
    }
    free(whole);
    free(image);
    return status;
}

static int fetch(int from, int to, size_t len)
{
    int err = filecopy(from, to, len);
    close(from);
    return err == 0 ? 0
                    : report_error(STATUS_OWN_ERROR, "no room for an image of %zu MiB: %s",
                                   len >> 20, strerror(-err));
}

/* Removal of many folders takes longer than all the rest, so a process of its own does it. It holds
 * the signals, and leaves the terminal's session, so as not to be stopped half-way. */
static void tidy_up(const struct imagecache *c, const struct plan *p, int fd, size_t len)
{
    helper = fork();
    if (helper > 0) {
        stage_leave();
        return;
    }
    int null = helper == 0 ? open("/dev/null", O_RDWR) : -1;
    for (int i = STDIN_FILENO; helper == 0 && i <= STDERR_FILENO; i++) {
        (void)dup2(null, i); /* whoever reads them need not wait for this process */
    }
    if (helper == 0) {
        (void)setsid();
    }
    if (time(NULL) - p->newest >= FRESH_S) {
        imagecache_keep(c, &p->text, fd, len);
    }
    stage_remove();
    if (helper == 0) {
        _exit(0);
    }
}

void image_finish(void)
{
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR) {
    }
    helper = -1;
}

static int get_image(const struct interrupt *h, struct tree *t, int fd, size_t *len)
{
    struct plan plan = {0};
    struct imagecache cache;
    text_add_format(&plan.text, FORMAT " %u\n", geteuid());
    tree_walk(t, describe, &plan);
    imagecache_open(&cache);
    int kept = imagecache_find(&cache, &plan.text, len);
    int status = kept >= 0 ? fetch(kept, fd, *len) : build(h, t, &cache, fd);
    struct stat st;
    if (status == 0 && kept < 0 && fstat(fd, &st) != 0) {
        status = report_error(STATUS_OWN_ERROR, "the image is lost: %s", strerror(errno));
    } else if (status == 0 && kept < 0) {
        *len = (size_t)st.st_size;
        tidy_up(&cache, &plan, fd, *len);
    }
    report_detail(kept >= 0 ? "the image of an earlier run is used again" : "the image is new");
    imagecache_close(&cache);
    text_fini(&plan.text);
    return status;
}

int image_make(struct tree *t, const struct text *config, int fd, size_t *len)
{
    struct interrupt h;
    interrupt_hold(&h);
    int status = get_image(&h, t, fd, len);
    interrupt_release(&h);
    if (status != 0) {
        return status;
    }
    if (pwrite(fd, config->data, config->len, (off_t)*len) != (ssize_t)config->len) {
        return report_error(STATUS_OWN_ERROR, "no room for the configuration: %s", strerror(errno));
    }
    *len += config->len;
    return 0;
}
