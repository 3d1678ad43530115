/* SPDX-License-Identifier: MIT */
/* Threads that work on the same files and directories at once: what each call promises to be one
 * step is one. Source: open(2) O_APPEND and O_EXCL, rename(2), link(2), pread(2), fcntl(2). */
// cflags: -pthread
// timeout: 60
// cpus: 1 2 4
#include "peers.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define CREW 4
#define ROUNDS 150
#define MAP_ROUNDS 30 /* each unmaps on all processors several times */
#define RECORD 16
#define BLOCK_LEN 4096

static atomic_int errors, winners, lookups;
static int shared_fd, own_fd[CREW];
static atomic_int stop;

static void check(int ok, const char *what)
{
    if (!ok && atomic_fetch_add(&errors, 1) < 5)
        printf("wrong: %s (%s)\n", what, errno_name(errno));
}
#define CHECK(expr) check(expr, #expr)

static void crew(void *(*work)(void *))
{
    pthread_t t[CREW];
    for (long i = 0; i < CREW; i++)
        pthread_create(&t[i], NULL, work, (void *)i);
    for (int i = 0; i < CREW; i++)
        pthread_join(t[i], NULL);
}

/* Each record is written whole and none over another, by one open file and by several. */
static void *append(void *arg)
{
    char record[RECORD + 1];
    long me = (long)arg;
    int fd = open("log", O_WRONLY | O_APPEND);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(record, sizeof record, "thread %ld %06d\n", me, i);
        CHECK(write(i % 2 ? fd : shared_fd, record, RECORD) == RECORD);
    }
    close(fd);
    return NULL;
}

static void test_append(void)
{
    int next[CREW] = {0}, good = 0;
    char record[RECORD + 1] = "";
    shared_fd = open("log", O_CREAT | O_RDWR | O_APPEND, 0644);
    crew(append);
    for (off_t at = 0; pread(shared_fd, record, RECORD, at) == RECORD; at += RECORD) {
        long who;
        int i;
        good += sscanf(record, "thread %ld %d\n", &who, &i) == 2 && who < CREW && i == next[who]++;
    }
    printf("%d records in order\n", good);
    close(shared_fd);
}

/* Reads move the position of one open file: nobody gets a piece twice. */
static void *consume(void *arg)
{
    unsigned short piece[8];
    (void)arg;
    while (read(shared_fd, piece, sizeof piece) == sizeof piece) {
        for (int i = 1; i < 8; i++)
            CHECK(piece[i] == piece[0]);
        atomic_fetch_add(&lookups, piece[0]);
    }
    return NULL;
}

static void test_position(void)
{
    shared_fd = open("pieces", O_CREAT | O_RDWR, 0644);
    for (unsigned short n = 1; n <= ROUNDS; n++) {
        unsigned short piece[8];
        for (int i = 0; i < 8; i++)
            piece[i] = n;
        write(shared_fd, piece, sizeof piece);
    }
    lseek(shared_fd, 0, SEEK_SET);
    crew(consume);
    printf("sum of pieces %d\n", lookups);
    close(shared_fd);
}

/* O_EXCL: one of all creates; link and rename the same. */
static void *compete(void *arg)
{
    char name[32], mine[32], won[32];
    snprintf(mine, sizeof mine, "mine-%ld", (long)arg);
    close(open(mine, O_CREAT | O_WRONLY, 0644));
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "race/excl-%d", i);
        int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);
        if (fd >= 0) {
            close(fd);
            atomic_fetch_add(&winners, 1);
        } else {
            CHECK(errno == EEXIST);
        }
        snprintf(name, sizeof name, "race/link-%d", i);
        if (link(mine, name) == 0)
            atomic_fetch_add(&winners, 1);
        else
            CHECK(errno == EEXIST);
        snprintf(name, sizeof name, "race/dir-%d", i);
        if (mkdir(name, 0755) == 0)
            atomic_fetch_add(&winners, 1);
        else
            CHECK(errno == EEXIST);
        snprintf(won, sizeof won, "won-%ld", (long)arg);
        snprintf(name, sizeof name, "race/excl-%d", i);
        if (rename(name, won) == 0)
            atomic_fetch_sub(&winners, 1); /* one takes it away; a later one may make it anew */
        else
            CHECK(errno == ENOENT);
    }
    return NULL;
}

