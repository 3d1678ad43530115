/* SPDX-License-Identifier: MIT */
/* SIOCGIFCONF and its family: questions about network interfaces. Nothing can be changed by them.
 * The state asked for is lwIP's, under net_core. Source: netdevice(7). */
#include "net/ifreq.h"

#include <asm/errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/in.h>
#include <linux/sockios.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/uaccess.h"
#include "net/abi.h"
#include "net/iface.h"
#include "net/loopback.h"
#include "net/net.h"

#define QUEUE_LEN 1000
#define ALL_MAX (2 + ALIAS_MAX) /* addresses */

static_assert(sizeof(struct ifreq) == 40, "as C libraries have it");

static void put_ip(struct ifreq *r, uint32_t ip)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = ip};
    memcpy(&r->ifr_addr, &sin, sizeof(sin));
}

static int get_address(const struct netif *n, unsigned cmd, struct ifreq *r) NEEDS(net_core)
{
    uint32_t ip = ip4_addr_get_u32(netif_ip4_addr(n));
    uint32_t mask = ip4_addr_get_u32(netif_ip4_netmask(n));
    if (ip == 0) {
        return -EADDRNOTAVAIL;
    }
    switch (cmd) {
    case SIOCGIFNETMASK: put_ip(r, mask); break;
    case SIOCGIFBRDADDR: put_ip(r, n == loopback_netif() ? 0 : ip | ~mask); break;
    default: put_ip(r, ip); break;
    }
    return 0;
}

static int get_locked(const struct netif *n, unsigned cmd, struct ifreq *r) NEEDS(net_core)
{
    bool lo = n == loopback_netif();
    switch (cmd) {
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK: return get_address(n, cmd, r);
    case SIOCGIFFLAGS: r->ifr_flags = (short)iface_flags(n); return 0;
    case SIOCGIFMTU: r->ifr_mtu = (int)iface_mtu(n); return 0;
    case SIOCGIFMETRIC: r->ifr_metric = 0; return 0;
    case SIOCGIFINDEX: r->ifr_ifindex = netif_get_index(n); return 0;
    case SIOCGIFTXQLEN: r->ifr_qlen = QUEUE_LEN; return 0;
    case SIOCGIFMAP: memset(&r->ifr_map, 0, sizeof(r->ifr_map)); return 0;
    case SIOCGIFHWADDR:
        memset(&r->ifr_hwaddr, 0, sizeof(r->ifr_hwaddr));
        r->ifr_hwaddr.sa_family = lo ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
        memcpy(r->ifr_hwaddr.sa_data, n->hwaddr, lo ? 0 : sizeof(n->hwaddr));
        return 0;
    default: return -EOPNOTSUPP;
    }
}

static long get(unsigned cmd, uint64_t arg)
{
    struct ifreq r;
    if (uaccess_read(&r, uptr(const void, arg), sizeof(r)) != 0) {
        return -EFAULT;
    }
    net_lock();
    r.ifr_name[sizeof(r.ifr_name) - 1] = 0;
    char *alias = strchr(r.ifr_name, ':'); /* eth0:1 is an address of eth0 */
    size_t len = alias != NULL ? (size_t)(alias - r.ifr_name) : sizeof(r.ifr_name);
    const struct netif *n = iface_find_locked(r.ifr_name, len);
    uint64_t number;
    if (n != NULL && alias != NULL && string_to_u64(alias + 1, &number) == 0 && number != 0) {
        n = alias_nth_locked(n, (unsigned)min(number, (uint64_t)ALIAS_MAX + 1) - 1);
    }
    int err = n == NULL ? -ENODEV : get_locked(n, cmd, &r);
    net_unlock();
    return err != 0 ? err : uaccess_write(uptr(void, arg), &r, sizeof(r));
}

static long get_name(uint64_t arg)
{
    struct ifreq r;
    if (uaccess_read(&r, uptr(const void, arg), sizeof(r)) != 0) {
        return -EFAULT;
    }
    net_lock();
    bool sane = r.ifr_ifindex > 0 && r.ifr_ifindex < (int)UINT8_MAX;
    struct netif *n = sane ? netif_get_by_index((u8_t)r.ifr_ifindex) : NULL;
    n = n != NULL && alias_is(n) ? NULL : n;
    if (n != NULL) {
        iface_name(n, r.ifr_name);
    }
    net_unlock();
    return n == NULL ? -ENODEV : uaccess_write(uptr(void, arg), &r, sizeof(r));
}

/* SIOCGIFCONF: those with an IPv4 address. Without a buffer: how long it should be. */
static long get_all(uint64_t arg)
{
    struct ifconf c;
    struct ifreq all[ALL_MAX];
    size_t n = 0;
    unsigned naliases = 0;
    struct netif *i;
    if (uaccess_read(&c, uptr(const void, arg), sizeof(c)) != 0) {
        return -EFAULT;
    }
    memset(all, 0, sizeof(all));
    net_lock();
    for (unsigned index = 1; index <= ALL_MAX; index++) {
        i = netif_get_by_index((u8_t)index);
        if (i != NULL && get_address(i, SIOCGIFADDR, &all[n]) == 0) {
            iface_name(i, all[n].ifr_name);
            naliases += alias_is(i);
            if (alias_is(i)) {
                all[n].ifr_name[4] = ':'; /* behind eth0 */
                all[n].ifr_name[5] = (char)('0' + naliases);
            }
            n++;
        }
    }
    net_unlock();
    if (c.ifc_buf != NULL) {
        n = min(n, (size_t)max(c.ifc_len, 0) / sizeof(all[0]));
        if (uaccess_write(uptr(void, (uint64_t)c.ifc_buf), all, n * sizeof(all[0])) != 0) {
            return -EFAULT;
        }
    }
    c.ifc_len = (int)(n * sizeof(all[0]));
    return uaccess_write(uptr(void, arg), &c, sizeof(c));
}

static bool changes(unsigned cmd)
{
    switch (cmd) {
    case SIOCSIFFLAGS:
    case SIOCSIFADDR:
    case SIOCSIFDSTADDR:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFMTU:
    case SIOCSIFHWADDR:
    case SIOCSIFNAME:
    case SIOCSIFTXQLEN:
    case SIOCADDRT:
    case SIOCDELRT: return true;
    default: return false;
    }
}

long ifreq_ioctl(unsigned cmd, uint64_t arg)
{
    if (cmd >> 8 == SIOCGIFCONF >> 8) {
        net_need_device();
    }
    switch (cmd) {
    case SIOCGIFCONF: return get_all(arg);
    case SIOCGIFNAME: return get_name(arg);
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFFLAGS:
    case SIOCGIFMTU:
    case SIOCGIFMETRIC:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
    case SIOCGIFMAP:
    case SIOCGIFHWADDR:
    case SIOCETHTOOL: return get(cmd, arg);
    default: break;
    }
    if (changes(cmd)) {
        log(SYSCALL, INFO, "ioctl %x on a network interface is not supported (EOPNOTSUPP)", cmd);
        return -EOPNOTSUPP;
    }
    return -ENOTTY;
}
