/* SPDX-License-Identifier: MIT */
/* Owns the plan of the guest's file tree: lookup by path, the path walk, and adding of single
 * nodes. (Adding whole folders: treecopy.c.)
 * Invariants: every node but "/" has a parent node that is a directory; paths are unique.
 * Source: path_resolution(7), symlink(7). */
#include "tools/elfin/tree.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/elfin/report.h"
#include "tools/elfin/treenode.h"
#include "tools/elfin/words.h"

#define MAX_LINKS 40 /* as Linux */

/* One walk along a path. */
struct walk {
    struct tree *tree;
    char *at; /* the directory reached; "" stands for "/" */
    char *rest; /* components still to go */
    int links; /* followed so far */
    enum tree_mode mode;
    bool on_host; /* the end is a file of the host that the tree has not taken */
};

static int compare_paths(const void *a, const void *b)
{
    const struct tree_node *x = a;
    const struct tree_node *y = b;
    return strcmp(x->path, y->path);
}

struct tree_node *treenode_get(struct tree *t, const char *path)
{
    struct tree_node key = {.path = text_copy(*path == '\0' ? "/" : path)};
    void *found = tfind(&key, &t->nodes, compare_paths);
    free(key.path);
    return found == NULL ? NULL : *(struct tree_node **)found;
}

struct tree_node *treenode_create(struct tree *t, const char *path)
{
    struct tree_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        report_no_memory();
    }
    node->path = text_copy(path);
    if (tsearch(node, &t->nodes, compare_paths) == NULL) {
        report_no_memory();
    }
    return node;
}

static void empty_node(struct tree_node *node)
{
    free(node->source);
    free(node->content);
    free(node->target);
    node->source = node->content = node->target = NULL;
}

static void destroy_node(void *arg)
{
    struct tree_node *node = arg;
    empty_node(node);
    free(node->path);
    free(node);
}

int treenode_take(struct tree_node *node, const char *source, const struct stat *st)
{
    char target[PATH_MAX];
    ssize_t len = 0;
    if (S_ISLNK(st->st_mode)) {
        len = readlink(source, target, sizeof(target));
        if (len < 0 || (size_t)len == sizeof(target)) {
            return len < 0 ? -errno : -ENAMETOOLONG;
        }
    }
    bool folder = S_ISDIR(st->st_mode) && S_ISDIR(node->st.st_mode) && node->source != NULL;
    node->st = *st;
    if (folder) {
        return 0; /* an open directory stays open, whatever is merged into it */
    }
    empty_node(node);
    node->source = text_copy(source);
    node->target = S_ISLNK(st->st_mode) ? text_copy_part(target, (size_t)len) : NULL;
    return 0;
}

/* A node that exists only in the guest: owner root, made now. */
static struct tree_node *invent(struct tree *t, const char *path, mode_t mode)
{
    struct tree_node *node = treenode_create(t, path);
    node->st.st_mode = mode;
    clock_gettime(CLOCK_REALTIME, &node->st.st_mtim);
    return node;
}

/* Is what lies in this directory to be looked up on the host? */
static bool is_open(struct tree *t, const char *directory)
{
    const struct tree_node *node = treenode_get(t, directory);
    return t->open && node != NULL && node->source != NULL && strcmp(node->source, node->path) == 0;
}

/* The node at path, one component below w->at; taken from the host or made up if w->mode says
 * so. */
static int step(struct walk *w, const char *path, bool last, struct tree_node **out)
{
    *out = treenode_get(w->tree, path);
    if (*out != NULL) {
        return 0;
    }
    struct stat st;
    if (is_open(w->tree, w->at) && lstat(path, &st) == 0) {
        bool leaf = !S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode);
        if (leaf && (!last || w->mode != TREE_TAKE)) {
            w->on_host = last;
            return last ? -ENOENT : -ENOTDIR;
        }
        *out = treenode_create(w->tree, path);
        return treenode_take(*out, path, &st);
    }
    if (w->mode != TREE_MAKE) {
        return -ENOENT;
    }
    *out = invent(w->tree, path, S_IFDIR | 0755);
    return 0;
}

static void replace(char **place, char *value)
{
    free(*place);
    *place = value;
}

/* Cut the next component off w->rest. Returns it (the caller frees it), NULL at the end. */
static char *next_component(struct walk *w)
{
    const char *start = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(start, "/");
    char *component = len != 0 ? text_copy_part(start, len) : NULL;
    replace(&w->rest, text_copy(start + len));
    return component;
}

