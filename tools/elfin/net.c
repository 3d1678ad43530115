/* SPDX-License-Identifier: MIT */
/* Owns the meaning of the network's options. The user network is QEMU's own (slirp): its addresses
 * are fixed, so the guest is told them and need not ask; IPv6 it learns from advertisements. Behind
 * a tap or a bridge it asks by DHCP, unless addresses are given.
 * Source: the help text in options.c is the contract; qemu(1), -netdev user; loader/config.h. */
#include "tools/elfin/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tools/elfin/address.h"
#include "tools/elfin/report.h"

#define HINT "; see elfin run --help"
#define IP_MAX 8
#define DNS_MAX 3
#define GW_MAX 2
#define SEARCH_MAX 6 /* MAXDNSRCH of C libraries */

static const char *const user_ip[] = {NET_USER_IP "/24", NULL};
static const char *const user_gw[] = {"10.0.2.2", NULL};
static const char *const user_dns[] = {"10.0.2.3", NULL};

int net_parse_kind(struct net_options *o, const char *text)
{
    static const struct {
        const char *text;
        enum net_kind kind;
        bool named;
    } kinds[] = {{"user", NET_USER, false},
                 {"none", NET_NONE, false},
                 {"tap=", NET_TAP, true},
                 {"bridge=", NET_BRIDGE, true}};
    o->given = true;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].text);
        if (strncmp(text, kinds[i].text, len) == 0 && kinds[i].named == (text[len] != '\0')) {
            o->kind = kinds[i].kind;
            o->name = text + len;
            return 0;
        }
    }
    return report_error(STATUS_OWN_ERROR, "--net %s: not user, none, tap=NAME or bridge=NAME" HINT,
                        text);
}

static int add(struct net_options *o, struct words *list, size_t max, const char *text)
{
    o->given = true;
    if (list->count == max) {
        return report_error(STATUS_OWN_ERROR, "%s: more than %zu of this kind" HINT, text, max);
    }
    words_add(list, text);
    return 0;
}

int net_parse_ip(struct net_options *o, const char *text)
{
    if (address_prefix_family(text) == 0) {
        return report_error(STATUS_OWN_ERROR,
                            "--ip %s: not of the form ADDRESS/BITS, as 192.0.2.5/24" HINT, text);
    }
    return add(o, &o->ip, IP_MAX, text);
}

static int add_address(struct net_options *o, struct words *list, size_t max, const char *option,
                       const char *text)
{
    if (address_family(text) == 0) {
        return report_error(STATUS_OWN_ERROR, "%s %s: not an IP address" HINT, option, text);
    }
    return add(o, list, max, text);
}

int net_parse_gw(struct net_options *o, const char *text)
{
    return add_address(o, &o->gw, GW_MAX, "--gw", text);
}

int net_parse_dns(struct net_options *o, const char *text)
{
    return add_address(o, &o->dns, DNS_MAX, "--dns", text);
}

int net_parse_search(struct net_options *o, const char *text)
{
    if (!address_domain(text)) {
        return report_error(STATUS_OWN_ERROR, "--dns-search %s: not a domain" HINT, text);
    }
    return add(o, &o->search, SEARCH_MAX, text);
}

int net_parse_mac(struct net_options *o, const char *text)
{
    unsigned char mac[MAC_LEN];
    if (!address_mac(text, mac)) {
        return report_error(STATUS_OWN_ERROR,
                            "--mac %s: not the address of one interface, as 52:54:00:12:34:56" HINT,
                            text);
    }
    o->mac = text;
    o->given = true;
    return 0;
}

int net_parse_hostname(struct net_options *o, const char *text)
{
    if (!address_hostname(text)) {
        return report_error(STATUS_OWN_ERROR,
                            "--hostname %s: not 1 to 64 letters, digits, '-' and '.'" HINT, text);
    }
    o->hostname = text;
    o->given = true;
    return 0;
}

int net_parse_port(struct net_options *o, const char *text)
{
    o->given = true;
    return ports_parse(&o->ports, text);
}

static bool has_family(const struct words *prefixes, int family)
{
    for (size_t i = 0; i < prefixes->count; i++) {
        if (address_prefix_family(prefixes->items[i]) == family) {
            return true;
        }
    }
    return false;
}

static int check_gateways(const struct net_options *o)
{
    int before = 0;
    for (size_t i = 0; i < o->gw.count; i++) {
        int family = address_family(o->gw.items[i]);
        if (!has_family(&o->ip, family)) {
            return report_error(STATUS_OWN_ERROR, "--gw %s: there is no --ip of its kind" HINT,
                                o->gw.items[i]);
        }
        if (family == before) {
            return report_error(STATUS_OWN_ERROR, "--gw %s: the second of its kind" HINT,
                                o->gw.items[i]);
        }
        before = family;
    }
    return 0;
}

