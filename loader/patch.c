/* SPDX-License-Identifier: MIT */
/* Cross-modification of code.
 *
 * Bytes that lie in one aligned quadword change in one store, which fetches see whole. Otherwise in
 * steps, with all processors serialised after each: every instruction in the range gets a first
 * byte that traps, then the rest of the bytes changes, then the first bytes, the lowest last.
 * Callers hold space.lock. Source: Intel SDM volume 3, 9.1.3 (cross-modifying code); AMD64 APM
 * volume 2, 7.6.1 (quadword stores to code). */
#include "loader/patch.h"

#include "kernel/base/string.h"
#include "platform/cpu.h"

#define QUAD 8UL
#define RECENT 8U /* changes of which a trap may still be on its way */
#define RETRIES 64U /* for each: so many processors may have met it */

static uint64_t current; /* [A] address of the bytes that change now; 0: none */
static struct {
    uint64_t addr; /* [A] */
    uint32_t left; /* [A] */
} recent[RECENT];
static unsigned next; /* of recent; space.lock */

/* All processors fetch anew what they execute from here on. */
static void serialise_all(void)
{
    cpu_serialize();
    cpu_serialize_others();
}

static uint8_t *byte_at(uint64_t addr, uint8_t *const pages[2], unsigned i)
{
    uint64_t va = addr + i;
    bool second = align_down(va, PAGE_SIZE) != align_down(addr, PAGE_SIZE);
    return pages[second] != NULL ? pages[second] + va % PAGE_SIZE : NULL;
}

/* Write the bytes of the mask, the highest first, each by itself. */
static void write_bytes(const struct patch *p, uint8_t *const pages[2], const uint8_t *bytes,
                        uint8_t mask)
{
    for (unsigned i = PLAN_PATCH_LEN; i-- != 0;) {
        uint8_t *at = byte_at(p->addr, pages, i);
        if ((mask >> i & 1) != 0 && at != NULL) {
            __atomic_store_n(at, bytes[i], __ATOMIC_RELEASE);
        }
    }
    serialise_all();
}

static void write_quad(const struct patch *p, uint8_t *const pages[2])
{
    uint64_t quad;
    uint64_t *at = (uint64_t *)(void *)(pages[0] + align_down(p->addr % PAGE_SIZE, QUAD));
    memcpy(&quad, at, sizeof(quad));
    memcpy((uint8_t *)&quad + p->addr % QUAD, p->bytes, PLAN_PATCH_LEN);
    __atomic_store_n(at, quad, __ATOMIC_RELEASE);
    serialise_all();
}

void patch_write(const struct patch *p, uint8_t *const pages[2])
{
    uint8_t all = (1U << PLAN_PATCH_LEN) - 1;
    __atomic_store_n(&recent[next].left, RETRIES, __ATOMIC_RELAXED);
    __atomic_store_n(&recent[next].addr, p->addr, __ATOMIC_RELAXED);
    next = (next + 1) % RECENT;
    if (p->addr % QUAD + PLAN_PATCH_LEN <= QUAD && pages[0] != NULL) {
        write_quad(p, pages);
        return;
    }
    __atomic_store_n(&current, p->addr, __ATOMIC_SEQ_CST);
    write_bytes(p, pages, p->traps, p->starts);
    write_bytes(p, pages, p->bytes, all & (uint8_t)~p->starts);
    write_bytes(p, pages, p->bytes, p->starts);
    __atomic_store_n(&current, 0, __ATOMIC_SEQ_CST);
}

bool patch_matches(uint64_t addr, const uint8_t *bytes, uint8_t *const pages[2])
{
    for (unsigned i = 0; i < PLAN_PATCH_LEN; i++) {
        const uint8_t *at = byte_at(addr, pages, i);
        if (at != NULL && *at != bytes[i]) {
            return false;
        }
    }
    return true;
}

uint64_t patch_pending(uint64_t rip)
{
    uint64_t now = __atomic_load_n(&current, __ATOMIC_SEQ_CST);
    if (now != 0 && rip - now < PLAN_PATCH_LEN) {
        return now;
    }
    for (unsigned i = 0; i < RECENT; i++) {
        uint64_t addr = __atomic_load_n(&recent[i].addr, __ATOMIC_RELAXED);
        uint32_t left = __atomic_load_n(&recent[i].left, __ATOMIC_RELAXED);
        if (addr != 0 && rip - addr < PLAN_PATCH_LEN && left != 0) {
            __atomic_store_n(&recent[i].left, left - 1, __ATOMIC_RELAXED);
            return addr;
        }
    }
    return 0;
}

void patch_renew(uint64_t addr, uint8_t *const pages[2])
{
    for (unsigned i = 0; i < PLAN_PATCH_LEN; i++) {
        uint8_t *at = byte_at(addr, pages, i);
        if (at != NULL) {
            __atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED), __ATOMIC_RELEASE);
        }
    }
}
