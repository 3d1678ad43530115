/* SPDX-License-Identifier: MIT */
// sources:
// fakes: files
/* Names, by the same random calls here and on a tmpfs of the host: every result must agree, and
 * the trees that are left. A child of the test, with an empty directory as its root, makes the
 * host's calls and sends its results through a pipe. */
#define _GNU_SOURCE
#include "fs/entry.h"

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/unistd.h>
#include <errno.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <string.h>

#include "kernel/file.h"
#include "test/fake/files.h"
#include "test/unit/check.h"

#define CALLS 60000
#define FD_CWD (-100) /* AT_FDCWD */

long syscall(long nr, ...); /* unistd.h does not go with the headers of the kernel */
int fork(void);
int waitpid(int pid, int *status, int options);

enum verb {
    MKDIR,
    CREATE,
    SYMLINK,
    LINK,
    UNLINK,
    RMDIR,
    RENAME,
    LSTAT,
    STAT,
    OPEN,
    READLINK,
    CHDIR,
    MKNOD,
    VERBS
};

struct call {
    enum verb verb;
    char a[64], b[64];
    unsigned flags;
};

/* What a call gave: an errno or 0, and what can be seen of its object. */
struct result {
    int err;
    uint32_t mode, nlink;
    uint64_t size;
};

/* "a/../b/" and the like. */
static void random_name(char *out)
{
    static const char *const parts[] = {"a", "b", "c", "d", "e", "..", ".", "a", "b", "c"};
    unsigned n = 1 + (unsigned)check_below(4);
    out[0] = 0;
    if (check_below(8) == 0) {
        strcat(out, "/");
    }
    for (unsigned i = 0; i < n; i++) {
        strcat(out, parts[check_below(ARRAY_LEN(parts))]);
        if (i + 1 < n || check_below(6) == 0) {
            strcat(out, check_below(10) == 0 ? "//" : "/");
        }
    }
    if (check_below(100) == 0) {
        strcpy(out, check_below(2) == 0 ? "" : "/");
    }
}

