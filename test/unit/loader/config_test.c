/* SPDX-License-Identifier: MIT */
// sources: loader/config.c
// fakes: heap log
/* The boot configuration: every key, every error with its line, every allocation failing.
 * Source: loader/config.h. */
#include "loader/config.h"

#include <asm/errno.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

static int parse(const char *text, struct config *c, unsigned *line)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1); /* no byte behind the text */
    memcpy(copy, text, len);
    char *tight = realloc(copy, len != 0 ? len : 1);
    int err = config_parse(tight, len, c, line);
    free(tight);
    return err;
}

static void check_error(const char *text, unsigned want_line)
{
    struct config c;
    unsigned line = 0;
    int err = parse(text, &c, &line);
    if (err != -EINVAL || line != want_line) {
        fprintf(stderr, "text: %s\n", text);
    }
    CHECK_EQ(err, -EINVAL);
    CHECK_EQ(line, want_line);
}

static void defaults(void)
{
    struct config c;
    unsigned line;
    CHECK_EQ(parse("exec=/bin/x", &c, &line), 0);
    CHECK_STR(c.exec, "/bin/x");
    CHECK_STR(c.cwd, "/");
    CHECK_STR(c.hostname, "elfin");
    CHECK(c.rewrite && !c.stats);
    CHECK_EQ(c.nargs, 0);
    CHECK_EQ(c.nenv, 0);
    CHECK(c.args[0] == NULL && c.env[0] == NULL);
    CHECK_EQ(c.uid, 0);
    CHECK_EQ(c.gid, 0);
    CHECK_EQ(c.stack_limit, 8 << 20);
    config_destroy(&c);
}

static void all_keys(void)
{
    struct config c;
    unsigned line;
    CHECK_EQ(
        parse("arg=x\narg=\nenv=A=1\nenv=B\nexec=/x\ncwd=/tmp\nhostname=h\nrewrite=0\n"
              "stats=1\nuid=1000\ngid=4294967294\nstack=18446744073709551615\narg=a=b\\\\c\\nd\n",
              &c, &line),
        0);
    CHECK_EQ(c.nargs, 3);
    CHECK_STR(c.args[0], "x");
    CHECK_STR(c.args[1], "");
    CHECK_STR(c.args[2], "a=b\\c\nd");
    CHECK(c.args[3] == NULL);
    CHECK_EQ(c.nenv, 2);
    CHECK_STR(c.env[0], "A=1");
    CHECK_STR(c.env[1], "B");
    CHECK(c.env[2] == NULL);
    CHECK_STR(c.cwd, "/tmp");
    CHECK_STR(c.hostname, "h");
    CHECK(!c.rewrite && c.stats);
    CHECK_EQ(c.uid, 1000);
    CHECK_EQ(c.gid, 4294967294);
    CHECK_EQ(c.stack_limit, UINT64_MAX);
    config_destroy(&c);
}

static void network(void)
{
    struct config c;
    unsigned line;
    CHECK_EQ(parse("exec=/x", &c, &line), 0);
    CHECK_EQ(c.net.mode, CONFIG_NET_NONE);
    CHECK(c.net.ip.n == 0 && c.net.gw.n == 0 && c.net.dns.n == 0 && c.net.search == NULL);
    config_destroy(&c);
    CHECK_EQ(parse("exec=/x\nnet=dhcp", &c, &line), 0);
    CHECK_EQ(c.net.mode, CONFIG_NET_DHCP);
    config_destroy(&c);
    CHECK_EQ(parse("net=static\nip=10.0.2.15/24\ngw=10.0.2.2\nip=fd00::5/64\ndns=10.0.2.3\n"
                   "gw=fd00::1\nsearch=a.example b.example\nexec=/x\ndns=8.8.8.8\ndns=::1\n",
                   &c, &line),
             0);
    CHECK_EQ(c.net.mode, CONFIG_NET_STATIC);
    CHECK_EQ(c.net.ip.n, 2);
    CHECK_STR(c.net.ip.item[0], "10.0.2.15/24");
    CHECK_STR(c.net.ip.item[1], "fd00::5/64");
    CHECK_EQ(c.net.gw.n, 2);
    CHECK_STR(c.net.gw.item[1], "fd00::1");
    CHECK_EQ(c.net.dns.n, 3);
    CHECK_STR(c.net.dns.item[2], "::1");
    CHECK_STR(c.net.search, "a.example b.example");
    config_destroy(&c);
}

