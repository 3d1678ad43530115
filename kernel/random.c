/* SPDX-License-Identifier: MIT */
/* Random numbers: ChaCha20 with fast key erasure. Each request takes a block whose first half
 * becomes the next key, so that what was given out cannot be computed from a later state. Seeds are
 * mixed in by XOR into the key. lock guards the key. Source: RFC 8439; D. J. Bernstein,
 * Fast-key-erasure RNGs. */
#include "kernel/random.h"

#include "kernel/base/lock.h"
#include "kernel/base/string.h"
#include "platform/cpu.h"

#define KEY_WORDS 8
#define BLOCK_LEN 64
#define RESEED_REQUESTS 1024

static struct spinlock lock;
static uint32_t key[KEY_WORDS]; /* [lock] */
static unsigned requests; /* [lock] since RDRAND was last mixed in */

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotate(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotate(s[b] ^ s[c], 7);
}

void random_block(const uint32_t k[8], const uint32_t counter_nonce[4], uint32_t out[16])
{
    static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    uint32_t in[16];
    memcpy(in, constants, sizeof(constants));
    memcpy(in + 4, k, KEY_WORDS * sizeof(*k));
    memcpy(in + 12, counter_nonce, 16);
    memcpy(out, in, sizeof(in));
    for (unsigned i = 0; i < 10; i++) {
        quarter_round(out, 0, 4, 8, 12);
        quarter_round(out, 1, 5, 9, 13);
        quarter_round(out, 2, 6, 10, 14);
        quarter_round(out, 3, 7, 11, 15);
        quarter_round(out, 0, 5, 10, 15);
        quarter_round(out, 1, 6, 11, 12);
        quarter_round(out, 2, 7, 8, 13);
        quarter_round(out, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < 16; i++) {
        out[i] += in[i];
    }
}

static void erase_key_locked(void)
{
    lock_assert_held(&lock);
    static const uint32_t zero[4];
    uint32_t block[16];
    random_block(key, zero, block);
    memcpy(key, block, sizeof(key));
    memset(block, 0, sizeof(block));
}

static void mix_locked(const void *data, size_t len)
{
    lock_assert_held(&lock);
    const uint8_t *p = data;
    while (len != 0) {
        size_t n = min(len, sizeof(key));
        for (size_t i = 0; i < n; i++) {
            ((uint8_t *)key)[i] ^= p[i];
        }
        erase_key_locked();
        p += n;
        len -= n;
    }
}

void random_seed(const void *data, size_t len)
{
    spin_lock(&lock);
    mix_locked(data, len);
    spin_unlock(&lock);
}

static void reseed_locked(void)
{
    lock_assert_held(&lock);
    uint64_t fresh[3] = {cpu_cycles(), 0, 0};
    if (requests++ % RESEED_REQUESTS == 0 && cpu_random(&fresh[1]) && cpu_random(&fresh[2])) {
        mix_locked(fresh, sizeof(fresh));
    }
}

void random_bytes(void *out, size_t len)
{
    uint32_t stream_key[KEY_WORDS];
    uint32_t block[16];
    uint32_t counter[4] = {1, 0, 0, 0}; /* block 0 is the next key */
    spin_lock(&lock);
    reseed_locked();
    memcpy(stream_key, key, sizeof(key));
    erase_key_locked();
    spin_unlock(&lock);
    for (uint8_t *p = out; len != 0;) {
        size_t n = min(len, (size_t)BLOCK_LEN);
        random_block(stream_key, counter, block);
        memcpy(p, block, n);
        p += n;
        len -= n;
        counter[1] += ++counter[0] == 0;
    }
    memset(stream_key, 0, sizeof(stream_key));
    memset(block, 0, sizeof(block));
}

uint64_t random_u64(void)
{
    uint64_t v;
    random_bytes(&v, sizeof(v));
    return v;
}
