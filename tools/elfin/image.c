/* SPDX-License-Identifier: MIT */
/* Owns the layout of the EROFS image: superblock, inodes with small tails, then data in whole
 * blocks. Two passes: the first gives every inode and every data extent its place, the second
 * writes into a mapping of the file. Invariants: items are sorted by path, so a parent comes
 * before its children and siblings come in the order that directories need.
 * Source: tools/elfin/erofs.h. */
#include "tools/elfin/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "tools/elfin/erofs.h"
#include "tools/elfin/report.h"

#define INLINE_FILE_MAX 2048 /* longer files get blocks of their own: pages that can be mapped */
#define FIRST_INODE (EROFS_SUPER_OFFSET + sizeof(struct erofs_super))
#define CRC32C_POLYNOMIAL 0x82f63b78u

struct item {
    const struct tree_node *node;
    struct item *parent;
    struct item *first, *last, *next; /* children in order of name; next sibling */
    uint64_t size; /* of the data */
    uint64_t inode; /* offset in the image */
    uint64_t data; /* offset of the first whole block; unused if there is none */
    uint32_t nlink;
    bool inline_tail;
};

struct image {
    struct item *items; /* array[count] */
    size_t count, room;
    uint64_t meta_end; /* end of the inodes so far */
    uint64_t data_end;
    char *bytes; /* the mapped file */
};

/* One name of a directory. */
struct name {
    const char *text;
    size_t len;
    const struct item *to;
};

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static int collect(const struct tree_node *node, void *arg)
{
    struct image *im = arg;
    if (im->count == im->room) {
        im->room = im->room != 0 ? 2 * im->room : 256;
        im->items = reallocarray(im->items, im->room, sizeof(*im->items));
        if (im->items == NULL) {
            report_no_memory();
        }
    }
    im->items[im->count++] = (struct item){.node = node, .nlink = 1};
    return 0;
}

/* Parents come shortly before their children: the last folder on the way up from the item
 * before. */
static struct item *find_parent(struct item *before, const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path);
    struct item *at = before;
    while (at->parent != NULL) {
        const char *p = at->node->path;
        if (S_ISDIR(at->node->st.st_mode) && strlen(p) == len && memcmp(p, path, len) == 0) {
            return at;
        }
        at = at->parent;
    }
    return at; /* "/" */
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    const char *p = x->node->path;
    const char *q = y->node->path;
    while (*p == *q && *p != '\0') {
        p++;
        q++;
    }
    /* "/" ends a name, so "a/b" comes before "a-b": children right after their parent */
    int c = *p == '/' ? 1 : (unsigned char)*p + (*p != '\0');
    int d = *q == '/' ? 1 : (unsigned char)*q + (*q != '\0');
    return c - d;
}

static void link_items(struct image *im)
{
    qsort(im->items, im->count, sizeof(*im->items), compare_items);
    im->items[0].nlink = 2;
    for (size_t i = 1; i < im->count; i++) {
        struct item *it = &im->items[i];
        struct item *parent = find_parent(it - 1, it->node->path);
        it->parent = parent;
        *(parent->last != NULL ? &parent->last->next : &parent->first) = it;
        parent->last = it;
        if (S_ISDIR(it->node->st.st_mode)) {
            it->nlink = 2;
            parent->nlink++;
        }
    }
}

/* Names of a directory in order, with "." and ".." in their places. The caller frees the array. */
static struct name *list_names(const struct item *folder, size_t *count)
{
    size_t n = 2;
    for (const struct item *c = folder->first; c != NULL; c = c->next) {
        n++;
    }
    struct name *names = calloc(n, sizeof(*names));
    if (names == NULL) {
        report_no_memory();
    }
    const struct item *up = folder->parent != NULL ? folder->parent : folder;
    const struct name dots[] = {{".", 1, folder}, {"..", 2, up}};
    size_t ndots = 0;
    size_t i = 0;
    for (const struct item *c = folder->first; c != NULL; c = c->next) {
        const char *text = strrchr(c->node->path, '/') + 1;
        while (ndots < 2 && strcmp(dots[ndots].text, text) < 0) {
            names[i++] = dots[ndots++];
        }
        names[i++] = (struct name){text, strlen(text), c};
    }
    while (ndots < 2) {
        names[i++] = dots[ndots++];
    }
    *count = n;
    return names;
}

/* How many of the names fit into one block, and how many bytes they take. */
static size_t fill_block(const struct name *names, size_t count, size_t *used)
{
    size_t n = 0;
    *used = 0;
    while (n < count && *used + sizeof(struct erofs_entry) + names[n].len <= EROFS_BLOCK) {
        *used += sizeof(struct erofs_entry) + names[n].len;
        n++;
    }
    return n;
}

