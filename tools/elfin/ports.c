/* SPDX-License-Identifier: MIT */
/* Owns the form of -p and the sockets that hold the ports. A TCP port that is bound but does not
 * listen can be bound once more by the hypervisor, as both say SO_REUSEADDR, and by nobody who
 * wants it for himself; a UDP port cannot be shared like that and is free for a moment.
 * Source: docker-run(1), -p; ip(7), socket(7) for SO_REUSEADDR. */
#include "tools/elfin/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/elfin/address.h"
#include "tools/elfin/report.h"
#include "tools/elfin/words.h"

#define PORTS_MAX 1000 /* what one argument of QEMU has room for, by far */
#define ANY "0.0.0.0"

struct range {
    unsigned first, last;
};

static int refuse(const char *text, const char *why)
{
    return report_error(STATUS_OWN_ERROR, "-p %s: %s; see elfin run --help", text, why);
}

/* Reads one number. Returns what follows it, NULL if there is none up to 65535. */
static const char *parse_number(const char *text, unsigned *out)
{
    size_t digits = strspn(text, "0123456789");
    *out = digits <= 5 ? (unsigned)strtoul(text, NULL, 10) : UINT32_MAX;
    return digits != 0 && *out <= UINT16_MAX ? text + digits : NULL;
}

/* Reads "N" or "N-M". Returns what follows, NULL for nonsense. */
static const char *parse_range(const char *text, struct range *out)
{
    const char *end = parse_number(text, &out->first);
    out->last = out->first;
    if (end != NULL && *end == '-') {
        end = parse_number(end + 1, &out->last);
    }
    return end != NULL && out->first <= out->last ? end : NULL;
}

/* Reads "HOST:GUEST[/tcp|/udp]". Returns false for nonsense. */
static bool parse_pair(const char *text, struct range *host, struct range *guest, bool *udp)
{
    const char *end = parse_range(text, host);
    end = end != NULL && *end == ':' ? parse_range(end + 1, guest) : NULL;
    if (end == NULL || guest->first == 0) {
        return false;
    }
    *udp = strcmp(end, "/udp") == 0;
    return *end == '\0' || *udp || strcmp(end, "/tcp") == 0;
}

static void append(struct ports *p, const struct port *port)
{
    struct port *items = reallocarray(p->items, p->count + 1, sizeof(*items));
    if (items == NULL) {
        report_no_memory();
    }
    items[p->count++] = *port;
    p->items = items;
}

static int add(struct ports *p, struct port *port, const struct range *host,
               const struct range *guest)
{
    unsigned n = guest->last - guest->first + 1;
    if (host->last - host->first + 1 != n) {
        return refuse(port->text, "ranges of different length");
    }
    if (host->first == 0 && n > 1) {
        return refuse(port->text, "a range cannot begin with port 0");
    }
    if (p->count + n > PORTS_MAX) {
        return report_error(STATUS_OWN_ERROR, "-p %s: more than %d ports", port->text, PORTS_MAX);
    }
    for (unsigned i = 0; i < n; i++) {
        port->host = (uint16_t)(host->first + i);
        port->guest = (uint16_t)(guest->first + i);
        append(p, port);
    }
    return 0;
}

int ports_parse(struct ports *p, const char *text)
{
    struct port port = {.address = ANY, .fd = -1, .text = text};
    struct range host = {0};
    struct range guest = {0};
    const char *rest = text;
    if (*text == '[') {
        return refuse(text, "only IPv4 addresses of this machine can be published");
    }
    size_t len = strcspn(text, ":");
    if (memchr(text, '.', len) != NULL) {
        char *address = text_copy_part(text, len);
        bool ok = len < sizeof(port.address) && address_family(address) == AF_INET;
        if (ok) {
            memcpy(port.address, address, len + 1);
        }
        free(address);
        if (!ok || text[len] != ':') {
            return refuse(text, "not of the form [ADDRESS:]HOST:GUEST[/udp]");
        }
        rest = text + len + 1;
    }
    if (!parse_pair(rest, &host, &guest, &port.udp)) {
        return refuse(text, "not of the form [ADDRESS:]HOST:GUEST[/udp]");
    }
    return add(p, &port, &host, &guest);
}

static const char *protocol(const struct port *port)
{
    return port->udp ? "UDP" : "TCP";
}

static int refuse_port(const struct port *port, int err)
{
    const char *is = "is";
    const char *why = "taken";
    if (err == EADDRNOTAVAIL) {
        return report_error(STATUS_OWN_ERROR, "-p %s: %s is not an address of this machine",
                            port->text, port->address);
    }
    if (err != EADDRINUSE) {
        is = "cannot be used:";
        why = strerror(err);
    }
    return report_error(STATUS_OWN_ERROR, "-p %s: %s port %u %s %s", port->text, protocol(port),
                        port->host, is, why);
}

/* Two -p of one port: the sockets alone would not tell. */
static bool is_twice(const struct ports *p, size_t i)
{
    const struct port *a = &p->items[i];
    for (size_t j = 0; j < i; j++) {
        const struct port *b = &p->items[j];
        bool same = strcmp(a->address, b->address) == 0 || strcmp(a->address, ANY) == 0 ||
                    strcmp(b->address, ANY) == 0;
        if (a->host == b->host && a->udp == b->udp && same) {
            return true;
        }
    }
    return false;
}

static int hold(struct port *port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port->host)};
    socklen_t len = sizeof(address);
    port->fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (port->fd < 0) {
        return errno;
    }
    inet_pton(AF_INET, port->address, &address.sin_addr);
    if ((!port->udp && setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) ||
        bind(port->fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(port->fd, (struct sockaddr *)&address, &len) != 0) {
        return errno;
    }
    if (port->host == 0) {
        port->host = ntohs(address.sin_port);
        report_notice("%s port %u of the guest is port %u here", protocol(port), port->guest,
                      port->host);
    }
    return 0;
}

int ports_hold(struct ports *p)
{
    for (size_t i = 0; i < p->count; i++) {
        bool chosen = p->items[i].host == 0;
        int err = hold(&p->items[i]);
        if (err != 0) {
            return refuse_port(&p->items[i], err);
        }
        if (!chosen && is_twice(p, i)) {
            return refuse_port(&p->items[i], EADDRINUSE);
        }
    }
    return 0;
}

void ports_yield(struct ports *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].udp && p->items[i].fd >= 0) {
            close(p->items[i].fd);
            p->items[i].fd = -1;
        }
    }
}

void ports_fini(struct ports *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].fd >= 0) {
            close(p->items[i].fd);
        }
    }
    free(p->items);
    *p = (struct ports){0};
}
