/* SPDX-License-Identifier: MIT */
/* openat2 and the limits that it sets to a walk. Source: openat2(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

static int dir;

static int try(const char *name, unsigned long flags, unsigned long resolve)
{
    struct open_how how = {.flags = flags, .resolve = resolve};
    if (flags & O_CREAT)
        how.mode = 0600;
    int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

#define TRY(name, flags, resolve) SHOW(try(name, flags, resolve))

static void prepare(void)
{
    mkdir("dir", 0755);
    mkdir("dir/sub", 0755);
    close(open("dir/file", O_CREAT | O_WRONLY, 0644));
    close(open("outside", O_CREAT | O_WRONLY, 0644));
    symlink("file", "dir/link");
    symlink("/file", "dir/absolute");
    symlink("../outside", "dir/escape");
    symlink("../../../outside", "dir/sub/far");
    symlink("sub/../new", "dir/dangling");
    symlink("../fresh", "dir/dangling-out");
    symlink("/fresh", "dir/dangling-root");
    symlink("sub", "dir/to-sub");
    symlink("loop", "dir/loop");
    symlink("/proc/self/cwd", "dir/magic");
    dir = open("dir", O_PATH | O_DIRECTORY);
}

static void test_beneath(void)
{
    TRY("file", O_RDONLY, RESOLVE_BENEATH);
    TRY("sub/../file", O_RDONLY, RESOLVE_BENEATH);
    TRY("link", O_RDONLY, RESOLVE_BENEATH);
    TRY("to-sub/../file", O_RDONLY, RESOLVE_BENEATH);
    TRY(".", O_RDONLY, RESOLVE_BENEATH);
    TRY("..", O_RDONLY, RESOLVE_BENEATH);
    TRY("../dir/file", O_RDONLY, RESOLVE_BENEATH);
    TRY("/file", O_RDONLY, RESOLVE_BENEATH);
    TRY("absolute", O_RDONLY, RESOLVE_BENEATH);
    TRY("escape", O_RDONLY, RESOLVE_BENEATH);
    TRY("escape", O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    TRY("dangling", O_WRONLY | O_CREAT, RESOLVE_BENEATH);
    TRY("new", O_RDONLY, RESOLVE_BENEATH);
    TRY("dangling-out", O_WRONLY | O_CREAT, RESOLVE_BENEATH);
    TRY("dangling-root", O_WRONLY | O_CREAT, RESOLVE_BENEATH);
    TRY("../x", O_WRONLY | O_CREAT, RESOLVE_BENEATH);
    TRY("sub/x", O_WRONLY | O_CREAT | O_EXCL, RESOLVE_BENEATH);
    TRY("sub/x", O_WRONLY | O_CREAT | O_EXCL, RESOLVE_BENEATH);
    TRY("none", O_RDONLY, RESOLVE_BENEATH);
    TRY("magic", O_RDONLY, RESOLVE_BENEATH);
}

static void test_in_root(void)
{
    TRY("file", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("/file", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("/../../file", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("absolute", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("escape", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("sub/far", O_RDONLY, RESOLVE_IN_ROOT);
    close(open("dir/outside", O_CREAT | O_WRONLY, 0644));
    TRY("escape", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("sub/far", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("dangling-root", O_WRONLY | O_CREAT, RESOLVE_IN_ROOT);
    SHOW(unlink("dir/fresh"));
    TRY("dangling-out", O_WRONLY | O_CREAT, RESOLVE_IN_ROOT);
    SHOW(unlink("dir/fresh"));
    TRY("/etc/passwd", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("magic", O_RDONLY, RESOLVE_IN_ROOT);
    TRY("file", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_BENEATH);
}

static void test_links(void)
{
    TRY("file", O_RDONLY, RESOLVE_NO_SYMLINKS);
    TRY("link", O_RDONLY, RESOLVE_NO_SYMLINKS);
    TRY("link", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    TRY("to-sub/x", O_RDONLY, RESOLVE_NO_SYMLINKS);
    TRY("dangling", O_WRONLY | O_CREAT, RESOLVE_NO_SYMLINKS);
    TRY("/proc/self/cwd", O_RDONLY, RESOLVE_NO_SYMLINKS);
    TRY("/proc/self/cwd", O_RDONLY, 0);
    TRY("/proc/self/cwd", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    TRY("/proc/self/cwd", O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
    TRY("/proc/self/status", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    TRY("/proc/self/root/dev", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    TRY("magic", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    TRY("link", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    TRY("loop", O_RDONLY, 0);
    TRY("loop", O_WRONLY | O_CREAT, 0);
}

static void test_mounts(void)
{
    TRY("file", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("sub/../file", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("link", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("/", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("/proc", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("/proc/self", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("/dev/null", O_RDONLY, RESOLVE_NO_XDEV);
    int old = dir;
    dir = open("/proc", O_PATH);
    TRY("self/status", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("..", O_RDONLY, RESOLVE_NO_XDEV);
    TRY("self/cwd", O_RDONLY, RESOLVE_NO_XDEV);
    close(dir);
    dir = old;
}

static void test_arguments(void)
{
    struct {
        struct open_how how;
        unsigned long more;
    } big = {.how = {.flags = O_RDONLY}};
    TRY("file", O_RDONLY, 1UL << 60);
    TRY("file", 1UL << 40, 0);
    TRY("file", O_PATH | O_RDWR, 0);
    TRY("file", O_WRONLY | O_CREAT, RESOLVE_CACHED);
    TRY("file", O_WRONLY | O_TRUNC, RESOLVE_CACHED);
    SHOW(try("file", O_RDONLY, RESOLVE_CACHED));
    SHOW(syscall(SYS_openat2, dir, "none", &big, sizeof big));
    big.more = 1;
    SHOW(syscall(SYS_openat2, dir, "file", &big, sizeof big));
    SHOW(syscall(SYS_openat2, dir, "file", &big, 5000));
    SHOW(syscall(SYS_openat2, dir, "file", &big, 8));
    SHOW(syscall(SYS_openat2, dir, "file", (void *)8, sizeof big));
    SHOW(syscall(SYS_openat2, -1, "file", &big, sizeof big.how));
    big.how.mode = 010000;
    big.how.flags = O_CREAT | O_RDWR;
    SHOW(syscall(SYS_openat2, dir, "file", &big, sizeof big.how));
}

int main(void)
{
    prepare();
    test_beneath();
    test_in_root();
    test_links();
    test_mounts();
    test_arguments();
    return 0;
}
