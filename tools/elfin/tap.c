/* SPDX-License-Identifier: MIT */
/* Owns descriptors of /dev/net/tun and what must be true of the interfaces behind them. They are
 * opened here and not by the hypervisor, so that what is wrong is known before the machine starts,
 * and said.
 * Source: Linux Documentation/networking/tuntap.rst; netdevice(7); linux/if_tun.h; the sysfs files
 * tun_flags and bridge/ of net/tun.c and net/bridge. */
#include "tools/elfin/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/elfin/report.h"
#include "tools/elfin/words.h"

#define DEVICE "/dev/net/tun"
#define FRESH_NAME "elfin%d" /* the kernel puts the next free number in */

/* The name has the length that an interface's can have, and is no path. */
static bool is_name(const char *name)
{
    size_t len = strlen(name);
    return len >= 1 && len < IFNAMSIZ && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

static bool has_file(const char *name, const char *file)
{
    char *path = text_format("/sys/class/net/%s/%s", name, file);
    bool found = is_name(name) && access(path, F_OK) == 0;
    free(path);
    return found;
}

/* IFF_* that the interface was made with; 0: it is no tap. */
static unsigned long tap_flags(const char *name)
{
    char text[16] = "";
    char *path = text_format("/sys/class/net/%s/tun_flags", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        close(fd);
    }
    unsigned long flags = strtoul(text, NULL, 16);
    return (flags & TUN_TYPE_MASK) == IFF_TAP ? flags : 0;
}

/* One more queue of the interface request->ifr_name. Returns 0 or a negative errno. */
static int add_queue(struct tap *t, struct ifreq *request, int lowest)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, lowest) : -1;
    int err = high < 0 ? -errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    if (err != 0) {
        return err;
    }
    t->queues[t->count++] = high;
    return ioctl(high, TUNSETIFF, request) != 0 || fcntl(high, F_SETFL, O_NONBLOCK) != 0 ? -errno
                                                                                         : 0;
}

static int add_queues(struct tap *t, struct ifreq *request, unsigned queues, int lowest)
{
    int err = 0;
    request->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (queues > 1) {
        request->ifr_flags |= IFF_MULTI_QUEUE;
    }
    for (unsigned i = 0; i < queues && err == 0; i++) {
        err = add_queue(t, request, lowest);
    }
    return err;
}

/* A socket for what netdevice(7) describes. */
static int control(unsigned long call, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err = fd < 0 || ioctl(fd, call, request) != 0 ? -errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

static bool is_up(const char *name)
{
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return control(SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

static void warn_if_down(const char *name)
{
    if (!is_up(name)) {
        report_notice("%s is down, nothing can pass: ip link set %s up", name, name);
    }
}

int tap_open(const char *name, unsigned queues, int lowest, struct tap *out)
{
    *out = (struct tap){0};
    if (!has_file(name, ".")) {
        return report_error(STATUS_OWN_ERROR,
                            "--net tap=%s: there is no such interface: "
                            "ip tuntap add dev %s mode tap user $USER",
                            name, name);
    }
    unsigned long flags = tap_flags(name);
    if (flags == 0) {
        return report_error(STATUS_OWN_ERROR, "--net tap=%s: this interface is not a tap", name);
    }
    if ((flags & IFF_MULTI_QUEUE) == 0 && queues > 1) {
        report_detail("%s was made for one queue", name);
        queues = 1;
    }
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    int err = add_queues(out, &request, queues, lowest);
    if (err == -EPERM) {
        return report_error(STATUS_OWN_ERROR,
                            "--net tap=%s: it belongs to another user: "
                            "ip tuntap add dev %s mode tap user $USER",
                            name, name);
    }
    if (err != 0) {
        return report_error(STATUS_OWN_ERROR, "--net tap=%s: %s", name,
                            err == -EBUSY ? "something else uses it" : strerror(-err));
    }
    warn_if_down(name);
    return 0;
}

/* Make the interface that was just made a port of the bridge. */
static int enslave(const char *bridge, struct ifreq *port)
{
    struct ifreq request = {0};
    int err = control(SIOCGIFINDEX, port);
    strncpy(request.ifr_name, bridge, IFNAMSIZ - 1);
    request.ifr_ifindex = port->ifr_ifindex;
    err = err == 0 ? control(SIOCBRADDIF, &request) : err;
    port->ifr_flags = IFF_UP;
    return err == 0 ? control(SIOCSIFFLAGS, port) : err;
}

int tap_open_bridged(const char *bridge, unsigned queues, int lowest, struct tap *out)
{
    *out = (struct tap){0};
    if (!has_file(bridge, ".")) {
        return report_error(STATUS_OWN_ERROR, "--net bridge=%s: there is no such interface",
                            bridge);
    }
    if (!has_file(bridge, "bridge")) {
        return report_error(STATUS_OWN_ERROR, "--net bridge=%s: this interface is not a bridge",
                            bridge);
    }
    struct ifreq request = {.ifr_name = FRESH_NAME};
    int err = add_queues(out, &request, queues, lowest);
    err = err == 0 ? enslave(bridge, &request) : err;
    if (err == -EPERM || err == -EACCES) {
        return report_error(STATUS_OWN_ERROR,
                            "--net bridge=%s: only root can add to a bridge; "
                            "have a tap added to it and use --net tap=NAME",
                            bridge);
    }
    if (err != 0) {
        return report_error(STATUS_OWN_ERROR, "--net bridge=%s: %s", bridge, strerror(-err));
    }
    report_detail("%s is a port of %s", request.ifr_name, bridge);
    warn_if_down(bridge);
    return 0;
}

void tap_close(struct tap *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        close(t->queues[i]);
    }
    *t = (struct tap){0};
}
