/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/image.c tools/elfin/tree.c tools/elfin/treecopy.c tools/elfin/words.c
// sources: tools/elfin/report.c tools/elfin/filecopy.c tools/elfin/imagecache.c
// sources: tools/elfin/interrupt.c tools/elfin/mkfs.c tools/elfin/stage.c
/* Images of awkward trees: erofs-utils must find no error and give back the same files. Each is
 * made from the folder itself, then from a staged copy, then taken from the cache. */
#include "tools/elfin/image.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "test/unit/check.h"
#include "tools/elfin/words.h"

static char place[64];

static void shell(const char *text)
{
    char *command = text_format("cd %s && %s", place, text);
    int status = system(command);
    if (status != 0) {
        fprintf(stderr, "%s: %d\n", command, status);
    }
    CHECK_EQ(status, 0);
    free(command);
}

#define CONFIG "exec=/x\n"

/* Make an image of the folder "in", with more in its tree if that is not NULL, as the file image.
 * Returns the status. */
static int make_image(const char *more, const char *image)
{
    struct tree t;
    struct text config = {0};
    size_t len = 0;
    char *in = text_format("%s/in", place);
    char *out = text_format("%s/%s", place, image);
    int fd = open(out, O_RDWR | O_CREAT | O_TRUNC, 0600);
    text_add_string(&config, CONFIG);
    tree_init(&t, in);
    CHECK_EQ(tree_add_copy(&t, in, "/"), 0);
    CHECK_EQ(more != NULL ? tree_add_text(&t, more, 0644, "more") : 0, 0);
    int status = image_make(&t, &config, fd, &len);
    image_finish();
    if (status == 0) {
        char end[sizeof(CONFIG)] = "";
        CHECK_EQ((len - config.len) % 4096, 0);
        CHECK_EQ(lseek(fd, 0, SEEK_END), len);
        CHECK_EQ(pread(fd, end, config.len, (off_t)(len - config.len)), config.len);
        CHECK_STR(end, CONFIG);
    }
    close(fd);
    tree_fini(&t);
    text_fini(&config);
    free(in);
    free(out);
    return status;
}

/* Files in the cache. */
static unsigned count_kept(void)
{
    unsigned n = 0;
    char *path = text_format("%s/cache/elfin/images", place);
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    free(path);
    return n;
}

static void begin(const char *make)
{
    strcpy(place, "/tmp/elfin-image-XXXXXX");
    CHECK(mkdtemp(place) != NULL);
    char *cache = text_format("%s/cache", place);
    setenv("XDG_CACHE_HOME", cache, 1);
    free(cache);
    shell("mkdir in");
    shell(make);
}

static void end(void)
{
    char *command = text_format("rm -r %s", place);
    CHECK_EQ(system(command), 0);
    free(command);
}

static void check_same(const char *image)
{
    setenv("IMAGE", image, 1);
    shell("rm -rf out && { fsck.erofs --extract=out $IMAGE >log 2>&1 || { cat log; false; }; }");
    shell("rm -f out/more");
    shell("diff -r --no-dereference -x fifo in out");
    shell("for d in in out; do (cd $d && find . -mindepth 1 -printf '%p %y %m %l %T+\\n' | sort "
          ">../$d.list); done");
    shell("cmp in.list out.list");
}

/* The folder that make leaves as "in" is the same after a way through an image. */
static void round_trip(const char *make)
{
    begin(make);
    CHECK_EQ(make_image(NULL, "whole"), 0);
    check_same("whole");
    CHECK_EQ(make_image("/more", "staged"), 0);
    check_same("staged");
    end();
}

static void empty(void)
{
    round_trip("true");
}

/* Sizes around the limits of inline tails and blocks. */
static void sizes(void)
{
    round_trip("for n in 0 1 2047 2048 2049 4031 4032 4033 4095 4096 4097 8191 8192 100001; do "
               "head -c $n /dev/urandom >in/$n; done");
}

/* Names that sort before and after the dots, and a folder beside names that extend its own. */
static void names(void)
{
    round_trip(
        "cd in && touch -- - ! a a.b a-b .c ...d '~' && mkdir a0 a+ a0/x a+/y && touch a0/x/z a0-");
}

static void many_entries(void)
{
    round_trip("cd in && mkdir d e && for i in $(seq 700); do : >d/a-rather-long-name-$i; done;"
               "for i in $(seq 100); do mkdir e/$i; echo $i >e/$i/f; done");
}

static void links(void)
{
    round_trip(
        "cd in && ln -s a b && ln -s /x/../y c && ln -s $(printf '%04000d' 1) long && mkfifo fifo");
}

/* A file that an older image has may have changed in any way that its state tells. */
static void kept_images(void)
{
    begin("echo 1 >in/f; ln in/f in/hard; mkdir in/d");
    CHECK_EQ(make_image("/more", "a"), 0);
    CHECK_EQ(count_kept(), 0); /* the file is too young */
    shell("sleep 3.1");
    CHECK_EQ(make_image("/more", "a"), 0);
    CHECK_EQ(count_kept(), 1);
    CHECK_EQ(make_image("/more", "b"), 0);
    shell("cmp a b");
    check_same("b");
    CHECK_EQ(count_kept(), 1);
    CHECK_EQ(make_image("/other", "c"), 0);
    CHECK_EQ(count_kept(), 2);
    shell("touch -r in/f old && echo 2 >in/f && touch -r old in/f && sleep 3.1");
    CHECK_EQ(make_image("/more", "d"), 0);
    check_same("d");
    CHECK_EQ(count_kept(), 3);
    shell("for f in cache/elfin/images/*; do truncate -s 5000 $f; done");
    CHECK_EQ(make_image("/more", "e"), 0);
    check_same("e");
    end();
}

/* The stage of a killed run goes away, that of a living or a young one stays. */
static void abandoned_stages(void)
{
    begin("mkdir -p cache/elfin/images && cd cache/elfin/images && mkdir -p elfin-stage-old/root/x "
          "elfin-stage-held && chmod 555 elfin-stage-old/root && sleep 6.1 && mkdir "
          "elfin-stage-young");
    char *held = text_format("%s/cache/elfin/images/elfin-stage-held", place);
    int fd = open(held, O_RDONLY | O_DIRECTORY);
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(make_image("/more", "a"), 0);
    shell("test \"$(cd cache/elfin/images && echo elfin-stage-*)\" = "
          "'elfin-stage-held elfin-stage-young'");
    close(fd);
    free(held);
    end();
}

static void failures(void)
{
    begin("chmod 700 in; : >in/$(printf '%0255d' 1)");
    CHECK_EQ(make_image("/more", "a"), 125);
    shell("test -z \"$(ls cache/elfin/images)\"");
    char *path = text_copy(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    CHECK_EQ(make_image("/more", "a"), 125);
    setenv("PATH", path, 1);
    free(path);
    shell("test -z \"$(ls cache/elfin/images)\"");
    end();
}

TESTS(empty, sizes, names, many_entries, links, kept_images, abandoned_stages, failures)
