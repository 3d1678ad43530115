/* SPDX-License-Identifier: MIT */
// sources: fs/erofs.c fs/eronode.c fs/erodir.c fs/eroimage.c
// fakes: log image heap pages
/* Real images of mkfs.erofs: contents, directories, attributes; then the same with every bit
 * turned. */
#define _GNU_SOURCE
#include "fs/erofs.h"

#include <asm/errno.h>
#include <string.h>

#include "test/fake/image.h"
#include "test/fake/log.h"
#include "test/unit/check.h"

#define IMAGE_PA 0x7000000UL
#define SUPER 1024
#define BLOCK_BITS (SUPER + 12)
#define ROOT_NID (SUPER + 14)
#define FEATURE_INCOMPAT (SUPER + 80)
#define DT(mode) ((mode) >> 12)
#define PLAIN \
    "-x-1 -U00000000-0000-4000-8000-000000000001 --ignore-mtime --force-uid=7 --force-gid=8"

static const struct tmpfs_lower *fs;
static uint8_t *image;
static size_t image_len;

static void open_image(const char *options)
{
    image = fake_image_end(options, &image_len);
    fake_log_clear();
    int err = erofs_open(image, (struct pa){IMAGE_PA}, image_len, &fs);
    CHECK_STR(fake_log, "");
    CHECK_EQ(err, 0);
}

static void close_image(void)
{
    free(image);
    image = NULL;
}

/* The inode of a path without leading slash. */
static uint64_t find(const char *path)
{
    uint64_t ino = fs->root;
    unsigned dtype;
    while (*path != 0) {
        size_t len = strcspn(path, "/");
        CHECK_EQ(fs->lookup(ino, path, len, &ino, &dtype), 0);
        path += len + (path[len] == '/');
    }
    return ino;
}

static bool is_missing(const char *dir, const char *name)
{
    uint64_t ino;
    unsigned dtype;
    return fs->lookup(find(dir), name, strlen(name), &ino, &dtype) == -ENOENT;
}

static uint8_t want_byte(size_t size, size_t i)
{
    return i < size ? fake_image_byte(size, i) : 0;
}

/* Every page of a file, in place or copied, then reads at odd places. Returns pages in place. */
static unsigned check_contents(const char *name, size_t size)
{
    static uint8_t buf[3 * PAGE_SIZE];
    uint64_t ino = find(name);
    struct file_page page;
    unsigned in_place = 0;
    for (size_t index = 0; index * PAGE_SIZE < size; index++) {
        int err = fs->page(ino, index, &page);
        CHECK(err == 0 || err == -ENODATA);
        const uint8_t *data = buf;
        CHECK_EQ(fs->data(ino, index * PAGE_SIZE, buf, PAGE_SIZE), 0);
        if (err == 0) {
            CHECK(page.page == NULL && is_aligned(page.pa.v, PAGE_SIZE));
            data = image + (page.pa.v - IMAGE_PA);
            CHECK(memcmp(data, buf, PAGE_SIZE) == 0);
            in_place++;
        }
        for (size_t i = 0; i < PAGE_SIZE; i++) {
            CHECK(data[i] == want_byte(size, index * PAGE_SIZE + i));
        }
    }
    CHECK_EQ(fs->page(ino, align_up(size, PAGE_SIZE) / PAGE_SIZE, &page), -ENODATA);
    CHECK_EQ(fs->page(ino, UINT64_MAX, &page), -ENODATA);
    for (unsigned i = 0; i < 50; i++) {
        size_t pos = check_below(size + 10);
        size_t len = check_below(sizeof(buf));
        CHECK_EQ(fs->data(ino, pos, buf, len), 0);
        for (size_t k = 0; k < len; k++) {
            CHECK(buf[k] == want_byte(size, pos + k));
        }
    }
    CHECK_EQ(fs->data(ino, UINT64_MAX - 5, buf, 10), 0);
    CHECK_EQ(buf[9], 0);
    return in_place;
}

static void contents_of(const char *options, unsigned want_in_place)
{
    static const size_t sizes[] = {0, 1, 100, 2000, 4000, 4095, 4096, 4097, 6000, 8192, 100000};
    char name[32];
    unsigned in_place = 0;
    fake_image_begin();
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        snprintf(name, sizeof(name), "f%zu", sizes[i]);
        fake_image_put(name, sizes[i]);
    }
    open_image(options);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct vattr attr;
        snprintf(name, sizeof(name), "f%zu", sizes[i]);
        CHECK_EQ(fs->attr(find(name), &attr), 0);
        CHECK_EQ(attr.size, sizes[i]);
        CHECK_EQ(attr.mode & S_IFMT, S_IFREG);
        in_place += check_contents(name, sizes[i]);
    }
    CHECK(in_place >= want_in_place);
    close_image();
}

