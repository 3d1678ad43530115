/* SPDX-License-Identifier: MIT */
/* What /proc/net and /sys/class/net count: each sum grows by at least what the program sends to
 * itself. Source: proc(5), Linux Documentation/ABI/testing/sysfs-class-net. */
#include <stdint.h>
#include <sys/stat.h>

#include "test/guest/inet.h"

#define PACKETS 20
#define BYTES 100

/* The number under name in the lines that begin with protocol. */
static int64_t snmp(const char *path, const char *protocol, const char *name)
{
    static char names[8192], values[8192];
    size_t len = strlen(protocol);
    FILE *f = fopen(path, "r");
    int64_t found = -1;
    while (found < 0 && f != NULL && fgets(names, sizeof(names), f) != NULL) {
        if (fgets(values, sizeof(values), f) == NULL)
            break;
        if (strncmp(names, protocol, len) != 0 || names[len] != ':')
            continue;
        char *n, *v;
        char *a = strtok_r(names, " \n", &n), *b = strtok_r(values, " \n", &v);
        for (; a != NULL && b != NULL; a = strtok_r(NULL, " \n", &n), b = strtok_r(NULL, " \n", &v))
            if (strcmp(a, name) == 0)
                found = strtoll(b, NULL, 10);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static void show_text(const char *path)
{
    char text[64] = "missing\n";
    FILE *f = fopen(path, "r");
    if (f != NULL && fgets(text, sizeof(text), f) == NULL)
        strcpy(text, "empty\n");
    printf("%s: %s", path, text);
    if (f != NULL)
        fclose(f);
}

static int64_t number(const char *name)
{
    char path[128];
    long long value = -1;
    snprintf(path, sizeof(path), "/sys/class/net/lo/statistics/%s", name);
    FILE *f = fopen(path, "r");
    if (f != NULL && fscanf(f, "%lld", &value) != 1)
        value = -1;
    if (f != NULL)
        fclose(f);
    return value;
}

static int64_t dev(unsigned column)
{
    char line[512];
    long long v[16] = {-1};
    FILE *f = fopen("/proc/net/dev", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, " lo: %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld", &v[0], &v[1],
                   &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9]) == 10)
            break;
    if (f != NULL)
        fclose(f);
    return v[column];
}

static const struct counter {
    const char *path, *protocol, *name;
    int64_t least;
} counters[] = {
    {"snmp", "Udp", "InDatagrams", PACKETS},
    {"snmp", "Udp", "OutDatagrams", PACKETS},
    {"snmp", "Udp", "NoPorts", 1},
    {"snmp", "Udp", "RcvbufErrors", 1},
    {"snmp", "Udp", "InErrors", 1},
    {"snmp", "Tcp", "ActiveOpens", 1},
    {"snmp", "Tcp", "PassiveOpens", 1},
    {"snmp", "Tcp", "AttemptFails", 1},
    {"snmp", "Tcp", "InSegs", 4},
    {"snmp", "Tcp", "OutSegs", 4},
    {"snmp", "Tcp", "OutRsts", 1},
    {"snmp", "Ip", "InReceives", 4},
    {"snmp", "Ip", "InDelivers", 4},
    {"snmp", "Ip", "OutRequests", 4},
    {"netstat", "IpExt", "InOctets", PACKETS *BYTES},
    {"netstat", "IpExt", "OutOctets", PACKETS *BYTES},
};
#define COUNTERS (sizeof(counters) / sizeof(counters[0]))
static const char *const files[] = {"rx_packets", "tx_packets", "rx_bytes", "tx_bytes"};

static void take(int64_t *out, int64_t *lo)
{
    for (unsigned i = 0; i < COUNTERS; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/net/%s", counters[i].path);
        out[i] = snmp(path, counters[i].protocol, counters[i].name);
    }
    for (unsigned i = 0; i < 4; i++)
        lo[i] = number(files[i]);
    lo[4] = dev(0);
    lo[5] = dev(8);
}

static void send_packets(void)
{
    char data[BYTES] = {0};
    int get = socket(AF_INET, SOCK_DGRAM, 0);
    int put = socket(AF_INET, SOCK_DGRAM, 0);
    inet_bind_to(get, "127.0.0.1", 0);
    inet_connect_to(put, "127.0.0.1", inet_own_port(get));
    for (unsigned i = 0; i < PACKETS; i++) {
        send(put, data, BYTES, 0);
        recv(get, data, BYTES, 0);
    }
    inet_set(get, SOL_SOCKET, SO_RCVBUF, 1);
    for (unsigned i = 0; i < PACKETS; i++)
        send(put, data, BYTES, 0); /* most find no room */
    close(get);
    send(put, data, BYTES, 0);
    close(put);
}

static void connect_once(void)
{
    int l = socket(AF_INET, SOCK_STREAM, 0);
    inet_bind_to(l, "127.0.0.1", 0);
    listen(l, 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_connect_to(fd, "127.0.0.1", inet_own_port(l));
    int peer = accept(l, NULL, NULL);
    send(fd, "x", 1, 0);
    recv(peer, &(char){0}, 1, 0);
    unsigned port = inet_own_port(l);
    close(l);
    close(fd);
    close(peer);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(inet_connect_to(fd, "127.0.0.1", port));
    close(fd);
}

int main(void)
{
    int64_t before[COUNTERS], after[COUNTERS], lo_before[6], lo_after[6];
    struct stat st;
    take(before, lo_before);
    send_packets();
    connect_once();
    take(after, lo_after);
    for (unsigned i = 0; i < COUNTERS; i++)
        printf("%s %s: %s\n", counters[i].protocol, counters[i].name,
               before[i] < 0                               ? "missing"
               : after[i] - before[i] >= counters[i].least ? "counted"
                                                           : "not counted");
    for (unsigned i = 0; i < 6; i++)
        printf("lo %u: %s\n", i,
               lo_before[i] < 0                                                    ? "missing"
               : lo_after[i] - lo_before[i] >= (i < 2 ? PACKETS : PACKETS * BYTES) ? "counted"
                                                                                   : "not counted");
    show_text("/sys/class/net/lo/address");
    show_text("/sys/class/net/lo/mtu");
    show_text("/sys/class/net/lo/operstate");
    show_text("/sys/class/net/lo/type");
    show_text("/sys/class/net/lo/flags");
    show_text("/sys/class/net/lo/ifindex");
    show_text("/sys/class/net/lo/carrier");
    show_text("/sys/class/net/lo/statistics/collisions");
    printf("nowhere: %d\n", stat("/sys/class/net/eth77", &st));
    return 0;
}