/* The command line decides, whatever the image says. */
static void overrides(void)
{
    struct config c;
    unsigned line;
    CHECK_EQ(parse("exec=/x\nnet=static\nip=10.0.2.15/24\ngw=10.0.2.2\nsearch=x", &c, &line), 0);
    CHECK_EQ(config_override(&c, "hostname", "other"), 0);
    CHECK_STR(c.hostname, "other");
    CHECK_EQ(config_override(&c, "net", "dhcp"), 0);
    CHECK_EQ(c.net.mode, CONFIG_NET_DHCP);
    CHECK_EQ(config_override(&c, "ip", "1.2.3.4/8,::5/64,6.7.8.9/9"), 0);
    CHECK_EQ(c.net.ip.n, 3);
    CHECK_STR(c.net.ip.item[0], "1.2.3.4/8");
    CHECK_STR(c.net.ip.item[1], "::5/64");
    CHECK_STR(c.net.ip.item[2], "6.7.8.9/9");
    CHECK_EQ(config_override(&c, "ip", "9.9.9.9/9"), 0);
    CHECK_EQ(c.net.ip.n, 1);
    CHECK_EQ(config_override(&c, "gw", ""), 0);
    CHECK_EQ(c.net.gw.n, 0);
    CHECK_EQ(config_override(&c, "search", "a,b"), 0);
    CHECK_STR(c.net.search, "a b");
    CHECK_EQ(config_override(&c, "search", ""), 0);
    CHECK(c.net.search == NULL);
    CHECK_EQ(config_override(&c, "net", "maybe"), -EINVAL);
    CHECK_EQ(config_override(&c, "hostname", ""), -EINVAL);
    CHECK_EQ(config_override(&c, "dns", "1,2,3,4"), -EINVAL);
    CHECK_EQ(config_override(&c, "dns", ","), -EINVAL);
    CHECK_EQ(config_override(&c, "dns", "1,"), -EINVAL);
    CHECK_EQ(config_override(&c, "what", "1"), -EINVAL);
    for (unsigned i = 0; config_overrides[i] != NULL; i++) {
        CHECK_EQ(config_override(&c, config_overrides[i], "none"), 0);
    }
    heap_fail_after(1);
    CHECK_EQ(config_override(&c, "ip", "1"), -ENOMEM);
    heap_fail_after(0);
    config_destroy(&c);
}

/* Bytes that are no ASCII are taken as they are. */
static void any_bytes(void)
{
    char text[300] = "exec=/x\narg=";
    size_t n = strlen(text);
    struct config c;
    unsigned line;
    for (int b = 1; b < 256; b++) {
        if (b != '\n' && b != '\\') {
            text[n++] = (char)b;
        }
    }
    CHECK_EQ(config_parse(text, n, &c, &line), 0);
    CHECK_EQ(strlen(c.args[0]), 253);
    CHECK(memcmp(c.args[0], text + 12, 253) == 0);
    config_destroy(&c);
}

