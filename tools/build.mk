# SPDX-License-Identifier: MIT
# How the objects come about. The library OS is linked first, flattened, and embedded by the monitor.

$(B)/libos/%.c.o: %.c
	@mkdir -p $(@D)
	gcc $(LIBOS_CFLAGS) -MMD -MP -c $< -o $@

$(B)/libos/%.S.o: %.S
	@mkdir -p $(@D)
	gcc $(LIBOS_CFLAGS) -MMD -MP -c $< -o $@

$(B)/monitor/%.c.o: %.c
	@mkdir -p $(@D)
	gcc $(MONITOR_CFLAGS) -MMD -MP -c $< -o $@

$(B)/monitor/%.S.o: %.S
	@mkdir -p $(@D)
	gcc $(MONITOR_CFLAGS) -MMD -MP -c $< -o $@

$(B)/host/%.c.o: %.c
	@mkdir -p $(@D)
	gcc $(HOST_CFLAGS) -MMD -MP -c $< -o $@

$(B)/elfin: $(TOOL_OBJ)
	gcc -o $@ $^ $(TOOL_LIBS)
