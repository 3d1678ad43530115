// kinds: glibc-dynamic
/* SPDX-License-Identifier: MIT */
/* What programs ask of network interfaces: getifaddrs, netlink dumps and ioctls. Only lo is shown:
 * it is the same everywhere. Source: netdevice(7), rtnetlink(7), netlink(7), getifaddrs(3). */
#define _GNU_SOURCE
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netdb.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>

#include "test/guest/inet.h"

static void test_getifaddrs(void)
{
    struct ifaddrs *all, *i;
    SHOW(getifaddrs(&all));
    for (i = all; i != NULL; i = i->ifa_next) {
        char text[INET6_ADDRSTRLEN] = "";
        int family = i->ifa_addr != NULL ? i->ifa_addr->sa_family : -1;
        if (strcmp(i->ifa_name, "lo") != 0)
            continue;
        if (family == AF_INET)
            inet_ntop(family, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof(text));
        if (family == AF_INET6)
            inet_ntop(family, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, text, sizeof(text));
        printf("%s family %d flags %x %s\n", i->ifa_name, family, i->ifa_flags, text);
        if (family == AF_INET)
            printf("mask %x\n", ntohl(((struct sockaddr_in *)i->ifa_netmask)->sin_addr.s_addr));
        if (family == AF_PACKET) {
            const struct sockaddr_ll *ll = (struct sockaddr_ll *)i->ifa_addr;
            printf("type %d length %d index %d\n", ll->sll_hatype, ll->sll_halen, ll->sll_ifindex);
        }
    }
    freeifaddrs(all);
    SHOW(if_nametoindex("lo"));
    SHOW(if_nametoindex("nothere"));
    char name[IF_NAMESIZE] = "";
    TRUE(if_indextoname(1, name) == name);
    printf("%s\n", name);
    TRUE(if_indextoname(99, name) == NULL);
}

static void test_ioctls(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r;
    memset(&r, 0, sizeof(r));
    strcpy(r.ifr_name, "lo");
    SHOW(ioctl(fd, SIOCGIFADDR, &r));
    printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
    SHOW(ioctl(fd, SIOCGIFNETMASK, &r));
    printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
    SHOW(ioctl(fd, SIOCGIFBRDADDR, &r));
    printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
    SHOW(ioctl(fd, SIOCGIFFLAGS, &r));
    printf("flags %x\n", r.ifr_flags);
    SHOW(ioctl(fd, SIOCGIFMTU, &r));
    printf("mtu %d\n", r.ifr_mtu);
    SHOW(ioctl(fd, SIOCGIFINDEX, &r));
    printf("index %d\n", r.ifr_ifindex);
    SHOW(ioctl(fd, SIOCGIFHWADDR, &r));
    printf("type %d\n", r.ifr_hwaddr.sa_family);
    SHOW(ioctl(fd, SIOCGIFMETRIC, &r));
    SHOW(ioctl(fd, SIOCGIFTXQLEN, &r));
    printf("queue %d\n", r.ifr_qlen);
    r.ifr_ifindex = 1;
    SHOW(ioctl(fd, SIOCGIFNAME, &r));
    printf("%s\n", r.ifr_name);
    strcpy(r.ifr_name, "nothere");
    SHOW(ioctl(fd, SIOCGIFADDR, &r));
    struct ifreq all[8];
    struct ifconf c = {.ifc_len = sizeof(all), .ifc_req = all};
    SHOW(ioctl(fd, SIOCGIFCONF, &c));
    for (unsigned i = 0; i < (unsigned)c.ifc_len / sizeof(all[0]); i++)
        if (strcmp(all[i].ifr_name, "lo") == 0)
            printf("lo %s\n", inet_ntoa(((struct sockaddr_in *)&all[i].ifr_addr)->sin_addr));
    struct ifconf none = {.ifc_len = 0, .ifc_req = NULL};
    SHOW(ioctl(fd, SIOCGIFCONF, &none));
    TRUE(none.ifc_len >= (int)sizeof(all[0]));
    struct ifconf small = {.ifc_len = 10, .ifc_req = all};
    SHOW(ioctl(fd, SIOCGIFCONF, &small));
    printf("length %d\n", small.ifc_len);
    close(fd);
}

static long ask(int fd, unsigned type, unsigned flags, const void *header, size_t len)
{
    struct {
        struct nlmsghdr h;
        char header[64];
    } m;
    memset(&m, 0, sizeof(m));
    m.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
    m.h.nlmsg_type = (uint16_t)type;
    m.h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    m.h.nlmsg_seq = 7;
    memcpy(m.header, header, len);
    return send(fd, &m, m.h.nlmsg_len, 0);
}

