/* SPDX-License-Identifier: MIT */
// sources:
// fakes: files
/* Path walk, rule by rule of path_resolution(7), symlink(7) and openat2(2); entry_test.c compares
 * random walks with the host's. */
#include "fs/entry.h"

#include <asm/errno.h>
#include <linux/limits.h>
#include <string.h>

#include "kernel/heap.h"
#include "kernel/process.h"
#include "test/fake/files.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

static void directory(const char *name)
{
    CHECK_EQ(entry_make(NULL, name, S_IFDIR | 0755, 0), 0);
}

static void file(const char *name)
{
    CHECK_EQ(entry_make(NULL, name, S_IFREG | 0644, 0), 0);
}

static void symlink_to(const char *target, const char *name)
{
    CHECK_EQ(entry_symlink(target, NULL, name), 0);
}

static struct path walk_ok(const char *name, unsigned flags)
{
    struct path p = {NULL, NULL};
    int err = namei_walk(NULL, name, flags, &p);
    if (err != 0) {
        fprintf(stderr, "walk of %.80s\n", name);
    }
    CHECK_EQ(err, 0);
    return p;
}

/* The error of a walk, or 0. */
static int walk_at(const struct path *at, const char *name, unsigned flags)
{
    struct path p;
    int err = namei_walk(at, name, flags, &p);
    if (err == 0) {
        path_put(&p);
    }
    return err;
}

static int walk(const char *name, unsigned flags)
{
    return walk_at(NULL, name, flags);
}

/* name leads to the place that place names. */
static void check_leads(const char *name, const char *place)
{
    struct path p = walk_ok(name, 0);
    CHECK_STR(p.name, place);
    struct path q = walk_ok(place, WALK_NOFOLLOW);
    CHECK(p.vnode == q.vnode);
    path_put(&p);
    path_put(&q);
}

static void enter(const char *name)
{
    struct path p = walk_ok(name, WALK_DIRECTORY);
    CHECK_EQ(namei_set_cwd(&p), 0);
    path_put(&p);
}

static void plain_names(void)
{
    directory("/a");
    directory("/a/b");
    file("/a/b/f");
    check_leads("/", "/");
    check_leads("///", "/");
    check_leads("/..", "/");
    check_leads("/../../a", "/a");
    check_leads("//a//b///f", "/a/b/f");
    check_leads("/a/./b/.././b/f", "/a/b/f");
    check_leads("/a/b/", "/a/b");
    check_leads("/a/b/.", "/a/b");
    check_leads("/a/b/../..", "/");
    enter("/a/b");
    check_leads("f", "/a/b/f");
    check_leads(".", "/a/b");
    check_leads("..", "/a");
    check_leads("../b/./f", "/a/b/f");
    check_leads("../../../..", "/");
    CHECK_EQ(walk("", 0), -ENOENT);
    CHECK_EQ(walk("none", 0), -ENOENT);
    CHECK_EQ(walk("none/x", 0), -ENOENT);
    CHECK_EQ(walk("f/", 0), -ENOTDIR);
    CHECK_EQ(walk("f/.", 0), -ENOTDIR);
    CHECK_EQ(walk("f/..", 0), -ENOTDIR);
    CHECK_EQ(walk("f/x", 0), -ENOTDIR);
    CHECK_EQ(walk("f", WALK_DIRECTORY), -ENOTDIR);
    fake_files_clear(fake_root->root);
}

static void relative_to_a_directory(void)
{
    directory("/a");
    file("/a/f");
    struct path a = walk_ok("/a", 0);
    struct path f = walk_ok("/a/f", 0);
    struct path p;
    CHECK_EQ(walk_at(&a, "f", 0), 0);
    CHECK_EQ(walk_at(&a, "/a/f", 0), 0); /* absolute: where it starts does not matter */
    CHECK_EQ(walk_at(&f, "/a/f", 0), 0);
    CHECK_EQ(walk_at(&f, "x", 0), -ENOTDIR);
    CHECK_EQ(walk_at(&f, ".", 0), -ENOTDIR);
    CHECK_EQ(walk_at(&a, "", 0), -ENOENT);
    CHECK_EQ(namei_walk(&f, "", WALK_EMPTY, &p), 0); /* AT_EMPTY_PATH: any file itself */
    CHECK(p.vnode == f.vnode);
    CHECK_STR(p.name, "/a/f");
    path_put(&p);
    CHECK_EQ(walk_at(&f, "", WALK_EMPTY | WALK_DIRECTORY), -ENOTDIR);
    path_put(&a);
    path_put(&f);
    fake_files_clear(fake_root->root);
}

