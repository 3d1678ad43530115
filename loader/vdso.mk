# SPDX-License-Identifier: MIT
# The vDSO: an ELF shared object of its own that loader/vdso_image.S embeds.

VDSO_CFLAGS := -std=gnu11 -ffreestanding -nostdinc -isystem $(shell gcc -print-file-name=include) \
    $(UAPI) -I. -O2 -fPIC -mgeneral-regs-only -fno-stack-protector -fno-common \
    -fcf-protection=none -fno-jump-tables -fasynchronous-unwind-tables -fomit-frame-pointer \
    $(WARN) -Wno-missing-prototypes
VDSO_LDFLAGS := -shared -nostdlib -Wl,-T,loader/vdso/vdso.lds -Wl,-soname,linux-vdso.so.1 \
    -Wl,--hash-style=both -Wl,--eh-frame-hdr -Wl,--build-id=sha1 -Wl,-Bsymbolic -Wl,-z,noexecstack \
    -Wl,-z,max-page-size=4096 -Wl,-z,text -Wl,-s

$(B)/vdso.o: loader/vdso/vdso.c
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(VDSO_CFLAGS) -MMD -MP -c $< -o $@

$(B)/vdso.so: $(B)/vdso.o loader/vdso/vdso.lds
	$(Q)gcc $(VDSO_LDFLAGS) $< -o $@

$(B)/libos/loader/vdso_image.S.o: $(B)/vdso.so
