# SPDX-License-Identifier: MIT
# lwIP, the TCP/IP of net/: Debian's source, pinned, built into the library OS as it is. The port is
# net/lwip/.

LWIP_DIR := $(B)/source
LWIP_TAR := lwip_2.1.3+dfsg1.orig.tar.xz
LWIP_SUM := 0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24
LWIP_READY := $(LWIP_DIR)/lwip/.ready

LWIP_FLAGS := -isystem $(LWIP_DIR)/lwip/src/include -Inet/lwip
LWIP_UNITS := def inet_chksum init ip mem memp netif pbuf raw stats tcp tcp_in tcp_out udp \
    $(addprefix ipv4/,dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
    $(addprefix ipv6/,ethip6 icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6)
LWIP_LIBOS_OBJ := $(patsubst %,$(B)/libos/lwip/%.o,$(LWIP_UNITS)) $(B)/libos/lwip/ethernet.o
LWIP_PORT := $(wildcard net/lwip/*.h net/lwip/*/*.h)
NET_OBJ := $(patsubst %,$(B)/libos/%.o,$(wildcard net/*.c))

$(LWIP_DIR)/$(LWIP_TAR): tools/fetch-source
	$(SAY)
	$(Q)tools/fetch-source lwip 2.1.3+dfsg1-2 $(LWIP_TAR) $(LWIP_SUM) $(@D)
	@touch $@

$(LWIP_READY): $(LWIP_DIR)/$(LWIP_TAR)
	$(Q)rm -rf $(LWIP_DIR)/lwip
	$(Q)mkdir -p $(LWIP_DIR)/lwip
	$(Q)tar -xJf $(LWIP_DIR)/$(LWIP_TAR) -C $(LWIP_DIR)/lwip --strip-components=1
	$(Q)touch $@

# The library OS's flags without its warnings.
LWIP_COMPILE = gcc $(filter-out $(WARN),$(LIBOS_CFLAGS)) $(LWIP_FLAGS) -MMD -MP

$(B)/libos/lwip/ethernet.o: $(LWIP_READY) $(LWIP_PORT)
	@mkdir -p $(@D)
	$(SAY)
	$(Q)$(LWIP_COMPILE) -c $(LWIP_DIR)/lwip/src/netif/ethernet.c -o $@

$(B)/libos/lwip/%.o: $(LWIP_READY) $(LWIP_PORT)
	@mkdir -p $(@D)
	$(SAY)
	$(Q)$(LWIP_COMPILE) -c $(LWIP_DIR)/lwip/src/core/$*.c -o $@

$(NET_OBJ): LIBOS_CFLAGS += $(LWIP_FLAGS)
$(NET_OBJ): $(LWIP_READY)