static uint64_t directory_size(const struct item *folder)
{
    size_t count;
    struct name *names = list_names(folder, &count);
    uint64_t blocks = 0;
    size_t used = 0;
    for (size_t i = 0; i < count; blocks++) {
        i += fill_block(names + i, count - i, &used);
    }
    free(names);
    return (blocks - 1) * EROFS_BLOCK + used;
}

static uint64_t data_size(const struct item *it)
{
    const struct tree_node *n = it->node;
    switch (n->st.st_mode & S_IFMT) {
    case S_IFDIR: return directory_size(it);
    case S_IFLNK: return strlen(n->target);
    case S_IFREG: return n->content != NULL ? strlen(n->content) : (uint64_t)n->st.st_size;
    default: return 0;
    }
}

/* Give the item its inode and count the blocks of its data. */
static void place_item(struct image *im, struct item *it)
{
    it->size = data_size(it);
    uint64_t tail = it->size % EROFS_BLOCK;
    bool small = !S_ISREG(it->node->st.st_mode) || it->size <= INLINE_FILE_MAX;
    it->inline_tail = tail != 0 && small && tail <= EROFS_BLOCK - sizeof(struct erofs_inode);
    uint64_t len = sizeof(struct erofs_inode) + (it->inline_tail ? tail : 0);
    uint64_t at = round_up(im->meta_end, EROFS_SLOT);
    if (at / EROFS_BLOCK != (at + len - 1) / EROFS_BLOCK) {
        at = round_up(at, EROFS_BLOCK); /* neither inode nor tail may cross a block */
    }
    it->inode = at;
    im->meta_end = at + len;
}

static void place_data(struct image *im, struct item *it)
{
    it->data = im->data_end;
    uint64_t whole = it->inline_tail ? it->size - it->size % EROFS_BLOCK : it->size;
    im->data_end += round_up(whole, EROFS_BLOCK);
}

static int lay_out(struct image *im)
{
    im->meta_end = FIRST_INODE;
    for (size_t i = 0; i < im->count; i++) {
        place_item(im, &im->items[i]);
    }
    im->data_end = round_up(im->meta_end, EROFS_BLOCK);
    for (size_t i = 0; i < im->count; i++) {
        place_data(im, &im->items[i]);
    }
    if (im->data_end / EROFS_BLOCK > UINT32_MAX) {
        return report_error(STATUS_OWN_ERROR, "the image would be larger than EROFS can be");
    }
    return 0;
}

static uint8_t entry_type(mode_t mode)
{
    static const uint8_t types[16] = {
        [S_IFREG >> 12] = 1, [S_IFDIR >> 12] = 2,  [S_IFCHR >> 12] = 3, [S_IFBLK >> 12] = 4,
        [S_IFIFO >> 12] = 5, [S_IFSOCK >> 12] = 6, [S_IFLNK >> 12] = 7,
    };
    return types[mode >> 12 & 15];
}

static char *tail_of(struct image *im, const struct item *it)
{
    return im->bytes + it->inode + sizeof(struct erofs_inode);
}

/* Where block number index of the item's data is. */
static char *block_of(struct image *im, const struct item *it, uint64_t index)
{
    bool tail = it->inline_tail && index == it->size / EROFS_BLOCK;
    return tail ? tail_of(im, it) : im->bytes + it->data + index * EROFS_BLOCK;
}

static void write_block(char *block, const struct name *names, size_t count)
{
    struct erofs_entry *entries = (void *)block;
    size_t at = count * sizeof(*entries);
    for (size_t i = 0; i < count; i++) {
        entries[i] = (struct erofs_entry){.nid = names[i].to->inode / EROFS_SLOT,
                                          .name_offset = (uint16_t)at,
                                          .type = entry_type(names[i].to->node->st.st_mode)};
        memcpy(block + at, names[i].text, names[i].len);
        at += names[i].len;
    }
}

static void write_directory(struct image *im, const struct item *it)
{
    size_t count;
    struct name *names = list_names(it, &count);
    size_t done = 0;
    for (uint64_t block = 0; done < count; block++) {
        size_t used;
        size_t n = fill_block(names + done, count - done, &used);
        write_block(block_of(im, it, block), names + done, n);
        done += n;
    }
    free(names);
}

