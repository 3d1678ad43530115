/* SPDX-License-Identifier: MIT */
// sources: loader/vdso.c
// fakes: log pages
/* The vDSO's data: the conversion of the clock's scale against exact arithmetic, and the pages
 * that the program is given. */
#include "loader/vdso.h"

#include <asm/errno.h>
#include <asm/mman.h>
#include <string.h>

#include "kernel/mmap.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

/* In the place of the assembled image. vdso.c takes the end as a symbol of its own. */
__asm__(".data\n.globl vdso_image, vdso_image_end\n"
        "vdso_image: .fill 5000, 1, 0x77\nvdso_image_end:\n.text");

static struct clock_scale scale;
static struct {
    void *va;
    unsigned npages;
    int prot;
    const char *name;
} mapped[4];
static unsigned nmapped;
static unsigned fail_map; /* the nth mapping fails */

const struct clock_scale *clock_scale(void)
{
    return &scale;
}

long mmap_special(uint64_t addr, struct pa pa, unsigned npages, int prot, const char *name)
{
    if (nmapped + 1 == fail_map) {
        return -ENOMEM;
    }
    mapped[nmapped].va = pages_map(pa);
    mapped[nmapped].npages = npages;
    mapped[nmapped].prot = prot;
    mapped[nmapped].name = name;
    nmapped++;
    return (long)(0x7000000 + nmapped * 0x10000UL);
}

static uint64_t exact_ns(const struct clock_scale *s, uint64_t delta)
{
    return (uint64_t)(((unsigned __int128)delta * s->mult) >> s->shift);
}

/* Times differ by less than a ns for each shift: rounding of mult is all. */
static void conversion(void)
{
    for (unsigned shift = 10; shift <= 70; shift++) {
        /* 2.5 GHz: 0.4 ns a tick */
        unsigned __int128 mult = ((unsigned __int128)1 << shift) * 2 / 5;
        struct vdso_data d = {.seq = 5};
        struct clock_scale s = {.base_tsc = 1234567,
                                .base_ns = 99,
                                .mult = (uint64_t)mult,
                                .shift = shift,
                                .wall_offset_ns = 1700000000UL * NSEC_PER_SEC};
        if (mult > UINT64_MAX) {
            continue;
        }
        CHECK_EQ(vdso_convert(&s, &d), 0);
        CHECK_EQ(d.seq, 5); /* untouched */
        CHECK_EQ(d.base_tsc, 1234567);
        CHECK_EQ(d.base_ns[VDSO_MONOTONIC], 99);
        CHECK_EQ(d.base_ns[VDSO_REALTIME], 99 + 1700000000UL * NSEC_PER_SEC);
        uint64_t delta = 2500000000UL * 60; /* a minute */
        uint64_t ns = (uint64_t)(((unsigned __int128)delta * d.mult) >> VDSO_SHIFT);
        uint64_t want = exact_ns(&s, delta);
        CHECK(ns <= want && want - ns <= 1);
    }
}

static void does_not_fit(void)
{
    struct vdso_data d;
    struct clock_scale s = {.mult = 1UL << 40, .shift = VDSO_SHIFT - 24}; /* 2^64: one too many */
    CHECK_EQ(vdso_convert(&s, &d), -ERANGE);
    s.mult--;
    CHECK_EQ(vdso_convert(&s, &d), 0);
    s = (struct clock_scale){.mult = 1, .shift = 0};
    CHECK_EQ(vdso_convert(&s, &d), 0);
    CHECK_EQ(d.mult, 1UL << VDSO_SHIFT);
    s.mult = 64;
    CHECK_EQ(vdso_convert(&s, &d), -ERANGE);
    s = (struct clock_scale){.mult = UINT64_MAX, .shift = 200}; /* nothing is left of it */
    CHECK_EQ(vdso_convert(&s, &d), 0);
    CHECK_EQ(d.mult, 0);
}

static void set_scale(uint64_t base_ns)
{
    scale = (struct clock_scale){
        .base_tsc = 7, .base_ns = base_ns, .mult = 1UL << 31, .shift = 32, .wall_offset_ns = 1000};
}

/* A failed start leaves the frames that it mapped and no others. */
static void failures(void)
{
    uint64_t ehdr = 1;
    scale = (struct clock_scale){.mult = 64, .shift = 0};
    CHECK_EQ(vdso_map(&ehdr), 0); /* the clock cannot be told: no vDSO, no error */
    CHECK_EQ(ehdr, 0);
    CHECK_EQ(nmapped, 0);
    set_scale(50);
    for (unsigned long n = 1; n <= 2; n++) {
        fake_pages_fail_after(n);
        CHECK_EQ(vdso_map(&ehdr), -ENOMEM);
        fake_pages_fail_after(0);
    }
    fail_map = 1;
    CHECK_EQ(vdso_map(&ehdr), -ENOMEM);
    fail_map = 0;
    CHECK_EQ(fake_pages_in_use(), 0);
    vdso_update(); /* before there is a page: harmless */
}

static void pages_of_the_program(void)
{
    uint64_t ehdr;
    uint64_t pointer;
    set_scale(50);
    CHECK_EQ(vdso_map(&ehdr), 0);
    CHECK_EQ(nmapped, 2);
    CHECK_EQ(mapped[0].npages, 1);
    CHECK_EQ(mapped[0].prot, PROT_READ);
    CHECK_STR(mapped[0].name, "[vvar]");
    CHECK_EQ(mapped[1].npages, 2);
    CHECK_EQ(mapped[1].prot, PROT_READ | PROT_EXEC);
    CHECK_STR(mapped[1].name, "[vdso]");
    CHECK_EQ(ehdr, 0x7020000);
    const uint8_t *image = mapped[1].va;
    memcpy(&pointer, image + VDSO_POINTER_OFFSET, sizeof(pointer));
    CHECK_EQ(pointer, 0x7010000);
    CHECK(image[0] == 0x77 && image[4999] == 0x77 && image[5000] == 0); /* nothing foreign behind */
    const struct vdso_data *d = mapped[0].va;
    CHECK_EQ(d->base_ns[VDSO_MONOTONIC], 50);
    CHECK(d->seq % 2 == 0);
    uint32_t seq = d->seq;
    set_scale(60);
    vdso_update();
    CHECK_EQ(d->base_ns[VDSO_MONOTONIC], 60);
    CHECK_EQ(d->base_ns[VDSO_REALTIME], 1060);
    CHECK(d->seq % 2 == 0 && d->seq != seq); /* readers in between look again */
    pages_put(pages_from_va(mapped[0].va));
    pages_put(pages_from_va(mapped[1].va));
}

TESTS(conversion, does_not_fit, failures, pages_of_the_program)
