/* SPDX-License-Identifier: MIT */
/* The vDSO of the program.
 *
 * Owns the frames of the image copy and of the data page; both live as long as the machine. The
 * image needs no relocation but one word: the address of the data page, written at
 * VDSO_POINTER_OFFSET. The program cannot write either page; the kernel does through the direct
 * map. Writer's side of the sequence lock: seq is odd while the values change; pairs with read_ns
 * of loader/vdso/vdso.c. Updates come from system calls of one CPU at a time [process.lock later].
 *
 * Source: vdso(7). */
#include "loader/vdso.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/string.h"
#include "kernel/mmap.h"
#include "platform/pages.h"

extern const uint8_t vdso_image[];
extern const uint8_t vdso_image_end[];

static_assert(offsetof(struct cpu, id) == VDSO_CPU_OFFSET, "the vDSO's getcpu");

static struct vdso_data *data; /* direct-map address, NULL before vdso_map */

int vdso_convert(const struct clock_scale *scale, struct vdso_data *out)
{
    uint64_t mult = scale->mult;

    if (scale->shift > VDSO_SHIFT) {
        unsigned drop = scale->shift - VDSO_SHIFT;
        mult = drop < 64 ? mult >> drop : 0;
    } else {
        unsigned add = VDSO_SHIFT - scale->shift;
        if (mult > UINT64_MAX >> add) {
            return -ERANGE;
        }
        mult <<= add;
    }
    out->base_tsc = scale->base_tsc;
    out->mult = mult;
    out->base_ns[VDSO_MONOTONIC] = scale->base_ns;
    out->base_ns[VDSO_REALTIME] = scale->base_ns + scale->wall_offset_ns;
    return 0;
}

void vdso_update(void)
{
    struct vdso_data fresh;

    if (data == NULL || vdso_convert(clock_scale(), &fresh) != 0) {
        return;
    }
    uint32_t seq = data->seq;
    __atomic_store_n(&data->seq, seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* pairs with the acquire fence in read_ns */
    data->base_tsc = fresh.base_tsc;
    data->mult = fresh.mult;
    data->base_ns[VDSO_MONOTONIC] = fresh.base_ns[VDSO_MONOTONIC];
    data->base_ns[VDSO_REALTIME] = fresh.base_ns[VDSO_REALTIME];
    __atomic_store_n(&data->seq, seq + 2, __ATOMIC_RELEASE); /* pairs with the acquire load */
}

/* A zeroed block of frames for len bytes; *npages = those in use. NULL: out of memory. */
static struct page *alloc_block(size_t len, unsigned *npages)
{
    unsigned order = 0;

    *npages = (unsigned)(align_up(len, PAGE_SIZE) >> PAGE_SHIFT);
    while ((1U << order) < *npages) {
        order++;
    }
    return pages_alloc(order, PAGES_ZERO);
}

/* Map block p into the program. Returns 0 with *addr, or -ENOMEM. */
static int map_block(struct page *p, unsigned npages, int prot, const char *name, uint64_t *addr)
{
    long at = mmap_special(0, pages_pa(p), npages, prot, name);
    if (at < 0) {
        return -ENOMEM;
    }
    *addr = (uint64_t)at;
    return 0;
}

int vdso_map(uint64_t *ehdr)
{
    size_t len = (size_t)(vdso_image_end - vdso_image);
    struct vdso_data probe;
    unsigned data_pages;
    unsigned image_pages;
    uint64_t data_addr;

    *ehdr = 0;
    if (vdso_convert(clock_scale(), &probe) != 0) {
        return 0;
    }
    struct page *data_block = alloc_block(sizeof(*data), &data_pages);
    struct page *image_block = alloc_block(len, &image_pages);
    if (data_block == NULL || image_block == NULL) {
        goto fail_free;
    }
    if (map_block(data_block, data_pages, PROT_READ, "[vvar]", &data_addr) != 0) {
        goto fail_free;
    }
    uint8_t *image = pages_va(image_block);
    memcpy(image, vdso_image, len);
    memcpy(image + VDSO_POINTER_OFFSET, &data_addr, sizeof(data_addr));
    data = pages_va(data_block);
    vdso_update();
    /* On failure the data page stays: it is mapped, and the program does not start anyway. */
    return map_block(image_block, image_pages, PROT_READ | PROT_EXEC, "[vdso]", ehdr);

fail_free:
    if (data_block != NULL) {
        pages_put(data_block);
    }
    if (image_block != NULL) {
        pages_put(image_block);
    }
    return -ENOMEM;
}
