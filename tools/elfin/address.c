/* SPDX-License-Identifier: MIT */
/* Owns the forms of addresses and names. Source: inet_pton(3), hostname(7), resolv.conf(5). */
#include "tools/elfin/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tools/elfin/words.h"

#define HOSTNAME_MAX 64 /* HOST_NAME_MAX of Linux */
#define DOMAIN_MAX 253
#define MAC_TEXT_LEN (3 * MAC_LEN - 1)
#define HEX_BYTES "0123456789abcdefABCDEF"
#define NAME_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

int address_family(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return AF_INET;
    }
    return inet_pton(AF_INET6, text, bytes) == 1 ? AF_INET6 : 0;
}

int address_prefix_family(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        return 0;
    }
    size_t digits = strspn(slash + 1, "0123456789");
    char *address = text_copy_part(text, (size_t)(slash - text));
    int family = address_family(address);
    free(address);
    unsigned long bits = strtoul(slash + 1, NULL, 10);
    bool ok = digits >= 1 && digits <= 3 && slash[1 + digits] == '\0' && bits >= 1 &&
              bits <= (family == AF_INET ? 32 : 128);
    return ok ? family : 0;
}

bool address_mac(const char *text, unsigned char *out)
{
    bool ok = strlen(text) == MAC_TEXT_LEN;
    for (int i = 0; i < MAC_LEN && ok; i++, text += 3) {
        ok = strspn(text, HEX_BYTES) == 2 && text[2] == (i < MAC_LEN - 1 ? ':' : '\0');
        out[i] = (unsigned char)strtoul(text, NULL, 16);
    }
    return ok && (out[0] & 1) == 0;
}

static bool is_name(const char *text, size_t max)
{
    size_t len = strlen(text);
    return len >= 1 && len <= max && text[strspn(text, NAME_BYTES "-.")] == '\0' &&
           strchr(NAME_BYTES, text[0]) != NULL && strchr(NAME_BYTES, text[len - 1]) != NULL;
}

bool address_hostname(const char *text)
{
    return is_name(text, HOSTNAME_MAX);
}

bool address_domain(const char *text)
{
    return is_name(text, DOMAIN_MAX);
}