static void random_call(struct call *c)
{
    static const unsigned open_flags[] = {O_CREAT,  O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_TRUNC,
                                          O_WRONLY, O_RDWR, O_PATH,      O_APPEND};
    static const unsigned rename_flags[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    memset(c, 0, sizeof(*c));
    c->verb = (enum verb)check_below(VERBS);
    random_name(c->a);
    random_name(c->b);
    if (c->verb == OPEN) {
        for (unsigned i = check_below(4); i > 0; i--) {
            c->flags |= open_flags[check_below(ARRAY_LEN(open_flags))];
        }
        if ((c->flags & O_CREAT) != 0) { /* with O_DIRECTORY: each version has its own error */
            c->flags &= ~(unsigned)O_DIRECTORY;
        }
        if ((c->flags & O_ACCMODE) == 3) { /* neither reads nor writes: Linux only */
            c->flags &= ~(unsigned)O_WRONLY;
        }
    } else if (c->verb == RENAME) {
        c->flags = rename_flags[check_below(ARRAY_LEN(rename_flags))];
    } else if (c->verb == LINK || c->verb == MKNOD) {
        c->flags = (unsigned)check_below(2);
    }
}

static int host_error(long result)
{
    return result < 0 ? -errno : 0;
}

static int host_stat(const struct call *c, int flags, struct result *r)
{
    struct stat st;
    int err = host_error(syscall(__NR_newfstatat, FD_CWD, c->a, &st, flags));
    if (err == 0) {
        *r = (struct result){0, st.st_mode, (uint32_t)st.st_nlink,
                             S_ISDIR(st.st_mode) ? 0 : (uint64_t)st.st_size};
    }
    return err;
}

static int host_open(const char *name, unsigned flags)
{
    long fd = syscall(__NR_openat, FD_CWD, name, flags, 0644);
    int err = host_error(fd);
    if (err == 0) {
        syscall(__NR_close, fd);
    }
    return err;
}

static int host_readlink(const char *name, struct result *r)
{
    char text[100];
    long n = syscall(__NR_readlinkat, FD_CWD, name, text, sizeof(text));
    int err = host_error(n);
    r->size = err == 0 ? (uint64_t)n : 0;
    return err;
}

static long host_verb(const struct call *c)
{
    switch (c->verb) {
    case MKDIR: return syscall(__NR_mkdirat, FD_CWD, c->a, 0777);
    case SYMLINK: return syscall(__NR_symlinkat, c->b, FD_CWD, c->a);
    case LINK: return syscall(__NR_linkat, FD_CWD, c->a, FD_CWD, c->b, c->flags != 0 ? 0x400 : 0);
    case UNLINK: return syscall(__NR_unlinkat, FD_CWD, c->a, 0);
    case RMDIR: return syscall(__NR_unlinkat, FD_CWD, c->a, 0x200);
    case RENAME: return syscall(__NR_renameat2, FD_CWD, c->a, FD_CWD, c->b, c->flags);
    case CHDIR: return syscall(__NR_chdir, c->a);
    default: /* MKNOD */
        return syscall(__NR_mknodat, FD_CWD, c->a, (c->flags != 0 ? S_IFSOCK : S_IFREG) | 0666, 0);
    }
}

static struct result host_call(const struct call *c)
{
    struct result r = {0};
    switch (c->verb) {
    case CREATE: r.err = host_open(c->a, O_CREAT | O_WRONLY | O_NONBLOCK); break;
    case OPEN: r.err = host_open(c->a, c->flags | O_NONBLOCK); break;
    case STAT: r.err = host_stat(c, 0, &r); break;
    case LSTAT: r.err = host_stat(c, 0x100, &r); break;
    case READLINK: r.err = host_readlink(c->a, &r); break;
    default: r.err = host_error(host_verb(c)); break;
    }
    return r;
}

static void our_stat(const struct call *c, unsigned walk, struct result *r)
{
    struct path p;
    struct vattr attr;
    r->err = namei_walk(NULL, c->a, walk, &p);
    if (r->err == 0) {
        CHECK_EQ(p.vnode->ops->getattr(p.vnode, &attr), 0);
        *r = (struct result){0, attr.mode, attr.nlink, S_ISDIR(attr.mode) ? 0 : attr.size};
        path_put(&p);
    }
}

static int our_open(const char *name, unsigned flags)
{
    struct file *f;
    int err = vfs_open(NULL, name, flags, 0644, &f);
    if (err == 0) {
        file_put(f);
    }
    return err;
}

static int our_readlink(const char *name, struct result *r)
{
    char text[100];
    struct path p;
    int err = namei_walk(NULL, name, WALK_NOFOLLOW, &p);
    if (err != 0) {
        return err;
    }
    if (p.vnode->ops->readlink == NULL) {
        err = -EINVAL;
    } else {
        r->size = (uint64_t)p.vnode->ops->readlink(p.vnode, text, sizeof(text));
    }
    path_put(&p);
    return err;
}

static int our_link(const struct call *c)
{
    struct path p;
    int err = namei_walk(NULL, c->a, c->flags != 0 ? 0 : WALK_NOFOLLOW, &p);
    if (err == 0) {
        err = entry_link(p.vnode, NULL, c->b);
        path_put(&p);
    }
    return err;
}

static int our_chdir(const char *name)
{
    struct path p;
    int err = namei_walk(NULL, name, WALK_DIRECTORY, &p);
    if (err == 0) {
        err = namei_set_cwd(&p);
        path_put(&p);
    }
    return err;
}

static struct result our_call(const struct call *c)
{
    struct result r = {0};
    switch (c->verb) {
    case MKDIR: r.err = entry_make(NULL, c->a, S_IFDIR | 0777, 0); break;
    case CREATE: r.err = our_open(c->a, O_CREAT | O_WRONLY | O_NONBLOCK); break;
    case SYMLINK: /* symlink(2) itself refuses an empty target */
        r.err = c->b[0] == 0 ? -ENOENT : entry_symlink(c->b, NULL, c->a);
        break;
    case LINK: r.err = our_link(c); break;
    case UNLINK: r.err = entry_remove(NULL, c->a, false); break;
    case RMDIR: r.err = entry_remove(NULL, c->a, true); break;
    case RENAME: r.err = entry_rename(NULL, c->a, NULL, c->b, c->flags); break;
    case STAT: our_stat(c, 0, &r); break;
    case LSTAT: our_stat(c, WALK_NOFOLLOW, &r); break;
    case OPEN: r.err = our_open(c->a, c->flags | O_NONBLOCK); break;
    case READLINK: r.err = our_readlink(c->a, &r); break;
    case CHDIR: r.err = our_chdir(c->a); break;
    default: r.err = entry_make(NULL, c->a, (c->flags != 0 ? S_IFSOCK : S_IFREG) | 0666, 0);
    }
    return r;
}

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "host side: %s: errno %d\n", what, errno);
        _exit(1);
    }
}

