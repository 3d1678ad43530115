# SPDX-License-Identifier: MIT
# How the objects come about. The library OS is linked first, flattened, and embedded by the
# monitor.

$(B)/libos/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(LIBOS_CFLAGS) -MMD -MP -c $< -o $@

$(B)/libos/%.S.o: %.S
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(LIBOS_CFLAGS) -MMD -MP -c $< -o $@

$(B)/monitor/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(MONITOR_CFLAGS) -MMD -MP -c $< -o $@

$(B)/monitor/%.S.o: %.S
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(MONITOR_CFLAGS) -MMD -MP -c $< -o $@

$(B)/host/%.c.o: %.c
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(B)/elfin: $(TOOL_OBJ)
	$(SAY)
	$(Q)gcc -o $@ $^ $(TOOL_LIBS)

# The library OS: linked at 0, flattened to a binary image.
$(B)/libos.elf: $(LIBOS_OBJ) $(EXTRA_LIBOS_OBJ) platform/libos.ld
	$(SAY)
	$(Q)gcc -nostdlib -static-pie -Wl,-T,platform/libos.ld \
	    -Wl,--gc-sections,--no-dynamic-linker,-z,noexecstack \
	    -Wl,-z,nodynamic-undefined-weak,--build-id=none,--no-warn-rwx-segments \
	    -o $@ $(filter %.o,$^)

$(B)/libos.bin: $(B)/libos.elf
	$(Q)objcopy -O binary -j .text -j .rodata -j .rela.dyn -j .relro -j .data $< $@

# Where the image's parts end, for the monitor's page tables.
$(B)/libos.defs: $(B)/libos.elf
	$(Q)nm $< | awk '/ image_text_end$$/ {print "-DLIBOS_TEXT_END=0x" $$1} \
	    / image_rodata_end$$/ {print "-DLIBOS_RODATA_END=0x" $$1} \
	    / image_data_end$$/ {print "-DLIBOS_DATA_END=0x" $$1} \
	    / image_bss_end$$/ {print "-DLIBOS_BSS_END=0x" $$1}' >$@

$(B)/monitor/boot.o: platform/monitor/boot.S $(B)/libos.bin $(B)/libos.defs
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(MONITOR_CFLAGS) -MMD -MP $$(cat $(B)/libos.defs) \
	    -DLIBOS_BIN='"$(B)/libos.bin"' -c $< -o $@

$(B)/elfin-kernel: $(B)/monitor/boot.o $(MONITOR_OBJ) platform/monitor/monitor.ld
	$(SAY)
	$(Q)ld -n -static -z noexecstack -z max-page-size=4096 --build-id=none --no-warn-rwx-segments \
	    -T platform/monitor/monitor.ld -o $@ $(filter %.o,$^)
