/* SPDX-License-Identifier: MIT */
/* Extended attributes: all forms of the four calls. Source: xattr(7) and the page of each call. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)
static char buf[70000], key[400];

/* Print a list of keys in order of the alphabet: its own order is the file system's affair. */
static void show_list(const char *what, long n)
{
    char *keys[20];
    int count = 0;
    printf("%s: %ld bytes:", what, n);
    for (long at = 0; at < n && count < 20; at += (long)strlen(buf + at) + 1) {
        int i = count++;
        for (; i > 0 && strcmp(keys[i - 1], buf + at) > 0; i--)
            keys[i] = keys[i - 1];
        keys[i] = buf + at;
    }
    for (int i = 0; i < count; i++)
        printf(" %s", keys[i]);
    printf("\n");
}

static void test_file(void)
{
    struct stat before, after;
    int fd = open("f", O_CREAT | O_RDWR, 0644);
    SHOW(listxattr("f", buf, sizeof buf));
    SHOW(getxattr("f", "user.none", buf, sizeof buf));
    stat("f", &before);
    SHOW(setxattr("f", "user.one", "value", 5, 0));
    stat("f", &after);
    TRUE(before.st_ctim.tv_sec < after.st_ctim.tv_sec ||
         before.st_ctim.tv_nsec <= after.st_ctim.tv_nsec);
    SHOW(getxattr("f", "user.one", buf, sizeof buf));
    TRUE(memcmp(buf, "value", 5) == 0);
    SHOW(getxattr("f", "user.one", NULL, 0));
    SHOW(getxattr("f", "user.one", buf, 4));
    SHOW(getxattr("f", "user.one", buf, 5));
    SHOW(getxattr("f", "user.one", BAD_POINTER, 5));
    SHOW(setxattr("f", "user.one", "x", 1, XATTR_CREATE));
    SHOW(setxattr("f", "user.one", "longer value", 12, XATTR_REPLACE));
    SHOW(fgetxattr(fd, "user.one", buf, sizeof buf));
    SHOW(setxattr("f", "user.two", "x", 1, XATTR_REPLACE));
    SHOW(fsetxattr(fd, "user.two", "", 0, XATTR_CREATE));
    SHOW(fgetxattr(fd, "user.two", buf, sizeof buf));
    SHOW(fsetxattr(fd, "user.three", NULL, 0, 0));
    show_list("f", flistxattr(fd, buf, sizeof buf));
    SHOW(flistxattr(fd, NULL, 0));
    SHOW(listxattr("f", buf, 8));
    SHOW(listxattr("f", BAD_POINTER, 100));
    SHOW(removexattr("f", "user.one"));
    SHOW(removexattr("f", "user.one"));
    SHOW(fremovexattr(fd, "user.two"));
    show_list("f", listxattr("f", buf, sizeof buf));
    SHOW(link("f", "hard"));
    show_list("hard", listxattr("hard", buf, sizeof buf));
    SHOW(lremovexattr("hard", "user.three"));
    SHOW(listxattr("f", buf, sizeof buf));
    close(fd);
}

static void test_errors(void)
{
    int fd = open("f", O_RDWR), path = open("f", O_PATH);
    SHOW(setxattr("f", "none", "x", 1, 0));
    SHOW(setxattr("f", "nobody.x", "x", 1, 0));
    SHOW(getxattr("f", "nobody.x", buf, 10));
    SHOW(removexattr("f", "nobody.x"));
    SHOW(setxattr("f", "user.", "x", 1, 0));
    SHOW(setxattr("f", "", "x", 1, 0));
    memset(key, 'k', 300);
    memcpy(key, "user.", 5);
    SHOW(setxattr("f", key, "x", 1, 0));
    key[256] = 0;
    SHOW(setxattr("f", key, "x", 1, 0));
    key[255] = 0;
    SHOW(setxattr("f", key, "x", 1, 0));
    SHOW(getxattr("f", key, buf, 10));
    SHOW(removexattr("f", key));
    SHOW(setxattr("f", "user.x", buf, 65537, 0));
    SHOW(setxattr("f", "user.x", BAD_POINTER, 5, 0));
    SHOW(setxattr("f", BAD_POINTER, "x", 1, 0));
    SHOW(setxattr("f", "user.x", "x", 1, 4));
    SHOW(setxattr("f", "user.x", "x", 1, XATTR_CREATE | XATTR_REPLACE));
    SHOW(setxattr("none", "user.x", "x", 1, 0));
    SHOW(getxattr("none", "user.x", buf, 10));
    SHOW(listxattr("none", buf, 10));
    SHOW(removexattr("none", "user.x"));
    SHOW(setxattr("f/x", "user.x", "x", 1, 0));
    SHOW(fsetxattr(-1, "user.x", "x", 1, 0));
    SHOW(fgetxattr(-1, "user.x", buf, 10));
    SHOW(flistxattr(-1, buf, 10));
    SHOW(fremovexattr(-1, "user.x"));
    SHOW(fsetxattr(path, "user.x", "x", 1, 0));
    SHOW(flistxattr(path, buf, 10));
    SHOW(setxattr("f", "system.unknown", "x", 1, 0));
    SHOW(getxattr("f", "system.unknown", buf, 10));
    close(fd);
    close(path);
}