static void show_link(const struct nlmsghdr *h)
{
    const struct ifinfomsg *i = NLMSG_DATA(h);
    const char *name = "?";
    unsigned mtu = 0;
    long left = (long)IFLA_PAYLOAD(h);
    for (const struct rtattr *a = IFLA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFLA_IFNAME)
            name = RTA_DATA(a);
        if (a->rta_type == IFLA_MTU)
            memcpy(&mtu, RTA_DATA(a), sizeof(mtu));
    }
    if (strcmp(name, "lo") == 0)
        printf("link %s index %d type %d flags %x mtu %u\n", name, i->ifi_index, i->ifi_type,
               i->ifi_flags, mtu);
}

static void show_address(const struct nlmsghdr *h)
{
    const struct ifaddrmsg *i = NLMSG_DATA(h);
    char text[INET6_ADDRSTRLEN] = "?";
    long left = (long)IFA_PAYLOAD(h);
    if (i->ifa_index != 1)
        return;
    for (const struct rtattr *a = IFA_RTA(i); RTA_OK(a, left); a = RTA_NEXT(a, left))
        if (a->rta_type == IFA_ADDRESS)
            inet_ntop(i->ifa_family, RTA_DATA(a), text, sizeof(text));
    printf("address %s/%d scope %d flags %x\n", text, i->ifa_prefixlen, i->ifa_scope, i->ifa_flags);
}

static void receive(const char *what, int fd)
{
    static char buf[65536];
    int done = 0;
    while (!done) {
        struct sockaddr_nl from;
        socklen_t fromlen = sizeof(from);
        long n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&from, &fromlen);
        if (n < 0) {
            printf("%s: %s\n", what, errno_name(errno));
            return;
        }
        for (const struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
            if (h->nlmsg_type == RTM_NEWLINK)
                show_link(h);
            if (h->nlmsg_type == RTM_NEWADDR)
                show_address(h);
            if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
                int error;
                memcpy(&error, NLMSG_DATA(h), sizeof(error));
                printf("%s: type %d error %s seq %u from %u\n", what, h->nlmsg_type,
                       error ? errno_name(-error) : "0", h->nlmsg_seq, from.nl_pid);
            }
            done = done || (h->nlmsg_flags & NLM_F_MULTI) == 0 || h->nlmsg_type == NLMSG_DONE;
        }
    }
}

static void test_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl a = {.nl_family = AF_NETLINK};
    socklen_t len = sizeof(a);
    struct rtgenmsg any = {.rtgen_family = AF_UNSPEC}, four = {.rtgen_family = AF_INET};
    struct ifinfomsg link = {.ifi_index = 1}, wrong = {.ifi_index = 99};
    SHOW(socket(AF_NETLINK, SOCK_STREAM, 0));
    SHOW(bind(fd, (void *)&a, sizeof(a)));
    SHOW(getsockname(fd, (void *)&a, &len));
    TRUE(len == sizeof(a) && a.nl_pid == (unsigned)getpid());
    inet_show_events("new", fd);
    SHOW(ask(fd, RTM_GETLINK, NLM_F_DUMP, &any, sizeof(any)));
    inet_show_events("asked", fd);
    receive("links", fd);
    SHOW(ask(fd, RTM_GETLINK, NLM_F_ROOT, &any, sizeof(any)));
    receive("links", fd);
    SHOW(ask(fd, RTM_GETADDR, NLM_F_DUMP, &any, sizeof(any)));
    receive("addresses", fd);
    SHOW(ask(fd, RTM_GETADDR, NLM_F_DUMP, &four, sizeof(four)));
    receive("IPv4 addresses", fd);
    SHOW(ask(fd, RTM_GETROUTE, NLM_F_DUMP, &four, sizeof(four)));
    receive("routes", fd);
    SHOW(ask(fd, RTM_GETNEIGH, NLM_F_DUMP, &four, sizeof(four)));
    receive("neighbours", fd);
    SHOW(ask(fd, RTM_GETLINK, 0, &link, sizeof(link)));
    receive("one link", fd);
    SHOW(ask(fd, RTM_GETLINK, 0, &wrong, sizeof(wrong)));
    receive("no link", fd);
    SHOW(ask(fd, NLMSG_NOOP, NLM_F_ACK, &any, sizeof(any)));
    receive("nothing", fd);
    receive("empty", fd);
    int second = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
    SHOW(bind(second, (void *)&a, sizeof(a)));
    a.nl_pid = 0;
    a.nl_groups = RTMGRP_LINK;
    SHOW(bind(second, (void *)&a, sizeof(a)));
    receive("no news", second);
    close(second);
    close(fd);
}

static void test_names(void)
{
    struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM}, *all;
    SHOW(getaddrinfo("127.0.0.1", "80", &hints, &all));
    freeaddrinfo(all);
    hints.ai_flags = AI_PASSIVE;
    hints.ai_family = AF_INET6;
    SHOW(getaddrinfo(NULL, "80", &hints, &all));
    freeaddrinfo(all);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_getifaddrs();
    test_ioctls();
    test_netlink();
    test_names();
    return 0;
}
