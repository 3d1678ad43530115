# SPDX-License-Identifier: MIT
# Elfin: `make run` shows it working, `make test` proves it, `make bench` measures it, `make check`
# reads the sources. Each installs what it needs first (tools/setup).

B := build
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# `make V=1` prints whole commands.
Q := $(if $(V),,@)
SAY = @$(if $(V),:,echo "  $(patsubst $(B)/%,%,$@)")

# What the wanted targets need from Debian is installed first; nothing is missing: 10 ms.
NEEDED := build $(filter run test check bench,$(MAKECMDGOALS))
ifneq ($(filter-out clean help,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell tools/setup $(NEEDED) >&2; echo $$?),0)
$(error the machine lacks what is needed)
endif
endif

WARN := -Wall -Wextra -Wshadow -Wcast-qual -Wmissing-prototypes -Werror
UAPI := -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu
FREESTANDING := -std=gnu11 -ffreestanding -nostdinc \
    -isystem $(shell gcc -print-file-name=include) $(UAPI) -I. -fno-strict-aliasing -fno-common \
    -fcf-protection=none -fno-asynchronous-unwind-tables \
    -mno-red-zone -mgeneral-regs-only -fvisibility=hidden -ffunction-sections -fdata-sections -g
LIBOS_CFLAGS := $(FREESTANDING) $(WARN) -O2 -fPIE -fno-jump-tables -fno-omit-frame-pointer \
    -fstack-protector-strong -mstack-protector-guard=tls -mstack-protector-guard-reg=gs \
    -mstack-protector-guard-offset=160
MONITOR_CFLAGS := $(FREESTANDING) $(WARN) -O2 -fPIE -fno-jump-tables -fno-stack-protector \
    -fno-tree-vectorize
HOST_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARN) -I.

LIBOS_DIRS := kernel kernel/base platform platform/virtio syscall loader fs fs/ext4 net
LIBOS_SRC := $(wildcard $(addsuffix /*.c,$(LIBOS_DIRS)) $(addsuffix /*.S,$(LIBOS_DIRS)))
LIBOS_OBJ := $(patsubst %,$(B)/libos/%.o,$(LIBOS_SRC))
MONITOR_SRC := $(filter-out %/boot.S,$(wildcard platform/monitor/*.c platform/monitor/*.S))
MONITOR_OBJ := $(patsubst %,$(B)/monitor/%.o,$(MONITOR_SRC))
TOOL_SRC := $(wildcard tools/elfin/*.c)
TOOL_OBJ := $(patsubst %,$(B)/host/%.o,$(TOOL_SRC))

all: $(B)/elfin $(B)/elfin-kernel

-include tools/zydis.mk tools/lwip.mk loader/vdso.mk tools/elfin/build.mk
EXTRA_LIBOS_OBJ := $(ZYDIS_LIBOS_OBJ) $(LWIP_LIBOS_OBJ)
include tools/build.mk
include tools/targets.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)