static void test_kinds(void)
{
    int p[2];
    mkdir("d", 0755);
    symlink("f", "sym");
    mknod("fifo", S_IFIFO | 0644, 0);
    pipe(p);
    SHOW(setxattr("d", "user.x", "dir", 3, 0));
    SHOW(getxattr("d", "user.x", buf, 10));
    SHOW(setxattr("sym", "user.x", "by link", 7, 0));
    SHOW(getxattr("f", "user.x", buf, 10));
    SHOW(lgetxattr("sym", "user.x", buf, 10));
    SHOW(lsetxattr("sym", "user.x", "x", 1, 0));
    SHOW(lremovexattr("sym", "user.x"));
    SHOW(llistxattr("sym", buf, 100));
    SHOW(lsetxattr("f", "user.y", "direct", 6, 0));
    show_list("f", llistxattr("f", buf, 100));
    SHOW(setxattr("fifo", "user.x", "x", 1, 0));
    SHOW(getxattr("fifo", "user.x", buf, 10));
    SHOW(fsetxattr(p[0], "user.x", "x", 1, 0));
    SHOW(fgetxattr(p[0], "user.x", buf, 10));
    SHOW(fremovexattr(p[0], "user.x"));
    SHOW(setxattr("/proc/self/status", "user.x", "x", 1, 0) == -1);
    close(p[0]);
    close(p[1]);
}

static void test_privileged(void)
{
    SHOW(setxattr("f", "trusted.t", "root's", 6, 0));
    SHOW(getxattr("f", "trusted.t", buf, 10));
    SHOW(lsetxattr("sym", "trusted.t", "link's", 6, 0));
    SHOW(lgetxattr("sym", "trusted.t", buf, 10));
    SHOW(setxattr("f", "security.s", "s", 1, 0));
    SHOW(getxattr("f", "security.s", buf, 10));
    show_list("f", listxattr("f", buf, sizeof buf));
    SHOW(chmod("f", 0644));
    SHOW(setxattr("d", "trusted.t", "x", 1, 0));
    SHOW(chmod("d", 01777));
    SHOW(chmod(".", 0777));
    SHOW(seteuid(1000));
    SHOW(setxattr("f", "trusted.t", "x", 1, 0));
    SHOW(getxattr("f", "trusted.t", buf, 10));
    SHOW(removexattr("f", "trusted.t"));
    SHOW(setxattr("f", "security.s", "x", 1, 0));
    SHOW(getxattr("f", "security.s", buf, 10));
    SHOW(setxattr("f", "user.x", "x", 1, 0));
    SHOW(getxattr("f", "user.x", buf, 10));
    SHOW(setxattr("d", "user.z", "x", 1, 0));
    show_list("f", listxattr("f", buf, sizeof buf));
    SHOW(seteuid(0));
    SHOW(chmod("f", 0600));
    SHOW(seteuid(1000));
    SHOW(getxattr("f", "user.x", buf, 10));
    SHOW(seteuid(0));
    SHOW(chmod(".", 0755));
}

int main(void)
{
    test_file();
    test_errors();
    test_kinds();
    test_privileged();
    return 0;
}
