/* SPDX-License-Identifier: MIT */
/* The guest's network: what the options say, what the guest is told, what the machine gets. */
#ifndef TOOLS_ELFIN_NET_H
#define TOOLS_ELFIN_NET_H

#include <stdbool.h>

#include "tools/elfin/ports.h"
#include "tools/elfin/tap.h"
#include "tools/elfin/words.h"

enum net_kind { NET_USER, NET_NONE, NET_TAP, NET_BRIDGE };

/* As given; strings are the caller's. */
struct net_options {
    enum net_kind kind;
    const char *name; /* of the tap or bridge */
    const char *mac; /* NULL: not given */
    const char *hostname; /* NULL: not given */
    struct words ip, gw, dns; /* "ADDRESS/BITS"; addresses */
    struct words search; /* domains */
    struct ports ports;
    bool given; /* any of them was */
};

/* Each reads the value of an option. They return 0 or an exit status after a message. */
int net_parse_kind(struct net_options *o, const char *text);
int net_parse_ip(struct net_options *o, const char *text);
int net_parse_gw(struct net_options *o, const char *text);
int net_parse_dns(struct net_options *o, const char *text);
int net_parse_search(struct net_options *o, const char *text);
int net_parse_mac(struct net_options *o, const char *text);
int net_parse_hostname(struct net_options *o, const char *text);
int net_parse_port(struct net_options *o, const char *text);

/* net_check: the options fit together. Returns 0 or an exit status after a message. */
int net_check(const struct net_options *o);
void net_options_fini(struct net_options *o);

/* net_describe: append what the guest's configuration (loader/config.h) says of the network, as
 * lines. net_override: the same as options of the kernel, which decide over the configuration. */
void net_describe(const struct net_options *o, struct text *out);
void net_override(const struct net_options *o, struct text *out);

/* The machine's side. */
struct net {
    struct net_options *options;
    struct tap tap; /* none: NET_USER and NET_NONE */
    char mac[18]; /* "": the hypervisor's own choice */
};

/* net_open: hold ports, open the tap, with up to queues queues and descriptors from lowest on.
 * Returns 0 or an exit status after a message; net_close is due in any case. */
int net_open(struct net *n, struct net_options *o, unsigned queues, int lowest);
void net_close(struct net *n);

/* The guest's addresses on the user network. */
#define NET_USER_IP "10.0.2.15"

#endif