static int enter(struct walk *w, const struct tree_node *node, bool last)
{
    if (S_ISLNK(node->st.st_mode)) {
        if (++w->links > MAX_LINKS) {
            return -ELOOP;
        }
        if (node->target[0] == '/') {
            replace(&w->at, text_copy(""));
        }
        replace(&w->rest, text_format("%s/%s", node->target, w->rest));
        return 0;
    }
    if (!last && !S_ISDIR(node->st.st_mode)) {
        return -ENOTDIR;
    }
    replace(&w->at, text_copy(node->path));
    return 0;
}

static int walk_component(struct walk *w, const char *component)
{
    if (strcmp(component, ".") == 0) {
        return 0;
    }
    if (strcmp(component, "..") == 0) {
        char *slash = strrchr(w->at, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        return 0;
    }
    char *path = text_format("%s/%s", w->at, component);
    bool last = w->rest[strspn(w->rest, "/")] == '\0';
    struct tree_node *node;
    int err = step(w, path, last, &node);
    if (err == 0) {
        err = enter(w, node, last);
    } else if (w->on_host) {
        replace(&w->at, text_copy(path));
    }
    free(path);
    return err;
}

/* Go to the end of path; w->at tells where that is. The caller frees it. */
static int walk_to_end(struct walk *w)
{
    int err = 0;
    char *component;
    while (err == 0 && (component = next_component(w)) != NULL) {
        err = walk_component(w, component);
        free(component);
    }
    free(w->rest);
    return err;
}

int treenode_walk(struct tree *t, const char *path, enum tree_mode mode, struct tree_node **out)
{
    struct walk w = {t, text_copy(""), text_copy(path), 0, mode, false};
    int err = walk_to_end(&w);
    *out = err == 0 ? treenode_get(t, w.at) : NULL;
    if (*out != NULL && mode == TREE_MAKE && !S_ISDIR((*out)->st.st_mode)) {
        err = -ENOTDIR;
    }
    free(w.at);
    return err;
}

void tree_init(struct tree *t, const char *source)
{
    *t = (struct tree){.open = strcmp(source, "/") == 0};
    struct tree_node *root = invent(t, "/", S_IFDIR | 0755);
    struct stat st;
    if (stat(source, &st) == 0) {
        root->st = st;
    }
    root->source = text_copy(source);
}

void tree_fini(struct tree *t)
{
    tdestroy(t->nodes, destroy_node);
    t->nodes = NULL;
}

int tree_add_host(struct tree *t, const char *path)
{
    struct tree_node *node;
    return treenode_walk(t, path, TREE_TAKE, &node);
}

const struct tree_node *tree_find(struct tree *t, const char *path)
{
    struct tree_node *node;
    return treenode_walk(t, path, TREE_LOOK, &node) == 0 ? node : NULL;
}

char *tree_locate(struct tree *t, const char *path)
{
    struct walk w = {t, text_copy(""), text_copy(path), 0, TREE_LOOK, false};
    const struct tree_node *node = walk_to_end(&w) == 0 ? treenode_get(t, w.at) : NULL;
    char *found = node != NULL && S_ISREG(node->st.st_mode) ? text_copy(node->source)
                  : w.on_host                               ? text_copy(w.at)
                                                            : NULL;
    free(w.at);
    return found;
}

int tree_add_directory(struct tree *t, const char *path, mode_t mode)
{
    if (tree_find(t, path) != NULL) {
        return 0;
    }
    struct tree_node *node;
    int err = treenode_walk(t, path, TREE_MAKE, &node);
    if (err == 0 && node->source == NULL) {
        node->st.st_mode = S_IFDIR | mode;
    }
    return err;
}

int tree_add_text(struct tree *t, const char *path, mode_t mode, const char *content)
{
    if (tree_find(t, path) != NULL) {
        return 0;
    }
    const char *slash = strrchr(path, '/');
    char *folder = text_copy_part(path, (size_t)(slash - path));
    struct tree_node *parent;
    int err = treenode_walk(t, folder, TREE_MAKE, &parent);
    free(folder);
    if (err != 0) {
        return err;
    }
    char *place = text_format("%s%s", strcmp(parent->path, "/") == 0 ? "" : parent->path, slash);
    struct tree_node *node = treenode_get(t, place);
    if (node == NULL) {
        node = invent(t, place, S_IFREG | mode);
        node->content = text_copy(content);
    }
    free(place);
    return 0;
}

struct visitor {
    int (*visit)(const struct tree_node *node, void *arg);
    void *arg;
    int result;
};

static void visit_node(const void *place, VISIT order, void *arg)
{
    struct visitor *v = arg;
    if (v->result == 0 && (order == postorder || order == leaf)) {
        v->result = v->visit(*(struct tree_node *const *)place, v->arg);
    }
}

int tree_walk(struct tree *t, int (*visit)(const struct tree_node *node, void *arg), void *arg)
{
    struct visitor v = {visit, arg, 0};
    twalk_r(t->nodes, visit_node, &v);
    return v.result;
}
