# SPDX-License-Identifier: MIT
# Zydis, the instruction decoder of loader/insn.c: Debian's source, pinned, built here twice: for
# the library OS and, with the sanitizers of the unit tests, for the host. Only the decoder, in its
# minimal form (lengths and encodings, no operands): 140 KiB instead of 220. Zycore gives headers
# only.

ZYDIS_DIR := $(B)/source
ZYDIS_TAR := zydis_4.0.0.orig.tar.gz
ZYDIS_SUM := e990107f80c62afc1deb51de230023a1098db801b8ea6bf483e296d45459e234
ZYCORE_DEB := libzycore-dev_1.4.1-1_amd64.deb
ZYCORE_SUM := 20daa9552e632c9a08443690c6933c34f2f63a8d2eb60125688823a20f7322c3

ZYDIS_FLAGS := -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE \
    -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT -DZYDIS_DISABLE_KNC \
    -isystem $(ZYDIS_DIR)/zydis/include -isystem $(ZYDIS_DIR)/zycore/usr/include
ZYDIS_UNITS := Decoder DecoderData SharedData
ZYDIS_LIBOS_OBJ := $(patsubst %,$(B)/libos/zydis/%.o,$(ZYDIS_UNITS))
ZYDIS_HOST_OBJ := $(patsubst %,$(B)/host/zydis/%.o,$(ZYDIS_UNITS))
ZYDIS_READY := $(ZYDIS_DIR)/zydis/.ready

$(ZYDIS_DIR)/$(ZYDIS_TAR): tools/fetch-source
	$(SAY)
	$(Q)tools/fetch-source zydis 4.0.0-1 $(ZYDIS_TAR) $(ZYDIS_SUM) $(@D)
	@touch $@

$(ZYDIS_DIR)/$(ZYCORE_DEB): tools/fetch-source
	$(SAY)
	$(Q)tools/fetch-source libzycore-dev 1.4.1-1 $(ZYCORE_DEB) $(ZYCORE_SUM) $(@D)
	@touch $@

$(ZYDIS_READY): $(ZYDIS_DIR)/$(ZYDIS_TAR) $(ZYDIS_DIR)/$(ZYCORE_DEB)
	$(Q)rm -rf $(ZYDIS_DIR)/zydis $(ZYDIS_DIR)/zycore
	$(Q)mkdir -p $(ZYDIS_DIR)/zydis
	$(Q)tar -xzf $(ZYDIS_DIR)/$(ZYDIS_TAR) -C $(ZYDIS_DIR)/zydis --strip-components=1
	$(Q)dpkg-deb -x $(ZYDIS_DIR)/$(ZYCORE_DEB) $(ZYDIS_DIR)/zycore
	$(Q)touch $@

# The library OS's flags without its warnings. Of the C library only memset and memcpy are used,
# whose headers are there; the decoder clears 700 bytes an instruction: inline, else that is half
# its time.
$(ZYDIS_LIBOS_OBJ): $(B)/libos/zydis/%.o: $(ZYDIS_READY)
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc $(filter-out $(WARN),$(LIBOS_CFLAGS)) $(ZYDIS_FLAGS) -fbuiltin \
	    -mmemset-strategy=unrolled_loop:1024:noalign,libcall:-1:noalign \
	    -I$(ZYDIS_DIR)/zydis/src -DNDEBUG \
	    -c $(ZYDIS_DIR)/zydis/src/$*.c -o $@

$(ZYDIS_HOST_OBJ): $(B)/host/zydis/%.o: $(ZYDIS_READY)
	@mkdir -p $(@D)
	$(SAY)
	$(Q)gcc -std=gnu11 -O2 -g $(ZYDIS_FLAGS) -I$(ZYDIS_DIR)/zydis/src -DNDEBUG \
	    -c $(ZYDIS_DIR)/zydis/src/$*.c -o $@

$(B)/libos/loader/insn.c.o: LIBOS_CFLAGS += $(ZYDIS_FLAGS)
$(B)/libos/loader/insn.c.o: $(ZYDIS_READY)