static void symlinks(void)
{
    directory("/a");
    file("/a/f");
    symlink_to("a", "/rel");
    symlink_to("/a/f", "/abs");
    symlink_to("../a/../a/f", "/a/up");
    symlink_to("nowhere", "/dangling");
    symlink_to("a/", "/slash");
    symlink_to("abs/", "/notdir");
    check_leads("/rel", "/a");
    check_leads("/rel/f", "/a/f");
    check_leads("/abs", "/a/f");
    check_leads("/rel/up", "/a/f");
    check_leads("/slash/f", "/a/f");
    check_leads("/rel/..", "/"); /* of where it leads, not of where it is */
    CHECK_EQ(walk("/dangling", 0), -ENOENT);
    CHECK_EQ(walk("/dangling/x", 0), -ENOENT);
    CHECK_EQ(walk("/notdir", 0), -ENOTDIR);
    CHECK_EQ(walk("/abs/", 0), -ENOTDIR);
    CHECK_EQ(walk("/abs/x", 0), -ENOTDIR);
    /* the last one is not followed when so asked, unless a slash follows it */
    struct path p = walk_ok("/rel", WALK_NOFOLLOW);
    CHECK(S_ISLNK(p.vnode->mode));
    CHECK_STR(p.name, "/rel");
    path_put(&p);
    p = walk_ok("/rel/", WALK_NOFOLLOW);
    CHECK_STR(p.name, "/a");
    path_put(&p);
    p = walk_ok("/dangling", WALK_NOFOLLOW);
    path_put(&p);
    CHECK_EQ(walk("/rel", WALK_NOFOLLOW | WALK_DIRECTORY), -ENOTDIR);
    CHECK_EQ(walk("/rel/f", WALK_NOFOLLOW), 0);
    fake_files_clear(fake_root->root);
}

/* symlink(7): at most 40 are followed in one walk. */
static void chains(void)
{
    char name[32], target[32];
    file("/l0");
    for (unsigned i = 1; i <= 41; i++) {
        snprintf(name, sizeof(name), "/l%u", i);
        snprintf(target, sizeof(target), "l%u", i - 1);
        symlink_to(target, name);
    }
    CHECK_EQ(walk("/l40", 0), 0);
    CHECK_EQ(walk("/l41", 0), -ELOOP);
    CHECK_EQ(walk("/l41", WALK_NOFOLLOW), 0);
    symlink_to("self", "/self");
    symlink_to("pong", "/ping");
    symlink_to("ping", "/pong");
    CHECK_EQ(walk("/self", 0), -ELOOP);
    CHECK_EQ(walk("/self/x", 0), -ELOOP);
    CHECK_EQ(walk("/ping", 0), -ELOOP);
    /* those in the middle count like the last one */
    symlink_to(".", "/here");
    char many[42 * 5 + 4] = "";
    for (unsigned i = 0; i < 40; i++) {
        strcat(many, "here/");
    }
    char all[sizeof(many) + 8];
    snprintf(all, sizeof(all), "/%sl0", many);
    CHECK_EQ(walk(all, 0), 0);
    snprintf(all, sizeof(all), "/%sl1", many);
    CHECK_EQ(walk(all, 0), -ELOOP);
    fake_files_clear(fake_root->root);
}

/* name_part: n times c. */
static void repeat(char *to, char c, size_t n)
{
    memset(to, c, n);
    to[n] = 0;
}

static void lengths(void)
{
    static char name[2 * PATH_MAX], path[2 * PATH_MAX + 2];
    repeat(name, 'n', NAME_MAX);
    path[0] = '/';
    strcpy(path + 1, name);
    file(path);
    CHECK_EQ(walk(path, 0), 0);
    repeat(name, 'n', NAME_MAX + 1);
    strcpy(path + 1, name);
    CHECK_EQ(walk(path, 0), -ENAMETOOLONG);
    CHECK_EQ(entry_make(NULL, path, S_IFREG, 0), -ENAMETOOLONG);
    strcat(path, "/x");
    CHECK_EQ(walk(path, 0), -ENAMETOOLONG);
    repeat(path, '/', PATH_MAX - 1);
    CHECK_EQ(walk(path, 0), 0);
    repeat(path, '/', PATH_MAX);
    CHECK_EQ(walk(path, 0), -ENAMETOOLONG);
    /* a target that is as long as it can be, and one byte more with what follows */
    repeat(path, '/', PATH_MAX - 2);
    CHECK_EQ(entry_symlink(path, NULL, "/long"), 0);
    CHECK_EQ(walk("/long", 0), 0);
    CHECK_EQ(walk("/long/./", 0), -ENAMETOOLONG);
    fake_files_clear(fake_root->root);
}

