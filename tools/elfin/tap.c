/* SPDX-License-Identifier: MIT */
/* Owns descriptors of /dev/net/tun and what must be true of the interfaces behind them. They are
 * opened here and not by the hypervisor, so that what is wrong is known before the machine starts,
 * and said. Nothing is read below /sys, which may be that of other namespaces.
 * Source: Linux Documentation/networking/tuntap.rst; netdevice(7); linux/if_tun.h,
 * linux/ethtool.h: what the drivers tun and bridge say of themselves. */
#include "tools/elfin/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
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

/* A socket for what netdevice(7) describes. Returns 0 or a negative errno. */
static int control(unsigned long call, struct ifreq *request)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err = fd < 0 || ioctl(fd, call, request) != 0 ? -errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

/* Fill in the name. Returns false if there is no such interface. */
static bool find(const char *name, struct ifreq *request)
{
    *request = (struct ifreq){0};
    strncpy(request->ifr_name, name, IFNAMSIZ - 1);
    return strlen(name) < IFNAMSIZ && control(SIOCGIFINDEX, request) == 0;
}

/* What its driver says of the interface: the driver's name, and on which bus it is. */
static bool is_driven(const char *name, const char *driver, const char *bus)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = {.ifr_data = (char *)&info};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return control(SIOCETHTOOL, &request) == 0 && strcmp(info.driver, driver) == 0 &&
           (bus == NULL || strcmp(info.bus_info, bus) == 0);
}

/* One more queue of the interface request->ifr_name. Returns 0 or a negative errno. */
static int add_queue(struct tap *t, struct ifreq *request)
{
    int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, t->lowest) : -1;
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

static int add_queues(struct tap *t, struct ifreq *request, unsigned queues, int kind)
{
    int err = 0;
    for (unsigned i = 0; i < queues && err == 0; i++) {
        request->ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | kind);
        err = add_queue(t, request);
    }
    return err;
}

/* An interface was made for one queue or for several, and opens only as such. */
static int add_all(struct tap *t, struct ifreq *request, unsigned queues)
{
    int kind = queues > 1 ? IFF_MULTI_QUEUE : 0;
    int err = add_queues(t, request, queues, kind);
    if (err == -EINVAL) {
        tap_close(t);
        err = add_queues(t, request, 1, kind ^ IFF_MULTI_QUEUE);
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

static int refuse_tap(const char *name, const char *why, const char *what)
{
    return report_error(STATUS_OWN_ERROR, "--net tap=%s: %s: ip tuntap add dev %s mode tap%s", name,
                        why, name, what);
}

int tap_open(const char *name, unsigned queues, int lowest, struct tap *out)
{
    struct ifreq request;
    *out = (struct tap){.lowest = lowest};
    if (!find(name, &request)) {
        return refuse_tap(name, "there is no such interface", " user $USER");
    }
    if (!is_driven(name, "tun", "tap")) {
        return report_error(STATUS_OWN_ERROR, "--net tap=%s: this interface is not a tap", name);
    }
    int err = add_all(out, &request, queues);
    if (err == -EPERM) {
        return refuse_tap(name, "it belongs to another user", " user $USER");
    }
    if (err != 0) {
        return report_error(STATUS_OWN_ERROR, "--net tap=%s: %s", name,
                            err == -EBUSY ? "something else uses it" : strerror(-err));
    }
    report_detail("%s has %u queues", name, out->count);
    warn_if_down(name);
    return 0;
}

/* A bridge takes the lowest address of its ports and changes it with them, which its peers learn
 * too late: this port's is to be the highest. */
static int raise_address(struct ifreq *port)
{
    int err = control(SIOCGIFHWADDR, port);
    port->ifr_hwaddr.sa_data[0] = (char)0xfe;
    return err == 0 ? control(SIOCSIFHWADDR, port) : err;
}

/* Make the interface that was just made a port of the bridge. */
static int enslave(const char *bridge, struct ifreq *port)
{
    struct ifreq request = {0};
    int err = raise_address(port);
    err = err == 0 ? control(SIOCGIFINDEX, port) : err;
    strncpy(request.ifr_name, bridge, IFNAMSIZ - 1);
    request.ifr_ifindex = port->ifr_ifindex;
    err = err == 0 ? control(SIOCBRADDIF, &request) : err;
    port->ifr_flags = IFF_UP;
    return err == 0 ? control(SIOCSIFFLAGS, port) : err;
}

int tap_open_bridged(const char *bridge, unsigned queues, int lowest, struct tap *out)
{
    struct ifreq request;
    *out = (struct tap){.lowest = lowest};
    if (!find(bridge, &request)) {
        return report_error(STATUS_OWN_ERROR, "--net bridge=%s: there is no such interface",
                            bridge);
    }
    if (!is_driven(bridge, "bridge", NULL)) {
        return report_error(STATUS_OWN_ERROR, "--net bridge=%s: this interface is not a bridge",
                            bridge);
    }
    request = (struct ifreq){.ifr_name = FRESH_NAME};
    int err = add_all(out, &request, queues);
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
    while (t->count != 0) {
        close(t->queues[--t->count]);
    }
}
