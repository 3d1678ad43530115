/* SPDX-License-Identifier: MIT */
/* Directories so deep that their absolute names are longer than PATH_MAX: reached step by step, all
 * calls with relative names work there. Source: getcwd(2), path_resolution(7), readlink(2). */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"

#define LEVELS 40
static char part[201], text[3 * PATH_MAX];

static void go_down(void)
{
    int bad = 0;
    for (int i = 0; i < LEVELS; i++)
        bad += mkdir(part, 0755) != 0 || chdir(part) != 0;
    SHOW(bad);
}

static void work_there(void)
{
    struct stat a, b;
    SHOW(syscall(SYS_getcwd, text, sizeof text));
    SHOW(getcwd(text, 100) == NULL);
    SHOW(readlink("/proc/self/cwd", text, sizeof text));
    int fd = open("file", O_CREAT | O_RDWR, 0644);
    SHOW(write(fd, "deep", 4));
    SHOW(stat("file", &a));
    SHOW(fstat(fd, &b));
    TRUE(a.st_ino == b.st_ino && a.st_size == 4);
    SHOW(symlink("file", "link"));
    SHOW(stat("link", &b));
    TRUE(a.st_ino == b.st_ino);
    SHOW(rename("file", "other"));
    SHOW(access("link", F_OK));
    TRUE(realpath("other", text) == NULL && errno == ENAMETOOLONG);
    SHOW(close(fd));
    DIR *dir = opendir(".");
    int entries = 0;
    while (readdir(dir))
        entries++;
    SHOW(entries);
    SHOW(closedir(dir));
}

static void go_up(void)
{
    int bad = 0, fd = open(".", O_RDONLY | O_DIRECTORY);
    SHOW(unlink("link"));
    SHOW(unlinkat(fd, "other", 0));
    SHOW(close(fd));
    for (int i = 0; i < LEVELS; i++)
        bad += chdir("..") != 0 || rmdir(part) != 0;
    SHOW(bad);
    SHOW(access(part, F_OK));
}

int main(void)
{
    memset(part, 'd', sizeof part - 1);
    go_down();
    work_there();
    go_up();
    return 0;
}