static void change_root(void)
{
    directory("/jail");
    directory("/jail/in");
    file("/jail/f");
    file("/f");
    symlink_to("/f", "/jail/abs");
    symlink_to("/../../jail/f", "/jail/out");
    struct path jail = walk_ok("/jail", 0);
    struct path outside = walk_ok("/", 0);
    CHECK_EQ(namei_set_root(&jail), 0);
    struct path p = walk_ok("/f", 0);
    CHECK_STR(p.name, "/jail/f"); /* names are the machine's; getcwd cuts them */
    path_put(&p);
    enter("/in");
    CHECK_EQ(walk("../f", 0), 0);
    p = walk_ok("../../..", 0);
    CHECK(p.vnode == jail.vnode);
    path_put(&p);
    p = walk_ok("/..", 0);
    CHECK(p.vnode == jail.vnode);
    path_put(&p);
    p = walk_ok("/abs", 0); /* an absolute target starts at the root, too */
    CHECK_STR(p.name, "/jail/f");
    path_put(&p);
    CHECK_EQ(walk("/out", 0), -ENOENT);
    CHECK_EQ(walk_at(&outside, "jail/f", 0), 0); /* a descriptor from before leads out */
    path_put(&outside);
    path_put(&jail);
    fake_files_clear(fake_root->root);
}

static void resolve_flags(void)
{
    directory("/a");
    directory("/a/b");
    file("/a/b/f");
    symlink_to("f", "/a/b/rel");
    symlink_to("/a/b/f", "/a/b/abs");
    symlink_to("../../a/b/f", "/a/b/out");
    struct path a = walk_ok("/a", 0);
    CHECK_EQ(walk_at(&a, "b/f", WALK_BENEATH), 0);
    CHECK_EQ(walk_at(&a, "b/../b/f", WALK_BENEATH), 0);
    CHECK_EQ(walk_at(&a, "b/rel", WALK_BENEATH), 0);
    CHECK_EQ(walk_at(&a, "..", WALK_BENEATH), -EXDEV);
    CHECK_EQ(walk_at(&a, "b/../../a/b/f", WALK_BENEATH), -EXDEV);
    CHECK_EQ(walk_at(&a, "/a/b/f", WALK_BENEATH), -EXDEV);
    CHECK_EQ(walk_at(&a, "b/abs", WALK_BENEATH), -EXDEV);
    CHECK_EQ(walk_at(&a, "b/out", WALK_BENEATH), -EXDEV);
    CHECK_EQ(walk_at(&a, "b/rel", WALK_NO_SYMLINKS), -ELOOP);
    CHECK_EQ(walk_at(&a, "b/rel", WALK_NO_SYMLINKS | WALK_NOFOLLOW), 0);
    CHECK_EQ(walk_at(&a, "b/f", WALK_NO_SYMLINKS), 0);
    path_put(&a);
    fake_files_clear(fake_root->root);
}

/* Without the right to search a directory nothing behind it is found. */
static void permissions(void)
{
    directory("/a");
    directory("/a/b");
    file("/a/b/f");
    struct path b = walk_ok("/a/b", 0);
    struct vattr mode = {.mode = 0600};
    CHECK_EQ(b.vnode->ops->setattr(b.vnode, &mode, VATTR_MODE), 0);
    CHECK_EQ(walk("/a/b/f", 0), 0);
    fake_unprivileged = true;
    process.fsuid = 1000;
    CHECK_EQ(walk("/a/b", 0), 0);
    CHECK_EQ(walk("/a/b/f", 0), -EACCES);
    CHECK_EQ(walk("/a/b/none", 0), -EACCES);
    CHECK_EQ(walk("/a/b/..", 0), -EACCES);
    CHECK_EQ(walk_at(&b, "f", 0), -EACCES);
    CHECK_EQ(entry_make(NULL, "/a/x", S_IFREG, 0), -EACCES);
    fake_unprivileged = false;
    process.fsuid = 0;
    path_put(&b);
    fake_files_clear(fake_root->root);
}

