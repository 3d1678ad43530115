/* SPDX-License-Identifier: MIT */
/* From the root pointer, which the start info holds, to the MCFG table. Lengths and addresses are
 * the firmware's: checked before they are used. Source: ACPI 6.4, 5.2.5 to 5.2.8; PCI Firmware
 * Specification 3.0, 4.1.2. */
#include "platform/acpi.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "platform/boot.h"
#include "platform/device.h"

#define TABLE_MAX 0x10000
#define XSDT_REVISION 2

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem[6];
    uint8_t revision;
    uint32_t rsdt_pa;
    uint32_t length; /* from here on with revision 2 */
    uint64_t xsdt_pa;
    uint8_t checksum2, reserved[3];
} __attribute__((packed));
static_assert(sizeof(struct rsdp) == 36, "RSDP");

struct table {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem[6], oem_table[8];
    uint32_t oem_revision, creator, creator_revision;
} __attribute__((packed));
static_assert(sizeof(struct table) == 36, "DESCRIPTION_HEADER");

struct mcfg {
    struct table head;
    uint64_t reserved;
    struct {
        uint64_t pa;
        uint16_t segment;
        uint8_t first_bus, last_bus;
        uint32_t reserved;
    } __attribute__((packed)) space[];
} __attribute__((packed));

/* The first MiB is mapped already, and not ours to map again. */
static const void *look(uint64_t pa, size_t len)
{
    uint64_t end;
    if (pa == 0 || !add_ok(pa, len, &end)) {
        return NULL;
    }
    if (end <= SHARED_LOWMEM_LEN) {
        return (const void *)(uintptr_t)(boot_info()->shared + SHARED_LOWMEM + pa);
    }
    return (const void *)(uintptr_t)device_map((struct pa){pa}, len, MAP_R);
}

/* A whole table, with its length; NULL: there is none that can be read. */
static const struct table *look_table(uint64_t pa, size_t least, size_t *len)
{
    const struct table *t = look(pa, sizeof(*t));
    *len = t != NULL ? t->length : 0;
    if (t == NULL || *len < least || *len > TABLE_MAX) {
        return NULL;
    }
    return look(pa, *len);
}

/* The table named by four letters, among those that the root table lists. */
static const struct table *find(const char *signature, size_t least, size_t *len)
{
    const struct rsdp *root = look(boot_rsdp(), sizeof(*root));
    if (root == NULL || memcmp(root->signature, "RSD PTR ", sizeof(root->signature)) != 0) {
        return NULL;
    }
    bool wide = root->revision >= XSDT_REVISION && root->xsdt_pa != 0;
    size_t width = wide ? sizeof(uint64_t) : sizeof(uint32_t);
    size_t list_len;
    const struct table *list =
        look_table(wide ? root->xsdt_pa : root->rsdt_pa, sizeof(*list), &list_len);
    for (size_t at = sizeof(*list); list != NULL && at + width <= list_len; at += width) {
        uint64_t pa = 0;
        memcpy(&pa, (const char *)list + at, width);
        const struct table *t = look(pa, sizeof(*t));
        if (t != NULL && memcmp(t->signature, signature, sizeof(t->signature)) == 0) {
            return look_table(pa, least, len);
        }
    }
    return NULL;
}

int acpi_mcfg(struct pa *out)
{
    size_t len;
    const struct mcfg *m = (const void *)find("MCFG", sizeof(*m), &len);
    size_t n = m != NULL ? (len - sizeof(*m)) / sizeof(m->space[0]) : 0;
    for (size_t i = 0; i < n; i++) {
        if (m->space[i].segment == 0 && m->space[i].first_bus == 0) {
            *out = (struct pa){m->space[i].pa};
            return 0;
        }
    }
    return -ENOENT;
}
