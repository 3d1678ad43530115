/* SPDX-License-Identifier: MIT */
/* Files without a name, and names given later. Source: open(2) O_TMPFILE, linkat(2), chroot(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

static char name[64], buf[PATH_MAX];

static const char *link_of(int fd)
{
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    return name;
}

static void test_tmpfile(void)
{
    struct stat st;
    mkdir("dir", 0755);
    umask(027);
    int fd = open("dir", O_TMPFILE | O_RDWR, 0666);
    SHOW_ERR(fd);
    SHOW(fstat(fd, &st));
    printf("mode %o links %ld size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
    printf("flags %o\n", fcntl(fd, F_GETFL) & ~O_TMPFILE);
    SHOW(write(fd, "content", 7));
    SHOW(rmdir("dir")); /* the file does not count */
    SHOW(mkdir("dir", 0755));
    TRUE(readlink(link_of(fd), buf, sizeof buf) > 0);
    SHOW(linkat(AT_FDCWD, link_of(fd), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    SHOW(stat("named", &st));
    printf("mode %o links %ld size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
    SHOW(linkat(AT_FDCWD, link_of(fd), AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    SHOW(linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
    SHOW(fstat(fd, &st));
    SHOW(st.st_nlink);
    SHOW(unlink("named"));
    SHOW(unlink("again"));
    SHOW(linkat(fd, "", AT_FDCWD, "late", AT_EMPTY_PATH)); /* all its names are gone */
    SHOW(pread(fd, buf, 100, 0));
    close(fd);
    fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
    SHOW_ERR(fd);
    SHOW(linkat(AT_FDCWD, link_of(fd), AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
    close(fd);
    fd = open(".", O_TMPFILE | O_WRONLY, 0);
    SHOW_ERR(fd);
    SHOW(read(fd, buf, 1));
    SHOW(write(fd, "x", 1));
    close(fd);
    SHOW(open(".", O_TMPFILE | O_RDONLY, 0600));
    SHOW(open("none", O_TMPFILE | O_RDWR, 0600));
    close(open("file", O_CREAT | O_WRONLY, 0600));
    SHOW(open("file", O_TMPFILE | O_RDWR, 0600));
    SHOW(open("/proc", O_TMPFILE | O_RDWR, 0600) == -1);
    umask(022);
}

/* The current directory and names, seen from another root. */
static void test_chroot(void)
{
    mkdir("new", 0755);
    mkdir("new/sub", 0755);
    mkdir("new/sub/deep", 0755);
    close(open("outside", O_CREAT | O_WRONLY, 0600));
    close(open("new/inside", O_CREAT | O_WRONLY, 0600));
    symlink("/inside", "new/absolute");
    int old = open(".", O_RDONLY | O_DIRECTORY);
    SHOW(chdir("new/sub/deep"));
    SHOW(chroot("../.."));
    TRUE(strcmp(getcwd(buf, sizeof buf), "/sub/deep") == 0);
    SHOW(access("/inside", F_OK));
    SHOW(access("/absolute", R_OK));
    SHOW(access("/../../../inside", F_OK));
    SHOW(access("/outside", F_OK));
    SHOW(chdir("../../.."));
    TRUE(strcmp(getcwd(buf, sizeof buf), "/") == 0);
    SHOW(access("/proc", F_OK));
    SHOW(fchdir(old)); /* the way out that chroot(2) warns of */
    SHOW(access("outside", F_OK));
    TRUE(syscall(SYS_getcwd, buf, sizeof buf) > 0 && strncmp(buf, "(unreachable)/", 14) == 0);
    SHOW(chroot("none"));
    SHOW(chroot("outside"));
    SHOW(access("..", F_OK));
    for (int i = 0; i < 30; i++)
        (void)!chdir("..");
    SHOW(chroot("."));
    SHOW(access("/proc/self", F_OK));
    SHOW(fchdir(old));
    SHOW(access("new/inside", F_OK));
    TRUE(getcwd(buf, sizeof buf) != NULL && buf[0] == '/');
    SHOW(seteuid(1000));
    SHOW(chroot("/"));
    SHOW(seteuid(0));
    SHOW(mkdir("gone", 0755));
    SHOW(chdir("gone"));
    SHOW(rmdir("../gone"));
    SHOW(syscall(SYS_getcwd, buf, sizeof buf));
    SHOW(open("x", O_CREAT | O_RDWR, 0600));
    SHOW(chdir(".."));
}

int main(void)
{
    test_tmpfile();
    test_chroot();
    return 0;
}
