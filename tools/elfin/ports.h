/* SPDX-License-Identifier: MIT */
/* Ports of this machine behind which the guest's are. */
#ifndef TOOLS_ELFIN_PORTS_H
#define TOOLS_ELFIN_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORTS_ADDRESS_LEN 16 /* of an IPv4 address as text, with its NUL */

struct port {
    char address[PORTS_ADDRESS_LEN]; /* of this machine, "0.0.0.0": all of them */
    uint16_t host; /* 0: one that is free */
    uint16_t guest;
    bool udp;
    int fd; /* holds the host's port; -1 */
    const char *text; /* as it was given */
};

struct ports {
    struct port *items; /* array of count */
    size_t count;
};

/* ports_parse: append what text, "[ADDRESS:]HOST:GUEST[/tcp|/udp]", says; HOST and GUEST may be
 * ranges FIRST-LAST of equal length. text stays the caller's. Returns 0 or an exit status after a
 * message. */
int ports_parse(struct ports *p, const char *text);

/* ports_hold: take all ports, so that a taken one is known before the machine starts; choose those
 * that are 0, each with a line that says which. Returns 0 or an exit status after a message.
 * ports_yield: the hypervisor takes them now. A TCP port stays ours for all others. */
int ports_hold(struct ports *p);
void ports_yield(struct ports *p);
void ports_fini(struct ports *p);

#endif
