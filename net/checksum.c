/* SPDX-License-Identifier: MIT */
/* The Internet checksum, eight bytes at a time. Source: RFC 1071. */
#include "net/checksum.h"

#include <lwip/opt.h>

static inline uint64_t carry_add(uint64_t sum, uint64_t word)
{
    uint64_t out;
    return __builtin_add_overflow(sum, word, &out) ? out + 1 : out;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t word;
    for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
        __builtin_memcpy(&word, p, sizeof(word));
        sum = carry_add(sum, word);
    }
    word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)p[i] << (8 * i);
    }
    return carry_add(sum, word);
}

uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* lwIP's name for it. */
uint16_t net_checksum(const void *data, int len)
{
    return checksum_fold(checksum_add(0, data, (size_t)len));
}