static void errors(void)
{
    check_error("", 1);
    check_error("arg=1\narg=2\n", 3); /* exec is missing: the line after the last */
    check_error("exec=x", 1); /* not absolute */
    check_error("exec=", 1);
    check_error("exec=/x\nexec=/y", 2);
    check_error("exec=/x\ncwd=tmp", 2);
    check_error("exec=/x\ncwd=/\ncwd=/", 3);
    check_error("exec=/x\n\narg=1", 2); /* an empty line */
    check_error("exec=/x\n\n", 2);
    check_error("exec=/x\nwhat=1", 2);
    check_error("exec=/x\nARG=1", 2);
    check_error("exec=/x\narg", 2);
    check_error("exec=/x\n arg=1", 2);
    check_error("exec=/x\narg=\\", 2);
    check_error("exec=/x\narg=\\t", 2);
    check_error("exec=/x\narg=\\0", 2);
    check_error("exec=/x\nrewrite=2", 2);
    check_error("exec=/x\nrewrite=", 2);
    check_error("exec=/x\nrewrite=11", 2);
    check_error("exec=/x\nstats=yes", 2);
    check_error("exec=/x\nuid=-1", 2);
    check_error("exec=/x\nuid=4294967295", 2);
    check_error("exec=/x\ngid=1x", 2);
    check_error("exec=/x\ngid=", 2);
    check_error("exec=/x\nstack=18446744073709551616", 2);
    check_error("exec=/x\nhostname=", 2);
    check_error("exec=/x\nnet=", 2);
    check_error("exec=/x\nnet=user", 2);
    check_error("exec=/x\nnet=none\nnet=none", 3);
    check_error("exec=/x\nip=", 2);
    check_error("exec=/x\nip=1.2.3.4 /8", 2);
    check_error("exec=/x\nip=1\nip=2\nip=3\nip=4\nip=5\nip=6\nip=7\nip=8\nip=9", 10);
    check_error("exec=/x\ngw=1\ngw=2\ngw=3", 4);
    check_error("exec=/x\ndns=1\ndns=2\ndns=3\ndns=4", 5);
    check_error("exec=/x\ndns=1\\n2", 2);
    check_error("exec=/x\ndns=\x80", 2);
    check_error("exec=/x\nsearch=", 2);
    check_error("exec=/x\nsearch=a\\nb", 2);
    char name[90] = "exec=/x\nhostname=";
    memset(name + strlen(name), 'h', 65); /* one byte too many */
    check_error(name, 2);
    struct config c;
    unsigned line;
    CHECK_EQ(config_parse("exec=/x\narg=a\0b", 15, &c, &line), -EINVAL);
    CHECK_EQ(line, 2);
    name[strlen(name) - 1] = 0;
    CHECK_EQ(parse(name, &c, &line), 0);
    config_destroy(&c);
}

/* Lists grow at 15 and at each power of two after it. */
static void long_lists(void)
{
    static char text[200000];
    for (unsigned n = 0; n < 300; n += n < 70 ? 1 : 53) {
        struct config c;
        unsigned line;
        size_t len = (size_t)sprintf(text, "exec=/x\n");
        for (unsigned i = 0; i < n; i++) {
            len += (size_t)sprintf(text + len, "arg=a%u\nenv=E%u=%u\n", i, i, i);
        }
        CHECK_EQ(config_parse(text, len, &c, &line), 0);
        CHECK_EQ(c.nargs, n);
        CHECK_EQ(c.nenv, n);
        for (unsigned i = 0; i < n; i++) {
            char want[32];
            sprintf(want, "E%u=%u", i, i);
            CHECK_STR(c.env[i], want);
        }
        CHECK(c.args[n] == NULL && c.env[n] == NULL);
        config_destroy(&c);
    }
}

static void out_of_memory(void)
{
    static char text[2000];
    struct config c;
    unsigned line;
    size_t len = (size_t)sprintf(text, "exec=/x\ncwd=/tmp\nhostname=h\nsearch=s\nip=1\nip=2\n");
    for (unsigned i = 0; i < 20; i++) {
        len += (size_t)sprintf(text + len, "arg=a%u\nenv=E%u=%u\n", i, i, i);
    }
    int err = -ENOMEM;
    unsigned long n;
    for (n = 1; err != 0; n++) {
        long before = fake_heap_in_use();
        heap_fail_after(n);
        err = config_parse(text, len, &c, &line);
        bool failed = fake_heap_failed();
        heap_fail_after(0);
        CHECK_EQ(err, failed ? -ENOMEM : 0);
        CHECK(err == 0 || fake_heap_in_use() == before);
    }
    CHECK(n > 40); /* each value is an allocation */
    config_destroy(&c);
}

TESTS(defaults, all_keys, network, overrides, any_bytes, errors, long_lists, out_of_memory)
