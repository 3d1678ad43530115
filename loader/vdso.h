/* SPDX-License-Identifier: MIT */
/* The vDSO of the program: its image, its page of time data. */
#ifndef LOADER_VDSO_H
#define LOADER_VDSO_H

#include "kernel/base/base.h"
#include "loader/vdso/data.h"
#include "platform/clock.h"

/* vdso_map: map a private copy of the image and its data page at random places into the program.
 * *ehdr = address of the image for AT_SYSINFO_EHDR, or 0 when the clock's scale cannot be expressed
 * in vdso_data (the program then makes real calls). Once. Returns 0 or -ENOMEM.
 * Context: may block. */
MUST_CHECK int vdso_map(uint64_t *ehdr);

/* vdso_update: the clock was set or scaled anew: publish platform/clock.h's values to the program.
 * Harmless before vdso_map. Context: any. */
void vdso_update(void);

/* vdso_convert: scale in the form of vdso_data, seq untouched. Pure. Returns 0, or -ERANGE when
 * mult does not fit. */
MUST_CHECK int vdso_convert(const struct clock_scale *scale, struct vdso_data *out);

#endif
