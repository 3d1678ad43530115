/* SPDX-License-Identifier: MIT */
/* Path walk.
 *
 * A walk holds one vnode reference and the canonical name of where it stands; file systems answer
 * ".." themselves, except at the root of a mount, where the walk steps to the covered directory.
 * The name is kept as text for getcwd and /proc: a directory renamed later keeps its old name
 * there. cwd_lock guards current and root directory. Source: path_resolution(7), symlink(7),
 * openat2(2). */
#include "fs/vnode.h"

#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define LINKS_MAX 40
#define CANONICAL_MAX (1UL << 20) /* of where a walk stands; PATH_MAX is of what a call may name */

struct walk {
    struct vnode *at; /* referenced */
    struct vnode *root; /* ".." stays there: the process's when the walk began, referenced */
    struct path scope; /* WALK_BENEATH, WALK_IN_ROOT: where the walk began; else vnode is NULL */
    char *name; /* heap, room bytes: absolute canonical name of at; a walk may begin so deep in the
                   tree that it is longer than PATH_MAX */
    size_t len, room;
    char *pending; /* heap, NULL, or the text that rest points into */
    const char *rest; /* components still to go */
    unsigned flags, links;
};

uint32_t namei_umask = 022;
static struct spinlock cwd_lock;
static struct path cwd, root; /* [cwd_lock] */

static void get_place(const struct path *place, struct path *out)
{
    spin_lock(&cwd_lock);
    *out = (struct path){NULL, NULL};
    if (place->vnode != NULL && path_copy(out, place) != 0) {
        *out = (struct path){NULL, NULL};
    }
    spin_unlock(&cwd_lock);
}

static int set_place(struct path *place, const struct path *p)
{
    struct path fresh;
    int err = path_copy(&fresh, p);
    if (err != 0) {
        return err;
    }
    spin_lock(&cwd_lock);
    struct path old = *place;
    *place = fresh;
    spin_unlock(&cwd_lock);
    path_put(&old);
    return 0;
}

int namei_set_cwd(const struct path *p)
{
    return set_place(&cwd, p);
}

void namei_cwd(struct path *out)
{
    get_place(&cwd, out);
}

int namei_set_root(const struct path *p)
{
    return set_place(&root, p);
}

void namei_root(struct path *out)
{
    get_place(&root, out);
}

static void stand_at(struct walk *w, struct vnode *v)
{
    if (w->at != NULL) {
        vnode_put(w->at);
    }
    w->at = v;
}

/* Make room for a name of len bytes and its end. */
static int name_reserve(struct walk *w, size_t len)
{
    if (len < w->room) {
        return 0;
    }
    if (len >= CANONICAL_MAX) {
        return -ENAMETOOLONG;
    }
    size_t room = max(2 * w->room, len + 1);
    char *name = heap_resize(w->name, room);
    if (name == NULL) {
        return -ENOMEM;
    }
    w->name = name;
    w->room = room;
    return 0;
}

static int go_to(struct walk *w, const struct path *p)
{
    if (p->vnode == NULL) {
        return -ENOENT;
    }
    size_t len = strlen(p->name);
    int err = name_reserve(w, len);
    if (err != 0) {
        return err;
    }
    vnode_get(p->vnode);
    stand_at(w, p->vnode);
    memcpy(w->name, p->name, len + 1);
    w->len = len;
    return 0;
}

/* Another mount than the one where the walk stands: not with WALK_NO_XDEV. */
static int check_mount(const struct walk *w, const struct vnode *to)
{
    return (w->flags & WALK_NO_XDEV) != 0 && to->mount != w->at->mount ? -EXDEV : 0;
}

/* The target of a symlink that begins with a slash. */
static int go_to_root(struct walk *w)
{
    struct path p;
    if ((w->flags & WALK_BENEATH) != 0) {
        return -EXDEV;
    }
    if ((w->flags & WALK_IN_ROOT) != 0) {
        int err = check_mount(w, w->scope.vnode);
        return err != 0 ? err : go_to(w, &w->scope);
    }
    namei_root(&p);
    int err = p.vnode != NULL ? check_mount(w, p.vnode) : -ENOMEM;
    err = err != 0 ? err : go_to(w, &p);
    path_put(&p);
    return err;
}

/* Where the walk begins is its limit. */
static int enter_scope(struct walk *w)
{
    const struct path here = {w->at, w->name};
    int err = path_copy(&w->scope, &here);
    if (err == 0 && (w->flags & WALK_IN_ROOT) != 0) {
        if (w->root != NULL) {
            vnode_put(w->root);
        }
        vnode_get(w->at);
        w->root = w->at;
    }
    return err;
}

