/* SPDX-License-Identifier: MIT */
/* Split virtqueue. Nothing is read back from the shared memory but the used ring, whose entries are
 * checked: an id must be one that is in flight. The driver serialises calls (its own lock).
 * Source: Virtual I/O Device (VIRTIO) 1.2, 2.7. */
#include "platform/virtio/virtqueue.h"

#include <asm/errno.h>

#include "kernel/base/string.h"

#define END UINT16_MAX /* of the free chain */
#define TABLE_FROM 4 /* pieces: fewer are cheaper as a chain */

static size_t avail_offset(unsigned size)
{
    return size * sizeof(struct vring_desc);
}

static size_t used_offset(unsigned size)
{
    size_t avail = sizeof(struct vring_avail) + (size + 1) * sizeof(uint16_t);
    return align_up(avail_offset(size) + avail, 4);
}

size_t virtqueue_bytes(unsigned size)
{
    return used_offset(size) + sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
           2;
}

void virtqueue_init(struct virtqueue *q, unsigned size, void *va, struct pa pa)
{
    memset(q, 0, sizeof(*q));
    q->size = (uint16_t)size;
    q->nfree = (uint16_t)size;
    q->desc = va;
    q->avail = (void *)((char *)va + avail_offset(size));
    q->used = (void *)((char *)va + used_offset(size));
    q->pa = pa;
    for (unsigned i = 0; i < size; i++) {
        q->next[i] = (uint16_t)(i + 1 < size ? i + 1 : END);
    }
}

struct pa virtqueue_avail_pa(const struct virtqueue *q)
{
    return (struct pa){q->pa.v + avail_offset(q->size)};
}

struct pa virtqueue_used_pa(const struct virtqueue *q)
{
    return (struct pa){q->pa.v + used_offset(q->size)};
}

/* The index up to which the other side wants to hear nothing, behind each ring. */
static uint16_t *used_event(const struct virtqueue *q)
{
    return &q->avail->ring[q->size];
}

static uint16_t *avail_event(const struct virtqueue *q)
{
    return (uint16_t *)(void *)&q->used->ring[q->size];
}

static void publish(struct virtqueue *q, uint16_t head, unsigned n, uint32_t cookie)
{
    q->nfree -= (uint16_t)n;
    q->cookie[head] = cookie;
    q->length[head] = (uint16_t)n;
    q->avail->ring[q->avail_idx++ & (q->size - 1)] = head;
    /* release: the device sees descriptors and ring entry before the index */
    __atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
}

int virtqueue_add(struct virtqueue *q, struct pa buf, uint32_t len, bool writable, uint32_t cookie)
{
    if (q->nfree == 0) {
        return -ENOSPC;
    }
    uint16_t id = q->free_head;
    q->free_head = q->next[id];
    q->desc[id].addr = buf.v;
    q->desc[id].len = len;
    q->desc[id].flags = writable ? VRING_DESC_F_WRITE : 0;
    publish(q, id, 1, cookie);
    return 0;
}

void virtqueue_use_tables(struct virtqueue *q, void *va, struct pa pa)
{
    q->tables = va;
    q->tables_pa = pa;
    q->free_tables = (1UL << VIRTQUEUE_TABLES) - 1;
}

/* The pieces in a table of their own. */
static int add_table(struct virtqueue *q, const struct virtqueue_part *parts, unsigned n,
                     uint32_t cookie)
{
    unsigned t = (unsigned)__builtin_ctz(q->free_tables);
    size_t offset = (size_t)t * VIRTQUEUE_TABLE_LEN;
    struct vring_desc *table = q->tables + offset;
    for (unsigned i = 0; i < n; i++) {
        table[i].addr = parts[i].pa.v;
        table[i].len = parts[i].len;
        table[i].flags = i + 1 < n ? VRING_DESC_F_NEXT : 0;
        table[i].next = (uint16_t)(i + 1);
    }
    uint16_t id = q->free_head;
    q->free_head = q->next[id];
    q->free_tables &= ~(1U << t);
    q->table[id] = (uint8_t)(t + 1);
    q->desc[id].addr = q->tables_pa.v + offset * sizeof(*table);
    q->desc[id].len = n * (uint32_t)sizeof(*table);
    q->desc[id].flags = VRING_DESC_F_INDIRECT;
    publish(q, id, 1, cookie);
    return 0;
}

