/* SPDX-License-Identifier: MIT */
/* Files in a folder of one's own, by calls and mapped. Source: open(2), pread(2), rename(2),
 * mmap(2), msync(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/stress/mixed.h"

#define LEN 20000
#define FILES 6

static void name_file(char *out, size_t len, const struct worker *w, unsigned i)
{
    snprintf(out, len, "%s/%u", w->folder, i);
}

static void write_file(struct worker *w, const char *path, unsigned char mark)
{
    unsigned char block[LEN];
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    MUST(w, fd >= 0);
    memset(block, mark, sizeof block);
    MUST(w, write(fd, block, sizeof block) == sizeof block);
    MUST(w, pwrite(fd, "elfin", 5, 3 * LEN) == 5); /* a hole lies before */
    memset(block, 1, sizeof block);
    MUST(w, pread(fd, block, sizeof block, 0) == sizeof block);
    MUST(w, block[0] == mark && block[LEN / 2] == mark && block[LEN - 1] == mark);
    MUST(w, close(fd) == 0);
}

static void read_file(struct worker *w, const char *path, unsigned char mark)
{
    unsigned char block[LEN];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MUST(w, fd >= 0);
    MUST(w, fstat(fd, &st) == 0 && st.st_size == 3 * LEN + 5);
    MUST(w, pread(fd, block, sizeof block, LEN) == sizeof block);
    MUST(w, block[0] == 0 && block[LEN - 1] == 0);
    MUST(w, pread(fd, block, sizeof block, 3 * LEN) == 5 && memcmp(block, "elfin", 5) == 0);
    MUST(w, pread(fd, block, 1, LEN - 1) == 1 && block[0] == mark);
    MUST(w, close(fd) == 0);
}

void files_content(struct worker *w)
{
    char path[128], other[128];
    unsigned char marks[FILES];
    for (unsigned i = 0; i < FILES; i++) {
        marks[i] = (unsigned char)(1 + mixed_random(w, 255));
        name_file(path, sizeof path, w, i);
        write_file(w, path, marks[i]);
    }
    for (unsigned n = 0; n < FILES; n++) {
        unsigned i = mixed_random(w, FILES), j = (i + 1) % FILES;
        name_file(path, sizeof path, w, i);
        name_file(other, sizeof other, w, j);
        read_file(w, path, marks[i]);
        MUST(w, rename(path, other) == 0 && access(path, F_OK) == -1);
        read_file(w, other, marks[i]);
        marks[j] = marks[i];
        write_file(w, path, marks[i]);
    }
    for (unsigned i = 0; i < FILES; i++) {
        name_file(path, sizeof path, w, i);
        MUST(w, unlink(path) == 0);
    }
}

void files_mapped(struct worker *w)
{
    char path[128];
    unsigned char byte;
    name_file(path, sizeof path, w, FILES);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    MUST(w, fd >= 0 && ftruncate(fd, 4 * LEN) == 0);
    unsigned char *all = mmap(NULL, 4 * LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    unsigned char *own = mmap(NULL, 4 * LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    MUST(w, all != MAP_FAILED && own != MAP_FAILED);
    for (int n = 0; n < 50; n++) {
        size_t i = mixed_random(w, 4 * LEN);
        unsigned char mark = (unsigned char)(1 + mixed_random(w, 255));
        all[i] = mark;
        MUST(w, pread(fd, &byte, 1, (off_t)i) == 1 && byte == mark);
        own[i] = (unsigned char)~mark;
        MUST(w, all[i] == mark && own[i] == (unsigned char)~mark);
        MUST(w, pwrite(fd, "x", 1, (off_t)i) == 1 && all[i] == 'x');
    }
    MUST(w, munmap(own, 4 * LEN) == 0 && unlink(path) == 0);
    MUST(w, pread(fd, &byte, 1, 0) == 1 && byte == all[0]);
    MUST(w, close(fd) == 0 && munmap(all, 4 * LEN) == 0);
}
