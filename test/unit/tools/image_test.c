/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/image.c tools/elfin/tree.c tools/elfin/treecopy.c tools/elfin/words.c
// sources: tools/elfin/report.c
/* Images of awkward trees: erofs-utils must find no error and give back the same files. */
#include "tools/elfin/image.h"

#include <fcntl.h>
#include <string.h>
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

/* The folder that make leaves as "in" is the same after a way through an image. */
static void round_trip(const char *make)
{
    struct tree t;
    size_t len;
    strcpy(place, "/tmp/elfin-image-XXXXXX");
    CHECK(mkdtemp(place) != NULL);
    shell("mkdir in");
    shell(make);
    char *in = text_format("%s/in", place);
    char *out = text_format("%s/image", place);
    int fd = open(out, O_RDWR | O_CREAT, 0600);
    tree_init(&t, in);
    CHECK_EQ(tree_add_copy(&t, in, "/"), 0);
    CHECK_EQ(image_write(&t, fd, &len), 0);
    CHECK_EQ(len % 4096, 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), len);
    close(fd);
    tree_fini(&t);
    shell("fsck.erofs --extract=out image >log 2>&1 || { cat log; false; }");
    shell("diff -r --no-dereference -x fifo in out");
    shell("for d in in out; do (cd $d && find . -printf '%p %y %m %l %T+\\n' | sort >../$d.list); "
          "done");
    shell("cmp in.list out.list");
    free(in);
    free(out);
    char *command = text_format("rm -r %s", place);
    CHECK_EQ(system(command), 0);
    free(command);
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

TESTS(empty, sizes, names, many_entries, links)
