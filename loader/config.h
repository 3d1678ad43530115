/* SPDX-License-Identifier: MIT */
/* The boot configuration: what to run and how. It is the text between the end of the root image and
 * that of the initial RAM disk; where nothing is there, the file /.elfin/config in the image.
 *
 * Text, one "key=value" a line; in values \n and \\ stand for newline and backslash, and bytes are
 * otherwise taken as they are. Values are C strings: a NUL, raw or as \0, is an error. So are
 * unknown keys, empty lines, and more lines of a key than it can have, one unless it says so;
 * the error names the line.
 *   exec=PATH          program, absolute path in the image; once, required
 *   arg=TEXT           next argument, the first is argv[0]
 *   env=NAME=VALUE     next environment variable
 *   cwd=PATH           current directory, absolute, default /
 *   hostname=NAME      1 to 64 bytes, default elfin
 *   rewrite=0|1        default 1
 *   stats=0|1          default 0
 *   uid=N gid=N        default 0
 *   stack=BYTES        RLIMIT_STACK, default 8388608
 *   net=none|static|dhcp   what becomes of the network device, default none; IPv6 addresses that a
 *                      router announces are taken with static and dhcp
 *   ip=ADDRESS/PREFIX  next address, up to 8, IPv4 or IPv6
 *   gw=ADDRESS         gateway of a family, up to 2
 *   dns=ADDRESS        next name server, up to 3
 *   search=DOMAIN ...  for names without a dot
 * The form of addresses is for net/ to check; here they are printable and without blanks. */
#ifndef LOADER_CONFIG_H
#define LOADER_CONFIG_H

#include "kernel/base/base.h"

#define CONFIG_LIST_MAX 8

/* A list that is short: item[n] and nothing behind. */
struct config_list {
    char *item[CONFIG_LIST_MAX]; /* heap, NUL-ended */
    unsigned n;
};

enum config_net_mode { CONFIG_NET_NONE, CONFIG_NET_STATIC, CONFIG_NET_DHCP };

struct config_net {
    enum config_net_mode mode;
    struct config_list ip, gw, dns;
    char *search; /* heap, NULL for none */
};

struct config {
    char *exec, *cwd, *hostname; /* heap, NUL-ended */
    char **args, **env; /* heap arrays, NULL-ended */
    unsigned nargs, nenv;
    bool rewrite, stats;
    uint32_t uid, gid;
    uint64_t stack_limit;
    struct config_net net;
};

/* config_parse: read text[len]. Returns 0; -EINVAL with *bad_line = the line's number (from 1;
 * the one after the last when exec is missing); -ENOMEM. On error nothing is left allocated.
 * Pure but for the heap. */
MUST_CHECK int config_parse(const char *text, size_t len, struct config *out, unsigned *bad_line);

/* config_override: key, one of config_overrides (NULL-ended), has this value, whatever the text
 * said: what belongs to the machine that is started now rather than to the image. Commas separate
 * the values of a list, which may be empty, and the domains of search. Returns 0, -EINVAL or
 * -ENOMEM; a list may have some of the values then. */
extern const char *const config_overrides[];
MUST_CHECK int config_override(struct config *c, const char *key, const char *value);

void config_destroy(struct config *c);

#endif
