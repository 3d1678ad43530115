/* SPDX-License-Identifier: MIT */
/* Files in memory and their seals. Source: memfd_create(2), fcntl(2) "File Sealing". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096
static char buf[3 * PAGE];

static int make(unsigned flags)
{
    int fd = memfd_create("sealed", flags);
    write(fd, buf, sizeof buf);
    return fd;
}

static void test_plain(void)
{
    struct stat st;
    int fd = make(MFD_CLOEXEC);
    SHOW(fstat(fd, &st));
    printf("mode %o size %ld links %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
    SHOW(fcntl(fd, F_GETFD));
    printf("flags %o\n", fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(0, F_GET_SEALS));
    SHOW(fcntl(-1, F_GET_SEALS));
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int ro = open(name, O_RDONLY);
    SHOW(fcntl(ro, F_GET_SEALS));
    SHOW(fcntl(ro, F_ADD_SEALS, F_SEAL_WRITE));
    close(ro);
    close(fd);
}

static void test_size(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(fcntl(fd, F_ADD_SEALS, 0x8000));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(ftruncate(fd, PAGE));
    SHOW(ftruncate(fd, sizeof buf));
    SHOW(ftruncate(fd, sizeof buf + 10));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    SHOW(ftruncate(fd, sizeof buf + PAGE));
    SHOW(pwrite(fd, "x", 1, sizeof buf + 10));
    SHOW(pwrite(fd, "x", 1, sizeof buf + 9));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(write(fd, "x", 1));
    SHOW(fallocate(fd, 0, 0, 2 * sizeof buf));
    SHOW(fallocate(fd, 0, 0, PAGE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_GET_SEALS));
    close(fd);
}

static void test_write(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_GET_SEALS));
    munmap(map, PAGE);
    char *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_GET_SEALS));
    SHOW(write(fd, "x", 1));
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(pwritev(fd, &(struct iovec){"x", 1}, 1, 0));
    SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    SHOW(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    printf("%s\n", errno_name(errno));
    copy[0] = 'c'; /* private copies are nobody's business */
    TRUE(copy[0] == 'c');
    SHOW(pread(fd, buf, 1, 0));
    TRUE(buf[0] == 0);
    SHOW(ftruncate(fd, PAGE));
    munmap(copy, PAGE);
    close(fd);
}

static void test_future(void)
{
    int fd = make(MFD_ALLOW_SEALING);
    char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    map[5] = 'm'; /* the mapping from before still writes */
    SHOW(pread(fd, buf, 1, 5));
    TRUE(buf[0] == 'm');
    SHOW(pwrite(fd, "x", 1, 0));
    SHOW(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    printf("%s\n", errno_name(errno));
    char *ro = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    TRUE(ro[5] == 'm');
    SHOW(mprotect(ro, PAGE, PROT_READ | PROT_WRITE));
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    munmap(map, PAGE);
    SHOW(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(fcntl(fd, F_GET_SEALS));
    close(fd);
}

int main(void)
{
    test_plain();
    test_size();
    test_write();
    test_future();
    return 0;
}