static int write_file(struct image *im, const struct item *it)
{
    const char *source = it->node->source;
    int fd = open(source, O_RDONLY | O_CLOEXEC | O_NOATIME);
    fd = fd < 0 && errno == EPERM ? open(source, O_RDONLY | O_CLOEXEC) : fd;
    if (fd < 0) {
        return report_error(STATUS_OWN_ERROR, "%s: cannot be read: %s", source, strerror(errno));
    }
    char *to = block_of(im, it, 0);
    uint64_t done = 0;
    ssize_t n = 1;
    while (done < it->size && (n = pread(fd, to + done, it->size - done, (off_t)done)) > 0) {
        done += (uint64_t)n;
    }
    int err = n < 0 ? errno : 0;
    close(fd);
    if (done < it->size) {
        return report_error(STATUS_OWN_ERROR, "%s: %s", source,
                            err != 0 ? strerror(err) : "became shorter while it was read");
    }
    return 0;
}

static int write_data(struct image *im, const struct item *it)
{
    const struct tree_node *n = it->node;
    if (S_ISDIR(n->st.st_mode)) {
        write_directory(im, it);
        return 0;
    }
    const char *text = S_ISLNK(n->st.st_mode) ? n->target : n->content;
    if (text != NULL) {
        memcpy(block_of(im, it, 0), text, it->size);
        return 0;
    }
    return it->size != 0 ? write_file(im, it) : 0;
}

static uint32_t device_number(dev_t rdev)
{
    unsigned low = minor(rdev);
    return (low & 0xff) | major(rdev) << 8 | (low & ~0xffu) << 12;
}

static void write_inode(struct image *im, const struct item *it)
{
    const struct stat *st = &it->node->st;
    bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
    *(struct erofs_inode *)(void *)(im->bytes + it->inode) = (struct erofs_inode){
        .format = (uint16_t)(EROFS_EXTENDED | (it->inline_tail ? EROFS_INLINE : EROFS_PLAIN)),
        .mode = (uint16_t)st->st_mode,
        .size = it->size,
        .place = device ? device_number(st->st_rdev) : (uint32_t)(it->data / EROFS_BLOCK),
        .ino = (uint32_t)(it - im->items) + 1,
        .uid = st->st_uid,
        .gid = st->st_gid,
        .mtime = (uint64_t)st->st_mtim.tv_sec,
        .mtime_nsec = (uint32_t)st->st_mtim.tv_nsec,
        .nlink = it->nlink,
    };
}

static uint32_t crc32c(const char *bytes, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint8_t)bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (CRC32C_POLYNOMIAL & -(crc & 1));
        }
    }
    return crc;
}

static void write_super(struct image *im)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct erofs_super *super = (void *)(im->bytes + EROFS_SUPER_OFFSET);
    *super = (struct erofs_super){
        .magic = EROFS_MAGIC,
        .feature_compat = EROFS_COMPAT_CHECKSUM | EROFS_COMPAT_MTIME,
        .block_bits = EROFS_BLOCK_BITS,
        .root_nid = (uint16_t)(im->items[0].inode / EROFS_SLOT),
        .inodes = im->count,
        .build_time = (uint64_t)now.tv_sec,
        .build_time_nsec = (uint32_t)now.tv_nsec,
        .blocks = (uint32_t)(im->data_end / EROFS_BLOCK),
        .volume_name = "elfin",
    };
    super->checksum = crc32c(im->bytes + EROFS_SUPER_OFFSET, EROFS_BLOCK - EROFS_SUPER_OFFSET);
}

static int write_items(struct image *im)
{
    for (size_t i = 0; i < im->count; i++) {
        write_inode(im, &im->items[i]);
        int status = write_data(im, &im->items[i]);
        if (status != 0) {
            return status;
        }
    }
    write_super(im);
    return 0;
}

static int write_mapped(struct image *im, int fd)
{
    void *bytes = MAP_FAILED;
    if (ftruncate(fd, (off_t)im->data_end) == 0) {
        bytes = mmap(NULL, im->data_end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (bytes == MAP_FAILED) {
        return report_error(STATUS_OWN_ERROR, "no room for an image of %lu MiB: %s",
                            im->data_end >> 20, strerror(errno));
    }
    im->bytes = bytes;
    int status = write_items(im);
    munmap(bytes, im->data_end);
    return status;
}

int image_write(struct tree *t, int fd, size_t *len)
{
    struct image im = {0};
    tree_walk(t, collect, &im);
    link_items(&im);
    int status = lay_out(&im);
    status = status == 0 ? write_mapped(&im, fd) : status;
    *len = im.data_end;
    free(im.items);
    return status;
}
