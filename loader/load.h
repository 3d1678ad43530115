/* SPDX-License-Identifier: MIT */
/* From a boot configuration to a program that is ready to run. */
#ifndef LOADER_LOAD_H
#define LOADER_LOAD_H

#include "kernel/base/base.h"
#include "loader/config.h"
#include "platform/cpu.h"

/* loader_run: change to c->cwd, map c->exec, its interpreter and the vDSO, build the stack, and set
 * out to the program's first registers. Fills the program's part of struct process (exe, cmdline,
 * environ, auxv, start_ns); ids and limits are those of process_configure.
 * Returns 0; else the exit status (125, 126, 127) after one line "cannot run PROGRAM: reason".
 * Context: may block; mmap, vfs, console are up. Once. */
MUST_CHECK int loader_run(const struct config *c, struct frame *out);

#endif