/* With place as root: by a user namespace, where this is not root's process. */
static void host_main(const char *place, int out, uint64_t seed)
{
    need(syscall(__NR_getuid) == 0 || syscall(__NR_unshare, CLONE_NEWUSER) == 0, "unshare");
    need(syscall(__NR_chroot, place) == 0 && syscall(__NR_chdir, "/") == 0, "chroot");
    syscall(__NR_umask, 022);
    check_seed = seed;
    for (unsigned i = 0; i < CALLS; i++) {
        struct call c;
        random_call(&c);
        struct result r = host_call(&c);
        need(syscall(__NR_write, out, &r, sizeof(r)) == sizeof(r), "write");
    }
    _exit(0);
}

static void compare(unsigned number, const struct call *c, const struct result *ours,
                    const struct result *host)
{
    static const char *const names[VERBS] = {"mkdir",    "create", "symlink", "link", "unlink",
                                             "rmdir",    "rename", "lstat",   "stat", "open",
                                             "readlink", "chdir",  "mknod"};
    if (memcmp(ours, host, sizeof(*ours)) != 0) {
        fprintf(
            stderr,
            "call %u: %s(\"%s\", \"%s\", 0x%x): error %d mode %o nlink %u size %lu, on the host "
            "error %d mode %o nlink %u size %lu\n",
            number, names[c->verb], c->a, c->b, c->flags, ours->err, ours->mode, ours->nlink,
            (unsigned long)ours->size, host->err, host->mode, host->nlink,
            (unsigned long)host->size);
    }
    CHECK(memcmp(ours, host, sizeof(*ours)) == 0);
}

static void as_the_host(void)
{
    int ends[2];
    int status = -1;
    uint64_t seed = check_random();
    char place[] = "/dev/shm/elfin-entry-XXXXXX";
    char remove[64];
    need(mkdtemp(place) != NULL, place);
    need(syscall(__NR_chmod, place, 0755) == 0, place);
    need(syscall(__NR_pipe2, ends, 0) == 0, "pipe");
    int child = fork();
    if (child == 0) {
        syscall(__NR_close, ends[0]);
        host_main(place, ends[1], seed);
    }
    syscall(__NR_close, ends[1]);
    snprintf(remove, sizeof(remove), "rm -rf %s", place);
    check_seed = seed;
    unsigned fine = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        struct call c;
        struct result host;
        random_call(&c);
        struct result ours = our_call(&c);
        long n = syscall(__NR_read, ends[0], &host, sizeof(host));
        if (n != sizeof(host) || memcmp(&ours, &host, sizeof(host)) != 0) {
            (void)!system(remove);
        }
        CHECK_EQ(n, sizeof(host));
        compare(i, &c, &ours, &host);
        fine += host.err == 0;
    }
    (void)!system(remove);
    CHECK(fine > CALLS / 10); /* not all of them were nonsense */
    need(waitpid(child, &status, 0) == child, "waitpid");
    CHECK_EQ(status, 0);
    syscall(__NR_close, ends[0]);
    fake_files_clear(fake_root->root);
}

TESTS(as_the_host)