static int count_entries(const char *name)
{
    int n = 0;
    DIR *d = opendir(name);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_race(void)
{
    struct stat st;
    mkdir("race", 0755);
    crew(compete);
    printf("won as many as there are: %s\n", winners == count_entries("race") ? "yes" : "NO");
    stat("race", &st);
    if (st.st_nlink != ROUNDS + 2 && st.st_nlink != 1) /* 1: a file system that does not count */
        printf("links of the directory: %ld\n", (long)st.st_nlink);
    long links = 0;
    for (int i = 0; i < CREW; i++) {
        char mine[32];
        snprintf(mine, sizeof mine, "mine-%d", i);
        stat(mine, &st);
        links += (long)st.st_nlink - 1;
    }
    printf("links made %ld\n", links);
}

/* A file that is replaced by rename is always there, whole; directories move under walkers. */
static void *replace(void *arg)
{
    char fresh[32], text[64];
    long me = (long)arg;
    snprintf(fresh, sizeof fresh, "fresh-%ld", me);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(fresh, O_CREAT | O_WRONLY | O_TRUNC, 0644);
        memset(text, 'a' + (int)me, sizeof text);
        CHECK(write(fd, text, sizeof text) == sizeof text);
        close(fd);
        CHECK(rename(fresh, "current") == 0);
        CHECK(syscall(SYS_renameat2, AT_FDCWD, "tree/a", AT_FDCWD, "tree/b", RENAME_EXCHANGE) == 0);
        CHECK(access("tree/a/..", F_OK) == 0);
    }
    return NULL;
}

static void *look(void *arg)
{
    char text[64];
    struct stat st;
    (void)arg;
    while (!atomic_load(&stop)) {
        int fd = open("current", O_RDONLY);
        CHECK(fd >= 0);
        CHECK(read(fd, text, sizeof text) == sizeof text);
        for (size_t i = 1; i < sizeof text; i++)
            CHECK(text[i] == text[0]);
        close(fd);
        CHECK(stat("tree/a/inner/../inner/file", &st) == 0 || errno == ENOENT);
        CHECK(stat("tree/a", &st) == 0 && S_ISDIR(st.st_mode));
        (void)count_entries("tree");
    }
    return NULL;
}

static void test_rename(void)
{
    pthread_t looker;
    mkdir("tree", 0755);
    mkdir("tree/a", 0755);
    mkdir("tree/b", 0755);
    mkdir("tree/b/inner", 0755);
    close(open("tree/b/inner/file", O_CREAT | O_WRONLY, 0644));
    int fd = open("current", O_CREAT | O_WRONLY, 0644);
    char text[64];
    memset(text, 'z', sizeof text);
    write(fd, text, sizeof text);
    close(fd);
    pthread_create(&looker, NULL, look, NULL);
    crew(replace);
    atomic_store(&stop, 1);
    pthread_join(looker, NULL);
    printf("one of two has the inside: %s\n",
           (access("tree/a/inner/file", F_OK) == 0) != (access("tree/b/inner/file", F_OK) == 0)
               ? "yes"
               : "NO");
}

/* Different blocks of one file, by write, by mapping and by holes; attributes at the same time. */
static void *blocks(void *arg)
{
    static char zero[BLOCK_LEN];
    char block[BLOCK_LEN], back[BLOCK_LEN], key[32];
    long me = (long)arg;
    int fd = open("blocks", O_RDWR);
    char *map = mmap(NULL, CREW * BLOCK_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(key, sizeof key, "user.of-%ld", me);
    for (int i = 0; i < MAP_ROUNDS; i++) {
        memset(block, i, sizeof block);
        CHECK(pwrite(fd, block, BLOCK_LEN, me * BLOCK_LEN) == BLOCK_LEN);
        CHECK(memcmp(map + me * BLOCK_LEN, block, BLOCK_LEN) == 0);
        memset(map + me * BLOCK_LEN, i + 1, BLOCK_LEN);
        CHECK(pread(fd, back, BLOCK_LEN, me * BLOCK_LEN) == BLOCK_LEN && back[17] == (char)(i + 1));
        CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, me * BLOCK_LEN,
                        BLOCK_LEN) == 0);
        CHECK(memcmp(map + me * BLOCK_LEN, zero, BLOCK_LEN) == 0);
        CHECK(fsetxattr(fd, key, block, 10, 0) == 0 && fgetxattr(fd, key, back, 20) == 10);
        CHECK(back[0] == block[0]);
    }
    munmap(map, CREW * BLOCK_LEN);
    close(fd);
    return NULL;
}

static void test_blocks(void)
{
    int fd = open("blocks", O_CREAT | O_RDWR, 0644);
    ftruncate(fd, CREW * BLOCK_LEN);
    crew(blocks);
    struct stat st;
    fstat(fd, &st);
    printf("size %ld\n", (long)st.st_size);
    close(fd);
}

/* Each thread in a directory of its own. */
static void *alone(void *arg)
{
    char dir[32], name[64];
    snprintf(dir, sizeof dir, "own-%ld", (long)arg);
    mkdir(dir, 0755);
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "%s/%d", dir, i % 7);
        int fd = open(name, O_CREAT | O_RDWR, 0644);
        CHECK(fd >= 0 && write(fd, name, 20) == 20);
        close(fd);
        if (i % 3 == 0)
            CHECK(unlink(name) == 0);
    }
    own_fd[(long)arg] = count_entries(dir);
    return NULL;
}

int main(void)
{
    test_append();
    test_position();
    test_race();
    test_rename();
    test_blocks();
    crew(alone);
    printf("left: %d %d %d %d\n", own_fd[0], own_fd[1], own_fd[2], own_fd[3]);
    printf("errors: %d\n", errors);
    return 0;
}