static int walk_begin(struct walk *w, const struct path *at, const char *name, unsigned flags)
{
    bool absolute = name[0] == '/' && (flags & WALK_IN_ROOT) == 0;
    *w = (struct walk){.rest = name, .flags = flags};
    if (strlen(name) >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    if (name[0] == 0 && (flags & WALK_EMPTY) == 0) {
        return -ENOENT;
    }
    if (absolute && (flags & WALK_BENEATH) != 0) {
        return -EXDEV;
    }
    w->room = PATH_MAX;
    w->name = heap_alloc(w->room);
    if (w->name == NULL) {
        return -ENOMEM;
    }
    spin_lock(&cwd_lock);
    w->root = root.vnode;
    if (w->root != NULL) {
        vnode_get(w->root);
    }
    int err = go_to(w, absolute ? &root : at != NULL ? at : &cwd);
    spin_unlock(&cwd_lock);
    bool scoped = (flags & (WALK_BENEATH | WALK_IN_ROOT)) != 0;
    return err == 0 && scoped ? enter_scope(w) : err;
}

static void walk_end(struct walk *w)
{
    if (w->at != NULL) {
        vnode_put(w->at);
    }
    if (w->root != NULL) {
        vnode_put(w->root);
    }
    path_put(&w->scope);
    heap_free(w->name);
    heap_free(w->pending);
}

static void name_pop(struct walk *w)
{
    while (w->len > 1 && w->name[w->len - 1] != '/') {
        w->len--;
    }
    if (w->len > 1) {
        w->len--;
    }
    w->name[w->len] = 0;
}

static int name_push(struct walk *w, const char *part, size_t len)
{
    bool slash = w->len > 1;
    int err = name_reserve(w, w->len + len + slash);
    if (err != 0) {
        return err;
    }
    if (slash) {
        w->name[w->len++] = '/';
    }
    memcpy(w->name + w->len, part, len);
    w->len += len;
    w->name[w->len] = 0;
    return 0;
}

static int go_up(struct walk *w)
{
    struct vnode *up;
    if ((w->flags & WALK_BENEATH) != 0 && w->at == w->scope.vnode) {
        return -EXDEV;
    }
    if (w->at == w->root) {
        return 0;
    }
    while (w->at == w->at->mount->root && w->at->mount->covered != NULL) {
        struct vnode *covered = w->at->mount->covered;
        if ((w->flags & WALK_NO_XDEV) != 0) {
            return -EXDEV;
        }
        vnode_get(covered);
        stand_at(w, covered);
    }
    int err = w->at->ops->lookup(w->at, "..", 2, &up);
    if (err != 0) {
        return err;
    }
    stand_at(w, up);
    name_pop(w);
    return 0;
}

static int cross_mounts(struct walk *w)
{
    const struct mount *m;
    while ((m = __atomic_load_n(&w->at->mounted_here, __ATOMIC_ACQUIRE)) != NULL) {
        if ((w->flags & WALK_NO_XDEV) != 0) {
            return -EXDEV;
        }
        vnode_get(m->root);
        stand_at(w, m->root);
    }
    return 0;
}

/* The next component of rest: its start and length; rest moves behind it and its slashes. */
static size_t take_part(struct walk *w, const char **part)
{
    while (*w->rest == '/') {
        w->rest++;
    }
    *part = w->rest;
    while (*w->rest != '/' && *w->rest != 0) {
        w->rest++;
    }
    return (size_t)(w->rest - *part);
}

static bool rest_is_empty(const struct walk *w)
{
    const char *p = w->rest;
    while (*p == '/') {
        p++;
    }
    return *p == 0;
}

/* Put the target of symlink v before rest. v's directory is where w stands. */
static int follow(struct walk *w, struct vnode *v)
{
    if (++w->links > LINKS_MAX || (w->flags & WALK_NO_SYMLINKS) != 0) {
        return -ELOOP;
    }
    char *text = heap_alloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    long len = v->ops->readlink(v, text, PATH_MAX - 1);
    size_t rest_len = strlen(w->rest);
    int err = len < 0 ? (int)len : len == 0 ? -ENOENT : 0;
    if (err == 0 && (size_t)len + rest_len + 1 > PATH_MAX) {
        err = -ENAMETOOLONG;
    }
    if (err != 0) {
        heap_free(text);
        return err;
    }
    memcpy(text + len, w->rest, rest_len + 1);
    heap_free(w->pending);
    w->pending = text;
    w->rest = text;
    return text[0] == '/' ? go_to_root(w) : 0;
}

/* Search permission and type of the directory that a component is looked up in. */
static int check_directory(struct vnode *dir)
{
    if (!S_ISDIR(dir->mode)) {
        return -ENOTDIR;
    }
    return access_check(dir, MAY_EXEC, false);
}

/* A symlink whose content is not a name but a place (/proc/self/fd/N, exe, cwd): jump there. */
static int jump(struct walk *w, struct vnode *link)
{
    struct path target;
    if (++w->links > LINKS_MAX || (w->flags & WALK_NO_SYMLINKS) != 0) {
        return -ELOOP;
    }
    if ((w->flags & WALK_NO_MAGIC) != 0) {
        return -ELOOP;
    }
    int err = link->ops->jump(link, &target);
    if (err != 0) {
        return err;
    }
    err = w->scope.vnode != NULL ? -EXDEV : check_mount(w, target.vnode);
    err = err != 0 ? err : go_to(w, &target);
    path_put(&target);
    return err;
}

/* One component that is neither "." nor "..". last: nothing follows it. */
static int step(struct walk *w, const char *part, size_t len, bool last)
{
    struct vnode *next;
    if (len > NAME_MAX) {
        return -ENAMETOOLONG;
    }
    int err = w->at->ops->lookup(w->at, part, len, &next);
    if (err != 0) {
        return err;
    }
    bool is_link = S_ISLNK(next->mode);
    bool trailing = last && part[len] == '/'; /* "link/" follows, whatever the flags */
    if (is_link && (!last || trailing || (w->flags & WALK_NOFOLLOW) == 0)) {
        bool jumps = next->ops->jump != NULL;
        err = jumps ? jump(w, next) : follow(w, next);
        vnode_put(next);
        return err == 0 && jumps && trailing && !S_ISDIR(w->at->mode) ? -ENOTDIR : err;
    }
    err = name_push(w, part, len);
    stand_at(w, next);
    err = err != 0 ? err : cross_mounts(w);
    if (err == 0 && trailing && !S_ISDIR(w->at->mode)) {
        err = -ENOTDIR;
    }
    return err;
}

/* Follow the last component if it is a symlink that is to be followed. Returns 1 then, 0, or a
 * negative errno. */
static int follow_last(struct walk *w, const char *part, size_t len)
{
    struct vnode *v;
    if ((w->flags & WALK_NOFOLLOW) != 0 || part[len] == '/' || len > NAME_MAX) {
        return 0;
    }
    int err = w->at->ops->lookup(w->at, part, len, &v);
    if (err != 0) {
        return err == -ENOENT ? 0 : err;
    }
    bool is_link = S_ISLNK(v->mode);
    if (is_link) {
        err = v->ops->jump != NULL ? jump(w, v) : follow(w, v);
    }
    vnode_put(v);
    return err != 0 ? err : is_link;
}

/* Walk rest. stop_short: stand at the directory of the last component and leave that in rest, but
 * follow it first as long as it is a symlink that is to be followed. */
static int walk_rest(struct walk *w, bool stop_short)
{
    while (!rest_is_empty(w)) {
        const char *before = w->rest;
        const char *part;
        size_t len = take_part(w, &part);
        int err = check_directory(w->at);
        if (err != 0) {
            return err;
        }
        bool last = rest_is_empty(w);
        int followed = last && stop_short ? follow_last(w, part, len) : 0;
        if (followed < 0) {
            return followed;
        }
        if (last && stop_short && followed == 0) {
            w->rest = before;
            return 0;
        }
        if (followed > 0) {
            continue;
        }
        if (len == 1 && part[0] == '.') {
            continue;
        }
        err = len == 2 && part[0] == '.' && part[1] == '.' ? go_up(w) : step(w, part, len, last);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int walk_result(struct walk *w, struct path *out)
{
    char *name = heap_alloc(w->len + 1);
    if (name == NULL) {
        return -ENOMEM;
    }
    memcpy(name, w->name, w->len + 1);
    *out = (struct path){w->at, name};
    w->at = NULL;
    return 0;
}

int namei_walk(const struct path *at, const char *name, unsigned flags, struct path *out)
{
    struct walk w;
    int err = walk_begin(&w, at, name, flags);
    err = err != 0 ? err : walk_rest(&w, false);
    if (err == 0 && (flags & WALK_DIRECTORY) != 0 && !S_ISDIR(w.at->mode)) {
        err = -ENOTDIR;
    }
    err = err != 0 ? err : walk_result(&w, out);
    walk_end(&w);
    return err;
}

int namei_target(const struct path *at, const char *name, unsigned flags, struct path *dir,
                 char *last, bool *trailing_slash)
{
    struct walk w;
    const char *part;
    last[0] = 0;
    int err = walk_begin(&w, at, name, flags);
    err = err != 0 ? err : walk_rest(&w, true);
    if (err == 0) { /* "/" itself has no last component: last stays empty */
        size_t len = take_part(&w, &part);
        err = len > NAME_MAX ? -ENAMETOOLONG : S_ISDIR(w.at->mode) ? 0 : -ENOTDIR;
        if (err == 0) {
            memcpy(last, part, len);
            last[len] = 0;
        }
        if (trailing_slash != NULL) {
            *trailing_slash = *w.rest == '/';
        }
    }
    err = err != 0 ? err : walk_result(&w, dir);
    walk_end(&w);
    return err;
}

int namei_parent(const struct path *at, const char *name, struct path *dir, char *last,
                 bool *trailing_slash)
{
    return namei_target(at, name, WALK_NOFOLLOW, dir, last, trailing_slash);
}