/* The first option that makes no sense without a network, or NULL. */
static const char *needs_network(const struct net_options *o)
{
    return o->ports.count != 0 ? "-p"
           : o->ip.count != 0  ? "--ip"
           : o->gw.count != 0  ? "--gw"
           : o->dns.count != 0 ? "--dns"
           : o->mac != NULL    ? "--mac"
                               : NULL;
}

int net_check(const struct net_options *o)
{
    const char *option = needs_network(o);
    if (o->kind == NET_NONE && option != NULL) {
        return report_error(STATUS_OWN_ERROR, "%s needs a network: not with --net none" HINT,
                            option);
    }
    if (o->kind == NET_USER && o->ip.count + o->gw.count != 0) {
        return report_error(STATUS_OWN_ERROR,
                            "%s is for --net tap and bridge: with --net user the guest is "
                            "always " NET_USER_IP HINT,
                            o->ip.count != 0 ? "--ip" : "--gw");
    }
    if (o->kind != NET_USER && o->ports.count != 0) {
        return report_error(STATUS_OWN_ERROR,
                            "-p is for --net user: with --net %s=%s the guest is reached at its "
                            "own address" HINT,
                            o->kind == NET_TAP ? "tap" : "bridge", o->name);
    }
    return check_gateways(o);
}

void net_options_fini(struct net_options *o)
{
    words_fini(&o->ip);
    words_fini(&o->gw);
    words_fini(&o->dns);
    words_fini(&o->search);
    ports_fini(&o->ports);
}

/* A setting is before KEY=VALUE after. Several values of a key are settings of their own, or,
 * joined, one value with commas. */
struct form {
    const char *before, *after;
    bool joined;
};

static void describe(struct text *out, const struct form *form, const char *key,
                     const char *const *values)
{
    if (form->joined) {
        text_add_format(out, "%s%s=", form->before, key);
        for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
            text_add_format(out, "%s%s", i != 0 ? "," : "", values[i]);
        }
        text_add_string(out, form->after);
        return;
    }
    for (size_t i = 0; values != NULL && values[i] != NULL; i++) {
        text_add_format(out, "%s%s=%s%s", form->before, key, values[i], form->after);
    }
}

static const char *const *list_of(const struct words *w)
{
    return (const char *const *)w->items;
}

/* Domains are one value, with blanks between them where values are lines. */
static void describe_search(struct text *out, const struct form *form, const struct words *w)
{
    struct text value = {0};
    for (size_t i = 0; i < w->count; i++) {
        text_add_format(&value, "%s%s", i == 0 ? "" : form->joined ? "," : " ", w->items[i]);
    }
    const char *const values[] = {value.data, NULL};
    describe(out, form, "search", values);
    text_fini(&value);
}

static void describe_all(const struct net_options *o, const struct form *form, struct text *out)
{
    bool user = o->kind == NET_USER;
    bool fixed = user || o->ip.count != 0;
    const char *const mode[] = {o->kind == NET_NONE ? "none" : fixed ? "static" : "dhcp", NULL};
    const char *const hostname[] = {o->hostname, NULL};
    if (o->hostname != NULL) {
        describe(out, form, "hostname", hostname);
    }
    describe(out, form, "net", mode);
    describe(out, form, "ip", user ? user_ip : list_of(&o->ip));
    describe(out, form, "gw", user ? user_gw : list_of(&o->gw));
    describe(out, form, "dns", user && o->dns.count == 0 ? user_dns : list_of(&o->dns));
    describe_search(out, form, &o->search);
}

void net_describe(const struct net_options *o, struct text *out)
{
    static const struct form lines = {"", "\n", false};
    describe_all(o, &lines, out);
}

void net_override(const struct net_options *o, struct text *out)
{
    static const struct form options = {" ", "", true};
    describe_all(o, &options, out);
}

/* Several machines on one wire must differ. */
static void choose_mac(struct net *n)
{
    unsigned char mac[MAC_LEN] = {0x52, 0x54, 0x00};
    bool known = n->options->mac != NULL && address_mac(n->options->mac, mac);
    if (!known && (n->options->kind == NET_USER || getrandom(mac + 3, 3, 0) != 3)) {
        return;
    }
    snprintf(n->mac, sizeof(n->mac), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
             mac[3], mac[4], mac[5]);
}

int net_open(struct net *n, struct net_options *o, unsigned queues, int lowest)
{
    *n = (struct net){.options = o};
    choose_mac(n);
    switch (o->kind) {
    case NET_TAP: return tap_open(o->name, queues, lowest, &n->tap);
    case NET_BRIDGE: return tap_open_bridged(o->name, queues, lowest, &n->tap);
    default: return ports_hold(&o->ports);
    }
}

void net_close(struct net *n)
{
    tap_close(&n->tap);
}