static void check_parent(const char *name, const char *dir, const char *want_last, bool slash)
{
    struct path p;
    char last[NAME_MAX + 1];
    bool got_slash = !slash;
    CHECK_EQ(namei_parent(NULL, name, &p, last, &got_slash), 0);
    CHECK_STR(p.name, dir);
    CHECK_STR(last, want_last);
    CHECK_EQ(got_slash, slash);
    path_put(&p);
}

static void parents(void)
{
    struct path p;
    char last[NAME_MAX + 1];
    directory("/a");
    file("/a/f");
    symlink_to("a", "/l");
    check_parent("/a/new", "/a", "new", false);
    check_parent("/a/new///", "/a", "new", true);
    check_parent("/l/new", "/a", "new", false);
    check_parent("/l", "/", "l", false); /* the last one is never followed */
    check_parent("/a/.", "/a", ".", false);
    check_parent("/a/..", "/a", "..", false);
    check_parent("/", "/", "", false);
    check_parent("x", "/", "x", false);
    CHECK_EQ(namei_parent(NULL, "/none/x", &p, last, NULL), -ENOENT);
    CHECK_EQ(namei_parent(NULL, "/a/f/x", &p, last, NULL), -ENOTDIR);
    CHECK_EQ(namei_parent(NULL, "", &p, last, NULL), -ENOENT);
    fake_files_clear(fake_root->root);
}

/* A directory with one name, a link that leads to a place and not to a name (/proc/self/fd/N). */
static struct path jump_target;
static struct vnode jump_link, jump_directory;

static int jump_there(struct vnode *v, struct path *out)
{
    return path_copy(out, &jump_target);
}

static int jump_lookup(struct vnode *dir, const char *name, size_t len, struct vnode **out)
{
    vnode_get(&jump_link);
    *out = &jump_link;
    return 0;
}

static int jump_attr(struct vnode *v, struct vattr *out)
{
    *out = (struct vattr){.mode = v->mode};
    return 0;
}

static void jumps(void)
{
    static const struct vnode_ops link_ops = {.jump = jump_there, .getattr = jump_attr};
    static const struct vnode_ops dir_ops = {.lookup = jump_lookup, .getattr = jump_attr};
    char name[] = "/fds";
    struct path fds = {&jump_directory, name};
    directory("/a");
    file("/a/f");
    vnode_init(&jump_link, &link_ops, fake_root, S_IFLNK | 0777);
    vnode_init(&jump_directory, &dir_ops, fake_root, S_IFDIR | 0755);
    jump_target = walk_ok("/a/f", 0);
    struct path p;
    CHECK_EQ(namei_walk(&fds, "3", 0, &p), 0);
    CHECK(p.vnode == jump_target.vnode);
    CHECK_STR(p.name, "/a/f");
    path_put(&p);
    CHECK_EQ(walk_at(&fds, "3/", 0), -ENOTDIR);
    CHECK_EQ(walk_at(&fds, "3/x", 0), -ENOTDIR);
    CHECK_EQ(walk_at(&fds, "3", WALK_NO_SYMLINKS), -ELOOP);
    path_put(&jump_target);
    jump_target = walk_ok("/a", 0);
    CHECK_EQ(walk_at(&fds, "3/", WALK_NOFOLLOW), 0);
    CHECK_EQ(walk_at(&fds, "3/f", 0), 0);
    CHECK_EQ(walk_at(&fds, "3/../a/f", 0), 0);
    path_put(&jump_target);
    CHECK_EQ(jump_link.refs, 1);
    CHECK_EQ(jump_directory.refs, 1);
    fake_files_clear(fake_root->root);
}

/* Every allocation of a walk fails once: -ENOMEM, and nothing is left. check_run counts. */
static void out_of_memory(void)
{
    directory("/a");
    file("/a/f");
    symlink_to("/a/g", "/l");
    symlink_to("f", "/a/g");
    int err = -ENOMEM;
    for (unsigned long n = 1; err != 0; n++) {
        heap_fail_after(n);
        err = walk("/l", 0);
        heap_fail_after(0);
        CHECK(err == 0 || err == -ENOMEM);
        CHECK(n < 50);
    }
    fake_files_clear(fake_root->root);
}

TESTS(plain_names, relative_to_a_directory, symlinks, chains, lengths, change_root, resolve_flags,
      permissions, parents, jumps, out_of_memory)