int virtqueue_add_parts(struct virtqueue *q, const struct virtqueue_part *parts, unsigned n,
                        uint32_t cookie)
{
    if (n > TABLE_FROM && n <= VIRTQUEUE_TABLE_LEN && q->free_tables != 0 && q->nfree != 0) {
        return add_table(q, parts, n, cookie);
    }
    return virtqueue_add_both(q, parts, n, 0, cookie);
}

int virtqueue_add_both(struct virtqueue *q, const struct virtqueue_part *parts, unsigned nread,
                       unsigned nwrite, uint32_t cookie)
{
    unsigned n = nread + nwrite;
    if (q->nfree < n) {
        return -ENOSPC;
    }
    uint16_t head = q->free_head;
    for (unsigned i = 0; i < n; i++) {
        uint16_t id = q->free_head;
        uint16_t flags = i < nread ? 0 : VRING_DESC_F_WRITE;
        q->free_head = q->next[id];
        q->desc[id].addr = parts[i].pa.v;
        q->desc[id].len = parts[i].len;
        q->desc[id].flags = flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0);
        q->desc[id].next = q->next[id];
    }
    publish(q, head, n, cookie);
    return 0;
}

bool virtqueue_wants_kick(struct virtqueue *q)
{
    /* full barrier: the index store must not pass the load below (VIRTIO 2.7.13.4.1) */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t old = q->kicked_idx;
    q->kicked_idx = q->avail_idx;
    if (q->event_index) {
        uint16_t event = __atomic_load_n(avail_event(q), __ATOMIC_RELAXED);
        return (uint16_t)(q->avail_idx - event - 1) < (uint16_t)(q->avail_idx - old);
    }
    return (__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) == 0;
}

void virtqueue_kick(struct virtqueue *q)
{
    if (virtqueue_wants_kick(q)) {
        q->dev->transport->notify(q);
    }
}

bool virtqueue_pending(const struct virtqueue *q)
{
    return q->last_used != __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
}

/* The chain of head is free again. */
static void give_back(struct virtqueue *q, uint16_t head)
{
    uint16_t last = head;
    for (unsigned i = 1; i < q->length[head]; i++) {
        last = q->next[last];
    }
    q->next[last] = q->nfree != 0 ? q->free_head : END;
    q->free_head = head;
    q->nfree += q->length[head];
    q->length[head] = 0;
    if (q->table[head] != 0) {
        q->free_tables |= 1U << (q->table[head] - 1);
        q->table[head] = 0;
    }
}

bool virtqueue_reap(struct virtqueue *q, uint32_t *cookie, uint32_t *len)
{
    /* acquire: pairs with the device's publication of the used entry */
    while (virtqueue_pending(q)) {
        const volatile struct vring_used_elem *e = &q->used->ring[q->last_used & (q->size - 1)];
        uint32_t id = e->id;
        *len = e->len;
        q->last_used++;
        if (id >= q->size || q->length[id] == 0) {
            continue;
        }
        *cookie = q->cookie[id];
        give_back(q, (uint16_t)id);
        return true;
    }
    return false;
}

#define FAR 0x8000 /* no ring is so long */

void virtqueue_interrupts(struct virtqueue *q, bool on)
{
    if (q->event_index) {
        __atomic_store_n(used_event(q), (uint16_t)(q->last_used + (on ? 0 : FAR)),
                         __ATOMIC_RELAXED);
    } else {
        __atomic_store_n(&q->avail->flags, (uint16_t)(on ? 0 : VRING_AVAIL_F_NO_INTERRUPT),
                         __ATOMIC_RELAXED);
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the caller looks for used entries again */
}
