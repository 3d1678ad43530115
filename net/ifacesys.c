/* SPDX-License-Identifier: MIT */
/* /sys/class/net: lo, and eth0 where there is a device. On Linux the names are links; here they
 * are the directories. Key: LO_KEY, else the number of the Ethernet interface. Takes net_core.
 * Source: Linux Documentation/ABI/testing/sysfs-class-net and sysfs-class-net-statistics. */
#include "net/ifacesys.h"

#include <linux/if.h>
#include <linux/if_arp.h>

#include "net/iface.h"
#include "net/loopback.h"
#include "net/net.h"

#define LO_KEY 0x10000UL

static const struct netif *iface_of(uint64_t key) NEEDS(net_core)
{
    unsigned lo = netif_get_index(loopback_netif());
    return key == LO_KEY ? loopback_netif() : netif_get_by_index((u8_t)(lo + 1 + key));
}

static long next_eth(uint64_t from)
{
    net_need_device();
    return from == 0 && net_has_device() ? 0 : -1;
}

static void show_mac(struct text *t, const uint8_t *mac)
{
    for (unsigned i = 0; i < NETIF_MAX_HWADDR_LEN; i++) {
        text_print(t, i == 0 ? "%02x" : ":%02x", mac[i]);
    }
    text_print(t, "\n");
}

static void show_address(struct text *t, uint64_t key)
{
    net_lock();
    show_mac(t, iface_of(key)->hwaddr); /* lo's is zero */
    net_unlock();
}

static void show_broadcast(struct text *t, uint64_t key)
{
    static const uint8_t all[NETIF_MAX_HWADDR_LEN] = {255, 255, 255, 255, 255, 255};
    static const uint8_t none[NETIF_MAX_HWADDR_LEN];
    show_mac(t, key == LO_KEY ? none : all);
}

static void show_carrier(struct text *t, uint64_t key)
{
    net_lock();
    text_print(t, "%d\n", netif_is_link_up(iface_of(key)) != 0);
    net_unlock();
}

static void show_flags(struct text *t, uint64_t key)
{
    net_lock();
    text_print(t, "0x%x\n", iface_flags(iface_of(key)) & ~(unsigned)IFF_RUNNING);
    net_unlock();
}

static void show_index(struct text *t, uint64_t key)
{
    net_lock();
    text_print(t, "%u\n", netif_get_index(iface_of(key)));
    net_unlock();
}

static void show_mtu(struct text *t, uint64_t key)
{
    net_lock();
    text_print(t, "%u\n", iface_mtu(iface_of(key)));
    net_unlock();
}

static void show_state(struct text *t, uint64_t key)
{
    net_lock();
    bool up = netif_is_link_up(iface_of(key));
    net_unlock();
    text_print(t, "%s\n", key == LO_KEY ? "unknown" : up ? "up" : "down");
}

static void show_type(struct text *t, uint64_t key)
{
    text_print(t, "%d\n", key == LO_KEY ? ARPHRD_LOOPBACK : ARPHRD_ETHER);
}

#define COUNTER(name)                                              \
    static void show_##name(struct text *t, uint64_t key)          \
    {                                                              \
        net_lock();                                                \
        text_print(t, "%lu\n", iface_counts(iface_of(key))->name); \
        net_unlock();                                              \
    }
COUNTER(rx_packets)
COUNTER(rx_bytes)
COUNTER(rx_dropped)
COUNTER(multicast)
COUNTER(tx_packets)
COUNTER(tx_bytes)
COUNTER(tx_dropped)

static const struct textfs_entry statistics[] = {
    TEXTFS_FIXED("collisions", "0"),
    TEXTFS_FILE("multicast", show_multicast),
    TEXTFS_FILE("rx_bytes", show_rx_bytes),
    TEXTFS_FIXED("rx_compressed", "0"),
    TEXTFS_FIXED("rx_crc_errors", "0"),
    TEXTFS_FILE("rx_dropped", show_rx_dropped),
    TEXTFS_FIXED("rx_errors", "0"),
    TEXTFS_FIXED("rx_fifo_errors", "0"),
    TEXTFS_FIXED("rx_frame_errors", "0"),
    TEXTFS_FIXED("rx_length_errors", "0"),
    TEXTFS_FIXED("rx_missed_errors", "0"),
    TEXTFS_FIXED("rx_nohandler", "0"),
    TEXTFS_FIXED("rx_over_errors", "0"),
    TEXTFS_FILE("rx_packets", show_rx_packets),
    TEXTFS_FIXED("tx_aborted_errors", "0"),
    TEXTFS_FILE("tx_bytes", show_tx_bytes),
    TEXTFS_FIXED("tx_carrier_errors", "0"),
    TEXTFS_FIXED("tx_compressed", "0"),
    TEXTFS_FILE("tx_dropped", show_tx_dropped),
    TEXTFS_FIXED("tx_errors", "0"),
    TEXTFS_FIXED("tx_fifo_errors", "0"),
    TEXTFS_FIXED("tx_heartbeat_errors", "0"),
    TEXTFS_FILE("tx_packets", show_tx_packets),
    TEXTFS_FIXED("tx_window_errors", "0"),
    {.name = NULL},
};

static const struct textfs_entry files[] = {
    TEXTFS_FIXED("addr_len", "6"),
    TEXTFS_FILE("address", show_address),
    TEXTFS_FILE("broadcast", show_broadcast),
    TEXTFS_FILE("carrier", show_carrier),
    TEXTFS_FIXED("dormant", "0"),
    TEXTFS_FILE("flags", show_flags),
    TEXTFS_FIXED("ifalias", ""),
    TEXTFS_FILE("ifindex", show_index),
    TEXTFS_FILE("iflink", show_index),
    TEXTFS_FIXED("link_mode", "0"),
    TEXTFS_FILE("mtu", show_mtu),
    TEXTFS_FIXED("netdev_group", "0"),
    TEXTFS_FILE("operstate", show_state),
    TEXTFS_DIR("statistics", statistics),
    TEXTFS_FIXED("tx_queue_len", "1000"),
    TEXTFS_FILE("type", show_type),
    {.name = NULL},
};

static const struct textfs_entry loopback[] = {
    {.name = "lo", .mode = S_IFDIR | 0555, .children = files, .key = LO_KEY},
    {.name = NULL},
};

static const struct textfs_entry eth = TEXTFS_DIR(NULL, files);
static const struct textfs_numbers eths = {next_eth, &eth, "eth"};

const struct textfs_entry ifacesys_table[] = {
    {.name = "net", .mode = S_IFDIR | 0555, .children = loopback, .numbers = &eths},
    {.name = NULL},
};