static void contents(void)
{
    contents_of(PLAIN, 29); /* all whole pages: 1 + 1 + 1 + 2 + 24 */
    contents_of(PLAIN " -Enoinline_data", 29);
    contents_of(PLAIN " -Eforce-inode-extended", 29);
    contents_of(PLAIN " --chunksize=4096", 25);
    contents_of(PLAIN " --chunksize=16384 -Eforce-inode-blockmap", 25);
    contents_of(PLAIN " -Eforce-chunk-indexes --chunksize=8192", 25);
}

/* A file of which only the third chunk of five is no hole. */
static void holes(void)
{
    static uint8_t buf[5 * PAGE_SIZE];
    struct file_page page;
    fake_image_begin();
    fake_image_run("dd if=/dev/zero bs=4096 count=5 of=sparse 2>/dev/null;"
                   "printf x | dd of=sparse bs=1 seek=8200 conv=notrunc 2>/dev/null");
    open_image(PLAIN " --chunksize=4096");
    uint64_t ino = find("sparse");
    struct vattr attr;
    CHECK_EQ(fs->attr(ino, &attr), 0);
    uint8_t *inode = image + (ino - 1) * 32;
    CHECK_EQ(inode[0] >> 1, 4); /* by chunks */
    CHECK_EQ(inode[16] & 0x20, 0); /* a plain table */
    memset(inode + (inode[0] & 1 ? 64 : 32), 0xff, 8); /* the first two: holes */
    CHECK_EQ(fs->page(ino, 0, &page), -ENODATA);
    CHECK_EQ(fs->page(ino, 2, &page), 0);
    memset(buf, 1, sizeof(buf));
    CHECK_EQ(fs->data(ino, 0, buf, sizeof(buf)), 0);
    for (size_t i = 0; i < sizeof(buf); i++) {
        CHECK(buf[i] == (i == 8200 ? 'x' : 0));
    }
    close_image();
}

static int count_entry(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype)
{
    uint64_t found;
    unsigned same;
    CHECK(len != 0 && name[0] != '.');
    CHECK_EQ(fs->lookup(find("d"), name, len, &found, &same), 0);
    CHECK_EQ(found, ino);
    CHECK_EQ(same, dtype);
    ++*(unsigned *)ctx;
    return 0;
}

static int stop_at_third(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype)
{
    (void)name, (void)len, (void)ino, (void)dtype;
    return ++*(unsigned *)ctx == 3 ? 77 : 0;
}

