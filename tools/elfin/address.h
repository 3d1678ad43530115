/* SPDX-License-Identifier: MIT */
/* Addresses as the command line has them. */
#ifndef TOOLS_ELFIN_ADDRESS_H
#define TOOLS_ELFIN_ADDRESS_H

#include <stdbool.h>

#define MAC_LEN 6

/* address_family: AF_INET or AF_INET6 of text, which is one address and nothing else; 0: it is
 * none. */
int address_family(const char *text);

/* address_prefix_family: as address_family of "ADDRESS/BITS". */
int address_prefix_family(const char *text);

/* address_mac: read "52:54:00:12:34:56" into out[MAC_LEN]. Returns false for anything else, and for
 * addresses of groups. */
bool address_mac(const char *text, unsigned char *out);

/* address_hostname: text can be a host's name: 1 to 64 letters, digits, '-', '.', and letters or
 * digits at its ends. */
bool address_hostname(const char *text);

/* address_domain: the same for a domain, which may be longer. */
bool address_domain(const char *text);

#endif
