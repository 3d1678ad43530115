/* SPDX-License-Identifier: MIT */
/* Adds whole folders of the host to the plan of the guest's file tree.
 * Sockets are left out, as in cp(1) with --archive they would only be names; everything else is
 * kept as what it is. Source: openat(2), fdopendir(3). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/elfin/report.h"
#include "tools/elfin/treenode.h"
#include "tools/elfin/words.h"

#define MAX_DEPTH 128 /* open folders at a time; deeper trees are refused, not cut */

struct copy {
    struct tree *tree;
    unsigned depth;
    const char *const *unwanted; /* patterns; if there are any, what the tree has stays */
};

static int copy_at(struct copy *c, int folder, const char *name, const char *source,
                   const char *path);

static bool is_left_out(const struct copy *c, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return true;
    }
    for (const char *const *p = c->unwanted; p != NULL && *p != NULL; p++) {
        if (fnmatch(*p, name, 0) == 0) {
            return true;
        }
    }
    return false;
}

static int copy_entries(struct copy *c, DIR *dir, const char *source, const char *path)
{
    int status = 0;
    struct dirent *entry;
    while (status == 0 && (entry = readdir(dir)) != NULL) {
        if (is_left_out(c, entry->d_name)) {
            continue;
        }
        char *below = text_format("%s/%s", strcmp(source, "/") == 0 ? "" : source, entry->d_name);
        char *place = text_format("%s/%s", strcmp(path, "/") == 0 ? "" : path, entry->d_name);
        status = copy_at(c, dirfd(dir), entry->d_name, below, place);
        free(below);
        free(place);
    }
    return status;
}

static int copy_folder(struct copy *c, int folder, const char *name, const char *source,
                       const char *path)
{
    if (c->depth == MAX_DEPTH) {
        return report_error(STATUS_OWN_ERROR, "%s: more than %d folders deep", source, MAX_DEPTH);
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        int status =
            report_error(STATUS_OWN_ERROR, "%s: cannot be read: %s", source, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    c->depth++;
    int status = copy_entries(c, dir, source, path);
    c->depth--;
    closedir(dir);
    return status;
}

/* path: where it goes in the guest; its parent is there and is a directory. */
static int copy_at(struct copy *c, int folder, const char *name, const char *source,
                   const char *path)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return report_error(STATUS_OWN_ERROR, "%s: %s", source, strerror(errno));
    }
    if (S_ISSOCK(st.st_mode)) {
        return 0;
    }
    struct tree_node *node = treenode_get(c->tree, path);
    if (node != NULL && c->unwanted != NULL && !S_ISDIR(st.st_mode)) {
        return 0;
    }
    if (node != NULL && S_ISDIR(node->st.st_mode) && !S_ISDIR(st.st_mode)) {
        return report_error(STATUS_OWN_ERROR, "%s: %s is a folder in the guest already", source,
                            path);
    }
    node = node != NULL ? node : treenode_create(c->tree, path);
    int err = treenode_take(node, source, &st);
    if (err != 0) {
        return report_error(STATUS_OWN_ERROR, "%s: %s", source, strerror(-err));
    }
    return S_ISDIR(st.st_mode) ? copy_folder(c, folder, name, source, path) : 0;
}

/* What is to lie at path, whose last component may be a link in the guest, goes where that leads.
 * Returns the place (the caller frees it), NULL after a message. */
static char *find_place(struct tree *t, const char *path)
{
    struct tree_node *node;
    int err = treenode_walk(t, path, TREE_LOOK, &node);
    if (err == 0) {
        return text_copy(node->path);
    }
    char *end = text_copy(path);
    char *slash = strrchr(end, '/');
    *slash = '\0';
    err = treenode_walk(t, end, TREE_MAKE, &node);
    char *place = err == 0 ? text_format("%s/%s", strcmp(node->path, "/") == 0 ? "" : node->path,
                                         path + (slash - end) + 1)
                           : NULL;
    if (err != 0) {
        report_error(STATUS_OWN_ERROR, "%s cannot be made in the guest: %s", path, strerror(-err));
    }
    free(end);
    return place;
}

int tree_add_copy(struct tree *t, const char *source, const char *path)
{
    struct copy c = {t, 0, NULL};
    char *host = realpath(source, NULL); /* a link that is named itself means what it leads to */
    if (host == NULL) {
        return report_error(STATUS_OWN_ERROR, "%s: %s", source, strerror(errno));
    }
    char *place = find_place(t, path);
    int status = place == NULL ? STATUS_OWN_ERROR : copy_at(&c, AT_FDCWD, host, host, place);
    free(place);
    free(host);
    return status;
}

int tree_add_tree(struct tree *t, const char *path, const char *const *unwanted)
{
    struct copy c = {t, 0, unwanted};
    (void)tree_add_host(t, path);
    const struct tree_node *node = tree_find(t, path);
    if (node == NULL || node->source == NULL || !S_ISDIR(node->st.st_mode)) {
        return 0;
    }
    return copy_at(&c, AT_FDCWD, node->source, node->source, node->path);
}