static void directories(void)
{
    unsigned n = 0;
    char longest[256];
    fake_image_begin();
    fake_image_run(
        "mkdir d empty; cd d; i=0; while [ $i -lt 1500 ]; do : >file-$i; i=$((i+7)); done;"
        ": >a; : >zz; mkdir sub; ln -s target link;"
        ": >$(printf %0254d 7); : >$(printf %0252d 7); : >$(printf '\\377\\200')");
    open_image(PLAIN);
    CHECK_EQ(fs->entries(find("d"), count_entry, &n), 0);
    CHECK_EQ(n, 222);
    snprintf(longest, sizeof(longest), "d/%0253d", 7);
    CHECK(is_missing("d", longest + 2));
    for (unsigned i = 0; i < 1500; i++) {
        char name[32];
        snprintf(name, sizeof(name), "file-%u", i);
        CHECK_EQ(is_missing("d", name), i % 7 != 0);
    }
    CHECK(is_missing("d", "A") && is_missing("d", "zzz") && is_missing("d", "\xff\xff"));
    CHECK(is_missing("d", "file") && is_missing("d", "file-") && is_missing("empty", "x"));
    n = 0;
    CHECK_EQ(fs->entries(find("empty"), count_entry, &n), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(fs->entries(find("d"), stop_at_third, &n), 77);
    uint64_t ino;
    unsigned dtype;
    CHECK_EQ(fs->lookup(find("d"), "sub", 3, &ino, &dtype), 0);
    CHECK_EQ(dtype, DT(S_IFDIR));
    CHECK_EQ(fs->lookup(find("d"), "link", 4, &ino, &dtype), 0);
    CHECK_EQ(dtype, DT(S_IFLNK));
    CHECK_EQ(fs->lookup(find("d/a"), "x", 1, &ino, &dtype), -EUCLEAN);
    close_image();
}

static void attributes_of(const char *options, long mtime)
{
    struct vattr attr;
    char target[16] = "";
    fake_image_begin();
    fake_image_put("one", 10);
    fake_image_run("ln one two; mkdir d d/e; mkfifo pipe; ln -s some/where link;"
                   "chmod 4751 one; touch -d @1000 one; chmod 1777 d");
    open_image(options);
    CHECK_EQ(find("one"), find("two"));
    CHECK_EQ(fs->attr(find("one"), &attr), 0);
    CHECK_EQ(attr.ino, find("one"));
    CHECK_EQ(attr.mode, S_IFREG | 04751);
    CHECK_EQ(attr.nlink, 2);
    CHECK_EQ(attr.uid, 7);
    CHECK_EQ(attr.gid, 8);
    CHECK_EQ(attr.mtime.tv_sec, mtime);
    CHECK_EQ(fs->attr(find("d"), &attr), 0);
    CHECK_EQ(attr.mode, S_IFDIR | 01777);
    CHECK_EQ(attr.nlink, 3);
    CHECK_EQ(fs->attr(find("link"), &attr), 0);
    CHECK_EQ(attr.mode & S_IFMT, S_IFLNK);
    CHECK_EQ(attr.size, 10);
    CHECK_EQ(fs->data(find("link"), 0, target, 10), 0);
    CHECK_STR(target, "some/where");
    CHECK_EQ(fs->attr(find("pipe"), &attr), 0);
    CHECK_EQ(attr.mode & S_IFMT, S_IFIFO);
    CHECK_EQ(attr.size, 0);
    uint8_t *inode = image + (find("pipe") - 1) * 32; /* a device needs no root this way */
    uint16_t mode = S_IFCHR | 0620;
    memcpy(inode + 4, &mode, 2);
    memcpy(inode + 16, "\x03\x01\x10\x00", 4);
    CHECK_EQ(fs->attr(find("pipe"), &attr), 0);
    CHECK_EQ(attr.mode, S_IFCHR | 0620);
    CHECK_EQ(attr.rdev, 0x100103);
    close_image();
}

static void attributes(void)
{
    attributes_of("-x-1 -T5000 --force-uid=7 --force-gid=8", 5000);
    attributes_of("-x-1 --force-uid=7 --force-gid=8 -Eforce-inode-extended", 1000);
}

static void small_tree(void)
{
    fake_image_begin();
    fake_image_put("inline", 300);
    fake_image_put("flat", 5000);
    fake_image_run("ln inline hard; mkdir -p d/e/f; ln -s ../d d/link; mkfifo pipe; cd d/e;"
                   "for i in 1 2 3 4 5 6 7 8 9; do : >$i; done");
}

static int open_changed(void)
{
    const struct tmpfs_lower *opened;
    return erofs_open(image, (struct pa){IMAGE_PA}, image_len, &opened);
}

static void superblock(void)
{
    const struct tmpfs_lower *opened;
    small_tree();
    open_image(PLAIN);
    for (size_t len = 0; len < image_len; len += len < 1200 ? 1 : 509) {
        uint8_t *part = malloc(len);
        memcpy(part, image, len);
        CHECK_EQ(erofs_open(part, (struct pa){IMAGE_PA}, len, &opened), -EUCLEAN);
        free(part);
    }
    for (unsigned at = SUPER; at < PAGE_SIZE; at++) { /* all of it is summed up */
        for (unsigned bit = 0; bit < 8; bit++) {
            image[at] ^= (uint8_t)(1U << bit);
            bool ignored = at == SUPER + 8 && bit == 0; /* there is no sum, says this bit */
            CHECK_EQ(open_changed(), ignored ? 0 : -EUCLEAN);
            image[at] ^= (uint8_t)(1U << bit);
        }
    }
    fake_image_strip_checksum(image);
    CHECK_EQ(open_changed(), 0);
    image[FEATURE_INCOMPAT] ^= 0x80;
    CHECK_EQ(open_changed(), -EOPNOTSUPP);
    image[FEATURE_INCOMPAT] ^= 0x80;
    image[BLOCK_BITS] = 8;
    CHECK_EQ(open_changed(), -EUCLEAN);
    image[BLOCK_BITS] = 12;
    uint16_t nid = (uint16_t)(find("flat") - 1);
    memcpy(image + ROOT_NID, &nid, 2);
    fake_log_clear();
    CHECK_EQ(open_changed(), -EUCLEAN);
    CHECK(strstr(fake_log, "the root is not a directory") != NULL);
    close_image();
}

static void compressed(void)
{
    static uint8_t buf[100];
    fake_image_begin();
    fake_image_run("yes elfin | head -c 50000 >text");
    open_image(PLAIN " -zlz4");
    fake_log_clear();
    CHECK_EQ(fs->data(find("text"), 0, buf, sizeof(buf)), -EOPNOTSUPP);
    CHECK_EQ(fs->data(find("text"), 0, buf, sizeof(buf)), -EOPNOTSUPP);
    const char *said = strstr(fake_log, "compressed data is not supported");
    CHECK(said != NULL && strstr(said + 1, "compressed") == NULL);
    close_image();
}

/* Look at everything that can be reached; results do not matter, only that there are any. */
static unsigned steps;

static void look_at(uint64_t ino, unsigned depth);

static int look_entry(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype)
{
    uint64_t found;
    unsigned depth = *(unsigned *)ctx;
    CHECK(len > 0 && len < 256 && memchr(name, '/', len) == NULL);
    (void)fs->lookup(fs->root, name, len, &found, &dtype);
    if (depth < 6 && steps++ < 300) {
        look_at(ino, depth + 1);
    }
    return 0;
}

static void look_at(uint64_t ino, unsigned depth)
{
    static uint8_t buf[2 * PAGE_SIZE];
    static const uint8_t zeros[PAGE_SIZE];
    struct vattr attr;
    struct file_page page;
    int err = fs->attr(ino, &attr);
    CHECK(err == 0 || err == -EUCLEAN || err == -EOPNOTSUPP);
    (void)fs->entries(ino, look_entry, &depth);
    uint64_t end = err == 0 ? attr.size : 0;
    for (uint64_t at = 0; at < min(end, 3 * PAGE_SIZE); at += PAGE_SIZE) {
        (void)fs->data(ino, at, buf, sizeof(buf));
        if (fs->page(ino, at / PAGE_SIZE, &page) == 0) {
            CHECK(page.pa.v >= IMAGE_PA && page.pa.v - IMAGE_PA <= image_len - PAGE_SIZE);
            (void)memcmp(image + (page.pa.v - IMAGE_PA), zeros, PAGE_SIZE);
        }
    }
    (void)fs->data(ino, end - min(end, 10UL), buf, 20);
    (void)fs->page(ino, end / PAGE_SIZE, &page);
}

static void flips_of(const char *options)
{
    small_tree();
    open_image(options);
    fake_image_strip_checksum(image);
    uint8_t *pristine = malloc(image_len);
    memcpy(pristine, image, image_len);
    unsigned refused = 0;
    for (size_t at = SUPER; at < image_len; at++) {
        unsigned first = pristine[at] == 0 ? (unsigned)check_below(8) : 0;
        for (unsigned bit = first; bit < (pristine[at] == 0 ? first + 1 : 8); bit++) {
            image[at] = pristine[at] ^ (uint8_t)(1U << bit);
            const struct tmpfs_lower *opened;
            int err = erofs_open(image, (struct pa){IMAGE_PA}, image_len, &opened);
            refused += err != 0;
            steps = 0;
            if (err == 0) {
                look_at(opened->root, 0);
            }
        }
        image[at] = pristine[at];
    }
    CHECK(refused > 30);
    free(pristine);
    close_image();
}

static void flips(void)
{
    flips_of(PLAIN);
    flips_of(PLAIN " --chunksize=4096 -Eforce-inode-extended");
}

/* Random bytes over the metadata, several at a time. */
static void storms(void)
{
    small_tree();
    open_image(PLAIN);
    fake_image_strip_checksum(image);
    uint8_t *pristine = malloc(image_len);
    memcpy(pristine, image, image_len);
    for (unsigned round = 0; round < 3000; round++) {
        const struct tmpfs_lower *opened;
        memcpy(image, pristine, image_len);
        for (unsigned i = 0; i < 12; i++) {
            image[SUPER + 128 + check_below(image_len - SUPER - 128)] = (uint8_t)check_random();
        }
        steps = 0;
        if (erofs_open(image, (struct pa){IMAGE_PA}, image_len, &opened) == 0) {
            look_at(opened->root, 0);
        }
    }
    CHECK_EQ(memcmp(image, pristine, SUPER), 0);
    free(pristine);
    close_image();
}

TESTS(superblock, contents, holes, directories, attributes, compressed, flips, storms)
