/* SPDX-License-Identifier: MIT */
/* Numbers that a stranger must not guess: initial sequence numbers and IP identifications. */
#include "net/secret.h"

#include <lwip/ip_addr.h>

#include "kernel/base/string.h"
#include "kernel/random.h"
#include "platform/clock.h"

#define ROUNDS 4 /* of the permutation of identifications */
#define ISN_STEP_NS 4000UL /* RFC 6528: a number every 4 us */

static uint64_t key[2]; /* [I] */
static uint8_t table[ROUNDS][256]; /* [I] */

void secret_start(void)
{
    random_bytes(key, sizeof(key));
    random_bytes(table, sizeof(table));
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned n)
{
    for (; n != 0; n--) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

uint64_t secret_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575UL, key[1] ^ 0x646f72616e646f6dUL,
                     key[0] ^ 0x6c7967656e657261UL, key[1] ^ 0x7465646279746573UL};
    uint64_t word;
    size_t left = len;
    for (; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    word = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++) {
        word |= (uint64_t)p[i] << (8 * i);
    }
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* A Feistel network over two bytes: each id has one image. */
uint16_t secret_packet_id(uint16_t id)
{
    uint8_t high = (uint8_t)(id >> 8);
    uint8_t low = (uint8_t)id;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint8_t next = high ^ table[i][low];
        high = low;
        low = next;
    }
    return (uint16_t)(high << 8 | low);
}

/* lwIP's hook: a clock plus a hash of the connection. Source: RFC 6528. */
uint32_t net_isn(const void *local_ip, uint16_t local_port, const void *remote_ip,
                 uint16_t remote_port)
{
    struct {
        ip_addr_t local, remote;
        uint16_t ports[2];
    } id;
    memset(&id, 0, sizeof(id));
    ip_addr_copy(id.local, *(const ip_addr_t *)local_ip);
    ip_addr_copy(id.remote, *(const ip_addr_t *)remote_ip);
    id.ports[0] = local_port;
    id.ports[1] = remote_port;
    return (uint32_t)(secret_hash(&id, sizeof(id)) + clock_ns() / ISN_STEP_NS);
}
