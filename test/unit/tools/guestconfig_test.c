/* SPDX-License-Identifier: MIT */
// cflags: -D_GNU_SOURCE
// sources: tools/elfin/guestconfig.c tools/elfin/words.c tools/elfin/report.c
// sources: loader/config.c kernel/base/string.c
// fakes: heap log
/* What the tool writes is what the kernel's own parser reads. */
#include "tools/elfin/guestconfig.h"

#include <string.h>
#include <unistd.h>

#include "loader/config.h"
#include "test/unit/check.h"

static struct text write_config(const struct words *args, const struct words *env)
{
    struct guestconfig c = {"/bin/x", "/a b", args, env, false, true};
    struct text out = {0};
    guestconfig_write(&c, &out);
    return out;
}

static void plain(void)
{
    struct words none = {0};
    struct text t = write_config(&none, &none);
    CHECK_STR(t.data, "exec=/bin/x\ncwd=/a b\nrewrite=0\nstats=1\n");
    text_fini(&t);
}

static void escapes(void)
{
    struct words args = {0};
    struct words env = {0};
    words_add(&args, "a\nb\\c");
    words_add(&env, "N=\\n");
    struct text t = write_config(&args, &env);
    CHECK_STR(t.data, "exec=/bin/x\ncwd=/a b\narg=a\\nb\\\\c\nenv=N=\\\\n\nrewrite=0\nstats=1\n");
    text_fini(&t);
    words_fini(&args);
    words_fini(&env);
}

/* Every byte but NUL in every place goes through unchanged. */
static void round_trip(void)
{
    struct words args = {0};
    struct words env = {0};
    for (int first = 1; first < 256; first++) {
        words_add_format(&args, "%c%c=%c\\%c", first, 256 - first, '\n', first);
        words_add_format(&env, "V%d=%c", first, first);
    }
    words_add(&args, "");
    struct text t = write_config(&args, &env);
    struct config c;
    unsigned line;
    CHECK_EQ(config_parse(t.data, t.len, &c, &line), 0);
    CHECK_STR(c.exec, "/bin/x");
    CHECK_STR(c.cwd, "/a b");
    CHECK(!c.rewrite && c.stats);
    CHECK_EQ(c.nargs, args.count);
    CHECK_EQ(c.nenv, env.count);
    for (unsigned i = 0; i < c.nargs; i++) {
        CHECK_STR(c.args[i], args.items[i]);
    }
    for (unsigned i = 0; i < c.nenv; i++) {
        CHECK_STR(c.env[i], env.items[i]);
    }
    config_destroy(&c);
    text_fini(&t);
    words_fini(&args);
    words_fini(&env);
}

TESTS(plain, escapes, round_trip)
