# SPDX-License-Identifier: MIT
# What a person asks for.

.PHONY: all run test stress check bench clean help

# A program of this machine, a database file, a VM: the whole thing in one command.
run: all
	$(Q)tools/demo

# All cases, or some: make test T="apps/jq guest/file"
test: all
	$(Q)test/run $(T)

# Half an hour under each accelerator, or: make stress T="60 kvm"
stress: all
	$(Q)test/stress/run $(T)

check: $(ZYDIS_READY)
	$(Q)KERNEL_FLAGS='$(LIBOS_CFLAGS) $(ZYDIS_FLAGS) $(LWIP_FLAGS)' \
	    HOST_FLAGS='$(HOST_CFLAGS)' tools/check

bench: all
	$(Q)bench/run $(BENCH)

clean:
	$(Q)rm -rf $(B)

help:
	@echo 'make            build/elfin, the command, and build/elfin-kernel, what it boots'
	@echo 'make run        see it work: redis-server of this machine in a VM'
	@echo 'make test       every test; T="guest/file apps/jq" chooses'
	@echo 'make stress     everything at once, 30 minutes under each accelerator; T="60 kvm" for less'
	@echo 'make check      read the sources: layers, sizes, format, clang, clang-tidy'
	@echo 'make bench      measure, against this machine and against a Linux guest'
	@echo 'make clean      remove build/'
	@echo 'V=1 shows whole commands. Missing Debian packages are installed first.'
