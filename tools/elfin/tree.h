/* SPDX-License-Identifier: MIT */
/* The file tree that the guest will see, as a plan: which guest path comes from which host file.
 * Nothing is copied before image.c does it.
 *
 * Guest paths in the tree are absolute, without "." or "..", and no component but the last is a
 * symbolic link. A directory taken from the same path of the host is "open": paths below it that
 * the tree lacks are looked up on the host, so that /lib -> usr/lib arrives as the link it is. */
#ifndef TOOLS_ELFIN_TREE_H
#define TOOLS_ELFIN_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct tree_node {
    char *path; /* in the guest */
    char *source; /* on the host; NULL for what the tool made up */
    char *content; /* made-up regular file: its bytes, NUL-ended; else NULL */
    char *target; /* symbolic link: where to; else NULL */
    struct stat st; /* mode, owner, times, size, and identity of a host file */
};

struct tree {
    void *nodes; /* of search.h, ordered by path */
    bool open; /* the root directory is that of the host */
};

/* tree_init: an empty tree, only "/". source is the host folder whose owner, mode and time "/"
 * takes; "/" makes it open. */
void tree_init(struct tree *t, const char *source);
void tree_fini(struct tree *t);

/* tree_add_host: add the host's file, link or folder at path (absolute) at the same place in the
 * guest, with every symbolic link on the way and what a final link points to. Folders are added
 * without their contents. What the tree already has stays. Returns 0 or a negative errno. */
int tree_add_host(struct tree *t, const char *path);

/* tree_add_copy: add host path source at guest path, folders with everything in them; links inside
 * are kept as links. Replaces files that are there, merges folders. Missing parents are made.
 * Returns 0, or an exit status after a message. */
int tree_add_copy(struct tree *t, const char *source, const char *path);

/* tree_add_tree: as tree_add_host, a folder with everything in it but names that match one of the
 * NULL-ended patterns. Nothing is done for a path that the host lacks. Returns 0, or an exit
 * status after a message. */
int tree_add_tree(struct tree *t, const char *path, const char *const *unwanted);

/* tree_add_text: a file of the tool's own. tree_add_directory: an empty folder, parents included.
 * Both leave alone what is there already. Return 0 or a negative errno. */
int tree_add_text(struct tree *t, const char *path, mode_t mode, const char *content);
int tree_add_directory(struct tree *t, const char *path, mode_t mode);

/* tree_find: what path (any absolute guest path) leads to, links followed. NULL if it leads
 * nowhere. The node belongs to the tree. */
const struct tree_node *tree_find(struct tree *t, const char *path);

/* tree_locate: the host file behind the regular file that path leads to, whether the tree has it
 * or would take it from the host. NULL if there is none. The caller frees it. */
char *tree_locate(struct tree *t, const char *path);

/* tree_walk: call visit for every node, parents before their children, until it returns nonzero.
 * Returns that. visit must not change the tree. */
int tree_walk(struct tree *t, int (*visit)(const struct tree_node *node, void *arg), void *arg);

#endif
