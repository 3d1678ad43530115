/* SPDX-License-Identifier: MIT */
/* The device reads and skips by commands in memory, whose address is written to a port; the write
 * returns when the command is done. Numbers are big-endian.
 * Source: QEMU, docs/specs/fw_cfg. */
#include "platform/fwcfg.h"

#include <asm/errno.h>
#include <linux/qemu_fw_cfg.h>

#include "platform/moncall.h"
#include "platform/pages.h"

#define PORT_DMA_HIGH 0x514 /* bits 32 to 63 of an address; reads as half of the signature */
#define PORT_DMA_LOW 0x518

static struct page *page; /* [I] for the command and numbers */

static volatile struct fw_cfg_dma_access *command(void)
{
    return pages_va(page);
}

/* One command about len bytes, at to when they are read. */
static int run(uint32_t control, struct pa to, uint32_t len)
{
    volatile struct fw_cfg_dma_access *c = command();
    c->length = __builtin_bswap32(len);
    c->address = __builtin_bswap64(to.v);
    c->control = __builtin_bswap32(control);
    long err =
        moncall(MON_PORT, PORT_DMA_LOW, PORT_OUT32, __builtin_bswap32((uint32_t)pages_pa(page).v));
    return err == 0 && c->control == 0 ? 0 : -EIO;
}

static uint32_t select(unsigned item)
{
    return (uint32_t)item << 16 | FW_CFG_DMA_CTL_SELECT;
}

static bool is_there(void)
{
    uint32_t signature = FW_CFG_DMA_SIGNATURE >> 32;
    return (uint32_t)moncall(MON_PORT, PORT_DMA_HIGH, PORT_IN32, 0) == __builtin_bswap32(signature);
}

int fwcfg_init(void)
{
    page = pages_alloc(0, PAGES_ZERO);
    return page != NULL ? 0 : -ENOMEM;
}

bool fwcfg_has_initrd(size_t len)
{
    if (pages_pa(page).v > UINT32_MAX || !is_there()) {
        return false;
    }
    volatile uint32_t *size = (volatile uint32_t *)(volatile void *)(command() + 1);
    struct pa at = {pages_pa(page).v + sizeof(*command())};
    int err = run(select(FW_CFG_INITRD_SIZE) | FW_CFG_DMA_CTL_READ, at, sizeof(*size));
    return err == 0 && *size == len; /* little-endian, unlike the rest */
}

int fwcfg_read_initrd(uint64_t offset, struct pa to, size_t len)
{
    int err = offset > UINT32_MAX || to.v + len > UINT32_MAX
                  ? -EIO
                  : run(select(FW_CFG_INITRD_DATA) | FW_CFG_DMA_CTL_SKIP, to, (uint32_t)offset);
    return err != 0 ? err : run(FW_CFG_DMA_CTL_READ, to, (uint32_t)len);
}
